//! Messages through a hub or a daemon: some who send, some who get them all, a window at a time.

use bytes::Bytes;
use spread::client::{
    ConnectError, ConnectOptions, Outgoing, Receiver, SendError, Sender, SessionError, connect,
};
use spread::{Address, Delivery, GroupName, Name, NameError, Service};

/// Who takes part, and how much is on its way.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Shape {
    /// Sessions that send.
    pub senders: usize,
    /// Sessions that get what all of them send.
    pub receivers: usize,
    /// Bytes of a message.
    pub body_len: usize,
    /// Messages of each sender that are on their way at a time.
    pub window: u64,
}

/// Everybody who takes part in one measurement.
#[derive(Debug)]
pub struct Clients {
    shape: Shape,
    group: Name,
    body: Bytes,
    senders: Vec<Sender>,
    receivers: Vec<Receiver>,
    /// The other halves, unused but open.
    _others: (Vec<Receiver>, Vec<Sender>),
}

/// The messages did not go through.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum ExchangeError {
    #[error(transparent)]
    Name(#[from] NameError),
    #[error("cannot connect")]
    Connect(#[from] ConnectError),
    #[error("cannot send")]
    Send(#[from] SendError),
    #[error("a session is over")]
    Session(#[from] SessionError),
}

impl Clients {
    /// Connects all, and waits until those who receive are members.
    ///
    /// # Errors
    /// When one cannot connect or join.
    pub async fn connect(address: &Address, shape: Shape) -> Result<Self, ExchangeError> {
        let group = GroupName::new("access_log")?;
        let options = ConnectOptions::default();
        let member = ConnectOptions {
            membership: true,
            ..options.clone()
        };
        let mut sending = Vec::new();
        let mut unused = (Vec::new(), Vec::new());
        for _ in 0..shape.senders {
            let session = connect(address, &options).await?;
            sending.push(session.sender);
            unused.0.push(session.receiver);
        }
        let mut receiving = Vec::new();
        for _ in 0..shape.receivers {
            let mut session = connect(address, &member).await?;
            session.sender.join(group)?;
            session.sender.flush().await?;
            // The membership: from now on it gets what is sent.
            session.receiver.recv().await?;
            receiving.push(session.receiver);
            unused.1.push(session.sender);
        }
        Ok(Self {
            shape,
            group: group.into(),
            body: Bytes::from(vec![b'x'; shape.body_len]),
            senders: sending,
            receivers: receiving,
            _others: unused,
        })
    }

    /// Each sender sends `count` messages, and each receiver gets them all.
    ///
    /// # Errors
    /// When a session ends.
    pub async fn exchange(&mut self, count: u64) -> Result<(), ExchangeError> {
        let mut left = count;
        while left > 0 {
            let window = left.min(self.shape.window);
            for sender in &mut self.senders {
                for _ in 0..window {
                    sender.multicast(&Outgoing {
                        service: Service::Agreed,
                        self_discard: false,
                        groups: &[self.group],
                        mess_type: 0,
                        body: self.body.clone(),
                    })?;
                }
                sender.flush().await?;
            }
            for receiver in &mut self.receivers {
                let mut messages = 0;
                while messages < window * self.senders.len() as u64 {
                    let delivery = receiver.recv().await?;
                    messages += u64::from(matches!(delivery, Delivery::Message(_)));
                }
            }
            left -= window;
        }
        Ok(())
    }
}
