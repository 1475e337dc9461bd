//! How the document root is used: index names, permissions, links out of it.

mod support;

use std::fs::{self, Permissions as Mode};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Instant;

use rthttpd::{Config, Links, Permissions};
use support::program::{Program, refused};
use support::{PATIENCE, Root, Served, noise};

fn index(names: &str) -> impl FnOnce(&mut Config) {
    let names = names.split(',').flat_map(str::parse);
    let names = names.collect();
    |config| config.site.index = names
}

fn wait_for(served: &Served, target: &str, expected: &[u8]) {
    let begun = Instant::now();
    while served.get(target).content != expected {
        assert!(begun.elapsed() < PATIENCE, "{target}");
    }
}

fn set_mode(path: &Path, mode: u32) {
    let set = fs::set_permissions(path, Mode::from_mode(mode));
    assert!(set.is_ok(), "{set:?}");
}

#[test]
fn a_directory_is_the_first_of_the_names_that_it_has() {
    let root = Root::with(&[
        ("both/home.htm", b"second"),
        ("both/index.html", b"first"),
        ("one/home.htm", b"second"),
        ("one/home.htm.gz", b"zipped"),
        ("none/x", b""),
        ("large/home.htm", &noise(100_000)),
    ]);
    let served = root.serve_with(index("index.html,home.htm"));

    for _ in 0..2 {
        assert_eq!(served.get("/both/").content, b"first");
        let response = served.get("/one/");
        assert_eq!(response.content, b"second");
        assert_eq!(
            response.field("Content-Type"),
            Some("text/html; charset=utf-8")
        );
        assert_eq!(served.get("/large/").content, noise(100_000));
        assert!(served.get("/none/").text().contains("Index of"));
    }
    let mut client = served.connect();
    client.send("GET /one/ HTTP/1.1\r\nHost: t\r\nAccept-Encoding: gzip\r\n\r\n");
    assert_eq!(client.response().content, b"zipped");

    // What comes to be there, or goes, is noticed.
    served.root.file("one/index.html", b"first");
    wait_for(&served, "/one/", b"first");
    fs::remove_file(served.root.path("one/index.html")).unwrap();
    wait_for(&served, "/one/", b"second");
}

#[test]
fn no_index_is_no_page_of_the_usual_name() {
    let root = Root::with(&[("d/index.html", b"page"), ("d/home", b"home")]);
    let served = root.serve_with(index("home"));

    assert_eq!(served.get("/d/").content, b"home");
}

/// thttpd's policy: what not everybody on the machine can read is not for everybody else either.
#[test]
fn what_all_users_may_do_with_a_file_decides() {
    let modes = [0o644, 0o640, 0o604, 0o755, 0o744, 0o711, 0o701];
    let cases = [
        ((false, false), [200; 7]),
        ((true, false), [200, 403, 200, 200, 200, 403, 403]),
        ((false, true), [200, 200, 200, 403, 200, 403, 403]),
        ((true, true), [200, 403, 200, 403, 200, 403, 403]),
    ];
    for ((world_readable, not_executable), expected) in cases {
        let root = Root::new();
        for mode in modes {
            for (name, content) in [("small", &b"x"[..]), ("large", &noise(100_000))] {
                let name = format!("{mode:o}/{name}");
                root.file(&name, content);
                set_mode(&root.path(&name), mode);
            }
        }
        let served = root.serve_with(|config| {
            config.site.permissions = Permissions {
                world_readable,
                not_executable,
            };
        });
        for (mode, expected) in modes.iter().zip(expected) {
            for name in ["small", "large"] {
                let status = served.status(&format!("/{mode:o}/{name}"));
                assert_eq!(
                    status, expected,
                    "{mode:o} {world_readable} {not_executable}"
                );
            }
        }
    }
}

#[test]
fn permissions_count_for_listings_indexes_and_encodings_and_while_it_serves() {
    let root = Root::with(&[
        ("closed/x", b"x"),
        ("i/index.html", b"index"),
        ("style.css", b"plain"),
        ("style.css.gz", b"zipped"),
    ]);
    set_mode(&root.path("closed"), 0o711);
    set_mode(&root.path("i/index.html"), 0o640);
    set_mode(&root.path("style.css.gz"), 0o640);
    let served = root.serve_with(|config| config.site.permissions.world_readable = true);

    assert_eq!(served.status("/closed/"), 403);
    assert_eq!(served.status("/closed/x"), 200);
    assert_eq!(served.status("/i/"), 403);
    assert_eq!(served.status("/"), 200);
    let mut client = served.connect();
    client.send("GET /style.css HTTP/1.1\r\nHost: t\r\nAccept-Encoding: gzip\r\n\r\n");
    assert_eq!(client.response().content, b"plain");

    set_mode(&served.root.path("style.css"), 0o640);
    let begun = Instant::now();
    while served.status("/style.css") != 403 {
        assert!(begun.elapsed() < PATIENCE);
    }
}

#[test]
fn links_lead_out_only_if_they_may() {
    for links in [Links::Within, Links::Anywhere] {
        let place = Root::with(&[("out/file", b"outside"), ("root/d/file", b"inside")]);
        symlink("../out", place.path("root/relative")).unwrap();
        symlink(place.path("out"), place.path("root/absolute")).unwrap();
        symlink("d", place.path("root/within")).unwrap();
        let served = Root::new().serve_with(|config| {
            config.root = place.path("root");
            config.site.links = links;
        });

        for _ in 0..2 {
            assert_eq!(served.get("/within/file").content, b"inside");
            for name in ["relative", "absolute"] {
                let response = served.get(&format!("/{name}/file"));
                match links {
                    Links::Within => assert_eq!(response.status, 403, "{name}"),
                    Links::Anywhere => assert_eq!(response.content, b"outside", "{name}"),
                }
            }
            // A path leads nowhere by itself, whatever links do.
            for target in [
                "/../out/file",
                "/d/../../out/file",
                "/d/%2e%2e/%2e%2e/out/file",
            ] {
                assert_eq!(served.status(target), 400, "{target}");
            }
            assert_eq!(served.status("//etc/passwd"), 404);
        }
    }
}

#[test]
fn the_flags_reach_the_server_and_mistakes_are_named() {
    let place = Root::with(&[("out", b"outside"), ("root/home.htm", b"home")]);
    place.file("root/program", b"");
    place.file("root/private", b"");
    set_mode(&place.path("root/program"), 0o755);
    set_mode(&place.path("root/private"), 0o600);
    symlink("../out", place.path("root/link")).unwrap();
    let dir = place.dir() + "/root";
    let server = ["-d", &dir, "-h", "127.0.0.1", "-p", "0"];
    let flags = ["--index", "index.html,home.htm", "--world-readable-only"];
    let further = ["--refuse-executables", "--no-symlink-check"];
    let program = Program::start(&[&server[..], &flags, &further].concat());
    let get = |target| program.connect().get(target);

    assert_eq!(get("/").content, b"home");
    assert_eq!(get("/program").status, 403);
    assert_eq!(get("/private").status, 403);
    assert_eq!(get("/link").content, b"outside");

    let many = ["x"; 17].join(",");
    for names in ["", "a/b", ".htpasswd", "..", "a,", &many] {
        let ended = refused(&[&server[..], &["--index", names]].concat());
        assert_eq!(ended.status, Some(2), "{names}: {}", ended.stderr);
        assert!(ended.stderr.contains("--index"), "{}", ended.stderr);
    }
}

/// thttpd's map of `/~user/` to a directory; what is there also has a path of its own.
#[test]
fn users_have_their_places() {
    let root = Root::with(&[
        ("users/anna/index.html", b"anna"),
        ("users/anna/d/x", b"x"),
        (
            "users/anna/p/.htpasswd",
            b"anna:{SHA}hvfkN/qlp/zhXR3cuerq6jd2Z7g=",
        ),
        ("users/anna/p/x", b"guarded"),
        ("users/.ssh/key", b"secret"),
        ("~anna/x", b"literal"),
        ("~/x", b"tilde"),
    ]);
    let served = root.serve_with(|config| {
        config.site.users = "users".parse().ok();
        let rule = rthttpd::HeaderRule::new("~*/**", "X-User: yes");
        config.rules.headers = rthttpd::Headers::new(rule.into_iter().collect());
    });

    for _ in 0..2 {
        let by_user = served.get("/~anna/");
        assert_eq!(by_user.content, b"anna");
        assert_eq!(by_user.field("X-User"), Some("yes"));
        let by_path = served.get("/users/anna/");
        assert_eq!(by_path.content, b"anna");
        assert_eq!(by_path.field("X-User"), None);
        assert_eq!(served.get("/~anna").field("Location"), Some("/~anna/"));
        assert_eq!(served.get("/~anna/d").field("Location"), Some("/~anna/d/"));
        for (target, title) in [
            ("/~anna/d/", "/~anna/d"),
            ("/users/anna/d/", "/users/anna/d"),
        ] {
            let page = served.get(target);
            let title = format!("<title>Index of {title}</title>");
            assert!(page.text().contains(&title), "{}", page.text());
        }
        let refused = served.get("/~anna/p/x");
        assert_eq!(refused.status, 401);
        let challenge = refused.field("WWW-Authenticate");
        assert_eq!(
            challenge,
            Some("Basic realm=\"/~anna/p/\", charset=\"UTF-8\"")
        );
        assert_eq!(served.get("/~/x").content, b"tilde");
        for target in [
            "/~bob/",
            "/~bob",
            "/~anna/x",
            "/~.ssh/key",
            "/~%2essh/key",
            "/~anna/..",
        ] {
            let expected = if target == "/~anna/.." { 200 } else { 404 };
            assert_eq!(served.status(target), expected, "{target}");
        }
        for target in ["/~../users/anna/d/x", "/~anna/../../x", "/~%2f../x"] {
            let status = served.status(target);
            assert!([400, 404].contains(&status), "{target}: {status}");
        }
    }
}

/// The other of thttpd's maps: home directories, by links.
#[test]
fn users_homes_are_reached_by_links_that_may_lead_out() {
    let place = Root::with(&[("home/anna/public_html/x", b"home"), ("root/users/y", b"")]);
    place.file("home/anna/secret", b"secret");
    let linked = symlink("../../home/anna/public_html", place.path("root/users/anna"))
        .and_then(|()| symlink("../secret", place.path("home/anna/public_html/up")))
        .and_then(|()| symlink("../home/anna", place.path("root/out")));
    assert!(linked.is_ok(), "{linked:?}");
    let server = ["-d", &(place.dir() + "/root"), "-h", "127.0.0.1", "-p", "0"];
    let users = ["--user-dirs", "users"];

    for sandbox in ["off", "on"] {
        let args = [&server[..], &users, &["--sandbox", sandbox]].concat();
        if refused(&[&args[..], &["--check"]].concat())
            .stderr
            .contains("no sandbox")
        {
            continue;
        }
        let program = Program::start(&args);
        let mut client = program.connect();
        for _ in 0..2 {
            assert_eq!(client.get("/~anna/x").content, b"home", "{sandbox}");
            assert_eq!(client.get("/~anna").status, 301);
            for target in ["/~anna/up", "/out/secret"] {
                assert_eq!(client.get(target).status, 403, "{target} {sandbox}");
            }
        }
    }
    let program = Program::start(&[&server[..], &users, &["--no-symlink-check"]].concat());
    assert_eq!(program.connect().get("/~anna/up").content, b"secret");
    let ended = refused(&[&server[..], &["--user-dirs", "~/public_html"]].concat());
    assert_eq!(ended.status, Some(2), "{}", ended.stderr);
    assert!(ended.stderr.contains("links"), "{}", ended.stderr);
}
