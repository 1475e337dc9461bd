//! Who is online, built in: visitors of the last half hour, by page, for whoever asks.
//!
//! ```text
//! receiving loop --offer--> bounded queue --> hit: whose, which page --> window
//!                                                                          ^
//!                         server: the original's protocol, over TCP -------+
//!                         json: the same, at /online of the status page ---+
//! ```
//!
//! The original's sample module did this inside the receiving loop, and whoever sent half a
//! request stopped all logging. Here [`Online`] has a thread of its own. [`OnlineHandle::offer`]
//! copies lines into a queue and never waits: what finds no room there is dropped and counted,
//! as these figures are worth less than any line on its way into a file.
//!
//! `hit`, `window`, `wire` and `json` are pure: they are given lines, bytes and the time.

mod figures;
mod hit;
mod json;
mod server;
mod settings;
mod window;
mod wire;

#[cfg(test)]
mod tests;

pub use json::OnlineCounts;
pub use settings::{OnlineSettings, OnlineSettingsError};

use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use bytes::{Bytes, BytesMut};
use tokio::runtime;
use tokio::sync::{mpsc, oneshot};

use crate::config::{Config, Module};
use crate::room::Room;
use hit::CookieField;
pub(crate) use hit::Hit;
use window::Window;

/// 1,024 messages may wait to be counted.
const QUEUE_MESSAGES_MAX: usize = 1_024;

/// 4 MiB of lines may wait: some 20,000, which are counted in a few hundredths of a second.
const QUEUE_BYTES_MAX: usize = 4 << 20;

/// The module, on its thread; it ends, and its address is free, when the last clone of this is
/// dropped.
#[derive(Clone, Debug)]
pub struct Online {
    settings: OnlineSettings,
    address: SocketAddr,
    handle: OnlineHandle,
    _thread: Arc<OnlineThread>,
}

/// Ends the thread when it is dropped, and waits for that.
#[derive(Debug)]
struct OnlineThread {
    stop: Option<oneshot::Sender<Infallible>>,
    thread: Option<JoinHandle<()>>,
}

/// What gives lines to the module, and asks it.
#[derive(Clone, Debug)]
pub struct OnlineHandle {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Bytes>,
}

/// The module cannot start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OnlineError {
    /// There is nowhere to listen.
    #[error("module online cannot listen at {place}; LoadModule online takes another ADDRESS:PORT")]
    Bind {
        /// Where.
        place: http::serve::Place,
        /// What the system said.
        source: io::Error,
    },
    /// The system refuses a thread, or what its loop is made of.
    #[error("cannot start the thread of module online")]
    Thread(#[from] io::Error),
}

/// What the thread has in common with those who ask. The lock is held for one message or one
/// answer, and the receiving loop never takes it.
#[derive(Debug)]
struct Shared {
    window: Mutex<Window>,
    began: Instant,
    cookie: Option<CookieField>,
    room: Room,
    lines: AtomicU64,
    passed_over: AtomicU64,
    dropped: AtomicU64,
    requests: AtomicU64,
}

impl Online {
    /// Listens, and counts and answers on a thread of its own.
    ///
    /// # Errors
    /// When the place to listen at is not to be had, or the system has no thread.
    pub fn start(settings: OnlineSettings) -> Result<Self, OnlineError> {
        let bind = |source| OnlineError::Bind {
            place: settings.place(),
            source,
        };
        // It sets SO_REUSEADDR, as a program that starts again needs.
        let listener = TcpListener::bind((settings.host.as_str(), settings.port)).map_err(bind)?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::new(settings.cookie));
        let (queue, lines) = mpsc::channel(QUEUE_MESSAGES_MAX);
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let serve = {
            let _context = runtime.enter();
            let listener = tokio::net::TcpListener::from_std(listener)?;
            server::answer_all(listener, Arc::clone(&shared))
        };
        let (stop, stopped) = oneshot::channel::<Infallible>();
        let count = count(lines, Arc::clone(&shared));
        let run = async {
            tokio::select! {
                // It is told by the sender being dropped.
                _ = stopped => {}
                never = serve => match never {},
                () = count => {}
            }
        };
        let thread = thread::Builder::new().name("online".into());
        let thread = thread.spawn(move || runtime.block_on(run))?;
        Ok(Self {
            settings,
            address,
            handle: OnlineHandle { shared, queue },
            _thread: Arc::new(OnlineThread {
                stop: Some(stop),
                thread: Some(thread),
            }),
        })
    }

    /// What it was told.
    #[must_use]
    pub const fn settings(&self) -> &OnlineSettings {
        &self.settings
    }

    /// Whether `config` loads the module, and tells it the same: then it can go on.
    #[must_use]
    pub fn is_wanted_by(&self, config: &Config) -> bool {
        config
            .modules()
            .iter()
            .filter(|module| module.name() == Module::ONLINE)
            .any(|module| OnlineSettings::parse(module.argument()).as_ref() == Ok(&self.settings))
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// What gives it lines.
    #[must_use]
    pub fn handle(&self) -> OnlineHandle {
        self.handle.clone()
    }
}

impl Drop for OnlineThread {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It ends at once; a panic of it has been said.
            let _ = thread.join();
        }
    }
}

impl OnlineHandle {
    /// Has the lines of a message counted, soon. Never waits: a full queue drops them and counts
    /// that.
    pub fn offer(&self, lines: &[u8]) {
        let len = lines.len();
        if self.shared.room.take(len) {
            match self.queue.try_send(Bytes::copy_from_slice(lines)) {
                Ok(()) => return,
                Err(_) => self.shared.room.give_back(len),
            }
        }
        let count = split(lines).count() as u64;
        self.shared.dropped.fetch_add(count, Ordering::Relaxed);
    }

    /// Who is online now, as JSON: all pages, or with `url=…` in the query the visitors of one.
    #[must_use]
    pub fn json(&self, query: &[u8]) -> Vec<u8> {
        self.shared.requests.fetch_add(1, Ordering::Relaxed);
        let window = self.shared.window_now();
        json::write(&window, &self.shared.counts(&window), query)
    }

    /// What was counted, and what was not.
    #[must_use]
    pub fn counts(&self) -> OnlineCounts {
        self.shared.counts(&self.shared.window_now())
    }
}

impl Shared {
    fn new(cookie: Option<CookieField>) -> Self {
        Self {
            window: Mutex::default(),
            began: Instant::now(),
            cookie,
            room: Room::new(QUEUE_BYTES_MAX),
            lines: AtomicU64::new(0),
            passed_over: AtomicU64::new(0),
            dropped: AtomicU64::new(0),
            requests: AtomicU64::new(0),
        }
    }

    /// The window without those who have left by now.
    fn window_now(&self) -> MutexGuard<'_, Window> {
        let mut window = self.window.lock().unwrap_or_else(PoisonError::into_inner);
        window.cull(self.began.elapsed());
        window
    }

    fn count(&self, message: &[u8]) {
        let now = self.began.elapsed();
        let (mut lines, mut passed_over) = (0, 0);
        let mut window = self.window_now();
        for line in split(message) {
            match Hit::read(line, self.cookie) {
                Some(Hit { visitor, url }) => {
                    window.hit(visitor, &url, now);
                    lines += 1;
                }
                None => passed_over += 1,
            }
        }
        drop(window);
        self.lines.fetch_add(lines, Ordering::Relaxed);
        self.passed_over.fetch_add(passed_over, Ordering::Relaxed);
    }

    fn answer(&self, url: &[u8], answer: &mut BytesMut) {
        self.requests.fetch_add(1, Ordering::Relaxed);
        wire::encode(&self.window_now(), url, answer);
    }

    fn counts(&self, window: &Window) -> OnlineCounts {
        OnlineCounts {
            lines: self.lines.load(Ordering::Relaxed),
            passed_over_lines: self.passed_over.load(Ordering::Relaxed),
            dropped_lines: self.dropped.load(Ordering::Relaxed),
            crowded_out_visitors: window.crowded_out(),
            requests: self.requests.load(Ordering::Relaxed),
        }
    }
}

/// Counts what is offered, for as long as it is polled.
async fn count(mut messages: mpsc::Receiver<Bytes>, shared: Arc<Shared>) {
    while let Some(message) = messages.recv().await {
        shared.count(&message);
        shared.room.give_back(message.len());
    }
}

/// The lines of a message, the last one perhaps without its end.
fn split(message: &[u8]) -> impl Iterator<Item = &[u8]> {
    message.split_inclusive(|&byte| byte == b'\n')
}
