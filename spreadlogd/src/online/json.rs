//! Who is online, as JSON: all pages or one, by the query that it was asked with.

use serde::Serialize;

use super::window::{WINDOW, Window};

/// 100: pages that are listed, as on any page of such figures.
const PAGES_LISTED: usize = 100;

/// 30, as the binary protocol has it: visitors of one page that are told of.
const SEEN_LISTED: usize = 30;

/// Lines and visitors that are not in the figures, and why.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq, Serialize)]
#[non_exhaustive]
pub struct OnlineCounts {
    /// Lines of access logs that were counted.
    pub lines: u64,
    /// Lines with fewer than eight fields.
    pub passed_over_lines: u64,
    /// Lines that found no room on their way.
    pub dropped_lines: u64,
    /// Visitors that had to make room for others within the window.
    pub crowded_out_visitors: u64,
    /// Requests that were answered, this one included.
    pub requests: u64,
}

#[derive(Serialize)]
struct All<'a> {
    window_seconds: u64,
    visitors: usize,
    distinct_pages: usize,
    pages: Vec<PageCount>,
    counts: &'a OnlineCounts,
}

#[derive(Serialize)]
struct PageCount {
    url: String,
    visitors: u32,
}

#[derive(Serialize)]
struct OnePage {
    window_seconds: u64,
    visitors: usize,
    url: String,
    page_visitors: u32,
    newest: Vec<SeenVisitor>,
}

/// The number as text: a number of JSON is not exact beyond 53 bits.
#[derive(Serialize)]
struct SeenVisitor {
    id: String,
    seconds_ago: u64,
}

/// What `window`, culled just now, says to a query: of one page for `url=…`, else of all.
pub(crate) fn write(window: &Window, counts: &OnlineCounts, query: &[u8]) -> Vec<u8> {
    let visitors = window.visitors();
    let mut text = match asked_for(query) {
        Some(url) => {
            let (page_visitors, newest) = window.on(&url, SEEN_LISTED);
            let newest = newest.iter().map(|seen| SeenVisitor {
                id: seen.id.to_string(),
                seconds_ago: seen.age.as_secs(),
            });
            serde_json::to_vec(&OnePage {
                window_seconds: WINDOW.as_secs(),
                visitors,
                url: shown(&url),
                page_visitors,
                newest: newest.collect(),
            })
        }
        None => {
            let pages = window.top(PAGES_LISTED).into_iter();
            serde_json::to_vec(&All {
                window_seconds: WINDOW.as_secs(),
                visitors,
                distinct_pages: window.pages(),
                pages: pages
                    .map(|(url, visitors)| PageCount {
                        url: shown(url),
                        visitors,
                    })
                    .collect(),
                counts,
            })
        }
    }
    // There is nothing here that cannot be written: text and numbers into memory.
    .unwrap_or_default();
    text.push(b'\n');
    text
}

/// What is not UTF-8 has a replacement character in its place.
fn shown(url: &[u8]) -> String {
    String::from_utf8_lossy(url).into_owned()
}

/// The `url` of a query, decoded: the last if there are several.
fn asked_for(query: &[u8]) -> Option<Vec<u8>> {
    let pairs = query.split(|&byte| byte == b'&');
    let mut urls = pairs.filter_map(|pair| pair.strip_prefix(b"url="));
    urls.next_back().map(decode)
}

/// `%HH` as the byte; all others as they are. A `+` too: URLs in a log have many, spaces none.
fn decode(text: &[u8]) -> Vec<u8> {
    let (mut decoded, mut rest) = (Vec::with_capacity(text.len()), text);
    while let Some((&first, behind)) = rest.split_first() {
        let (byte, behind) = escaped(rest).unwrap_or((first, behind));
        decoded.push(byte);
        rest = behind;
    }
    decoded
}

/// The byte that `text` begins with as `%HH`, and what follows.
fn escaped(text: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, behind) = text.strip_prefix(b"%")?.split_at_checked(2)?;
    let digits = std::str::from_utf8(digits).ok()?;
    // It would take a sign as well.
    let digits = Some(digits).filter(|digits| digits.bytes().all(|b| b.is_ascii_hexdigit()))?;
    Some((u8::from_str_radix(digits, 16).ok()?, behind))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use super::*;

    fn window() -> Window {
        let mut window = Window::default();
        window.hit(u64::MAX, b"/a", Duration::from_secs(1));
        window.hit(2, b"/b%20\"c\xff", Duration::from_secs(2));
        window.hit(3, b"/a", Duration::from_secs(3));
        window.cull(Duration::from_secs(5));
        window
    }

    fn asked(query: &[u8]) -> Value {
        let counts = OnlineCounts {
            lines: 3,
            ..OnlineCounts::default()
        };
        serde_json::from_slice(&write(&window(), &counts, query)).unwrap()
    }

    #[test]
    fn without_a_query_it_tells_of_all_pages() {
        let expected = json!({
            "window_seconds": 1800,
            "visitors": 3,
            "distinct_pages": 2,
            "pages": [
                {"url": "/a", "visitors": 2},
                {"url": "/b%20\"c\u{fffd}", "visitors": 1},
            ],
            "counts": {
                "lines": 3,
                "passed_over_lines": 0,
                "dropped_lines": 0,
                "crowded_out_visitors": 0,
                "requests": 0,
            },
        });

        assert_eq!(asked(b""), expected);
        assert_eq!(asked(b"nonsense&uri=/a"), expected);
    }

    #[test]
    fn with_a_url_it_tells_of_one_page() {
        let expected = json!({
            "window_seconds": 1800,
            "visitors": 3,
            "url": "/a",
            "page_visitors": 2,
            "newest": [
                {"id": "3", "seconds_ago": 2},
                {"id": "18446744073709551615", "seconds_ago": 4},
            ],
        });

        assert_eq!(asked(b"url=/a"), expected);
        assert_eq!(asked(b"x=1&url=%2Fa"), expected);
        assert_eq!(asked(b"url=/nowhere")["page_visitors"], 0);
        assert_eq!(asked(b"url=/b%2520%22c%FF")["page_visitors"], 1);
    }

    #[test]
    fn what_is_no_escape_stays_as_it_is() {
        const CASES: &[(&str, &str)] = &[
            ("", ""),
            ("%", "%"),
            ("%4", "%4"),
            ("%zz%41", "%zzA"),
            ("%+1", "%+1"),
            ("a+b%2B", "a+b+"),
            ("%\u{e9}9", "%\u{e9}9"),
        ];
        for (text, expected) in CASES {
            assert_eq!(decode(text.as_bytes()), expected.as_bytes(), "{text}");
        }
    }
}
