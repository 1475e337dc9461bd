//! Side files: encodings of a file that somebody has made beforehand and put beside it.
//!
//! `app.js.br`, `app.js.zst` and `app.js.gz` are sent in place of `app.js` to clients that want
//! them so, if `app.js` is of a type that compression does something for. They are files like
//! any other: opened beneath the root, regular, readable, and also served by their own names.
//! One that is older than its file is left alone, since it holds what the file held before.

use std::os::fd::OwnedFd;

use http::{Coding, Codings};
use rustix::fs::{FileType, OFlags, Stat};
use rustix::io::Errno;

use super::root::READ;
use super::{LookupError, MediaType, Patience, Site, Stamp};

/// The side files that may be sent in place of a file, in the states they are in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Sides {
    brotli: Option<Stamp>,
    zstd: Option<Stamp>,
    gzip: Option<Stamp>,
    /// They were looked for, and nothing has the name of one: as long as no name comes into the directory, none is there.
    pub(crate) is_alone: bool,
}

impl Sides {
    /// The state of the side file with this coding.
    pub(crate) const fn of(&self, coding: Coding) -> Option<&Stamp> {
        match coding {
            Coding::Identity => None,
            Coding::Brotli => self.brotli.as_ref(),
            Coding::Zstd => self.zstd.as_ref(),
            Coding::Gzip => self.gzip.as_ref(),
        }
    }

    /// Whether there are none.
    pub(crate) const fn is_empty(&self) -> bool {
        self.brotli.is_none() && self.zstd.is_none() && self.gzip.is_none()
    }

    /// The codings there are.
    pub(crate) fn codings(&self) -> Codings {
        let codings = Coding::BY_PREFERENCE.into_iter();
        codings
            .filter(|coding| self.of(*coding).is_some())
            .fold(Codings::NONE, Codings::with)
    }

    const fn add(&mut self, coding: Coding, stamp: Stamp) {
        match coding {
            Coding::Identity => {}
            Coding::Brotli => self.brotli = Some(stamp),
            Coding::Zstd => self.zstd = Some(stamp),
            Coding::Gzip => self.gzip = Some(stamp),
        }
    }
}

impl Site {
    /// The side files of the file at `path`, which is in the state `file`.
    pub(super) fn sides(
        &self,
        path: &[u8],
        file: &Stamp,
        patience: Patience,
    ) -> Result<Sides, LookupError> {
        let mut sides = Sides::default();
        if !MediaType::of(path).is_compressible() {
            return Ok(sides);
        }
        sides.is_alone = true;
        for coding in Coding::BY_PREFERENCE {
            let name = side_path(path, coding);
            // A link that leads nowhere yet is there, too.
            match self.root.open_beneath(&name, SEE, patience) {
                Err(Errno::NOENT) => continue,
                Err(Errno::AGAIN) => return Err(LookupError::WouldBlock),
                Ok(_) | Err(_) => sides.is_alone = false,
            }
            match self.open_side(path, coding, file, patience) {
                Ok((_, status)) => sides.add(coding, Stamp::of(&status)),
                Err(LookupError::WouldBlock) => return Err(LookupError::WouldBlock),
                Err(_) => {}
            }
        }
        Ok(sides)
    }

    pub(super) fn open_side(
        &self,
        path: &[u8],
        coding: Coding,
        file: &Stamp,
        patience: Patience,
    ) -> Result<(OwnedFd, Stat), LookupError> {
        let name = side_path(path, coding);
        let opened = self.root.open_beneath(&name, READ, patience)?;
        let status = rustix::fs::fstat(&opened)?;
        let is_regular = FileType::from_raw_mode(status.st_mode) == FileType::RegularFile;
        if !is_regular
            || !self.permissions.let_through(&status)
            || !is_current(&Stamp::of(&status), file)
        {
            return Err(LookupError::NotFound);
        }
        Ok((opened, status))
    }
}

/// How the name of a side file goes on behind that of its file and a dot.
pub(crate) const fn ending(coding: Coding) -> &'static str {
    match coding {
        Coding::Identity => "",
        Coding::Brotli => "br",
        Coding::Zstd => "zst",
        Coding::Gzip => "gz",
    }
}

fn side_path(path: &[u8], coding: Coding) -> Vec<u8> {
    [path, b".", ending(coding).as_bytes()].concat()
}

/// How something is opened of which nobody wants more than to know that it is there.
const SEE: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Whether a side file in the state `side` holds what a file in the state `file` does, as far
/// as times tell.
///
/// Some tools that give their result the time of its source know whole seconds only, so a time
/// without nanoseconds is compared by its seconds.
pub(super) fn is_current(side: &Stamp, file: &Stamp) -> bool {
    let of_file = match side.modified_nanos {
        0 => (file.modified, 0),
        _ => (file.modified, file.modified_nanos),
    };
    (side.modified, side.modified_nanos) >= of_file
}
