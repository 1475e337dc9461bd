//! Files that change while they are served: whatever is sent is framed as its head says, is of
//! the file that was asked for, and ends.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod support;

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use support::{Client, PATIENCE, Response, Root, Served, get};

/// A content that is copied behind its head, one that is sent from the cache, one from the disk.
const LENS: [usize; 3] = [3_000, 40_000, 300_000];

/// As many as a file can have that says its version with each byte.
const VERSIONS: usize = 26;

const REQUESTS: usize = 100;

/// Version `number` of a file: of one letter, and of a length of its own.
fn version(len: usize, number: usize) -> Vec<u8> {
    let number = number % VERSIONS;
    vec![b"abcdefghijklmnopqrstuvwxyz"[number]; len + 7 * number]
}

/// Which version `content` is, whole.
fn number(len: usize, content: &[u8]) -> Option<usize> {
    let number = usize::from(content.first()?.checked_sub(b'a')?);
    (content == version(len, number)).then_some(number)
}

/// Has `change` happen, with a number that counts up, again and again until `serve` is done.
fn while_changing(mut change: impl FnMut(usize) + Send, serve: impl FnOnce()) {
    /// Ends the changes also when `serve` panics.
    struct Done<'a>(&'a AtomicBool);
    impl Drop for Done<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Relaxed);
        }
    }
    let is_done = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                if is_done.load(Ordering::Relaxed) {
                    return;
                }
                change(number);
            }
        });
        let _done = Done(&is_done);
        serve();
    });
}

fn replace(path: &Path, content: &[u8]) {
    let new = path.with_extension("new");
    fs::write(&new, content).unwrap();
    fs::rename(new, path).unwrap();
}

/// `len` bytes, and a server that keeps no file longer than a request.
fn served(len: usize) -> (Served, PathBuf) {
    let served = Root::with(&[("file", &version(len, 0))]).serve_with(|config| {
        // Otherwise a file would be looked at once a second only.
        config.cache_bytes = 0;
    });
    let path = served.root.path("file");
    (served, path)
}

/// As much of a response as comes before its end or that of the connection.
fn response(client: &mut Client) -> (Response, bool) {
    let head = client.head();
    let len: usize = head.field("Content-Length").unwrap().parse().unwrap();
    let content = client.up_to(len);
    let is_whole = content.len() == len;
    (Response { content, ..head }, is_whole)
}

/// What is not there is looked for once a second, as what is there is looked at; without a cache,
/// each time.
#[test]
fn a_file_that_appears_is_served_soon() {
    for cache_bytes in [0, 1 << 20] {
        let served = Root::with(&[]).serve_with(|config| config.cache_bytes = cache_bytes);
        let mut client = served.connect();
        for _ in 0..3 {
            assert_eq!(client.get("/new").status, 404);
        }

        fs::write(served.root.path("new"), b"new").unwrap();

        let begun = Instant::now();
        while client.get("/new").status != 200 {
            assert!(cache_bytes > 0 && begun.elapsed() < PATIENCE);
        }
        assert_eq!(client.get("/new/").status, 404);
    }
}

/// What replaces a file is another file: a response is of one of both, whole, and a validator never
/// stands for two contents.
#[test]
fn a_file_that_is_replaced_comes_whole_in_one_of_its_versions() {
    for len in LENS {
        for cache_bytes in [0, 1 << 20] {
            let served = Root::with(&[("file", &version(len, 0))])
                .serve_with(|config| config.cache_bytes = cache_bytes);
            let path = served.root.path("file");
            while_changing(
                |number| replace(&path, &version(len, number)),
                || {
                    let mut client = served.connect();
                    let mut known = HashMap::new();
                    for _ in 0..REQUESTS {
                        let response = client.get("/file");
                        assert_eq!(response.status, 200, "{}", response.head);
                        let number = number(len, &response.content).unwrap();
                        let etag = response.field("ETag").unwrap().to_owned();
                        assert_eq!(*known.entry(etag).or_insert(number), number);
                    }
                },
            );
        }
    }
}

/// Editors and `>` do this: the same file, empty for a moment, then longer and longer. The kernel
/// gives zeros for what is cut while it is read.
#[test]
fn a_file_that_is_written_anew_in_place_keeps_its_framing() {
    for len in LENS {
        let (served, path) = served(len);
        let other = vec![b'!'; len];
        served.root.file("other", &other);
        let mut file = OpenOptions::new().write(true).open(&path).unwrap();
        while_changing(
            |number| {
                file.set_len(0).unwrap();
                file.rewind().unwrap();
                for part in version(len, number).chunks(5_000) {
                    file.write_all(part).unwrap();
                }
            },
            || {
                let mut client = served.connect();
                for _ in 0..REQUESTS {
                    client.send(get("/file"));
                    let (response, is_whole) = response(&mut client);
                    assert_eq!(response.status, 200, "{}", response.head);
                    let is_own = |byte: &u8| matches!(byte, b'a'..=b'z' | 0);
                    assert!(response.content.iter().all(is_own));
                    if !is_whole {
                        // Only a file sent from the disk may turn out shorter than announced.
                        assert_eq!(len, LENS[2]);
                        client.expect_close();
                        client = served.connect();
                    }
                    assert!(client.get("/other").content == other);
                }
            },
        );
    }
}

#[test]
fn a_file_that_comes_and_goes_is_there_or_not() {
    for len in LENS {
        let (served, path) = served(len);
        while_changing(
            |number| {
                if number % 2 == 0 {
                    fs::remove_file(&path).unwrap();
                } else {
                    replace(&path, &version(len, number));
                }
            },
            || {
                let mut client = served.connect();
                for _ in 0..REQUESTS {
                    let response = client.get("/file");
                    match response.status {
                        200 => assert!(number(len, &response.content).is_some()),
                        other => assert_eq!(other, 404, "{}", response.head),
                    }
                }
            },
        );
    }
}

/// A name that is a file, a directory, a link out of the root and nothing, in turn.
#[test]
fn a_name_that_changes_its_kind_never_leads_out() {
    let outside = Root::with(&[("secret", b"SECRET"), ("d/index.html", b"SECRET")]);
    let served = Root::with(&[("real", b"real")]).serve_with(|config| config.cache_bytes = 0);
    let (name, new) = (served.root.path("name"), served.root.path("new"));
    while_changing(
        |number| {
            match number % 4 {
                0 => fs::write(&new, b"real").unwrap(),
                1 => std::os::unix::fs::symlink(outside.path("secret"), &new).unwrap(),
                2 => std::os::unix::fs::symlink(outside.path("d"), &new).unwrap(),
                _ => std::os::unix::fs::symlink("real", &new).unwrap(),
            }
            fs::rename(&new, &name).unwrap();
        },
        || {
            let mut client = served.connect();
            for target in ["/name", "/name/", "/name/index.html", "/"].repeat(REQUESTS) {
                let response = client.get(target);
                assert!(
                    [200, 301, 403, 404].contains(&response.status),
                    "{}",
                    response.head
                );
                assert!(
                    !response.text().contains("SECRET"),
                    "{target}: {}",
                    response.head
                );
            }
        },
    );
}

/// The length has been promised; what follows on the connection would be taken for content.
#[test]
fn nothing_follows_a_content_that_has_become_shorter() {
    let len = 32 << 20;
    let served = Root::with(&[("small", b"one")]).serve();
    let path = served.root.path("large");
    File::create(&path).unwrap().set_len(len).unwrap();
    let mut client = served.connect();
    client.send([get("/large"), get("/small")].concat());
    assert_eq!(client.head().status, 200);

    let file = OpenOptions::new().write(true).open(&path).unwrap();
    file.set_len(100_000).unwrap();

    let content = client.rest_bytes();
    assert!((content.len() as u64) < len);
    assert!(content.iter().all(|byte| *byte == 0));
    let log = served.log();
    assert_eq!(log.len(), 1, "{log:?}");
}

#[test]
fn a_file_that_grows_while_it_is_sent_ends_where_it_was_announced() {
    let len = 16 << 20;
    let served = Root::with(&[("small", b"one"), ("large", &vec![b'x'; len])]).serve();
    let mut client = served.connect();
    client.send(get("/large"));
    let head = client.head();

    let path = served.root.path("large");
    let mut file = OpenOptions::new().append(true).open(path).unwrap();
    file.write_all(&[b'y'; 100_000]).unwrap();

    let content = client.content_of(&head);
    assert!(content == vec![b'x'; len]);
    assert_eq!(client.get("/small").content, b"one");
}

#[test]
fn a_file_that_is_unlinked_while_it_is_sent_comes_whole() {
    let len = 16 << 20;
    let served = Root::with(&[("large", &vec![b'x'; len])]).serve();
    let mut client = served.connect();
    client.send(get("/large"));
    let head = client.head();

    fs::remove_file(served.root.path("large")).unwrap();
    served.root.file("large", &vec![b'y'; len]);

    assert!(client.content_of(&head) == vec![b'x'; len]);
}
