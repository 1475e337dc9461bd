//! A connection that is up, and beside it the way back to the first address.

use std::future::pending;
use std::time::Duration;

use bytes::Bytes;
use spread::client::{Outgoing, SendError, Session, SessionError};
use spread::{Delivery, Name, PrivateGroup, Service};
use tokio::time::{Instant, sleep_until, timeout};

use super::dial::{Attempt, Dialler};

/// What a connection has come to.
pub(super) enum Step {
    Ended(LostError),
    Delivered(Delivery),
    /// Everything offered is written.
    Written,
    /// The first address is to be tried.
    FirstDue,
    /// The first address has answered, and this connection is emptied.
    FirstReady(Session),
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
pub(in crate::publisher) enum LostError {
    #[error(transparent)]
    Session(#[from] SessionError),
    #[error("it has taken nothing for {} s", STALL_TIMEOUT.as_secs())]
    Stalled,
    #[error("it does not send back what it is sent")]
    Dead,
    /// A defect of ours: there was room, and nothing of that length is ever sealed.
    #[error("a message could not be queued")]
    Unqueued,
}

impl LostError {
    /// Whether another daemon is better tried first.
    pub(super) const fn is_of_this_daemon(&self) -> bool {
        !matches!(self, Self::Session(_))
    }
}

/// A session, and how it is getting on.
pub(super) struct Connection {
    index: usize,
    session: Session,
    first: First,
    since: Instant,
    /// Frames told by `newly_written`.
    told: u64,
    /// Frames written when last looked at, and when that was another number or nothing waited.
    written: u64,
    progress: Instant,
}

impl Connection {
    pub(super) fn new(index: usize, session: Session) -> Box<Self> {
        let now = Instant::now();
        Box::new(Self {
            index,
            session,
            first: if index == 0 {
                First::NotTried
            } else {
                First::later()
            },
            since: now,
            told: 0,
            written: 0,
            progress: now,
        })
    }

    /// Waits for the next step. Cancel-safe.
    pub(super) async fn step(&mut self) -> Step {
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
            () = self.first.due() => Step::FirstDue,
        }
    }

    /// Tries the first address beside this connection; gives up once it has answered, or has not.
    pub(super) fn try_first(&mut self, dialler: &mut Dialler) {
        self.first = First::Dialling(dialler.dial(0));
    }

    /// Whether a message can be queued.
    pub(super) fn has_room(&self) -> bool {
        // One that is to be replaced is emptied first.
        let replaced = matches!(self.first, First::Answered(_));
        !replaced && self.session.sender.queued_bytes() < WINDOW
    }

    /// Queues a message.
    pub(super) fn send(
        &mut self,
        service: Service,
        groups: &[Name],
        body: Bytes,
    ) -> Result<(), SendError> {
        self.session.sender.multicast(&Outgoing {
            service,
            self_discard: false,
            groups,
            mess_type: 0,
            body,
        })
    }

    /// From now on the first address is not tried any more: what this connection was given last is
    /// waited for, and only it can say that it has arrived.
    pub(super) fn stay(&mut self) {
        self.first = First::NotTried;
    }

    /// The address of this session alone.
    pub(super) const fn private_group(&self) -> PrivateGroup {
        self.session.private_group()
    }

    /// Frames that the socket has wholly taken since the last call.
    pub(super) const fn newly_written(&mut self) -> u64 {
        let written = self.session.sender.frames_written();
        written - std::mem::replace(&mut self.told, written)
    }

    /// The index of its address.
    pub(super) const fn index(&self) -> usize {
        self.index
    }

    /// Whether it has lasted long enough to count as a good one.
    pub(super) fn is_settled(&self) -> bool {
        self.since.elapsed() >= SETTLED
    }

    /// Ends it in good order: says so to the daemon, half-closes, and reads what is still coming,
    /// because unread input would reset the connection and lose what was written.
    pub(super) async fn close(self) {
        let (sender, mut receiver) = (self.session.sender, self.session.receiver);
        let end = async {
            if sender.disconnect().await.is_ok() {
                while receiver.recv().await.is_ok() {}
            }
        };
        // Whatever is not over by then is left to the kernel.
        drop(timeout(CLOSE_TIMEOUT, end).await);
    }
}

/// The way back to the first address.
enum First {
    /// This connection is to it, or the last there will be.
    NotTried,
    Later(Instant),
    Dialling(Attempt),
    Answered(Box<Session>),
}

impl First {
    fn later() -> Self {
        Self::Later(Instant::now() + RETURN_AFTER)
    }

    /// Waits until it is to be tried, and how that turns out. Cancel-safe.
    async fn due(&mut self) {
        if let Self::Dialling(attempt) = self {
            *self = match attempt.outcome().await {
                Ok(session) => Self::Answered(Box::new(session)),
                Err(_) => Self::later(),
            };
        }
        match self {
            Self::Later(when) => sleep_until(*when).await,
            _ => pending().await,
        }
    }

    fn take_answered(&mut self) -> Option<Session> {
        match std::mem::replace(self, Self::NotTried) {
            Self::Answered(session) => Some(*session),
            other => {
                *self = other;
                None
            }
        }
    }
}

/// 256 KiB: eight full messages are enough to keep a daemon's socket busy, and whatever is in the
/// queue when the connection ends is sent again.
const WINDOW: usize = 256 * 1024;

/// Room for the largest frame on top of the window.
pub(super) const QUEUE_BYTES_MAX: usize = WINDOW + 128 * 1024;

/// 30 s: a daemon stops reading while its own queue is full, but never for so long.
const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// 30 s: one more connection attempt in so long costs nothing.
const RETURN_AFTER: Duration = Duration::from_secs(30);

/// 10 s: a daemon that throws a session out does so sooner.
const SETTLED: Duration = Duration::from_secs(10);

/// 1 s: for the daemon to read to the end of what was written and close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
