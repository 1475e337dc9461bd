//! Parts of files: RFC 9110 section 14 (Range, Content-Range), 15.3.7 (206) and 15.5.17 (416).

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that fails here has failed"
)]

mod support;

use support::{Client, PATIENCE, Response, Root, noise};

/// The response to a GET of `target` with these field lines.
fn ask(client: &mut Client, target: &str, fields: &str) -> Response {
    client.send(format!(
        "GET {target} HTTP/1.1\r\nHost: test\r\n{fields}\r\n"
    ));
    client.response()
}

/// Content-Range and bytes of each part, read as RFC 2046 5.1.1 says.
fn parts(response: &Response) -> Vec<(String, Vec<u8>)> {
    let content_type = response.field("Content-Type").unwrap();
    let (kind, boundary) = content_type.split_once("; boundary=").unwrap();
    assert_eq!(kind, "multipart/byteranges");
    let mut rest = response.content.as_slice();
    let mut parts = Vec::new();
    let delimiter = format!("--{boundary}");
    rest = rest.strip_prefix(delimiter.as_bytes()).unwrap();
    while rest != b"--\r\n" {
        let end = support::find(rest, b"\r\n\r\n").unwrap();
        let head = std::str::from_utf8(&rest[..end]).unwrap();
        let fields: Vec<_> = head.split("\r\n").collect();
        let [_, content_type, range] = fields[..] else {
            panic!("{head}");
        };
        assert_eq!(content_type, "Content-Type: application/octet-stream");
        let range = range.strip_prefix("Content-Range: ").unwrap().to_owned();
        rest = &rest[end + 4..];
        let delimiter = format!("\r\n--{boundary}");
        let end = support::find(rest, delimiter.as_bytes()).unwrap();
        parts.push((range, rest[..end].to_vec()));
        rest = &rest[end + delimiter.len()..];
    }
    parts
}

#[test]
fn one_range_is_one_part() {
    let content = noise(200_000);
    let served = Root::with(&[("small", &content[..1_000]), ("large", &content)]).serve();
    let mut client = served.connect();
    let cases = [
        ("small", "0-0", 0..1, 1_000),
        ("small", "10-19", 10..20, 1_000),
        ("small", "990-", 990..1_000, 1_000),
        ("small", "-5", 995..1_000, 1_000),
        ("small", "-5000", 0..1_000, 1_000),
        ("small", "500-9999", 500..1_000, 1_000),
        ("large", "100000-", 100_000..200_000, 200_000),
        ("large", "1-199998", 1..199_999, 200_000),
        ("large", "-1", 199_999..200_000, 200_000),
        // Sets that come to one part: it is answered as one (RFC 9110 15.3.7.2).
        ("small", "0-9,5-19", 0..20, 1_000),
        ("small", "0-9, 2000-", 0..10, 1_000),
        ("large", "50-99,0-49,120-129", 0..130, 200_000),
    ];

    for (name, range, expected, len) in cases {
        let response = ask(
            &mut client,
            &format!("/{name}"),
            &format!("Range: bytes={range}\r\n"),
        );
        let (first, last) = (expected.start, expected.end - 1);
        assert_eq!(response.status, 206, "{range}");
        assert!(response.content == content[expected], "{range}");
        assert_eq!(
            response.field("Content-Range"),
            Some(format!("bytes {first}-{last}/{len}").as_str())
        );
        assert_eq!(response.field("Accept-Ranges"), Some("bytes"));
        assert!(response.field("ETag").is_some());
        assert!(response.field("Last-Modified").is_some());
    }
}

/// RFC 9110 15.3.7.2, from memory and from the file, on one connection.
#[test]
fn several_ranges_are_several_parts() {
    let content = noise(3_000_000);
    let served = Root::with(&[("small", &content[..9_000]), ("large", &content)]).serve();
    let mut client = served.connect();
    let cases: &[(&str, usize, &str, &[std::ops::Range<usize>])] = &[
        ("small", 9_000, "0-0,-1", &[0..1, 8_999..9_000]),
        ("small", 9_000, "500-599,0-99", &[500..600, 0..100]),
        ("small", 9_000, "9000-,0-9,7000-", &[0..10, 7_000..9_000]),
        ("large", 3_000_000, "0-0,-1", &[0..1, 2_999_999..3_000_000]),
        (
            "large",
            3_000_000,
            "2000000-2999999, 0-999999 ,1500000-1500000",
            &[2_000_000..3_000_000, 0..1_000_000, 1_500_000..1_500_001],
        ),
    ];

    for (name, len, set, expected) in cases {
        let response = ask(
            &mut client,
            &format!("/{name}"),
            &format!("Range: bytes={set}\r\n"),
        );

        assert_eq!(response.status, 206, "{set}");
        assert_eq!(response.field("Content-Range"), None, "{set}");
        assert!(response.field("ETag").is_some());
        assert!(response.field("Date").is_some());
        let parts = parts(&response);
        assert_eq!(parts.len(), expected.len(), "{set}");
        for ((range, bytes), expected) in parts.iter().zip(*expected) {
            let (first, last) = (expected.start, expected.end - 1);
            assert_eq!(*range, format!("bytes {first}-{last}/{len}"));
            assert!(*bytes == content[expected.clone()], "{set}: {range}");
        }
    }
    // What the log says is what was sent.
    let sizes: Vec<_> = served
        .log()
        .iter()
        .map(|(_, status, len)| (*status, *len))
        .collect();
    assert!(sizes.iter().all(|(status, _)| *status == 206));
    assert!(
        sizes[4].1 > 2_000_001 && sizes[4].1 < 2_000_500,
        "{sizes:?}"
    );
}

/// Nobody can put the next boundary into a file.
#[test]
fn every_response_has_a_boundary_of_its_own() {
    let served = Root::with(&[("a", &noise(1_000))]).serve();
    let mut client = served.connect();

    let mut seen = std::collections::HashSet::new();
    for _ in 0..20 {
        let response = ask(&mut client, "/a", "Range: bytes=0-0,-1\r\n");
        let content_type = response.field("Content-Type").unwrap().to_owned();
        assert!(seen.insert(content_type), "{seen:?}");
    }
}

/// RFC 9110 14.2: invalid, of another unit, twice, of too many: the field is ignored.
#[test]
fn a_range_that_is_not_understood_is_ignored() {
    let served = Root::with(&[("a", b"one"), ("large", &noise(100_000))]).serve();
    let mut client = served.connect();
    let many = vec!["0-0"; 65].join(",");
    let values = [
        "bytes=2-1",
        "bytes=0-1,x",
        "bytes=",
        "bytes=-",
        "lines=0-1",
        "0-1",
        "bytes=0-1\r\nRange: bytes=0-1",
        &format!("bytes={many}"),
    ];

    for value in values {
        for (target, len) in [("/a", 3), ("/large", 100_000)] {
            let response = ask(&mut client, target, &format!("Range: {value}\r\n"));
            assert_eq!(response.status, 200, "{value}");
            assert_eq!(response.content.len(), len, "{value}");
        }
    }
}

/// RFC 9110 14.2: Range has a meaning for GET alone. The head is that of the whole.
#[test]
fn head_ignores_ranges() {
    let served = Root::with(&[("a", b"one"), ("large", &noise(100_000))]).serve();
    let mut client = served.connect();

    for (target, len) in [("/a", "3"), ("/large", "100000")] {
        for set in ["0-0", "0-0,-1", "500000-"] {
            client.send(format!(
                "HEAD {target} HTTP/1.1\r\nHost: test\r\nRange: bytes={set}\r\n\r\n"
            ));
            let response = client.head();
            assert_eq!(response.status, 200, "{set}");
            assert_eq!(response.field("Content-Length"), Some(len), "{set}");
            assert_eq!(response.field("Content-Range"), None, "{set}");
        }
    }
}

/// RFC 9110 15.5.17 and 14.4.
#[test]
fn ranges_that_all_lie_beyond_the_end_are_refused_with_the_length() {
    let files: &[(&str, &[u8])] = &[("a", b"one"), ("empty", b""), ("large", &noise(100_000))];
    let served = Root::with(files).serve();
    let mut client = served.connect();

    for (name, len) in [("a", 3), ("empty", 0), ("large", 100_000)] {
        for set in ["100000-", "100000-200000,300000-", "-0"] {
            let fields = format!("Range: bytes={set}\r\n");
            let response = ask(&mut client, &format!("/{name}"), &fields);
            assert_eq!(response.status, 416, "{set}");
            let range = format!("bytes */{len}");
            assert_eq!(response.field("Content-Range"), Some(range.as_str()));
        }
    }
    assert_eq!(client.get("/a").content, b"one");
}

/// RFC 9110 13.1.5: the range is served only if the file is the one the client has a part of.
#[test]
fn if_range_guards_every_kind_of_range() {
    let served = Root::with(&[("a", &noise(5_000)), ("large", &noise(100_000))]).serve();
    let mut client = served.connect();

    for target in ["/a", "/large"] {
        let tag = client.get(target).field("ETag").unwrap().to_owned();
        let weak = format!("W/{tag}");
        for set in ["0-0", "0-0,-1", "9999999-"] {
            let mut status = |validator: &str| {
                let fields = format!("Range: bytes={set}\r\nIf-Range: {validator}\r\n");
                ask(&mut client, target, &fields).status
            };
            let expected = if set == "9999999-" { 416 } else { 206 };
            assert_eq!(status(&tag), expected, "{set}");
            assert_eq!(status(&weak), 200, "{set}");
            assert_eq!(status("\"other\""), 200, "{set}");
            assert_eq!(status("Sun, 06 Nov 1994 08:49:37 GMT"), 200, "{set}");
        }
    }
}

/// The length has been promised: closing early is all that is left to say.
#[test]
fn a_file_cut_between_its_parts_ends_the_connection() {
    let root = Root::new();
    let large = 64 << 20;
    let file = std::fs::File::create(root.path("large")).unwrap();
    file.set_len(large).unwrap();
    let served = root.serve();
    let mut client = served.connect();
    client.send("GET /large HTTP/1.1\r\nHost: test\r\nRange: bytes=1000000-,0-0\r\n\r\n");
    let announced: usize = client
        .head()
        .field("Content-Length")
        .unwrap()
        .parse()
        .unwrap();

    file.set_len(0).unwrap();

    client.stream.set_read_timeout(Some(PATIENCE)).unwrap();
    assert!(client.rest_bytes().len() < announced);
}
