//! A session that only reads: it joins, reads, and comes back when it is lost.

use std::collections::HashSet;
use std::convert::Infallible;
use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use spread::client::{
    self, ConnectError, ConnectOptions, Outgoing, SendError, Session, SessionError,
};
use spread::{Address, Addresses, Delivery, GroupName, Name, Service};
use spread_logger::diagnostics::Chain;
use tokio::time::{Instant, interval, sleep};
use tracing::{info, warn};

use crate::pulse::{ECHO_TIMEOUT, Pulse};
use crate::random::Backoff;
use crate::subscriber::JOIN_TIMEOUT;

/// What to read, and where.
#[derive(Clone, Debug)]
pub struct Follow {
    /// The daemons, of which the first that answers is taken.
    pub addresses: Addresses,
    /// The groups to join.
    pub groups: Vec<GroupName>,
    /// How a session is opened.
    pub options: ConnectOptions,
}

/// A message to one of the groups.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Arrival {
    /// The private group of its sender.
    pub sender: Name,
    /// Its lines.
    pub body: Bytes,
}

/// Why a session ended.
#[derive(Debug, thiserror::Error)]
enum End {
    #[error(transparent)]
    Lost(#[from] SessionError),
    #[error("it takes nothing")]
    Unsaid(#[from] SendError),
    #[error("it has not let us into the groups for {} s", JOIN_TIMEOUT.as_secs())]
    Silent,
    #[error("it has not answered for {} s", ECHO_TIMEOUT.as_secs())]
    Dead,
}

impl Follow {
    /// Gives every message to `take`, over any number of sessions, for as long as it is polled.
    pub async fn run(&self, mut take: impl FnMut(Arrival)) -> Infallible {
        let (mut backoff, mut is_told) = (Backoff::new(), false);
        loop {
            match self.connect().await {
                Ok((address, session)) => {
                    is_told = false;
                    let Err(end) = self
                        .session(&address, session, &mut backoff, &mut take)
                        .await;
                    warn!(
                        "lost the Spread daemon at {address} ({}); what is sent until we are back \
                         is not shown",
                        Chain(&end)
                    );
                }
                Err(error) if !is_told => {
                    is_told = true;
                    // The cause alone: the address is named already.
                    let cause = error.source().unwrap_or(&error);
                    warn!(
                        "no Spread daemon at {} yet ({}); trying again until there is one",
                        self.addresses,
                        Chain(cause)
                    );
                }
                Err(_) => {}
            }
            sleep(backoff.next()).await;
        }
    }

    /// Tries each address once.
    async fn connect(&self) -> Result<(Address, Session), ConnectError> {
        let mut addresses = self.addresses.iter();
        loop {
            let Some(address) = addresses.next() else {
                // There is one at least, and the last one's error has been returned.
                return std::future::pending().await;
            };
            match client::connect(address, &self.options).await {
                Ok(session) => return Ok((address.clone(), session)),
                Err(error) if addresses.len() == 0 => return Err(error),
                Err(_) => {}
            }
        }
    }

    async fn session(
        &self,
        address: &Address,
        session: Session,
        backoff: &mut Backoff,
        take: &mut impl FnMut(Arrival),
    ) -> Result<Infallible, End> {
        let Session {
            mut sender,
            mut receiver,
            ..
        } = session;
        let own = Name::from(sender.private_group());
        let groups: HashSet<_> = self.groups.iter().map(|group| Name::from(*group)).collect();
        for group in &self.groups {
            sender.join(*group)?;
        }
        sender.multicast(&echo(&[own]))?;
        let mut is_joined = false;
        let began = Instant::now();
        let mut pulse = Pulse::new();
        let mut second = interval(Duration::from_secs(1));
        loop {
            let delivery = tokio::select! {
                delivery = receiver.recv() => delivery?,
                Err(error) = sender.flush(), if sender.queued_bytes() > 0 => {
                    return Err(End::Lost(error));
                }
                now = second.tick() => {
                    if !is_joined && now > began + JOIN_TIMEOUT {
                        return Err(End::Silent);
                    }
                    if pulse.is_dead(now) {
                        return Err(End::Dead);
                    }
                    pulse.ask(now, || sender.multicast(&echo(&[own])).is_ok());
                    continue;
                }
            };
            match delivery {
                Delivery::Message(message) if message.sender == own => {
                    pulse.answered();
                    if !is_joined {
                        is_joined = true;
                        *backoff = Backoff::new();
                        info!("connected to {address}, joined {}", Listed(&self.groups));
                    }
                }
                Delivery::Message(message)
                    if message.groups.iter().any(|group| groups.contains(group)) =>
                {
                    take(Arrival {
                        sender: message.sender,
                        body: message.body,
                    });
                }
                Delivery::Reject(reject) => {
                    let groups = reject.groups.iter().map(ToString::to_string);
                    let groups: Vec<_> = groups.collect();
                    warn!("the daemon refuses a request to {}", groups.join(", "));
                }
                // To others, or of who is a member, which was not asked for.
                _ => {}
            }
        }
    }
}

/// An empty message to our own private group, which comes back behind all that was before it.
fn echo(own: &[Name]) -> Outgoing<'_> {
    Outgoing {
        service: Service::Agreed,
        self_discard: false,
        groups: own,
        mess_type: 0,
        body: Bytes::new(),
    }
}

/// Groups, by their names.
struct Listed<'a>(&'a [GroupName]);

impl std::fmt::Display for Listed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, group) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { ", " };
            write!(f, "{comma}{group}")?;
        }
        Ok(())
    }
}
