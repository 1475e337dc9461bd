//! What is served: files of all sizes, indexes, listings, redirects.

mod support;

use std::fs::{self, File};
use std::io::Read;

use support::{Client, Root, get, noise};

#[test]
fn a_file_comes_with_what_describes_it() {
    let served = Root::with(&[("style.css", b"p {}")]).serve();

    let response = served.get("/style.css?v=1");

    assert_eq!(response.status, 200);
    assert_eq!(response.content, b"p {}");
    assert_eq!(
        response.field("Content-Type"),
        Some("text/css; charset=utf-8")
    );
    assert_eq!(response.field("Accept-Ranges"), Some("bytes"));
    assert!(response.field("ETag").unwrap().starts_with('"'));
    assert!(response.field("Last-Modified").unwrap().ends_with(" GMT"));
    assert!(response.field("Date").unwrap().ends_with(" GMT"));
    assert_eq!(response.field("Connection"), None);
}

/// Around every border: copied, vectored, sent from the file, more than a chunk, too large to be
/// mapped. Those that are not are mapped when they are asked for again.
#[test]
fn files_of_all_sizes_come_whole() {
    const SIZES: &[usize] = &[
        0, 1, 8_191, 8_192, 8_193, 65_535, 65_536, 65_537, 131_072, 131_073, 1_048_576, 1_048_577,
        3_000_000,
    ];
    let root = Root::new();
    for size in SIZES {
        root.file(&size.to_string(), &noise(*size));
    }
    let served = root.serve();
    let mut client = served.connect();

    for _ in 0..4 {
        for size in SIZES {
            let response = client.get(&format!("/{size}"));
            assert!(response.content == noise(*size), "{size}");
        }
    }
}

/// More than any socket's buffer holds, of a file that is mapped: it is begun in one way and ended
/// in another.
#[test]
fn a_file_that_many_ask_for_comes_whole_to_who_takes_it_late() {
    const LEN: usize = 1_000_000;
    let content = noise(LEN);
    let served = Root::with(&[("file", &content)]).serve();
    let mut prompt = served.connect();
    let mut late = Client::connect_with_small_buffer(served.address);

    for _ in 0..12 {
        late.send(get("/file"));
        assert!(prompt.get("/file").content == content);
    }

    for _ in 0..12 {
        assert!(late.response().content == content);
    }
}

/// Whoever reads what is mapped and has been cut is killed; the kernel is not.
#[test]
fn a_file_that_is_cut_while_it_is_sent_ends_a_connection_and_not_the_server() {
    const LEN: usize = 1_000_000;
    let served = Root::with(&[("file", &noise(LEN)), ("other", b"other")]).serve();
    let mut prompt = served.connect();
    for _ in 0..3 {
        assert_eq!(prompt.get("/file").content.len(), LEN);
    }
    let mut late = Client::connect_with_small_buffer(served.address);
    // At once, so that the server has left nothing unread when it closes: that would be a reset.
    late.send(get("/file").repeat(12));
    late.up_to(1);

    let file = File::options().write(true).open(served.root.path("file"));
    file.unwrap().set_len(0).unwrap();

    assert!(late.rest_bytes().len() < 12 * LEN);
    assert_eq!(prompt.get("/other").content, b"other");
}

#[test]
fn a_changed_file_is_seen_and_a_removed_one_is_gone() {
    let served = Root::with(&[("a", b"one"), ("b", b"one")]).serve();
    let mut client = served.connect();
    assert_eq!(client.get("/a").content, b"one");
    assert_eq!(client.get("/b").content, b"one");

    served.root.file("a", b"two");
    fs::remove_file(served.root.path("b")).unwrap();

    // Within a second and a bit; how long it takes is not what is tested.
    while client.get("/a").content != b"two" {}
    while client.get("/b").status != 404 {}
}

#[test]
fn a_directory_is_redirected_to_its_slash_with_the_query_kept() {
    let served = Root::with(&[("d e/index.html", b"index")]).serve();

    let response = served.get("/d%20e?a=b&c");

    assert_eq!(response.status, 301);
    assert_eq!(response.field("Location"), Some("/d%20e/?a=b&c"));
    assert_eq!(served.get("/d%20e/").content, b"index");
}

#[test]
fn no_redirect_leads_to_another_host() {
    let served = Root::with(&[("d/x", b""), ("evil.example/x", b"")]).serve();

    for target in [
        "//evil.example",
        "//evil.example/..%2fd",
        "/\\evil.example",
        "//d",
    ] {
        let response = served.get(target);
        if let Some(location) = response.field("Location") {
            assert!(
                location.starts_with('/') && !location.starts_with("//"),
                "{location}"
            );
        }
    }
}

#[test]
fn a_directory_without_an_index_is_listed() {
    let served = Root::with(&[("d/<b>", b""), ("d/.hidden", b"")]).serve();

    let response = served.get("/d/");

    assert_eq!(
        response.field("Content-Type"),
        Some("text/html; charset=utf-8")
    );
    assert!(response.text().contains("&lt;b&gt;"), "{}", response.text());
    assert!(!response.text().contains("hidden"));
}

#[test]
fn nothing_outside_the_root_is_served() {
    let outside = Root::with(&[("secret", b"secret")]);
    let root = Root::with(&[("a", b"one")]);
    std::os::unix::fs::symlink(outside.path("secret"), root.path("out")).unwrap();
    std::os::unix::fs::symlink(outside.path(""), root.path("dir")).unwrap();
    let served = root.serve();

    for target in [
        "/out",
        "/dir/secret",
        "/dir/",
        "/..",
        "/../secret",
        "/%2e%2e/secret",
        "/a/../../secret",
        "/..%2fsecret",
        "/.env",
        "//etc/passwd",
        "/%00",
        "/a%00",
    ] {
        let response = served.get(target);
        assert!(response.status >= 400, "{target}: {}", response.status);
        assert!(!response.text().contains("secret"), "{target}");
    }
}

#[test]
fn a_fifo_hangs_nobody() {
    let root = Root::with(&[("a", b"one")]);
    let made = std::process::Command::new("mkfifo")
        .arg(root.path("fifo"))
        .status();
    assert!(made.unwrap().success());
    let served = root.serve();

    assert_eq!(served.status("/fifo"), 403);
    assert_eq!(served.status("/a"), 200);
}

/// The length has been promised: closing early is all that is left to say.
#[test]
fn a_file_cut_while_it_is_sent_ends_the_connection() {
    let root = Root::new();
    let large = 64 << 20;
    File::create(root.path("large"))
        .unwrap()
        .set_len(large)
        .unwrap();
    let served = root.serve();
    let mut client = served.connect();
    client.send(get("/large"));
    assert_eq!(client.head().field("Content-Length"), Some("67108864"));

    fs::OpenOptions::new()
        .write(true)
        .open(served.root.path("large"))
        .unwrap()
        .set_len(0)
        .unwrap();

    let mut received = 0;
    let mut bytes = vec![0; 1 << 20];
    while let Ok(read @ 1..) = client.stream.read(&mut bytes) {
        received += read as u64;
    }
    assert!(received < large, "{received}");
    let log = served.log();
    assert_eq!((log.len(), log[0].1), (1, 200));
    assert!(log[0].2 < large);
}

/// What replaces a file is another file; the one being sent goes on to its end.
#[test]
fn a_file_replaced_while_it_is_sent_comes_whole() {
    let old = noise(20_000_000);
    let served = Root::with(&[("large", &old)]).serve();
    let mut client = served.connect();
    client.send(get("/large"));
    let head = client.head();
    assert_eq!(head.status, 200);

    served.root.file("new", b"short");
    fs::rename(served.root.path("new"), served.root.path("large")).unwrap();

    client.half_close();
    assert!(client.rest_bytes() == old);
    assert_eq!(served.get("/large").content, b"short");
}
