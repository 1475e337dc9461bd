//! `spreadlogd replay FILE --spread ADDRESS`: log files once more on their way to logging hosts.
//!
//! It is a publisher as any web server's: its lines are numbered, kept until every logging host
//! has acknowledged them, and sent again to who asks. But where a web server would drop lines, it
//! waits. What it cannot prove to have arrived it says, with the place to go on from.

use std::io;
use std::num::NonZeroU64;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use clap::Args;
use spread::{Addresses, GroupName};
use spread_logger::diagnostics::{Chain, Diagnostics, Stamps};
use spread_logger::{
    Books, Counters, OptionsError, Publisher, PublisherOptions, WhenFull, line_ring,
};
use tokio::runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::oneshot;
use tokio::time::{MissedTickBehavior, interval};
use tracing_subscriber::filter::{LevelFilter, Targets};

use super::error::ToolError;
use super::feed::{Fed, Feed};
use super::progress::Progress;

/// `spreadlogd replay FILE… --spread ADDRESS [--group NAME] [--rate LINES] [--from OFFSET]`.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ReplayArgs {
    /// The files, sent one after the other; gzip is unpacked
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// The Spread daemons, tried in this order: 4803@HOST, 4803, or the path of a socket
    #[arg(long, value_name = "ADDRESSES")]
    spread: Addresses,

    /// The group
    #[arg(long, value_name = "NAME", default_value = "access_log")]
    group: GroupName,

    /// Lines in a second [default: as fast as they are taken]
    #[arg(long, value_name = "LINES")]
    rate: Option<NonZeroU64>,

    /// Begin at this byte of the files, unpacked and one behind the other
    #[arg(long, value_name = "OFFSET", default_value_t = 0)]
    from: u64,

    /// Where Spread daemons have their unix sockets
    #[arg(long, value_name = "DIR", default_value = "/tmp")]
    spread_socket_dir: PathBuf,
}

const EXAMPLES: &str = "\
Exit status: 0 when every logging host has acknowledged every line, 1 when not. It then says with
which --from to go on; INT stops it so.

Examples:
  spreadlogd replay access_log.1.gz access_log --spread 4803@spread1
      what a new logging host has missed; those that have it already write it again
  spreadlogd replay access_log --spread 4803 --group test_log --rate 2000
      a load of 2,000 lines a second";

/// Why nothing was replayed.
#[derive(Debug, thiserror::Error)]
enum ReplayError {
    #[error(transparent)]
    Options(#[from] OptionsError),
    #[error("cannot start a thread")]
    Thread(#[from] io::Error),
}

/// How it ended.
struct Outcome {
    books: Books,
    fed: Result<(), ToolError>,
    lines: u64,
    offset: u64,
    is_interrupted: bool,
}

impl ReplayArgs {
    /// 0 when all has been acknowledged by all, 1 when not, 2 when it cannot be tried.
    pub(crate) fn run(&self) -> ExitCode {
        let filter = Targets::new().with_target("spread", LevelFilter::INFO);
        let Ok(diagnostics) = Diagnostics::start(filter, Stamps::Hidden) else {
            return ExitCode::FAILURE;
        };
        let feed = Feed {
            files: self.files.clone(),
            from: self.from,
            rate: self.rate,
        };
        let mut progress = Progress::of(&self.files);
        match self.replay(&feed, &mut progress) {
            Ok(outcome) => {
                progress.clear();
                let (text, code) = verdict(&outcome, &feed, progress.elapsed());
                diagnostics.say(&text);
                code
            }
            Err(error) => {
                diagnostics.say(&format!("spreadlogd: {}\n", Chain(&error)));
                ExitCode::from(2)
            }
        }
    }

    fn replay(&self, feed: &Feed, progress: &mut Progress) -> Result<Outcome, ReplayError> {
        let (log, drain) = line_ring(RING_BYTES);
        let options = PublisherOptions {
            socket_dir: self.spread_socket_dir.clone(),
            program: "spreadlogd replay".to_owned(),
            when_full: WhenFull::Wait,
            ..PublisherOptions::new(self.spread.clone(), self.group)
        };
        let publisher = Publisher::new(options, vec![drain])?;
        let counters = publisher.counters();
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let fed = Arc::new(Fed::default());
        let (done, is_done) = oneshot::channel();
        let feeding = {
            let (feed, fed, read) = (feed.clone(), Arc::clone(&fed), Arc::clone(progress.read()));
            move || {
                let result = feed.run(log, &fed, &read);
                // The other end waits for it, to the end of the program.
                let _ = done.send(result);
            }
        };
        let (books, (fed_whole, is_interrupted)) = runtime.block_on(async {
            let signals = Signals::catch()?;
            std::thread::Builder::new().spawn(feeding)?;
            let (stop, stopping) = oneshot::channel::<()>();
            let run = publisher.run(async {
                stopping.await.ok();
            });
            let watch = watch(signals, is_done, (&fed, &counters, progress), stop);
            Ok::<_, ReplayError>(tokio::join!(run, watch))
        })?;
        Ok(Outcome {
            books,
            fed: fed_whole,
            lines: fed.lines.load(Ordering::Relaxed),
            offset: fed.offset.load(Ordering::Relaxed).max(self.from),
            is_interrupted,
        })
    }
}

/// Tells how it goes, until all lines are with a daemon, or somebody has enough; then it stops the
/// publisher, which waits for the acknowledgements.
async fn watch(
    mut signals: Signals,
    mut is_done: oneshot::Receiver<Result<(), ToolError>>,
    (fed, counters, progress): (&Fed, &Counters, &mut Progress),
    stop: oneshot::Sender<()>,
) -> (Result<(), ToolError>, bool) {
    let mut tick = interval(LOOK_EVERY);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut result, mut is_interrupted) = (None, false);
    loop {
        tokio::select! {
            fed = &mut is_done, if result.is_none() => {
                // A sender that is gone has panicked, which was told.
                result = Some(fed.unwrap_or(Ok(())));
            }
            () = signals.any() => {
                is_interrupted = true;
                fed.is_over.store(true, Ordering::Relaxed);
            }
            _ = tick.tick() => {}
        }
        let (lines, books) = (fed.lines.load(Ordering::Relaxed), counters.books());
        progress.show(|progress| told(progress, lines, &books));
        let is_sent = counters.taken() >= lines && books.waiting == 0;
        if let Some(result) = result.take_if(|_| is_sent || is_interrupted) {
            drop(stop);
            return (result, is_interrupted);
        }
    }
}

fn told(progress: &Progress, lines: u64, books: &Books) -> String {
    let seconds = progress.elapsed().as_secs_f64().max(0.001);
    // For people: what is lost beyond 2^53 is nobody's line.
    let rate = books.sent.lines as f64 / seconds;
    format!(
        "{} % read, {lines} lines, {} sent ({} bytes, {rate:.0} lines/s), {} acknowledged",
        progress.per_cent(),
        books.sent.lines,
        books.sent.bytes,
        books.acknowledged.lines
    )
}

/// What is said at the end, and how it is counted.
fn verdict(outcome: &Outcome, feed: &Feed, took: Duration) -> (String, ExitCode) {
    let Outcome {
        books,
        fed,
        lines,
        offset,
        is_interrupted,
    } = outcome;
    let acknowledged = books.acknowledged;
    let is_answered = acknowledged.hosts > 0 || acknowledged.lines > 0;
    let arrived = if is_answered {
        acknowledged.lines
    } else {
        books.sent.lines
    };
    let mut text = format!("{lines} lines in {:.1} s", took.as_secs_f64());
    if arrived < *lines {
        text += &format!(
            "; {} of them are not {}",
            lines - arrived,
            if is_answered {
                "acknowledged by every logging host"
            } else {
                "sent"
            }
        );
    } else if is_answered {
        text += "; every logging host has acknowledged them";
    } else {
        text += "; all are sent, and no logging host acknowledges anything: those that keep a \
                 ledger would";
    }
    if let Err(error) = fed {
        text += &format!("\nspreadlogd: {}", Chain(error));
    }
    let is_whole = arrived >= *lines && fed.is_ok() && !is_interrupted;
    if !is_whole {
        let next = if arrived < *lines {
            feed.offset_of(arrived)
        } else {
            Ok(*offset)
        };
        match next {
            Ok(next) => text += &format!("\nto go on: --from {next}"),
            Err(error) => text += &format!("\nspreadlogd: {}", Chain(&error)),
        }
    }
    text.push('\n');
    let is_well = is_whole && (is_answered || *lines == 0);
    (
        text,
        if is_well {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        },
    )
}

/// Those that stop it.
struct Signals {
    int: Signal,
    term: Signal,
}

impl Signals {
    fn catch() -> io::Result<Self> {
        Ok(Self {
            int: signal(SignalKind::interrupt())?,
            term: signal(SignalKind::terminate())?,
        })
    }

    async fn any(&mut self) {
        tokio::select! {
            _ = self.int.recv() => {}
            _ = self.term.recv() => {}
        }
    }
}

/// 1 MiB, as a worker of a web server has.
const RING_BYTES: usize = 1 << 20;

/// 50 ms: whether all is sent is asked so often.
const LOOK_EVERY: Duration = Duration::from_millis(50);
