//! The session of one Spread block: it connects, joins, reads, and comes back when it is lost.
//!
//! It always reads. A daemon throws out a reader that lets 1,000 messages wait, so nothing here
//! waits for a file: what is read goes into a bounded queue, and what does not fit is counted as
//! lost and said.
//!
//! How far the daemon is, it learns from an echo: an empty message to its own private group, which
//! comes back when all that it asked for before has happened, and behind everything that was
//! delivered before.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use spread::client::{
    self, ConnectError, ConnectOptions, Outgoing, SendError, Session, SessionError,
};
use spread::{Address, Addresses, Name, Service};
use tokio::sync::watch;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tracing::{debug, info, warn};

use crate::Chain;
use crate::intake::Intake;
use crate::random::{Backoff, private_name};

/// When to have stopped, once that is known.
pub(crate) type Stop = watch::Receiver<Option<Instant>>;

/// The session of one Spread block.
#[derive(Debug)]
pub(crate) struct Subscriber {
    pub(crate) addresses: Addresses,
    pub(crate) options: ConnectOptions,
    /// How many sessions have joined their groups, over all Spread blocks.
    pub(crate) joined: watch::Sender<usize>,
    pub(crate) intake: Intake,
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
}

impl Subscriber {
    /// Runs until `stop`, over any number of sessions.
    pub(crate) async fn run(mut self, mut stop: Stop) {
        let mut backoff = Backoff::new();
        let mut outage = Outage::default();
        loop {
            let connected = tokio::select! {
                connected = self.connect(&mut outage) => connected,
                _ = stopped(&mut stop) => return,
            };
            if let Some((address, session)) = connected {
                outage = Outage::default();
                match self
                    .session(&address, session, &mut stop, &mut backoff)
                    .await
                {
                    End::Stopped => return,
                    End::Late => {
                        warn!(
                            "no answer from the daemon at {address}: its last lines may be missing"
                        );
                        return;
                    }
                    End::Lost(error) => tell_lost(&address, &error),
                    End::Unsaid(error) => tell_lost(&address, &error),
                }
            }
            tokio::select! {
                () = sleep(backoff.next()) => {}
                _ = stopped(&mut stop) => return,
            }
        }
    }

    /// Tries each address once, in order.
    async fn connect(&self, outage: &mut Outage) -> Option<(Address, Session)> {
        let mut last = None;
        for address in self.addresses.iter() {
            let mut options = self.options.clone();
            options.name = private_name().ok();
            match client::connect(address, &options).await {
                Ok(session) => return Some((address.clone(), session)),
                Err(error) => {
                    debug!(target: RECEIVE_ERRORS, "{address}: {}", Chain(&error));
                    last = Some(error);
                }
            }
        }
        if let Some(error) = last {
            outage.tell(&self.addresses, &error);
        }
        None
    }

    /// Joins and reads until the session is lost or was stopped.
    async fn session(
        &mut self,
        address: &Address,
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
        for group in self.intake.router().groups() {
            if let Err(error) = sender.join(group) {
                return End::Unsaid(error);
            }
        }
        if let Err(error) = sender.multicast(&echo(&[own], ECHO_JOINED)) {
            return End::Unsaid(error);
        }
        let mut joined = None;
        let mut deadline = None;
        loop {
            let received = tokio::select! {
                received = receiver.recv() => received,
                flushed = sender.flush(), if sender.queued_bytes() > 0 => match flushed {
                    Ok(()) => continue,
                    Err(error) => return End::Lost(error),
                },
                at = stopped(stop), if deadline.is_none() => {
                    deadline = Some(at);
                    match sender.multicast(&echo(&[own], ECHO_STOP)) {
                        Ok(()) => continue,
                        Err(error) => return End::Unsaid(error),
                    }
                }
                () = until(deadline) => return End::Late,
            };
            match received.map(|delivery| self.intake.receive(delivery, own)) {
                Ok(None) => {}
                Ok(Some(ECHO_STOP)) => break,
                Ok(Some(_)) => {
                    info!(
                        "connected to {address} as {own}, joined {}",
                        self.intake.router()
                    );
                    joined = Some(Joined::new(&self.joined));
                    *backoff = Backoff::new();
                }
                Err(error) => return End::Lost(error),
            }
        }
        drop(joined);
        // A courtesy: a daemon that does not take it notices the end of the connection.
        let _ = timeout(DISCONNECT_TIMEOUT, sender.disconnect()).await;
        End::Stopped
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
                 One comes with: spreadlogd --hub 4803",
                Chain(cause)
            );
        }
    }
}

fn tell_lost(address: &Address, error: &dyn Error) {
    warn!(
        "lost the Spread daemon at {address} ({}); lines sent until we are back do not come here",
        Chain(error)
    );
}

/// Counts a session among those that have joined, as long as it lives.
struct Joined<'s>(&'s watch::Sender<usize>);

impl<'s> Joined<'s> {
    fn new(sessions: &'s watch::Sender<usize>) -> Self {
        sessions.send_modify(|count| *count += 1);
        Self(sessions)
    }
}

impl Drop for Joined<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|count| *count -= 1);
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

/// Waits until it is time to stop; by when. A sender that is gone wants it now.
async fn stopped(stop: &mut Stop) -> Instant {
    let at = stop.wait_for(Option::is_some).await.map_or(None, |at| *at);
    at.unwrap_or_else(Instant::now)
}

/// Waits until the deadline, for ever where there is none.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(at) => sleep_until(at).await,
        None => std::future::pending().await,
    }
}

/// The echo that comes back when the groups are joined.
const ECHO_JOINED: i16 = 1;

/// The echo behind the last message we read.
const ECHO_STOP: i16 = 2;

/// 1 s: the frame is 48 bytes to a daemon that answered a moment ago.
const DISCONNECT_TIMEOUT: Duration = Duration::from_secs(1);

/// The target of what is only of interest while receiving does not work: `-x`.
pub const RECEIVE_ERRORS: &str = "spreadlogd::receive_errors";
