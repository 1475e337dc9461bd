//! The session of one Spread block: it connects, joins, reads, and comes back when it is lost.
//!
//! It always reads. A daemon throws out a reader that lets 1,000 messages wait, so nothing here
//! waits for a file: what is read goes into a bounded queue, and what does not fit is asked for
//! again, or counted as lost if its sender does not number it. It tells publishers what is safe
//! and what is missing, as the intake says.
//!
//! How far the daemon is, it learns from an echo: an empty message to its own private group, which
//! comes back when all that it asked for before has happened, and behind everything that was
//! delivered before. A daemon that is open and dead echoes nothing, and the next one is tried.

use std::error::Error;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use spread::client::{
    self, ConnectError, ConnectOptions, Outgoing, SendError, Session, SessionError,
};
use spread::stream::Notice;
use spread::{Address, Addresses, Delivery, Name, Service};
use spread_logger::diagnostics::Chain;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, interval, sleep, sleep_until, timeout};
use tracing::{debug, info, warn};

use crate::counters::SessionCounters;
use crate::intake::Intake;
use crate::pulse::{self, Pulse};
use crate::random::{Backoff, private_name};
use crate::writer::Settled;

/// How to stop, once that is known.
pub(crate) type Stop = watch::Receiver<Option<Stopping>>;

/// A wish to stop.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Stopping {
    /// When to have stopped.
    pub(crate) by: Instant,
    /// Whether another subscriber comes at once, which says to publishers what is to be said.
    pub(crate) is_handed_over: bool,
}

/// The session of one Spread block.
#[derive(Debug)]
pub(crate) struct Subscriber {
    /// Which daemons, and whether it has joined at one of them.
    pub(crate) counters: Arc<SessionCounters>,
    pub(crate) options: ConnectOptions,
    /// How many sessions have joined their groups, over all Spread blocks.
    pub(crate) joined: watch::Sender<usize>,
    pub(crate) first_try: FirstTry,
    /// How long a daemon may take to let a session into its groups.
    pub(crate) join_timeout: Duration,
    /// How often the first daemon is tried while another is in use.
    pub(crate) return_after: Duration,
    pub(crate) intake: Intake,
    /// What the writer has written, or could not.
    pub(crate) settled: mpsc::UnboundedReceiver<Vec<Settled>>,
    /// Whether publishers are told at the stop that it is for good.
    pub(crate) says_farewell: bool,
}

/// Why a session ended.
#[derive(Debug)]
enum End {
    /// It was asked to, and has read everything that was delivered before.
    Stopped,
    /// It was asked to, and the daemon did not answer in time.
    Late,
    /// The connection broke.
    Lost(SessionError),
    /// What we wanted to say does not fit into the connection's buffer.
    Unsaid(SendError),
    /// The daemon opened a session, and then did not let it into its groups.
    Silent,
    /// The daemon has not echoed for a while, though the connection is open.
    Dead,
    /// It was not the first one, and that answers again; everything delivered before is read.
    FirstIsBack,
}

impl Subscriber {
    /// Runs until `stop`, over any number of sessions.
    pub(crate) async fn run(mut self, stop: Stop) {
        self.receive(stop).await;
        self.intake.hurry();
    }

    async fn receive(&mut self, mut stop: Stop) {
        let mut backoff = Backoff::new();
        let mut outage = Outage::default();
        let mut first = 0;
        loop {
            let connected = tokio::select! {
                connected = self.connect(first, &mut outage) => connected,
                _ = stopped(&mut stop) => return,
            };
            if connected.is_none() {
                self.first_try.is_over();
            }
            if let Some((index, address, session)) = connected {
                outage = Outage::default();
                first = 0;
                let end = self.session(index, session, &mut stop, &mut backoff).await;
                self.first_try.is_over();
                match end {
                    End::Stopped => return,
                    End::Late => {
                        warn!(
                            "no answer from the daemon at {address}: its last lines may be missing"
                        );
                        return;
                    }
                    End::Lost(error) => tell_lost(&address, &error),
                    End::Unsaid(error) => tell_lost(&address, &error),
                    End::FirstIsBack => {
                        info!("the first daemon answers again: going back to it");
                        continue;
                    }
                    End::Dead => {
                        warn!(
                            "the daemon at {address} has not answered for {} s: trying the next",
                            pulse::ECHO_TIMEOUT.as_secs()
                        );
                        first = (index + 1) % self.counters.addresses.iter().len();
                    }
                    End::Silent => {
                        warn!("the daemon at {address} takes sessions but does not answer");
                        // It would open one again.
                        first = (index + 1) % self.counters.addresses.iter().len();
                    }
                }
            }
            tokio::select! {
                () = sleep(backoff.next()) => {}
                _ = stopped(&mut stop) => return,
            }
        }
    }

    /// Tries each address once, in order from `first` on; says which has answered.
    async fn connect(
        &self,
        first: usize,
        outage: &mut Outage,
    ) -> Option<(usize, Address, Session)> {
        let mut last = None;
        let addresses = &self.counters.addresses;
        let all = addresses.iter().len();
        let in_order = addresses.iter().enumerate().cycle();
        for (index, address) in in_order.skip(first).take(all) {
            let mut options = self.options.clone();
            options.name = private_name().ok();
            match client::connect(address, &options).await {
                Ok(session) => return Some((index, address.clone(), session)),
                Err(error) => {
                    debug!(target: RECEIVE_ERRORS, "{address}: {}", Chain(&error));
                    last = Some(error);
                }
            }
        }
        if let Some(error) = last {
            outage.tell(addresses, &error);
        }
        None
    }

    /// Joins and reads until the session is lost or was stopped.
    async fn session(
        &mut self,
        index: usize,
        session: Session,
        stop: &mut Stop,
        backoff: &mut Backoff,
    ) -> End {
        let Session {
            mut sender,
            mut receiver,
            ..
        } = session;
        let own = Name::from(sender.private_group());
        if let Err(error) = self.join(&mut sender, own) {
            return End::Unsaid(error);
        }
        let (mut joined, mut stopping, mut is_leaving) = (None, None::<Stopping>, false);
        let mut join_by = Some(Instant::now() + self.join_timeout);
        let mut pulse = Pulse::new();
        let mut first_is_back = pin!(self.first_is_back(index));
        let mut second = interval(Duration::from_secs(1));
        let end = loop {
            self.say_what_is_due(&mut sender);
            let received = tokio::select! {
                received = receiver.recv() => received,
                Err(error) = sender.flush(), if sender.queued_bytes() > 0 => {
                    return End::Lost(error);
                }
                Some(settled) = self.settled.recv() => {
                    self.intake.settle(&settled);
                    continue;
                }
                () = until(self.intake.deadline()) => continue,
                now = second.tick() => {
                    self.intake.publish();
                    if pulse.is_dead(now) {
                        return End::Dead;
                    }
                    pulse.ask(now, || sender.multicast(&echo(&[own], ECHO_ALIVE)).is_ok());
                    continue;
                }
                asked = stopped(stop), if stopping.is_none() => {
                    stopping = Some(asked);
                    self.say_farewell(&mut sender, asked);
                    if let Err(error) = sender.multicast(&echo(&[own], ECHO_STOP)) {
                        return End::Unsaid(error);
                    }
                    continue;
                }
                () = &mut first_is_back, if !is_leaving => {
                    is_leaving = true;
                    if let Err(error) = sender.multicast(&echo(&[own], ECHO_LEAVE)) {
                        return End::Unsaid(error);
                    }
                    continue;
                }
                () = until(stopping.map(|stopping| stopping.by)) => return End::Late,
                () = until(join_by) => return End::Silent,
            };
            match received.and_then(|first| self.take_in(first, &mut receiver, own)) {
                Ok(None) => {}
                Ok(Some(ECHO_STOP)) => break End::Stopped,
                Ok(Some(ECHO_LEAVE)) => break End::FirstIsBack,
                Ok(Some(ECHO_ALIVE)) => pulse.answered(),
                Ok(Some(_)) => {
                    joined = Some(self.join_is_done(index, own));
                    join_by = None;
                    *backoff = Backoff::new();
                }
                Err(error) => return End::Lost(error),
            }
        };
        drop(joined);
        self.part(sender, stopping).await;
        end
    }

    /// Takes in what was read together, to an echo at most, whose type it returns: a round of the
    /// session's loop costs more than a message.
    fn take_in(
        &mut self,
        mut delivery: Delivery,
        receiver: &mut client::Receiver,
        own: Name,
    ) -> Result<Option<i16>, SessionError> {
        let echo = loop {
            let echo = self.intake.receive(delivery, own);
            if echo.is_some() {
                break Ok(echo);
            }
            match receiver.try_recv() {
                Ok(Some(next)) => delivery = next,
                Ok(None) => break Ok(None),
                Err(error) => break Err(error),
            }
        };
        self.intake.hand_on();
        echo
    }

    /// Ends a session of which everything is read.
    async fn part(&mut self, mut sender: client::Sender, stopping: Option<Stopping>) {
        // Who comes next has the ledger, and acknowledges what is in it.
        if !stopping.is_some_and(|stopping| stopping.is_handed_over) {
            self.acknowledge_the_last(&mut sender).await;
        }
        // A courtesy: a daemon that does not take it notices the end of the connection.
        let _ = timeout(DISCONNECT_TIMEOUT, sender.disconnect()).await;
    }

    /// Waits until the first daemon answers, while another is in use: publishers go back to it as
    /// well, and where the daemons do not know of each other, nothing comes from them else.
    fn first_is_back(&self, index: usize) -> impl Future<Output = ()> + use<> {
        let address = self.counters.addresses.iter().next().cloned();
        let (options, return_after) = (self.options.clone(), self.return_after);
        async move {
            let Some(address) = address.filter(|_| index > 0) else {
                return std::future::pending().await;
            };
            loop {
                sleep(return_after).await;
                let options = ConnectOptions {
                    name: private_name().ok(),
                    ..options.clone()
                };
                if client::connect(&address, &options).await.is_ok() {
                    return;
                }
            }
        }
    }

    /// Asks for all groups, and for an echo behind that.
    fn join(&self, sender: &mut client::Sender, own: Name) -> Result<(), SendError> {
        for group in self.intake.groups() {
            sender.join(group)?;
        }
        sender.multicast(&echo(&[own], ECHO_JOINED))
    }

    fn join_is_done(&mut self, index: usize, own: Name) -> Joined {
        let joined = Joined::new(&self.joined, &self.counters, index);
        self.first_try.is_over();
        if let Some(address) = self.counters.connected_to() {
            let groups = self.intake.router();
            info!("connected to {address} as {own}, joined {groups}");
        }
        joined
    }

    /// Tells publishers what is safe and what is missing.
    fn say_what_is_due(&mut self, sender: &mut client::Sender) {
        for group in self.intake.take_announced() {
            if let Err(error) = sender.join(group) {
                // It is joined with the others when there is another session.
                warn!(
                    "cannot join {group}, which was announced: {}",
                    Chain(&error)
                );
            }
        }
        while let Some((to, notice)) = self.intake.letter() {
            say(sender, to, &notice);
        }
    }

    /// Waits until what was received is written, for a moment, and tells the publishers: they may
    /// be stopped next, and would wait for that.
    async fn acknowledge_the_last(&mut self, sender: &mut client::Sender) {
        self.intake.hurry();
        while let Ok(Some(settled)) = timeout(SETTLE_TIMEOUT, self.settled.recv()).await {
            self.intake.settle(&settled);
        }
        for (to, notice) in self.intake.last_acks() {
            say(sender, to, &notice);
        }
    }

    /// Tells publishers that they need not keep anything for this host any more.
    fn say_farewell(&self, sender: &mut client::Sender, stopping: Stopping) {
        if self.says_farewell && !stopping.is_handed_over {
            for (to, notice) in self.intake.farewell() {
                say(sender, to, &notice);
            }
        }
    }
}

/// One that finds no room is not missed: acks and questions come again.
fn say(sender: &mut client::Sender, to: Name, notice: &Notice) {
    let letter = Outgoing {
        service: Service::Fifo,
        self_discard: false,
        groups: &[to],
        mess_type: 0,
        body: notice.write().into(),
    };
    if let Err(error) = sender.multicast(&letter) {
        debug!("not said to {to}: {error}");
    }
}

/// The time without a daemon, which is told of once.
#[derive(Debug, Default)]
struct Outage {
    is_told: bool,
}

impl Outage {
    fn tell(&mut self, addresses: &Addresses, error: &ConnectError) {
        if !self.is_told {
            self.is_told = true;
            // The cause alone: the address is named already.
            let cause = error.source().unwrap_or(error);
            warn!(
                "no Spread daemon at {addresses} yet ({}); trying again until there is one. \
                 One comes with: spreadlogd --hub {}",
                Chain(cause),
                addresses.port()
            );
        }
    }
}

fn tell_lost(address: &Address, error: &dyn Error) {
    warn!(
        "lost the Spread daemon at {address} ({}); numbered messages sent until we are back are \
         asked for then",
        Chain(error)
    );
}

/// Counts a subscriber once, when it has joined or has failed to.
#[derive(Debug)]
pub(crate) struct FirstTry(Option<watch::Sender<usize>>);

impl FirstTry {
    pub(crate) const fn new(tried: watch::Sender<usize>) -> Self {
        Self(Some(tried))
    }

    fn is_over(&mut self) {
        if let Some(tried) = self.0.take() {
            tried.send_modify(|count| *count += 1);
        }
    }
}

/// Counts a session among those that have joined, as long as it lives.
struct Joined {
    sessions: watch::Sender<usize>,
    counters: Arc<SessionCounters>,
}

impl Joined {
    fn new(sessions: &watch::Sender<usize>, counters: &Arc<SessionCounters>, index: usize) -> Self {
        counters.set_joined_at(Some(index));
        sessions.send_modify(|count| *count += 1);
        Self {
            sessions: sessions.clone(),
            counters: Arc::clone(counters),
        }
    }
}

impl Drop for Joined {
    fn drop(&mut self) {
        self.counters.set_joined_at(None);
        self.sessions.send_modify(|count| *count -= 1);
    }
}

/// An empty message to our own private group. AGREED: it comes in one order with all others, so
/// it cannot overtake a line that was delivered before.
fn echo(own: &[Name], mess_type: i16) -> Outgoing<'_> {
    Outgoing {
        service: Service::Agreed,
        self_discard: false,
        groups: own,
        mess_type,
        body: Bytes::new(),
    }
}

/// Waits until it is time to stop; how. A sender that is gone wants it now.
async fn stopped(stop: &mut Stop) -> Stopping {
    let stopping = stop.wait_for(Option::is_some).await;
    stopping
        .map_or(None, |stopping| *stopping)
        .unwrap_or_else(|| Stopping {
            by: Instant::now(),
            is_handed_over: false,
        })
}

/// Waits until the deadline, for ever where there is none.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// 30 s: a daemon that is finding its peers answers when it has, within some ten seconds.
pub(crate) const JOIN_TIMEOUT: Duration = Duration::from_secs(30);

/// 100 ms: five times as long as lines wait for company on their way into a file.
const SETTLE_TIMEOUT: Duration = Duration::from_millis(100);

/// The echo that comes back when the groups are joined.
const ECHO_JOINED: i16 = 1;

/// 30 s, as publishers do: one more connection attempt in so long costs nothing.
pub(crate) const RETURN_AFTER: Duration = Duration::from_secs(30);

/// The echo behind the last message we read before going back to the first daemon.
const ECHO_LEAVE: i16 = 4;

/// The echo that shows that the daemon is there.
const ECHO_ALIVE: i16 = 3;

/// The echo behind the last message we read.
const ECHO_STOP: i16 = 2;

/// 1 s: the frame is 48 bytes to a daemon that answered a moment ago.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The target of what is only of interest while receiving does not work: `-x`.
pub const RECEIVE_ERRORS: &str = "spreadlogd::receive_errors";

#[cfg(test)]
mod tests;
