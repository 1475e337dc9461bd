//! A server at work: its workers, each a thread, and the runtime that they share.

use std::convert::Infallible;
use std::sync::Arc;
use std::thread;

use tokio::runtime::Builder;
use tokio::sync::mpsc;

use super::{RunError, Server, StopHandle};
use crate::connection::Verifying;
use crate::worker::{self, Phase, Setup};

/// Threads for each worker that wait for disks. More wait no faster for one disk.
const WAITING_THREADS_MAX: usize = 16;

impl Server {
    /// Serves on threads of its own until it is stopped, which this call waits for.
    /// The logs are gone when it returns, so whoever drains them finds their end.
    ///
    /// # Errors
    ///
    /// When a worker cannot start or does not survive; the others are stopped then.
    pub fn run(self) -> Result<(), RunError> {
        let workers = self.config.workers.get();
        let runtime = Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(WAITING_THREADS_MAX.saturating_mul(workers))
            .thread_name("disk")
            .build()
            .map_err(RunError::Worker)?;
        let own = self.own();
        let cgi = self.cgi();
        let mut logs = self.logs.into_iter();
        let mut threads = Vec::with_capacity(workers);
        let mut outcome = Ok(());
        let (end, mut ended) = mpsc::channel::<Infallible>(1);
        let connections_max = self.config.limits.connections_max.get();
        let verifying = self.site.has_guards().then(|| {
            let rate = self.config.clients.wrong_passwords_per_address;
            Arc::new(Verifying::new(rate))
        });
        for (number, listeners) in self.bound.sockets.into_iter().enumerate() {
            let setup = Setup {
                number,
                site: Arc::clone(&self.site),
                live: self.live.subscribe(),
                verifying: verifying.clone(),
                encodings: self.config.encodings,
                throttles: self.config.throttles.clone(),
                cgi: cgi.clone(),
                listeners,
                limits: self.config.limits.request,
                connections_max: connections_max.div_ceil(workers),
                cache_bytes: self.config.cache_bytes / workers,
                counters: self.counters.clone(),
                logs: logs.next(),
                needs: self.needs,
                own: own.clone(),
                phase: self.phase.subscribe(),
            };
            let stop = StopHandle(Arc::clone(&self.phase));
            let (handle, end) = (runtime.handle().clone(), end.clone());
            let thread = thread::Builder::new().name(format!("worker-{number}"));
            let started = thread.spawn(move || {
                // Whatever ends a worker ends the server: half of one would be worse.
                let _stop = StopOnDrop(stop);
                let _end = end;
                worker::run(setup, &handle)
            });
            match started {
                Ok(thread) => threads.push(thread),
                Err(error) => {
                    outcome = Err(RunError::Worker(error));
                    self.phase.send_replace(Phase::Ending);
                    break;
                }
            }
        }
        drop(end);
        // What workers wait for is looked after here, until the last of them has dropped its end.
        runtime.block_on(ended.recv());
        for thread in threads {
            let ended = match thread.join() {
                Ok(ended) => ended.map_err(RunError::Worker),
                Err(_) => Err(RunError::Panicked),
            };
            outcome = outcome.and(ended);
        }
        // A look at a dead network disk must not keep the process.
        runtime.shutdown_background();
        outcome
    }
}

/// Stops the server when it is dropped.
struct StopOnDrop(StopHandle);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        // One that has finished, as all were told to, hurries nobody.
        let has_finished = *self.0.0.borrow() == Phase::Finishing && !thread::panicking();
        if !has_finished {
            self.0.stop();
        }
    }
}
