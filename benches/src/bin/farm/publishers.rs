//! Who logs without being a web server: publishers as rthttpd has them, all on one thread.

use std::io;
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use benches::cpu::thread_time;
use benches::interrupt;
use rustix::thread::gettid;
use spread_logger::{Counters, LineLog, Publisher, PublisherOptions, line_ring};
use tokio::runtime::Builder;
use tokio::sync::watch;
use tokio::task::LocalSet;

use crate::load::Share;
use crate::moments::Moments;
use crate::{GROUP, JOIN_MAX, RunError};

/// Publishers that are connected.
#[derive(Debug)]
pub(crate) struct Publishers {
    /// For connecting, which does not count.
    cpu_before: Duration,
    logs: Vec<LineLog>,
    counters: Vec<Arc<Counters>>,
    stop: watch::Sender<bool>,
    thread: JoinHandle<io::Result<Duration>>,
}

/// What became of it.
#[derive(Debug)]
pub(crate) struct Published {
    /// Lines that found no room in rings and stores.
    pub(crate) lost: u64,
    /// Of all publishers, while lines were logged and until all had been sent and acknowledged.
    pub(crate) cpu: Duration,
}

/// Lines are handed over so often: each burst is a hundredth of what a second has.
const BURST_EVERY: Duration = Duration::from_millis(10);

/// Of each publisher: several seconds of what it logs here.
const RING_BYTES: usize = 1 << 20;

/// What stands around the number in a line: a browser's, some 200 bytes in all.
const AFTER: &str = " HTTP/1.1\" 200 1024 \"http://farm.example/articles/\" \"Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\"";

impl Publishers {
    /// Starts `count` publishers, which use `daemons` in turn, and waits until all are connected.
    pub(crate) fn start(count: usize, daemons: &[String]) -> Result<Self, RunError> {
        let (mut logs, mut publishers) = (Vec::new(), Vec::new());
        for (number, daemon) in (0..count).zip(daemons.iter().cycle()) {
            let refused = |error: &dyn std::fmt::Display| RunError::Publisher(error.to_string());
            let (log, drain) = line_ring(RING_BYTES);
            let addresses = daemon.parse().map_err(|error| refused(&error))?;
            let group = GROUP.parse().map_err(|error| refused(&error))?;
            let mut options = PublisherOptions::new(addresses, group);
            options.tells_of_daemons = number == 0;
            let publisher = Publisher::new(options, vec![drain]);
            publishers.push(publisher.map_err(|error| refused(&error))?);
            logs.push(log);
        }
        let counters: Vec<_> = publishers.iter().map(Publisher::counters).collect();
        let (stop, stopped) = watch::channel(false);
        let (say, said) = mpsc::channel();
        let thread = thread::Builder::new().name("publishers".to_owned());
        let thread = thread.spawn(move || publish(publishers, &stopped, &say))?;
        let no_thread = |_| RunError::Publisher("its thread has ended".to_owned());
        let thread_id = said.recv().map_err(no_thread)?;
        let deadline = Instant::now() + JOIN_MAX;
        let is_away = |counters: &Arc<Counters>| counters.connected_since().is_none();
        while counters.iter().any(is_away) {
            if Instant::now() > deadline || thread.is_finished() {
                return Err(RunError::Publisher("no daemon takes it".to_owned()));
            }
            interrupt::check()?;
            thread::sleep(BURST_EVERY);
        }
        Ok(Self {
            cpu_before: thread_time(thread_id)?,
            logs,
            counters,
            stop,
            thread,
        })
    }

    /// Waits until each has heard of so many logging hosts: before, it sends nothing for 2 seconds at most.
    pub(crate) fn wait_until_answered(&self, hosts: usize) -> Result<(), RunError> {
        let deadline = Instant::now() + JOIN_MAX;
        let is_answered =
            |counters: &Arc<Counters>| counters.books().acknowledged.hosts >= hosts as u64;
        while !self.counters.iter().all(is_answered) {
            if Instant::now() > deadline {
                return Err(RunError::Publisher("no logging host answers it".to_owned()));
            }
            interrupt::check()?;
            thread::sleep(BURST_EVERY);
        }
        Ok(())
    }

    /// Logs their share of the lines, evenly over the time; the moment of each.
    pub(crate) fn log(&mut self, share: Share, began: Instant) -> Result<Moments, RunError> {
        let mut moments = Moments::new(share.lines);
        let mut logged = 0;
        for burst in 1..=share.seconds() * 100 {
            let until = share.lines * burst / (share.seconds() * 100);
            for number in logged..until {
                if let Some(place) = share.of_publisher(number)
                    && let Some(log) = self.logs.get_mut(place)
                {
                    moments.note(number, began.elapsed());
                    log.log(line(place, number).as_bytes());
                }
            }
            logged = until;
            interrupt::check()?;
            let next = began + BURST_EVERY * u32::try_from(burst).unwrap_or(u32::MAX);
            thread::sleep(next.saturating_duration_since(Instant::now()));
        }
        Ok(moments)
    }

    /// Ends them when everything has been taken.
    pub(crate) fn finish(self) -> Result<Published, RunError> {
        drop(self.logs);
        self.stop.send_replace(true);
        let ended = self.thread.join();
        let cpu =
            ended.map_err(|_| RunError::Publisher("its thread has panicked".to_owned()))??;
        let books = self.counters.iter().map(|counters| counters.books());
        Ok(Published {
            lost: books.map(|books| books.lost.total()).sum(),
            cpu: cpu.saturating_sub(self.cpu_before),
        })
    }
}

fn line(publisher: usize, number: u64) -> String {
    format!(
        "192.0.2.{} - - [28/Nov/2026:12:00:00 +0000] \"GET /{publisher}/{number}{AFTER}",
        publisher % 256,
    )
}

/// Runs all until the stop, and says on which thread; the CPU time of it.
fn publish(
    publishers: Vec<Publisher>,
    stopped: &watch::Receiver<bool>,
    say: &mpsc::Sender<u32>,
) -> io::Result<Duration> {
    let thread = gettid().as_raw_nonzero().get().unsigned_abs();
    // Who started it has gone if nobody listens, and stops it.
    say.send(thread).ok();
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let tasks = LocalSet::new();
    for publisher in publishers {
        let mut stopped = stopped.clone();
        tasks.spawn_local(publisher.run(async move {
            // An error means that the sender has gone, which is a stop as well.
            stopped.wait_for(|is_stopped| *is_stopped).await.ok();
        }));
    }
    runtime.block_on(tasks);
    thread_time(thread)
}

#[cfg(test)]
mod tests {
    use crate::moments::number;

    use super::*;

    #[test]
    fn a_line_has_its_number_where_it_is_looked_for() {
        assert_eq!(number(line(300, 17).as_bytes()), Some(17));
    }
}
