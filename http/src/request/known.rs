//! Field lines that have come before, so that they need not be read again.
//!
//! Whoever asks for more than one thing mostly sends the same field lines with each request: a browser
//! for all pictures of a page, over all its connections. Those that were the last of their length are
//! kept with what was found in them. Lines that begin with the same bytes are the same lines, as they
//! end with the first empty one, and what is found in lines depends on them alone. So the answer is
//! always that of reading them.
//!
//! Who guesses at another client's lines, to see by the time that they are known, has one guess: his
//! own take their place.

use super::section::Section;

/// How many are kept, by the length of what came: lines that are as long are mostly the same
/// client's. 256: when a hundred clients fetch their pages at once, in turn, the lines of two in three
/// are still there, and it is a quarter of a megabyte at most.
const KEPT_MAX: usize = 256;

/// Longer lines are not kept; those of a browser have room.
const LINES_LEN_MAX: usize = 1024;

/// Field lines that have come before, to be shown to [`Request::parse_knowing`].
///
/// [`Request::parse_knowing`]: super::Request::parse_knowing
#[derive(Debug)]
pub struct KnownFields {
    /// Always so many.
    kept: Box<[Kept]>,
}

#[derive(Debug, Default)]
struct Kept {
    lines: Vec<u8>,
    section: Section,
}

impl Default for KnownFields {
    fn default() -> Self {
        Self {
            kept: (0..KEPT_MAX).map(|_| Kept::default()).collect(),
        }
    }
}

impl KnownFields {
    /// What is known of the lines at the beginning of `buf`.
    pub(super) fn find(&self, buf: &[u8]) -> Option<&Section> {
        let kept = self.kept.get(buf.len() % KEPT_MAX)?;
        (!kept.lines.is_empty() && buf.starts_with(&kept.lines)).then_some(&kept.section)
    }

    /// Keeps what was found in the lines at the beginning of `buf`.
    pub(super) fn keep(&mut self, buf: &[u8], section: &Section) {
        // Passwords are not kept longer than they are needed.
        if section.len > LINES_LEN_MAX || section.has_password() {
            return;
        }
        if let Some(kept) = self.kept.get_mut(buf.len() % KEPT_MAX) {
            let lines = buf.get(..section.len).unwrap_or_default();
            kept.lines.clear();
            // Room for these, and not for twice as many.
            kept.lines.reserve_exact(lines.len());
            kept.lines.extend_from_slice(lines);
            kept.section = *section;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT_MAX, KnownFields, LINES_LEN_MAX};
    use crate::{Limits, Request};

    fn read(known: &mut KnownFields, fields: &str) {
        let head = format!("GET / HTTP/1.1\r\n{fields}");
        let request = Request::parse_knowing(head.as_bytes(), &Limits::default(), known);
        assert!(matches!(request, Ok(Some(_))));
    }

    fn knows(known: &KnownFields, fields: &str) -> bool {
        known.find(fields.as_bytes()).is_some()
    }

    #[test]
    fn lines_are_known_until_others_of_their_length_come() {
        let known = &mut KnownFields::default();
        let others = format!("Host: a\r\nB: {}\r\n\r\n", "c".repeat(KEPT_MAX - 5));

        read(known, "Host: a\r\n\r\n");
        assert!(knows(known, "Host: a\r\n\r\n"));
        assert!(!knows(known, "Host: b\r\n\r\n") && !knows(known, "Host: a\r\n\r"));
        read(known, "Host: ab\r\n\r\n");
        assert!(knows(known, "Host: a\r\n\r\n") && knows(known, "Host: ab\r\n\r\n"));
        read(known, &others);
        assert!(knows(known, &others) && !knows(known, "Host: a\r\n\r\n"));
    }

    #[test]
    fn long_lines_and_passwords_are_not_kept() {
        let known = &mut KnownFields::default();
        let fields = |len: usize| format!("Host: a\r\nB: {}\r\n\r\n", "c".repeat(len - 16));

        read(known, &fields(LINES_LEN_MAX - KEPT_MAX));
        for (fields, is_kept) in [
            (fields(LINES_LEN_MAX), true),
            (fields(LINES_LEN_MAX + 1), false),
            ("Host: a\r\nAuthorization: Basic YTpi\r\n\r\n".into(), false),
        ] {
            read(known, &fields);
            assert_eq!(knows(known, &fields), is_kept, "{fields}");
        }
        let room = known.kept.iter().map(|kept| kept.lines.capacity());
        assert_eq!(room.sum::<usize>(), LINES_LEN_MAX);
    }
}
