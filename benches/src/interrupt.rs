//! Ctrl-C: noticed between two steps, so that a run ends what it has started and deletes what it has written.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};

/// The run was asked to end.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("ended by a signal, before there was a figure")]
pub struct Interrupted;

static IS_ASKED: AtomicBool = AtomicBool::new(false);

/// From now on INT and TERM are noticed, on a thread of its own; the second one ends the process at once.
///
/// # Errors
/// When the system does not let it.
pub fn watch() -> io::Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    let (mut interrupt, mut terminate) = {
        let _inside = runtime.enter();
        (
            signal(SignalKind::interrupt())?,
            signal(SignalKind::terminate())?,
        )
    };
    let thread = thread::Builder::new().name("signals".to_owned());
    thread.spawn(move || {
        runtime.block_on(async {
            loop {
                tokio::select! {
                    _ = interrupt.recv() => {}
                    _ = terminate.recv() => {}
                }
                if IS_ASKED.swap(true, Ordering::Relaxed) {
                    std::process::exit(1);
                }
            }
        });
    })?;
    Ok(())
}

/// Whether to go on.
///
/// # Errors
/// When the run was asked to end.
pub fn check() -> Result<(), Interrupted> {
    if IS_ASKED.load(Ordering::Relaxed) {
        return Err(Interrupted);
    }
    Ok(())
}
