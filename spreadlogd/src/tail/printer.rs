//! The output of `spreadlogd tail`, which may take nothing for as long as it pleases: a terminal
//! that is stopped (Ctrl-S), a pager.
//!
//! Whoever reads from a daemon must not wait for it, so lines go through a bounded queue to a
//! thread that writes. Once the queue is full all lines are dropped until it is half empty: one
//! hole in what is shown, of which is told, rather than many.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::timeout;
use tracing::warn;

use crate::room::Room;

/// 8 MiB: what a farm of 40,000 lines a second says in one, and more than anybody scrolls back.
const QUEUE_BYTES_MAX: usize = 8 << 20;

/// What a waiting message takes beside its lines.
const COST: usize = 64;

/// 64 KiB are written at once, if there is as much.
const WRITE_BYTES: usize = 64 << 10;

/// What is to be written, on its way to the thread that writes it.
#[derive(Debug)]
pub struct Printer {
    queue: mpsc::Sender<Vec<u8>>,
    shared: Arc<Shared>,
    is_overflowing: bool,
}

/// Why no more is written; it comes once.
#[derive(Debug)]
pub struct PrinterEnd(oneshot::Receiver<io::Result<()>>);

#[derive(Debug)]
struct Shared {
    room: Room,
    dropped: AtomicU64,
}

impl Printer {
    /// Writes to `out` on a thread of its own.
    ///
    /// # Errors
    /// When the system has no thread.
    pub fn start(out: impl Write + Send + 'static) -> io::Result<(Self, PrinterEnd)> {
        Self::with(out, QUEUE_BYTES_MAX)
    }

    fn with(out: impl Write + Send + 'static, max: usize) -> io::Result<(Self, PrinterEnd)> {
        let (queue, pieces) = mpsc::channel();
        let shared = Arc::new(Shared {
            room: Room::new(max),
            dropped: AtomicU64::new(0),
        });
        let (ended, end) = oneshot::channel();
        let writing = Arc::clone(&shared);
        thread::Builder::new()
            .name("printer".into())
            .spawn(move || {
                // Nobody is there to be told when the program ends already.
                let _ = ended.send(write_all(out, &pieces, &writing));
            })?;
        let printer = Self {
            queue,
            shared,
            is_overflowing: false,
        };
        Ok((printer, PrinterEnd(end)))
    }

    /// Has `text` of so many lines written, or dropped and counted if there is no room. Never
    /// waits.
    pub fn print(&mut self, text: Vec<u8>, lines: u64) {
        let room = &self.shared.room;
        let cost = text.len() + COST;
        self.is_overflowing &= !room.is_half_free();
        if !self.is_overflowing && room.take(cost) {
            // Where nobody takes it, that has been told as the end.
            let _ = self.queue.send(text);
            return;
        }
        if !self.is_overflowing {
            self.is_overflowing = true;
            warn!("lines are taken slower than they come: some will not be shown");
        }
        self.shared.dropped.fetch_add(lines, Ordering::Relaxed);
    }

    /// Gives up what is not written, and tells how much was dropped.
    pub async fn finish(self, mut end: PrinterEnd, within: Duration) -> io::Result<()> {
        let Self { queue, shared, .. } = self;
        drop(queue);
        let ended = timeout(within, end.wait()).await;
        shared.tell();
        ended.unwrap_or(Ok(()))
    }
}

impl PrinterEnd {
    /// Waits until no more can be written: cancel-safe.
    ///
    /// # Errors
    /// What the output said.
    pub async fn wait(&mut self) -> io::Result<()> {
        // A thread that is gone without a word has nothing to say.
        (&mut self.0).await.unwrap_or(Ok(()))
    }
}

impl Shared {
    /// Says how many lines were dropped since it was last said.
    fn tell(&self) {
        let dropped = self.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            warn!("{dropped} lines are not shown");
        }
    }
}

/// Writes what comes until nobody sends any more.
fn write_all(
    mut out: impl Write,
    pieces: &mpsc::Receiver<Vec<u8>>,
    shared: &Shared,
) -> io::Result<()> {
    while let Ok(mut text) = pieces.recv() {
        let mut cost = text.len() + COST;
        while text.len() < WRITE_BYTES
            && let Ok(more) = pieces.try_recv()
        {
            cost += more.len() + COST;
            text.extend_from_slice(&more);
        }
        out.write_all(&text)?;
        out.flush()?;
        shared.room.give_back(cost);
        if shared.room.is_half_free() {
            shared.tell();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    /// What is written and what is dropped is everything, and in order.
    #[tokio::test]
    async fn an_output_that_takes_nothing_keeps_nobody_waiting() {
        let (mut reader, writer) = io::pipe().unwrap();
        let (mut printer, end) = Printer::with(writer, 1 << 20).unwrap();
        for n in 0..100_000 {
            printer.print(format!("{n:040}\n").into_bytes(), 1);
        }
        let dropped = printer.shared.dropped.load(Ordering::Relaxed);
        assert!(dropped > 50_000, "{dropped}");
        assert!(printer.shared.room.held() <= 1 << 20);
        let read = thread::spawn(move || {
            let mut text = String::new();
            reader.read_to_string(&mut text).unwrap();
            text
        });
        printer.finish(end, Duration::from_secs(60)).await.unwrap();
        let text = read.join().unwrap();

        let expected: String = (0..100_000 - dropped)
            .map(|n| format!("{n:040}\n"))
            .collect();
        assert_eq!(text, expected);
    }

    #[tokio::test]
    async fn an_output_that_is_closed_is_told_of() {
        let (reader, writer) = io::pipe().unwrap();
        let (mut printer, mut end) = Printer::with(writer, 1 << 20).unwrap();
        drop(reader);
        printer.print(b"a\n".to_vec(), 1);

        let error = end.wait().await.unwrap_err();

        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
        printer.print(b"b\n".to_vec(), 1);
    }

    /// After a hole it goes on.
    #[tokio::test]
    async fn lines_are_shown_again_when_there_is_room() {
        let (reader, writer) = io::pipe().unwrap();
        let (mut printer, end) = Printer::with(writer, 1_000).unwrap();
        printer.print(vec![b'x'; 2_000], 7);
        assert_eq!(printer.shared.dropped.load(Ordering::Relaxed), 7);

        printer.print(b"a\n".to_vec(), 1);
        printer.finish(end, Duration::from_secs(60)).await.unwrap();

        assert_eq!(io::read_to_string(reader).unwrap(), "a\n");
    }
}
