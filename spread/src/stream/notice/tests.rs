//! Notices: what is written is read back, and nothing else is taken for one.

use proptest::prelude::*;

use super::*;
use crate::name::GroupName;

fn group(name: &str) -> StreamGroup {
    StreamGroup::try_from(GroupName::new(name).unwrap()).unwrap()
}

fn any_group() -> impl Strategy<Value = StreamGroup> {
    "[$-~]{1,27}"
        .prop_filter("private groups are no groups", |name| {
            GroupName::new(name).is_ok()
        })
        .prop_map(|name| group(&name))
}

fn any_instance() -> impl Strategy<Value = Instance> {
    any::<[u8; 8]>().prop_map(Instance::from_random)
}

fn any_control() -> impl Strategy<Value = Control> {
    let names = (
        any_instance(),
        any::<u64>(),
        "[^\\pC]{0,40}",
        "[^\\pC]{0,40}",
    );
    let numbers = (any::<u32>(), 1..u64::MAX, any::<u64>(), any::<u64>());
    let lost = (any::<u64>(), any::<u64>(), any::<u64>(), any::<bool>());
    (names, any_group(), numbers, lost).prop_map(|(names, group, numbers, lost)| Control {
        instance: names.0,
        boot: names.1,
        host: names.2,
        program: names.3,
        pid: numbers.0,
        group,
        next: Number::new(numbers.1).unwrap(),
        retained: Number::new(numbers.2 % numbers.1 + 1).unwrap(),
        lines: numbers.2,
        bytes: numbers.3,
        lost: LostLines {
            queue_full: lost.0,
            buffer_full: lost.1,
        },
        cut: lost.2,
        leaving: lost.3,
    })
}

fn any_range() -> impl Strategy<Value = RangeInclusive<u64>> {
    (1..1_000_000_u64, 0..1_000_000_u64).prop_map(|(first, more)| first..=first + more)
}

fn any_notice() -> impl Strategy<Value = Notice> {
    let host = any::<u64>().prop_map(HostId);
    let safe = prop::collection::btree_map(any_group(), (any_instance(), any::<u64>()), 0..5);
    let ranges = prop::collection::vec(any_range(), 0..6);
    let need = prop::collection::btree_map(any_group(), (any_instance(), ranges), 0..5);
    prop_oneof![
        any_control().prop_map(Notice::Control),
        (host.clone(), safe).prop_map(|(host, safe)| {
            let safe = safe.into_iter().map(|(group, (of, n))| (group, of, n));
            let safe = safe.collect();
            Notice::Ack(Ack { host, safe })
        }),
        (host.clone(), need).prop_map(|(host, need)| {
            let ranges = need.into_iter().map(|(group, (of, n))| (group, of, n));
            let ranges = ranges.collect();
            Notice::Need(Need { host, ranges })
        }),
        host.prop_map(|host| Notice::Bye(Bye { host })),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(notice in any_notice()) {
        prop_assert_eq!(Notice::parse(&notice.write()).unwrap(), notice);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Notice::parse(&bytes);
    }

    #[test]
    fn a_notice_with_a_byte_changed_is_a_valid_one_or_refused(
        notice in any_notice(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut bytes = notice.write();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        if let Ok(read) = Notice::parse(&bytes) {
            prop_assert_eq!(Notice::parse(&read.write()).unwrap(), read);
        }
    }
}

#[test]
fn a_control_is_readable_for_people_and_scripts() {
    let control = Control {
        instance: Instance::from_random([0; 8]),
        boot: 255,
        host: "web1".into(),
        program: "rthttpd".into(),
        pid: 7,
        group: group("access_log"),
        next: Number::new(12).unwrap(),
        retained: Number::new(3).unwrap(),
        lines: 400,
        bytes: 80_000,
        lost: LostLines {
            queue_full: 1,
            buffer_full: 2,
        },
        cut: 3,
        leaving: false,
    };

    let text = String::from_utf8(Notice::Control(control).write()).unwrap();

    assert_eq!(
        text,
        r#"{"v":1,"instance":"AAAAAAAA","boot":"00000000000000ff","host":"web1","#.to_owned()
            + r#""program":"rthttpd","pid":7,"group":"access_log","next":12,"retained":3,"#
            + r#""lines":400,"bytes":80000,"lost":{"queue_full":1,"buffer_full":2},"#
            + r#""cut":3,"leaving":false}"#
    );
}

#[test]
fn unknown_keys_are_ignored_and_wrong_values_are_not() {
    const HOST: &str = r#""v":1,"host_id":"00000000000000ff""#;
    const CASES: &[(&str, bool)] = &[
        (r#"{HOST,"bye":true}"#, true),
        (r#"{HOST,"bye":true,"tomorrow":[{}]}"#, true),
        (r#"{HOST,"ack":{}}"#, true),
        (r#"{HOST,"ack":{"g":["AAAAAAAA",0]}}"#, true),
        (r#"{HOST,"ack":{"g":["AAAAAAAA",-1]}}"#, false),
        (r#"{HOST,"ack":{"g":["AAAA-AAA",1]}}"#, false),
        (r#"{HOST,"ack":{"g g":["AAAAAAAA",1]}}"#, false),
        (r#"{HOST,"need":{"g":["AAAAAAAA",[[1,1],[3,9]]]}}"#, true),
        (r#"{HOST,"need":{"g":["AAAAAAAA",[[0,1]]]}}"#, false),
        (r#"{HOST,"need":{"g":["AAAAAAAA",[[2,1]]]}}"#, false),
        (r#"{HOST}"#, false),
        (r#"{HOST,"bye":false}"#, false),
        (r#"{"v":1,"host_id":"ff","bye":true}"#, false),
        (r#"{"v":1,"host_id":"00000000000000FF","bye":true}"#, false),
        (r#"{"v":1,"bye":true}"#, false),
        (r#"{"v":2,"host_id":"00000000000000ff","bye":true}"#, false),
        (r#"{"host_id":"00000000000000ff","bye":true}"#, false),
        ("[]", false),
        ("", false),
    ];
    for (text, is_one) in CASES {
        let text = text.replace("HOST", HOST);
        assert_eq!(Notice::parse(text.as_bytes()).is_ok(), *is_one, "{text}");
    }
}

#[test]
fn limits_are_kept() {
    let host = HostId(1);
    let of = |count| {
        let ranges = vec![1..=1; count];
        let ranges = vec![(group("g"), Instance::from_random([0; 8]), ranges)];
        Notice::Need(Need { host, ranges }).write()
    };
    assert!(Notice::parse(&of(Notice::RANGES_MAX)).is_ok());
    assert!(Notice::parse(&of(Notice::RANGES_MAX + 1)).is_err());

    let long = [b" ".repeat(Notice::LEN_MAX).as_slice(), b"{}"].concat();
    let error = Notice::parse(&long).unwrap_err();
    assert!(matches!(error, NoticeError::TooLong { len: 8194 }));
}

/// Whoever reads the audit at a terminal must not obey what a stranger wrote.
#[test]
fn text_from_outside_is_cut_and_cleaned() {
    let json = format!(
        r#"{{"v":1,"instance":"AAAAAAAA","boot":"{}","group":"g","next":1,"retained":1,
        "host":"a\u001b[2J","program":"{}"}}"#,
        "0".repeat(16),
        "é".repeat(200),
    );

    let Notice::Control(control) = Notice::parse(json.as_bytes()).unwrap() else {
        panic!("it is a control");
    };

    assert_eq!(control.host, "a\u{fffd}[2J");
    assert_eq!(control.program, "é".repeat(127));
}
