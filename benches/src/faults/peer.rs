//! Other clients of the hub: strangers who log as mod_log_spread did, and liars.

use std::time::Duration;

use spread::client::{ConnectOptions, Outgoing, Session, connect};
use spread::{Address, Delivery, GroupName, Name, PrivateName, Service};
use tokio::runtime::{self, Runtime};
use tokio::time::timeout;

use super::FaultError;

/// Control messages come every 5 s at least, from each publisher.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// A session with a hub.
#[derive(Debug)]
pub(super) struct Peer {
    runtime: Runtime,
    session: Session,
}

impl Peer {
    /// Connects, under a name or one that the hub makes up.
    pub(super) fn connect(hub: &str, name: Option<&str>) -> Result<Self, FaultError> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(FaultError::system("start a runtime"))?;
        let address: Address = hub.parse().map_err(failed)?;
        let name = name.map(PrivateName::new).transpose().map_err(failed)?;
        let options = ConnectOptions {
            name,
            queue_bytes_max: 16 << 20,
            ..ConnectOptions::default()
        };
        let session = runtime.block_on(connect(&address, &options));
        let session = session.map_err(failed)?;
        Ok(Self { runtime, session })
    }

    pub(super) fn join(&mut self, group: &str) -> Result<(), FaultError> {
        let group = GroupName::new(group).map_err(failed)?;
        self.session.sender.join(group).map_err(failed)?;
        self.flush()
    }

    /// Who it is to others.
    pub(super) fn private_group(&self) -> Name {
        Name::from(self.session.private_group())
    }

    pub(super) fn send(
        &mut self,
        groups: &[Name],
        mess_type: i16,
        body: impl Into<bytes::Bytes>,
    ) -> Result<(), FaultError> {
        let outgoing = Outgoing {
            service: Service::Agreed,
            self_discard: false,
            groups,
            mess_type,
            body: body.into(),
        };
        self.session.sender.multicast(&outgoing).map_err(failed)?;
        self.flush()
    }

    fn flush(&mut self) -> Result<(), FaultError> {
        let sent = self.runtime.block_on(self.session.sender.flush());
        sent.map_err(failed)
    }

    /// The sender of the next message, and its body.
    pub(super) fn receive(&mut self) -> Result<(Name, bytes::Bytes), FaultError> {
        loop {
            let receiver = &mut self.session.receiver;
            let delivery = async { timeout(SILENCE_MAX, receiver.recv()).await };
            let delivery = self.runtime.block_on(delivery).map_err(failed)?;
            if let Delivery::Message(message) = delivery.map_err(failed)? {
                return Ok((message.sender, message.body));
            }
        }
    }

    /// Blocks until the hub has given everything sent so far its place: an empty message to
    /// ourselves, sent last, comes back.
    pub(super) fn await_echo(&mut self) -> Result<(), FaultError> {
        let own = self.private_group();
        self.send(&[own], 0, "")?;
        loop {
            let (sender, body) = self.receive()?;
            if sender == own && body.is_empty() {
                return Ok(());
            }
        }
    }
}

/// A name as it is on the wire, whatever is in it.
pub(super) fn name(text: &str) -> Name {
    let mut field = [0; Name::FIELD_LEN];
    for (to, from) in field.iter_mut().zip(text.bytes()) {
        *to = from;
    }
    Name::from_field(&field)
}

fn failed(error: impl std::fmt::Display) -> FaultError {
    FaultError::Peer(error.to_string())
}
