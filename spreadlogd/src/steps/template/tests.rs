//! What paths become, what is refused and where, and the laws of names.

use chrono::Utc;
use proptest::prelude::*;

use super::*;

/// 2026-11-28 16:51:54 UTC, 11:51:54 in New York.
const SECOND: u64 = 1_795_884_714;

fn new_york() -> DateTime<FixedOffset> {
    let zone = FixedOffset::west_opt(5 * 3_600).unwrap();
    DateTime::<Utc>::from_timestamp(SECOND.try_into().unwrap(), 0)
        .unwrap()
        .with_timezone(&zone)
}

fn expanded(text: &str, host: Option<&[u8]>, group: &str, sender: &str) -> String {
    let template = PathTemplate::parse(text.as_bytes()).unwrap();
    String::from_utf8(template.expand_at(new_york(), host, group, sender)).unwrap()
}

#[test]
fn fields_are_filled_in() {
    let host = Some(&b"WWW.Example.org:80"[..]);
    for (text, expected) in [
        ("./logs/access_log", "./logs/access_log"),
        ("/l/%Y/%m/%d/%H%M%S", "/l/2026/11/28/115154"),
        ("/l/a-%F.%T%z", "/l/a-2026-11-28.11:51:54-0500"),
        ("%-m.%_H.%e.%b.%a.%s", "11.11.28.Nov.Sat.1795884714"),
        (
            "/l/%{host}/%{group}.log",
            "/l/www.example.org/access_log.log",
        ),
        ("/l/%{sender}", "/l/rth@web-1"),
        ("100%%.log", "100%.log"),
        ("%%Y%{group}%%", "%Yaccess_log%"),
    ] {
        assert_eq!(expanded(text, host, "access_log", "#rth#web-1"), expected);
    }
}

#[test]
fn what_comes_from_outside_is_a_name() {
    for (host, expected) in [
        (None, OTHER),
        (Some(&b"../../etc/x"[..]), OTHER),
        (Some(b".."), OTHER),
        (Some(b"[::1]:80"), "--1.ipv6"),
    ] {
        assert_eq!(expanded("%{host}", host, "g", "s"), expected);
    }
    for (name, expected) in [
        ("../x", "~2e.~2fx"),
        ("..", "~2e."),
        (".", "~2e"),
        ("-rf", "~2drf"),
        ("a/b ~é", "a~2fb~20~7e~c3~a9"),
        ("", "~"),
    ] {
        assert_eq!(expanded("%{group}", None, name, ""), expected);
        assert_eq!(expanded("%{sender}", None, "", name), expected);
    }
    assert_eq!(
        expanded("%{sender}", None, "", "#../../x#.."),
        "~2e.~2f..~2fx@~2e."
    );
    assert_eq!(expanded("%{sender}", None, "", "##"), "~@~");
}

#[test]
fn what_is_no_path_says_why() {
    for (text, why) in [
        (&b""[..], "empty"),
        (b"a\0b", "NUL"),
        (b"/l/%{hosts}", "%{hosts}"),
        (b"/l/%{host", "`%{host`"),
        (b"/l/%D", "`%D`"),
        (b"/l/%-D", "`%-D`"),
        (b"/l/%:z", "`%:`"),
        (b"/l/100%", "`%`"),
        (b"/l/100%-", "`%-`"),
        (b"/l/%\xff", "no time"),
        (b"/l/%{group}%{sender}%{group}", "288 bytes"),
    ] {
        let error = PathTemplate::parse(text).unwrap_err().to_string();

        assert!(error.contains(why), "{}: {error}", text.escape_ascii());
    }
    for (text, span) in [("/l/%{hosts}/a", 3..11), ("/l/%D/a", 3..5), ("/l/%", 3..4)] {
        let error = PathTemplate::parse(text.as_bytes()).unwrap_err();

        assert_eq!(error.span, Some(span), "{text}");
    }
    assert!(PathTemplate::parse(&[b'/'; TEXT_LEN_MAX + 1]).is_err());
    assert!(PathTemplate::parse(&[b'a'; 256]).is_err());
    assert!(PathTemplate::parse(b"%{host}/%{sender}-%Y%m%d/%{group}.log").is_ok());
}

/// A group of ordinary bytes and a host that exists are far from it.
#[test]
fn a_host_with_which_a_name_would_be_too_long_is_the_one_for_all_others() {
    let host = "a".repeat(vhost::NAME_LEN_MAX);
    for (text, group, expected) in [
        ("/%{group}-%{host}.log", "g", format!("/g-{host}.log")),
        (
            "/%{group}-%{host}.log",
            &*"é".repeat(15),
            format!("/{}-_other_.log", "~c3~a9".repeat(15)),
        ),
        ("/%{host}%{host}/a", "g", "/_other__other_/a".to_owned()),
        ("/%{host}/%{host}", "g", format!("/{host}/{host}")),
    ] {
        let template = PathTemplate::parse(text.as_bytes()).unwrap();

        let path = template.expand(UNIX_EPOCH, Some(host.as_bytes()), group, "#a#b");

        assert_eq!(path, PathBuf::from(expected), "{text}");
    }
}

#[test]
fn a_path_without_fields_is_fixed() {
    for (text, is_fixed) in [
        ("/var/log/a", true),
        ("100%%", true),
        ("%Y", false),
        ("%{group}", false),
    ] {
        let template = PathTemplate::parse(text.as_bytes()).unwrap();

        assert_eq!(template.is_fixed(), is_fixed, "{text}");
    }
}

#[test]
fn a_literal_path_has_no_fields() {
    let literal = PathTemplate::literal("/l/100%/%{host}".into());

    assert!(literal.is_fixed());
    let path = literal.expand(UNIX_EPOCH, None, "", "");
    assert_eq!(path, PathBuf::from("/l/100%/%{host}"));
}

#[test]
fn a_path_is_the_same_until_its_unit_is_over() {
    let now = UNIX_EPOCH + Duration::new(SECOND, 5);
    for (text, expected) in [
        ("/l/a", None),
        ("%{host}", None),
        ("%Y%m%d", Some(1_795_884_720)),
        ("%Y%T", Some(1_795_884_715)),
    ] {
        let until = PathTemplate::parse(text.as_bytes())
            .unwrap()
            .same_until(now);

        let expected = expected.map(|second| UNIX_EPOCH + Duration::from_secs(second));
        assert_eq!(until, expected, "{text}");
    }
}

fn outside() -> impl Strategy<Value = String> {
    prop_oneof!["[./~#a-]{0,6}", ".{0,10}", "#[.a]{0,4}#[./b]{0,4}"]
}

proptest! {
    #[test]
    fn a_path_has_the_directories_that_were_written(
        before in "[.a/]{0,3}",
        fields in proptest::collection::vec(
            proptest::sample::select(vec!["%{host}", "%{group}", "%{sender}"]), 1..=2),
        host in proptest::option::of(outside()),
        group in outside(),
        sender in outside(),
    ) {
        let text = format!("/{before}{}", fields.join("/"));
        let host = host.as_deref().map(str::as_bytes);

        let path = expanded(&text, host, &group, &sender);

        let slashes = |text: &str| text.matches('/').count();
        prop_assert_eq!(slashes(&path), slashes(&text));
        prop_assert!(!path.contains('\0'));
        for name in path.split('/').skip(slashes(&format!("/{before}"))) {
            prop_assert!(!["", ".", ".."].contains(&name), "{}", path);
        }
    }

    #[test]
    fn a_path_has_no_name_that_is_too_long(
        fields in proptest::collection::vec(
            proptest::sample::select(vec!["%{host}", "%{group}", "%{sender}", "%s", "-"]), 1..=4),
        host in "[a-z.]{0,210}",
        group in "[a/é]{0,15}",
        sender in "#[a/]{0,9}#[/b]{0,19}",
    ) {
        let Ok(template) = PathTemplate::parse(fields.concat().as_bytes()) else {
            return Ok(());
        };

        let path = template.expand(UNIX_EPOCH, Some(host.as_bytes()), &group, &sender);

        let name = path.into_os_string().into_vec();
        prop_assert!(name.len() <= COMPONENT_LEN_MAX, "{}", name.len());
    }

    #[test]
    fn two_senders_have_two_names(one in outside(), two in outside()) {
        let name = |sender: &str| expanded("%{sender}", None, "", sender);

        prop_assert_eq!(name(&one) == name(&two), one == two);
    }

    #[test]
    fn any_bytes_are_a_path_or_refused(text in proptest::collection::vec(any::<u8>(), 0..30)) {
        if let Ok(template) = PathTemplate::parse(&text) {
            let now = UNIX_EPOCH + Duration::from_secs(SECOND);
            let path = template.expand(now, None, "g", "#a#b").into_os_string().into_vec();
            prop_assert!(!path.is_empty() && !path.contains(&0));
            if template.is_fixed() && !text.contains(&b'%') {
                prop_assert_eq!(path, text);
            }
            if let Some(until) = template.same_until(now) {
                prop_assert!(until > now);
            }
        }
    }
}
