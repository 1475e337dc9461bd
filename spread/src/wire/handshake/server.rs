//! The daemon's side.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{
    ACCEPTED, CHOICE_LEN, FLAG_MEMBERSHIP, Hello, NULL, RejectCode, SLOT_LEN, Version, Welcome,
};
use crate::name::{PrivateGroup, PrivateName};

/// A session being opened by a client.
#[derive(Debug)]
pub struct ServerHandshake {
    state: State,
}

/// What to do next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ServerStep {
    /// Read more.
    More,
    /// Decide on the name; then call [`ServerHandshake::answer`], or write a [`RejectCode`] and
    /// close.
    Hello(Hello),
    /// Write these bytes: the session is open, what is left in the buffer are its first frames.
    Done(Bytes),
}

#[derive(Clone, Copy, Debug)]
enum State {
    AwaitHello,
    /// The name is being decided on; nothing is read before.
    Deciding(Version),
    AwaitChoice(Welcome, Version),
    Open,
}

impl ServerHandshake {
    /// Begins.
    #[expect(
        clippy::new_without_default,
        reason = "a handshake is begun, not defaulted to"
    )]
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: State::AwaitHello,
        }
    }

    /// Goes on with what has arrived.
    ///
    /// # Errors
    /// The code to write before closing the connection.
    pub fn advance(&mut self, buffer: &mut BytesMut) -> Result<ServerStep, RejectCode> {
        match self.state {
            State::AwaitHello => match decode_hello(buffer)? {
                Some(hello) => {
                    self.state = State::Deciding(hello.version);
                    Ok(ServerStep::Hello(hello))
                }
                None => Ok(ServerStep::More),
            },
            State::AwaitChoice(welcome, client) => {
                let Some(choice) = buffer.first_chunk::<CHOICE_LEN>() else {
                    return Ok(ServerStep::More);
                };
                check_choice(choice)?;
                buffer.advance(CHOICE_LEN);
                self.state = State::Open;
                Ok(ServerStep::Done(welcome.encode(client)))
            }
            State::Deciding(_) | State::Open => Ok(ServerStep::More),
        }
    }

    /// After [`ServerStep::Hello`]: the name was accepted, and this is the session's address.
    #[must_use]
    pub fn answer(&mut self, private_group: PrivateGroup) -> Answer {
        let welcome = Welcome {
            version: Version::OURS,
            private_group,
        };
        let client = match self.state {
            State::Deciding(client) => client,
            _ => Version::OURS,
        };
        if client < Version::WITH_AUTH {
            self.state = State::Open;
            return Answer::Open(welcome.encode(client));
        }
        self.state = State::AwaitChoice(welcome, client);
        Answer::Methods(Bytes::from_static(METHODS))
    }
}

/// What to write after a name was accepted.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Answer {
    /// The methods on offer; read on.
    Methods(Bytes),
    /// The welcome: a client this old chooses no method, and its session is open.
    Open(Bytes),
}

impl Welcome {
    /// In the form that a client of version `client` reads.
    fn encode(&self, client: Version) -> Bytes {
        let group = self.private_group.as_bytes();
        let mut bytes = BytesMut::with_capacity(5 + group.len());
        bytes.put_i8(ACCEPTED);
        bytes.put_slice(&[self.version.major, self.version.minor]);
        if client >= Version::WITH_PATCH {
            bytes.put_u8(self.version.patch);
        }
        // At most 31: the type cannot hold more.
        bytes.put_u8(u8::try_from(group.len()).unwrap_or(u8::MAX));
        bytes.put_slice(group);
        bytes.freeze()
    }
}

fn decode_hello(buffer: &mut BytesMut) -> Result<Option<Hello>, RejectCode> {
    let Some(&[major, minor]) = buffer.first_chunk() else {
        return Ok(None);
    };
    let mut version = Version::new(major, minor, 0);
    if version < Version::FIRST {
        return Err(RejectCode::Version);
    }
    let mut at = 2;
    if version >= Version::WITH_PATCH {
        let Some(&patch) = buffer.get(at) else {
            return Ok(None);
        };
        version.patch = patch;
        at += 1;
    }
    let Some(&[flags, length]) = buffer.get(at..).and_then(<[u8]>::first_chunk) else {
        return Ok(None);
    };
    at += 2;
    let length = usize::from(length);
    // Before the name is waited for.
    if length > PrivateName::LEN_MAX {
        return Err(RejectCode::IllegalName);
    }
    let Some(name) = buffer.get(at..at + length) else {
        return Ok(None);
    };
    let name = match name {
        [] => None,
        name => Some(PrivateName::new(name).map_err(|_| RejectCode::IllegalName)?),
    };
    buffer.advance(at + length);
    Ok(Some(Hello {
        version,
        name,
        membership: flags & FLAG_MEMBERSHIP != 0,
    }))
}

/// Every method named must be one on offer, and at least one is named.
fn check_choice(choice: &[u8; CHOICE_LEN]) -> Result<(), RejectCode> {
    let (slots, _) = choice.as_chunks::<SLOT_LEN>();
    let mut named = slots
        .iter()
        .map(|slot| slot.split(|&b| b == 0).next().unwrap_or_default())
        .filter(|method| !method.is_empty())
        .peekable();
    if named.peek().is_none() || named.any(|method| method != NULL) {
        return Err(RejectCode::Auth);
    }
    Ok(())
}

/// The length of the list, and the list: each name ends in a space.
const METHODS: &[u8] = b"\x05NULL ";
