//! One connection: the handshake, then frames in and frames out until either side ends it.
//!
//! What a request means is decided in `core`; this reads, writes and reports. A turn of a
//! session reads once and lets the others have theirs, so that a flood takes its share and no
//! more, and what it sent is on its way to the receivers before the next of it is read.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use tokio::sync::watch;
use tokio::task::yield_now;

use crate::name::PrivateGroup;
use crate::wire::handshake::{Answer, ServerHandshake, ServerStep};
use crate::wire::{DecodeError, GROUPS_MAX, Hello, Limits, RejectCode, Request};

use super::core::{Core, End, Refusal, SessionId};
use super::options::HubOptions;
use super::socket::Socket;

/// 64 KiB: two sealed messages of a publisher, or some hundred lines, for one system call.
const READ_BYTES: usize = 64 << 10;

/// 256 slices: 64 KiB of single lines, so that a turn's messages leave in one call.
const SLICES_MAX: usize = 256;

/// 16: a reader that takes everything at once lets the others on after so many writes.
const WRITES_PER_TURN: usize = 16;

/// Brings a connection to the point where frames begin; `None` when there is no session.
pub(super) async fn shake_hands(
    mut socket: Socket,
    core: Arc<Mutex<Core>>,
    options: &HubOptions,
) -> io::Result<Option<Session>> {
    let mut handshake = ServerHandshake::new();
    let mut received = BytesMut::new();
    let mut place = None;
    let (place, mut welcome) = loop {
        match handshake.advance(&mut received) {
            Ok(ServerStep::More) => {
                if poll_fn(|cx| socket.poll_read(cx, &mut received)).await? == 0 {
                    return Ok(None);
                }
            }
            Ok(ServerStep::Hello(hello)) => match Place::take(&core, &hello) {
                Ok(taken) => match handshake.answer(taken.address) {
                    Answer::Methods(mut methods) => {
                        place = Some(taken);
                        socket.write_all(&mut methods).await?;
                    }
                    Answer::Open(welcome) => break (taken, welcome),
                },
                Err(code) => return refuse(socket, code).await,
            },
            Ok(ServerStep::Done(welcome)) => match place {
                Some(place) => break (place, welcome),
                None => return Ok(None),
            },
            Err(code) => return refuse(socket, code).await,
        }
    };
    socket.write_all(&mut welcome).await?;
    Ok(Some(Session {
        socket,
        place,
        limits: Limits {
            groups_max: GROUPS_MAX,
            bytes_max: options.message_max,
        },
        received,
    }))
}

async fn refuse(mut socket: Socket, code: RejectCode) -> io::Result<Option<Session>> {
    let code = code.code().to_le_bytes();
    socket.write_all(&mut Bytes::copy_from_slice(&code)).await?;
    Ok(None)
}

/// Why a session is over, as its connection sees it.
enum Over {
    /// The hub ended it, for a reason of its own or because it was asked to.
    Ended(End),
    /// The client closed the connection, or it broke.
    Closed(io::Result<usize>),
    /// The client broke the protocol.
    Hostile(DecodeError),
}

/// A session and its connection.
#[derive(Debug)]
pub(super) struct Session {
    // Dropped first: a client that sees its connection closed may take its name again.
    place: Place,
    socket: Socket,
    limits: Limits,
    /// What was received and is not yet a whole frame.
    received: BytesMut,
}

impl Session {
    /// Serves frames until the session is over, or the hub stops and all is written.
    pub(super) async fn serve(mut self, mut stopped: watch::Receiver<bool>) {
        tokio::select! {
            biased;
            over = self.exchange() => return self.report(&over),
            _ = stopped.wait_for(|stopped| *stopped) => {}
        }
        poll_fn(|cx| self.poll_drain(cx)).await;
    }

    /// Serves frames until the session is over.
    async fn exchange(&mut self) -> Over {
        loop {
            let more = self.received.len() == self.received.capacity();
            // The first may have come in one piece with the end of the handshake.
            if let Err(error) = self.carry_out() {
                return Over::Hostile(error);
            }
            if more {
                // Before a flood goes on, what others have sent meanwhile is looked for, too.
                yield_now().await;
            }
            if let Err(over) = poll_fn(|cx| self.poll_turn(cx)).await {
                return over;
            }
        }
    }

    /// One turn: writes what waits, and reads once.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Over>> {
        if let Some(end) = self.write(cx) {
            return Poll::Ready(Err(Over::Ended(end)));
        }
        Poll::Ready(match ready!(self.poll_read(cx)) {
            Ok(1..) => Ok(()),
            closed => Err(Over::Closed(closed)),
        })
    }

    /// Writes until all is written; then the session is over.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let ended = self.write(cx).is_some();
        let waits = lock(&self.place.core).waits_for(self.place.id);
        if ended || !waits {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    }

    /// Writes as much as the connection takes, and says when the hub has ended the session.
    fn write(&mut self, cx: &mut Context<'_>) -> Option<End> {
        let mut core = lock(&self.place.core);
        let outbox = core.outbox_mut(self.place.id)?;
        outbox.wake_with(cx.waker());
        let mut writes = 0;
        while !outbox.is_empty() {
            if writes == WRITES_PER_TURN {
                cx.waker().wake_by_ref();
                break;
            }
            writes += 1;
            let mut slices = [IoSlice::new(&[]); SLICES_MAX];
            let filled = outbox.fill(&mut slices);
            match self.socket.poll_write(cx, slices.get(..filled)?) {
                Poll::Ready(Ok(written)) => outbox.advance(written),
                // It takes no more, but what it sent before may still be unread.
                Poll::Ready(Err(_)) => outbox.clear(),
                Poll::Pending => break,
            }
        }
        core.end_of(self.place.id).cloned()
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        self.received.reserve(READ_BYTES);
        let read = self.socket.poll_read(cx, &mut self.received);
        if read.is_pending() && self.received.is_empty() {
            // An idle session keeps no buffer.
            self.received = BytesMut::new();
        }
        read
    }

    /// Carries out all whole requests that were received.
    fn carry_out(&mut self) -> Result<(), DecodeError> {
        let Place { core, id, address } = &self.place;
        let mut core = lock(core);
        while let Some(request) = Request::decode(&mut self.received, *address, &self.limits)? {
            core.request(*id, &request);
        }
        let unread = match self.received.len() {
            0 => 0,
            _ => self.received.capacity(),
        };
        core.set_unread(*id, unread);
        Ok(())
    }

    /// Tells the operator why a session is over, if that is more than its own wish.
    fn report(&self, over: &Over) {
        let session = self.place.address;
        match over {
            Over::Ended(End::Disconnected | End::ConnectionEnded) | Over::Closed(Ok(_)) => {
                tracing::debug!(%session, "session closed");
            }
            Over::Closed(Err(error)) => tracing::debug!(%session, %error, "session closed"),
            Over::Ended(end) => tracing::warn!("ended the session {session}: {end}"),
            Over::Hostile(error) => {
                tracing::warn!("ended the session {session}: it broke the protocol: {error}");
            }
        }
    }
}

/// A session's place in the core, given back when dropped.
#[derive(Debug)]
struct Place {
    core: Arc<Mutex<Core>>,
    id: SessionId,
    address: PrivateGroup,
}

impl Place {
    fn take(core: &Arc<Mutex<Core>>, hello: &Hello) -> Result<Self, RejectCode> {
        let opened = lock(core).open(hello.name, hello.membership);
        let (id, address) = opened.map_err(|refusal| match refusal {
            Refusal::NameTaken => RejectCode::NotUnique,
            Refusal::Full => RejectCode::Quota,
        })?;
        let core = Arc::clone(core);
        Ok(Self { core, id, address })
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        lock(&self.core).remove(self.id);
    }
}

/// A panic elsewhere has ended one session, at most half way through telling others about it;
/// that is no reason to end all.
pub(super) fn lock(core: &Mutex<Core>) -> MutexGuard<'_, Core> {
    core.lock().unwrap_or_else(PoisonError::into_inner)
}
