//! The house rules that no compiler checks, as a test over the repository's own files.
//!
//! Each rule gives its reason when it fails, so that nobody has to look it up. It knows nothing
//! of Rust beyond lines of text: what needs more is a clippy lint in `Cargo.toml`. After
//! TigerBeetle's `tidy.zig`.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot read the repository has failed"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// Lines a file may have before its tests: past it a file is two things, and each has a name.
const LINES_MAX: usize = 700;

/// Decide without I/O: these take bytes and time as arguments (ARCHITECTURE.md, invariant 1).
const PURE: &[&str] = &[
    "http/src/",
    "logger/src/bucket.rs",
    "logger/src/spreadcat/follow/place.rs",
    "logger/src/spreadcat/syslog/address.rs",
    "logger/src/spreadcat/syslog/datagram.rs",
    "logger/src/spreadcat/text.rs",
    "logger/src/spreadcat/vhost.rs",
    "server/src/cgi/call.rs",
    "server/src/cgi/environment.rs",
    "server/src/cgi/head/",
    "server/src/clients/",
    "server/src/passwords/",
    "server/src/throttle/",
    "spread/src/wire/",
    "spread/src/stream/",
    "spread/src/hub/core/",
    "spread/src/name.rs",
    "spread/src/address.rs",
    "spreadlogd/src/ledger/",
    "spreadlogd/src/audit/",
    "spreadlogd/src/online/hit.rs",
    "spreadlogd/src/online/json.rs",
    "spreadlogd/src/online/window/",
    "spreadlogd/src/online/wire.rs",
    "spreadlogd/src/steps/",
    "spreadlogd/src/tail/dress.rs",
];
/// Within them, these are the I/O of a feature that nothing else in the crate knows: the status
/// loop, which is there to answer over sockets, and the reader of the throttle file.
const IMPURE_WITHIN: &[&str] = &["http/src/serve/", "server/src/throttle/file.rs"];
const IMPURE_WORDS: &[&str] = &[
    "tokio",
    "std::net::Tcp",
    "std::net::Udp",
    "std::fs",
    "Instant::now",
    "SystemTime::now",
];

/// Words that mark unfinished work; spelt in two halves, so that this file passes its own test.
const UNFINISHED: &[&str] = &[
    concat!("FIX", "ME"),
    concat!("XX", "X:"),
    concat!("TO", "DO"),
    concat!("dbg", "!("),
];

/// Every use of `unsafe` is reviewed, and listed here: file and how many times.
const UNSAFE: &[(&str, usize)] = &[
    ("logger/src/realtime/system.rs", 1),
    ("server/src/cgi/descriptors.rs", 1),
    ("server/src/connection/untaken.rs", 1),
    ("server/src/identity/system.rs", 5),
    ("server/src/mapping.rs", 3),
    ("server/tests/no_allocation.rs", 7),
];

#[test]
fn every_source_file_is_tidy() {
    let mut complaints = Vec::new();
    for path in files_under(&root(), "rs") {
        let text = fs::read_to_string(root().join(&path)).unwrap();
        check_source(&path, &text, &mut complaints);
    }

    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

/// The map of the tree must not name what is not there.
#[test]
fn every_path_named_in_the_architecture_exists() {
    let mut complaints = Vec::new();
    for document in ["ARCHITECTURE.md", "CONTRIBUTING.md", "README.md"] {
        let text = fs::read_to_string(root().join(document)).unwrap();
        for (number, line) in text.lines().enumerate() {
            for named in line.split('`').skip(1).step_by(2) {
                if is_a_path(named) && !root().join(named.trim_end_matches('/')).exists() {
                    complaints.push(format!("{document}:{}: no such file: {named}", number + 1));
                }
            }
        }
    }

    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

fn check_source(path: &str, text: &str, complaints: &mut Vec<String>) {
    let mut complain = |line: usize, rule: &str| complaints.push(format!("{path}:{line}: {rule}"));
    if !text.starts_with("//!") {
        complain(
            1,
            "opens without `//!`: say what the file is before anything else",
        );
    }
    let is_test = path.contains("/tests/") || path.ends_with("/tests.rs");
    let code_lines = text
        .lines()
        .position(|line| line.starts_with("#[cfg(test)]"))
        .unwrap_or_else(|| text.lines().count());
    if code_lines > LINES_MAX && !is_test {
        complain(
            code_lines,
            "over 700 lines before its tests: which two things is it?",
        );
    }

    let is_in = |places: &[&str]| places.iter().any(|place| path.starts_with(place));
    let pure = is_in(PURE) && !is_in(IMPURE_WITHIN) && !is_test;
    let mut unsafe_uses = 0;
    for (index, line) in text.lines().enumerate() {
        for word in UNFINISHED {
            if line.contains(word) {
                complain(
                    index + 1,
                    "unfinished work goes into an issue, not into the source",
                );
            }
        }
        let code = line.split("//").next().unwrap_or_default();
        unsafe_uses += usize::from(code.contains(concat!("unsafe", " ")));
        if pure && index < code_lines && IMPURE_WORDS.iter().any(|word| code.contains(word)) {
            complain(
                index + 1,
                "does I/O or reads a clock: hand it in as an argument",
            );
        }
    }
    let listed = UNSAFE.iter().find(|(file, _)| *file == path);
    if unsafe_uses != listed.map_or(0, |(_, uses)| *uses) {
        complain(
            1,
            "its `unsafe` is not listed: have it reviewed and enter it in UNSAFE",
        );
    }
}

/// Backticks in the documents hold paths, flags, types and commands; a path of ours begins with
/// one of the folders at the top, or is a file there.
fn is_a_path(text: &str) -> bool {
    let folders = [
        "http/",
        "spread/",
        "logger/",
        "server/",
        "spreadlogd/",
        "benches/",
        "docs/",
        "examples/",
        "www/",
        ".ci/",
        ".cargo/",
    ];
    let plain = !text.contains([' ', '*', '<', '{', '(']);
    plain && (folders.iter().any(|folder| text.starts_with(folder)) || is_a_file_at_the_top(text))
}

fn is_a_file_at_the_top(text: &str) -> bool {
    !text.contains('/') && [".md", ".toml"].iter().any(|ending| text.ends_with(ending))
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Paths below `top`, relative to it, without what builds leave behind.
fn files_under(top: &Path, extension: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(top.join(&folder)).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap_or_default();
            let path = folder.join(&name);
            if entry.file_type().unwrap().is_dir() {
                if name != "target" && !name.starts_with('.') {
                    folders.push(path);
                }
            } else if path.extension().is_some_and(|is| is == extension) {
                found.push(path.to_string_lossy().into_owned());
            }
        }
    }
    assert!(
        !found.is_empty(),
        "no .{extension} file under {}",
        top.display()
    );
    found
}
