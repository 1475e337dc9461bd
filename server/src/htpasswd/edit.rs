//! A password file with one user's line changed; every other byte stays as it is.

/// What became of a file.
#[derive(Debug, Eq, PartialEq)]
pub(super) struct Edit {
    pub(super) bytes: Vec<u8>,
    /// The user had a line.
    pub(super) was_there: bool,
}

/// `file` with `line` for `user`, in the place of the first it had, or at the end. Further ones,
/// which no server looks at, go.
pub(super) fn with(file: &[u8], user: &[u8], line: &[u8]) -> Edit {
    edit(file, user, Some(line))
}

/// `file` without `user`.
pub(super) fn without(file: &[u8], user: &[u8]) -> Edit {
    edit(file, user, None)
}

fn edit(file: &[u8], user: &[u8], line: Option<&[u8]>) -> Edit {
    let mut bytes = Vec::with_capacity(file.len());
    let mut was_there = false;
    for old in file.split_inclusive(|&byte| byte == b'\n') {
        if !is_of(user, old) {
            bytes.extend_from_slice(old);
        } else if let Some(line) = line.filter(|_| !was_there) {
            bytes.extend_from_slice(line);
            bytes.push(b'\n');
        }
        was_there |= is_of(user, old);
    }
    if let Some(line) = line.filter(|_| !was_there) {
        if bytes.last().is_some_and(|&last| last != b'\n') {
            bytes.push(b'\n');
        }
        bytes.extend_from_slice(line);
        bytes.push(b'\n');
    }
    Edit { bytes, was_there }
}

fn is_of(user: &[u8], line: &[u8]) -> bool {
    let rest = line.strip_prefix(user);
    rest.is_some_and(|rest| rest.starts_with(b":"))
}

/// A line without what ends it.
pub(super) fn without_line_end(line: &[u8]) -> &[u8] {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    line.strip_suffix(b"\r").unwrap_or(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(edit: &Edit) -> (&str, bool) {
        (str::from_utf8(&edit.bytes).unwrap(), edit.was_there)
    }

    #[test]
    fn one_users_line_changes_and_no_other_byte() {
        const CASES: &[(&str, &str, bool)] = &[
            ("", "a:new\n", false),
            ("b:1\n", "b:1\na:new\n", false),
            ("b:1", "b:1\na:new\n", false),
            ("a:1\n", "a:new\n", true),
            ("a:1", "a:new\n", true),
            (
                "# c\n\nb:1:x\na:1:y\nab:2\n",
                "# c\n\nb:1:x\na:new\nab:2\n",
                true,
            ),
            ("a:1\nb:1\na:2\n", "a:new\nb:1\n", true),
            ("a\n#a:1\r\n", "a\n#a:1\r\na:new\n", false),
        ];
        for (file, expected, was_there) in CASES {
            let edit = with(file.as_bytes(), b"a", b"a:new");
            assert_eq!(text(&edit), (*expected, *was_there), "{file:?}");
            let again = with(&edit.bytes, b"a", b"a:new");
            assert_eq!(text(&again), (*expected, true), "{file:?}");
        }
    }

    #[test]
    fn a_user_goes_with_all_its_lines() {
        let edit = without(b"a:1\nb:1\na:2", b"a");
        assert_eq!(text(&edit), ("b:1\n", true));
        assert_eq!(text(&without(b"b:1", b"a")), ("b:1", false));
    }

    #[test]
    fn a_line_end_is_no_part_of_a_password() {
        for (line, expected) in [
            (&b"a b\r\n"[..], &b"a b"[..]),
            (b"a b \n", b"a b "),
            (b"a", b"a"),
            (b"\n", b""),
        ] {
            assert_eq!(without_line_end(line), expected);
        }
    }
}
