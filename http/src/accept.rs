//! What media types a client wants (RFC 9110 12.5.1), as far as there is a choice: a page or JSON.
//!
//! The parameters of a media range are passed over but for its weight; a member that is not of the
//! grammar is ignored.

use crate::encoding::{WEIGHT_MAX, weight};
use crate::{FieldLines, ascii};

/// Whether Accept names `text/html` itself, as every browser does for a page and nothing does for
/// anything else.
#[must_use]
pub fn names_html(accept: &FieldLines<'_>) -> bool {
    Wanted::parse(accept)
        .html
        .exact
        .is_some_and(|weight| weight > 0)
}

/// Whether Accept prefers `application/json` to `text/html`. Of two alike it is the one that is
/// named; programs that want JSON often end their list in `*/*`.
#[must_use]
pub fn prefers_json(accept: &FieldLines<'_>) -> bool {
    let Wanted { html, json, any } = Wanted::parse(accept);
    let of = |kind: Kind| kind.exact.or(kind.range).or(any).unwrap_or(0);
    let is_named = json.exact.is_some() && html.exact.is_none();
    of(json) > of(html) || (of(json) == of(html) && of(json) > 0 && is_named)
}

/// Weights in thousandths; `None` where nothing is said.
#[derive(Default)]
struct Wanted {
    html: Kind,
    json: Kind,
    /// `*/*`
    any: Option<u16>,
}

#[derive(Clone, Copy, Default)]
struct Kind {
    exact: Option<u16>,
    /// `text/*`, or `application/*`
    range: Option<u16>,
}

impl Wanted {
    fn parse(accept: &FieldLines<'_>) -> Self {
        let mut wanted = Self::default();
        for member in accept.iter().flat_map(ascii::members) {
            let mut parts = member.split(|&byte| byte == b';').map(ascii::trim);
            let name = parts.next().unwrap_or_default();
            let is_weight = |part: &&[u8]| matches!(part, [b'q' | b'Q', b'=', ..]);
            let weight = match parts.find(is_weight) {
                None => Some(WEIGHT_MAX),
                Some(part) => weight(part),
            };
            if let (Some(slot), Some(weight)) = (wanted.slot(name), weight) {
                slot.get_or_insert(weight);
            }
        }
        wanted
    }

    fn slot(&mut self, name: &[u8]) -> Option<&mut Option<u16>> {
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        match name.len() {
            3 if is(b"*/*") => Some(&mut self.any),
            6 if is(b"text/*") => Some(&mut self.html.range),
            9 if is(b"text/html") => Some(&mut self.html.exact),
            13 if is(b"application/*") => Some(&mut self.json.range),
            16 if is(b"application/json") => Some(&mut self.json.exact),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{names_html, prefers_json};
    use crate::FieldLines;

    #[test]
    fn a_client_gets_what_it_prefers() {
        const CASES: &[(&str, bool, bool)] = &[
            // Accept, names HTML, prefers JSON
            ("", false, false),
            ("*/*", false, false),
            (
                "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
                true,
                false,
            ),
            ("application/json", false, true),
            ("Application/JSON", false, true),
            ("application/json, text/plain, */*", false, true),
            ("application/json, text/html", true, false),
            ("application/json, text/html;q=0.9", true, true),
            ("text/html, application/json;q=0.9", true, false),
            ("application/json;q=0", false, false),
            ("application/json;q=0, */*", false, false),
            ("text/html;q=0, */*", false, true),
            ("text/html;q=0.0, application/json;q=0.001", false, true),
            ("application/*, text/*;q=0.5", false, true),
            ("application/*, text/*", false, false),
            (
                "application/json;charset=utf-8;q=0.5, text/html ; level=1 ; Q=0.4",
                true,
                true,
            ),
            ("image/avif,image/webp,*/*;q=0.8", false, false),
            ("application/json;q=2", false, false),
            ("text/html;q=x", false, false),
            ("text/html, text/html;q=0", true, false),
            (",, ;q=1, /, application/json", false, true),
        ];
        for (value, html, json) in CASES {
            let field = FieldLines::one(value.as_bytes());
            assert_eq!(names_html(&field), *html, "{value}");
            assert_eq!(prefers_json(&field), *json, "{value}");
        }
        assert!(!prefers_json(&FieldLines::default()));
    }
}
