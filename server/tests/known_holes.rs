//! The holes that thttpd, its relatives and its descendants have had, each tried on this server.
//!
//! One test for each class, named after it; the numbers are of the cases that were published. Those
//! of passwords and hosts are in `known_holes_of_access.rs` and `htpasswd.rs`, those of
//! programs in `cgi.rs`.
//!
//! Without a test is CVE-2024-23771 (darkhttpd: how long a comparison took told how much of a
//! password was right). Hashes are compared by `subtle` here (`server/src/passwords/hash/`), and
//! users who are not there are verified too; no test could see the difference reliably.

mod support;

use std::fs;
use std::net::IpAddr;
use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;
use std::process::Command;
use std::time::Instant;

use rustix::process::Signal;
use spread_logger::{Format, RingOptions};
use support::program::{Program, refused_in};
use support::{Client, PATIENCE, Root, Served, find, get};

const SECRET: &str = "not for you";

/// A root beside a secret: `place/root/…` and `place/secret`.
fn beside_a_secret() -> (Root, Served) {
    let place = Root::with(&[("secret", SECRET.as_bytes()), ("root/a", b"one")]);
    place.file("root/d/index.html", b"index");
    let served = Root::new().serve_with(|config| config.root = place.path("root"));
    (place, served)
}

/// The answer to `target`, which may be anything that can stand in a request line.
fn ask(served: &Served, target: impl AsRef<[u8]>) -> String {
    let request = [
        b"GET ",
        target.as_ref(),
        b" HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n",
    ];
    let mut client = served.connect();
    client.send(request.concat());
    client.rest()
}

fn status(answer: &str) -> &str {
    answer.get(9..12).unwrap_or_default()
}

/// CVE-1999-1456 (leading slashes), CVE-2000-0900 (`%2e%2e`), CVE-2017-10671, CVE-2021-26843.
#[test]
fn traversal_in_every_spelling() {
    let (place, served) = beside_a_secret();
    let absolute = place.path("secret");
    let absolute = absolute.to_str().unwrap();
    let up = [
        "..",
        "%2e%2e",
        "%2E.",
        ".%2e",
        "%252e%252e",
        "..%00",
        "..;",
        "...",
        "....//..",
        "%c0%ae%c0%ae",
        "%e0%80%ae.",
        "%uff0e%uff0e",
        "\u{ff0e}\u{ff0e}",
        ".%0d./..",
        "..%20",
    ];
    let slash = [
        "/", "%2f", "%2F", "\\", "%5c", "//", "/./", "%c0%af", "%252f",
    ];
    let mut targets: Vec<String> = vec![
        absolute.into(),
        format!("/{absolute}"),
        format!("///{absolute}"),
        format!("/%2f{absolute}"),
        format!("/d/../{absolute}"),
        "http://test/../secret".into(),
        format!("http://test{absolute}"),
        format!("file://{absolute}"),
        "/?/../secret".into(),
        "..".into(),
        "../secret".into(),
    ];
    for up in up {
        for slash in slash {
            targets.push(format!("/{up}{slash}secret"));
            targets.push(format!("/d{slash}{up}{slash}{up}{slash}secret"));
            targets.push(format!("//d/{up}/..{slash}..{slash}secret"));
            targets.push(format!("/{}secret", format!("{up}{slash}").repeat(20)));
        }
    }

    for target in &targets {
        let answer = ask(&served, target);
        assert!(!answer.contains(SECRET), "{target}: {answer}");
        // `/?…` is the root with a query.
        let is_refused = status(&answer).starts_with('4') || target.starts_with("/?");
        assert!(is_refused, "{target}: {answer}");
    }
}

/// CVE-2017-10671, CVE-2021-26843: what goes up and stays inside is cleaned, however much of it.
#[test]
fn dot_segments_by_the_thousand() {
    let (_place, served) = beside_a_secret();

    for (part, count) in [
        ("d/../", 1_000),
        ("./", 3_000),
        ("/", 6_000),
        ("x/%2e%2e/", 700),
    ] {
        let target = format!("/{}a", part.repeat(count));
        assert!(ask(&served, target).ends_with("\r\n\r\none"), "{part}");
    }
    let up = format!("/{}{}a", "d/".repeat(1_000), "../".repeat(1_001));
    assert_eq!(status(&ask(&served, up)), "400");
}

/// CVE-2001-0892: `/.htpasswd/` gave what `/.htpasswd` did not.
#[test]
fn a_slash_behind_the_name_of_a_file() {
    let served = Root::with(&[
        ("a.txt", b"one"),
        (".htpasswd", SECRET.as_bytes()),
        ("d/.htpasswd", SECRET.as_bytes()),
        (".git/config", SECRET.as_bytes()),
    ])
    // With a password 401 would come before.
    .serve_with(|config| config.site.passwords = rthttpd::PasswordScope::Nobody);

    for target in [
        "/a.txt/",
        "/a.txt//",
        "/a.txt/.",
        "/a.txt/x",
        "/.htpasswd",
        "/.htpasswd/",
        "//.htpasswd",
        "/d/.htpasswd",
        "/d/.htpasswd/",
        "/d/%2ehtpasswd",
        "/d//.htpasswd/.",
        "/.git/config",
        "/.git/",
    ] {
        let answer = ask(&served, target);
        assert_eq!(status(&answer), "404", "{target}: {answer}");
        assert!(!answer.contains(SECRET), "{target}");
    }
}

/// CVE-2004-2628: the other separator, and names of drives.
#[test]
fn backslashes_and_drive_letters() {
    let (_place, served) = beside_a_secret();

    for target in [
        "/..\\secret",
        "/%5c..%5csecret",
        "/d\\..\\..\\secret",
        "/C:/secret",
        "/c:\\secret",
        "/c%3a%5csecret",
        "/\\\\test\\c$\\secret",
        "C:/secret",
        "\\secret",
        "/a::$DATA",
        "/a.",
        "/a%20",
        "/A",
    ] {
        let answer = ask(&served, target);
        assert!(status(&answer).starts_with('4'), "{target}: {answer}");
    }
}

/// CVE-2002-0733: the error page repeated the target. No page of ours does.
#[test]
fn markup_in_error_pages() {
    let served = Root::with(&[("a", b"one"), ("d/x", b"")]).serve();
    let markup = "<script>alert(1)</script>";

    for request in [
        get(&format!("/{markup}")),
        get("/%3Cscript%3Ealert(1)%3C/script%3E"),
        get(&format!("/d?{markup}")),
        get(&format!("/%zz{markup}")),
        get(&format!("/..{markup}/..")),
        format!("{markup} / HTTP/1.1\r\nHost: t\r\n\r\n"),
        format!("GET / {markup}\r\nHost: t\r\n\r\n"),
        format!("GET /a HTTP/1.1\r\nHost: {markup}\r\n\r\n"),
        format!("GET /a HTTP/1.1\r\nHost: t\r\n{markup}: x\r\n\r\n"),
        format!("GET /a HTTP/1.1\r\nHost: t\r\nRange: {markup}\r\nIf-Match: {markup}\r\n\r\n"),
        format!("GET /a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: {markup}\r\n\r\n"),
        format!("GET /a HTTP/1.1\r\nHost: t\r\nExpect: {markup}\r\n\r\n"),
    ] {
        let mut client = served.connect();
        client.send(&request);
        client.half_close();
        let answer = client.rest();
        assert!(!answer.contains("<script"), "{request}: {answer}");
        assert!(!answer.is_empty(), "{request}");
    }
}

/// thttpd 2.29 and all its descendants: names and the title are written as they are.
#[test]
fn markup_in_directory_listings() {
    let hostile = [
        "<script>alert(1)<",
        "\"><img src=x onerror=alert(1)>",
        "' onmouseover='alert(1)",
        "javascript:alert(1)",
        "&lt;b&gt;",
        "line\nbreak",
        "\u{1b}[2J",
    ];
    let root = Root::new();
    for name in hostile {
        root.file(&format!("<b onclick=x>/{name}"), b"");
        fs::create_dir_all(root.path(&format!("<b onclick=x>/dir{name}"))).unwrap();
    }
    let served = root.serve();

    let page = served.get("/%3Cb%20onclick=x%3E/?<script>alert(2)</script>");

    assert_eq!(page.status, 200);
    let text = page.text();
    for markup in [
        "<script>alert",
        "<img",
        "<b ",
        "' onmouseover",
        "\"javascript:",
        "'javascript:",
        "&lt;b&gt;<",
        "\u{1b}",
    ] {
        assert!(!text.contains(markup), "{markup}: {text}");
    }
}

/// thttpd, sthttpd and merecat send `Location: //evil.example/..%2f..%2fsub/`.
#[test]
fn redirects_to_other_hosts() {
    let root = Root::with(&[
        ("sub/x", b""),
        ("evil.example/x", b""),
        ("\\evil.example/x", b""),
        ("http:/evil.example/x", b""),
        ("a\r\nSet-Cookie: b/x", b""),
    ]);
    let served = root.serve();
    let mut followed = 0;

    for target in [
        "/sub",
        "//sub",
        "//evil.example",
        "///evil.example",
        "//evil.example/..%2fsub",
        "//evil.example/../sub",
        "//evil.example/%2e%2e/sub",
        "/.//evil.example",
        "/sub/..//evil.example",
        "/\\evil.example",
        "/%5cevil.example",
        "/http:/evil.example",
        "/http://evil.example",
        "/a%0d%0aSet-Cookie:%20b",
        "/sub?\r\nSet-Cookie: b",
        "/sub?//evil.example",
        "http://evil.example/sub",
    ] {
        let answer = ask(&served, target);
        let fields = answer.split("\r\n\r\n").next().unwrap();
        assert!(!fields.contains("\r\nSet-Cookie"), "{target}: {answer}");
        let locations: Vec<_> = fields
            .lines()
            .filter_map(|line| line.strip_prefix("Location: "))
            .collect();
        for location in locations {
            followed += 1;
            let second = location.as_bytes().get(1);
            let is_path = location.starts_with('/') && !matches!(second, Some(b'/' | b'\\'));
            assert!(is_path, "{target}: {location}");
        }
    }
    assert!(followed >= 8, "{followed}");
}

/// thttpd, sthttpd and merecat check the links of a path, but not of the index file they find.
#[test]
fn an_index_file_that_is_a_link_out_of_the_root() {
    let (place, served) = beside_a_secret();
    for (name, target) in [
        ("absolute", place.path("secret").to_str().unwrap()),
        ("relative", "../../secret"),
        ("through", "../up/secret"),
        ("itself", "index.html"),
    ] {
        fs::create_dir(place.path(&format!("root/{name}"))).unwrap();
        symlink(target, place.path(&format!("root/{name}/index.html"))).unwrap();
    }
    symlink("..", place.path("root/up")).unwrap();
    symlink(place.path(""), place.path("root/out")).unwrap();

    for target in [
        "/absolute/",
        "/absolute/index.html",
        "/relative/",
        "/relative/index.html",
        "/through/",
        "/itself/",
        "/up/secret",
        "/up/",
        "/out",
        "/out/secret",
    ] {
        let answer = ask(&served, target);
        assert_eq!(status(&answer), "403", "{target}: {answer}");
        assert!(!answer.contains(SECRET), "{target}");
    }
    let listing = ask(&served, "/");
    assert!(!listing.contains("out"), "{listing}");
}

/// thttpd 2.29 opens a FIFO that anybody may read, and waits for its writer for ever.
#[test]
fn fifos_sockets_and_devices_in_the_tree() {
    let root = Root::with(&[("a", b"one"), ("d/x", b"")]);
    let made = Command::new("mkfifo")
        .args([root.path("fifo"), root.path("d/index.html")])
        .status();
    assert!(made.unwrap().success());
    let _listener = UnixListener::bind(root.path("socket")).unwrap();
    symlink("/dev/zero", root.path("zero")).unwrap();
    symlink("/proc/self/environ", root.path("environ")).unwrap();
    let served = root.serve();

    for target in ["/fifo", "/d/", "/socket", "/zero", "/environ", "/fifo/"] {
        let answer = ask(&served, target);
        assert!(status(&answer).starts_with("40"), "{target}: {answer}");
    }
    assert_eq!(served.status("/a"), 200);
}

/// `/hello.txt%00.html` is hello.txt in thttpd, and a NUL as it is makes the request one of 0.9.
#[test]
fn nul_in_a_target() {
    let served = Root::with(&[("a", b"one"), ("d/index.html", b"index")]).serve();

    for target in [
        "/a%00",
        "/a%00.html",
        "/%00",
        "/d/%00",
        "/d%00/",
        "/a\0",
        "/a\0.html",
        "\0",
    ] {
        let answer = ask(&served, target);
        assert_eq!(status(&answer), "400", "{target:?}: {answer}");
    }
    assert_eq!(status(&ask(&served, "/a?%00")), "200");
}

/// CVE-2015-1548 (mini_httpd): a long version was echoed, and memory behind it. thttpd echoes 20
/// characters.
#[test]
fn versions_are_not_echoed() {
    let served = Root::with(&[("a", b"one")]).serve();
    let long = "7".repeat(6_000);

    for version in [
        "FOO/9.9",
        "HTTP/9.9",
        "HTTP/1.10",
        "http/1.1",
        "HTTP/1.1x",
        "UNKNOWN",
        &long,
    ] {
        for line_end in ["\r\n", "\r\nHost: t\r\n"] {
            let mut client = served.connect();
            client.send(format!("GET /a {version}{line_end}\r\n"));
            client.half_close();
            let answer = client.rest();
            assert!(answer.starts_with("HTTP/1.1 "), "{version}: {answer}");
            assert!(!answer[9..].contains(version), "{version}: {answer}");
            assert!(answer.len() < 1_000, "{version}: {answer}");
        }
    }
}

/// CVE-1999-1457, CVE-2000-0359 (If-Modified-Since), CVE-2001-1496 (Authorization): buffers of
/// fixed length behind fields of any length.
#[test]
fn fields_that_were_too_long_for_their_buffers() {
    let served = Root::with(&[("a", b"one")]).serve();
    let mut client = served.connect();
    let long = "9".repeat(7_000);
    let digits = "A".repeat(7_000);

    for name in [
        "If-Modified-Since",
        "If-Unmodified-Since",
        "If-None-Match",
        "If-Match",
        "If-Range",
        "Range",
        "Accept",
        "Accept-Encoding",
        "Accept-Language",
        "Authorization",
        "Cookie",
        "Referer",
        "User-Agent",
        "Connection",
        "X-Forwarded-For",
        "Forwarded",
    ] {
        for value in [
            &long,
            &format!("Sun, {long} Nov 1994 08:49:37 GMT"),
            &format!("Sun, 06 Nov {long} 08:49:37 GMT"),
            &format!("{digits}, 06-Nov-94 08:49:37 GMT"),
            &format!("bytes={long}-{long}"),
            &format!("Basic {digits}"),
            &format!("gzip;q={long}"),
            &"%n%s".repeat(1_700),
            &",".repeat(7_000),
            &"\"".repeat(7_000),
            "Sun, 99 Nov -999 99:99:99 GMT",
            "Thu, 01 Jan 1970 00:00:00 GMT",
        ] {
            client.send(format!(
                "GET /a HTTP/1.1\r\nHost: t\r\n{name}: {value}\r\n\r\n"
            ));
            let response = client.head();
            // A 304 names a length and has no content.
            if response.status != 304 {
                client.content_of(&response);
            }
            assert!(
                [200, 206, 304, 412, 416].contains(&response.status),
                "{name}: {value:.40}: {}",
                response.head
            );
        }
    }
    assert_eq!(served.get("/a").content, b"one");
}

/// darkhttpd found the names of fields anywhere, in the values of others too.
#[test]
fn fields_within_other_fields() {
    let served = Root::with(&[("a", b"content")]).serve();

    for field in [
        "X-Note: Range: bytes=0-1",
        "User-Agent: If-None-Match: *",
        "Referer: http://x/?Range: bytes=0-1",
        "X-Range: bytes=0-1",
        "Cookie: Connection: close; Content-Length: 5",
    ] {
        let mut client = served.connect();
        for _ in 0..2 {
            client.send(format!("GET /a HTTP/1.1\r\nHost: test\r\n{field}\r\n\r\n"));
            let response = client.response();
            assert_eq!(response.status, 200, "{field}");
            assert_eq!(response.content, b"content", "{field}");
        }
    }
}

/// CVE-2003-0899: what is escaped grows, and the buffer did not.
#[test]
fn names_that_grow_when_they_are_escaped() {
    let root = Root::with(&[("a", b"one")]);
    let name = "<".repeat(255);
    for directory in ["d", &name] {
        fs::create_dir(root.path(directory)).unwrap();
        for byte in ["<", ">", "&", "\"", "'", "\u{1}", "\u{e9}"] {
            let long = byte.repeat(255 / byte.len());
            root.file(&format!("{directory}/{long}"), b"one");
        }
    }
    let served = root.serve();

    let long = format!("/{name}/");
    for target in ["/d/", "/", &long, &long.replace('<', "%3C")] {
        let page = served.get(target);
        assert_eq!(page.status, 200, "{target}");
        assert!(find(&page.content, b"<<").is_none(), "{target}");
    }
    let redirect = served.get(&format!("/{name}"));
    let location = redirect.field("Location").map(str::to_owned);
    assert_eq!(location, Some(format!("/{}/", "%3C".repeat(255))));
    assert_eq!(served.status(&format!("/{}", "<".repeat(4_000))), 404);
}

/// CVE-2002-1562 and CVE-2018-18778: a Host that is a path, or none, chose the directory.
#[test]
fn hosts_that_are_paths_or_nothing() {
    let (_place, served) = beside_a_secret();

    for host in [
        "..", "../", "/", "/etc", ".", "%2e%2e", "a/../..", "a\\b", "[::1", "a:b", "a b",
    ] {
        let answer = served.ask(&format!(
            "GET /secret HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
        ));
        assert!(
            ["400", "404"].contains(&status(&answer)),
            "{host}: {answer}"
        );
        assert!(!answer.contains(SECRET), "{host}");
    }
    // An empty one is allowed (RFC 9112 3.2), and is no host in particular.
    for head in [
        "GET /etc/passwd HTTP/1.1\r\nHost:\r\n",
        "GET //etc/passwd HTTP/1.1\r\nHost: \r\n",
        "GET /secret HTTP/1.0\r\n",
    ] {
        let answer = served.ask(&format!("{head}Connection: close\r\n\r\n"));
        assert_eq!(status(&answer), "404", "{head}: {answer}");
    }
}

/// sthttpd and merecat log whatever X-Forwarded-For says, from anybody.
#[test]
fn clients_that_say_they_are_somebody_else() {
    let served = Root::with(&[("a", b"one")]).serve();
    let mut client = served.connect();
    for field in [
        "X-Forwarded-For: 192.0.2.7",
        "Forwarded: for=192.0.2.7",
        "X-Real-IP: 192.0.2.7",
        "True-Client-IP: 192.0.2.7",
        "Client-IP: 192.0.2.7",
        "Via: 1.1 192.0.2.7",
    ] {
        client.send(format!("GET /a HTTP/1.1\r\nHost: t\r\n{field}\r\n\r\n"));
        assert_eq!(client.response().status, 200);
    }
    // Nor on a listener that was not told to expect it.
    let answer = served.ask("PROXY TCP4 192.0.2.7 192.0.2.8 1 80\r\nGET /a HTTP/1.0\r\n\r\n");
    assert_eq!(status(&answer), "400");
    drop(client);

    let records = served.records();
    assert_eq!(records.len(), 7);
    for record in records {
        assert_eq!(record.client, Some(IpAddr::from([127, 0, 0, 1])));
    }
}

/// CVE-2009-4490, CVE-2009-4491, GLSA 201206-27: a terminal that shows the log obeys what a client
/// has sent.
#[test]
fn escape_sequences_in_the_log() {
    let root = Root::with(&[("a", b"one")]);
    let mut config = rthttpd::Config::new(root.path(""));
    config.listeners = vec!["127.0.0.1:0".parse().unwrap()];
    let mut server = rthttpd::Server::bind(config).unwrap();
    let mut drains = server.log_to(&RingOptions::default());
    let (address, stop) = (server.addresses()[0], server.stop_handle());
    let thread = std::thread::spawn(move || server.run());
    let escapes = b"\x1b]2;owned\x07\x1b[2J\x9b31m\xc2\x9b\x7f\x08\x0b$(id)`id`\" \"\\";

    let mut sent = 0;
    for (before, behind) in [
        (&b"GET /a?"[..], &b" HTTP/1.1\r\nHost: t\r\n\r\n"[..]),
        (b"GET /a HTTP/1.1\r\nHost: t\r\nUser-Agent: ", b"\r\n\r\n"),
        (b"GET /a HTTP/1.1\r\nHost: t\r\nReferer: ", b"\r\n\r\n"),
        (b"", b" / HTTP/1.1\r\n\r\n"),
        (b"GET / ", b"\r\n\r\n"),
        (b"GET / HTTP/1.1\r\nHost: ", b"\r\n\r\n"),
        (b"GET /a", b""),
    ] {
        let mut client = Client::connect(address);
        client.send([before, escapes, behind].concat());
        client.half_close();
        let _ = client.rest_bytes();
        sent += 1;
    }
    stop.stop();
    thread.join().unwrap().unwrap();

    let mut text = Vec::new();
    for drain in &mut drains {
        drain.drain(|lines| text.extend_from_slice(lines));
    }
    let lines: Vec<_> = text.split_inclusive(|byte| *byte == b'\n').collect();
    assert_eq!(lines.len(), sent);
    for line in lines {
        let printed = line.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\n'));
        assert!(printed, "{}", line.escape_ascii());
        assert!(
            Format::Combined.parse(line).is_ok(),
            "{}",
            line.escape_ascii()
        );
    }
}

/// thttpd waits for a client that does not read a large page for an error, and everybody with it.
#[test]
fn error_pages_that_are_not_read() {
    let root = Root::with(&[("a", b"one"), ("errors/err404.html", &[b'x'; 60_000])]);
    let served = root.serve();
    let mut clients = Vec::new();
    for _ in 0..4 {
        let mut client = Client::connect_with_small_buffer(served.address);
        client.send(get("/none").repeat(20));
        clients.push(client);
    }

    for _ in 0..10 {
        assert_eq!(served.status("/a"), 200);
    }
}

/// CVE-2007-0158: a byte before the beginning of a buffer was looked at, where nothing was in it.
#[test]
fn nothing_where_something_was_expected() {
    let served = Root::with(&[("a", b"one"), ("d/x", b"")]).serve();

    for request in [
        "\r\n\r\n",
        " \r\n\r\n",
        "  \r\n\r\n",
        "\0\r\n\r\n",
        "GET\r\n\r\n",
        "GET \r\n\r\n",
        "GET  HTTP/1.1\r\nHost: t\r\n\r\n",
        "GET / \r\n\r\n",
        "GET ? HTTP/1.1\r\nHost: t\r\n\r\n",
        "GET http:// HTTP/1.1\r\nHost: t\r\n\r\n",
        "GET http:///a HTTP/1.1\r\nHost: t\r\n\r\n",
        "GET % HTTP/1.1\r\nHost: t\r\n\r\n",
        "GET /a HTTP/1.1\r\n: t\r\n\r\n",
        "GET /a HTTP/1.1\r\nHost: t\r\n \r\n\r\n",
        "GET /a HTTP/1.1\r\nHost\r\n\r\n",
    ] {
        let mut client = served.connect();
        client.send(request);
        client.half_close();
        let answer = client.rest();
        let is_refused = answer.is_empty() || status(&answer).starts_with('4');
        assert!(is_refused, "{request:?}: {answer}");
    }
    for field in [
        "Authorization",
        "Referer",
        "User-Agent",
        "Range",
        "If-Modified-Since",
        "If-None-Match",
        "Accept-Encoding",
        "Connection",
        "Cookie",
        "Via",
    ] {
        for target in ["/a", "/d/", "/a?", "/a#", "/none?"] {
            let answer = served.ask(&format!(
                "GET {target} HTTP/1.1\r\nHost:\r\n{field}:\r\n{field}: \r\nConnection: close\r\n\r\n"
            ));
            let is_answered = ["200", "404", "400", "401"].contains(&status(&answer));
            assert!(is_answered, "{target} {field}: {answer}");
        }
    }
    assert_eq!(served.status("/a"), 200);
}

/// CVE-2006-4248: the log was rotated by way of a file that somebody else could have put there.
#[test]
fn a_rotation_by_way_of_other_files() {
    let (root, place) = (Root::with(&[("a", b"one")]), Root::new());
    place.file("victim", b"as it was");
    let log = place.path("log");
    for name in ["log.tmp", "log.new", "log~", "log.0", ".log", "log.lock"] {
        symlink("victim", place.path(name)).unwrap();
    }
    let names = || {
        let names = fs::read_dir(place.path("")).unwrap();
        let mut names: Vec<_> = names.map(|name| name.unwrap().file_name()).collect();
        names.sort();
        names
    };
    let before = names();
    let file = format!("file={}", log.display());
    let args = [
        "-d",
        &root.dir(),
        "-h",
        "127.0.0.1",
        "-p",
        "0",
        "--log",
        &file,
    ];
    let program = Program::start(&args);
    assert_eq!(program.connect().get("/a").status, 200);

    fs::rename(&log, place.path("victim.1")).unwrap();
    program.signal(Signal::HUP);
    let deadline = Instant::now() + PATIENCE;
    while !log.exists() {
        assert!(Instant::now() < deadline, "no new log");
        std::thread::yield_now();
    }
    assert_eq!(program.connect().get("/a").status, 200);
    program.signal(Signal::TERM);
    assert_eq!(program.wait().status, Some(0));

    fs::rename(place.path("victim.1"), place.path("rotated")).unwrap();
    let mut expected = before;
    expected.extend(["log".into(), "rotated".into()]);
    expected.sort();
    assert_eq!(names(), expected);
    assert_eq!(fs::read(place.path("victim")).unwrap(), b"as it was");
    let lines = ["log", "rotated"].map(|name| fs::read_to_string(place.path(name)).unwrap());
    assert_eq!(lines.concat().lines().count(), 2);
}

/// CVE-2007-0664: a service manager starts programs in `/`, and thttpd served that.
#[test]
fn the_whole_machine_as_a_document_root() {
    for args in [&[][..], &["-d", "."], &["-d", "tmp/.."]] {
        let args = [&["-h", "127.0.0.1", "-p", "0"][..], args].concat();
        let ended = refused_in("/", &args);

        assert_eq!(ended.status, Some(2), "{args:?}");
        assert!(ended.stderr.contains("-d /"), "{}", ended.stderr);
    }
}

/// CVE-2013-0348: the log could be read by everybody on the machine.
#[cfg(feature = "embedded")]
#[test]
fn a_log_that_everybody_can_read() {
    use std::os::unix::fs::PermissionsExt as _;

    let (root, place) = (Root::with(&[("a", b"one")]), Root::new());
    let (dir, sockets, logs) = (root.dir(), place.dir(), place.dir() + "/logs");
    let server = ["-d", &dir, "-h", "127.0.0.1", "-p", "0", "--status", "none"];
    let log = ["--spread", "embedded:0", "--spread-socket-dir", &sockets];
    let program = Program::start(&[&server[..], &log, &["--log-dir", &logs]].concat());
    assert_eq!(program.connect().get("/a").status, 200);
    program.signal(Signal::TERM);
    assert_eq!(program.wait().status, Some(0));

    for path in ["logs", "logs/access_log"] {
        let mode = fs::metadata(place.path(path)).unwrap().permissions().mode();
        assert_eq!(mode & 0o007, 0, "{path}: {mode:o}");
    }
}
