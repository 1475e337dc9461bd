//! A logging host: its files open, its sessions and its writer ready to run.

use std::collections::{BTreeSet, HashMap};
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use spread::GroupName;
use spread::client::ConnectOptions;
use spread::stream::{HostId, StreamGroup};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};
use tracing::info;

use crate::assembly::{Assembly, AssemblyError};
use crate::config::{Config, Log, Subscription};
use crate::counters::{Counters, GroupCounters, Summary};
use crate::intake::{Intake, Place};
use crate::journal::{Directory, Journal, StateError, recover, seconds};
use crate::ledger::Ledger;
use crate::online::Online;
use crate::outlet::Outlet;
use crate::past::Past;
use crate::queue::{Item, Queue};
use crate::router::Router;
use crate::sink::{Locking, Shelf};
use crate::small::LINES_MAX;
use crate::state;
use crate::subscriber::{FirstTry, JOIN_TIMEOUT, RETURN_AFTER, Stopping, Subscriber};
use crate::writer::Writer;

/// What a [`Spreadlogd`] is told while it runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Command {
    /// Open all files again by their paths: they may have been moved away (HUP).
    Reopen,
    /// Read what the daemons have delivered, write it, and end (TERM).
    Stop,
    /// As [`Self::Stop`], but another begins where this one ends, with another configuration
    /// (HUP): nothing is said to publishers, and it takes no longer than it must.
    HandOver,
}

/// What the configuration file does not say.
#[derive(Clone, Debug)]
pub struct Options {
    /// Whether files are locked against other writers.
    pub locking: Locking,
    /// Where Spread's unix sockets are.
    pub socket_dir: PathBuf,
    /// Memory for lines that were received and not yet written; lines beyond it are lost.
    pub receive_bytes_max: usize,
    /// How many of the files that lines name may be open at a time.
    pub files_max: usize,
    /// How long [`Command::Stop`] may take.
    pub stop_timeout: Duration,
    /// Where the ledger is. Without it: where the configuration says, or else in `.spreadlogd`
    /// beside the first log that is a regular file; with none there is a ledger in memory only.
    pub state_dir: Option<PathBuf>,
    /// Whether publishers are told at the stop that this logging host does not come back, so that
    /// they keep nothing for it.
    pub says_farewell: bool,
    /// Module online of the one before, which goes on if the configuration asks for the same.
    pub online: Option<Online>,
    /// The counters of the one before, which go on, as far as the configuration names the same.
    pub counters: Option<Arc<Counters>>,
    /// Is offered the body of each message that was written: whole lines, one or more. It is
    /// never waited for.
    pub tap: Option<mpsc::Sender<Bytes>>,
}

impl Options {
    /// 256 MiB: what a farm of 300 publishers sends in several seconds at full speed, and a
    /// disk takes no longer to come back from a flush.
    pub const RECEIVE_BYTES_MAX: usize = 256 << 20;
    /// Half of the 1,024 open files that a system lets a process have, unless it is told to.
    pub const FILES_MAX: usize = 512;
    /// 10 s, as long as a publisher takes: the service managers' usual patience is 90 s.
    pub const STOP_TIMEOUT: Duration = Duration::from_secs(10);
}

impl Default for Options {
    fn default() -> Self {
        Self {
            locking: Locking::default(),
            socket_dir: ConnectOptions::default().socket_dir,
            receive_bytes_max: Self::RECEIVE_BYTES_MAX,
            files_max: Self::FILES_MAX,
            stop_timeout: Self::STOP_TIMEOUT,
            state_dir: None,
            says_farewell: false,
            online: None,
            counters: None,
            tap: None,
        }
    }
}

/// Why a logging host cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// What the configuration names cannot be had.
    #[error(transparent)]
    Assembly(#[from] AssemblyError),
    /// The ledger cannot be kept.
    #[error(transparent)]
    State(#[from] StateError),
    /// The ledger cannot be written.
    #[error("cannot write the ledger")]
    Ledger(#[source] io::Error),
}

/// Why a logging host ended without being asked to.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// The thread that writes cannot be started.
    #[error("cannot start the thread that writes")]
    Thread(#[source] io::Error),
    /// The thread that writes is gone, by a mistake of ours.
    #[error("the thread that writes has ended")]
    WriterEnded,
    /// A task that reads is gone, by a mistake of ours.
    #[error("a task that reads has ended")]
    SubscriberEnded,
    /// A file system hangs, and with it the thread that writes.
    #[error("some lines are not written yet, and the file system does not answer")]
    WriterHangs,
}

/// A logging host with its files open and locked, before it connects.
#[derive(Debug)]
pub struct Spreadlogd {
    subscribers: Vec<Subscriber>,
    writer: Writer,
    queue: Arc<Queue>,
    counters: Arc<Counters>,
    joined: watch::Sender<usize>,
    tried: watch::Sender<usize>,
    reopened: watch::Receiver<u64>,
    online: Option<Online>,
    stop_timeout: Duration,
}

impl Spreadlogd {
    /// Opens and locks the files of `config`. Nothing is connected yet.
    ///
    /// Relative paths begin at the current directory of now, also when files are opened again.
    ///
    /// # Errors
    /// When a file cannot be opened, or another writer holds it.
    pub fn open(config: &Config, options: &Options) -> Result<Self, StartError> {
        let queue = Arc::new(Queue::new(options.receive_bytes_max));
        let room = Arc::clone(queue.room());
        let mut shelf = Shelf::new(options.locking, room, options.tap.clone());
        shelf.set_passing_max(options.files_max);
        let before = options.counters.as_deref();
        let past = before.map_or_else(Past::default, Past::of);
        let mut logs = Assembly::begin(config, shelf, (options.online.clone(), past))?;
        let mut counters = Counters::default();
        if let Some(before) = before {
            counters.unrouted.add(before.unrouted.now());
        }
        let routers = config.spreads().iter();
        let routers = routers.map(|spread| router(spread, &mut logs, &mut counters));
        let routers = routers.collect::<Result<Vec<Router>, _>>()?;
        tell_of_long_names(config);
        let (ledger, directory) = open_ledger(config, options, &mut logs.shelf)?;
        let (ledger, blocks) = state::name_blocks(ledger, config.spreads());
        counters.room = Arc::clone(queue.room());
        counters.children = mem::take(&mut logs.programs);
        let online = logs.outlets.online.clone();
        let counters = Arc::new(counters);
        let (joined, tried) = (watch::Sender::new(0), watch::Sender::new(0));
        let mut settlers: Vec<_> = ledger.blocks.iter().map(|_| closed()).collect();
        let mut subscribers = Vec::new();
        for ((session, router), block) in counters.sessions().iter().zip(routers).zip(blocks) {
            let (settler, settled) = mpsc::unbounded_channel();
            let place = Place {
                block: u16::try_from(block).unwrap_or(u16::MAX),
                host: ledger
                    .blocks
                    .get(block)
                    .map_or(HostId(0), |block| block.host),
                router,
                session: Arc::clone(session),
                gathers: gathers(&logs.outlets.logs, options),
            };
            if let Some(place) = settlers.get_mut(block) {
                *place = settler;
            }
            subscribers.push(Subscriber {
                counters: Arc::clone(session),
                options: connect_options(options),
                joined: joined.clone(),
                first_try: FirstTry::new(tried.clone()),
                join_timeout: JOIN_TIMEOUT,
                return_after: RETURN_AFTER,
                intake: Intake::new(place, Arc::clone(&queue), Arc::clone(&counters), &ledger),
                settled,
                says_farewell: options.says_farewell,
            });
        }
        let journal = Journal::begin(ledger, directory).map_err(StartError::Ledger)?;
        let writer = Writer::new(
            Arc::clone(&queue),
            (logs.outlets, logs.shelf),
            journal,
            settlers,
            Arc::clone(&counters),
        );
        Ok(Self {
            subscribers,
            reopened: writer.reopened(),
            writer,
            queue,
            counters,
            joined,
            tried,
            online,
            stop_timeout: options.stop_timeout,
        })
    }

    /// What is counted; readable while it runs and after.
    #[must_use]
    pub fn counters(&self) -> Arc<Counters> {
        Arc::clone(&self.counters)
    }

    /// Who is online, if the configuration loads that module.
    #[must_use]
    pub fn online(&self) -> Option<Online> {
        self.online.clone()
    }

    /// How many sessions have joined their groups: as many as there are Spread blocks when
    /// everything that is sent from then on will be received.
    #[must_use]
    pub fn joined(&self) -> watch::Receiver<usize> {
        self.joined.subscribe()
    }

    /// How many sessions have joined, or failed to, at least once: as many as there are Spread
    /// blocks when all that can be had at once is there.
    #[must_use]
    pub fn tried(&self) -> watch::Receiver<usize> {
        self.tried.subscribe()
    }

    /// How often [`Command::Reopen`] has been carried out.
    #[must_use]
    pub fn reopened(&self) -> watch::Receiver<u64> {
        self.reopened.clone()
    }

    /// Runs until it is stopped, or `commands` is closed.
    ///
    /// It spawns a task for each Spread block on the current runtime and starts one thread, which
    /// writes; all have ended when it returns. Dropped before, it ends the tasks, and what was
    /// received but not written is lost.
    ///
    /// # Errors
    /// When it could not go on. What it was told to write is written as far as possible.
    pub async fn run(self, mut commands: mpsc::Receiver<Command>) -> Result<Summary, RunError> {
        let queue = Finisher(Arc::clone(&self.queue));
        let mut writer = start(self.writer)?;
        let (stop, stopping) = watch::channel(None);
        let mut sessions = JoinSet::new();
        for subscriber in self.subscribers {
            sessions.spawn(subscriber.run(stopping.clone()));
        }
        let ended = loop {
            let command = tokio::select! {
                command = commands.recv() => command,
                _ = &mut writer => return Err(RunError::WriterEnded),
                Some(_) = sessions.join_next() => break Err(RunError::SubscriberEnded),
            };
            match command {
                Some(Command::Reopen) => self.queue.command(Item::Reopen),
                Some(Command::Stop) | None => break Ok(false),
                Some(Command::HandOver) => break Ok(true),
            }
        };
        let is_handed_over = matches!(ended, Ok(true));
        if !is_handed_over {
            info!("stopping: what the daemons have delivered is read and written first");
        }
        let now = Instant::now();
        let deadline = now + self.stop_timeout;
        self.queue.command(Item::Hurry);
        // Half of the time for what the daemons still have, the other for the files.
        stop.send_replace(Some(Stopping {
            by: now + self.stop_timeout / 2,
            is_handed_over,
        }));
        while sessions.join_next().await.is_some() {}
        queue.finish(deadline);
        match timeout_at(deadline + HANG, writer).await {
            Ok(Ok(())) => {}
            Ok(Err(_)) => return Err(RunError::WriterEnded),
            Err(_) => return Err(RunError::WriterHangs),
        }
        let summary = self.counters.summary();
        info!("{summary}");
        ended.map(|_| summary)
    }
}

/// It wants no word of who else is in a group: what counts is said in the control groups.
fn connect_options(options: &Options) -> ConnectOptions {
    ConnectOptions {
        membership: false,
        socket_dir: options.socket_dir.clone(),
        gather: Some(GATHER),
        ..ConnectOptions::default()
    }
}

/// 1 ms: a daemon that is busy has some twenty messages in that time, and until it throws a reader
/// out it keeps a thousand, beside what the socket holds. Who watches a log does not feel it.
const GATHER: Duration = Duration::from_millis(1);

/// Which Logs take small messages gathered: not where somebody looks on, who sees message by
/// message, nor where few files would not be enough for the hosts of many messages.
fn gathers(logs: &[Outlet], options: &Options) -> Arc<[bool]> {
    let are_many = options.files_max as u64 >= 4 * LINES_MAX;
    let gathers = |outlet: &Outlet| {
        let has_files = are_many || !outlet.names_files();
        options.tap.is_none() && has_files && outlet.takes_lines_alone()
    };
    logs.iter().map(gathers).collect()
}

/// Starts the writer; the receiver is told when it has ended, with an error if it panicked.
fn start(writer: Writer) -> Result<oneshot::Receiver<()>, RunError> {
    let (ended, receiver) = oneshot::channel();
    let work = move || {
        writer.run();
        // Nobody may be left to be told.
        let _ = ended.send(());
    };
    let thread = thread::Builder::new().name("spreadlogd-write".to_owned());
    thread.spawn(work).map_err(RunError::Thread)?;
    Ok(receiver)
}

/// Tells the writer to end, at the latest when [`Spreadlogd::run`] is dropped.
struct Finisher(Arc<Queue>);

impl Finisher {
    fn finish(&self, deadline: Instant) {
        self.0.command(Item::Finish(deadline.into_std()));
    }
}

impl Drop for Finisher {
    fn drop(&mut self) {
        self.finish(Instant::now());
    }
}

/// Publishers refuse such names, as the numbers need some bytes beside them; others may send there.
fn tell_of_long_names(config: &Config) {
    let logs = config.spreads().iter().flat_map(Subscription::logs);
    let groups: BTreeSet<GroupName> = logs.map(Log::group).collect();
    for group in groups {
        if StreamGroup::try_from(group).is_err() {
            info!(
                "group {group} has more than {} bytes: what is sent to it is taken as it comes, \
                 without numbers, so that nobody can tell what is missing",
                StreamGroup::LEN_MAX
            );
        }
    }
}

/// The ledger as it is after all that may have happened to it, and where it is kept.
fn open_ledger(
    config: &Config,
    options: &Options,
    shelf: &mut Shelf,
) -> Result<(Ledger, Option<Directory>), StartError> {
    let chosen = options.state_dir.as_deref().or(config.ledger());
    let open: Vec<usize> = shelf.indices();
    let accounts = open.into_iter();
    let accounts = accounts.filter_map(|index| shelf.sink(index).map(|sink| sink.account()));
    let beside = || state::beside(accounts);
    let Some(path) = chosen.map(Path::to_owned).or_else(beside) else {
        info!("no log is a regular file, so the ledger is kept in memory only; see --state");
        return Ok((Ledger::default(), None));
    };
    let (directory, kept) = Directory::open(&path)?;
    let mut ledger = recover(kept);
    ledger.since = seconds();
    Ok((ledger, Some(directory)))
}

/// The sending end of nothing.
fn closed<T>() -> mpsc::UnboundedSender<T> {
    mpsc::unbounded_channel().0
}

/// A group and the indices of its Logs.
type Route = (Arc<GroupCounters>, Vec<usize>);

/// The groups of a Spread block, each once, with all its Logs.
fn routes(
    spread: &Subscription,
    logs: &mut Assembly,
    counters: &mut Counters,
) -> Result<Vec<Route>, StartError> {
    let mut routes: Vec<Route> = Vec::new();
    let mut known: HashMap<GroupName, usize> = HashMap::new();
    for log in spread.logs() {
        let outlet = logs.add(log, counters)?;
        let index = *known.entry(log.group()).or_insert_with(|| {
            routes.push((logs.past.group(log.group()), Vec::new()));
            routes.len() - 1
        });
        if let Some((_, of_group)) = routes.get_mut(index) {
            of_group.push(outlet);
        }
    }
    Ok(routes)
}

/// The Logs of a Spread block put to work, and its session counted.
fn router(
    spread: &Subscription,
    logs: &mut Assembly,
    counters: &mut Counters,
) -> Result<Router, StartError> {
    let routes = routes(spread, logs, counters)?;
    let groups = routes.iter().map(|(group, _)| Arc::clone(group));
    counters.groups.extend(groups);
    let session = logs.past.session(spread.addresses());
    counters.sessions.push(session);
    let mut router = Router::new(routes);
    if let Some(log) = spread.default() {
        let outlet = logs.add(log, counters)?;
        let group = logs.past.group(log.group());
        counters.groups.push(Arc::clone(&group));
        router.set_default(group, outlet);
    }
    Ok(router)
}

/// How long after its deadline the writer may need to notice it: a write to a disk that is busy,
/// not one that hangs.
const HANG: Duration = Duration::from_secs(2);
