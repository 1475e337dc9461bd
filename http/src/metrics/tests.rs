//! The three forms: a strict reader of the Prometheus format finds what was written, whatever the
//! texts hold; nothing becomes markup.

use proptest::prelude::{any, prop_assert_eq, proptest};

use super::{Fact, Family, Page, Section, Tone, Unit, Value, json, prometheus, samples, sum};

fn families() -> Vec<Family> {
    vec![
        Family::counter("t_requests_total", "Requests answered.")
            .sample([("status", "200".into())], 12_u64)
            .sample([("status", "404".into())], 0_u64),
        Family::gauge("t_file_bytes", "A \"file\" \\ of\ntwo lines.")
            .in_unit(Unit::Bytes)
            .sample(
                [("path", "a\"b\\c\nd".into()), ("kind", "<b>&".into())],
                2_048_u64,
            ),
        Family::gauge("t_seconds", "Time.").value(0.25),
        Family::gauge("t_none", "Nothing yet."),
    ]
}

/// What one line of the format says.
#[derive(Debug, PartialEq)]
struct Read {
    name: String,
    labels: Vec<(String, String)>,
    value: f64,
}

/// Reads the format by its grammar alone, and panics at anything outside of it: HELP, then TYPE,
/// then the samples of that name; names and escapes as allowed; counters by their ending.
fn read(text: &str) -> Vec<Read> {
    assert!(
        text.is_empty() || text.ends_with('\n'),
        "the last line ends"
    );
    let (mut read, mut seen, mut current) = (Vec::new(), Vec::new(), String::new());
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let (name, help) = help.split_once(' ').unwrap();
            assert!(!seen.contains(&name.to_owned()), "{name} is in one group");
            assert!(!help.is_empty());
            unescape(help, false);
            let kind = lines.next().unwrap().strip_prefix("# TYPE ").unwrap();
            let (typed, kind) = kind.split_once(' ').unwrap();
            assert_eq!(typed, name);
            assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
            assert!(["counter", "gauge"].contains(&kind));
            seen.push(name.to_owned());
            name.clone_into(&mut current);
            continue;
        }
        let sample = sample(line);
        assert_eq!(sample.name, current);
        read.push(sample);
    }
    read
}

fn sample(line: &str) -> Read {
    let name_end = line.find(['{', ' ']).unwrap();
    let (name, mut rest) = line.split_at(name_end);
    assert_name(name);
    let mut labels = Vec::new();
    if let Some(inner) = rest.strip_prefix('{') {
        rest = inner;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"").unwrap();
            assert_name(label);
            let end = closing_quote(after);
            labels.push((label.to_owned(), unescape(&after[..end], true)));
            rest = &after[end + 1..];
            rest = rest.strip_prefix(',').unwrap_or(rest);
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').unwrap();
    assert!(!value.contains(' '), "no timestamp: {line}");
    Read {
        name: name.to_owned(),
        labels,
        value: value.parse().unwrap(),
    }
}

fn assert_name(name: &str) {
    let is_first = |c: char| c.is_ascii_alphabetic() || c == '_';
    assert!(name.starts_with(is_first), "{name:?}");
    assert!(name.chars().all(|c| is_first(c) || c.is_ascii_digit()));
}

fn closing_quote(text: &str) -> usize {
    let mut is_escaped = false;
    text.find(|c| {
        let closes = c == '"' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        closes
    })
    .unwrap()
}

fn unescape(text: &str, in_quotes: bool) -> String {
    let (mut out, mut characters) = (String::new(), text.chars());
    while let Some(character) = characters.next() {
        out.push(match character {
            '\\' => match characters.next() {
                Some('\\') => '\\',
                Some('n') => '\n',
                Some('"') if in_quotes => '"',
                other => panic!("no such escape: {other:?}"),
            },
            '"' if in_quotes => panic!("a quote within quotes"),
            other => other,
        });
    }
    out
}

#[test]
fn the_text_for_prometheus_is_as_the_format_has_it() {
    let text = String::from_utf8(prometheus(&families())).unwrap();

    assert_eq!(
        text,
        "# HELP t_requests_total Requests answered.\n\
         # TYPE t_requests_total counter\n\
         t_requests_total{status=\"200\"} 12\n\
         t_requests_total{status=\"404\"} 0\n\
         # HELP t_file_bytes A \"file\" \\\\ of\\ntwo lines.\n\
         # TYPE t_file_bytes gauge\n\
         t_file_bytes{path=\"a\\\"b\\\\c\\nd\",kind=\"<b>&\"} 2048\n\
         # HELP t_seconds Time.\n\
         # TYPE t_seconds gauge\n\
         t_seconds 0.25\n"
    );
    assert_eq!(read(&text).len(), 4);
    assert_eq!(read(&text)[2].labels[0].1, "a\"b\\c\nd");
}

#[test]
fn json_holds_every_family_under_its_name() {
    let text = String::from_utf8(json(&families())).unwrap();

    assert_eq!(
        text,
        "{\n\"t_requests_total\":{\"kind\":\"counter\",\"help\":\"Requests answered.\",\
         \"samples\":[{\"labels\":{\"status\":\"200\"},\"value\":12},\
         {\"labels\":{\"status\":\"404\"},\"value\":0}]},\n\
         \"t_file_bytes\":{\"kind\":\"gauge\",\"help\":\"A \\\"file\\\" \\\\ of\\u000atwo lines.\",\
         \"samples\":[{\"labels\":{\"path\":\"a\\\"b\\\\c\\u000ad\",\"kind\":\"<b>&\"},\
         \"value\":2048}]},\n\
         \"t_seconds\":{\"kind\":\"gauge\",\"help\":\"Time.\",\
         \"samples\":[{\"labels\":{},\"value\":0.25}]},\n\
         \"t_none\":{\"kind\":\"gauge\",\"help\":\"Nothing yet.\",\"samples\":[]}\n}\n"
    );
    assert_eq!(json(&[]), b"{\n}\n");
}

#[test]
fn numbers_are_found_by_name_and_summed() {
    let families = families();

    assert_eq!(sum(&families, "t_requests_total"), 12);
    assert_eq!(sum(&families, "t_missing"), 0);
    let found = samples(&families, "t_file_bytes");
    assert_eq!(
        (found[0].label("kind"), found[0].value),
        ("<b>&", Value::Whole(2_048))
    );
}

fn page(words: &str) -> String {
    let fact = |tone| Fact::new(words, words).note(words).tone(tone);
    let sections = [Section {
        title: "Facts",
        facts: [Tone::Plain, Tone::Good, Tone::Bad].map(fact).into(),
    }];
    let families = [Family::gauge("t_info", "Words.").sample([("words", words.into())], true)];
    let page = Page {
        program: words,
        version: words,
        subtitle: words.into(),
        sections: &sections,
        families: &families,
    };
    String::from_utf8(page.html()).unwrap()
}

#[test]
fn what_is_bad_is_said_at_the_top_with_what_it_means() {
    let sections = [Section {
        title: "Log",
        facts: vec![
            Fact::new("Lines lost", "3")
                .note("They are gone.")
                .tone(Tone::Bad),
            Fact::new("Lines", "9").note("so far"),
        ],
    }];
    let page = Page {
        program: "p",
        version: "1",
        subtitle: "since then".into(),
        sections: &sections,
        families: &families(),
    };

    let html = String::from_utf8(page.html()).unwrap();

    assert!(html.contains(
        "<p class=\"alert\" role=\"alert\"><strong>Lines lost: 3.</strong> They are gone.</p>"
    ));
    assert!(
        html.contains("<dt>Lines</dt><dd class=\"plain\">9</dd><dd class=\"note\">so far</dd>")
    );
    assert!(
        html.contains("<td>path a&quot;b\\c\u{fffd}d, kind &lt;b&gt;&amp;</td><td>2.0 KiB</td>")
    );
    assert!(!html.contains("<script"));
}

#[test]
fn of_a_long_family_the_page_shows_a_hundred_that_count() {
    let mut family = Family::gauge("t_files", "Files.");
    for number in 0..300_u64 {
        family = family.sample([("file", format!("f{number}"))], number % 2);
    }
    let page = Page {
        program: "p",
        version: "1",
        subtitle: String::new(),
        sections: &[],
        families: &[family],
    };

    let html = String::from_utf8(page.html()).unwrap();

    assert!(html.contains("<td>file f199</td><td>1</td>"));
    for missing in ["file f0<", "file f201<"] {
        assert!(!html.contains(missing), "{missing}");
    }
    assert!(html.contains("<td>200 more at /metrics, those that are 0 among them</td>"));
}

proptest! {
    /// Whatever a label holds, one sample is one line, and is read back as it was.
    #[test]
    fn labels_survive_the_format(value in any::<String>(), number in any::<u32>()) {
        let family = Family::gauge("t_info", "Words.")
            .sample([("words", value.clone())], u64::from(number));

        let text = String::from_utf8(prometheus(&[family])).unwrap();

        prop_assert_eq!(text.bytes().filter(|byte| *byte == b'\n').count(), 3);
        // Not `lines()`, which would take a CR for a part of the line's end.
        let line = text.strip_suffix('\n').unwrap().split('\n').next_back().unwrap();
        let read = sample(line);
        prop_assert_eq!(&read.labels, &[("words".to_owned(), value)]);
        prop_assert_eq!(read.value, f64::from(number));
    }

    /// Whatever they hold, texts add no markup.
    #[test]
    fn texts_add_no_markup(words in "(?s).{1,40}") {
        let (plain, page) = (page("x"), page(&words));

        for mark in ['<', '>', '"', '\''] {
            prop_assert_eq!(page.matches(mark).count(), plain.matches(mark).count());
        }
    }
}
