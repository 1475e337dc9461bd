//! Tests of the logs: what each wants, and that all that it wants comes out of its rings.

use std::num::NonZeroU8;

use proptest::prelude::*;
use spread_logger::Details;

use super::*;

fn record<'a>(line: &'a str, status: u16, details: &'a Details<'a>) -> Record<'a> {
    Record {
        request_line: line.as_bytes(),
        status,
        details: Some(details),
        ..Record::default()
    }
}

fn of_host(host: &str) -> Details<'_> {
    Details {
        host: Some(host.as_bytes()),
        ..Details::default()
    }
}

fn wants(selection: &Selection, line: &str, status: u16, host: &str) -> bool {
    let details = of_host(host);
    let record = record(line, status, &details);
    selection.wants(&mut Exchange::of(&record))
}

#[test]
fn a_path_is_matched_as_rules_match_it() {
    let selection = Selection {
        path: Some("downloads/**|*.html".parse().unwrap()),
        ..Selection::default()
    };
    for (target, expected) in [
        ("/downloads/a/b?c", true),
        ("/d%6fwnloads/", true),
        ("/x/../downloads/a", true),
        ("//downloads//a", true),
        ("http://host/downloads/a", true),
        ("/index.html", true),
        ("/a/index.html", false),
        ("/", false),
        // What was refused has no path.
        ("/downloads/%00", false),
        ("/../downloads/a", false),
        ("", false),
    ] {
        let line = format!("GET {target} HTTP/1.1");
        assert_eq!(wants(&selection, &line, 200, ""), expected, "{target}");
    }
    assert!(!wants(&selection, "", 400, ""));
    assert!(wants(&Selection::default(), "", 400, ""));
}

#[test]
fn lists_of_statuses_are_what_they_say() {
    const CASES: &[(&str, &[u16], &[u16])] = &[
        ("404", &[404], &[200, 403, 405, 500]),
        ("5xx,404", &[404, 500, 503, 599], &[200, 403, 499]),
        ("!304", &[100, 200, 599], &[304]),
        ("!2xx, !304", &[100, 404], &[200, 299, 304]),
        ("3xx,!304", &[301, 308], &[304, 200]),
        ("!304,3xx", &[301, 308], &[304, 200]),
    ];
    for (text, wanted, unwanted) in CASES {
        let statuses: Statuses = text.parse().unwrap();
        assert!(wanted.iter().all(|status| statuses.has(*status)), "{text}");
        assert!(
            !unwanted.iter().any(|status| statuses.has(*status)),
            "{text}"
        );
        assert!(!statuses.has(0) && !statuses.has(99), "{text}");
    }
    for text in [
        "", "x", "4x", "6xx", "0xx", "99", "600", "+404", "404-405", "!", "4 04",
    ] {
        assert!(text.parse::<Statuses>().is_err(), "{text}");
    }
}

#[test]
fn conditions_hold_together() {
    let selection = Selection {
        path: Some("a/*".parse().unwrap()),
        host: Some("*.example".parse().unwrap()),
        statuses: Some("4xx".parse().unwrap()),
        methods: Some("GET,HEAD".parse().unwrap()),
    };
    for (line, status, host, expected) in [
        ("GET /a/b HTTP/1.1", 404, "www.example", true),
        ("HEAD /a/b HTTP/1.0", 400, "x.example", true),
        ("POST /a/b HTTP/1.1", 404, "www.example", false),
        ("GET /b/b HTTP/1.1", 404, "www.example", false),
        ("GET /a/b HTTP/1.1", 200, "www.example", false),
        ("GET /a/b HTTP/1.1", 404, "www.elsewhere", false),
    ] {
        let is_wanted = wants(&selection, line, status, host);
        assert_eq!(is_wanted, expected, "{line} {status} {host}");
    }
    let others = Selection {
        methods: Some("!GET,!HEAD".parse().unwrap()),
        ..Selection::default()
    };
    assert!(wants(&others, "DELETE / HTTP/1.1", 405, ""));
    assert!(wants(&others, "", 400, ""));
    assert!(!wants(&others, "GET / HTTP/1.1", 200, ""));
}

#[test]
fn one_log_of_everything_has_nothing_in_its_way() {
    let (logs, drains) = Logs::new(&[LogRule::all(Format::Combined)], 1 << 20, 8192);

    assert!(matches!(logs, Logs::One(_)));
    assert_eq!(LogRule::all(Format::Combined).needs(), Needs::NOTHING);
    assert_eq!(drains.len(), 1);
}

/// What a ring holds, line by line.
fn lines(drain: &mut Drain) -> Vec<String> {
    let mut bytes = Vec::new();
    drain.drain(|piece| bytes.extend_from_slice(piece));
    let text = String::from_utf8(bytes).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn rule(hosts: VirtualHosts, selection: Selection) -> LogRule {
    LogRule {
        selection,
        format: Format::Common,
        hosts,
    }
}

#[test]
fn the_host_stands_in_front_of_the_line() {
    let rules = [rule(VirtualHosts::Prefixed, Selection::default())];
    let (mut logs, mut drains) = Logs::new(&rules, 1 << 20, 8192);
    assert!(rules[0].needs().host);

    let details = of_host("www.example");
    logs.log(&record("GET / HTTP/1.1", 200, &details));

    let line = lines(&mut drains[0]).remove(0);
    let (host, line) = line.split_once(' ').unwrap();
    assert_eq!(host, "www.example");
    assert!(Format::Common.parse(line.as_bytes()).is_ok(), "{line}");
}

proptest! {
    /// Of every log: what it was given and wants is in its rings, once, and of a host always in the
    /// same.
    #[test]
    fn every_line_is_in_the_rings_of_the_logs_that_want_it(
        exchanges in proptest::collection::vec(
            ("[a-c]", prop_oneof![Just(200_u16), Just(404), Just(500)], 0_usize..5),
            0..60,
        ),
        buckets in 1_u8..8,
    ) {
        let buckets = NonZeroU8::new(buckets).unwrap();
        let failures = Selection { statuses: Some("5xx".parse().unwrap()), ..Selection::default() };
        let path = Selection { path: Some("a".parse().unwrap()), ..Selection::default() };
        let rules = [
            rule(VirtualHosts::Together, failures),
            rule(VirtualHosts::Buckets(buckets), Selection::default()),
            rule(VirtualHosts::Together, path),
        ];
        let (mut logs, mut drains) = Logs::new(&rules, 80 << 10, 1024);
        prop_assert_eq!(drains.len(), 2 + usize::from(buckets.get()));
        let hosts: Vec<_> = (0..5).map(|number| format!("host{number}.example")).collect();

        let mut expected: Vec<Vec<String>> = vec![Vec::new(); drains.len()];
        for (number, (path, status, host)) in exchanges.iter().enumerate() {
            let line = format!("GET /{path}?{number} HTTP/1.1");
            let details = of_host(&hosts[*host]);
            logs.log(&record(&line, *status, &details));
            let mut expect = |output: usize| expected[output].push(line.clone());
            if *status == 500 {
                expect(0);
            }
            expect(1 + bucket(hosts[*host].as_bytes(), buckets));
            if path == "a" {
                expect(1 + usize::from(buckets.get()));
            }
        }

        for (drain, expected) in drains.iter_mut().zip(expected) {
            let seen: Vec<_> = lines(drain)
                .iter()
                .map(|line| Format::Common.parse(line.as_bytes()).unwrap().request_line)
                .map(|line| String::from_utf8(line).unwrap())
                .collect();
            prop_assert_eq!(seen, expected);
        }
    }
}
