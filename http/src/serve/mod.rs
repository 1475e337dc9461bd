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
//! This folder alone in the crate does I/O and reads clocks. It spawns one task for each
//! connection, all of which end with the loop.

mod connection;
mod place;
mod process;
mod respond;

#[cfg(test)]
mod tests;

pub use place::{Place, PlaceError};
pub use process::Process;

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, lookup_host};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::sleep;

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
    answer: Box<dyn Fn() -> Body + Send + Sync>,
}

impl Routes {
    /// Adds a path, and what makes its answer: at once, since others wait for it.
    #[must_use]
    pub fn at(
        mut self,
        path: &'static str,
        answer: impl Fn() -> Body + Send + Sync + 'static,
    ) -> Self {
        self.0.push(Route {
            path,
            answer: Box::new(answer),
        });
        self
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

/// A socket that listens; nobody is answered before [`Listener::serve`].
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    address: SocketAddr,
}

impl Listener {
    /// Listens at the first address of `host` that can be listened on.
    ///
    /// # Errors
    /// When there is none.
    pub async fn bind(host: &str, port: u16) -> io::Result<Self> {
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the host has no address");
        for address in lookup_host((host, port)).await? {
            // It sets SO_REUSEADDR, as a program that starts again needs.
            let bound = TcpListener::bind(address).await;
            match bound.and_then(|listener| Ok((listener.local_addr()?, listener))) {
                Ok((address, listener)) => return Ok(Self { listener, address }),
                Err(error) => last = error,
            }
        }
        Err(last)
    }

    /// Where it listens.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` is ready, then drops everybody.
    pub async fn serve(self, routes: Routes, stop: impl Future<Output = ()>) {
        let routes = Arc::new(routes);
        let mut connections = Connections::default();
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = &mut stop => return,
                Some(_) = connections.tasks.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => connections.begin(self.connection(stream, &routes)),
                    // Those that are there need none, and one of them may end meanwhile.
                    Err(_) => sleep(ACCEPT_PAUSE).await,
                },
            }
        }
    }

    fn connection(&self, stream: TcpStream, routes: &Arc<Routes>) -> Connection {
        Connection::new(stream, Arc::clone(routes), self.address.ip().is_loopback())
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
