//! The client's side.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::{ACCEPTED, CHOICE_LEN, FLAG_MEMBERSHIP, Hello, IP, NULL, RejectCode, Version, Welcome};
use crate::name::{Name, PrivateGroup};

/// A session being opened.
#[derive(Debug)]
pub struct ClientHandshake {
    state: State,
}

/// What to do next.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum ClientStep {
    /// Read more.
    More,
    /// Write these bytes, all at once, then read.
    Write(Bytes),
    /// The session is open; what is left in the buffer are its first frames.
    Done(Welcome),
}

#[derive(Clone, Copy, Debug)]
enum State {
    AwaitMethods,
    AwaitWelcome,
}

impl ClientHandshake {
    /// Begins, with the bytes to write first, all at once.
    #[must_use]
    pub fn new(hello: &Hello) -> (Self, Bytes) {
        let state = State::AwaitMethods;
        (Self { state }, hello.encode())
    }

    /// Goes on with what has arrived.
    ///
    /// # Errors
    /// When the daemon refuses, or is none.
    pub fn advance(&mut self, buffer: &mut BytesMut) -> Result<ClientStep, HandshakeError> {
        match self.state {
            State::AwaitMethods => self.choose_method(buffer),
            State::AwaitWelcome => decode_welcome(buffer),
        }
    }

    fn choose_method(&mut self, buffer: &mut BytesMut) -> Result<ClientStep, HandshakeError> {
        let Some(&length) = buffer.first() else {
            return Ok(ClientStep::More);
        };
        let code = length.cast_signed();
        let length = usize::try_from(code).map_err(|_| RejectCode::of(code))?;
        if length > LIST_LEN_MAX {
            return Err(HandshakeError::NotSpread(code.cast_unsigned()));
        }
        let arrived = buffer.get(1..).unwrap_or_default();
        let list = arrived.get(..length);
        // Not only when all of it is there: a web server's answer begins like a list, and may be
        // shorter than it seems to promise.
        let mut seen = list.unwrap_or(arrived).iter();
        if let Some(odd) = seen.find(|b| !(b' '..=b'~').contains(b)) {
            return Err(HandshakeError::NotSpread(*odd));
        }
        let Some(list) = list else {
            return Ok(ClientStep::More);
        };
        let offers = |method: &&&[u8]| list.split(|&b| b == b' ').any(|name| name == **method);
        let Some(method) = SPOKEN.iter().find(offers) else {
            return Err(HandshakeError::NoCommonMethod(list.to_vec()));
        };
        buffer.advance(1 + length);
        self.state = State::AwaitWelcome;
        let mut choice = BytesMut::with_capacity(CHOICE_LEN);
        choice.put_slice(method);
        choice.resize(CHOICE_LEN, 0);
        Ok(ClientStep::Write(choice.freeze()))
    }
}

impl Hello {
    fn encode(&self) -> Bytes {
        let name = self.name.as_ref().map_or(&[][..], |name| name.as_bytes());
        let mut bytes = BytesMut::with_capacity(5 + name.len());
        bytes.put_slice(&[self.version.major, self.version.minor]);
        if self.version >= Version::WITH_PATCH {
            bytes.put_u8(self.version.patch);
        }
        bytes.put_u8(if self.membership { FLAG_MEMBERSHIP } else { 0 });
        // At most ten: the type cannot hold more.
        bytes.put_u8(u8::try_from(name.len()).unwrap_or(u8::MAX));
        bytes.put_slice(name);
        bytes.freeze()
    }
}

fn decode_welcome(buffer: &mut BytesMut) -> Result<ClientStep, HandshakeError> {
    let Some(&code) = buffer.first() else {
        return Ok(ClientStep::More);
    };
    match code.cast_signed() {
        ACCEPTED => {}
        code if code < 0 => return Err(RejectCode::of(code).into()),
        other => return Err(HandshakeError::NotSpread(other.cast_unsigned())),
    }
    let Some(&[_, major, minor, patch, length]) = buffer.first_chunk() else {
        return Ok(ClientStep::More);
    };
    let version = Version::new(major, minor, patch);
    if major < Version::FIRST.major {
        return Err(HandshakeError::TooOld(version));
    }
    if usize::from(length) > Name::LEN_MAX {
        return Err(HandshakeError::NotSpread(length));
    }
    let length = usize::from(length);
    let Some(group) = buffer.get(WELCOME_FIXED_LEN..WELCOME_FIXED_LEN + length) else {
        return Ok(ClientStep::More);
    };
    let private_group =
        PrivateGroup::new(group).map_err(|_| HandshakeError::BadPrivateGroup(group.to_vec()))?;
    buffer.advance(WELCOME_FIXED_LEN + length);
    Ok(ClientStep::Done(Welcome {
        version,
        private_group,
    }))
}

/// The methods spoken here, the preferred one first.
const SPOKEN: [&[u8]; 2] = [NULL, IP];

/// What a daemon has room for (`sess_types.h: MAX_AUTH_NAME * MAX_AUTH_METHODS`).
const LIST_LEN_MAX: usize = CHOICE_LEN;

/// The code, three numbers of the version, the length.
const WELCOME_FIXED_LEN: usize = 5;

/// Why no session was opened.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum HandshakeError {
    /// The daemon said no.
    #[error(transparent)]
    Rejected(#[from] RejectCode),
    /// It asks for an authentication that is not spoken here, or is no Spread daemon.
    #[error("it offers neither NULL nor IP, but \"{}\": it wants authentication, or is no Spread daemon", .0.escape_ascii())]
    NoCommonMethod(Vec<u8>),
    /// Its answer is none that a Spread daemon gives.
    #[error("it answers {0:#04x} where a Spread daemon would not")]
    NotSpread(u8),
    /// It is older than the protocol (`sp.c: SP_connect` wants 3 at least).
    #[error("it calls itself Spread {0}, and none before 3 is spoken here")]
    TooOld(Version),
    /// The address it gives the session is none.
    #[error("it calls the session \"{}\"", .0.escape_ascii())]
    BadPrivateGroup(Vec<u8>),
}
