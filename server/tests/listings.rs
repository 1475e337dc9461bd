//! Directories without an index: as pages, as JSON, and what is not in them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::os::unix::ffi::OsStrExt;
use std::time::{Duration, Instant, SystemTime};

use rthttpd::PasswordScope;
use serde_json::Value;
use support::{PATIENCE, Response, Root, Served, get};

/// A tree whose orders by name, size and date all differ.
fn tree() -> Root {
    let root = Root::with(&[("b", b"1"), ("a", b"333"), ("C", b"22"), ("d/x", b"")]);
    for (name, age) in [("b", 300), ("a", 100), ("C", 200)] {
        let file = File::options().write(true).open(root.path(name)).unwrap();
        let modified = SystemTime::now() - Duration::from_secs(age);
        file.set_modified(modified).unwrap();
    }
    root
}

/// The links of a page, in order, but for those that sort it.
fn links(page: &Response) -> Vec<&str> {
    let links = page.text().split("href=\"").skip(1);
    let links = links.map(|rest| rest.split('"').next().unwrap());
    links.filter(|link| !link.starts_with('?')).collect()
}

fn json(served: &Served, target: &str) -> Response {
    let mut client = served.connect();
    client.send(get(target).replace("Host", "Accept: application/json\r\nHost"));
    client.response()
}

fn names(listing: &Response) -> Vec<String> {
    let entries: Vec<Value> = serde_json::from_slice(&listing.content).unwrap();
    let name = |entry: &Value| entry["name"].as_str().unwrap().to_owned();
    entries.iter().map(name).collect()
}

/// Asks until `wanted` is true of the answer.
fn wait_for(served: &Served, target: &str, wanted: impl Fn(&Response) -> bool) {
    let begun = Instant::now();
    loop {
        let response = served.get(target);
        if wanted(&response) {
            return;
        }
        assert!(begun.elapsed() < PATIENCE, "{}", response.text());
    }
}

/// RFC 9110 12.5.1 and 12.5.5.
#[test]
fn a_directory_is_a_page_or_json_as_the_client_likes() {
    let served = tree().serve();

    let page = served.get("/");
    assert_eq!(page.status, 200);
    assert_eq!(page.field("Content-Type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.field("Vary"), Some("Accept"));
    let policy = page.field("Content-Security-Policy").unwrap();
    assert!(policy.contains("default-src 'none'"), "{policy}");
    assert!(!policy.contains("script-src"), "{policy}");
    assert_eq!(links(&page), ["./d/", "./a", "./b", "./C"]);
    assert!(!page.text().contains("<script"), "{}", page.text());

    let listing = json(&served, "/");
    assert_eq!(listing.field("Content-Type"), Some("application/json"));
    assert_eq!(listing.field("Vary"), Some("Accept"));
    let entries: Value = serde_json::from_slice(&listing.content).unwrap();
    assert_eq!(entries[0]["name"], "d");
    assert_eq!(entries[0]["type"], "directory");
    assert_eq!(entries[0].get("size"), None);
    assert_eq!(entries[1]["type"], "file");
    assert_eq!(entries[1]["size"], 3);
    let own = served.get("/a");
    assert_eq!(entries[1]["mtime"].as_str(), own.field("Last-Modified"));

    let mut client = served.connect();
    client.send(get("/").replace("GET", "HEAD"));
    let head = client.head();
    let len = page.content.len().to_string();
    assert_eq!(head.field("Content-Length"), Some(&*len));
    client.get("/a");
}

/// The queries are Apache's, in both spellings; those of the page's own links are among them.
#[test]
fn a_listing_is_sorted_as_its_links_say() {
    let served = tree().serve();
    const CASES: &[(&str, [&str; 4])] = &[
        ("", ["d", "a", "b", "C"]),
        ("?C=N;O=D", ["d", "C", "b", "a"]),
        ("?C=S;O=A", ["d", "b", "C", "a"]),
        ("?C=S&O=D", ["d", "a", "C", "b"]),
        ("?C=M&O=A", ["d", "b", "C", "a"]),
        ("?C=M&O=D", ["d", "a", "C", "b"]),
        ("?C=X&O=Y&a=b", ["d", "a", "b", "C"]),
    ];

    for (query, expected) in CASES {
        assert_eq!(
            names(&json(&served, &format!("/{query}"))),
            *expected,
            "{query}"
        );
        let page = served.get(&format!("/{query}"));
        let links = links(&page);
        let shown = links.iter().map(|link| link.trim_matches(['.', '/']));
        assert!(shown.eq(expected.iter().copied()), "{query}: {links:?}");
        for sort in page.text().split("href=\"?").skip(1) {
            let sort = sort.split('"').next().unwrap().replace("&amp;", "&");
            assert_eq!(served.status(&format!("/?{sort}")), 200, "{sort}");
        }
        assert_eq!(page.text().matches("rel=\"nofollow\"").count(), 3);
    }
}

/// Names of every kind: each link of the page, and each reference of the JSON, is one's own.
#[test]
fn every_name_is_linked_to_its_file() {
    let root = Root::new();
    let hostile: &[&[u8]] = &[
        b"<script>alert(1)<.html",
        b"a&amp;b",
        b"\"'",
        b"%2e%2e",
        b"javascript:alert(1)",
        b"?C=N",
        b"#x",
        b"a b+c;d",
        b"line\nbreak\t\x7f\x1b[2J",
        b"back\\slash",
        "gr\u{fc}\u{df}e \u{202e}x".as_bytes(),
        b"not \xff utf-8 \xc3",
        b"~",
    ];
    for name in hostile {
        fs::write(root.path("").join(OsStr::from_bytes(name)), name).unwrap();
    }
    let served = root.serve();

    let page = served.get("/");
    let links = links(&page);
    assert_eq!(links.len(), hostile.len());
    let mut found: Vec<_> = links
        .iter()
        .map(|link| served.get(link.strip_prefix('.').unwrap()).content)
        .collect();
    found.sort();
    let mut expected: Vec<_> = hostile.iter().map(|name| name.to_vec()).collect();
    expected.sort();
    assert_eq!(found, expected);

    let listing = json(&served, "/");
    let entries: Vec<Value> = serde_json::from_slice(&listing.content).unwrap();
    for name in hostile {
        let shown = String::from_utf8_lossy(name);
        let entry = entries
            .iter()
            .find(|entry| entry["name"] == *shown)
            .unwrap();
        match entry.get("href") {
            None => assert_eq!(shown.as_bytes(), *name),
            Some(href) => {
                let target = href.as_str().unwrap().strip_prefix('.').unwrap();
                assert_eq!(served.get(target).content, *name);
            }
        }
    }
}

/// As a file, as a directory and in a listing. `/.well-known/` is for everybody (RFC 8615).
#[test]
fn dotfiles_are_neither_served_nor_listed() {
    let root = Root::with(&[
        (".env", b"secret"),
        (".git/config", b"secret"),
        (".git/.well-known/x", b"secret"),
        ("d/.htpasswd", b"secret"),
        ("d/.svn/entries", b"secret"),
        ("d/seen", b"seen"),
        (".well-known/security.txt", b"public"),
        (".well-known/.secret", b"secret"),
        (".well-knownnot/x", b"secret"),
    ]);
    fs::write(root.path("..."), b"secret").unwrap();
    let served = root.serve_with(|config| config.site.passwords = PasswordScope::Nobody);

    for target in [
        "/.env",
        "/%2eenv",
        "/.env/",
        "/.git/config",
        "/.git/",
        "/.git",
        "/.git/.well-known/x",
        "/d/.htpasswd",
        "/d/.svn/",
        "/d/.svn/entries",
        "/d/./.htpasswd",
        "/.well-known/.secret",
        "/.well-knownnot/x",
        "/.WELL-KNOWN/security.txt",
        "/...",
    ] {
        let response = served.get(target);
        assert_eq!(response.status, 404, "{target}");
        assert!(!response.text().contains("secret"), "{target}");
    }
    assert_eq!(served.get("/.well-known/security.txt").text(), "public");
    assert_eq!(links(&served.get("/")), ["./.well-known/", "./d/"]);
    assert_eq!(names(&json(&served, "/")), [".well-known", "d"]);
    assert_eq!(links(&served.get("/d/")), ["../", "../", "./seen"]);
    assert_eq!(names(&json(&served, "/.well-known/")), ["security.txt"]);
}

/// What is kept for the second is never another directory, view or state.
#[test]
fn changes_are_seen_within_a_second() {
    let served = Root::with(&[("d/one", b"1")]).serve();
    for _ in 0..50 {
        assert_eq!(names(&json(&served, "/d/")), ["one"]);
        assert_eq!(names(&json(&served, "/")), ["d"]);
        assert_eq!(links(&served.get("/d/")), ["../", "../", "./one"]);
    }

    served.root.file("d/two", b"2");
    wait_for(&served, "/d/", |page| links(page).contains(&"./two"));
    fs::remove_file(served.root.path("d/one")).unwrap();
    wait_for(&served, "/d/", |page| !links(page).contains(&"./one"));
    // The directory itself does not change with this.
    served.root.file("d/two", &[b'x'; 2222]);
    wait_for(&served, "/d/", |page| page.text().contains("2222 bytes"));
    fs::write(served.root.path("d/index.html"), b"index").unwrap();
    wait_for(&served, "/d/", |page| page.content == b"index");
    fs::remove_dir_all(served.root.path("d")).unwrap();
    wait_for(&served, "/d/", |page| page.status == 404);
}

/// Bounded, and it says so in both formats; many who ask at once get the same.
#[test]
fn a_huge_directory_is_listed_in_part_for_all_who_ask() {
    let root = Root::new();
    fs::create_dir(root.path("d")).unwrap();
    for number in 0..=10_000 {
        File::create(root.path(&format!("d/{number}"))).unwrap();
    }
    let served = root.serve();

    let mut clients: Vec<_> = (0..20).map(|_| served.connect()).collect();
    for client in &mut clients {
        client.send(get("/d/"));
    }
    for client in &mut clients {
        let page = client.response();
        assert_eq!(page.field("Listing-Truncated"), Some("?1"));
        assert!(page.text().contains("There are more names here"));
        assert_eq!(links(&page).len(), 10_002);
    }
    let listing = json(&served, "/d/");
    assert_eq!(listing.field("Listing-Truncated"), Some("?1"));
    assert_eq!(names(&listing).len(), 10_000);
    fs::remove_file(served.root.path("d/0")).unwrap();
    wait_for(&served, "/d/", |page| {
        page.field("Listing-Truncated").is_none()
    });
}
