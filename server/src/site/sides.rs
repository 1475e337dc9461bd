//! Side files: encodings of a file that somebody has made beforehand and put beside it.
//!
//! `app.js.br`, `app.js.zst` and `app.js.gz` are sent in place of `app.js` to clients that want
//! them so, if `app.js` is of a type that compression does something for. They are files like
//! any other: opened beneath the root, regular, readable, and also served by their own names.
//! One that is older than its file is left alone, since it holds what the file held before.

use http::{Coding, Codings};

use super::Stamp;

/// The side files that may be sent in place of a file, in the states they are in.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Sides {
    brotli: Option<Stamp>,
    zstd: Option<Stamp>,
    gzip: Option<Stamp>,
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

    /// The codings there are.
    pub(crate) fn codings(&self) -> Codings {
        let codings = Coding::BY_PREFERENCE.into_iter();
        codings
            .filter(|coding| self.of(*coding).is_some())
            .fold(Codings::NONE, Codings::with)
    }

    pub(super) const fn add(&mut self, coding: Coding, stamp: Stamp) {
        match coding {
            Coding::Identity => {}
            Coding::Brotli => self.brotli = Some(stamp),
            Coding::Zstd => self.zstd = Some(stamp),
            Coding::Gzip => self.gzip = Some(stamp),
        }
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
