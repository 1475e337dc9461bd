//! One path that is followed: the file of that name, and those that had it and may be written yet.

use std::collections::VecDeque;
use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tracing::{info, warn};

use super::super::handover::Handover;
use super::find::find;
use super::place::{Place, Places};
use super::tail::{Tail, Turn};

/// A path, and the files behind it.
#[derive(Debug)]
pub(super) struct Followed {
    path: PathBuf,
    /// The file of that name, or the last that had it.
    current: Option<Tail>,
    /// Those that have lost it, the oldest first.
    retired: VecDeque<Tail>,
    rotated_wait: Duration,
    /// What was said last of its state, so that it is said once.
    told: Option<String>,
}

impl Followed {
    /// Opens the file where `places`, the oldest first, say that it was left; at its beginning if
    /// there are none, and at its end if none are ever remembered.
    ///
    /// # Errors
    /// When it is there and cannot be read.
    pub(super) fn open(
        path: &Path,
        places: Option<Vec<Place>>,
        rotated_wait: Duration,
    ) -> io::Result<Self> {
        let mut followed = Self {
            path: path.to_owned(),
            current: None,
            retired: VecDeque::new(),
            rotated_wait,
            told: None,
        };
        let opened = match Tail::open(path) {
            Ok(tail) => Some(tail),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let Some(places) = places else {
            followed.current = opened;
            if let Some(tail) = &mut followed.current {
                tail.resume_at_end()?;
            }
            return Ok(followed);
        };
        for place in places {
            followed.resume(&place, opened.as_ref())?;
        }
        if followed.current.is_none() {
            followed.current = opened;
        }
        Ok(followed)
    }

    /// Goes on with a file that was read before; `named` has the name now.
    fn resume(&mut self, place: &Place, named: Option<&Tail>) -> io::Result<()> {
        let found = match find(&self.path, place) {
            Ok(found) => found,
            // Neither is there a file.
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let path = self.path.display();
        let Some((name, tail)) = found else {
            if place.offset > 0 {
                warn!(
                    "what was {path} is not there any more, nor beside it: lines from byte {} of \
                     it on were not sent, if there were any",
                    place.offset
                );
            }
            return Ok(());
        };
        if named.is_some_and(|named| named.identity() == tail.identity()) {
            self.current = Some(tail);
        } else {
            info!("reading the rest of what was {path}: {}", name.display());
            self.retired.push_back(tail);
        }
        Ok(())
    }

    /// Looks for what has come, and hands it over as far as there is room.
    pub(super) fn turn(&mut self, handover: &mut Handover, buffer: &mut [u8]) -> Turn {
        match self.try_turn(handover, buffer) {
            Ok(turn) => {
                if self.current.is_some() {
                    self.told = None;
                }
                turn
            }
            Err(error) => {
                self.tell(format!("cannot read {}: {error}", self.path.display()));
                Turn::AtEnd
            }
        }
    }

    fn try_turn(&mut self, handover: &mut Handover, buffer: &mut [u8]) -> io::Result<Turn> {
        let (mut turn, mut failure) = (Turn::AtEnd, None);
        for tail in &mut self.retired {
            // As long as there is more in one, those after it can wait; one that fails does not
            // keep the others.
            if turn == Turn::AtEnd {
                match read(tail, handover, buffer) {
                    Ok(its) => turn = its,
                    Err(error) => failure = Some(error),
                }
            }
        }
        self.finish_oldest(handover, buffer)?;
        if let Some(current) = &mut self.current {
            if current.is_rewritten()? {
                self.restart()?;
                return Ok(Turn::More);
            }
            if turn == Turn::AtEnd {
                turn = read(current, handover, buffer)?;
            } else {
                current.look()?;
            }
        }
        // Whether there is room or not: files may come and go until there is.
        if self.retired.len() < UNREAD_MAX {
            self.look_for_next()?;
        }
        failure.map_or(Ok(turn), Err)
    }

    /// The file was truncated: if it was copied before, what the copy has more is read first.
    fn restart(&mut self) -> io::Result<()> {
        let Some(current) = &mut self.current else {
            return Ok(());
        };
        let (path, place) = (self.path.display(), current.place());
        let copy = find(&self.path, &place)?;
        match copy.filter(|(_, copy)| copy.identity() != current.identity()) {
            Some((name, mut copy)) => {
                info!(
                    "{path} was truncated: going on from its beginning, when {} is read",
                    name.display()
                );
                copy.succeed(current);
                self.retired.push_back(copy);
            }
            None => info!(
                "{path} was truncated: going on from its beginning; what was added behind byte {} \
                 is gone",
                place.offset
            ),
        }
        current.rewind();
        Ok(())
    }

    /// Whether the name has gone over to another file.
    fn look_for_next(&mut self) -> io::Result<()> {
        let named = match fs::metadata(&self.path) {
            Ok(metadata) => (metadata.dev(), metadata.ino()),
            // Its successor is not there yet.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                if self.current.is_none() {
                    self.tell(format!("waiting for {}", self.path.display()));
                }
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if self
            .current
            .as_ref()
            .is_some_and(|tail| tail.identity() == named)
        {
            return Ok(());
        }
        let next = Tail::open(&self.path)?;
        if let Some(before) = self.current.replace(next) {
            info!("{} is another file now", self.path.display());
            self.retired.push_back(before);
        }
        Ok(())
    }

    /// Lets go of the oldest that lost its name, if it has been quiet for long.
    fn finish_oldest(&mut self, handover: &mut Handover, buffer: &mut [u8]) -> io::Result<()> {
        let is_crowded = self.retired.len() > RETIRED_MAX;
        let Some(oldest) = self.retired.front_mut() else {
            return Ok(());
        };
        if oldest.idle() < self.rotated_wait && !is_crowded {
            return Ok(());
        }
        // Once its last line is handed over it stays until that is safe.
        if oldest.finish(handover, buffer)? && oldest.is_settled() {
            self.retired.pop_front();
        }
        Ok(())
    }

    /// Puts how far everything is safe, of which so many lines of each group are, into `places`.
    pub(super) fn settle(&mut self, secured: &[u64], places: &mut Places) {
        for tail in self.retired.iter_mut().chain(&mut self.current) {
            tail.settle(secured);
            places.push((self.path.clone(), tail.safe_place()));
        }
    }

    /// Its name.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    fn tell(&mut self, what: String) {
        if self.told.as_ref() != Some(&what) {
            warn!("{what}");
            self.told = Some(what);
        }
    }
}

/// Reads a file's turn.
fn read(tail: &mut Tail, handover: &mut Handover, buffer: &mut [u8]) -> io::Result<Turn> {
    for _ in 0..TURN_MAX {
        match tail.read(handover, buffer)? {
            Turn::More => {}
            turn => return Ok(turn),
        }
    }
    Ok(Turn::More)
}

/// 16 buffers: then the other files have their turn.
const TURN_MAX: usize = 16;

/// 8: rotations that come faster than files become quiet; the oldest is let go of first.
const RETIRED_MAX: usize = 8;

/// 256: hourly rotations of ten days without room; those that come then are not noticed.
const UNREAD_MAX: usize = 256;
