//! Lines from files that others write, over rotation and truncation, with a remembered place.
//!
//! ```text
//! access.log ---- renamed ----> access.log.1     read on, until it has been quiet for long
//!      new, from its beginning
//! access.log ---- copied, and truncated          what the copy has more is read, then the file
//!                                                from its beginning
//! ```
//!
//! The file is the buffer: when there is no room, it is not read. What is remembered (`state`) is
//! the place up to which all lines are safe without this process: acknowledged, or in the spool.
//! So a process that is killed sends some lines again, and loses none; one that is stopped does
//! neither. Files are looked at ten times a second rather than watched: that costs a few system
//! calls each, and works on every file system.

mod find;
mod followed;
mod place;
mod state;
mod tail;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracing::warn;

use self::followed::Followed;
use self::place::Places;
use self::state::State;
use self::tail::Turn;
use super::handover::{Handover, Patience};
use crate::Counters;
pub use state::StateError;

/// What is followed, and how.
#[derive(Clone, Debug)]
pub(super) struct Orders {
    pub(super) paths: Vec<PathBuf>,
    /// Where places are remembered, if they are.
    pub(super) state: Option<PathBuf>,
    /// How long a file is read on that has lost its name.
    pub(super) rotated_wait: Duration,
}

/// Why a file cannot be followed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FollowError {
    /// The system refuses it.
    #[error("cannot follow {}", path.display())]
    Open {
        /// Its name.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Places cannot be remembered.
    #[error(transparent)]
    State(#[from] StateError),
}

/// Files that are followed.
#[derive(Debug)]
pub(super) struct Follower {
    files: Vec<Followed>,
    state: Option<State>,
    saved_at: Instant,
    is_failing: bool,
    /// Of each group: they tell what is safe.
    counters: Vec<Arc<Counters>>,
}

impl Follower {
    /// Finds every file where it was left.
    ///
    /// # Errors
    /// When one is there and cannot be read, or the state file is not to be had.
    pub(super) fn open(orders: &Orders) -> Result<Self, FollowError> {
        let state = orders.state.as_deref().map(State::open).transpose()?;
        let known = state.as_ref().map(State::places);
        let files = orders.paths.iter().map(|path| {
            let places = known.map(|known| of_path(known, path));
            Followed::open(path, places, orders.rotated_wait).map_err(|source| FollowError::Open {
                path: path.clone(),
                source,
            })
        });
        Ok(Self {
            files: files.collect::<Result<_, _>>()?,
            state,
            saved_at: Instant::now(),
            is_failing: false,
            counters: Vec::new(),
        })
    }

    /// What is followed, as an operator is told.
    pub(super) fn names(&self) -> String {
        let names = self
            .files
            .iter()
            .map(|file| file.path().display().to_string());
        names.collect::<Vec<_>>().join(", ")
    }

    /// Whether places are remembered.
    pub(super) const fn remembers(&self) -> bool {
        self.state.is_some()
    }

    /// Who tells what is safe, in the order of the groups.
    pub(super) fn attach(&mut self, counters: Vec<Arc<Counters>>) {
        self.counters = counters;
    }

    /// Reads until it is to stop, and then what is there and finds room.
    pub(super) fn run(&mut self, handover: &mut Handover) {
        handover.set_patience(Patience::None);
        let mut buffer = vec![0; BUFFER_BYTES];
        let mut had_room_at = Instant::now();
        // A file that is new is known from now on, should this process be killed.
        self.settle();
        loop {
            let turns = self
                .files
                .iter_mut()
                .map(|file| file.turn(handover, &mut buffer));
            let turn = turns.fold(Turn::AtEnd, Turn::max);
            if turn != Turn::NoRoom {
                had_room_at = Instant::now();
            }
            if self.saved_at.elapsed() >= SAVE_EVERY {
                self.settle();
            }
            let pause = match turn {
                Turn::More => Duration::ZERO,
                Turn::NoRoom if had_room_at.elapsed() < SAVE_EVERY => ROOM_AFTER,
                Turn::NoRoom | Turn::AtEnd => LOOK_EVERY,
            };
            if handover.stopping().wait(pause) {
                break;
            }
        }
        for file in &mut self.files {
            file.turn(handover, &mut buffer);
        }
    }

    /// Remembers how far everything is safe.
    pub(super) fn settle(&mut self) {
        self.saved_at = Instant::now();
        let secured: Vec<u64> = self.counters.iter().map(|c| c.secured()).collect();
        let mut places = Places::new();
        for file in &mut self.files {
            file.settle(&secured, &mut places);
        }
        let Some(state) = &mut self.state else {
            return;
        };
        match state.save(places) {
            Ok(()) => self.is_failing = false,
            Err(error) => {
                if !std::mem::replace(&mut self.is_failing, true) {
                    warn!("cannot remember places: {error}; after a restart lines are sent again");
                }
            }
        }
    }
}

/// The places of one of the files.
fn of_path(known: &Places, path: &PathBuf) -> Vec<place::Place> {
    let mine = known.iter().filter(|(of, _)| of == path);
    mine.map(|(_, place)| *place).collect()
}

/// 256 KiB: several of the longest lines, and few system calls for many short ones.
const BUFFER_BYTES: usize = 256 * 1024;

/// 100 ms: as long as a publisher collects lines for a message.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// 5 ms: a publisher empties its ring every 20 ms, if it takes anything.
const ROOM_AFTER: Duration = Duration::from_millis(5);

/// 1 s: what a killed process sends again, and one synced write.
const SAVE_EVERY: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests;
