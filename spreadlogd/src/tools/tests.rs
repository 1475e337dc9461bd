//! The laws of merging and comparing: of multisets, of order, and that memory changes nothing.

use std::collections::BTreeMap;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::diff::{self, Counts, Side};
use super::input::Input;
use super::merge;
use super::progress::Progress;

type File = Vec<String>;

fn inputs(files: &[&File]) -> Vec<Input> {
    let texts = files.iter().map(|lines| {
        let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
        Input::of(Path::new("test"), Cursor::new(text.into_bytes()))
    });
    texts.collect()
}

fn merged(files: &[&File], memory: usize) -> File {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = Vec::new();
    let mut progress = Progress::of(&[]);
    merge::merge(
        inputs(files),
        memory,
        folder.path(),
        &mut progress,
        |line| {
            lines.push(String::from_utf8(line.to_vec()).unwrap());
            Ok(())
        },
    )
    .unwrap();
    let left_behind: Vec<PathBuf> = folder
        .path()
        .read_dir()
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert!(left_behind.is_empty(), "{left_behind:?}");
    lines
}

fn differences(a: &File, b: &File, memory: usize) -> (Vec<(Side, String)>, Counts) {
    let folder = tempfile::tempdir().unwrap();
    let mut lines = Vec::new();
    let mut progress = Progress::of(&[]);
    let take = |side, line: &[u8]| {
        lines.push((side, String::from_utf8(line.to_vec()).unwrap()));
        Ok(())
    };
    let counts = diff::diff(inputs(&[a, b]), memory, folder.path(), &mut progress, take);
    (lines, counts.unwrap())
}

fn counted(file: &File) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for line in file {
        *counts.entry(line.as_str()).or_default() += 1;
    }
    counts
}

/// Few different lines, so that the same ones meet: of two zones, and some without a time.
fn any_line() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => (0..4_u8, 0..3_u8, "[ab]{0,2}").prop_map(|(second, zone, text)| {
            let hour = 12 + zone;
            format!("h - - [22/Nov/2026:{hour}:00:0{second} +0{zone}00] \"{text}\" 200 -")
        }),
        1 => "[\t xy]{0,2}",
    ]
}

fn any_file() -> impl Strategy<Value = File> {
    prop::collection::vec(any_line(), 0..40)
}

/// From one line at a time to all of them.
fn any_memory() -> impl Strategy<Value = usize> {
    prop_oneof![Just(0), 100..4_000_usize, Just(1 << 20)]
}

fn is_timed(line: &str) -> bool {
    line.contains('[')
}

/// The seconds of the lines above, all of which are in one minute.
fn second(line: &str) -> &str {
    line.get(26..28).unwrap()
}

proptest! {
    #[test]
    fn each_line_is_there_as_often_as_in_the_file_that_has_it_most(
        files in prop::collection::vec(any_file(), 1..5),
        memory in any_memory(),
    ) {
        let files: Vec<&File> = files.iter().collect();
        let all = merged(&files, memory);

        let mut expected = BTreeMap::new();
        for file in &files {
            for (line, count) in counted(file) {
                let most: &mut usize = expected.entry(line).or_default();
                *most = count.max(*most);
            }
        }
        prop_assert_eq!(counted(&all), expected);
    }

    #[test]
    fn lines_with_a_time_are_in_order_and_the_others_stay_behind_them(
        a in any_file(),
        b in any_file(),
        memory in any_memory(),
    ) {
        let all = merged(&[&a, &b], memory);

        let timed: Vec<&String> = all.iter().filter(|line| is_timed(line)).collect();
        for two in timed.windows(2) {
            prop_assert!((second(two[0]), two[0]) <= (second(two[1]), two[1]));
        }
        let behind = |file: &File| {
            let mut anchor = None;
            let mut pairs = Vec::new();
            for line in file {
                if is_timed(line) {
                    anchor = Some(line.clone());
                } else {
                    pairs.push((anchor.clone(), line.clone()));
                }
            }
            pairs
        };
        let mut before = behind(&a);
        before.extend(behind(&b));
        for pair in behind(&all) {
            prop_assert!(before.contains(&pair), "{pair:?}");
        }
    }

    #[test]
    fn merging_a_file_with_itself_only_sorts_it(file in any_file(), memory in any_memory()) {
        let sorted = merged(&[&file], memory);

        prop_assert_eq!(counted(&sorted), counted(&file));
        prop_assert_eq!(&merged(&[&file, &file], memory), &sorted);
        prop_assert_eq!(&merged(&[&sorted], memory), &sorted, "again");
    }

    #[test]
    fn the_order_of_files_and_the_memory_make_no_difference(
        a in any_file(),
        b in any_file(),
        c in any_file(),
        memory in any_memory(),
    ) {
        let all = merged(&[&a, &b, &c], 1 << 20);

        prop_assert_eq!(&merged(&[&c, &a, &b], memory), &all);
        prop_assert_eq!(differences(&a, &b, memory), differences(&a, &b, 1 << 20));
    }

    #[test]
    fn a_difference_is_what_one_has_more_often(
        a in any_file(),
        b in any_file(),
        memory in any_memory(),
    ) {
        let (lines, counts) = differences(&a, &b, memory);

        let (mut left, mut right) = (counted(&a), counted(&b));
        for (line, count) in counted(&a) {
            let both = count.min(right.get(line).copied().unwrap_or_default());
            for side in [&mut left, &mut right] {
                side.entry(line).and_modify(|count| *count -= both);
            }
        }
        let of = |wanted| {
            let lines = lines.iter().filter(move |(side, _)| *side == wanted);
            lines.map(|(_, line)| line.clone()).collect::<File>()
        };
        let only = |mut counts: BTreeMap<&str, usize>| {
            counts.retain(|_, count| *count > 0);
            counts.into_iter().map(|(l, n)| (l.to_owned(), n)).collect::<Vec<_>>()
        };
        let owned = |file: &File| {
            let counts = counted(file).into_iter();
            counts.map(|(l, n)| (l.to_owned(), n)).collect::<Vec<_>>()
        };
        prop_assert_eq!(owned(&of(Side::Left)), only(left));
        prop_assert_eq!(owned(&of(Side::Right)), only(right));
        prop_assert_eq!(counts.left, of(Side::Left).len() as u64);
        prop_assert_eq!(counts.both + counts.left, a.len() as u64);
        prop_assert_eq!(counts.both + counts.right, b.len() as u64);
        let is_same = counted(&a) == counted(&b);
        prop_assert_eq!(lines.is_empty(), is_same);
    }
}

#[test]
fn any_number_of_runs_is_one_file_in_the_end() {
    let line = |n: u64| {
        let (minute, second) = (n / 60 % 60, n % 60);
        format!("h - - [22/Nov/2026:12:{minute:02}:{second:02} +0000] \"{n}\" 200 -")
    };
    // Backwards, so that nothing is in order by chance; each in a run of its own.
    let file: File = (0..700).rev().map(line).collect();

    assert_eq!(merged(&[&file], 0), (0..700).map(line).collect::<File>());
}

#[test]
fn a_line_without_end_is_no_log() {
    let text = vec![b'x'; super::input::LINE_MAX + 1];
    let input = Input::of(Path::new("zeros"), Cursor::new(text));
    let folder = tempfile::tempdir().unwrap();
    let mut progress = Progress::of(&[]);

    let refused = merge::merge(vec![input], 0, folder.path(), &mut progress, |_| Ok(()));

    let error = refused.unwrap_err().to_string();
    assert!(error.starts_with("line 1 of zeros is longer"), "{error}");
}
