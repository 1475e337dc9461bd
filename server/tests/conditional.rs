//! Validators and preconditions: RFC 9110 8.8 (Last-Modified, ETag), section 13 (conditional
//! requests, in the order of 13.2.2) and 15.4.5 (304). If-Range is in `ranges.rs`.

#![expect(clippy::unwrap_used, reason = "a test that fails here has failed")]

mod support;

use std::fs::File;
use std::time::{Duration, SystemTime};

use support::{Client, Response, Root, Served, noise};

/// The files' time of modification, Sun, 06 Nov 1994 08:49:37 GMT.
const MODIFIED: u64 = 784_111_777;

/// From memory and from the file.
const TARGETS: [&str; 2] = ["/a", "/large"];

fn served() -> Served {
    let root = Root::with(&[("a", b"one"), ("large", &noise(100_000)), ("d/x", b"")]);
    for name in ["a", "large"] {
        modified(
            &root,
            name,
            SystemTime::UNIX_EPOCH + Duration::from_secs(MODIFIED),
        );
    }
    root.serve()
}

fn modified(root: &Root, name: &str, time: SystemTime) {
    let file = File::options().write(true).open(root.path(name)).unwrap();
    file.set_modified(time).unwrap();
}

fn ask(client: &mut Client, target: &str, fields: &str) -> Response {
    client.send(format!(
        "GET {target} HTTP/1.1\r\nHost: test\r\n{fields}\r\n"
    ));
    client.response()
}

/// Field lines, separated by semicolons, and the answer. `SAME` is the file's tag.
const CASES: &[(&str, u16)] = &[
    // Step 1, RFC 9110 13.1.1: If-Match, a list, compared strongly.
    ("If-Match: SAME", 200),
    ("If-Match: *", 200),
    ("If-Match: \"x\" , ,SAME", 200),
    ("If-Match: \"x\"; If-Match: SAME", 200),
    ("If-Match: \"x\"", 412),
    ("If-Match: W/SAME", 412),
    ("If-Match: no tag", 412),
    ("If-Match:", 412),
    ("If-Match: SAME; If-Unmodified-Since: BEFORE", 200),
    ("If-Match: \"x\"; If-Unmodified-Since: EXACT", 412),
    ("If-Match: \"x\"; If-None-Match: SAME", 412),
    // Step 2, 13.1.4: a date that is none is ignored.
    ("If-Unmodified-Since: EXACT", 200),
    ("If-Unmodified-Since: AFTER", 200),
    ("If-Unmodified-Since: BEFORE", 412),
    ("If-Unmodified-Since: yesterday", 200),
    (
        "If-Unmodified-Since: BEFORE; If-Unmodified-Since: BEFORE",
        200,
    ),
    // Step 3, 13.1.2: If-None-Match, a list, compared weakly.
    ("If-None-Match: SAME", 304),
    ("If-None-Match: W/SAME", 304),
    ("If-None-Match: *", 304),
    ("If-None-Match: \"x\", \"y,z\",SAME", 304),
    ("If-None-Match: \"x\"; If-None-Match: SAME", 304),
    ("If-None-Match: \"x\"", 200),
    ("If-None-Match: no tag", 200),
    ("If-None-Match: \"x\"; If-Modified-Since: EXACT", 200),
    ("If-None-Match: SAME; If-Modified-Since: BEFORE", 304),
    ("If-Match: SAME; If-None-Match: SAME", 304),
    // Step 4, 13.1.3, in all forms of a date (5.6.7).
    ("If-Modified-Since: EXACT", 304),
    ("If-Modified-Since: Sunday, 06-Nov-94 08:49:37 GMT", 304),
    ("If-Modified-Since: Sun Nov  6 08:49:37 1994", 304),
    ("If-Modified-Since: AFTER", 304),
    ("If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT", 304),
    ("If-Modified-Since: BEFORE", 200),
    ("If-Modified-Since: Saturday, 05-Nov-94 08:49:37 GMT", 200),
    ("If-Modified-Since: 784111777", 200),
    ("If-Modified-Since: Sun, 06 Nov 1994 08:49:37 +0000", 200),
    ("If-Modified-Since: EXACT, EXACT", 200),
    ("If-Modified-Since: EXACT; If-Modified-Since: EXACT", 200),
    // Step 5 comes last.
    ("Range: bytes=0-0; If-None-Match: SAME", 304),
    ("Range: bytes=0-0; If-Match: \"x\"", 412),
    ("Range: bytes=999999-; If-None-Match: SAME", 304),
    ("Range: bytes=0-0; If-Match: SAME", 206),
];

#[test]
fn preconditions_come_in_the_order_of_rfc_9110_13_2_2() {
    let served = served();
    let mut client = served.connect();

    for target in TARGETS {
        let tag = client.get(target).field("ETag").unwrap().to_owned();
        for (fields, status) in CASES {
            let fields = fields
                .replace("SAME", &tag)
                .replace("BEFORE", "Sun, 06 Nov 1994 08:49:36 GMT")
                .replace("EXACT", "Sun, 06 Nov 1994 08:49:37 GMT")
                .replace("AFTER", "Sun, 06 Nov 1994 08:49:38 GMT")
                .replace("; ", "\r\n");
            let response = ask(&mut client, target, &format!("{fields}\r\n"));
            assert_eq!(response.status, *status, "{target}: {fields}");

            // The same for HEAD, to which ranges mean nothing.
            client.send(format!(
                "HEAD {target} HTTP/1.1\r\nHost: test\r\n{fields}\r\n\r\n"
            ));
            let expected = if *status == 206 { 200 } else { *status };
            assert_eq!(client.head().status, expected, "HEAD {target}: {fields}");
        }
    }
}

/// RFC 9110 15.4.5: the fields that update what the client has, and none that describe a content.
#[test]
fn a_304_has_its_own_fields_and_no_others() {
    let served = served();
    let mut client = served.connect();

    for target in TARGETS {
        let whole = client.get(target);
        let tag = whole.field("ETag").unwrap();
        let response = ask(&mut client, target, &format!("If-None-Match: {tag}\r\n"));

        assert_eq!(response.status, 304);
        assert_eq!(response.field("ETag"), Some(tag));
        assert!(response.field("Date").is_some());
        assert_eq!(response.field("Vary"), whole.field("Vary"));
        for name in [
            "Content-Length",
            "Content-Type",
            "Content-Range",
            "Content-Encoding",
            "Transfer-Encoding",
            "Last-Modified",
        ] {
            assert_eq!(response.field(name), None, "{name}");
        }
        // Nothing follows its head: the next response is whole.
        assert_eq!(client.get(target).content, whole.content);
    }
}

/// RFC 9110 13.1: a listing is there, and has neither tag nor date.
#[test]
fn a_listing_is_any_representation_and_no_other() {
    let served = served();
    let mut client = served.connect();

    for (field, status) in [
        ("If-Match: *", 200),
        ("If-Match: \"x\"", 412),
        ("If-None-Match: \"x\"", 200),
        ("If-None-Match: *", 304),
        ("If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT", 200),
        ("If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT", 200),
        ("Range: bytes=0-0", 200),
    ] {
        let response = ask(&mut client, "/d/", &format!("{field}\r\n"));
        assert_eq!(response.status, status, "{field}");
        assert_eq!(response.field("Content-Length").is_none(), status == 304);
        // RFC 9110 15.4.5: what the 200 would have, a 304 has.
        assert_eq!(response.field("Vary"), Some("Accept"), "{field}");
    }
}

/// RFC 9110 13.2.1: what would not be a 200 without them does not become anything else.
#[test]
fn preconditions_change_no_other_answer() {
    let served = served();
    let mut client = served.connect();

    for (target, status) in [("/nothing", 404), ("/d", 301), ("/%zz", 400)] {
        assert_eq!(client.get(target).status, status);
        for fields in [
            "If-Match: \"x\"\r\n",
            "If-None-Match: *\r\n",
            "If-Modified-Since: Fri, 31 Dec 9999 23:59:59 GMT\r\n",
            "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:36 GMT\r\n",
        ] {
            assert_eq!(ask(&mut client, target, fields).status, status, "{fields}");
        }
    }
}

/// RFC 9110 8.8.2.1: Last-Modified is never later than Date, whatever the file says.
#[test]
fn a_file_from_the_future_is_as_old_as_its_response() {
    let root = Root::with(&[("small", b"one"), ("large", &noise(100_000))]);
    for name in ["small", "large"] {
        modified(&root, name, SystemTime::now() + Duration::from_secs(86_400));
    }
    let served = root.serve();

    for target in ["/small", "/small", "/large"] {
        let response = served.get(target);
        assert_eq!(response.field("Last-Modified"), response.field("Date"));
        let tag = response.field("ETag").map(str::to_owned);
        assert_eq!(served.get(target).field("ETag"), tag.as_deref());
    }
}

/// RFC 9110 8.8.1: a strong tag changes with every change of the content.
#[test]
fn another_content_has_another_tag() {
    let served = Root::with(&[("a", b"one"), ("large", &noise(100_000))]).serve();
    let mut client = served.connect();

    for (target, name, content) in [
        ("/a", "a", b"two".to_vec()),
        ("/large", "large", noise(99_999)),
    ] {
        let tag = client.get(target).field("ETag").unwrap().to_owned();
        served.root.file(name, &content);
        // Within a second and a bit; how long it takes is not what is tested.
        while client.get(target).content != content {}

        assert_ne!(client.get(target).field("ETag"), Some(tag.as_str()));
        let fields = format!("If-None-Match: {tag}\r\n");
        assert_eq!(ask(&mut client, target, &fields).content, content);
        let fields = format!("If-Match: {tag}\r\n");
        assert_eq!(ask(&mut client, target, &fields).status, 412);
    }
}
