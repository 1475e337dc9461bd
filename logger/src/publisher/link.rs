//! The connection to whichever daemon answers.
//!
//! The addresses are tried in order, one after the other; when all have failed there is a wait
//! (`backoff`), then the first is tried again. While another than the first is in use, the first is
//! tried every 30 s, and taken when it answers: then the old connection is given nothing more,
//! emptied and closed. Every connection has a private name of its own.
//!
//! The link says what happened ([`Event`]) and decides nothing about messages.

use std::future::{Future, pending};
use std::hash::{BuildHasher, RandomState};
use std::path::Path;
use std::pin::Pin;
use std::time::Duration;

use bytes::Bytes;
use spread::address::Addresses;
use spread::client::{
    self, ConnectError, ConnectOptions, Outgoing, SendError, Session, SessionError,
};
use spread::stream::Instance;
use spread::{Delivery, Name, Service};
use tokio::time::{Instant, sleep_until, timeout};

use super::backoff::Backoff;

/// What happened on the link.
pub(super) enum Event {
    /// A connection is up, after none or another one.
    Connected,
    /// Every address has been tried and failed, the last for this reason.
    Unreachable(ConnectError),
    /// The connection is gone.
    Lost(LostError),
    /// The daemon has sent something.
    Delivered(Delivery),
    /// Everything offered is written.
    Written,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(super) enum LostError {
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error("it has taken nothing for {} s", STALL_TIMEOUT.as_secs())]
    Stalled,
}

/// At most one connection, and the way to the next.
pub(super) struct Link {
    dialler: Dialler,
    backoff: Backoff,
    state: State,
    /// Frames of connections that are gone, not yet told by `take_written`.
    written: u64,
    /// The connection that the first daemon's has replaced.
    closing: Option<Closing>,
}

impl Link {
    pub(super) fn new(addresses: Addresses, socket_dir: &Path) -> Self {
        let mut dialler = Dialler {
            addresses,
            options: ConnectOptions {
                membership: false,
                timeout: CONNECT_TIMEOUT,
                queue_bytes_max: QUEUE_BYTES_MAX,
                socket_dir: socket_dir.to_owned(),
                ..ConnectOptions::default()
            },
            instance: Instance::from_random(random().to_ne_bytes()),
            connection: 0,
        };
        let first = dialler.dial(0);
        Self {
            dialler,
            backoff: Backoff::default(),
            state: State::Connecting(first),
            written: 0,
            closing: None,
        }
    }

    /// Waits for the next event. Cancel-safe: what is under way is kept in the link.
    pub(super) async fn event(&mut self) -> Event {
        loop {
            let step = tokio::select! {
                () = finish(&mut self.closing) => continue,
                step = self.state.step() => step,
            };
            if let Some(event) = self.handle(step) {
                return event;
            }
        }
    }

    /// Whether there is a connection.
    pub(super) const fn is_up(&self) -> bool {
        matches!(&self.state, State::Up(_))
    }

    /// Whether there is a connection, and it takes a message now.
    pub(super) fn has_room(&self) -> bool {
        match &self.state {
            State::Up(up) => up.has_room(),
            State::Connecting(_) | State::Waiting(_) => false,
        }
    }

    /// The index of the address of the daemon it is connected to.
    pub(super) const fn connected_to(&self) -> Option<usize> {
        match &self.state {
            State::Up(up) => Some(up.index),
            State::Connecting(_) | State::Waiting(_) => None,
        }
    }

    /// Queues a message; `false` when there was no room for it.
    pub(super) fn offer(&mut self, service: Service, groups: &[Name], body: Bytes) -> bool {
        match &mut self.state {
            State::Up(up) => up.has_room() && up.send(service, groups, body).is_ok(),
            State::Connecting(_) | State::Waiting(_) => false,
        }
    }

    /// Queues an empty message to this connection's own private group, once: when it comes back
    /// the daemon has taken everything before it.
    pub(super) fn ask_for_echo(&mut self, service: Service) {
        if let State::Up(up) = &mut self.state
            && up.echo == Echo::NotAsked
        {
            let own = Name::from(up.session.sender.private_group());
            if up.send(service, &[own], Bytes::new()).is_ok() {
                up.echo = Echo::Asked;
            }
        }
    }

    /// Whether `delivery` is the echo asked for on this connection.
    pub(super) fn is_echo(&self, delivery: &Delivery) -> bool {
        let (State::Up(up), Delivery::Message(message)) = (&self.state, delivery) else {
            return false;
        };
        up.echo == Echo::Asked && message.sender == up.session.sender.private_group().into()
    }

    /// Frames that sockets have wholly taken since the last call.
    pub(super) fn take_written(&mut self) -> u64 {
        if let State::Up(up) = &mut self.state {
            self.written += up.newly_written();
        }
        std::mem::take(&mut self.written)
    }

    /// Ends the connection in good order: says so to the daemon, half-closes, and reads what is
    /// still coming, because unread input would reset the connection and lose what was written.
    pub(super) async fn close(self) {
        if let State::Up(up) = self.state {
            close(up.session).await;
        }
        if let Some(closing) = self.closing {
            closing.await;
        }
    }

    fn handle(&mut self, step: Step) -> Option<Event> {
        match step {
            Step::Waited => self.state = State::Connecting(self.dialler.dial(0)),
            Step::Dialled(index, Ok(session)) => {
                self.state = State::Up(Up::new(index, session));
                return Some(Event::Connected);
            }
            Step::Dialled(index, Err(error)) => return self.try_next(index, error),
            Step::Ended(error) => {
                self.end_connection();
                return Some(Event::Lost(error));
            }
            Step::Delivered(delivery) => return Some(Event::Delivered(delivery)),
            Step::Written => return Some(Event::Written),
            Step::FirstDue => {
                if let State::Up(up) = &mut self.state {
                    up.first = First::Dialling(self.dialler.dial(0));
                }
            }
            Step::FirstAnswered(session) => {
                if let State::Up(up) = &mut self.state {
                    up.first = First::Answered(session);
                }
            }
            Step::FirstRefused => {
                if let State::Up(up) = &mut self.state {
                    up.first = First::later();
                }
            }
            Step::FirstReady(session) => {
                self.change_over(session);
                return Some(Event::Connected);
            }
        }
        None
    }

    fn try_next(&mut self, failed: usize, error: ConnectError) -> Option<Event> {
        let next = failed + 1;
        if next < self.dialler.addresses.iter().count() {
            self.state = State::Connecting(self.dialler.dial(next));
            return None;
        }
        self.wait();
        Some(Event::Unreachable(error))
    }

    fn wait(&mut self) {
        let wait = self.backoff.failed(random());
        self.state = State::Waiting(Instant::now() + wait);
    }

    fn end_connection(&mut self) {
        self.written = self.take_written();
        if let State::Up(up) = &self.state
            && up.since.elapsed() >= SETTLED
        {
            self.backoff.succeeded();
        }
        // A wait comes first here too: a daemon that takes connections only to end them would
        // otherwise be asked again and again without a pause.
        self.wait();
    }

    fn change_over(&mut self, session: Session) {
        self.written = self.take_written();
        let new = State::Up(Up::new(0, session));
        if let State::Up(up) = std::mem::replace(&mut self.state, new) {
            self.closing = Some(Box::pin(close(up.session)));
        }
    }
}

/// Opens connections, each under the instance's next private name.
struct Dialler {
    addresses: Addresses,
    options: ConnectOptions,
    instance: Instance,
    connection: u8,
}

impl Dialler {
    fn dial(&mut self, index: usize) -> Attempt {
        let mut options = self.options.clone();
        options.name = Some(self.instance.private_name(self.connection));
        self.connection = self.connection.wrapping_add(1);
        let address = self.addresses.iter().nth(index).cloned();
        let connecting = async move {
            match address {
                Some(address) => client::connect(&address, &options).await,
                // The caller counts them.
                None => pending().await,
            }
        };
        Attempt {
            index,
            connecting: Box::pin(connecting),
        }
    }
}

/// A connection being opened.
struct Attempt {
    index: usize,
    connecting: Pin<Box<dyn Future<Output = Result<Session, ConnectError>> + Send>>,
}

enum State {
    Waiting(Instant),
    Connecting(Attempt),
    Up(Box<Up>),
}

impl State {
    async fn step(&mut self) -> Step {
        match self {
            Self::Waiting(until) => {
                sleep_until(*until).await;
                Step::Waited
            }
            Self::Connecting(attempt) => {
                Step::Dialled(attempt.index, attempt.connecting.as_mut().await)
            }
            Self::Up(up) => up.step().await,
        }
    }
}

/// What one part of the link has come to.
enum Step {
    Waited,
    Dialled(usize, Result<Session, ConnectError>),
    Ended(LostError),
    Delivered(Delivery),
    Written,
    FirstDue,
    FirstAnswered(Session),
    FirstRefused,
    FirstReady(Session),
}

/// A connection that is up.
struct Up {
    index: usize,
    session: Session,
    first: First,
    echo: Echo,
    since: Instant,
    /// Frames told by `newly_written`.
    told: u64,
    /// Frames written when last looked at, and when that was another number or nothing waited.
    written: u64,
    progress: Instant,
}

impl Up {
    fn new(index: usize, session: Session) -> Box<Self> {
        let now = Instant::now();
        Box::new(Self {
            index,
            session,
            first: if index == 0 {
                First::IsThis
            } else {
                First::later()
            },
            echo: Echo::NotAsked,
            since: now,
            told: 0,
            written: 0,
            progress: now,
        })
    }

    async fn step(&mut self) -> Step {
        let waiting = self.session.sender.queued_bytes() > 0;
        if !waiting && let Some(session) = self.first.take_answered() {
            return Step::FirstReady(session);
        }
        let written = self.session.sender.frames_written();
        if !waiting || written != self.written {
            self.written = written;
            self.progress = Instant::now();
        }
        tokio::select! {
            delivery = self.session.receiver.recv() => match delivery {
                Ok(delivery) => Step::Delivered(delivery),
                Err(error) => Step::Ended(error.into()),
            },
            flushed = self.session.sender.flush(), if waiting => match flushed {
                Ok(()) => Step::Written,
                Err(error) => Step::Ended(error.into()),
            },
            () = sleep_until(self.progress + STALL_TIMEOUT), if waiting => {
                Step::Ended(LostError::Stalled)
            }
            step = self.first.step() => step,
        }
    }

    fn has_room(&self) -> bool {
        // One that is to be replaced is emptied first.
        let replaced = matches!(self.first, First::Answered(_));
        !replaced && self.session.sender.queued_bytes() < WINDOW
    }

    fn send(&mut self, service: Service, groups: &[Name], body: Bytes) -> Result<(), SendError> {
        self.session.sender.multicast(&Outgoing {
            service,
            self_discard: false,
            groups,
            mess_type: 0,
            body,
        })
    }

    fn newly_written(&mut self) -> u64 {
        let written = self.session.sender.frames_written();
        let told = std::mem::replace(&mut self.told, written);
        written - told
    }
}

/// The echo of the last message of a connection.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Echo {
    NotAsked,
    Asked,
}

/// The way back to the first address, beside a connection to another.
enum First {
    IsThis,
    Later(Instant),
    Dialling(Attempt),
    Answered(Session),
}

impl First {
    fn later() -> Self {
        Self::Later(Instant::now() + RETURN_AFTER)
    }

    async fn step(&mut self) -> Step {
        match self {
            Self::Later(when) => {
                sleep_until(*when).await;
                Step::FirstDue
            }
            Self::Dialling(attempt) => match attempt.connecting.as_mut().await {
                Ok(session) => Step::FirstAnswered(session),
                Err(_) => Step::FirstRefused,
            },
            Self::IsThis | Self::Answered(_) => pending().await,
        }
    }

    fn take_answered(&mut self) -> Option<Session> {
        match std::mem::replace(self, Self::IsThis) {
            Self::Answered(session) => Some(session),
            other => {
                *self = other;
                None
            }
        }
    }
}

type Closing = Pin<Box<dyn Future<Output = ()> + Send>>;

async fn close(session: Session) {
    let (sender, mut receiver) = (session.sender, session.receiver);
    let end = async {
        if sender.disconnect().await.is_ok() {
            while receiver.recv().await.is_ok() {}
        }
    };
    // Whatever is not over by then is left to the kernel.
    drop(timeout(CLOSE_TIMEOUT, end).await);
}

async fn finish(closing: &mut Option<Closing>) {
    match closing {
        Some(future) => future.await,
        None => pending().await,
    }
    *closing = None;
}

/// 64 bits of the system's random source, which seeds every `RandomState`.
fn random() -> u64 {
    RandomState::new().hash_one(0)
}

/// 256 KiB: eight full messages are enough to keep a daemon's socket busy, and whatever is in the
/// queue when the connection ends is sent again.
const WINDOW: usize = 256 * 1024;

/// Room for the largest frame on top of the window.
const QUEUE_BYTES_MAX: usize = WINDOW + 128 * 1024;

/// 5 s: an address that does not answer must not hold up the next for long.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// 30 s: a daemon stops reading while its own queue is full, but never for so long.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// 30 s: one more connection attempt in so long costs nothing.
const RETURN_AFTER: Duration = Duration::from_secs(30);

/// 10 s: a connection that lasted so long was a good one.
const SETTLED: Duration = Duration::from_secs(10);

/// 1 s: for the daemon to read to the end of what was written and close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
