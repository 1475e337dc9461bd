//! Ranges one by one, and the laws of sets of them.

use super::{Asked, ByteRange, GAP_MAX, RANGES_MAX, parse};
use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

#[test]
fn ranges_are_those_of_rfc_9110_14_1() {
    const IGNORED: Asked = Asked::Ignored;
    const BEHIND: Asked = Asked::Unsatisfiable;
    const fn part(first: u64, last: u64) -> Asked {
        Asked::Part(ByteRange { first, last })
    }
    const CASES: &[(&str, u64, Asked)] = &[
        ("bytes=0-0", 10, part(0, 0)),
        ("bytes=0-4", 10, part(0, 4)),
        ("bytes=0-9", 10, part(0, 9)),
        ("bytes=3-", 10, part(3, 9)),
        ("bytes=3-99", 10, part(3, 9)),
        ("bytes=9-9", 10, part(9, 9)),
        ("bytes=-3", 10, part(7, 9)),
        ("bytes=-10", 10, part(0, 9)),
        ("bytes=-11", 10, part(0, 9)),
        ("BYTES=0-4", 10, part(0, 4)),
        ("bytes= 0-4 ", 10, part(0, 4)),
        ("bytes=,0-4,", 10, part(0, 4)),
        ("bytes=00-04", 10, part(0, 4)),
        ("bytes=0-99999999999999999999999", 10, part(0, 9)),
        ("bytes=-99999999999999999999999", 10, part(0, 9)),
        ("bytes=0-", u64::MAX, part(0, u64::MAX - 1)),
        ("bytes=10-", 10, BEHIND),
        ("bytes=10-20", 10, BEHIND),
        ("bytes=99999999999999999999999-", 10, BEHIND),
        ("bytes=-0", 10, BEHIND),
        ("bytes=0-", 0, BEHIND),
        ("bytes=-0", 0, BEHIND),
        ("bytes=-1", 0, IGNORED),
        ("bytes=0-1,3", 10, IGNORED),
        ("bytes=0-1,4-3", 10, IGNORED),
        ("bytes=0-1 3-4", 10, IGNORED),
        ("bytes=0-1;3-4", 10, IGNORED),
        ("bytes=0-1,bytes=3-4", 10, IGNORED),
        ("bytes=0-,-1", 0, IGNORED),
        ("bytes=,", 10, IGNORED),
        // Sets that come to one part, or to none.
        ("bytes=0-1,3-4", 10, part(0, 4)),
        ("bytes=3-4,0-1", 10, part(0, 4)),
        ("bytes=0-0,-1", 10, part(0, 9)),
        ("bytes=0-9,0-9,0-9", 10, part(0, 9)),
        ("bytes=2-3,20-30,-0", 10, part(2, 3)),
        ("bytes=20-30 ,\t, 40-", 10, BEHIND),
        ("bytes=20-30,-0", 10, BEHIND),
        ("bytes=0-,-0", 0, BEHIND),
        ("bytes=4-3", 10, IGNORED),
        ("bytes=20-19", 10, IGNORED),
        ("bytes=", 10, IGNORED),
        ("bytes", 10, IGNORED),
        ("bytes=-", 10, IGNORED),
        ("bytes=--1", 10, IGNORED),
        ("bytes=0", 10, IGNORED),
        ("bytes=0 - 4", 10, IGNORED),
        ("bytes =0-4", 10, IGNORED),
        ("bytes=+0-4", 10, IGNORED),
        ("bytes=\u{b}0-4", 10, IGNORED),
        ("bytes=0-4-5", 10, IGNORED),
        ("bytes=0x1-4", 10, IGNORED),
        ("bytes=a-b", 10, IGNORED),
        ("lines=0-4", 10, IGNORED),
        ("", 10, IGNORED),
    ];
    for (value, len, asked) in CASES {
        assert_eq!(parse(value.as_bytes(), *len), *asked, "{value:?} of {len}");
    }
}

fn parts(value: &str, len: u64) -> Vec<(u64, u64)> {
    match parse(value.as_bytes(), len) {
        Asked::Parts(parts) => parts.iter().map(|part| (part.first, part.last)).collect(),
        other => panic!("{value}: {other:?}"),
    }
}

/// RFC 9110 15.3.7.2: in the order of the request, but for those that became one.
#[test]
fn parts_come_in_the_order_in_which_they_were_asked_for() {
    assert_eq!(parts("bytes=0-9,500-509", 1000), [(0, 9), (500, 509)]);
    assert_eq!(
        parts("bytes=-10, 0-9 ,500-", 1000),
        [(500, 999), (0, 9)],
        "the suffix is within what comes last"
    );
    assert_eq!(
        parts("bytes=900-,2000-,0-9,500-509,5-20,880-890", 1000),
        [(880, 999), (0, 20), (500, 509)]
    );
}

#[test]
fn a_gap_that_costs_more_than_a_head_is_kept() {
    let len = 1000;
    assert_eq!(
        parse(b"bytes=0-9,89-99", len),
        Asked::Part(ByteRange { first: 0, last: 99 })
    );
    assert_eq!(parts("bytes=0-9,90-99", len), [(0, 9), (90, 99)]);
    assert_eq!(
        parts("bytes=0-0,-1", u64::MAX),
        [(0, 0), (u64::MAX - 1, u64::MAX - 1)]
    );
}

#[test]
fn a_set_of_too_many_ranges_is_ignored() {
    let set = |count: u64| {
        let specs = (0..count).map(|at| format!("{}-{}", at * 1000, at * 1000));
        format!("bytes={}", specs.collect::<Vec<_>>().join(","))
    };
    let most = RANGES_MAX as u64;
    assert_eq!(parts(&set(most), 1 << 30).len(), RANGES_MAX);
    assert_eq!(parse(set(most + 1).as_bytes(), 1 << 30), Asked::Ignored);
    let one_place = vec!["0-"; RANGES_MAX + 1].join(",");
    assert_eq!(
        parse(format!("bytes={one_place}").as_bytes(), 10),
        Asked::Ignored
    );
}

/// A range as text, and the bytes it means.
fn specs() -> impl Strategy<Value = (String, std::ops::Range<usize>)> {
    const LEN: usize = 1000;
    let pair = (0..1100usize, 0..200usize);
    prop_oneof![
        6 => pair.prop_map(|(first, more)| {
            let end = (first + more + 1).min(LEN);
            (format!("{first}-{}", first + more), first.min(end)..end)
        }),
        1 => (0..1100usize).prop_map(|first| (format!("{first}-"), first.min(LEN)..LEN)),
        1 => (0..1100usize).prop_map(|suffix| {
            (format!("-{suffix}"), LEN - suffix.min(LEN)..LEN)
        }),
    ]
}

proptest! {
    #[test]
    fn a_part_is_inside_and_not_empty(
        first in "[0-9]{0,20}",
        last in "[0-9]{0,20}",
        len in any::<u64>(),
    ) {
        if let Asked::Part(part) = parse(format!("bytes={first}-{last}").as_bytes(), len) {
            prop_assert!(part.first() <= part.last() && part.last() < len);
            prop_assert!(part.len() >= 1 && part.len() <= len);
        }
    }

    /// Every byte that was asked for is in one part and no more; what else is sent is less
    /// than heads would have cost; and parts are far enough from each other.
    #[test]
    fn parts_are_what_was_asked_for(specs in prop::collection::vec(specs(), 1..12)) {
        let mut asked = vec![false; 1000];
        let mut texts = Vec::new();
        for (text, bytes) in specs {
            asked[bytes].fill(true);
            texts.push(text);
        }

        let parts = match parse(format!("bytes={}", texts.join(",")).as_bytes(), 1000) {
            Asked::Ignored => panic!("{texts:?} is valid"),
            Asked::Unsatisfiable => Vec::new(),
            Asked::Part(part) => vec![part],
            Asked::Parts(parts) => {
                prop_assert!(parts.len() > 1);
                parts
            }
        };

        let mut sent = [0; 1000];
        for part in &parts {
            prop_assert!(part.first <= part.last && part.last < 1000);
            for at in part.first..=part.last {
                sent[usize::try_from(at).unwrap()] += 1;
            }
        }
        let mut gap = 0;
        for (&asked, &sent) in asked.iter().zip(&sent) {
            gap = if asked { 0 } else { gap + 1 };
            prop_assert!(sent <= 1);
            prop_assert!(sent == 1 || !asked);
            prop_assert!(sent == 0 || gap < GAP_MAX);
        }
        let mut ends: Vec<_> = parts.iter().map(|part| (part.first, part.last)).collect();
        ends.sort_unstable();
        for pair in ends.windows(2) {
            prop_assert!(pair[1].0 - pair[0].1 > GAP_MAX);
        }
    }

    /// In any order, and however often, the same bytes.
    #[test]
    fn the_order_of_a_set_does_not_change_its_parts(
        specs in prop::collection::vec(specs(), 1..12),
    ) {
        let sorted = |specs: &mut dyn Iterator<Item = &(String, std::ops::Range<usize>)>| {
            let texts: Vec<_> = specs.map(|(text, _)| text.as_str()).collect();
            match parse(format!("bytes={}", texts.join(",")).as_bytes(), 1000) {
                Asked::Parts(mut parts) => {
                    parts.sort_by_key(ByteRange::first);
                    Asked::Parts(parts)
                }
                other => other,
            }
        };
        prop_assert_eq!(sorted(&mut specs.iter()), sorted(&mut specs.iter().rev()));
    }

    #[test]
    fn no_bytes_panic(bytes in prop::collection::vec(any::<u8>(), 0..60), len in any::<u64>()) {
        let _ = parse(&[b"bytes=".as_slice(), &bytes].concat(), len);
    }
}
