//! `.htpasswd`: who gets in, and who does not.

mod support;

use std::fs;
use std::os::unix::fs::symlink;
use std::time::Instant;

use rthttpd::{Config, FallbackPage, HostOptions, PasswordScope};
use support::program::{Program, refused};
use support::{Client, PATIENCE, Response, Root, Served, noise};

/// anna: a, bob: b; old has a hash of DES.
const TWO: &[u8] = b"anna:{SHA}hvfkN/qlp/zhXR3cuerq6jd2Z7g=\n\
    bob:{SHA}6dcfXufJLW3J6S/9rRe4vUlBj5g=\nold:ab3jcLo8aNLw6\n";
/// carl: c.
const ONE: &[u8] = b"carl:{SHA}hKUWhBuneltGSN4s0N/LMOpG27Q=\n";

/// `user:password` in base 64.
const ANNA: &str = "YW5uYTph";
const ANNA_WRONG: &str = "YW5uYTpi";
const BOB: &str = "Ym9iOmI=";
const CARL: &str = "Y2FybDpj";
const OLD: &str = "b2xkOmFi";
const NOBODY: &str = "bm9ib2R5OmE=";

fn request(method: &str, target: &str, host: &str, credentials: &str) -> String {
    let field = match credentials {
        "" => String::new(),
        credentials => format!("Authorization: Basic {credentials}\r\n"),
    };
    format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\n{field}Connection: close\r\n\r\n")
}

fn get(served: &Served, target: &str, credentials: &str) -> Response {
    let mut client = served.connect();
    client.send(request("GET", target, "test", credentials));
    client.response()
}

fn status(served: &Served, target: &str, credentials: &str) -> u16 {
    get(served, target, credentials).status
}

fn guarded() -> Root {
    Root::with(&[
        ("open", b"open"),
        ("p/.htpasswd", TWO),
        ("p/file", b"guarded"),
        ("p/large", &noise(200_000)),
        ("p/style.css", b"plain"),
        ("p/style.css.gz", b"zipped"),
        ("p/d/deep/file", b"deep"),
        ("p/other/.htpasswd", ONE),
        ("p/other/file", b"other"),
    ])
}

/// Small, large, in another encoding, in a listing, not there at all; the second time from memory.
#[test]
fn what_is_guarded_takes_a_password_whatever_it_is() {
    let served = guarded().serve();
    for _ in 0..2 {
        for target in [
            "/p/file",
            "/p/large",
            "/p/style.css",
            "/p/style.css.gz",
            "/p/",
            "/p",
            "/p/d",
            "/p/d/",
            "/p/d/deep/file",
            "/p/none",
            "/p/none/none",
            "/p/file/none",
            "/p/.htpasswd",
        ] {
            for credentials in ["", ANNA_WRONG, NOBODY, CARL, OLD, "!", "Og=="] {
                // A wrong password is one of few that an address may send.
                if !["", "!"].contains(&credentials) && target != "/p/file" {
                    continue;
                }
                let response = get(&served, target, credentials);
                assert_eq!(response.status, 401, "{target} {credentials}");
                let challenge = response.field("WWW-Authenticate").unwrap();
                assert_eq!(challenge, "Basic realm=\"/p/\", charset=\"UTF-8\"");
                assert!(!response.text().contains("guarded"));
            }
            for credentials in [ANNA, BOB] {
                let status = status(&served, target, credentials);
                let expected = match target {
                    "/p" | "/p/d" => 301,
                    "/p/.htpasswd" => 404,
                    target if target.contains("none") => 404,
                    _ => 200,
                };
                assert_eq!(status, expected, "{target}");
            }
        }
        assert_eq!(status(&served, "/open", ""), 200);
        assert_eq!(status(&served, "/open", ANNA_WRONG), 200);
    }
    assert_eq!(get(&served, "/p/file", ANNA).content, b"guarded");
    assert_eq!(get(&served, "/p/large", BOB).content, noise(200_000));
    let mut client = served.connect();
    client.send(request("HEAD", "/p/file", "test", ""));
    assert_eq!(client.head().status, 401);
}

#[test]
fn the_nearest_file_counts() {
    let served = guarded().serve();

    for (credentials, expected) in [(CARL, 200), (ANNA, 401), ("", 401)] {
        let response = get(&served, "/p/other/file", credentials);
        assert_eq!(response.status, expected, "{credentials}");
    }
    let response = get(&served, "/p/other/", "");
    let challenge = response.field("WWW-Authenticate").unwrap();
    assert!(challenge.contains("\"/p/other/\""), "{challenge}");
}

#[test]
fn the_log_has_the_user() {
    let served = guarded().serve();
    for credentials in [ANNA, ANNA, BOB, "", ANNA_WRONG] {
        status(&served, "/p/file", credentials);
    }
    status(&served, "/open", ANNA);

    let records = served.records();

    let users: Vec<_> = records
        .iter()
        .map(|record| record.user.as_deref())
        .collect();
    let (anna, bob) = (Some(&b"anna"[..]), Some(&b"bob"[..]));
    assert_eq!(users, [anna, anna, bob, None, None, None]);
}

#[test]
fn what_the_files_say_counts_within_a_second() {
    let served = guarded().serve();
    let until = |target: &str, credentials: &str, expected: u16| {
        let begun = Instant::now();
        while status(&served, target, credentials) != expected {
            assert!(begun.elapsed() < PATIENCE, "{target} {credentials}");
        }
    };
    assert_eq!(status(&served, "/p/file", ANNA), 200);
    assert_eq!(status(&served, "/open", ""), 200);

    served.root.file("p/.htpasswd", ONE);
    until("/p/file", ANNA, 401);
    until("/p/file", CARL, 200);
    served.root.file(".htpasswd", TWO);
    until("/open", "", 401);
    until("/open", ANNA, 200);
    fs::remove_file(served.root.path(".htpasswd")).unwrap();
    until("/open", "", 200);
    fs::remove_file(served.root.path("p/.htpasswd")).unwrap();
    until("/p/file", "", 200);
}

/// Whoever makes a mistake with a password file must not open what it guards.
#[test]
fn a_file_that_cannot_be_read_keeps_everybody_out() {
    let place = Root::with(&[("users", TWO)]);
    for name in ["out", "dir", "nothing", "long"] {
        place.file(&format!("root/{name}/file"), b"guarded");
    }
    symlink("../../users", place.path("root/out/.htpasswd")).unwrap();
    fs::create_dir(place.path("root/dir/.htpasswd")).unwrap();
    place.file("root/nothing/.htpasswd", b"");
    place.file("root/long/.htpasswd", &vec![b'#'; 2 << 20]);
    let served = Root::new().serve_with(|config| config.root = place.path("root"));

    for (name, expected) in [("out", 403), ("dir", 403), ("nothing", 401), ("long", 403)] {
        for credentials in ["", ANNA] {
            let target = format!("/{name}/file");
            assert_eq!(status(&served, &target, credentials), expected, "{name}");
        }
    }
}

#[test]
fn the_scope_is_what_it_was_told() {
    let scope = |passwords| {
        guarded().serve_with(|config: &mut Config| {
            fs::write(config.root.join(".htpasswd"), ONE).unwrap();
            config.site.passwords = passwords;
        })
    };
    let place = Root::with(&[("users", TWO)]);

    let served = scope(PasswordScope::Nobody);
    assert_eq!(status(&served, "/p/file", ""), 200);
    assert_eq!(status(&served, "/p/.htpasswd", ""), 404);
    let served = scope(PasswordScope::Topmost);
    assert_eq!(status(&served, "/open", CARL), 200);
    assert_eq!(status(&served, "/p/file", CARL), 200);
    assert_eq!(status(&served, "/p/file", ANNA), 401);
    let served = scope(PasswordScope::File(place.path("users")));
    assert_eq!(status(&served, "/open", ANNA), 200);
    assert_eq!(status(&served, "/p/other/file", BOB), 200);
    assert_eq!(status(&served, "/p/other/file", CARL), 401);
    let response = get(&served, "/open", "");
    let challenge = response.field("WWW-Authenticate").unwrap();
    assert!(challenge.contains("\"/\""), "{challenge}");

    // One that goes away does not let everybody in, nor keep everybody out.
    fs::remove_file(place.path("users")).unwrap();
    let begun = Instant::now();
    while begun.elapsed().as_secs() < 2 {
        assert_eq!(status(&served, "/open", ANNA), 200);
        assert_eq!(status(&served, "/open", ""), 401);
    }
}

#[test]
fn without_a_file_at_the_top_the_nearest_counts() {
    let served = guarded().serve_with(|config| config.site.passwords = PasswordScope::Topmost);

    assert_eq!(status(&served, "/open", ""), 200);
    assert_eq!(status(&served, "/p/file", ANNA), 200);
    assert_eq!(status(&served, "/p/other/file", CARL), 200);
}

#[test]
fn each_host_has_its_own_passwords() {
    let root = Root::with(&[("a.example/.htpasswd", TWO), ("a.example/file", b"a")]);
    root.file("b.example/file", b"b");
    root.file("b.example/p/.htpasswd", ONE);
    root.file("b.example/p/file", b"p");
    let served = root.serve_with(|config| {
        config.site.hosts = Some(HostOptions::default());
        config.site.passwords = PasswordScope::Topmost;
    });
    let ask = |host: &str, target: &str, credentials: &str| {
        let mut client = served.connect();
        client.send(request("GET", target, host, credentials));
        client.response()
    };

    for (host, target, credentials, expected) in [
        ("a.example", "/file", "", 401),
        ("a.example", "/file", ANNA, 200),
        ("b.example", "/file", "", 200),
        ("b.example", "/p/file", ANNA, 401),
        ("b.example", "/p/file", CARL, 200),
        ("b.example", "/../a.example/file", "", 400),
        ("c.example", "/file", "", 404),
    ] {
        let response = ask(host, target, credentials);
        assert_eq!(response.status, expected, "{host} {target}");
    }
    let challenge = ask("b.example", "/p/file", "");
    let challenge = challenge.field("WWW-Authenticate").unwrap();
    assert!(challenge.contains("\"/p/\""), "{challenge}");
}

#[test]
fn a_fallback_page_takes_the_password_of_what_was_asked_for_and_its_own() {
    let root = guarded();
    root.file("index.html", b"app");
    let served = root.serve_with(|config| {
        config.rules.fallback = Some(FallbackPage::new("index.html"));
    });

    assert_eq!(status(&served, "/route", ""), 200);
    assert_eq!(status(&served, "/p/route", ""), 401);
    assert_eq!(get(&served, "/p/route", ANNA).content, b"app");
}

/// Wrong passwords are few for each address; who is in already, and everybody else, goes on.
#[test]
fn who_tries_passwords_is_slowed_down_alone() {
    let served = guarded().serve_with(|config| {
        config.clients.wrong_passwords_per_address = "3/m".parse().unwrap();
    });
    let ask = |from: &str, credentials: &str| {
        let mut client = Client::connect_from(from, served.address);
        client.send(request("GET", "/p/file", "test", credentials));
        client.response()
    };
    assert_eq!(ask("127.0.0.2", BOB).status, 200);
    for _ in 0..3 {
        assert_eq!(ask("127.0.0.2", ANNA_WRONG).status, 401);
    }

    for credentials in [ANNA_WRONG, ANNA] {
        let response = ask("127.0.0.2", credentials);
        assert_eq!(response.status, 429, "{credentials}");
        let wait: u64 = response.field("Retry-After").unwrap().parse().unwrap();
        assert!((1..=20).contains(&wait), "{wait}");
    }
    assert_eq!(ask("127.0.0.2", "").status, 401);
    assert_eq!(ask("127.0.0.2", BOB).status, 200);
    assert_eq!(ask("127.0.0.3", ANNA).status, 200);
    let totals = served.counters.totals();
    assert_eq!((totals.passwords_right, totals.passwords_wrong), (2, 3));
    assert_eq!(totals.passwords_unseen, 2);
}

/// Serving goes on while passwords are verified, and requests behind one keep their order.
#[test]
fn many_at_once_each_get_their_answer() {
    let root = guarded();
    let hash = "$2y$04$abcdefghijklmnopqrstuuFcV8WPKEefLKdOWfX8pW1yTVya21P7a";
    let lines: String = (0..20).map(|n| format!("user{n}:{hash}\n")).collect();
    root.file("slow/.htpasswd", lines.as_bytes());
    root.file("slow/file", b"slow");
    let served = root.serve();
    // `user0:pass word` to `user4:pass word`
    let encoded = |digit: &str| format!("dXNlcj{digit}6cGFzcyB3b3Jk");

    let mut clients: Vec<_> = (0..5).map(|_| served.connect()).collect();
    for (digit, client) in ["A", "E", "I", "M", "Q"].iter().zip(&mut clients) {
        let field = format!("Authorization: Basic {}\r\n", encoded(digit));
        let one = format!("GET /slow/file HTTP/1.1\r\nHost: test\r\n{field}\r\n");
        client.send(format!(
            "{one}GET /open HTTP/1.1\r\nHost: test\r\n\r\n{one}"
        ));
    }
    for client in &mut clients {
        for expected in [&b"slow"[..], b"open", b"slow"] {
            let response = client.response();
            assert_eq!((response.status, &*response.content), (200, expected));
        }
    }
}

#[test]
fn the_flags_reach_the_server_and_mistakes_are_named() {
    let root = guarded();
    let (dir, place) = (&*root.dir(), Root::with(&[("users", ONE)]));
    let users = place.path("users");
    let users = users.to_str().unwrap();
    let server = ["-d", dir, "-h", "127.0.0.1", "-p", "0"];
    let ask = |args: &[&str], credentials| {
        let program = Program::start(&[&server[..], args].concat());
        let mut client = program.connect();
        client.send(request("GET", "/p/file", "test", credentials));
        client.response().status
    };

    assert_eq!(ask(&[], ""), 401);
    assert_eq!(ask(&[], ANNA), 200);
    assert_eq!(ask(&["--no-passwords"], ""), 200);
    assert_eq!(ask(&["--global-password"], ANNA), 200);
    assert_eq!(ask(&["--global-password", users], ANNA), 401);
    assert_eq!(ask(&["--global-password", users], CARL), 200);
    let served = format!("{dir}/open");
    for (path, part) in [
        ("/no/such/file", "cannot read passwords"),
        (&served, "everybody"),
    ] {
        let ended = refused(&[&server[..], &["--global-password", path]].concat());
        assert_eq!(ended.status, Some(2), "{}", ended.stderr);
        assert!(ended.stderr.contains(part), "{}", ended.stderr);
    }
}
