//! The page of a directory: names, sizes and dates in, HTML out.
//!
//! Names are bytes that anybody who may write to the directory has chosen: every one is escaped
//! for the place it stands in.

use crate::{date, escape};

/// One name in a directory.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Entry<'a> {
    /// The name, without slashes.
    pub name: &'a [u8],
    /// Whether it is a directory itself.
    pub is_directory: bool,
    /// Bytes, of a file.
    pub len: u64,
    /// When it was modified, in seconds since 1970.
    pub modified: i64,
}

/// Writes the page of the directory at `path` (as [`Target::path`](crate::Target::path) has it),
/// with `entries` in the order they are given; unless they are `complete`, it says that there are
/// more.
#[must_use]
pub fn page(path: &[u8], entries: &[Entry<'_>], complete: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(512 + entries.len() * 128);
    out.extend_from_slice(START);
    title(&mut out, path);
    out.extend_from_slice(b"</title></head>\n<body><h1>Index of ");
    title(&mut out, path);
    out.extend_from_slice(b"</h1>\n<table>\n");
    if !path.is_empty() {
        out.extend_from_slice(b"<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n");
    }
    for entry in entries {
        row(&mut out, entry);
    }
    out.extend_from_slice(b"</table>\n");
    if !complete {
        out.extend_from_slice(b"<p>There are more names, which are not shown.</p>\n");
    }
    out.extend_from_slice(b"</body></html>\n");
    out
}

const START: &[u8] = b"<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
    <meta name=\"viewport\" content=\"width=device-width\">\
    <style>body{font-family:sans-serif}td{padding:0 2em 0 0}\
    td+td{text-align:right;font-variant-numeric:tabular-nums}</style>\n<title>";

fn title(out: &mut Vec<u8>, path: &[u8]) {
    out.push(b'/');
    escape::html(out, path);
    if !path.is_empty() {
        out.push(b'/');
    }
}

fn row(out: &mut Vec<u8>, entry: &Entry<'_>) {
    let slash: &[u8] = if entry.is_directory { b"/" } else { b"" };
    // `./` in front: a name is never taken for a host, a scheme or a query.
    out.extend_from_slice(b"<tr><td><a href=\"./");
    escape::path(out, entry.name);
    out.extend_from_slice(slash);
    out.extend_from_slice(b"\">");
    escape::html(out, entry.name);
    out.extend_from_slice(slash);
    out.extend_from_slice(b"</a></td><td>");
    if !entry.is_directory {
        out.extend_from_slice(itoa::Buffer::new().format(entry.len).as_bytes());
    }
    out.extend_from_slice(b"</td><td>");
    out.extend_from_slice(date::to_minutes(entry.modified).as_bytes());
    out.extend_from_slice(b"</td></tr>\n");
}

#[cfg(test)]
mod tests {
    use super::{Entry, page};
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    fn text(path: &[u8], name: &[u8]) -> String {
        let entry = Entry {
            name,
            is_directory: false,
            len: 1234,
            modified: 784_111_777,
        };
        String::from_utf8(page(path, &[entry], true)).unwrap()
    }

    #[test]
    fn a_name_stands_in_the_link_and_in_the_text() {
        assert!(text(b"a", b"b c.txt").contains(
            "<tr><td><a href=\"./b%20c.txt\">b c.txt</a></td>\
             <td>1234</td><td>1994-11-06 08:49</td></tr>"
        ));
    }

    #[test]
    fn a_directory_ends_in_a_slash_and_has_no_size() {
        let entry = Entry {
            name: b"d",
            is_directory: true,
            len: 4096,
            modified: 0,
        };
        let text = String::from_utf8(page(b"", &[entry], true)).unwrap();
        assert!(
            text.contains("<a href=\"./d/\">d/</a></td><td></td>"),
            "{text}"
        );
    }

    #[test]
    fn a_part_of_a_directory_says_that_it_is_one() {
        let text = |complete| String::from_utf8(page(b"", &[], complete)).unwrap();
        assert!(!text(true).contains("more names"));
        assert!(text(false).contains("more names"));
    }

    #[test]
    fn only_the_root_has_no_parent() {
        assert!(!text(b"", b"x").contains("../"));
        assert!(text(b"a/b", b"x").contains("<a href=\"../\">"));
    }

    #[test]
    fn a_name_cannot_become_markup_or_a_scheme() {
        let page = text(b"", b"javascript:alert(1)\"><script>'&\n");
        assert!(
            page.contains(
                "<a href=\"./javascript%3Aalert(1)%22%3E%3Cscript%3E%27%26%0A\">\
             javascript:alert(1)&quot;&gt;&lt;script&gt;&#39;&amp;\u{fffd}</a>"
            ),
            "{page}"
        );
    }

    proptest! {
        /// However it is named, an entry adds the same markup.
        #[test]
        fn names_add_no_markup(
            path in proptest::collection::vec(any::<u8>(), 1..20),
            name in proptest::collection::vec(any::<u8>(), 1..20),
        ) {
            let plain = text(b"x", b"x");
            let page = text(&path, &name);
            for mark in ['<', '>', '"', '\'', '\n'] {
                prop_assert_eq!(page.matches(mark).count(), plain.matches(mark).count());
            }
            prop_assert!(!page.contains('\0'));
        }
    }
}
