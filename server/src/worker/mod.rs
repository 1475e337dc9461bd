//! One thread that serves: its loop, its listeners, and all that its connections share.
//!
//! Workers share nothing on the way of a request, unless limits for each address are asked for
//! (`clients/`) or paths are throttled (`throttle/`). Each has a loop around `epoll_wait`, its own
//! listening sockets, cache, log ring, counters and clock, and its connections stay on it; what
//! they share is therefore in a [`RefCell`], borrowed between two waits and never across one.
//!
//! A connection that waits for its client is on the roster and nowhere else, and the loop gives it
//! its turns (`attend`, `readiness`). What takes time, such as a large file or a program, has a
//! task until it is done. Tasks stay on the worker's thread too; the timers, pipes and disks that
//! they wait for are looked after by a runtime that all workers share (`server/run.rs`).
//!
//! Nothing here reads or writes a connection; that is `connection/`.

mod accept;
mod alarm;
mod attend;
mod failures;
mod kept;
mod live;
mod presence;
mod readiness;
mod roster;

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use spread_logger::Needs;
use tokio::runtime::Handle;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::{LocalSet, spawn_local};
use tokio::time::timeout;

use self::accept::Listener;
use self::alarm::Alarm;
use self::failures::Failures;
pub(crate) use self::kept::{KEPT_MAX, KeptOpen};
pub(crate) use self::live::Live;
pub(crate) use self::presence::Presence;
pub(crate) use self::readiness::Readiness;
use self::readiness::{Watched, Whose};
use self::roster::Roster;
use crate::cgi::Cgi;
use crate::clock::Clock;
use crate::config::Encodings;
use crate::connection::{
    Connection, Entry, ErrorPages, KnownGuards, KnownHosts, Output, Verifying,
};
use crate::counters::{Counters, WorkerCounters};
use crate::listen::ListeningSocket;
use crate::logs::{Logs, ServerNames};
use crate::site::absent::Absent;
use crate::site::cache::Cache;
use crate::site::{Directories, Site, gzip};
use crate::throttle::{self, Throttles};

/// Where a server is in its life. It only goes forward.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Phase {
    /// Connections are accepted and requests answered.
    Serving,
    /// Requests under way are answered, however long that takes; nothing else. Connections are
    /// told that it is stopping.
    Finishing,
    /// The same within the stop timeout.
    Stopping,
    /// Everything ends as it is.
    Ending,
}

/// What a worker is made from.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) number: usize,
    pub(crate) site: Arc<Site>,
    pub(crate) live: watch::Receiver<Live>,
    pub(crate) verifying: Option<Arc<Verifying>>,
    pub(crate) encodings: Encodings,
    pub(crate) throttles: Option<Throttles>,
    pub(crate) cgi: Option<Arc<Cgi>>,
    pub(crate) listeners: Vec<ListeningSocket>,
    pub(crate) limits: http::Limits,
    pub(crate) connections_max: usize,
    pub(crate) cache_bytes: usize,
    pub(crate) counters: Counters,
    pub(crate) logs: Option<Logs>,
    pub(crate) needs: Needs,
    pub(crate) own: Own,
    pub(crate) phase: watch::Receiver<Phase>,
}

/// What a server calls itself, in logs that tell it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Own {
    pub(crate) names: Arc<ServerNames>,
    /// Of the first listener of TCP.
    pub(crate) port: Option<u16>,
    /// The document root's absolute path, if the paths of files are told.
    pub(crate) root: Option<Arc<[u8]>>,
}

/// What the connections of a worker share.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) site: Arc<Site>,
    live: RefCell<Live>,
    /// `None` when no passwords are asked for.
    pub(crate) verifying: Option<Arc<Verifying>>,
    /// `None` when no path is a program.
    pub(crate) cgi: Option<Arc<Cgi>>,
    pub(crate) limits: http::Limits,
    pub(crate) state: RefCell<State>,
    /// What the logs ask for.
    pub(crate) needs: Needs,
    pub(crate) own: Own,
    number: usize,
    counters: Counters,
    connections_max: usize,
    phase: Cell<Phase>,
    /// Somebody has come for whom there is no room.
    is_crowded: Cell<bool>,
    roster: RefCell<Roster<Box<Connection>>>,
    /// Empty once nobody is accepted any more.
    listeners: RefCell<Vec<Rc<Listener>>>,
    watched: Watched,
    alarm: Arc<Alarm>,
    /// Tasks that go on when everybody else has had a turn.
    resting: RefCell<Vec<Waker>>,
    /// Taken while a connection that has been turned away is heard out.
    pub(crate) turned_away: Semaphore,
    /// Told whenever a connection ends.
    left: Notify,
    /// Told when a descriptor is kept, there being none before.
    has_kept: Notify,
}

/// What changes with every request.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) cache: Cache<Entry>,
    /// `None` when nothing is kept in memory.
    pub(crate) absent: Option<Absent>,
    pub(crate) directories: Directories,
    /// Where a place in the cache is put together.
    pub(crate) key: Vec<u8>,
    /// `None` if the document root is one site.
    pub(crate) hosts: Option<KnownHosts>,
    /// `None` when errors have no pages but ours.
    pub(crate) error_pages: Option<ErrorPages>,
    /// `None` when no passwords are asked for.
    pub(crate) guards: Option<KnownGuards>,
    /// The files being compressed, if any are to be.
    pub(crate) gzip: Option<gzip::Jobs>,
    /// `None` when nothing is throttled.
    pub(crate) throttles: Option<throttle::Current>,
    pub(crate) clock: Clock,
    pub(crate) logs: Option<Logs>,
    pub(crate) failures: Failures,
    pub(crate) kept: KeptOpen,
    pub(crate) known: http::KnownFields,
    /// Where the connection being served reads to.
    pub(crate) input: Vec<u8>,
    /// Where its responses are written.
    pub(crate) output: Output,
}

/// Reads as large as this are rare, and a read that fills its buffer costs another.
pub(crate) const INPUT_LEN: usize = 64 * 1024;

/// Connections heard out after they were turned away. More of them are closed at once, so that
/// a flood takes no place from anybody.
const TURNED_AWAY_MAX: usize = 64;

/// How long what is cut off at the end may take to say so in the log.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs a worker on this thread until the server has stopped.
///
/// What takes time is done in tasks of this thread, which wait for disks, timers and pipes with
/// `runtime`, on threads of that.
///
/// # Errors
///
/// When the system refuses what a worker is made of.
pub(crate) fn run(setup: Setup, runtime: &Handle) -> io::Result<()> {
    let _runtime = runtime.enter();
    let tasks = LocalSet::new();
    let _tasks = tasks.enter();
    let (phase, mut live) = (setup.phase.clone(), setup.live.clone());
    let now = live.borrow_and_update().clone();
    let worker = Rc::new(Worker::new(setup, now)?);
    let last = spawn_local(Rc::clone(&worker).serve(phase, live));
    let outcome = worker.attend(tasks, &last);
    worker.dismiss();
    outcome
}

/// Lets the connections end, as long as the phase has it.
async fn finish(worker: &Worker, mut phase: watch::Receiver<Phase>) {
    worker.enter_phase(Phase::Stopping);
    tokio::select! {
        () = worker.emptied() => {}
        _ = phase.wait_for(|phase| *phase >= Phase::Stopping) => {}
    }
    tokio::select! {
        _ = timeout(worker.timeouts().stop, worker.emptied()) => {}
        _ = phase.wait_for(|phase| *phase == Phase::Ending) => {}
    }
    worker.enter_phase(Phase::Ending);
    let _ = timeout(END_TIMEOUT, worker.emptied()).await;
}

impl Worker {
    fn new(setup: Setup, live: Live) -> io::Result<Self> {
        let (watched, alarm) = (Watched::new()?, Arc::new(Alarm::new()?));
        watched.add(&*alarm, Whose::Alarm)?;
        let listeners = setup.listeners.into_iter();
        let listeners: Vec<_> = listeners.map(|l| Rc::new(Listener::new(l))).collect();
        for (listener, number) in listeners.iter().zip(0..) {
            watched.add(listener, Whose::Listener(number))?;
        }
        let state = State {
            cache: Cache::new(setup.cache_bytes),
            absent: (setup.cache_bytes > 0).then(Absent::default),
            directories: Directories::default(),
            key: Vec::new(),
            hosts: setup.site.hosts().map(KnownHosts::from),
            error_pages: setup.site.has_error_pages().then(ErrorPages::default),
            guards: setup.verifying.is_some().then(KnownGuards::default),
            gzip: setup.encodings.gzip.then(gzip::Jobs::default),
            throttles: setup.throttles.as_ref().map(Throttles::current),
            clock: Clock::new(),
            logs: setup.logs,
            failures: Failures::default(),
            kept: KeptOpen::default(),
            known: http::KnownFields::default(),
            input: vec![0; INPUT_LEN],
            output: Output::default(),
        };
        Ok(Self {
            site: setup.site,
            live: RefCell::new(live),
            verifying: setup.verifying,
            cgi: setup.cgi,
            limits: setup.limits,
            state: RefCell::new(state),
            needs: setup.needs,
            own: setup.own,
            number: setup.number,
            counters: setup.counters,
            connections_max: setup.connections_max,
            phase: Cell::new(Phase::Serving),
            is_crowded: Cell::new(false),
            roster: RefCell::default(),
            listeners: RefCell::new(listeners),
            watched,
            alarm,
            resting: RefCell::default(),
            turned_away: Semaphore::new(TURNED_AWAY_MAX),
            left: Notify::new(),
            has_kept: Notify::new(),
        })
    }

    /// Sees the server through its phases.
    async fn serve(self: Rc<Self>, mut phase: watch::Receiver<Phase>, live: watch::Receiver<Live>) {
        let listeners = self.listeners.borrow().clone();
        let mut tasks: Vec<_> = listeners
            .into_iter()
            .map(|listener| spawn_local(listener.run(Rc::clone(&self))))
            .collect();
        tasks.push(spawn_local(Rc::clone(&self).take_up_changes(live)));
        tasks.push(spawn_local(Rc::clone(&self).close_unused()));

        // An error means that the server itself is gone, which is a reason to stop too.
        let _ = phase.wait_for(|phase| *phase != Phase::Serving).await;
        for task in tasks {
            task.abort();
        }
        for listener in self.listeners.take() {
            listener.end(&self);
        }
        finish(&self, phase).await;
    }

    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    pub(crate) fn counters(&self) -> Option<&WorkerCounters> {
        self.counters.of(self.number)
    }

    fn is_full(&self) -> bool {
        self.roster.borrow().len() >= self.connections_max
    }

    /// Whether an idle connection should end for the sake of others.
    pub(crate) fn wants_room(&self) -> bool {
        self.is_crowded.get() && self.is_full()
    }

    async fn emptied(&self) {
        while self.roster.borrow().len() > 0 {
            self.left.notified().await;
        }
    }
}
