//! The hosts of some lines, looked up one after another before any of the lines is written.
//!
//! With thousands of hosts a name, its file and what the file gathers are each somewhere in memory
//! where no cache has it, and where one leads to the next a processor waits for each in turn. Of
//! lines looked up together it fetches several at once.

use super::names::Names;
use super::{Place, vhost};

/// Lines that nothing is done to but to take their host off, and what that is, in order.
#[derive(Debug)]
pub(super) struct Ahead<'a> {
    lines: [Found<'a>; AHEAD_MAX],
    len: usize,
}

/// A line, what is left of it without its host, and where that stands among the names.
#[derive(Clone, Copy, Debug, Default)]
struct Found<'a> {
    line: &'a [u8],
    rest: &'a [u8],
    place: usize,
}

impl Default for Ahead<'_> {
    fn default() -> Self {
        Self {
            lines: [Found::default(); AHEAD_MAX],
            len: 0,
        }
    }
}

impl<'a> Ahead<'a> {
    /// Takes a whole line of a host that was seen before; whether it is one, and there was room.
    pub(super) fn takes(&mut self, line: &'a [u8], names: &Names) -> bool {
        if !line.ends_with(b"\n") {
            return false;
        }
        let Some((word, rest)) = vhost::split(line) else {
            return false;
        };
        let (Some(free), Some(place)) = (self.lines.get_mut(self.len), names.known(word)) else {
            return false;
        };
        *free = Found { line, rest, place };
        self.len += 1;
        true
    }

    pub(super) const fn is_full(&self) -> bool {
        self.len == AHEAD_MAX
    }

    /// Gives them to `sink`. No name may have been learnt since they were taken.
    pub(super) fn deliver(&mut self, names: &Names, sink: &mut impl FnMut(Place<'_>, &[u8])) {
        let lines = self.lines.get(..self.len).unwrap_or_default();
        for Found { line, rest, place } in lines {
            match names.at(*place) {
                Some(host) => sink(Place::Vhost(host), rest),
                None => sink(Place::CatchAll, line),
            }
        }
        self.len = 0;
    }
}

/// 32 lines: more than a processor fetches at once, and 6 KiB of the usual ones, which the nearest
/// cache still holds when they are written.
const AHEAD_MAX: usize = 32;
