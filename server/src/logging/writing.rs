//! A log of this machine, on a thread of its own: a disk may keep it waiting.

use std::future::Future;
use std::io;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use spread_logger::{LocalCounters, LocalPlace, LocalWriter, Reopener};
use tokio::sync::oneshot;
use tokio::time::timeout;

/// A writer at work.
#[derive(Debug)]
pub(super) struct Writing {
    name: String,
    counters: Arc<LocalCounters>,
    reopener: Reopener,
    stop: oneshot::Sender<()>,
    end: oneshot::Receiver<()>,
    patience: Duration,
}

impl Writing {
    pub(super) fn start(
        place: &LocalPlace,
        writer: LocalWriter,
        stop_timeout: Duration,
    ) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .build()?;
        let (counters, reopener) = (writer.counters(), writer.reopener());
        let (stop, stopping) = oneshot::channel::<()>();
        let (ended, end) = oneshot::channel();
        thread::Builder::new()
            .name("log-writer".into())
            .spawn(move || {
                let stopping = async {
                    // A sender that is gone means the same as a message.
                    let _ = stopping.await;
                };
                runtime.block_on(writer.run(stopping, stop_timeout));
                let _ = ended.send(());
            })?;
        Ok(Self {
            name: place.to_string(),
            counters,
            reopener,
            stop,
            end,
            patience: stop_timeout + GRACE,
        })
    }

    pub(super) fn reopen(&self) {
        self.reopener.reopen();
    }

    /// Has it write what there is, and gives what waits for its end.
    pub(super) fn stop(self) -> impl Future<Output = ()> {
        drop(self.stop);
        async move {
            if timeout(self.patience, self.end).await.is_err() {
                // A dead network disk keeps its thread in a system call; it goes with the process.
                let waiting = self.counters.books().waiting;
                tracing::warn!(
                    "stopped while {} still did not take a write: {waiting} log lines that it was \
                     given are lost, and those behind them",
                    self.name
                );
            }
        }
    }
}

/// A disk that is slow to the last may take one write more.
const GRACE: Duration = Duration::from_secs(1);
