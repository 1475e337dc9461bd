//! A file's content as a part of this process's memory, sent to sockets and never read here.
//!
//! A file that is cut while it is mapped leaves pages with nothing behind them. Whoever reads one
//! is killed by SIGBUS; a system call that is given one fails with EFAULT, or ends before it. So
//! nobody gets at the bytes: where they are is known here alone, and only the kernel is told.

use std::io;
use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd};

use rustix::net::SendFlags;

/// The first bytes of a file, in memory as long as this is.
#[derive(Debug)]
pub(crate) struct Mapping {
    /// No pointer, as nothing here may be read by it.
    address: usize,
    len: usize,
}

impl Mapping {
    /// Maps `len` bytes of `file`. Pages of it that are in memory are found there without the disk.
    ///
    /// # Errors
    /// Where that is nothing, or not to be mapped; when there are too many mappings; and on other
    /// systems than Linux, where nobody has tried what becomes of a file that is cut.
    pub(crate) fn new(file: impl AsFd, len: usize) -> io::Result<Self> {
        if !cfg!(target_os = "linux") {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let descriptor = file.as_fd().as_raw_fd();
        let (read, shared, anywhere) = (libc::PROT_READ, libc::MAP_SHARED, std::ptr::null_mut());
        #[expect(unsafe_code, reason = "only the kernel can map a file")]
        // SAFETY: without MAP_FIXED the kernel chooses a place where nothing is, so no memory that
        // somebody has is changed; no reference into it is ever made.
        let address = unsafe { libc::mmap(anywhere, len, read, shared, descriptor, 0) };
        if address == libc::MAP_FAILED {
            return Err(io::Error::last_os_error());
        }
        Ok(Self {
            address: address.expose_provenance(),
            len,
        })
    }

    /// Sends `head` and what it has of `part`, or the beginning of both; says how much that was.
    ///
    /// # Errors
    /// The socket's, and EFAULT when the file has been cut before that part.
    pub(crate) fn send(
        &self,
        socket: impl AsFd,
        head: &[u8],
        part: Range<u64>,
        flags: SendFlags,
    ) -> io::Result<usize> {
        let within = |at: u64| usize::try_from(at).map_or(self.len, |at| at.min(self.len));
        let (start, end) = (within(part.start), within(part.end));
        let mut pieces = [
            libc::iovec {
                iov_base: head.as_ptr().cast_mut().cast(),
                iov_len: head.len(),
            },
            libc::iovec {
                iov_base: std::ptr::with_exposed_provenance_mut(self.address + start),
                iov_len: end.saturating_sub(start),
            },
        ];
        let flags = (flags | SendFlags::NOSIGNAL).bits().cast_signed();
        #[expect(unsafe_code, reason = "a slice of it could be read, and change")]
        // SAFETY: a zeroed msghdr is one without address and control data. Its pieces are in
        // `pieces`, which outlives the call: a slice that is borrowed as long, and a part of what
        // was mapped and is until `self` is dropped. The kernel reads of both and writes to
        // neither, and answers EFAULT for a page that has nothing behind it.
        let sent = unsafe {
            let mut message: libc::msghdr = std::mem::zeroed();
            message.msg_iov = pieces.as_mut_ptr();
            message.msg_iovlen = 2;
            libc::sendmsg(socket.as_fd().as_raw_fd(), &raw const message, flags)
        };
        usize::try_from(sent).map_err(|_| io::Error::last_os_error())
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let address = std::ptr::with_exposed_provenance_mut(self.address);
        #[expect(unsafe_code, reason = "what was mapped has to be given back")]
        // SAFETY: this is what `new` has mapped, it is given back once, and no reference into it
        // was ever made. A failure would leave it mapped, which harms nobody.
        let _ = unsafe { libc::munmap(address, self.len) };
    }
}

#[cfg(all(test, target_os = "linux"))]
#[expect(clippy::unwrap_used, reason = "a test that fails here has failed")]
mod tests {
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;

    fn sent(mapping: &Mapping, head: &[u8], part: Range<u64>) -> Vec<u8> {
        let (socket, mut other) = UnixStream::pair().unwrap();
        let sent = mapping
            .send(&socket, head, part, SendFlags::empty())
            .unwrap();
        drop(socket);
        let mut got = Vec::new();
        other.read_to_end(&mut got).unwrap();
        assert_eq!(got.len(), sent);
        got
    }

    #[test]
    fn what_is_sent_is_the_head_and_the_part_as_far_as_there_is_one() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"0123456789").unwrap();
        let mapping = Mapping::new(&file, 10).unwrap();

        assert_eq!(sent(&mapping, b"head ", 0..10), b"head 0123456789");
        assert_eq!(sent(&mapping, b"", 3..5), b"34");
        assert_eq!(sent(&mapping, b"", 8..99), b"89");
        assert_eq!(sent(&mapping, b"head", 99..100), b"head");
    }

    #[test]
    fn a_file_that_was_cut_is_an_error_and_not_the_end() {
        let file = tempfile::tempfile().unwrap();
        file.set_len(100_000).unwrap();
        let mapping = Mapping::new(&file, 100_000).unwrap();
        assert_eq!(sent(&mapping, b"", 0..100_000).len(), 100_000);

        file.set_len(0).unwrap();

        let (socket, _other) = UnixStream::pair().unwrap();
        let outcome = mapping.send(&socket, b"", 0..100_000, SendFlags::empty());
        assert_eq!(outcome.unwrap_err().raw_os_error(), Some(libc::EFAULT));
    }

    #[test]
    fn nothing_cannot_be_mapped() {
        let file = tempfile::tempfile().unwrap();

        assert!(Mapping::new(&file, 0).is_err());
    }
}
