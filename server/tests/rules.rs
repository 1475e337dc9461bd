//! Rules for some paths: further fields, other places, a page where there is nothing.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

mod support;

use std::fs;
use std::time::Instant;

use rthttpd::{Config, FallbackPage, HeaderRule, Headers, RedirectRule};
use support::{PATIENCE, Response, Root, Served, get, noise};

fn headers(rules: &[(&str, &str)]) -> impl FnOnce(&mut Config) {
    let rules = rules.iter();
    let rules = rules
        .map(|(pattern, field)| HeaderRule::new(pattern, field).unwrap())
        .collect();
    |config| config.rules.headers = Headers::new(rules)
}

/// The response to `request` on a connection of its own.
fn answer(served: &Served, request: &str) -> Response {
    let mut client = served.connect();
    client.send(request);
    client.head()
}

/// Small and large, whole and in part, again from the cache, and where there is nothing.
#[test]
fn every_response_to_a_path_that_matches_has_the_field() {
    let root = Root::with(&[("a/small", b"0123456789"), ("a/large", &noise(100_000))]);
    root.file("a/sub/x", b"");
    root.file("b", b"");
    let served = root.serve_with(headers(&[("a/**", "X-Rule: yes")]));

    let whole = get("/a/small");
    let part = whole.replace("Host", "Range: bytes=1-2\r\nHost");
    let cases = [
        (200, whole.clone()),
        (200, whole.replace("GET", "HEAD")),
        (206, part.clone()),
        (206, part.replace("small", "large")),
        (416, part.replace("1-2", "100-")),
        (412, whole.replace("Host", "If-Match: \"x\"\r\nHost")),
        (304, whole.replace("Host", "If-None-Match: *\r\nHost")),
        (200, get("/a/large")),
        (200, get("/a/")),
        (200, get("/a/%73mall")),
        (301, get("/a/sub")),
        (404, get("/a/none")),
        (404, get("/a/.hidden")),
        (405, whole.replace("GET", "POST")),
    ];
    for (status, request) in cases {
        for _ in 0..2 {
            let response = answer(&served, &request);
            assert_eq!(response.status, status, "{request}");
            assert_eq!(response.field("X-Rule"), Some("yes"), "{request}");
            assert_eq!(response.field("Server"), Some("rthttpd"), "{request}");
        }
    }
    for target in ["/b", "/", "/a", "/c"] {
        assert_eq!(served.get(target).field("X-Rule"), None, "{target}");
    }
}

/// What is no request has no path, but `**` is about it all the same: who takes Server away wants
/// it gone from every response.
#[test]
fn a_rule_for_everything_is_also_for_what_is_no_request() {
    let served = Root::new().serve_with(headers(&[("**", "Server:"), ("*", "X: y")]));

    for request in ["no request\r\n\r\n", "GET /% HTTP/1.1\r\nHost: a\r\n\r\n"] {
        let response = answer(&served, request);
        assert_eq!(response.status, 400);
        assert_eq!(response.field("Server"), None);
        assert_eq!(response.field("X"), None);
    }
}

/// RFC 9110 15.4.5 for the 304; an error page is in English whatever language the file is in.
#[test]
fn what_describes_content_goes_with_the_file_alone() {
    let root = Root::with(&[("a.txt", b"text"), ("large.txt", &noise(100_000))]);
    let served = root.serve_with(headers(&[
        ("**.txt", "Content-Type: text/x-own"),
        ("**.txt", "Content-Language: de"),
        ("**.txt", "Cache-Control: no-cache"),
        ("**.txt", "Server: mine"),
    ]));
    let conditional = get("/a.txt").replace("Host", "If-None-Match: *\r\nHost");

    for target in ["/a.txt", "/a.txt", "/large.txt"] {
        let response = served.get(target);
        assert_eq!(response.field("Content-Type"), Some("text/x-own"));
        assert_eq!(response.field("Content-Language"), Some("de"));
    }
    let unchanged = answer(&served, &conditional);
    assert_eq!(unchanged.status, 304);
    assert_eq!(unchanged.field("Content-Type"), None);
    let missing = served.get("/none.txt");
    assert_eq!(
        missing.field("Content-Type"),
        Some("text/html; charset=utf-8")
    );
    for response in [unchanged, missing] {
        assert_eq!(response.field("Content-Language"), None);
        assert_eq!(response.field("Cache-Control"), Some("no-cache"));
        assert_eq!(response.field("Server"), Some("mine"));
    }
}

/// RFC 9110 15.4: the place is in Location; and a rule comes before the file.
#[test]
fn a_redirect_comes_before_the_files() {
    let root = Root::with(&[("old/a", b"old"), ("new/a", b"new")]);
    let served = root.serve_with(|config| {
        let rules = [
            ("old/**", "308", "/new/$1"),
            ("old/**", "302", "/never"),
            ("away", "303", "https://other.example/?from=away"),
            ("closed/**", "307", "/closed/page"),
        ];
        let rules = rules.map(|(pattern, status, to)| RedirectRule::new(pattern, status, to));
        config.rules.redirects = rules.into_iter().collect::<Result<_, _>>().unwrap();
        headers(&[("old/**", "X-Rule: yes")])(config);
    });

    let response = served.get("/old/a?b=c");
    assert_eq!(response.status, 308);
    assert_eq!(response.field("Location"), Some("/new/a?b=c"));
    assert_eq!(response.field("X-Rule"), Some("yes"));
    let response = served.get("/away?x");
    assert_eq!(response.status, 303);
    let away = Some("https://other.example/?from=away");
    assert_eq!(response.field("Location"), away);
    let response = answer(&served, &get("/closed/x").replace("GET", "HEAD"));
    assert_eq!(response.field("Location"), Some("/closed/page"));

    assert_eq!(served.get("/new/a").content, b"new");
    assert_eq!(served.status("/closed/page"), 404);
    assert_eq!(
        answer(&served, &get("/old/a").replace("GET", "POST")).status,
        405
    );
}

/// Of the many ways to write another host into a path, none leads there.
#[test]
fn no_redirect_by_a_rule_leads_to_another_host() {
    let served = Root::new().serve_with(|config| {
        let rules = [("x**", "/$1"), ("**/z", "/$1/evil.example"), ("**", "/$1?")];
        let rules = rules.map(|(pattern, to)| RedirectRule::new(pattern, "301", to));
        config.rules.redirects = rules.into_iter().collect::<Result<_, _>>().unwrap();
    });

    for target in [
        "/x//evil.example",
        "/x/%2e/evil.example",
        "/x%5cevil.example",
        "/x\\\\evil.example",
        "/x%0d%0aLocation:%20//evil.example",
        "/./z",
        "//evil.example",
        "/%09/evil.example",
        "http://evil.example/x/evil.example",
        "/@evil.example",
        "/https:evil.example",
    ] {
        let location = served.get(target);
        let location = location.field("Location").unwrap_or("/");
        let mut begins = location.bytes();
        assert_eq!(begins.next(), Some(b'/'), "{target}: {location}");
        let second = begins.next();
        assert!(
            !matches!(second, Some(b'/' | b'\\' | b'\t')),
            "{target}: {location}"
        );
    }
}

/// The page as a file, whether it comes from memory, from its descriptor or from the disk.
#[test]
fn the_fallback_page_is_served_where_there_is_nothing() {
    for content in [&b"<p>app"[..], &noise(100_000)] {
        let root = Root::with(&[("app/page.html", content), ("there", b"there")]);
        root.file("d/x", b"");
        let served = root.serve_with(|config| {
            config.rules.fallback = Some(FallbackPage::new("/app/page.html"));
            headers(&[
                ("route/**", "X-Rule: route"),
                ("app/**", "X-Rule: app"),
                ("**.html", "Content-Type: text/x-own"),
            ])(config);
        });

        for _ in 0..2 {
            let page = served.get("/route/one");
            assert_eq!(page.status, 200);
            assert_eq!(page.content, content);
            assert_eq!(page.field("Vary"), Some("Accept"));
            assert_eq!(page.field("X-Rule"), Some("route"));
            assert_eq!(page.field("Content-Type"), Some("text/x-own"));
            let tag = page.field("ETag").unwrap();
            let own = served.get("/app/page.html");
            assert_eq!(own.field("ETag"), Some(tag));
            assert_eq!(own.field("Vary"), None);
            assert_eq!(own.field("X-Rule"), Some("app"));
            let request =
                get("/route/one").replace("Host", &format!("If-None-Match: {tag}\r\nHost"));
            let unchanged = answer(&served, &request);
            assert_eq!(unchanged.status, 304);
            assert_eq!(unchanged.field("Vary"), Some("Accept"));
            assert_eq!(unchanged.field("X-Rule"), Some("route"));
            let request = get("/route/").replace("Host", "Range: bytes=1-2\r\nHost");
            let part = answer(&served, &request);
            assert_eq!(part.status, 206);
            assert_eq!(part.field("Vary"), Some("Accept"));
        }
        let head = answer(&served, &get("/route").replace("GET", "HEAD"));
        assert_eq!(head.status, 200);
        let len = content.len().to_string();
        assert_eq!(head.field("Content-Length"), Some(&*len));
        assert_eq!(served.get("/there").content, b"there");
        assert_eq!(served.status("/d"), 301);
        assert!(served.get("/d/").text().contains("./x"));
    }
}

/// RFC 8615 for the last two.
#[test]
fn what_is_no_page_is_still_not_found() {
    let served = Root::with(&[("index.html", b"app"), (".env", b"secret")]).serve_with(|config| {
        config.rules.fallback = Some(FallbackPage::new("index.html"));
    });
    let browser = |target| {
        let request = get(target).replace("Host", "Accept: text/html,*/*;q=0.8\r\nHost");
        answer(&served, &request)
    };

    assert_eq!(served.status("/app.js"), 404);
    assert_eq!(served.get("/app.js").field("Vary"), Some("Accept"));
    assert_eq!(browser("/app.js").status, 200);
    for target in ["/.env", "/.git/config", "/.well-known/x"] {
        assert_eq!(served.status(target), 404, "{target}");
        assert_eq!(browser(target).status, 404, "{target}");
    }
    let request = get("/route").replace("GET", "POST");
    assert_eq!(answer(&served, &request).status, 405);
}

/// It is a file as any other: changed, it is seen; gone, it is not found.
#[test]
fn a_fallback_page_may_change_and_go() {
    let served = Root::with(&[("page", b"one")]).serve_with(|config| {
        config.rules.fallback = Some(FallbackPage::new("page"));
    });
    assert_eq!(served.get("/route").content, b"one");

    served.root.file("page", b"another");
    let begun = Instant::now();
    while served.get("/route").content != b"another" {
        assert!(begun.elapsed() < PATIENCE);
    }
    fs::remove_file(served.root.path("page")).unwrap();
    while served.status("/route") != 404 {
        assert!(begun.elapsed() < PATIENCE);
    }
}
