//! A stream that is written to without waiting for whoever reads it.
//!
//! What is said goes into a bounded queue, and a thread of its own writes it. What finds no room
//! is counted; as soon as there is room again, a line in its place says how much is missing.
//!
//! The queue is behind a lock that is held for as long as it takes to put a message in or to take
//! one out, never while anything is written.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

/// Bytes that may wait: more than anybody reads who comes back to a stopped terminal.
const BYTES_MAX: usize = 256 * 1024;

/// Messages that may wait: what each costs beside its bytes is bounded too.
const MESSAGES_MAX: usize = 1_000;

/// Between two attempts to write to a stream that another process has made non-blocking.
const RETRY_WAIT: Duration = Duration::from_millis(20);

/// One end of a stream: text goes in here, and nobody waits for it. A cheap clone.
#[derive(Clone, Debug)]
pub struct Outlet(Arc<Handle>);

/// Tells the thread that nothing will come any more, by being dropped.
#[derive(Debug)]
struct Handle(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    queue: Mutex<Queue>,
    /// Something has come, or nothing will.
    filled: Condvar,
    /// Everything has been written.
    emptied: Condvar,
}

#[derive(Debug, Default)]
struct Queue {
    messages: VecDeque<Box<[u8]>>,
    bytes: usize,
    /// Messages that found no room since the last one that did.
    missing: u64,
    /// All that ever found none.
    found_no_room: u64,
    is_writing: bool,
    is_closed: bool,
}

impl Outlet {
    /// Starts the thread that writes to `stream`, which is named after it.
    ///
    /// # Errors
    ///
    /// When the system refuses the thread.
    pub fn open(name: &str, mut stream: impl Write + Send + 'static) -> io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let handle = Handle(Arc::clone(&shared));
        thread::Builder::new().name(name.into()).spawn(move || {
            while let Some(message) = shared.next() {
                // A reader that is gone is nobody to tell, and no reason to stop.
                let _ = write(&mut stream, &message);
            }
        })?;
        Ok(Self(Arc::new(handle)))
    }

    /// Hands `text` over to be written as it is, or counts it as missing.
    pub fn say(&self, text: &[u8]) {
        let shared = &self.0.0;
        let mut queue = shared.queue();
        queue.push(text);
        drop(queue);
        shared.filled.notify_one();
    }

    /// Messages that have found no room until now.
    #[must_use]
    pub fn found_no_room(&self) -> u64 {
        self.0.0.queue().found_no_room
    }

    /// Waits until everything said before is written, for so long at most; whether it is.
    #[must_use]
    pub fn flush(&self, timeout: Duration) -> bool {
        let shared = &self.0.0;
        let waited = shared
            .emptied
            .wait_timeout_while(shared.queue(), timeout, |queue| !queue.is_done());
        let (queue, _) = waited.unwrap_or_else(PoisonError::into_inner);
        queue.is_done()
    }
}

/// For `tracing`, which writes each event with one call.
impl Write for &Outlet {
    fn write(&mut self, text: &[u8]) -> io::Result<usize> {
        self.say(text);
        Ok(text.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.queue().is_closed = true;
        self.0.filled.notify_one();
    }
}

impl Shared {
    /// The next message, when there is one; `None` when there will be none.
    fn next(&self) -> Option<Box<[u8]>> {
        let mut queue = self.queue();
        queue.is_writing = false;
        loop {
            if let Some(message) = queue.pop() {
                queue.is_writing = true;
                return Some(message);
            }
            self.emptied.notify_all();
            if queue.is_closed {
                return None;
            }
            let woken = self.filled.wait(queue);
            queue = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// No panic can leave it half changed.
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Queue {
    fn push(&mut self, text: &[u8]) {
        if self.messages.len() >= MESSAGES_MAX || self.bytes + text.len() > BYTES_MAX {
            self.missing += 1;
            self.found_no_room += 1;
            return;
        }
        self.push_missing();
        self.bytes += text.len();
        self.messages.push_back(text.into());
    }

    fn pop(&mut self) -> Option<Box<[u8]>> {
        if self.messages.is_empty() {
            self.push_missing();
        }
        let message = self.messages.pop_front()?;
        self.bytes -= message.len();
        Some(message)
    }

    /// Says what is missing, in its place.
    fn push_missing(&mut self) {
        let line = match std::mem::take(&mut self.missing) {
            0 => return,
            missing => format!("messages missing here, as nobody was reading: {missing}\n"),
        };
        self.bytes += line.len();
        self.messages.push_back(line.into_bytes().into());
    }

    fn is_done(&self) -> bool {
        self.messages.is_empty() && self.missing == 0 && !self.is_writing
    }
}

/// Writes all of `text`, however often the stream would rather be asked later.
fn write(stream: &mut impl Write, mut text: &[u8]) -> io::Result<()> {
    while !text.is_empty() {
        #[expect(
            clippy::disallowed_methods,
            reason = "write_all does not say how much a non-blocking stream took"
        )]
        match stream.write(text) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => text = text.get(written..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => thread::sleep(RETRY_WAIT),
            Err(error) => return Err(error),
        }
    }
    stream.flush()
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, Sender, channel};

    use super::*;

    /// Far beyond anything but a hang.
    const PATIENCE: Duration = Duration::from_secs(60);

    /// A stream that says when it is written to, and takes it when it is given leave.
    struct Stopped {
        asked: Sender<Vec<u8>>,
        leave: Receiver<()>,
    }

    impl Write for Stopped {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            let _ = self.asked.send(text.to_vec());
            let _ = self.leave.recv();
            Ok(text.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    /// An outlet whose first message hangs in its stream; what is written, and the leave to go on.
    fn stopped() -> (Outlet, Receiver<Vec<u8>>, Sender<()>) {
        let ((asked, written), (go_on, leave)) = (channel(), channel());
        let outlet = Outlet::open("test", Stopped { asked, leave }).unwrap();
        outlet.say(b"first");
        assert_eq!(written.recv().unwrap(), b"first");
        (outlet, written, go_on)
    }

    #[test]
    fn what_finds_no_room_is_counted_and_said_in_its_place() {
        let (outlet, written, go_on) = stopped();
        for number in 0..MESSAGES_MAX + 3 {
            outlet.say(number.to_string().as_bytes());
        }
        // One is taken, so there is room for one.
        go_on.send(()).unwrap();
        assert_eq!(written.recv().unwrap(), b"0");

        outlet.say(b"last");

        drop(go_on);
        assert!(outlet.flush(PATIENCE));
        let mut expected: Vec<_> = (1..MESSAGES_MAX).map(|number| number.to_string()).collect();
        expected.push("messages missing here, as nobody was reading: 3\n".into());
        expected.push("last".into());
        let rest: Vec<_> = written.try_iter().collect();
        assert_eq!(rest.len(), expected.len());
        for (written, expected) in rest.iter().zip(&expected) {
            assert_eq!(written, expected.as_bytes());
        }
        assert_eq!(outlet.found_no_room(), 3);
    }

    #[test]
    fn what_is_missing_at_the_end_is_said_too() {
        let (outlet, written, go_on) = stopped();
        outlet.say(&vec![b'x'; BYTES_MAX]);
        outlet.say(b"y");

        drop(go_on);

        assert!(outlet.flush(PATIENCE));
        let rest: Vec<_> = written.try_iter().collect();
        assert_eq!(rest.len(), 2);
        assert_eq!(
            rest[1],
            b"messages missing here, as nobody was reading: 1\n"
        );
    }

    #[test]
    fn a_flush_does_not_wait_for_ever() {
        let (outlet, _written, go_on) = stopped();

        assert!(!outlet.flush(Duration::from_millis(1)));

        drop(go_on);
        assert!(outlet.flush(PATIENCE));
    }

    /// Takes a byte at a time, and every other time nothing.
    struct Reluctant {
        is_willing: bool,
        taken: Sender<u8>,
    }

    impl Write for Reluctant {
        fn write(&mut self, text: &[u8]) -> io::Result<usize> {
            self.is_willing = !self.is_willing;
            if !self.is_willing {
                return Err(io::ErrorKind::WouldBlock.into());
            }
            let _ = self.taken.send(text[0]);
            Ok(1)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stream_that_somebody_made_non_blocking_gets_everything() {
        let (taken, bytes) = channel();
        let stream = Reluctant {
            is_willing: true,
            taken,
        };
        let outlet = Outlet::open("test", stream).unwrap();

        outlet.say(b"text");

        drop(outlet);
        assert_eq!(bytes.iter().collect::<Vec<_>>(), b"text");
    }
}
