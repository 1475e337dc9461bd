//! The spools that were left behind: each gets a connection of its own until it is delivered.
//!
//! An instance that has died goes on under its old name, to the end of what it had written: its
//! control says how far it was, what no daemon had taken is sent, what is asked for is sent again,
//! and it leaves. Its spool is deleted when every known logging host has everything, at least one,
//! or when it is too old for anybody to ask.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::{JoinSet, spawn_blocking};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{info, warn};

use super::PublisherOptions;
use super::run::Run;
use crate::counters::Counters;
use crate::diagnostics::Chain;
use crate::spool::{Orphan, orphans};

/// Takes over what is in `dir`, now and every [`LOOK_EVERY`], until `stopping` has no sender any
/// more; then what is under way is closed.
pub(super) async fn run(
    dir: PathBuf,
    options: PublisherOptions,
    counters: Arc<Counters>,
    mut stopping: watch::Receiver<()>,
) {
    let mut heirs = JoinSet::new();
    let mut looks = interval(LOOK_EVERY);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut unusable, mut told_of_more) = (Vec::new(), false);
    loop {
        tokio::select! {
            _ = stopping.changed() => break,
            Some(ended) = heirs.join_next() => {
                unusable.extend(ended.ok().flatten());
                continue;
            }
            _ = looks.tick() => {}
        }
        let (within, max) = (dir.clone(), HEIRS_MAX - heirs.len());
        let looking = spawn_blocking(move || orphans(&within, max));
        // Without the directory there is nothing in it, and who wanted to make it has told why.
        let Ok(Ok((found, more))) = looking.await else {
            continue;
        };
        if more && !std::mem::replace(&mut told_of_more, true) {
            warn!(
                "more than {HEIRS_MAX} spools are left in {}: the others have to wait until some \
                 of them are delivered",
                dir.display()
            );
        }
        for (path, identity) in found {
            if unusable.contains(&path) {
                continue;
            }
            let (options, counters) = (options.clone(), Arc::clone(&counters));
            heirs.spawn(inherit(path, identity, options, counters, stopping.clone()));
        }
    }
    while heirs.join_next().await.is_some() {}
}

/// Delivers what is at `path`; gives it back if that cannot be, ever.
async fn inherit(
    path: PathBuf,
    identity: File,
    options: PublisherOptions,
    counters: Arc<Counters>,
    stopping: watch::Receiver<()>,
) -> Option<PathBuf> {
    let place = path.clone();
    // It may be a gibibyte, and the publisher's thread has more urgent things to do.
    match spawn_blocking(move || Orphan::read(path, identity)).await {
        Ok(Ok(orphan)) => deliver(&place, orphan, options, &counters, stopping).await,
        Ok(Err(error)) => {
            warn!(
                "cannot take over the spool {}: {}; it stays",
                place.display(),
                Chain(&error)
            );
            return Some(place);
        }
        Err(_) => {}
    }
    None
}

async fn deliver(
    path: &Path,
    orphan: Orphan,
    options: PublisherOptions,
    counters: &Counters,
    mut stopping: watch::Receiver<()>,
) {
    let path = path.display();
    let (books, unreadable) = (orphan.store.books(), orphan.unreadable);
    if unreadable > 0 {
        warn!("the spool {path} is damaged: {unreadable} messages in it cannot be read");
    }
    info!(
        "taking over the spool {path}: {} lines that no daemon had taken",
        books.waiting.lines
    );
    let expires = Instant::now() + KEPT_FOR.saturating_sub(orphan.age);
    let mut run = Run::of_orphan(orphan, options);
    let mut counted = Counted::new(counters);
    let mut tick = interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = stopping.changed() => return run.close().await,
            _ = tick.tick() => {}
            event = run.event() => run.handle(event),
        }
        run.feed();
        run.publish_books();
        counted.set(run.kept_lines());
        let is_old = Instant::now() >= expires;
        if is_old || run.is_delivered() {
            let kept = run.kept_lines();
            if is_old && kept > 0 {
                counters.orphans_now().expire(kept);
                warn!("the spool {path} is a week old: {kept} lines that nobody acknowledged go");
            } else {
                counters.orphans_now().deliver();
                info!("the spool {path} is delivered");
            }
            return run.close_and_delete().await;
        }
    }
}

/// A spool in the figures, as long as it is being delivered.
struct Counted<'a> {
    counters: &'a Counters,
    lines: u64,
}

impl<'a> Counted<'a> {
    fn new(counters: &'a Counters) -> Self {
        counters.orphans_now().begin();
        Self { counters, lines: 0 }
    }

    fn set(&mut self, lines: u64) {
        self.counters.orphans_now().change(self.lines, lines);
        self.lines = lines;
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.counters.orphans_now().end(self.lines);
    }
}

/// A minute: one that ends while another runs, as before and after a web server's restart, leaves
/// what is not acknowledged to it. To look costs reading a directory.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// As many connections at once; a farm whose publishers die more often has other worries.
const HEIRS_MAX: usize = 64;

/// 7 days: a logging host that is repaired is back by then.
const KEPT_FOR: Duration = Duration::from_secs(7 * 24 * 3600);

/// 100 ms: nothing new comes in.
const TICK: Duration = Duration::from_millis(100);
