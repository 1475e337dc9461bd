//! Sending what a client did not take at once, and files too large for memory.
//!
//! A file goes from the page cache to the socket by `sendfile`, a chunk at a time, or is copied
//! from where it is mapped if many ask for it and it is not too large. Either
//! call would wait for the disk, and with it every connection of the worker; so before
//! every few chunks a look that does not wait finds out whether they are in memory, and if
//! they are not, another thread reads them first. How long chunks are is in `chunk`.

use std::future::poll_fn;
use std::io;
use std::os::fd::BorrowedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use rustix::net::SendFlags;
use rustix::net::sockopt::set_socket_linger;

use super::Connection;
use super::chunk::{CHUNK_LEN, LOOK_LEN, chunk_len, is_in_memory, segment_len};
use super::output::{Output, Tail, Unsent};
use super::turn::Written;
use crate::clock::Moment;
use crate::mapping::Mapping;
use crate::site::{Handle, LargeFile, Patience, read_at};
use crate::worker::Phase;

/// How much is read at a time of what has to be brought into memory.
const WARM_STEP: usize = 64 * 1024;

impl Connection {
    /// Writes a head, and behind it `file` from `first` on, if that is no more than one turn's and
    /// the page cache has it: as far as the client takes it. Of one that is mapped, no more than a
    /// turn's.
    pub(super) fn write_file(
        &mut self,
        cx: &mut Context<'_>,
        output: &Output,
        file: &LargeFile,
        first: u64,
    ) -> Written {
        let head_len = output.bytes.len() as u64;
        let end = output.len();
        let mut sent = 0;
        if let Some(mapping) = file.handle.mapping() {
            return self.write_mapped(output, mapping, first);
        }
        let len = usize::try_from(end - head_len).unwrap_or(usize::MAX);
        if end - head_len > CHUNK_LEN || !is_in_memory(&file.handle.descriptor, first, len) {
            return Written::Part(sent);
        }
        while sent < end {
            let written = if sent < head_len {
                // The file follows at once: one segment for the head and its beginning.
                match self
                    .stream
                    .poll_write(cx, &output.slices(sent), SendFlags::MORE)
                {
                    Poll::Ready(written) => written,
                    Poll::Pending => return Written::Part(sent),
                }
            } else {
                let mut offset = first + sent - head_len;
                let left = usize::try_from(end - sent).unwrap_or(usize::MAX);
                self.stream.try_write(|socket| {
                    let file = &file.handle.descriptor;
                    Ok(rustix::fs::sendfile(socket, file, Some(&mut offset), left)?)
                })
            };
            match written {
                // Nothing more: the file has been cut since its length was announced, and only
                // closing tells the client.
                Ok(0) => return Written::Gone(sent),
                Ok(written) => sent += written as u64,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Written::Part(sent);
                }
                Err(_) => return Written::Gone(sent),
            }
        }
        Written::All
    }

    /// The same from where it is mapped, in one call.
    fn write_mapped(&mut self, output: &Output, mapping: &Mapping, first: u64) -> Written {
        let head_len = output.bytes.len();
        let end = output.len();
        let turn_end = match end {
            ..=CHUNK_LEN => end,
            // What is longer is sent in full segments.
            _ => chunk_len(0, segment_len(&self.stream)),
        };
        let mut sent = 0;
        while sent < turn_end {
            let done = usize::try_from(sent).unwrap_or(usize::MAX);
            let head = output.bytes.get(done..).unwrap_or_default();
            let from = first + sent.saturating_sub(head_len as u64);
            let part = from..first + turn_end.saturating_sub(head_len as u64);
            let written = self
                .stream
                .try_write(|socket| mapping.send(socket, head, part, SendFlags::empty()));
            match written {
                Ok(written @ 1..) => sent += written as u64,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    return Written::Part(sent);
                }
                // The client is gone, or the file has been cut.
                Ok(0) | Err(_) => return Written::Gone(sent),
            }
        }
        match sent {
            sent if sent < end => Written::Part(sent),
            _ => Written::All,
        }
    }

    /// Sends the rest, logs the exchanges, and says whether the connection can go on.
    pub(super) async fn send(&mut self, unsent: &mut Unsent) -> bool {
        self.renew_deadline();
        let mut outcome = self.send_memory(&unsent.output, &mut unsent.sent).await;
        if outcome.is_ok() {
            outcome = self.send_tail(&unsent.output, &mut unsent.sent).await;
        }
        let worker = Rc::clone(&self.worker);
        let mut state = worker.state.borrow_mut();
        self.log(
            &mut state.logs,
            &unsent.output,
            &unsent.requests,
            unsent.sent,
        );
        if let Err(error) = &outcome
            && error.kind() == io::ErrorKind::TimedOut
            && worker.phase() != Phase::Ending
        {
            // A plain close would leave the kernel with megabytes for a client that takes none
            // of them, and for minutes. Where this fails, that is how it ends.
            let _ = set_socket_linger(&self.stream, Some(Duration::ZERO));
        }
        self.share = None;
        outcome.is_ok()
    }

    async fn send_memory(&mut self, output: &Output, sent: &mut u64) -> io::Result<()> {
        loop {
            let slices = output.slices(*sent);
            let left: usize = slices.iter().map(|slice| slice.len()).sum();
            if left == 0 {
                return Ok(());
            }
            let written = if output.is_in_memory() {
                let allowed = self.allowance(left as u64).await?;
                let slices = output.slices_within(*sent, allowed);
                let flags = SendFlags::empty();
                poll_fn(|cx| match self.stream.poll_write(cx, &slices, flags) {
                    Poll::Pending => self.poll_standstill().map(Err),
                    ready => ready,
                })
                .await?
            } else {
                // The file follows at once: one segment for the head and its beginning.
                let [bytes, _] = slices;
                return self.send_bytes(&bytes, SendFlags::MORE, sent).await;
            };
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            self.took(written, sent);
        }
    }

    /// Sends what is not in memory, from where it was left.
    async fn send_tail(&mut self, output: &Output, sent: &mut u64) -> io::Result<()> {
        let head_len = output.bytes.len() as u64;
        match &output.tail {
            Tail::None | Tail::Cached(..) | Tail::Page(_) | Tail::Listing(_) => Ok(()),
            Tail::File(file, first, len) => {
                let done = sent.saturating_sub(head_len);
                if done > 0 {
                    // That was a turn.
                    self.worker.rest().await;
                }
                let rest = (first + done, len - done);
                self.send_file(&file.handle, rest, sent).await
            }
            Tail::Parts(parts) => {
                let (file, parts) = &**parts;
                for (head, range) in parts.parts() {
                    self.send_bytes(head, SendFlags::MORE, sent).await?;
                    let part = (range.first(), range.len());
                    self.send_file(&file.handle, part, sent).await?;
                }
                self.send_bytes(parts.end(), SendFlags::empty(), sent).await
            }
        }
    }

    /// Sends all of `bytes`.
    async fn send_bytes(
        &mut self,
        mut bytes: &[u8],
        flags: SendFlags,
        sent: &mut u64,
    ) -> io::Result<()> {
        let mut flags = flags | SendFlags::NOSIGNAL;
        if self.share.is_some() {
            // What follows may not follow at once.
            flags -= SendFlags::MORE;
        }
        while !bytes.is_empty() {
            let part = self.part(bytes.len() as u64).await?;
            let part = bytes.get(..part).unwrap_or(bytes);
            let written = self
                .when_writable(|stream| Ok(rustix::net::send(stream, part, flags)?))
                .await?;
            if written == 0 {
                return Err(io::ErrorKind::WriteZero.into());
            }
            bytes = bytes.get(written..).unwrap_or_default();
            self.took(written, sent);
        }
        Ok(())
    }

    async fn send_file(
        &mut self,
        file: &Arc<Handle>,
        (first, len): (u64, u64),
        sent: &mut u64,
    ) -> io::Result<()> {
        let end = first + len;
        let mut at = first;
        // It grows at the beginning of a connection.
        let mut segment = segment_len(&self.stream);
        // Up to here it was in memory a moment ago.
        let mut seen = first;
        // Not at a pace of its own, as then nobody knows when the rest will go.
        let mut mapping = file.mapping().filter(|_| self.share.is_none());
        while at < end {
            let chunk = self.part((end - at).min(chunk_len(*sent, segment))).await? as u64;
            self.writable().await?;
            if mapping.is_none() && seen < at + chunk {
                // What goes at its own pace does so later.
                let ahead = if self.share.is_some() {
                    chunk
                } else {
                    LOOK_LEN
                };
                seen = end.min(at + ahead);
                let len = usize::try_from(seen - at).unwrap_or(usize::MAX);
                if !is_in_memory(&file.descriptor, at, len) {
                    self.warm(file, at, len).await?;
                }
                segment = segment_len(&self.stream);
            }
            let attempt = self.stream.try_write(|socket| match mapping {
                Some(mapping) => mapping.send(socket, b"", at..at + chunk, SendFlags::empty()),
                None => {
                    let (mut offset, len) = (at, usize::try_from(chunk).unwrap_or(usize::MAX));
                    let file = &file.descriptor;
                    let sent = rustix::fs::sendfile(socket, file, Some(&mut offset), len);
                    Ok(sent?)
                }
            });
            let written = match attempt {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    // Nobody knows for how long. Of what is passed on the kernel keeps no copy for
                    // each client that takes its time.
                    seen = at;
                    mapping = None;
                    continue;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                attempt => attempt?,
            };
            if written == 0 {
                // The file has been cut since its length was announced: only
                // closing tells the client that there will be no more.
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            at += written as u64;
            self.took(written, sent);
            if at < end && written as u64 == chunk {
                self.worker.rest().await;
            }
        }
        Ok(())
    }

    /// Brings a chunk into memory on a thread that may wait for the disk.
    async fn warm(&mut self, file: &Arc<Handle>, at: u64, len: usize) -> io::Result<()> {
        let file = Arc::clone(file);
        let task = tokio::task::spawn_blocking(move || {
            let mut into = vec![0; WARM_STEP.min(len)];
            for start in (0..len).step_by(WARM_STEP) {
                let left = WARM_STEP.min(len - start);
                let part = into.get_mut(..left).unwrap_or_default();
                // A failure shows again where it matters, in sendfile.
                let _ = read_at(&file.descriptor, part, at + start as u64, Patience::Waiting);
            }
        });
        task.await.map_err(io::Error::other)?;
        self.renew_deadline();
        Ok(())
    }

    /// Tries until the socket takes something.
    async fn when_writable(
        &mut self,
        mut attempt: impl FnMut(BorrowedFd<'_>) -> io::Result<usize>,
    ) -> io::Result<usize> {
        loop {
            self.writable().await?;
            match self.stream.try_write(&mut attempt) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => return outcome,
            }
        }
    }

    /// Waits until the socket may take something.
    async fn writable(&mut self) -> io::Result<()> {
        poll_fn(|cx| match self.stream.poll_write_ready(cx) {
            Poll::Pending => self.poll_standstill().map(Err),
            ready => ready,
        })
        .await
    }

    /// Ready when the client has taken nothing for the whole of its time, or the server ends.
    pub(super) fn poll_standstill(&mut self) -> Poll<io::Error> {
        loop {
            ready!(self.poll_patience());
            if self.worker.phase() == Phase::Ending || !self.untaken.has_shrunk(&self.stream) {
                return Poll::Ready(io::ErrorKind::TimedOut.into());
            }
            self.deadline = Moment::now().after(self.worker.timeouts().send);
        }
    }

    /// How much of `len` may be sent now; waits until some may.
    pub(super) async fn part(&mut self, len: u64) -> io::Result<usize> {
        let part = self.allowance(len).await?;
        Ok(usize::try_from(part).unwrap_or(usize::MAX))
    }

    /// The socket took `written` more bytes.
    pub(super) fn took(&mut self, written: usize, sent: &mut u64) {
        *sent += written as u64;
        self.note_sent(written as u64);
        self.renew_deadline();
    }

    /// Something was written, or can be.
    pub(super) fn renew_deadline(&mut self) {
        self.untaken.forget();
        self.deadline = Moment::now().after(self.worker.timeouts().send);
    }
}
