//! What of a file is sent: preconditions in the order of RFC 9110 13.2.2, then ranges.

use crate::etag::{self, Comparison};
use crate::range::{self, Asked};
use crate::{ByteRange, Coding, ETag, FieldLines, Fields, Method, Request, Status, date};

/// The selected representation of a resource (RFC 9110 3.2), as far as its head tells of it.
#[derive(Clone, Copy, Debug)]
pub struct Representation<'a> {
    /// Its media type.
    pub content_type: &'a str,
    /// Its bytes.
    pub len: u64,
    /// Its validator, strong.
    pub etag: ETag,
    /// When it was modified, in seconds since 1970. A file from the future is as old as the
    /// response: Last-Modified must not be after Date (RFC 9110 8.8.2.1).
    pub modified: i64,
    /// How its bytes are encoded; length, validator and ranges are those of the encoded bytes.
    pub coding: Coding,
    /// Whether it was chosen by Accept-Encoding, or could have been: then Vary says so, to be
    /// added to every response, a page about it included.
    pub varies: bool,
}

/// What is answered to a request for a representation.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Selection {
    /// 200: all of it.
    Whole,
    /// 206: this part of it.
    Part(ByteRange),
    /// 206: these parts of it, two at least, as a
    /// [`Multipart`](crate::response::Multipart) content.
    Parts(Vec<ByteRange>),
    /// 304: what the client has is still the same.
    NotModified,
    /// 412: it is not what the client wants it to be.
    PreconditionFailed,
    /// 416: all parts begin behind its end.
    Unsatisfiable,
}

impl Representation<'_> {
    /// The Vary field (RFC 9110 12.5.5), if there has to be one.
    #[must_use]
    pub const fn vary(&self) -> &'static [(&'static str, &'static [u8])] {
        if self.varies {
            &[("Vary", b"Accept-Encoding")]
        } else {
            &[]
        }
    }

    /// Evaluates the preconditions and the range of a GET or HEAD.
    #[must_use]
    pub fn select(&self, request: &Request<'_>, now: i64) -> Selection {
        let fields = &request.fields;
        if let Some(selection) = self.precondition(fields, now) {
            return selection;
        }
        // RFC 9110 14.2: Range is about GET alone.
        let range = fields.range().filter(|_| request.method == Method::Get);
        match range.map(|range| range::parse(range, self.len)) {
            Some(_) if !self.if_range(fields, now) => Selection::Whole,
            None | Some(Asked::Ignored) => Selection::Whole,
            Some(Asked::Part(part)) => Selection::Part(part),
            // Content-Encoding would be about the multipart content, which is not encoded, and its
            // parts have no field to say that they are: all of it, as RFC 9110 14.2 allows.
            Some(Asked::Parts(_)) if self.coding != Coding::Identity => Selection::Whole,
            Some(Asked::Parts(parts)) => Selection::Parts(parts),
            Some(Asked::Unsatisfiable) => Selection::Unsatisfiable,
        }
    }

    /// Steps 1 to 4 of RFC 9110 13.2.2; `None` to go on.
    fn precondition(&self, fields: &Fields<'_>, now: i64) -> Option<Selection> {
        // A date that is none is as good as missing (RFC 9110 13.1.3 and 13.1.4).
        let date = |field: Option<&[u8]>| date::parse(field?, now);

        // Step 1, or step 2 if there is no If-Match.
        let fails = if fields.if_match().is_missing() {
            date(fields.if_unmodified_since()).is_some_and(|since| self.modified > since)
        } else {
            !etag::is_listed(&fields.if_match(), &self.etag, Comparison::Strong)
        };
        if fails {
            return Some(Selection::PreconditionFailed);
        }

        // Step 3, or step 4 if there is no If-None-Match.
        let is_same = if fields.if_none_match().is_missing() {
            date(fields.if_modified_since()).is_some_and(|since| self.modified <= since)
        } else {
            etag::is_listed(&fields.if_none_match(), &self.etag, Comparison::Weak)
        };
        is_same.then_some(Selection::NotModified)
    }

    /// Step 5: whether If-Range, if there is one, lets the range through (RFC 9110 13.1.5).
    fn if_range(&self, fields: &Fields<'_>, now: i64) -> bool {
        let Some(value) = fields.if_range() else {
            return true;
        };
        // A date is a strong validator only if the file cannot have changed again within the
        // second that it names (RFC 9110 8.8.2.2), and if no other encoding can carry it too.
        let is_strong = self.modified < now && !self.varies;
        etag::is_same(value, &self.etag)
            || (is_strong && date::parse(value, now) == Some(self.modified))
    }
}

impl Fields<'_> {
    /// Evaluates the preconditions of a GET or HEAD for what is there but has neither tag nor
    /// date, as a page made for one response: the status, if they are not met.
    ///
    /// Of RFC 9110 13.2.2 that leaves steps 1 and 3, where `*` is true of all there is, and no tag
    /// of this.
    #[must_use]
    pub fn precondition_without_validators(&self) -> Option<Status> {
        let is_any = |field: &FieldLines<'_>| field.iter().any(|value| value == b"*");
        if !self.if_match().is_missing() && !is_any(&self.if_match()) {
            return Some(Status::PreconditionFailed);
        }
        is_any(&self.if_none_match()).then_some(Status::NotModified)
    }
}

impl Selection {
    /// The status of the answer.
    #[must_use]
    pub const fn status(&self) -> Status {
        match self {
            Self::Whole => Status::Ok,
            Self::Part(_) | Self::Parts(_) => Status::PartialContent,
            Self::NotModified => Status::NotModified,
            Self::PreconditionFailed => Status::PreconditionFailed,
            Self::Unsatisfiable => Status::RangeNotSatisfiable,
        }
    }

    /// The value of Content-Range (RFC 9110 14.4) in the head of the answer, for a
    /// representation of `len` bytes. Several parts have one each in their own heads, and none
    /// here (RFC 9110 15.3.7.2).
    #[must_use]
    pub fn content_range(&self, len: u64) -> Option<String> {
        match self {
            Self::Part(part) => Some(part.content_range(len)),
            Self::Unsatisfiable => Some(format!("bytes */{len}")),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Representation, Selection};
    use crate::{Coding, ETag, Limits, Request, Status};

    const NOW: i64 = 1_795_000_000;
    /// Sun, 06 Nov 1994 08:49:37 GMT, and the tag made from it.
    const MODIFIED: i64 = 784_111_777;
    const SAME: &str = "\"2ebc98a100000000-64\"";

    fn select(head: &str) -> String {
        let head = format!("{head}Host: a\r\n\r\n");
        let request = Request::parse(head.as_bytes(), &Limits::default());
        let representation = Representation {
            content_type: "text/plain",
            len: 100,
            etag: ETag::new(MODIFIED, 0, 100),
            modified: MODIFIED,
            coding: Coding::Identity,
            varies: false,
        };
        assert_eq!(representation.etag.as_bytes(), SAME.as_bytes());
        let request = request.unwrap().unwrap();
        let selection = representation.select(&request, NOW);
        assert!(selection == Selection::Whole || !request.fields.want_whole());
        match selection {
            Selection::Whole => "200".into(),
            Selection::Part(part) => format!("206 {}-{}", part.first(), part.last()),
            Selection::Parts(parts) => format!("206 {} parts", parts.len()),
            Selection::NotModified => "304".into(),
            Selection::PreconditionFailed => "412".into(),
            Selection::Unsatisfiable => "416".into(),
        }
    }

    /// Field lines, separated by semicolons, and the answer.
    const CASES: &[(&str, &str)] = &[
        // Step 1.
        ("", "200"),
        ("If-Match: SAME", "200"),
        ("If-Match: *", "200"),
        (r#"If-Match: "x""#, "412"),
        ("If-Match: W/SAME", "412"),
        (r#"If-Match: "x"; If-Match: SAME"#, "200"),
        ("If-Match: garbage", "412"),
        ("If-Match: SAME; If-Unmodified-Since: BEFORE", "200"),
        (r#"If-Match: "x"; If-None-Match: SAME"#, "412"),
        // Step 2.
        ("If-Unmodified-Since: EXACT", "200"),
        ("If-Unmodified-Since: BEFORE", "412"),
        ("If-Unmodified-Since: yesterday", "200"),
        (
            "If-Unmodified-Since: BEFORE; If-Unmodified-Since: BEFORE",
            "200",
        ),
        // Step 3.
        ("If-None-Match: SAME", "304"),
        ("If-None-Match: W/SAME", "304"),
        ("If-None-Match: *", "304"),
        (r#"If-None-Match: "x""#, "200"),
        (r#"If-None-Match: "x"; if-none-match: SAME"#, "304"),
        (r#"If-None-Match: "x"; A: b; IF-NONE-MATCH: SAME"#, "304"),
        (r#"If-None-Match: "x"; If-Modified-Since: EXACT"#, "200"),
        ("If-None-Match: garbage; If-Modified-Since: EXACT", "200"),
        // Step 4.
        ("If-Modified-Since: EXACT", "304"),
        ("If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT", "304"),
        ("If-Modified-Since: Sun Nov  6 08:49:37 1994", "304"),
        ("If-Modified-Since: AFTER", "304"),
        ("If-Modified-Since: BEFORE", "200"),
        ("If-Modified-Since: 0", "200"),
        ("If-Modified-Since: EXACT; If-Modified-Since: EXACT", "200"),
        ("If-Modified-Since: EXACT; Range: bytes=0-1", "304"),
        // Step 5.
        ("Range: bytes=0-1", "206 0-1"),
        ("Range: bytes=0-1; Range: bytes=0-1", "200"),
        ("Range: bytes=100-", "416"),
        ("Range: bytes=0-0,99-99", "206 2 parts"),
        ("Range: bytes=0-0,50-50", "206 0-50"),
        ("Range: bytes=200-,99-99", "206 99-99"),
        ("Range: bytes=200-,100-", "416"),
        ("Range: bytes=0-0,99-99; If-Range: SAME", "206 2 parts"),
        (r#"Range: bytes=0-0,99-99; If-Range: "x""#, "200"),
        ("Range: bytes=0-0,99-99; If-None-Match: SAME", "304"),
        ("Range: bytes=-1; If-Range: SAME", "206 99-99"),
        ("Range: bytes=-1; If-Range: W/SAME", "200"),
        (r#"Range: bytes=-1; If-Range: "x""#, "200"),
        ("Range: bytes=-1; If-Range: *", "200"),
        ("Range: bytes=-1; If-Range: EXACT", "206 99-99"),
        ("Range: bytes=-1; If-Range: BEFORE", "200"),
        ("Range: bytes=-1; If-Range: AFTER", "200"),
        ("Range: bytes=-1; If-Range:", "200"),
        ("Range: bytes=-1; If-Range: SAME; If-Range: SAME", "200"),
        (r#"Range: bytes=100-; If-Range: "x""#, "200"),
        (r#"If-Range: "x""#, "200"),
        ("Range: bytes=0-1; If-Match: SAME", "206 0-1"),
        (r#"Range: bytes=0-1; If-None-Match: "x""#, "206 0-1"),
    ];

    #[test]
    fn preconditions_come_in_the_order_of_rfc_9110_13_2_2() {
        for (fields, answer) in CASES {
            let fields = fields
                .replace("SAME", SAME)
                .replace("BEFORE", "Sun, 06 Nov 1994 08:49:36 GMT")
                .replace("EXACT", "Sun, 06 Nov 1994 08:49:37 GMT")
                .replace("AFTER", "Sun, 06 Nov 1994 08:49:38 GMT")
                .replace("; ", "\r\n");
            let end = if fields.is_empty() { "" } else { "\r\n" };
            let answered = select(&format!("GET / HTTP/1.1\r\n{fields}{end}"));
            assert_eq!(answered, *answer, "{fields:?}");
        }
    }

    #[test]
    fn what_has_no_validators_is_any_and_no_other() {
        const CASES: &[(&str, Option<Status>)] = &[
            ("A: b", None),
            ("If-Match: *", None),
            ("If-Match: \"x\"", Some(Status::PreconditionFailed)),
            ("If-Match:", Some(Status::PreconditionFailed)),
            ("If-Match: *\r\nIf-None-Match: *", Some(Status::NotModified)),
            (
                "If-Match: \"x\"\r\nIf-None-Match: *",
                Some(Status::PreconditionFailed),
            ),
            ("If-None-Match: *", Some(Status::NotModified)),
            ("If-None-Match: \"x\"", None),
            ("If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT", None),
            ("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT", None),
        ];
        for (fields, status) in CASES {
            let head = format!("GET / HTTP/1.1\r\nHost: a\r\n{fields}\r\n\r\n");
            let request = Request::parse(head.as_bytes(), &Limits::default());
            let fields = request.unwrap().unwrap().fields;
            assert_eq!(fields.precondition_without_validators(), *status, "{head}");
        }
    }

    #[test]
    fn range_is_ignored_for_head_but_preconditions_are_not() {
        assert_eq!(select("HEAD / HTTP/1.1\r\nRange: bytes=0-1\r\n"), "200");
        assert_eq!(select("HEAD / HTTP/1.1\r\nRange: bytes=100-\r\n"), "200");
        assert_eq!(select("HEAD / HTTP/1.1\r\nIf-None-Match: *\r\n"), "304");
    }

    /// A file written this very second may be written again in it, with the same date.
    #[test]
    fn a_date_of_this_second_is_no_validator_for_if_range() {
        let head = "GET / HTTP/1.1\r\nHost: a\r\nRange: bytes=0-1\r\n\
            If-Range: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n";
        let request = Request::parse(head.as_bytes(), &Limits::default());
        let request = request.unwrap().unwrap();
        let representation = Representation {
            content_type: "text/plain",
            len: 100,
            etag: ETag::new(MODIFIED, 0, 100),
            modified: MODIFIED,
            coding: Coding::Identity,
            varies: false,
        };

        assert_eq!(representation.select(&request, MODIFIED), Selection::Whole);
        let later = representation.select(&request, MODIFIED + 1);
        assert!(matches!(later, Selection::Part(_)));
        // Its encodings may all have been given the same time.
        let one_of_several = Representation {
            varies: true,
            ..representation
        };
        let later = one_of_several.select(&request, MODIFIED + 1);
        assert_eq!(later, Selection::Whole);
    }
}
