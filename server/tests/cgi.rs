//! Programs that answer requests: what they are told, what clients get, and what becomes of both
//! when either does not behave. The programs are shell scripts.

#![expect(
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a test whose server does not answer has failed"
)]

mod support;

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rthttpd::{CgiOptions, Config, HostOptions};
use support::{Client, PATIENCE, Response, Root, Served, get, noise};

fn options(config: &mut Config) -> &mut CgiOptions {
    config.cgi.get_or_insert_with(|| CgiOptions {
        pattern: "/cgi-bin/*|**.cgi".parse().unwrap(),
        limit: 10,
        timeout: PATIENCE,
    })
}

fn serve(root: Root) -> Served {
    root.serve_with(|config| {
        options(config);
    })
}

fn scripts(scripts: &[(&str, &str)]) -> Root {
    let root = Root::with(&[("index.html", b"index")]);
    for (name, text) in scripts {
        root.script(name, text);
    }
    root
}

fn script(text: &str) -> Served {
    serve(scripts(&[("cgi-bin/a", text)]))
}

/// What a script says that says this.
const PLAIN: &str = r"printf 'Content-Type: text/plain\n\n'";

/// A response whose content is in chunks.
fn chunked<S: std::io::Read + std::io::Write>(client: &mut Client<S>) -> Response {
    let mut response = client.head();
    assert_eq!(response.field("Transfer-Encoding"), Some("chunked"));
    loop {
        let mut size = Vec::new();
        while !size.ends_with(b"\r\n") {
            size.extend(client.up_to(1));
        }
        let size = std::str::from_utf8(&size).unwrap().trim_end();
        let size = usize::from_str_radix(size, 16).unwrap();
        let chunk = client.up_to(size + 2);
        assert!(chunk.ends_with(b"\r\n"));
        response.content.extend_from_slice(&chunk[..size]);
        if size == 0 {
            return response;
        }
    }
}

fn post(target: &str, content: &[u8]) -> Vec<u8> {
    let len = content.len();
    let head = format!("POST {target} HTTP/1.1\r\nHost: t\r\nContent-Length: {len}\r\n\r\n");
    [head.as_bytes(), content].concat()
}

#[track_caller]
fn wait_until(is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE);
        thread::yield_now();
    }
}

#[test]
fn a_program_answers_and_its_connection_goes_on() {
    let served = script(&format!("{PLAIN}; echo hello"));
    let mut client = served.connect();

    for _ in 0..2 {
        client.send(get("/cgi-bin/a"));
        let response = chunked(&mut client);
        assert_eq!(response.status, 200);
        assert_eq!(response.field("Content-Type"), Some("text/plain"));
        assert!(response.field("Date").is_some());
        assert_eq!(response.text(), "hello\n");
        assert_eq!(client.get("/").text(), "index");
    }

    drop(client);
    let log = served.log();
    assert_eq!(log[0], ("GET /cgi-bin/a HTTP/1.1".into(), 200, 6));
}

#[test]
fn a_program_is_told_of_its_request_and_inherits_nothing() {
    let served = script(&format!(
        "{PLAIN}; env; ls /proc/self/fd | tr '\\n' ' '; echo \"args=$#\""
    ));
    let mut client = served.connect();

    client.send(
        "GET /cgi-bin/a/x%20y/../z?a+b HTTP/1.1\r\nHost: www.example:81\r\nProxy: evil\r\n\
         X-A: b\r\nX_A: c\r\nAuthorization: Basic eDp5\r\n\r\n",
    );
    let told = chunked(&mut client);
    let told = told.text();

    let root = fs::canonicalize(served.root.path("")).unwrap();
    let root = root.to_str().unwrap();
    for line in [
        "GATEWAY_INTERFACE=CGI/1.1",
        "REQUEST_METHOD=GET",
        "SCRIPT_NAME=/cgi-bin/a",
        "PATH_INFO=/z",
        "QUERY_STRING=a+b",
        "REQUEST_URI=/cgi-bin/a/x%20y/../z?a+b",
        "REMOTE_ADDR=127.0.0.1",
        "HTTP_HOST=www.example:81",
        "HTTP_X_A=b",
        &format!("PATH_TRANSLATED={root}/z"),
        &format!("PWD={root}/cgi-bin"),
        &format!("SERVER_PORT={}", served.address.port()),
        // CVE-2012-1823: a query is no argument.
        "args=0",
    ] {
        assert!(
            told.contains(&format!("{line}\n")),
            "{line} is not in\n{told}"
        );
    }
    // CVE-2016-5385 and its kind.
    assert!(!told.contains("HTTP_PROXY") && !told.contains("HTTP_AUTHORIZATION"));
    assert!(!told.contains("CARGO") && !told.contains("HOME="), "{told}");
    // `ls` has the directory open as well.
    assert!(told.contains("\n0 1 2 3 args="), "{told}");
}

#[test]
fn content_reaches_the_program_however_large() {
    let served = serve(scripts(&[
        ("cgi-bin/count", &format!("{PLAIN}; wc -c | tr -d ' '")),
        ("cgi-bin/echo", &format!("{PLAIN}; cat")),
    ]));
    let mut client = served.connect();
    let content = noise(900_000);

    client.send(post("/cgi-bin/count", &content));
    let response = chunked(&mut client);
    assert_eq!(response.text(), "900000\n");
    // Whether all was read when the head was written decides whether the connection goes on.
    let mut client = served.connect();
    let mut other = Client::connect(served.address);
    other.send(post("/cgi-bin/echo", &content[..70_000]));
    assert!(chunked(&mut other).content == content[..70_000]);
    client.send(post("/cgi-bin/echo", b"abc"));
    assert_eq!(chunked(&mut client).text(), "abc");
}

#[test]
fn a_program_may_leave_its_content_unread() {
    let served = script(&format!("exec <&-; {PLAIN}; echo enough"));
    let mut client = served.connect();

    client.send(post("/cgi-bin/a", &noise(1_000_000)));

    let response = chunked(&mut client);
    assert_eq!(response.text(), "enough\n");
    assert_eq!(response.field("Connection"), Some("close"));
    client.expect_close();
}

#[test]
fn a_program_says_its_status_and_where_to_go() {
    let served = serve(scripts(&[
        (
            "cgi-bin/gone",
            r"printf 'Status: 410 Long Gone\nContent-Type: a/b\n\n'",
        ),
        (
            "cgi-bin/there",
            r"printf 'Location: http://other.example/\n\n'",
        ),
        (
            "cgi-bin/here",
            r"printf 'Status: 303 See Other\r\nLocation: /x\r\n\r\n'",
        ),
        ("cgi-bin/none", r"printf 'Status: 204 No Content\n\nno'"),
        (
            "cgi-bin/long",
            r"printf 'Content-Type: a/b\nContent-Length: 3\n\nabcdef'",
        ),
    ]));
    let mut client = served.connect();

    client.send(get("/cgi-bin/gone"));
    assert!(
        chunked(&mut client)
            .head
            .starts_with("HTTP/1.1 410 Long Gone\r\n")
    );
    client.send(get("/cgi-bin/there"));
    let there = chunked(&mut client);
    assert_eq!(
        (there.status, there.field("Location")),
        (302, Some("http://other.example/"))
    );
    client.send(get("/cgi-bin/here"));
    let here = chunked(&mut client);
    assert_eq!((here.status, here.field("Location")), (303, Some("/x")));
    assert_eq!(client.get("/cgi-bin/none").status, 204);
    assert_eq!(client.get("/cgi-bin/long").text(), "abc");
    assert_eq!(client.get("/").text(), "index");
}

#[test]
fn broken_output_is_a_bad_gateway() {
    for text in [
        "exit 1",
        "echo hello",
        "echo; echo",
        r"printf 'X: y\n\n'",
        r"printf 'Content-Type: a/b\nContent-Type: c/d\n\n'",
        r"printf 'Content-Type: a/b\nTransfer-Encoding: chunked\n\n0\r\n\r\n'",
        r"printf 'Status: 100 Continue\n\n'",
        "while :; do printf 'X: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n'; done",
        "echo complaint >&2",
    ] {
        let served = script(text);
        let response = served.get("/cgi-bin/a");
        assert_eq!(response.status, 502, "{text}");
        wait_until(|| {
            let totals = served.counters.totals();
            totals.programs_failed == 1 && totals.programs_ended == 1
        });
        assert_eq!(served.log()[0].1, 502);
    }
}

#[test]
fn content_that_ends_too_soon_is_cut_off() {
    let served = script(r"printf 'Content-Type: a/b\nContent-Length: 9\n\nabc'");

    let answer = served.ask(&get("/cgi-bin/a"));

    assert!(answer.ends_with("\r\n\r\nabc"));
    wait_until(|| served.counters.totals().cut_off == 1);
}

#[test]
fn what_is_no_program_is_answered_without_one() {
    let root = scripts(&[("cgi-bin/a", PLAIN)]);
    root.file("cgi-bin/secret", b"#!/bin/sh\necho password");
    root.file("cgi-bin/dir/x", b"x");
    let served = serve(root);

    assert_eq!(served.status("/cgi-bin/secret"), 403);
    // CVE-2001-0892: what is not shown is not shown with a slash either.
    assert_eq!(served.status("/cgi-bin/secret/"), 403);
    assert_eq!(served.status("/cgi-bin/missing"), 404);
    assert_eq!(served.status("/cgi-bin/dir"), 301);
    assert_eq!(served.status("/cgi-bin/a%00"), 400);
    // CVE-2000-0900: no path information climbs.
    assert_eq!(
        served.status("/cgi-bin/a/%2e%2e/%2e%2e/%2e%2e/etc/passwd"),
        400
    );
    let answer = served.ask(
        &String::from_utf8(post("/cgi-bin/missing", b"abc"))
            .unwrap()
            .replace("\r\n\r\n", "\r\nConnection: close\r\n\r\n"),
    );
    assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
    let ask = |head: &str| served.ask(&format!("{head}Host: t\r\nConnection: close\r\n\r\n"));
    let trace = ask("TRACE /cgi-bin/a HTTP/1.1\r\n");
    assert!(trace.starts_with("HTTP/1.1 405 "), "{trace}");
    assert_eq!(served.counters.totals().programs_started, 0);
}

#[test]
fn a_guarded_program_is_called_by_those_who_have_a_password() {
    let root = scripts(&[(
        "cgi-bin/deep/a.cgi",
        &format!("{PLAIN}; echo $AUTH_TYPE $REMOTE_USER"),
    )]);
    root.file(
        "cgi-bin/.htpasswd",
        b"me:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n",
    );
    root.file("cgi-bin/secret", b"#!/bin/sh");
    let served = serve(root);
    let ask = |target: &str, credentials: &str| {
        let authorization = format!("\r\nAuthorization: Basic {credentials}\r\n\r\n");
        let mut client = served.connect();
        client.send(get(target).replace("\r\n\r\n", &authorization));
        client
    };

    for target in [
        "/cgi-bin/deep/a.cgi",
        "/cgi-bin/deep/a.cgi/x",
        "/cgi-bin/secret",
    ] {
        assert_eq!(served.status(target), 401, "{target}");
        assert_eq!(
            ask(target, "bWU6d3Jvbmc=").response().status,
            401,
            "{target}"
        );
    }
    assert_eq!(served.counters.totals().programs_started, 0);
    // Verified, and then known.
    for _ in 0..2 {
        let mut client = ask("/cgi-bin/deep/a.cgi/x", "bWU6c2VjcmV0");
        assert_eq!(chunked(&mut client).text(), "Basic me\n");
    }
    assert_eq!(
        ask("/cgi-bin/secret", "bWU6c2VjcmV0").response().status,
        403
    );
    let content = post(
        "/cgi-bin/deep/a.cgi",
        b"GET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n",
    );
    let mut client = served.connect();
    client.send(content);
    assert!(client.rest().starts_with("HTTP/1.1 401 "));
    let records = served.records();
    let users = records.iter().filter(|record| record.status == 200);
    assert!(users.clone().count() == 2);
    assert!(
        users
            .clone()
            .all(|record| record.user.as_deref() == Some(&b"me"[..]))
    );
    assert!(
        !records
            .iter()
            .any(|record| record.request_line.starts_with(b"GET /smuggled"))
    );
}

#[test]
fn a_host_has_programs_of_its_own() {
    let root = scripts(&[(
        "one.example/cgi-bin/a",
        &format!("{PLAIN}; echo $SERVER_NAME $SCRIPT_NAME $DOCUMENT_ROOT"),
    )]);
    let served = root.serve_with(|config| {
        options(config);
        config.site.hosts = Some(HostOptions::default());
    });
    let mut client = served.connect();

    client.send(get("/cgi-bin/a").replace("test", "one.example"));
    let told = chunked(&mut client);

    let root = fs::canonicalize(served.root.path("one.example")).unwrap();
    let expected = format!("one.example /cgi-bin/a {}\n", root.display());
    assert_eq!(told.text(), expected);
    client.send(get("/cgi-bin/a").replace("test", "two.example"));
    assert_eq!(client.response().status, 404);
}

/// thttpd's patterns name the directory of the host. Were they not understood, whoever asks would
/// be shown the script.
#[test]
fn a_pattern_may_name_the_directories_of_hosts() {
    for pattern in ["/one.example/bin/*", "/*/bin/*", "**/bin/*"] {
        let root = scripts(&[("one.example/bin/a", PLAIN)]);
        let served = root.serve_with(|config| {
            options(config).pattern = pattern.parse().unwrap();
            config.site.hosts = Some(HostOptions::default());
        });
        let mut client = served.connect();

        client.send(get("/bin/a").replace("test", "one.example"));

        let response = chunked(&mut client);
        assert_eq!(response.status, 200, "{pattern}");
        assert!(!response.text().contains("#!"), "{pattern}");
    }
}

#[test]
fn content_of_unknown_length_is_refused() {
    let served = script(PLAIN);

    let answer = served.ask(
        "POST /cgi-bin/a HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: chunked\r\n\r\n\
         3\r\nabc\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: t\r\n\r\n",
    );

    assert!(answer.starts_with("HTTP/1.1 411 "), "{answer}");
    assert_eq!(served.log().len(), 1);
}

#[test]
fn a_head_request_gets_no_content_and_old_clients_no_chunks() {
    let served = script(&format!("{PLAIN}; echo hello"));

    let mut client = served.connect();
    client.send(get("/cgi-bin/a").replace("GET", "HEAD"));
    let head = client.head();
    assert_eq!((head.status, head.field("Transfer-Encoding")), (200, None));
    assert_eq!(client.get("/").text(), "index");
    let answer = served.ask("GET /cgi-bin/a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assert!(answer.contains("\r\nConnection: close\r\n"));
    assert!(answer.ends_with("\r\n\r\nhello\n"));
}

#[test]
fn a_client_may_wait_to_be_told_to_go_on() {
    let served = script(&format!("{PLAIN}; cat"));
    let mut client = served.connect();

    client.send(
        "POST /cgi-bin/a HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\
         Expect: 100-continue\r\n\r\n",
    );
    assert_eq!(client.head().status, 100);
    client.send("abc");

    assert_eq!(chunked(&mut client).text(), "abc");
}

#[test]
fn the_output_of_an_nph_script_is_the_response() {
    let served = serve(scripts(&[
        (
            "cgi-bin/nph-a",
            r"printf 'HTTP/1.0 418 Teapot\r\nX: y\r\n\r\nshort'",
        ),
        ("cgi-bin/nph-b", PLAIN),
    ]));

    assert_eq!(
        served.ask(&get("/cgi-bin/nph-a")),
        "HTTP/1.0 418 Teapot\r\nX: y\r\n\r\nshort"
    );
    assert_eq!(served.status("/cgi-bin/nph-b"), 502);
    let log = served.log();
    assert_eq!((log[0].1, log[0].2), (418, 5));
}

/// Whether a process is there, and not only its remains.
fn lives(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ")
        .is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

/// The processes that a script has written down.
fn pids(served: &Served) -> Vec<String> {
    let pids = fs::read_to_string(served.root.path("cgi-bin/pids")).unwrap_or_default();
    pids.split_whitespace().map(str::to_owned).collect()
}

/// Starts another that ignores TERM, and waits for ever.
const STUBBORN: &str =
    "sh -c 'trap \"\" TERM; sleep 1000 & echo $$ $! >>pids; wait' & echo $$ >>pids; wait";

#[test]
fn a_program_has_only_so_much_time_and_so_has_what_it_starts() {
    let root = scripts(&[("cgi-bin/a", STUBBORN)]);
    let served = root.serve_with(|config| options(config).timeout = Duration::from_millis(300));

    assert_eq!(served.status("/cgi-bin/a"), 504);

    wait_until(|| served.counters.totals().programs_ended == 1);
    let pids = pids(&served);
    assert_eq!(pids.len(), 3);
    wait_until(|| !pids.iter().any(|pid| lives(pid)));
    assert_eq!(served.counters.totals().programs_killed, 1);
    assert_eq!(served.log()[0].1, 504);
}

#[test]
fn a_client_that_does_not_send_its_content_is_not_waited_for() {
    let root = scripts(&[("cgi-bin/a", "cat >/dev/null")]);
    let served = root.serve_with(|config| options(config).timeout = Duration::from_millis(300));
    let mut client = served.connect();
    client.send("POST /cgi-bin/a HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\na");

    assert_eq!(client.response().status, 408);
}

#[test]
fn only_so_many_programs_run_at_a_time() {
    let root = scripts(&[("cgi-bin/a", &format!("{PLAIN}; cat; echo done"))]);
    let served = root.serve_with(|config| options(config).limit = 1);
    let mut first = served.connect();
    first.send("POST /cgi-bin/a HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\n");
    wait_until(|| served.counters.totals().programs_started == 1);

    let refused = served.get("/cgi-bin/a");
    assert_eq!(refused.status, 503);
    assert_eq!(refused.field("Retry-After"), Some("1"));
    first.send("abc");
    assert_eq!(chunked(&mut first).text(), "abcdone\n");
    wait_until(|| served.counters.totals().programs_ended == 1);
    served.connect().send(get("/cgi-bin/a"));
    wait_until(|| served.counters.totals().programs_started == 2);
}

#[test]
fn a_program_that_nobody_listens_to_is_stopped() {
    let served = script(&format!(
        "{PLAIN}; echo $$ >pids; while :; do echo more; done"
    ));
    let mut client = served.connect();
    client.send(get("/cgi-bin/a"));
    client.up_to(1000);
    drop(client);

    wait_until(|| served.counters.totals().programs_ended == 1);
    assert!(!lives(&pids(&served)[0]));
    let log = served.log();
    assert_eq!(log[0].1, 200);
    assert!(log[0].2 > 100);
}

#[test]
fn a_program_does_not_outlive_its_server() {
    let mut served = script(STUBBORN);
    let mut client = served.connect();
    client.send(get("/cgi-bin/a"));
    wait_until(|| pids(&served).len() == 3);

    served.stop.end();
    served.join().unwrap();

    let pids = pids(&served);
    wait_until(|| !pids.iter().any(|pid| lives(pid)));
}

/// thttpd has `index.cgi` among its index names. Were it not run, its text would be shown.
#[test]
fn a_directory_stands_for_the_program_that_is_its_index() {
    let told = format!("{PLAIN}; echo $REQUEST_METHOD $SCRIPT_NAME $REQUEST_URI $PWD; cat");
    let root = scripts(&[("index.cgi", &told), ("d/index.cgi", &told)]);
    root.script("first/index.cgi", &told);
    root.file("first/index.html", b"first");
    root.file("text/index.cgi", b"#!/bin/sh\necho password");
    root.file("none/x", b"");
    root.script("guarded/index.cgi", &told);
    root.file(
        "guarded/.htpasswd",
        b"me:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n",
    );
    fs::create_dir_all(root.path("odd/index.cgi")).unwrap();
    let served = root.serve_with(|config| {
        options(config);
        let names = ["index.html", "index.cgi"];
        config.site.index = names.iter().map(|name| name.parse().unwrap()).collect();
    });
    let dir = fs::canonicalize(served.root.path("d")).unwrap();
    let dir = dir.display();
    let mut client = served.connect();

    for _ in 0..2 {
        client.send(get("/d/?a=b"));
        let told = chunked(&mut client);
        assert_eq!(told.text(), format!("GET /d/index.cgi /d/?a=b {dir}\n"));
        client.send(post("/d/", b"content"));
        let told = chunked(&mut client);
        assert_eq!(told.text(), format!("POST /d/index.cgi /d/ {dir}\ncontent"));
        client.send(get("/d/").replace("GET", "HEAD"));
        let head = client.head();
        assert_eq!(
            (head.status, head.field("Content-Type")),
            (200, Some("text/plain"))
        );
    }
    // The first that is there, as with any other.
    for target in ["/", "/first/"] {
        let response = client.get(target);
        assert_eq!(response.status, 200);
        assert!(["index", "first"].contains(&response.text()), "{target}");
        let mut other = served.connect();
        other.send(post(target, b"content"));
        assert_eq!(other.response().status, 405, "{target}");
    }
    for (target, status) in [
        ("/text/", 403),
        ("/odd/", 403),
        ("/none/", 200),
        ("/guarded/", 401),
        ("/d", 301),
    ] {
        assert_eq!(client.get(target).status, status, "{target}");
    }
    let credentials = "Authorization: Basic bWU6c2VjcmV0\r\nHost";
    client.send(get("/guarded/").replace("Host", credentials));
    assert_eq!(chunked(&mut client).status, 200);
    // It comes and goes while the directory is asked for.
    fs::remove_file(served.root.path("first/index.html")).unwrap();
    wait_until(|| {
        let mut client = served.connect();
        client.send(get("/first/"));
        let head = client.head();
        head.field("Content-Type") == Some("text/plain")
    });
}

/// Whether it is for a program is not known before it is looked for.
#[test]
fn content_of_unknown_length_is_refused_where_there_is_a_program() {
    let root = scripts(&[("d/index.cgi", PLAIN), ("guarded/index.cgi", PLAIN)]);
    root.file("first/index.html", b"first");
    root.file("none/x", b"");
    root.file(
        "guarded/.htpasswd",
        b"me:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\n",
    );
    let served = root.serve_with(|config| {
        options(config);
        let names = ["index.html", "index.cgi"];
        config.site.index = names.iter().map(|name| name.parse().unwrap()).collect();
    });
    let content = "3\r\nabc\r\n0\r\n\r\n";

    for (target, status) in [
        ("/d/", 411),
        ("/guarded/", 401),
        ("/first/", 405),
        ("/none/", 405),
        ("/missing/", 405),
        ("/cgi-bin/missing", 405),
    ] {
        let head = format!("POST {target} HTTP/1.1\r\nHost: t\r\nConnection: close\r\n");
        let answer = served.ask(&format!(
            "{head}Transfer-Encoding: chunked\r\n\r\n{content}"
        ));

        assert!(
            answer.starts_with(&format!("HTTP/1.1 {status} ")),
            "{target}: {answer}"
        );
    }
    assert_eq!(served.counters.totals().programs_started, 0);
}

/// `errors/err502.html` of the host, then of all, though it has to be read from the disk.
#[test]
fn a_failed_program_has_the_operators_page() {
    let root = scripts(&[
        ("one.example/a.cgi", "exit 1"),
        ("two.example/a.cgi", "exit 1"),
        ("two.example/wait.cgi", "cat"),
    ]);
    root.unread_file("one.example/errors/err502.html", b"of one");
    root.unread_file("errors/err502.html", b"of all");
    root.unread_file("errors/err503.html", b"full");
    let served = root.serve_with(|config| {
        options(config).limit = 1;
        config.site.hosts = Some(HostOptions::default());
    });
    let ask = |host: &str, request: &str| {
        let mut client = served.connect();
        client.send(request.replace("Host: t", &format!("Host: {host}\r\nX: ")));
        client
    };
    let is_idle = || {
        let totals = served.counters.totals();
        totals.programs_started == totals.programs_ended
    };

    for (host, page) in [("one.example", "of one"), ("two.example", "of all")] {
        for _ in 0..2 {
            let response = ask(host, &get("/a.cgi")).response();
            assert_eq!((response.status, response.text()), (502, page));
            wait_until(is_idle);
        }
    }
    let waiting = "POST /wait.cgi HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\n";
    let _waiting = ask("two.example", waiting);
    wait_until(|| !is_idle());
    let full = ask("two.example", &get("/a.cgi")).response();
    assert_eq!((full.status, full.text()), (503, "full"));
    assert_eq!(full.field("Retry-After"), Some("1"));
}

#[test]
fn a_late_program_has_the_operators_page() {
    let root = scripts(&[("a.cgi", "sleep 1000")]);
    root.unread_file("errors/err504.html", b"late");
    let served = root.serve_with(|config| options(config).timeout = Duration::from_millis(300));

    let late = served.get("/a.cgi");

    assert_eq!((late.status, late.text()), (504, "late"));
}
