//! thttpd's patterns, for rules about paths.
//!
//! | in a pattern | is |
//! |---|---|
//! | `?` | any one byte, a slash too |
//! | `*` | any number of bytes but slashes |
//! | `**` | any number of bytes |
//! | a bar | the end of one alternative and the beginning of the next |
//! | anything else | itself |
//!
//! A pattern is about a whole path, decoded and without its leading slash
//! ([`Target::rule_path`](crate::Target::rule_path)); a slash that an alternative begins with is
//! ignored. The first alternative that matches is the one that counts, and in it every wildcard,
//! from the left, takes as much as it can, as thttpd's `match.c` has it. Its recursion, which takes
//! exponential time for some patterns, is not here: the time is at most proportional to the length
//! of the pattern times that of the path.
//!
//! Nothing quotes a wildcard: `?` matches itself among others, which is enough in practice.

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Range;
use std::str::FromStr;

/// Longer than any path it could be about is of use.
const LEN_MAX: usize = 1024;

/// `*` and `**` in one alternative: as many as a redirect can name, and few enough that what is
/// noted about each of them while a path is matched stays small.
const STARS_MAX: usize = 9;

/// How many of its wildcards a match can tell: `$1` to `$9`.
const CAPTURES_MAX: usize = 9;

/// A pattern, ready to be matched.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Pattern {
    text: Box<str>,
    alternatives: Box<[Alternative]>,
}

/// What the wildcards of a pattern stand for in one path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Captures<'a> {
    path: &'a [u8],
    places: Places,
}

/// Why a text is no pattern.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum PatternError {
    /// It is too long.
    #[error("the pattern is {len} bytes long; {LEN_MAX} are the limit")]
    TooLong {
        /// How long it is.
        len: usize,
    },
    /// It has too many stars.
    #[error("the pattern has {stars} of * and ** in one alternative; {STARS_MAX} are the limit")]
    TooManyStars {
        /// How many it has.
        stars: usize,
    },
}

/// `start`, then each star with what follows it.
#[derive(Clone, Debug, Eq, PartialEq)]
struct Alternative {
    start: Piece,
    stars: Box<[(Star, Piece)]>,
}

/// Bytes to be found one after another; `None` is a `?`.
type Piece = Box<[Option<u8>]>;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Star {
    /// `*`
    Segment,
    /// `**`
    Anything,
}

/// Places of the first wildcards in a path.
type Places = [Option<(usize, usize)>; CAPTURES_MAX];

impl Pattern {
    /// Whether it matches `path`.
    #[must_use]
    pub fn matches(&self, path: &[u8]) -> bool {
        self.alternatives.iter().any(|one| one.find(path).is_some())
    }

    /// Whether it matches every path there is, because an alternative is `**`.
    #[must_use]
    pub fn matches_all(&self) -> bool {
        self.alternatives.iter().any(|one| {
            one.start.is_empty()
                && matches!(&*one.stars, [(Star::Anything, piece)] if piece.is_empty())
        })
    }

    /// What its wildcards stand for in `path`, if it matches.
    #[must_use]
    pub fn captures<'a>(&self, path: &'a [u8]) -> Option<Captures<'a>> {
        let places = self.alternatives.iter().find_map(|one| {
            let reaches = one.find(path)?;
            Some(one.places(&reaches))
        })?;
        Some(Captures { path, places })
    }

    /// How many wildcards every alternative has, so that each can be told of any match.
    #[must_use]
    pub fn wildcards(&self) -> usize {
        let counts = self.alternatives.iter().map(Alternative::wildcards);
        counts.min().unwrap_or(0)
    }

    /// The pattern as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl<'a> Captures<'a> {
    /// What the wildcard of this number stands for, the first being 1; nothing if there is none,
    /// or if it is beyond the ninth.
    #[must_use]
    pub fn wildcard(&self, number: usize) -> &'a [u8] {
        let place = number
            .checked_sub(1)
            .and_then(|index| *self.places.get(index)?);
        place
            .and_then(|(from, to)| self.path.get(from..to))
            .unwrap_or_default()
    }
}

impl FromStr for Pattern {
    type Err = PatternError;

    fn from_str(text: &str) -> Result<Self, PatternError> {
        if text.len() > LEN_MAX {
            return Err(PatternError::TooLong { len: text.len() });
        }
        let alternatives = text
            .split('|')
            .map(|alternative| {
                let alternative = alternative.strip_prefix('/').unwrap_or(alternative);
                Alternative::parse(alternative.as_bytes())
            })
            .collect::<Result<_, _>>()?;
        Ok(Self {
            text: text.into(),
            alternatives,
        })
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Alternative {
    fn parse(text: &[u8]) -> Result<Self, PatternError> {
        let (start, mut rest) = piece(text);
        let mut stars = Vec::new();
        loop {
            let (star, after) = match rest {
                [] => break,
                [b'*', b'*', after @ ..] => (Star::Anything, after),
                // Nothing else ends a piece.
                [_, after @ ..] => (Star::Segment, after),
            };
            let (piece, after) = piece(after);
            stars.push((star, piece));
            rest = after;
        }
        if stars.len() > STARS_MAX {
            return Err(PatternError::TooManyStars { stars: stars.len() });
        }
        Ok(Self {
            start,
            stars: stars.into(),
        })
    }

    fn wildcards(&self) -> usize {
        let pieces = self.stars.iter().map(|(_, piece)| piece);
        let ones = pieces.chain([&self.start]).map(|piece| ones(piece).count());
        ones.sum::<usize>() + self.stars.len()
    }

    /// How far each star reaches in `path`, from the last to the first, if it matches.
    ///
    /// From the last star to the first: where a star may end is known once it is known from where
    /// the next one can go on.
    fn find(&self, path: &[u8]) -> Option<Reaches> {
        if !is_at(&self.start, path, 0) {
            return None;
        }
        let mut reaches = Reaches::default();
        // The reach of the star that comes next, as it is the one that was found last.
        let mut next: Option<&Reach> = None;
        for (place, (star, piece)) in reaches.iter_mut().zip(self.stars.iter().rev()) {
            let reach = match next {
                None => {
                    let end = path.len().checked_sub(piece.len())?;
                    if !is_at(piece, path, end) {
                        return None;
                    }
                    star.reach_of_last(path, end)
                }
                Some(next) => star.reach(path, |end| {
                    is_at(piece, path, end) && next.from(end + piece.len()).is_some()
                })?,
            };
            next = Some(&*place.insert(reach));
        }
        let matches = match next {
            None => self.start.len() == path.len(),
            Some(first) => first.from(self.start.len()).is_some(),
        };
        matches.then_some(reaches)
    }

    /// Where the wildcards are in a path in which the stars have these `reaches`.
    fn places(&self, reaches: &Reaches) -> Places {
        let mut places = Places::default();
        let mut empty = places.iter_mut();
        let mut note = |from: usize, to: usize| {
            if let Some(place) = empty.next() {
                *place = Some((from, to));
            }
        };
        for one in ones(&self.start) {
            note(one, one + 1);
        }
        let mut at = self.start.len();
        let reaches = reaches.iter().flatten().rev();
        for ((_, piece), reach) in self.stars.iter().zip(reaches) {
            let end = reach.from(at).unwrap_or(at);
            note(at, end);
            for one in ones(piece) {
                note(end + one, end + one + 1);
            }
            at = end + piece.len();
        }
        places
    }
}

/// Those of the stars, the last star's first. In place, as patterns are matched with every request,
/// and those of most need no memory but this.
type Reaches = [Option<Reach>; STARS_MAX];

/// How far a star can go, from wherever it begins, so that the rest of the pattern matches.
enum Reach {
    /// To the same place, from anywhere in this range.
    To(Range<usize>),
    /// For each beginning its own end.
    Each(Vec<Option<usize>>),
}

impl Reach {
    fn from(&self, start: usize) -> Option<usize> {
        match self {
            Self::To(range) => (range.start..=range.end)
                .contains(&start)
                .then_some(range.end),
            Self::Each(ends) => *ends.get(start)?,
        }
    }
}

impl Star {
    /// The reach of the last star, which can end in one place only.
    fn reach_of_last(self, path: &[u8], end: usize) -> Reach {
        let begins = path.get(..end).unwrap_or_default();
        let slash = match self {
            Self::Segment => begins.iter().rposition(|&byte| byte == b'/'),
            Self::Anything => None,
        };
        Reach::To(slash.map_or(0, |slash| slash + 1)..end)
    }

    /// The reach of a star that may end wherever `fits`; `None` if that is nowhere.
    fn reach(self, path: &[u8], fits: impl Fn(usize) -> bool) -> Option<Reach> {
        let mut places = (0..=path.len()).rev();
        match self {
            Self::Anything => places.find(|&end| fits(end)).map(|end| Reach::To(0..end)),
            Self::Segment => {
                let mut ends = vec![None; path.len() + 1];
                let mut furthest = None;
                for (place, end) in ends.iter_mut().enumerate().rev() {
                    if path.get(place) == Some(&b'/') {
                        // From here the star can take nothing at all.
                        furthest = None;
                    }
                    furthest = furthest.or_else(|| fits(place).then_some(place));
                    *end = furthest;
                }
                Some(Reach::Each(ends))
            }
        }
    }
}

/// The bytes before the next star, and the rest.
fn piece(text: &[u8]) -> (Piece, &[u8]) {
    let end = text.iter().position(|&byte| byte == b'*');
    let (piece, rest) = text.split_at(end.unwrap_or(text.len()));
    let piece = piece.iter().map(|&byte| (byte != b'?').then_some(byte));
    (piece.collect(), rest)
}

/// Where in the piece its `?` are.
fn ones(piece: &[Option<u8>]) -> impl Iterator<Item = usize> {
    let places = piece.iter().enumerate();
    places.filter_map(|(place, byte)| byte.is_none().then_some(place))
}

/// Whether `path` goes on with `piece` at `place`.
fn is_at(piece: &[Option<u8>], path: &[u8], place: usize) -> bool {
    let Some(bytes) = path.get(place..).and_then(|rest| rest.get(..piece.len())) else {
        return false;
    };
    let mut pairs = piece.iter().zip(bytes);
    pairs.all(|(wanted, byte)| wanted.is_none_or(|wanted| wanted == *byte))
}
