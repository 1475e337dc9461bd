//! A small loop that answers for a program: GET and HEAD of a handful of routes.
//!
//! ```text
//! Place -> Listener -> connection: Request::parse -> respond: route -> bytes
//! ```
//!
//! It is for an operator's browser and for monitoring, not for a site: what a route answers is
//! made when it is asked for, and nothing is cached. It must cost the program nothing when it is
//! abused, so everything has a limit, and the oldest connection gives way to the newest:
//! whoever opens many keeps nobody out.
//!
//! This folder alone in the crate does I/O and reads clocks. [`Listener::start`] gives the loop a
//! thread of its own, whose runtime has one task for each connection; all of it ends together.

mod connection;
mod place;
mod process;
mod rate;
mod respond;

#[cfg(test)]
mod tests;

pub use place::{Place, PlaceError};
pub use process::Process;
pub use rate::Rate;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

use crate::metrics::{self, Family, HTML, JSON, PROMETHEUS};
use connection::Connection;

/// 64: a few people and a few scrapers, many times over.
pub const CONNECTIONS_MAX: usize = 64;

/// 100 ms: how long nobody is accepted when the system has no descriptor for it.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// What a route answers with.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Body {
    /// What it is.
    pub media_type: &'static str,
    /// The content.
    pub bytes: Vec<u8>,
}

/// The routes of a program, by their exact paths.
#[derive(Default)]
pub struct Routes(Vec<Route>);

struct Route {
    path: &'static str,
    answer: Box<Answering>,
}

/// What makes an answer, of the query.
type Answering = dyn Fn(&[u8]) -> Option<Body> + Send + Sync;

impl Routes {
    /// Adds a path, and what makes its answer: at once, since others wait for it.
    #[must_use]
    pub fn at(self, path: &'static str, answer: impl Fn() -> Body + Send + Sync + 'static) -> Self {
        self.asked_at(path, move |_| answer())
    }

    /// Adds a path, and what makes its answer to a query: what follows the `?` as it came, empty
    /// if there is none. Where it makes none, there is nothing at that path for now.
    #[must_use]
    pub fn asked_at<B: Into<Option<Body>>>(
        mut self,
        path: &'static str,
        answer: impl Fn(&[u8]) -> B + Send + Sync + 'static,
    ) -> Self {
        self.0.push(Route {
            path,
            answer: Box::new(move |query| answer(query).into()),
        });
        self
    }

    /// What a status listener has: the page at `/`, and the metrics at `/metrics` and
    /// `/status.json`. All three are made from what `families` gives at that moment.
    #[must_use]
    pub fn of_status(
        families: impl Fn() -> Vec<Family> + Clone + Send + Sync + 'static,
        page: impl Fn(&[Family]) -> Vec<u8> + Send + Sync + 'static,
    ) -> Self {
        let with = |media_type, write: fn(&[Family]) -> Vec<u8>| {
            let families = families.clone();
            move || Body {
                media_type,
                bytes: write(&families()),
            }
        };
        let (text, json) = (
            with(PROMETHEUS, metrics::prometheus),
            with(JSON, metrics::json),
        );
        Self::default()
            .at("/", move || Body {
                media_type: HTML,
                bytes: page(&families()),
            })
            .at("/metrics", text)
            .at("/status.json", json)
    }

    fn find(&self, path: &[u8]) -> Option<&Route> {
        self.0.iter().find(|route| route.path.as_bytes() == path)
    }
}

impl fmt::Debug for Routes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths = self.0.iter().map(|route| route.path);
        f.debug_set().entries(paths).finish()
    }
}

/// A socket that listens; nobody is answered before [`Listener::start`].
#[derive(Debug)]
pub struct Listener {
    listener: std::net::TcpListener,
    address: SocketAddr,
}

/// There is nowhere to listen.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen for status at {place}; choose another place with --status, or none")]
pub struct BindError {
    /// Where.
    pub place: Place,
    /// What the system said.
    pub source: io::Error,
}

/// A loop on its thread; it ends when this is dropped.
#[derive(Debug)]
pub struct Serving {
    _stop: oneshot::Sender<Infallible>,
}

impl Listener {
    /// Listens at `place`, at the first address of its host where that is possible.
    ///
    /// # Errors
    /// When it is possible at none.
    pub fn bind(place: &Place) -> Result<Option<Self>, BindError> {
        let Place::At { host, port } = place else {
            return Ok(None);
        };
        let listen = || {
            // It sets SO_REUSEADDR, as a program that starts again needs.
            let listener = std::net::TcpListener::bind((host.as_str(), *port))?;
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok(Self { listener, address })
        };
        listen().map(Some).map_err(|source| BindError {
            place: place.clone(),
            source,
        })
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers on a thread of its own, where `beside` is polled too, until what it returns is
    /// dropped.
    ///
    /// # Errors
    /// When the system refuses a thread or what a runtime is made of.
    pub fn start(
        self,
        routes: Routes,
        beside: impl Future<Output = Infallible> + Send + 'static,
    ) -> io::Result<Serving> {
        let runtime = runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let serve = {
            let _context = runtime.enter();
            self.serve(routes)?
        };
        let (stop, stopped) = oneshot::channel::<Infallible>();
        let run = async {
            tokio::select! {
                // It is told by the sender being dropped.
                _ = stopped => {}
                never = serve => match never {},
                never = beside => match never {},
            }
        };
        let thread = thread::Builder::new().name("status".into());
        thread.spawn(move || runtime.block_on(run))?;
        Ok(Serving { _stop: stop })
    }

    /// Answers in the current runtime, for as long as it is polled; everybody goes with it.
    fn serve(self, routes: Routes) -> io::Result<impl Future<Output = Infallible>> {
        let listener = TcpListener::from_std(self.listener)?;
        let is_local = self.address.ip().is_loopback();
        Ok(answer_all(listener, Arc::new(routes), is_local))
    }
}

async fn answer_all(listener: TcpListener, routes: Arc<Routes>, is_local: bool) -> Infallible {
    let mut connections = Connections::default();
    loop {
        tokio::select! {
            Some(_) = connections.tasks.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let routes = Arc::clone(&routes);
                    connections.begin(Connection::new(stream, routes, is_local));
                }
                // Those that are there need none, and one of them may end meanwhile.
                Err(_) => sleep(ACCEPT_PAUSE).await,
            },
        }
    }
}

/// Those being answered.
#[derive(Debug, Default)]
struct Connections {
    tasks: JoinSet<()>,
    /// In the order in which they came, with some that are over.
    order: VecDeque<AbortHandle>,
}

impl Connections {
    /// Begins one, in place of the oldest if there are too many.
    fn begin(&mut self, connection: Connection) {
        self.order.retain(|task| !task.is_finished());
        if self.order.len() >= CONNECTIONS_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            oldest.abort();
        }
        self.order.push_back(self.tasks.spawn(connection.run()));
    }
}
