//! Content codings (RFC 9110 8.4, 12.5.3): side files, gzip made here, and what goes with them.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that fails here has failed"
)]

mod support;

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::symlink;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use flate2::read::GzDecoder;
use support::{Client, PATIENCE, Response, Root, Served, noise};

/// What compression would make of a file does not matter here: the server sends what lies there.
fn root_with_sides() -> Root {
    let root = Root::with(&[
        ("all.html", b"<p>as it is"),
        ("all.html.br", b"br of all"),
        ("all.html.zst", b"zstd of all"),
        ("all.html.gz", b"gzip of all"),
        ("one.css", b"p { color: red }"),
        ("one.css.gz", b"gzip of one"),
        ("none.js", b"let a = 1;"),
        ("index.html", b"<p>index"),
        ("index.html.br", b"br of index"),
    ]);
    root.file("large.js", &noise(300_000));
    root.file("large.js.br", &noise(200_000)[1..]);
    root.file("large.js.gz", b"small gzip of large");
    root
}

fn ask(client: &mut Client, target: &str, fields: &str) -> Response {
    client.send(request("GET", target, fields));
    client.response()
}

fn request(method: &str, target: &str, fields: &str) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: test\r\n{fields}\r\n")
}

/// Asks until the answer is as wanted: what changes is noticed within a second and a bit, and
/// how long it takes is not what is tested.
fn ask_until(client: &mut Client, target: &str, fields: &str, holds: impl Fn(&Response) -> bool) {
    let begun = Instant::now();
    while !holds(&ask(client, target, fields)) {
        assert!(begun.elapsed() < PATIENCE, "{target}, {fields}");
    }
}

const BROWSER: &str = "Accept-Encoding: gzip, deflate, br, zstd\r\n";

#[test]
fn the_client_gets_the_encoding_that_it_likes_best() {
    const CASES: &[(&str, &str, Option<&str>)] = &[
        ("/all.html", "gzip, deflate, br, zstd", Some("br")),
        ("/all.html", "gzip, zstd;q=0.9", Some("gzip")),
        ("/all.html", "zstd, br;q=0.5", Some("zstd")),
        ("/all.html", "*", Some("br")),
        ("/all.html", "x-gzip", Some("gzip")),
        ("/all.html", "identity;q=0, gzip;q=0.001", Some("gzip")),
        ("/all.html", "gzip;q=0", None),
        ("/all.html", "deflate", None),
        ("/all.html", "identity, gzip;q=0.5", None),
        // RFC 9110 12.5.3: nothing is acceptable, which is no reason to send nothing.
        ("/all.html", "*;q=0", None),
        ("/all.html", "", None),
        ("/one.css", "gzip, deflate, br, zstd", Some("gzip")),
        ("/one.css", "br", None),
        ("/", "br", Some("br")),
        ("/large.js", "br", Some("br")),
        ("/large.js", "gzip", Some("gzip")),
        ("/large.js", "zstd", None),
    ];
    let served = root_with_sides().serve();
    let mut client = served.connect();

    // Twice: from the disk, and as remembered.
    for _ in 0..2 {
        for (target, accepted, coding) in CASES {
            let fields = format!("Accept-Encoding: {accepted}\r\n");
            let response = ask(&mut client, target, &fields);
            let name = match *target {
                "/" => "index.html",
                target => &target[1..],
            };
            let ending = match coding {
                Some("gzip") => ".gz",
                Some("zstd") => ".zst",
                Some(_) => ".br",
                None => "",
            };
            let content = fs::read(served.root.path(&format!("{name}{ending}"))).unwrap();
            assert!(response.content == content, "{target}, {accepted}");
            assert_eq!(response.field("Content-Encoding"), *coding, "{accepted}");
            assert_eq!(response.field("Vary"), Some("Accept-Encoding"));
            assert!(!response.head.contains("octet-stream"), "{}", response.head);
        }
    }
}

/// RFC 9110 5.3: several lines are one list.
#[test]
fn the_field_may_stand_on_several_lines() {
    let served = root_with_sides().serve();

    let fields = "Accept-Encoding: gzip\r\nA: b\r\naccept-encoding: zstd;q=0.9, br;q=0\r\n";
    let response = ask(&mut served.connect(), "/all.html", fields);

    assert_eq!(response.field("Content-Encoding"), Some("gzip"));
}

#[test]
fn a_file_without_side_files_does_not_vary() {
    let root = root_with_sides();
    root.file("photo.png", b"as it is");
    root.file("photo.png.br", b"not worth it");
    root.file("archive.tar", b"as it is");
    root.file("archive.tar.gz", b"a file of its own");
    let served = root.serve();
    let mut client = served.connect();

    for target in ["/none.js", "/photo.png", "/archive.tar"] {
        let response = ask(&mut client, target, BROWSER);
        assert_eq!(response.field("Vary"), None, "{target}");
        assert_eq!(response.field("Content-Encoding"), None, "{target}");
    }
}

/// Whoever asks for the side file itself wants a file, not an encoding of another.
#[test]
fn side_files_are_files_by_their_own_names() {
    let root = root_with_sides();
    root.file("archive.tar.gz", b"archive");
    let served = root.serve();
    let mut client = served.connect();

    for (target, media_type) in [
        ("/all.html.gz", "application/gzip"),
        ("/all.html.zst", "application/zstd"),
        ("/all.html.br", "application/octet-stream"),
        ("/archive.tar.gz", "application/gzip"),
    ] {
        let response = ask(&mut client, target, BROWSER);
        let content = fs::read(served.root.path(&target[1..])).unwrap();
        assert_eq!(response.content, content);
        assert_eq!(response.field("Content-Type"), Some(media_type));
        assert_eq!(response.field("Content-Encoding"), None);
        assert_eq!(response.field("Vary"), None);
    }
}

/// RFC 9110 9.3.2.
#[test]
fn head_gets_the_fields_that_get_gets() {
    let served = root_with_sides().serve();
    let mut client = served.connect();
    let fields = |text: &str| -> Vec<String> {
        let kept = text.lines().filter(|line| !line.starts_with("Date"));
        kept.map(str::to_owned).collect()
    };

    for target in ["/all.html", "/one.css", "/large.js", "/"] {
        for accepted in ["br", "zstd", "gzip", "identity"] {
            let accepted = format!("Accept-Encoding: {accepted}\r\n");
            client.send(request("HEAD", target, &accepted));
            let head = client.head();
            let whole = ask(&mut client, target, &accepted);
            assert_eq!(fields(&head.head), fields(&whole.head), "{target}");
        }
    }
}

/// RFC 9110 8.8.3.3: every encoding has its own strong tag, and 13.1 goes by it.
#[test]
fn every_encoding_has_a_tag_of_its_own() {
    let root = root_with_sides();
    // What `gzip --keep` does: one time for both. Here the lengths are the same too.
    root.file("same.txt", b"0123456789");
    root.file("same.txt.gz", b"9876543210");
    let yesterday = SystemTime::now() - Duration::from_secs(86_400);
    for name in ["same.txt", "same.txt.gz"] {
        set_modified(&root, name, yesterday);
    }
    let served = root.serve();
    let mut client = served.connect();

    for target in ["/all.html", "/large.js", "/same.txt"] {
        let plain = ask(&mut client, target, "");
        let encoded = ask(&mut client, target, "Accept-Encoding: gzip\r\n");
        let of_plain = plain.field("ETag").unwrap();
        let of_encoded = encoded.field("ETag").unwrap();
        assert_ne!(of_plain, of_encoded);
        assert!(of_encoded.starts_with('"'), "strong: {of_encoded}");

        for (accepted, own, other) in [
            ("identity", of_plain, of_encoded),
            ("gzip", of_encoded, of_plain),
        ] {
            let mut ask = |condition: &str, tag: &str| {
                let fields = format!("Accept-Encoding: {accepted}\r\n{condition}: {tag}\r\n");
                client.send(request("GET", target, &fields));
                client.response()
            };
            let unchanged = ask("If-None-Match", own);
            assert_eq!(unchanged.status, 304, "{target}, {accepted}");
            // RFC 9110 15.4.5: with what a cache finds the right response by.
            assert_eq!(unchanged.field("Vary"), Some("Accept-Encoding"));
            assert_eq!(unchanged.field("ETag"), Some(own));
            assert_eq!(unchanged.field("Content-Encoding"), None);
            assert_eq!(ask("If-None-Match", other).status, 200);
            assert_eq!(ask("If-Match", own).status, 200);
            let failed = ask("If-Match", other);
            assert_eq!(failed.status, 412);
            assert_eq!(failed.field("Vary"), Some("Accept-Encoding"));
        }
    }
}

/// RFC 9110 14.1: ranges count the bytes of the selected representation, which are the encoded.
#[test]
fn ranges_are_those_of_the_encoding() {
    let served = root_with_sides().serve();
    let mut client = served.connect();

    for (target, accepted, side) in [
        ("/all.html", "br", "all.html.br"),
        ("/large.js", "br", "large.js.br"),
        ("/large.js", "gzip", "large.js.gz"),
    ] {
        let content = fs::read(served.root.path(side)).unwrap();
        let len = content.len();
        let accepted = format!("Accept-Encoding: {accepted}\r\n");
        let mut ask = |fields: &str| {
            client.send(request("GET", target, &format!("{accepted}{fields}")));
            client.response()
        };

        let tag = ask("").field("ETag").unwrap().to_owned();
        let part = ask(&format!("Range: bytes=1-3\r\nIf-Range: {tag}\r\n"));
        assert_eq!(part.status, 206);
        assert_eq!(part.content, content[1..4]);
        assert_eq!(
            part.field("Content-Range"),
            Some(&*format!("bytes 1-3/{len}"))
        );
        assert_eq!(part.field("Vary"), Some("Accept-Encoding"));
        assert!(part.field("Content-Encoding").is_some());

        let last = ask("Range: bytes=-1\r\n");
        assert_eq!(last.content, content[len - 1..]);
        let behind = ask(&format!("Range: bytes={len}-\r\n"));
        assert_eq!(behind.status, 416);
        assert_eq!(
            behind.field("Content-Range"),
            Some(&*format!("bytes */{len}"))
        );
        assert_eq!(behind.field("Vary"), Some("Accept-Encoding"));
        // A multipart content is not encoded itself, and its parts cannot say that they are.
        let several = ask("Range: bytes=0-0,-1\r\n");
        let is_small = len < 100;
        assert_eq!(several.status, if is_small { 206 } else { 200 }, "{len}");
        assert!(several.content == content);
    }
}

/// RFC 9110 13.1.5: parts of two encodings must never be put together.
#[test]
fn a_range_is_not_given_for_the_tag_of_another_encoding() {
    let served = root_with_sides().serve();
    let mut client = served.connect();
    let plain = ask(&mut client, "/all.html", "");

    for validator in ["ETag", "Last-Modified"] {
        let fields = format!(
            "Accept-Encoding: br\r\nRange: bytes=0-1\r\nIf-Range: {}\r\n",
            plain.field(validator).unwrap()
        );
        let response = ask(&mut client, "/all.html", &fields);
        assert_eq!(response.status, 200, "{validator}");
        assert_eq!(response.content, b"br of all");
    }
}

#[test]
fn a_side_file_that_is_no_current_file_is_left_alone() {
    let outside = Root::with(&[("secret", b"secret")]);
    let root = Root::new();
    for name in ["older", "link", "fifo", "directory", "truncated", "inside"] {
        root.file(&format!("{name}.html"), b"as it is");
    }
    let then = SystemTime::UNIX_EPOCH + Duration::new(1_700_000_000, 500);
    root.file("older.html.br", b"older");
    set_modified(&root, "older.html", then);
    set_modified(&root, "older.html.br", then - Duration::from_nanos(100));
    symlink(outside.path("secret"), root.path("link.html.br")).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(root.path("fifo.html.br"))
        .status();
    assert!(made.unwrap().success());
    root.file("directory.html.br/x", b"");
    // Some tools know whole seconds only.
    root.file("truncated.html.br", b"br");
    set_modified(&root, "truncated.html", then);
    set_modified(&root, "truncated.html.br", then - Duration::from_nanos(500));
    root.file("x", b"br");
    symlink("x", root.path("inside.html.br")).unwrap();
    let served = root.serve();
    let mut client = served.connect();

    for _ in 0..2 {
        for name in ["older", "link", "fifo", "directory"] {
            let response = ask(&mut client, &format!("/{name}.html"), BROWSER);
            assert_eq!(response.content, b"as it is", "{name}");
            assert_eq!(response.field("Vary"), None, "{name}");
        }
        for name in ["truncated", "inside"] {
            let response = ask(&mut client, &format!("/{name}.html"), BROWSER);
            assert_eq!(response.content, b"br", "{name}");
        }
    }
}

#[test]
fn what_becomes_of_a_side_file_is_noticed() {
    let served = root_with_sides().serve();
    let mut client = served.connect();

    for (target, content) in [
        ("/none.js", b"let a = 1;".to_vec()),
        ("/large.js", noise(300_000)),
    ] {
        let name = &target[1..];
        let zstd = "Accept-Encoding: zstd\r\n";
        let side = format!("{name}.zst");
        assert!(ask(&mut client, target, zstd).content == content);

        served.root.file(&side, b"appeared");
        ask_until(&mut client, target, zstd, |it| it.content == b"appeared");
        served.root.file(&side, b"changed!");
        ask_until(&mut client, target, zstd, |it| it.content == b"changed!");
        served.root.file(&side, &noise(100_000));
        ask_until(&mut client, target, zstd, |it| it.content == noise(100_000));

        set_modified(&served.root, &side, SystemTime::UNIX_EPOCH);
        ask_until(&mut client, target, zstd, |it| it.content == content);
        set_modified(&served.root, &side, SystemTime::now());
        ask_until(&mut client, target, zstd, |it| it.content == noise(100_000));

        fs::remove_file(served.root.path(&side)).unwrap();
        ask_until(&mut client, target, zstd, |it| it.content == content);
        if name == "none.js" {
            ask_until(&mut client, target, zstd, |it| it.field("Vary").is_none());
        }
    }
}

#[test]
fn a_changed_file_leaves_its_old_side_file_behind() {
    let served = root_with_sides().serve();
    let mut client = served.connect();
    let then = SystemTime::now() - Duration::from_secs(100);
    set_modified(&served.root, "one.css.gz", then);
    set_modified(&served.root, "one.css", then);
    ask_until(&mut client, "/one.css", BROWSER, |it| {
        it.content == b"gzip of one"
    });

    served.root.file("one.css", b"p { color: blue }");

    ask_until(&mut client, "/one.css", BROWSER, |it| {
        it.content == b"p { color: blue }"
    });
}

#[test]
fn encodings_are_served_without_a_cache_too() {
    let served = root_with_sides().serve_with(|config| config.cache_bytes = 0);
    let mut client = served.connect();

    for _ in 0..3 {
        let response = ask(&mut client, "/all.html", BROWSER);
        assert_eq!(response.content, b"br of all");
        let response = ask(&mut client, "/large.js", "Accept-Encoding: gzip\r\n");
        assert_eq!(response.content, b"small gzip of large");
        assert!(ask(&mut client, "/large.js", "").content == noise(300_000));
    }
}

fn gunzip(compressed: &[u8]) -> Vec<u8> {
    let mut content = Vec::new();
    GzDecoder::new(compressed)
        .read_to_end(&mut content)
        .unwrap();
    content
}

/// Text of so many lines, each another.
fn text(lines: usize) -> Vec<u8> {
    let lines = (0..lines).map(|number| format!("let line_{number} = {};\n", number * 7));
    lines.collect::<String>().into_bytes()
}

fn serve_gzip(root: Root) -> Served {
    root.serve_with(|config| config.encodings.gzip = true)
}

const GZIP: &str = "Accept-Encoding: gzip\r\n";

/// Small files, files sent from their descriptor otherwise, and an index.
#[test]
fn text_without_a_side_file_is_compressed() {
    let root = Root::new();
    for (name, lines) in [("a.html", 100), ("large.js", 10_000), ("d/index.html", 200)] {
        root.file(name, &text(lines));
    }
    let served = serve_gzip(root);
    let mut client = served.connect();

    for (target, lines) in [("/a.html", 100), ("/large.js", 10_000), ("/d/", 200)] {
        let plain = ask(&mut client, target, "");
        assert!(plain.content == text(lines));
        assert_eq!(plain.field("Content-Encoding"), None);
        assert_eq!(plain.field("Vary"), Some("Accept-Encoding"));

        let first = ask(&mut client, target, BROWSER);
        assert_eq!(first.field("Content-Encoding"), Some("gzip"), "{target}");
        assert_eq!(first.field("Vary"), Some("Accept-Encoding"));
        assert_eq!(first.field("Content-Type"), plain.field("Content-Type"));
        assert!(first.content.len() < plain.content.len() / 2);
        assert!(gunzip(&first.content) == plain.content);

        let tag = first.field("ETag").unwrap();
        assert_ne!(Some(tag), plain.field("ETag"));
        let second = ask(&mut client, target, GZIP);
        assert!(second.content == first.content);
        assert_eq!(second.field("ETag"), Some(tag));
        client.send(request("HEAD", target, GZIP));
        let head = client.head();
        assert_eq!(head.field("Content-Length"), second.field("Content-Length"));
        assert_eq!(head.field("ETag"), Some(tag));

        let unchanged = format!("{GZIP}If-None-Match: {tag}\r\n");
        assert_eq!(ask(&mut client, target, &unchanged).status, 304);
        let unchanged = format!("If-None-Match: {tag}\r\n");
        assert_eq!(ask(&mut client, target, &unchanged).status, 200);
        let part = ask(
            &mut client,
            target,
            &format!("{GZIP}Range: bytes=10-19\r\n"),
        );
        assert_eq!((part.status, &*part.content), (206, &first.content[10..20]));
    }
}

/// The first to ask is answered with what was made for it, though it was HEAD.
#[test]
fn the_first_head_tells_what_get_would() {
    let served = serve_gzip(Root::with(&[("a.html", &text(100))]));
    let mut client = served.connect();

    client.send(request("HEAD", "/a.html", GZIP));
    let head = client.head();
    let whole = ask(&mut client, "/a.html", GZIP);

    assert_eq!(head.field("Content-Encoding"), Some("gzip"));
    assert_eq!(head.field("Content-Length"), whole.field("Content-Length"));
}

#[test]
fn what_compression_does_nothing_for_is_sent_as_it_is() {
    let root = Root::with(&[
        ("photo.png", &text(100)),
        ("archive.tar", &text(100)),
        ("unknown", &text(100)),
        ("side.css", &text(100)),
        ("side.css.gz", b"made beforehand"),
        ("empty.html", b""),
        ("short.html", b"<p>short"),
        ("noise.txt", &noise(20_000)),
        ("noise.js", &noise(200_000)),
    ]);
    root.file("huge.txt", &text(120_000));
    let served = serve_gzip(root);
    let mut client = served.connect();

    for _ in 0..2 {
        for name in ["photo.png", "archive.tar", "unknown", "huge.txt"] {
            let response = ask(&mut client, &format!("/{name}"), GZIP);
            assert_eq!(response.field("Content-Encoding"), None, "{name}");
            assert_eq!(response.field("Vary"), None, "{name}");
        }
        for name in ["empty.html", "short.html", "noise.txt", "noise.js"] {
            let response = ask(&mut client, &format!("/{name}"), GZIP);
            let content = fs::read(served.root.path(name)).unwrap();
            assert!(response.content == content, "{name}");
            assert_eq!(response.field("Content-Encoding"), None, "{name}");
        }
        let response = ask(&mut client, "/side.css", GZIP);
        assert_eq!(response.content, b"made beforehand");
    }
}

/// Without a place to keep it, it would be made for every request.
#[test]
fn what_would_not_be_kept_is_not_compressed() {
    let root = Root::with(&[("a.html", &text(100)), ("b.html", &text(1_500))]);
    let served = root.serve_with(|config| {
        config.encodings.gzip = true;
        config.cache_bytes = 64 * 1024;
    });
    let mut client = served.connect();

    let small = ask(&mut client, "/a.html", GZIP);
    assert_eq!(small.field("Content-Encoding"), Some("gzip"));
    let large = ask(&mut client, "/b.html", GZIP);
    assert_eq!(large.field("Content-Encoding"), None);
    assert_eq!(large.field("Vary"), None);
}

#[test]
fn nothing_is_compressed_unasked() {
    let served = Root::with(&[("a.html", &text(100))]).serve();

    let response = ask(&mut served.connect(), "/a.html", GZIP);

    assert_eq!(response.field("Content-Encoding"), None);
    assert_eq!(response.field("Vary"), None);
}

#[test]
fn side_files_are_chosen_before_gzip_is_made() {
    let root = Root::with(&[("a.html", &text(100)), ("a.html.br", b"br")]);
    let served = serve_gzip(root);
    let mut client = served.connect();

    assert_eq!(ask(&mut client, "/a.html", BROWSER).content, b"br");
    let made = ask(
        &mut client,
        "/a.html",
        "Accept-Encoding: gzip, br;q=0.5\r\n",
    );
    assert_eq!(gunzip(&made.content), text(100));
    served.root.file("a.html.gz", b"gz");
    ask_until(&mut client, "/a.html", GZIP, |it| it.content == b"gz");
    fs::remove_file(served.root.path("a.html.gz")).unwrap();
    ask_until(&mut client, "/a.html", GZIP, |it| {
        it.content == made.content
    });
}

#[test]
fn a_changed_file_is_compressed_again() {
    let served = serve_gzip(Root::with(&[
        ("a.html", &text(100)),
        ("large.js", &text(10_000)),
    ]));
    let mut client = served.connect();

    for target in ["/a.html", "/large.js"] {
        let first = ask(&mut client, target, GZIP);
        served.root.file(&target[1..], &text(150));
        let is_new = |it: &Response| {
            it.field("Content-Encoding") == Some("gzip") && gunzip(&it.content) == text(150)
        };
        ask_until(&mut client, target, GZIP, is_new);
        let second = ask(&mut client, target, GZIP);
        assert_ne!(first.field("ETag"), second.field("ETag"));
    }
}

/// Whoever gets no turn to have a file compressed gets it as it is, and nobody waits for ever.
#[test]
fn many_at_once_all_get_the_file() {
    let root = Root::new();
    for number in 0..16 {
        root.file(&format!("{number}.js"), &text(2_000 + number));
    }
    let served = serve_gzip(root);

    thread::scope(|scope| {
        for first in 0..16 {
            let address = served.address;
            scope.spawn(move || {
                let mut client = Client::connect(address);
                for number in (first..16).chain(0..first).chain(first..16) {
                    let response = ask(&mut client, &format!("/{number}.js"), GZIP);
                    let content = match response.field("Content-Encoding") {
                        None => response.content,
                        Some(_) => gunzip(&response.content),
                    };
                    assert!(content == text(2_000 + number), "{number}");
                }
            });
        }
    });

    let mut client = served.connect();
    for number in 0..16 {
        let target = format!("/{number}.js");
        ask_until(&mut client, &target, GZIP, |it| {
            it.field("Content-Encoding").is_some()
        });
    }
}

fn set_modified(root: &Root, name: &str, time: SystemTime) {
    let file = File::options().write(true).open(root.path(name)).unwrap();
    file.set_modified(time).unwrap();
}
