//! The content of a request, counted off and thrown away.
//!
//! A static server reads content only to find the request after it. It is fed with whatever
//! has arrived, and says how much of that belonged to the content.

mod chunked;

#[cfg(test)]
mod tests;

use crate::{Framing, Reject};
use chunked::Chunked;

/// What is still to come of one request's content.
#[derive(Clone, Debug)]
pub struct Content(Left);

#[derive(Clone, Debug)]
enum Left {
    Length(u64),
    Chunked(Chunked),
}

impl Content {
    /// The content that follows a head with `framing`; refused once chunks sum up to more than
    /// `max` bytes. (A length above it has been refused with the head.)
    #[must_use]
    pub const fn new(framing: Framing, max: u64) -> Self {
        Self(match framing {
            Framing::None => Left::Length(0),
            Framing::Length(length) => Left::Length(length),
            Framing::Chunked => Left::Chunked(Chunked::new(max)),
        })
    }

    /// Takes what belongs to the content from the beginning of `buf`, and says how many bytes
    /// that were. Fewer than all of them only when the content is complete.
    ///
    /// # Errors
    /// When the framing is broken or a limit is passed: then where the next request begins is
    /// not known.
    pub fn discard(&mut self, buf: &[u8]) -> Result<usize, Reject> {
        match &mut self.0 {
            Left::Length(left) => {
                // A buffer longer than u64 can say holds the rest of any content.
                let taken = u64::try_from(buf.len()).unwrap_or(u64::MAX).min(*left);
                *left -= taken;
                Ok(usize::try_from(taken).unwrap_or(buf.len()))
            }
            Left::Chunked(chunked) => chunked.discard(buf),
        }
    }

    /// Whether all of it has been taken.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        match &self.0 {
            Left::Length(left) => *left == 0,
            Left::Chunked(chunked) => chunked.is_done(),
        }
    }
}
