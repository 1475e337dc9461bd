//! Those who ask who is online, each on a task: requests in, answers out ([`super::wire`]).
//!
//! A client may stay for as long as it likes and ask again and again. Half a request is finished
//! within [`REQUEST_TIMEOUT`] or not at all, an answer is taken within [`ANSWER_TIMEOUT`], and
//! nobody waits for anybody else: the original froze all logging for a client that sent a length
//! and no URL. Of too many clients the one that was there longest gives way.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::{Shared, wire};

/// 256: the processes of several application servers, with a connection each.
pub(super) const CLIENTS_MAX: usize = 256;

/// 5 s for the rest of a request: it is less than one packet, from the same network.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);

/// 5 s for an answer, of half a KiB, to be taken.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// 4 KiB: a request in one read, or a hundred that came together.
const READ_BYTES: usize = 4 << 10;

/// 16 KiB of answers are sent at once, to those who ask without waiting.
const ANSWERS_BYTES: usize = 16 << 10;

/// 100 ms: how long nobody is accepted when the system has no descriptor for it.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Answers everybody, for as long as it is polled.
pub(super) async fn answer_all(listener: TcpListener, shared: Arc<Shared>) -> Infallible {
    let mut clients: JoinSet<()> = JoinSet::new();
    // In the order in which they came, with some that are gone.
    let mut order: VecDeque<AbortHandle> = VecDeque::new();
    loop {
        tokio::select! {
            Some(_) = clients.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    order.retain(|client| !client.is_finished());
                    if order.len() >= CLIENTS_MAX && let Some(oldest) = order.pop_front() {
                        oldest.abort();
                    }
                    let shared = Arc::clone(&shared);
                    order.push_back(clients.spawn(async move {
                        // A client that is gone is nobody's business but its own.
                        let _ = converse(stream, &shared).await;
                    }));
                }
                // Those that are there need none, and one of them may leave meanwhile.
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
        }
    }
}

/// Answers one client, until it leaves, is late, or takes nothing.
async fn converse(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    shared: &Shared,
) -> io::Result<()> {
    let (mut received, mut answers) = (BytesMut::new(), BytesMut::new());
    // Since when there is half a request.
    let mut began = None;
    loop {
        while answers.len() < ANSWERS_BYTES
            && let Some(url) = wire::decode(&mut received)
        {
            shared.answer(&url, &mut answers);
            began = None;
        }
        if !answers.is_empty() {
            timeout(ANSWER_TIMEOUT, stream.write_all(&answers)).await??;
            answers.clear();
            continue;
        }
        received.reserve(READ_BYTES);
        let read = if received.is_empty() {
            stream.read_buf(&mut received).await?
        } else {
            let by = *began.get_or_insert_with(Instant::now) + REQUEST_TIMEOUT;
            timeout_at(by, stream.read_buf(&mut received)).await??
        };
        if read == 0 {
            return Ok(());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use tokio::io::duplex;
    use tokio::runtime;

    use super::*;

    /// Not even if it comes byte by byte: in virtual time.
    #[tokio::test(start_paused = true)]
    async fn half_a_request_ends_a_client_in_time() {
        let shared = Shared::new(None);
        let (mut client, server) = duplex(64);
        let began = Instant::now();
        let drip = async {
            // A length of 257, and then its bytes.
            while client.write_all(&[1]).await.is_ok() {
                sleep(Duration::from_secs(1)).await;
            }
        };
        let (ended, ()) = tokio::join!(converse(server, &shared), drip);

        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
        assert_eq!(began.elapsed().as_secs(), REQUEST_TIMEOUT.as_secs());
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_takes_no_answer_ends_in_time() {
        let shared = Shared::new(None);
        let (mut client, server) = duplex(8);
        let ask = async {
            client.write_all(&[0, 0]).await.unwrap();
            client
        };
        let (ended, _unread) = tokio::join!(converse(server, &shared), ask);

        assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_may_stay_silent_between_requests() {
        let shared = Shared::new(None);
        let (mut client, server) = duplex(64);
        let ask = async {
            for _ in 0..3 {
                sleep(Duration::from_secs(3_600)).await;
                client.write_all(&[0, 1, b'/']).await.unwrap();
                let mut answer = [9; 12];
                client.read_exact(&mut answer).await.unwrap();
                assert_eq!(answer, [0; 12]);
            }
            drop(client);
        };
        let (ended, ()) = tokio::join!(converse(server, &shared), ask);

        ended.unwrap();
    }

    proptest! {
        /// Each request has its answer, and half a request at the end has none.
        #[test]
        fn any_bytes_are_answered_request_by_request(
            bytes in proptest::collection::vec(prop_oneof![3 => Just(0), 1 => any::<u8>()], 0..600),
        ) {
            let mut rest = BytesMut::from(&bytes[..]);
            let requests = std::iter::from_fn(|| wire::decode(&mut rest)).count();
            let shared = Shared::new(None);
            let runtime = runtime::Builder::new_current_thread().enable_all().build().unwrap();
            let answers = runtime.block_on(async {
                let (client, server) = duplex(100);
                let (mut read, mut write) = tokio::io::split(client);
                let mut answers = Vec::new();
                let ask = async {
                    write.write_all(&bytes).await.unwrap();
                    write.shutdown().await.unwrap();
                };
                let (ended, (), read) =
                    tokio::join!(converse(server, &shared), ask, read.read_to_end(&mut answers));
                ended.unwrap();
                read.unwrap();
                answers
            });

            prop_assert_eq!(answers.len(), requests * 12);
        }
    }
}
