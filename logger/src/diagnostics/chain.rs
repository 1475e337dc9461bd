//! An error with its causes, as one line.

use std::error::Error;
use std::fmt;

/// An error with its causes, `a: b: c`.
///
/// Each level of an error prints only itself, and this is the one place that puts them together.
#[derive(Clone, Copy, Debug)]
pub struct Chain<'e>(pub &'e dyn Error);

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("cannot serve")]
    struct Outer(#[source] Inner);

    #[derive(Debug, thiserror::Error)]
    #[error("cannot open /srv")]
    struct Inner(#[source] io::Error);

    #[test]
    fn an_error_is_told_with_all_its_causes() {
        let error = Outer(Inner(io::Error::other("no such disk")));

        let text = Chain(&error).to_string();

        assert_eq!(text, "cannot serve: cannot open /srv: no such disk");
    }
}
