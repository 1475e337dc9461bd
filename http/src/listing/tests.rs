//! Listings, and the laws that no name becomes markup and every name comes back from the JSON.

use super::{Column, Entry, Listing, Order};
use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, proptest};
use serde_json::Value;

fn file(name: &[u8], len: u64, modified: i64) -> Entry {
    Entry {
        name: name.into(),
        is_directory: false,
        len,
        modified,
    }
}

fn directory(name: &[u8]) -> Entry {
    Entry {
        is_directory: true,
        ..file(name, 4096, 0)
    }
}

fn listing<'a>(path: &'a [u8], entries: &'a [Entry]) -> Listing<'a> {
    Listing {
        path,
        entries,
        is_complete: true,
    }
}

fn page(path: &[u8], entries: &[Entry]) -> String {
    String::from_utf8(listing(path, entries).html(Order::default())).unwrap()
}

#[test]
fn a_name_stands_in_the_link_and_in_the_text() {
    let page = page(b"a", &[file(b"b c.txt", 12_345, 784_111_777)]);

    assert!(
        page.contains(
            "<tr><td><a href=\"./b%20c.txt\">b c.txt</a>\
             <td title=\"12345 bytes\">12 KiB<td>1994-11-06 08:49\n"
        ),
        "{page}"
    );
}

#[test]
fn a_size_is_exact_for_those_who_point_at_it() {
    for (len, size) in [
        (0, "\"0 bytes\">0 B<"),
        (1, "\"1 byte\">1 B<"),
        (2, "\"2 bytes\">2 B<"),
    ] {
        let page = page(b"", &[file(b"x", len, 0)]);
        assert!(page.contains(size), "{len}: {page}");
    }
}

#[test]
fn a_directory_ends_in_a_slash_and_has_no_size() {
    let page = page(b"", &[directory(b"d")]);

    assert!(
        page.contains("<a href=\"./d/\">d/</a><td><td>1970"),
        "{page}"
    );
}

#[test]
fn a_part_of_a_directory_says_that_it_is_one() {
    let entries = [file(b"x", 0, 0)];
    let mut listing = listing(b"", &entries);
    let html = |listing: Listing<'_>| String::from_utf8(listing.html(Order::default())).unwrap();

    assert!(!html(listing).contains("more names"));
    listing.is_complete = false;
    assert!(html(listing).contains("more names"));
}

#[test]
fn every_directory_above_is_a_link() {
    assert!(page(b"", &[]).contains("<h1>Index of /</h1>"));
    assert!(!page(b"", &[]).contains("../"));
    let deep = page(b"a b/c", &[]);
    assert!(
        deep.contains("<h1>Index of <a href=\"../../\">/</a><a href=\"../\">a b/</a>c/</h1>"),
        "{deep}"
    );
    assert!(deep.contains("<tr><td><a href=\"../\">../</a>"), "{deep}");
}

#[test]
fn a_name_cannot_become_markup_or_a_scheme() {
    let page = page(b"", &[file(b"javascript:alert(1)\"><script>'&\n", 0, 0)]);

    assert!(
        page.contains(
            "<a href=\"./javascript%3Aalert(1)%22%3E%3Cscript%3E%27%26%0A\">\
             javascript:alert(1)&quot;&gt;&lt;script&gt;&#39;&amp;\u{fffd}</a>"
        ),
        "{page}"
    );
}

#[test]
fn names_are_sorted_as_in_a_dictionary() {
    let entries = ["b", "A", "a", "B", "_", "ab"].map(|name| file(name.as_bytes(), 0, 0));
    let json = listing(b"", &entries).json(Order::default());

    let names = names(&serde_json::from_slice(&json).unwrap());
    assert_eq!(names, ["_", "A", "a", "ab", "B", "b"]);
}

#[test]
fn an_order_is_read_as_apache_writes_it() {
    const CASES: &[(Option<&str>, Column, bool)] = &[
        (None, Column::Name, false),
        (Some(""), Column::Name, false),
        (Some("C=N;O=D"), Column::Name, true),
        (Some("C=M&O=A"), Column::Modified, false),
        (Some("C=S;O=D"), Column::Size, true),
        (Some("O=D"), Column::Name, true),
        (Some("F=0&O=D&C=S&x"), Column::Size, true),
        (Some("C=S&C=M"), Column::Modified, false),
        (Some("C=D;O=X"), Column::Name, false),
        (Some("c=s"), Column::Name, false),
        (Some("C=%53"), Column::Name, false),
    ];
    for (query, column, is_descending) in CASES {
        let order = Order::parse(query.map(str::as_bytes));
        let expected = Order {
            column: *column,
            is_descending: *is_descending,
        };
        assert_eq!(order, expected, "{query:?}");
    }
}

#[test]
fn directories_come_first_in_every_order() {
    let entries = [
        file(b"b", 1, 30),
        directory(b"e"),
        file(b"a", 2, 20),
        file(b"c", 1, 10),
        directory(b"d"),
    ];
    const CASES: &[(&str, &str)] = &[
        ("C=N;O=A", "deabc"),
        ("C=N;O=D", "edcba"),
        ("C=S;O=A", "debca"),
        ("C=S;O=D", "deabc"),
        ("C=M;O=A", "decab"),
        ("C=M;O=D", "debac"),
    ];
    for (query, expected) in CASES {
        let order = Order::parse(Some(query.as_bytes()));
        let json = listing(b"", &entries).json(order);
        let names = names(&serde_json::from_slice(&json).unwrap());
        assert_eq!(names.concat(), *expected, "{query}");
    }
}

/// Following a column's link twice turns the order round.
#[test]
fn the_link_of_the_sorted_column_turns_the_order_round() {
    let order = |query: &str| {
        let order = Order::parse(Some(query.as_bytes()));
        String::from_utf8(listing(b"", &[]).html(order)).unwrap()
    };

    for (query, sort, next) in [
        ("C=N&O=A", "ascending", "?C=N&amp;O=D"),
        ("C=N&O=D", "descending", "?C=N&amp;O=A"),
        ("C=S&O=D", "descending", "?C=S&amp;O=A"),
        ("C=M&O=A", "ascending", "?C=M&amp;O=D"),
    ] {
        let page = order(query);
        let column =
            format!("<th scope=\"col\" aria-sort=\"{sort}\"><a rel=\"nofollow\" href=\"{next}\">");
        assert!(page.contains(&column), "{query}: {page}");
        assert_eq!(page.matches("aria-sort=\"").count(), 1);
        assert_eq!(page.matches("nofollow").count(), 3);
    }
}

#[test]
fn json_has_the_members_that_nginx_writes() {
    let entries = [directory(b"d"), file(b"a\"b\\\n.txt", 12, 784_111_777)];
    let json = listing(b"x", &entries).json(Order::default());

    assert_eq!(
        String::from_utf8(json).unwrap(),
        "[\n{\"name\":\"d\",\"type\":\"directory\",\"mtime\":\"Thu, 01 Jan 1970 00:00:00 GMT\"},\n\
         {\"name\":\"a\\\"b\\\\\\u000a.txt\",\"type\":\"file\",\
         \"mtime\":\"Sun, 06 Nov 1994 08:49:37 GMT\",\"size\":12}\n]\n"
    );
    assert_eq!(listing(b"", &[]).json(Order::default()), b"[\n]\n");
}

/// The reference is relative to the directory and leads back to the very bytes.
#[test]
fn a_name_that_is_not_utf_8_has_a_reference() {
    let json = listing(b"", &[file(b"a\xff\"b", 0, 0)]).json(Order::default());

    let json: Value = serde_json::from_slice(&json).unwrap();
    assert_eq!(json[0]["name"], "a\u{fffd}\"b");
    assert_eq!(json[0]["href"], "./a%FF%22b");
}

fn names(json: &Value) -> Vec<String> {
    let entries = json.as_array().unwrap();
    let name = |entry: &Value| entry["name"].as_str().unwrap().to_owned();
    entries.iter().map(name).collect()
}

proptest! {
    /// However they are named, entries and directories above add the same markup.
    #[test]
    fn names_add_no_markup(
        path in prop::collection::vec(any::<u8>().prop_filter("a slash", |byte| *byte != b'/'), 1..20),
        name in prop::collection::vec(any::<u8>(), 1..20),
        len in any::<u64>(),
        modified in any::<i64>(),
    ) {
        let plain = page(b"x", &[file(b"x", 5, 5)]);
        let page = page(&path, &[file(&name, len, modified)]);
        for mark in ['<', '>', '"', '\'', '\n'] {
            prop_assert_eq!(page.matches(mark).count(), plain.matches(mark).count());
        }
        prop_assert!(!page.contains('\0'));
    }

    /// Whatever the names, the JSON parses, to the same names and facts.
    #[test]
    fn names_come_back_from_the_json(
        entries in prop::collection::vec(
            (prop::collection::vec(any::<u8>(), 0..12), any::<bool>(), any::<u64>(), any::<i64>()),
            0..6,
        ),
    ) {
        let entries: Vec<_> = entries
            .into_iter()
            .map(|(name, is_directory, len, modified)| Entry {
                name: name.into(),
                is_directory,
                len,
                modified,
            })
            .collect();
        let json = listing(b"", &entries).json(Order::default());

        let json: Value = serde_json::from_slice(&json).unwrap();
        let mut expected: Vec<_> = entries
            .iter()
            .map(|entry| String::from_utf8_lossy(&entry.name).into_owned())
            .collect();
        let mut found = names(&json);
        expected.sort();
        found.sort();
        prop_assert_eq!(found, expected);
        for entry in json.as_array().unwrap() {
            let is_file = entry["type"] == "file";
            prop_assert_eq!(entry.get("size").is_some_and(Value::is_u64), is_file);
        }
    }
}
