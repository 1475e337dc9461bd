//! The publishers, one for each group, on a thread of their own.
//!
//! Each is a session of its own with the daemon and an instance of its own in the books of logging
//! hosts: what one group's lines wait for holds up no other group.

use std::future::Future;
use std::io;
use std::thread;

use spread_logger::Publisher;
use spread_logger::diagnostics::Chain;
use spread_logger::realtime::{self, Priority};
use tokio::sync::{oneshot, watch};

/// Publishers at work on their thread.
#[derive(Debug)]
pub(super) struct Publishing {
    stop: watch::Sender<()>,
    end: oneshot::Receiver<()>,
}

impl Publishing {
    pub(super) fn start(
        publishers: Vec<Publisher>,
        priority: Option<Priority>,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopping) = watch::channel(());
        let (ended, end) = oneshot::channel();
        thread::Builder::new()
            .name("publisher".into())
            .spawn(move || {
                if let Some(priority) = priority {
                    enter_realtime(priority);
                }
                // Tasks, because a runtime wakes its main future, even from its own timer, by
                // writing to an eventfd that it then has to read.
                let tasks = publishers.into_iter().map(|publisher| {
                    let mut stopping = stopping.clone();
                    runtime.spawn(publisher.run(async move {
                        // Nothing is ever sent; a sender that is gone means the stop.
                        let _ = stopping.changed().await;
                    }))
                });
                let tasks: Vec<_> = tasks.collect();
                let mut have_panicked = false;
                // After a panic of one the others go on to their end.
                for task in tasks {
                    have_panicked |= runtime.block_on(task).is_err();
                }
                if !have_panicked {
                    let _ = ended.send(());
                }
            })?;
        Ok(Self { stop, end })
    }

    /// Has them send what there is, and gives what waits for their end; whether all have come to it
    /// well.
    pub(super) fn stop(self) -> impl Future<Output = bool> {
        drop(self.stop);
        async { self.end.await.is_ok() }
    }
}

/// Serving goes on without: what the flag is for is rare, and a site that is away is not.
fn enter_realtime(priority: Priority) {
    match realtime::enter(priority) {
        Ok(()) => tracing::info!("the log is sent at real-time priority {priority}"),
        Err(error) => tracing::warn!("the log is sent at ordinary priority: {}", Chain(&error)),
    }
}
