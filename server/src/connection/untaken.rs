//! Whether a client takes anything at all of what is in its socket's buffer.
//!
//! A socket says that it can be written to again only when a good part of its buffer is free, of
//! TCP a third, and that may be of megabytes. To a client that takes kilobytes a second it seems
//! for minutes as if it took nothing. How much is left only the kernel knows, and it is asked
//! when a client's time is up, so never for those that read at any usual speed.

use std::os::fd::AsFd;

/// What was left at the last look.
#[derive(Debug, Default)]
pub(super) struct Untaken(Option<u32>);

impl Untaken {
    /// Something was written: what was left before says nothing any more.
    pub(super) fn forget(&mut self) {
        self.0 = None;
    }

    /// Whether less is left than at the last look. The first look since something was written
    /// has nothing to compare with, and the client the benefit of the doubt.
    pub(super) fn has_shrunk(&mut self, socket: impl AsFd) -> bool {
        let Some(now) = untaken(socket) else {
            return false;
        };
        self.0.replace(now).is_none_or(|before| now < before)
    }
}

/// What the other end of a connection has not acknowledged (TCP) or not read (unix sockets, whose
/// figure is of memory rather than of bytes, and comes down a buffer at a time).
#[cfg(target_os = "linux")]
fn untaken(socket: impl AsFd) -> Option<u32> {
    use rustix::ioctl::{Getter, Opcode, ioctl};

    /// SIOCOUTQ, which has the number of the terminals' request.
    #[allow(
        clippy::cast_possible_truncation,
        reason = "requests have 32 bits; the type that glibc has for them is wider, musl's is not"
    )]
    const OUTPUT_QUEUE: Opcode = libc::TIOCOUTQ as Opcode;

    #[expect(unsafe_code, reason = "rustix has no safe function for this request")]
    // SAFETY: for SIOCOUTQ tcp(7) and unix(7) have a pointer to an int, into which the kernel
    // writes; `Getter` hands it one, and reads it only if the call has succeeded. Every other kind
    // of descriptor that knows the number, a terminal or a serial line, writes an int as well.
    let queued = unsafe { ioctl(socket, Getter::<OUTPUT_QUEUE, libc::c_int>::new()) };
    u32::try_from(queued.ok()?).ok()
}

/// Other systems ask this in other ways, and none of them was tried: there a client has only the
/// time until its socket can be written to.
#[cfg(not(target_os = "linux"))]
fn untaken(_socket: impl AsFd) -> Option<u32> {
    None
}

#[cfg(all(test, target_os = "linux"))]
#[expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that fails here has failed"
)]
mod tests {
    use std::io::{ErrorKind, Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn what_is_left_shrinks_only_as_the_other_end_takes_it() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (server, _) = listener.accept().unwrap();
        server.set_nonblocking(true).unwrap();
        check(server, client);

        let (server, client) = UnixStream::pair().unwrap();
        server.set_nonblocking(true).unwrap();
        check(server, client);
    }

    #[test]
    fn what_is_no_socket_has_nothing_to_take() {
        let file = tempfile::tempfile().unwrap();

        assert!(!Untaken::default().has_shrunk(&file));
    }

    fn check(mut server: impl Write + AsFd, mut client: impl Read) {
        let mut untaken = Untaken::default();
        let written = fill(&mut server);
        // What the client's kernel has room for may be on its way.
        while untaken.has_shrunk(&server) {}

        let mut read = 0;
        while !untaken.has_shrunk(&server) {
            assert!(read < written, "all was taken, and nothing seen of it");
            read += client.read(&mut [0; 16 * 1024]).unwrap();
        }
        while untaken.has_shrunk(&server) {}

        untaken.forget();
        assert!(untaken.has_shrunk(&server), "the first look after a write");
    }

    /// Writes until the socket takes no more, and says how much that was.
    #[expect(
        clippy::disallowed_methods,
        reason = "how much the socket takes is the question"
    )]
    fn fill(socket: &mut impl Write) -> usize {
        let mut written = 0;
        loop {
            match socket.write(&[0; 64 * 1024]) {
                Ok(len) => written += len,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return written,
                Err(error) => panic!("{error}"),
            }
        }
    }
}
