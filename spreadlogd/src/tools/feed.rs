//! The lines of files, one after the other, into a publisher's ring: at a pace, never dropped.

use std::num::NonZeroU64;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use spread_logger::{LineLog, LineRefused};

use super::error::ToolError;
use super::input::Input;

/// What is to be fed, and how.
#[derive(Clone, Debug)]
pub(super) struct Feed {
    pub(super) files: Vec<PathBuf>,
    /// Bytes of all files, unpacked and one behind the other, that are passed over.
    pub(super) from: u64,
    /// Lines in a second.
    pub(super) rate: Option<NonZeroU64>,
}

/// How far it is, readable while it goes on.
#[derive(Debug, Default)]
pub(super) struct Fed {
    /// Lines handed over.
    pub(super) lines: AtomicU64,
    /// Where the next begins, counted as [`Feed::from`] is.
    pub(super) offset: AtomicU64,
    /// It is to end now.
    pub(super) is_over: AtomicBool,
}

impl Feed {
    /// Hands all lines over, or as many as there are until it is told to end.
    pub(super) fn run(
        &self,
        mut log: LineLog,
        fed: &Fed,
        read: &Arc<AtomicU64>,
    ) -> Result<(), ToolError> {
        let began = Instant::now();
        let mut count = 0;
        self.each(read, |input, line, end| {
            if !self.wait(began, count, fed) {
                return Ok(false);
            }
            loop {
                match log.offer(line) {
                    Ok(()) => break,
                    Err(LineRefused::Full) if fed.is_over.load(Ordering::Relaxed) => {
                        return Ok(false);
                    }
                    Err(LineRefused::Full) => thread::sleep(LOOK_AGAIN),
                    Err(refused @ LineRefused::TooLong { .. }) => {
                        return Err(ToolError::Refused {
                            path: input.to_owned(),
                            next: end,
                            refused,
                        });
                    }
                }
            }
            count += 1;
            fed.lines.store(count, Ordering::Relaxed);
            fed.offset.store(end, Ordering::Relaxed);
            Ok(true)
        })
    }

    /// Where the line begins that is `lines` behind the first.
    pub(super) fn offset_of(&self, lines: u64) -> Result<u64, ToolError> {
        let (mut left, mut offset) = (lines, self.from);
        self.each(&Arc::default(), |_, _, end| {
            if left > 0 {
                left -= 1;
                offset = end;
            }
            Ok(left > 0)
        })?;
        Ok(offset)
    }

    /// Goes through the lines from the first that begins at `from` or behind it, each with where
    /// it ends, for as long as `take` wants more.
    fn each(
        &self,
        read: &Arc<AtomicU64>,
        mut take: impl FnMut(&Path, &[u8], u64) -> Result<bool, ToolError>,
    ) -> Result<(), ToolError> {
        let mut end = 0;
        for path in &self.files {
            let mut input = Input::open(path, read)?;
            while let Some(line) = input.next()? {
                let start = end;
                end += line.len() as u64;
                if start >= self.from && !take(path, line, end)? {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Waits until it is time for the line behind `count` others; false when it is over.
    fn wait(&self, began: Instant, count: u64, fed: &Fed) -> bool {
        let Some(rate) = self.rate else {
            return !fed.is_over.load(Ordering::Relaxed);
        };
        loop {
            if fed.is_over.load(Ordering::Relaxed) {
                return false;
            }
            let elapsed = began.elapsed();
            if due(count, elapsed, rate) {
                return true;
            }
            thread::sleep(LOOK_AGAIN);
        }
    }
}

/// Whether at this rate the line behind `count` others may go now.
fn due(count: u64, elapsed: Duration, rate: NonZeroU64) -> bool {
    let may_be = elapsed.as_millis() * u128::from(rate.get()) / 1000;
    may_be >= u128::from(count)
}

/// 5 ms: the ring is emptied every 20.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_rate_is_held_from_the_first_line_on() {
        let rate = NonZeroU64::new(100).unwrap();
        let may_go =
            |millis| (0..).take_while(move |n| due(*n, Duration::from_millis(millis), rate));

        assert_eq!(may_go(0).count(), 1);
        assert_eq!(may_go(10).count(), 2);
        assert_eq!(may_go(1000).count(), 101);
    }

    #[test]
    fn an_offset_counts_over_all_files() {
        let folder = tempfile::tempdir().unwrap();
        let files = [("a", "1\n22\n"), ("b", "333\n4")].map(|(name, text)| {
            let path = folder.path().join(name);
            fs::write(&path, text).unwrap();
            path
        });
        let feed = |from| Feed {
            files: files.to_vec(),
            from,
            rate: None,
        };
        let offsets: Vec<u64> = (0..6).map(|n| feed(0).offset_of(n).unwrap()).collect();
        assert_eq!(offsets, [0, 2, 5, 9, 10, 10]);
        assert_eq!(feed(5).offset_of(1).unwrap(), 9);

        let (log, mut drain) = spread_logger::line_ring(0);
        let fed = Fed::default();
        feed(2).run(log, &fed, &Arc::default()).unwrap();

        let mut text = Vec::new();
        drain.drain(|piece| text.extend_from_slice(piece));
        assert_eq!(text, b"22\n333\n4\n");
        assert_eq!(fed.offset.into_inner(), 10);
    }
}
