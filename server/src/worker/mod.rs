//! One thread that serves: its runtime, its listeners, and all that its connections share.
//!
//! Workers share nothing on the way of a request, unless limits for each address are asked for
//! (`clients/`) or paths are throttled (`throttle/`). Each has a single-threaded runtime, its own
//! listening sockets, cache, log ring, counters and clock, and its connections are tasks that stay
//! on it; what they share is therefore in a [`RefCell`], borrowed between two waits and never
//! across one.
//!
//! Nothing here reads or writes a connection; that is `connection/`.

mod accept;
mod failures;
mod kept;
mod live;
mod roster;

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use spread_logger::Needs;
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::timeout;

use self::accept::Listener;
use self::failures::Failures;
pub(crate) use self::kept::{KEPT_MAX, KeptOpen};
pub(crate) use self::live::Live;
use self::roster::{Roster, Seat};
use crate::cgi::Cgi;
use crate::clock::Clock;
use crate::config::Encodings;
use crate::connection::{Entry, ErrorPages, KnownGuards, KnownHosts, Output, Verifying};
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
    roster: RefCell<Roster>,
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

/// A connection's presence among those of its worker.
#[derive(Debug)]
struct Presence {
    worker: Rc<Worker>,
    seat: Seat,
}

/// Reads as large as this are rare, and a read that fills its buffer costs another.
pub(crate) const INPUT_LEN: usize = 64 * 1024;

/// Threads of a worker that wait for disks. More wait no faster for one disk.
const WAITING_THREADS_MAX: usize = 16;

/// Connections heard out after they were turned away. More of them are closed at once, so that
/// a flood takes no place from anybody.
const TURNED_AWAY_MAX: usize = 64;

/// Connections that are asked for room at a time: where many are idle one of the first is, and
/// where all are busy to ask them all, for each that comes, would be work for nothing.
const ASKED_MAX: usize = 64;

/// How long what is cut off at the end may take to say so in the log.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// Runs a worker on this thread until the server has stopped.
///
/// # Errors
///
/// When the system refuses what a runtime is made of.
pub(crate) fn run(setup: Setup) -> io::Result<()> {
    let runtime = Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(WAITING_THREADS_MAX)
        .thread_name(format!("disk-{}", setup.number))
        .build_local(LocalOptions::default())?;
    let outcome = runtime.block_on(serve(setup));
    // A look at a dead network disk must not keep the process.
    runtime.shutdown_background();
    outcome
}

async fn serve(setup: Setup) -> io::Result<()> {
    let listeners = setup.listeners.into_iter();
    let listeners: Vec<_> = listeners
        .map(|listener| Listener::new(listener).map(Rc::new))
        .collect::<io::Result<_>>()?;
    let (mut phase, mut live) = (setup.phase, setup.live);
    let error_pages = setup.site.has_error_pages().then(ErrorPages::default);
    let known_guards = setup.verifying.is_some().then(KnownGuards::default);
    let known_hosts = setup.site.hosts().map(KnownHosts::from);
    let worker = Rc::new(Worker {
        site: setup.site,
        live: RefCell::new(live.borrow_and_update().clone()),
        verifying: setup.verifying,
        cgi: setup.cgi,
        limits: setup.limits,
        state: RefCell::new(State {
            cache: Cache::new(setup.cache_bytes),
            absent: (setup.cache_bytes > 0).then(Absent::default),
            directories: Directories::default(),
            key: Vec::new(),
            hosts: known_hosts,
            error_pages,
            guards: known_guards,
            gzip: setup.encodings.gzip.then(gzip::Jobs::default),
            throttles: setup.throttles.as_ref().map(Throttles::current),
            clock: Clock::new(),
            logs: setup.logs,
            failures: Failures::default(),
            kept: KeptOpen::default(),
            known: http::KnownFields::default(),
            input: vec![0; INPUT_LEN],
            output: Output::default(),
        }),
        needs: setup.needs,
        own: setup.own,
        number: setup.number,
        counters: setup.counters,
        connections_max: setup.connections_max,
        phase: Cell::new(Phase::Serving),
        is_crowded: Cell::new(false),
        roster: RefCell::default(),
        turned_away: Semaphore::new(TURNED_AWAY_MAX),
        left: Notify::new(),
        has_kept: Notify::new(),
    });
    let accepting: Vec<_> = listeners
        .iter()
        .map(|listener| tokio::task::spawn_local(Rc::clone(listener).run(Rc::clone(&worker))))
        .collect();
    let of_live = Rc::clone(&worker);
    let taking_up = tokio::task::spawn_local(async move {
        while live.changed().await.is_ok() {
            let live = live.borrow_and_update().clone();
            of_live.take_up(live);
        }
    });

    let closing = tokio::task::spawn_local(Rc::clone(&worker).close_unused());

    // An error means that the server itself is gone, which is a reason to stop too.
    let _ = phase.wait_for(|phase| *phase != Phase::Serving).await;
    for task in accepting.into_iter().chain([taking_up, closing]) {
        task.abort();
    }
    for listener in listeners {
        listener.end(&worker);
    }
    finish(&worker, phase).await;
    Ok(())
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
    pub(crate) fn phase(&self) -> Phase {
        self.phase.get()
    }

    pub(crate) fn counters(&self) -> Option<&WorkerCounters> {
        self.counters.of(self.number)
    }

    /// Takes a connection onto the roster.
    fn enter(self: &Rc<Self>) -> Presence {
        Presence {
            worker: Rc::clone(self),
            seat: self.roster.borrow_mut().enter(),
        }
    }

    fn enter_phase(&self, phase: Phase) {
        self.phase.set(phase);
        self.roster.borrow().wake_all();
    }

    fn is_full(&self) -> bool {
        self.roster.borrow().len() >= self.connections_max
    }

    /// Whether an idle connection should end for the sake of others.
    pub(crate) fn wants_room(&self) -> bool {
        self.is_crowded.get() && self.is_full()
    }

    /// Wakes one connection after the other, each of which looks whether room is wanted, until
    /// one has ended; says whether one has. Those who are busy go on, as does everybody else
    /// meanwhile.
    async fn ask_for_room(&self) -> bool {
        for _ in 0..ASKED_MAX {
            self.roster.borrow_mut().wake_next();
            tokio::task::yield_now().await;
            if !self.is_full() {
                return true;
            }
        }
        false
    }

    async fn emptied(&self) {
        while self.roster.borrow().len() > 0 {
            self.left.notified().await;
        }
    }
}

impl Presence {
    /// Has the connection's task woken when the worker's phase changes.
    fn wake_by(&self, waker: &Waker) {
        let mut roster = self.worker.roster.borrow_mut();
        roster.wake_by(&self.seat, waker.clone());
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.worker.roster.borrow_mut().leave(&self.seat);
        self.worker.left.notify_waiters();
        if let Some(counters) = self.worker.counters() {
            counters.connections_ended.add(1);
        }
    }
}
