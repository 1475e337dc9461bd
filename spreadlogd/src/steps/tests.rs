//! All steps together: their order, and the laws of lines.

use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;

use super::*;

const NOW: SystemTime = UNIX_EPOCH;
const TIME: &str = "[22/Nov/2006:18:09:00 +0000]";

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text.as_bytes()).unwrap()
}

fn rewrite(text: &str) -> Option<Rewrite> {
    Some(Rewrite::parse(text.as_bytes()).unwrap())
}

/// Lines with the file each is for, and how many were left out.
fn applied(parts: Parts, body: &[u8]) -> (Vec<(String, Vec<u8>)>, u64) {
    let mut lines = Vec::new();
    let message = Message {
        body,
        group: "access_log",
        sender: "#rth#web1",
        now: NOW + Duration::from_secs(7),
    };
    let left_out = Steps::new(parts).apply(message, |place, line| {
        let place = match place {
            Place::Main => "main",
            Place::Vhost(host) => host.name,
            Place::CatchAll => OTHER,
        };
        lines.push((place.to_owned(), line.to_vec()));
    });
    (lines, left_out)
}

fn texts(parts: Parts, body: &str) -> Vec<(String, String)> {
    let text = |line| String::from_utf8(line).unwrap();
    let (lines, _) = applied(parts, body.as_bytes());
    lines
        .into_iter()
        .map(|(place, line)| (place, text(line)))
        .collect()
}

fn pairs(lines: &[(&str, &str)]) -> Vec<(String, String)> {
    let owned = |(place, line): &(&str, &str)| ((*place).to_owned(), (*line).to_owned());
    lines.iter().map(owned).collect()
}

#[test]
fn a_log_that_asks_for_nothing_is_plain() {
    assert!(Steps::new(Parts::default()).is_plain());
    for parts in [
        Parts {
            matches: vec![pattern("")],
            ..Parts::default()
        },
        Parts {
            excludes: vec![pattern("")],
            ..Parts::default()
        },
        Parts {
            wheres: vec![Condition::parse("status = 1").unwrap()],
            ..Parts::default()
        },
        Parts {
            rewrite: rewrite(""),
            ..Parts::default()
        },
        Parts {
            hosts: Hosts::Split,
            ..Parts::default()
        },
        Parts {
            hosts: Hosts::Named,
            ..Parts::default()
        },
        Parts {
            form: Form::Json,
            ..Parts::default()
        },
    ] {
        assert!(!Steps::new(parts).is_plain());
    }
}

#[test]
fn each_line_of_a_message_is_asked() {
    let parts = Parts {
        matches: vec![pattern("^a"), pattern("z$")],
        excludes: vec![pattern("no")],
        ..Parts::default()
    };
    let body = b"a1\nb\nano\n\nxz\nxzno\naz";

    let (lines, left_out) = applied(parts, body);

    let lines: Vec<_> = lines.iter().map(|(_, line)| &line[..]).collect();
    assert_eq!(lines, [&b"a1\n"[..], b"xz\n", b"az\n"]);
    assert_eq!(left_out, 4);
}

#[test]
fn all_conditions_must_hold() {
    let parts = Parts {
        wheres: vec![
            Condition::parse("status >= 500").unwrap(),
            Condition::parse("host = a.example").unwrap(),
        ],
        ..Parts::default()
    };
    let line = |host, status| format!("{host} 192.0.2.7 - - {TIME} \"-\" {status} 5\n");
    let kept = line("a.example", 503);
    let body = [
        &kept,
        &line("a.example", 200),
        &line("b.example", 503),
        "x\n",
    ]
    .concat();

    assert_eq!(texts(parts, &body), pairs(&[("main", &kept)]));
}

/// The original matched nothing beside a `VhostDir`.
#[test]
fn lines_are_asked_as_they_came_and_then_changed() {
    let parts = Parts {
        matches: vec![pattern(r"^a\.example .*/2006:")],
        rewrite: rewrite("[%s]"),
        hosts: Hosts::Split,
        ..Parts::default()
    };
    let body = format!("a.example b - - {TIME} x\nb.example b - - {TIME} x\n");

    let lines = texts(parts, &body);

    assert_eq!(lines, pairs(&[("a.example", "b - - [7] x\n")]));
}

/// The hosts on which the original left its directory or ended.
#[test]
fn hosts_that_are_no_names_keep_their_lines() {
    let parts = Parts {
        hosts: Hosts::Split,
        ..Parts::default()
    };
    let body = "WWW.Example.org:80 a\n../../logs/etc/x a\nsub/dir a\n.. a\nalone\n\n a\n\
                www.site0.com a\nwww.site1.com a\nhost \nlast";

    let lines = texts(parts, body);

    let expected = [
        ("www.example.org", "a\n"),
        (OTHER, "../../logs/etc/x a\n"),
        (OTHER, "sub/dir a\n"),
        (OTHER, ".. a\n"),
        (OTHER, "alone\n"),
        (OTHER, "\n"),
        (OTHER, " a\n"),
        ("www.site0.com", "a\n"),
        ("www.site1.com", "a\n"),
        ("host", "\n"),
        (OTHER, "last\n"),
    ];
    assert_eq!(lines, pairs(&expected));
}

#[test]
fn a_host_in_a_path_is_that_of_a_log_line_and_stays() {
    let parts = Parts {
        hosts: Hosts::Named,
        ..Parts::default()
    };
    let with = format!("a.example 192.0.2.7 - - {TIME} x\n");
    let without = format!("192.0.2.7 - - {TIME} x\n");
    let outside = format!("../x 192.0.2.7 - - {TIME} x\n");
    let body = [&with[..], &without, &outside, "error: x\n"].concat();

    let lines = texts(parts, &body);

    let expected = [
        ("a.example", &with[..]),
        (OTHER, &without),
        (OTHER, &outside),
        (OTHER, "error: x\n"),
    ];
    assert_eq!(lines, pairs(&expected));
}

#[test]
fn an_object_holds_the_line_that_would_be_written() {
    let parts = Parts {
        hosts: Hosts::Split,
        form: Form::Json,
        ..Parts::default()
    };

    let lines = texts(parts, "a.example \"x\"\nb");

    let object = |line: &str| {
        format!(
            "{{\"time\":\"1970-01-01T00:00:07.000000Z\",\"sender\":\"#rth#web1\",\
             \"host\":\"web1\",\"group\":\"access_log\",\"line\":\"{line}\"}}\n"
        )
    };
    let expected = [
        ("a.example", &object("\\\"x\\\"")[..]),
        (OTHER, &object("b")),
    ];
    assert_eq!(lines, pairs(&expected));
}

/// Hosts are looked up for some lines at once; a new one, and one that is no name, come in between.
#[test]
fn lines_of_many_hosts_keep_their_order() {
    let parts = || Parts {
        hosts: Hosts::Split,
        ..Parts::default()
    };
    let line = |n: usize| match n % 50 {
        49 => format!("new{n}.example {n}\n"),
        20 => format!(".. {n}\n"),
        _ => format!("host{}.example {n}\n", n % 3),
    };
    let body: String = (0..500).map(line).collect();

    let together = texts(parts(), &body);

    let alone = (0..500).flat_map(|n| texts(parts(), &line(n)));
    assert_eq!(together, alone.collect::<Vec<_>>());
}

fn bodies() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        Just(b"a.example 192.0.2.7 - - ".to_vec()),
        Just(TIME.as_bytes().to_vec()),
        Just(b" \"GET /x HTTP/1.1\" 200 5".to_vec()),
        Just(b"\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..6),
    ];
    proptest::collection::vec(word, 0..12).prop_map(|words| words.concat())
}

fn parts() -> impl Strategy<Value = Parts> {
    let hosts = prop_oneof![Just(Hosts::Unused), Just(Hosts::Split), Just(Hosts::Named)];
    let form = prop_oneof![Just(Form::Raw), Just(Form::Json)];
    let list = |of| proptest::collection::vec(of, 0..2);
    let patterns = proptest::sample::select(vec!["a", "^$", "200"]);
    let conditions = proptest::sample::select(vec!["status = 200", "not path = /x"]);
    let rewrites = proptest::option::of(proptest::sample::select(vec!["", "[%T]"]));
    (
        list(patterns.clone()),
        list(patterns),
        list(conditions),
        rewrites,
        hosts,
        form,
    )
        .prop_map(
            |(matches, excludes, wheres, form_of_time, hosts, form)| Parts {
                matches: matches.into_iter().map(pattern).collect(),
                excludes: excludes.into_iter().map(pattern).collect(),
                wheres: wheres
                    .into_iter()
                    .map(|text| Condition::parse(text).unwrap())
                    .collect(),
                rewrite: form_of_time.and_then(rewrite),
                hosts,
                form,
            },
        )
}

proptest! {
    #[test]
    fn one_line_is_one_line_or_is_left_out(body in bodies(), parts in parts()) {
        let ends = body.iter().filter(|byte| **byte == b'\n').count();
        let count = ends + usize::from(body.last().is_some_and(|last| *last != b'\n'));
        let is_unused = parts.hosts == Hosts::Unused;

        let (lines, left_out) = applied(parts, &body);

        prop_assert_eq!(lines.len() as u64 + left_out, count as u64);
        for (place, line) in lines {
            prop_assert_eq!(line.iter().position(|byte| *byte == b'\n'), Some(line.len() - 1));
            prop_assert_eq!(place == "main", is_unused);
            prop_assert!(!place.contains('/') && !place.starts_with('.'));
        }
    }

    /// The law of the fuzz target, for bytes that are often something.
    #[test]
    fn any_steps_keep_to_lines_and_names(
        parts in ("[a.*(]{0,3}", "(status|path|not|[ =1()]){0,6}", "[%Ya]{0,3}", "[/a]{0,2}(%\\{host\\}|%Y)?"),
        body in bodies(),
    ) {
        let (pattern, condition, time, path) = parts;
        let texts = format!("{pattern}\n{condition}\n{time}\n{path}\n");

        crate::fuzzing::steps(&[texts.as_bytes(), &body].concat());
    }

    #[test]
    fn any_line_has_fields_or_none_and_a_record_the_same_in_all_formats(
        bytes in prop_oneof![
            "([0a-c ?=\"\\\\{}:,\\[é-]{0,8}\n){4}[A-C]{0,2} /?[a-c ?=\"{}é-]{0,8} ?H?",
            "([0a-c=-]{0,5}\n){4}GET /[a?]{0,4} HTTP",
            "(h )?(\\{\"time\":\"|time=)[a-c \"=,:{}\\\\]{0,20}",
        ].prop_map(String::into_bytes),
        more in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        crate::fuzzing::lines(&bytes);
        crate::fuzzing::lines(&[bytes, more].concat());
    }

    #[test]
    fn steps_that_change_nothing_give_the_body_back(body in bodies()) {
        let parts = Parts { matches: vec![pattern("")], ..Parts::default() };

        let (lines, left_out) = applied(parts, &body);

        let mut expected = body;
        if expected.last().is_some_and(|last| *last != b'\n') {
            expected.push(b'\n');
        }
        prop_assert_eq!(lines.into_iter().flat_map(|(_, line)| line).collect::<Vec<_>>(), expected);
        prop_assert_eq!(left_out, 0);
    }

    /// What a line gives does not depend on the lines around it, nor on earlier messages.
    #[test]
    fn a_line_stands_alone(body in bodies(), parts in parts()) {
        let (together, _) = applied(parts.clone(), &body);

        let alone = body.split_inclusive(|byte| *byte == b'\n');
        let alone: Vec<_> = alone.flat_map(|line| applied(parts.clone(), line).0).collect();

        prop_assert_eq!(together, alone);
    }
}
