//! The path of a file with fields in it: `/var/log/%{host}/access-%Y%m%d.log`.
//!
//! ```text
//! %Y %m %d %H …    strftime's letters, of local time; %-d and %_d as in GNU's
//! %{host}          the line's virtual host, `_other_` if it has none that is a name (vhost.rs)
//! %{group}         the Spread group
//! %{sender}        the sender's private name, `name@machine` for Spread's `#name#machine`
//! %%               a percent sign
//! ```
//!
//! What comes from outside never holds a slash and never begins with a dot, so that a path has the
//! directories that were written and no others. In groups and senders, bytes that a file's name
//! should not have are `~hh`; two senders never have one name.
//!
//! Not all letters of strftime are here: `%D`, `%x`, `%c`, `%r`, `%Z`, `%n`, `%t` and `%+` give
//! slashes, blanks or colons, which belong in no file's name.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::format::{Item, StrftimeItems};
use chrono::{DateTime, FixedOffset};

use super::timestamp::{formatted, local, seconds, utc};
use super::vhost::{self, OTHER};

/// A path with fields in it.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PathTemplate {
    text: Vec<u8>,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    Literal(Vec<u8>),
    Time {
        letter: u8,
        items: Vec<Item<'static>>,
    },
    Host,
    Group,
    Sender,
}

impl PathTemplate {
    /// Reads a path.
    ///
    /// # Errors
    /// When it names a field that there is not, or could name no file.
    pub fn parse(text: &[u8]) -> Result<Self, TemplateError> {
        match text {
            [] => return Err(TemplateError::Empty),
            text if text.len() > TEXT_LEN_MAX => return Err(TemplateError::TooLong(text.len())),
            text if text.contains(&0) => return Err(TemplateError::Nul),
            _ => {}
        }
        let (mut parts, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            let (part, after) = next(rest)?;
            match (parts.last_mut(), part) {
                (Some(Part::Literal(before)), Part::Literal(more)) => before.extend(more),
                (_, part) => parts.push(part),
            }
            rest = after;
        }
        let template = Self {
            text: text.to_vec(),
            parts,
        };
        match template.longest_component() {
            longest if longest > COMPONENT_LEN_MAX => Err(TemplateError::LongName(longest)),
            _ => Ok(template),
        }
    }

    /// Whether it always gives the same path.
    #[must_use]
    pub fn is_fixed(&self) -> bool {
        self.parts
            .iter()
            .all(|part| matches!(part, Part::Literal(_)))
    }

    /// Whether the path depends on the virtual host.
    #[must_use]
    pub fn names_host(&self) -> bool {
        self.parts.contains(&Part::Host)
    }

    /// Whether the path depends on the sender.
    #[must_use]
    pub fn names_sender(&self) -> bool {
        self.parts.contains(&Part::Sender)
    }

    /// As it was written.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }

    /// The path at `now`. `host` is a line's word, or the name that was made of it.
    #[must_use]
    pub fn expand(
        &self,
        now: SystemTime,
        host: Option<&[u8]>,
        group: &str,
        sender: &str,
    ) -> PathBuf {
        let time = local(utc(seconds(now)));
        PathBuf::from(OsString::from_vec(
            self.expand_at(time, host, group, sender),
        ))
    }

    /// Until when the path stays the same, the other fields being the same; `None` if for ever.
    ///
    /// The next second or the next minute, since time zones change on whole minutes.
    #[must_use]
    pub fn same_until(&self, now: SystemTime) -> Option<SystemTime> {
        let letters = self.parts.iter().filter_map(|part| match part {
            Part::Time { letter, .. } => Some(*letter),
            _ => None,
        });
        let unit = letters
            .map(|letter| {
                if SECOND_LETTERS.contains(&letter) {
                    1
                } else {
                    60
                }
            })
            .min()?;
        let next = (seconds(now) / unit + 1) * unit;
        UNIX_EPOCH.checked_add(Duration::from_secs(next))
    }

    fn expand_at(
        &self,
        time: DateTime<FixedOffset>,
        host: Option<&[u8]>,
        group: &str,
        sender: &str,
    ) -> Vec<u8> {
        let mut path = Vec::with_capacity(self.text.len() + vhost::NAME_LEN_MAX);
        for part in &self.parts {
            match part {
                Part::Literal(text) => path.extend_from_slice(text),
                Part::Time { items, .. } => {
                    path.extend_from_slice(formatted(time, items).unwrap_or_default().as_bytes());
                }
                Part::Host => {
                    let mut name = String::new();
                    let host = host.and_then(|host| vhost::file_name(host, &mut name));
                    path.extend_from_slice(host.unwrap_or(OTHER).as_bytes());
                }
                Part::Group => plain(group, &mut path),
                Part::Sender => match private_name(sender) {
                    Some((name, machine)) => {
                        plain(name, &mut path);
                        path.push(b'@');
                        plain(machine, &mut path);
                    }
                    None => plain(sender, &mut path),
                },
            }
        }
        path
    }

    /// Bytes of the longest name between slashes, each field as long as it can be.
    fn longest_component(&self) -> usize {
        let (mut longest, mut len) = (0, 0);
        for part in &self.parts {
            match part {
                Part::Literal(text) => {
                    let mut names = text.split(|&b| b == b'/').map(<[u8]>::len);
                    len += names.next().unwrap_or_default();
                    for name in names {
                        longest = longest.max(len);
                        len = name;
                    }
                }
                Part::Time { .. } => len += TIME_LEN_MAX,
                Part::Host => len += vhost::NAME_LEN_MAX,
                Part::Group | Part::Sender => len += SPREAD_LEN_MAX,
            }
        }
        longest.max(len)
    }
}

/// The part that `text`, which is not empty, begins with.
fn next(text: &[u8]) -> Result<(Part, &[u8]), TemplateError> {
    let Some(field) = text.strip_prefix(b"%") else {
        let len = memchr::memchr(b'%', text).unwrap_or(text.len());
        let (literal, rest) = text.split_at(len);
        return Ok((Part::Literal(literal.to_vec()), rest));
    };
    if let Some(rest) = field.strip_prefix(b"%") {
        return Ok((Part::Literal(b"%".to_vec()), rest));
    }
    if let Some(named) = field.strip_prefix(b"{") {
        let unclosed = || TemplateError::Unclosed(shown(text));
        let len = memchr::memchr(b'}', named).ok_or_else(unclosed)?;
        let (name, rest) = named.split_at(len);
        let part = match name {
            b"host" => Part::Host,
            b"group" => Part::Group,
            b"sender" => Part::Sender,
            name => return Err(TemplateError::UnknownField(shown(name))),
        };
        return Ok((part, rest.get(1..).unwrap_or_default()));
    }
    let flags = field
        .iter()
        .take_while(|b| b"-_0".contains(b))
        .count()
        .min(1);
    let unknown = || TemplateError::UnknownLetter(shown(text.get(..flags + 2).unwrap_or(text)));
    let (spelt, rest) = text.split_at_checked(flags + 2).ok_or_else(unknown)?;
    let letter = *spelt
        .last()
        .filter(|b| LETTERS.contains(b))
        .ok_or_else(unknown)?;
    let items = str::from_utf8(spelt)
        .ok()
        .and_then(|spelt| StrftimeItems::new(spelt).parse_to_owned().ok())
        .ok_or_else(unknown)?;
    Ok((Part::Time { letter, items }, rest))
}

fn shown(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

/// `#name#machine`, as Spread makes private names.
fn private_name(sender: &str) -> Option<(&str, &str)> {
    sender.strip_prefix('#')?.rsplit_once('#')
}

/// Appends `text` as a name of letters, digits, `_`, `-` and `.`, that begins with neither of the
/// last two; whatever else is `~hh`, and nothing at all is `~`.
fn plain(text: &str, out: &mut Vec<u8>) {
    if text.is_empty() {
        out.push(b'~');
    }
    for (n, byte) in text.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' => out.push(byte),
            b'.' | b'-' if n > 0 => out.push(byte),
            byte => {
                let digit = |four: u8| char::from_digit(four.into(), 16).map_or(b'0', |c| c as u8);
                out.extend_from_slice(&[b'~', digit(byte >> 4), digit(byte & 15)]);
            }
        }
    }
}

/// A text that is no path.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum TemplateError {
    /// There is nothing.
    #[error("a path cannot be empty")]
    Empty,
    /// No system has such paths.
    #[error("a path of {0} bytes is over the limit of {TEXT_LEN_MAX}")]
    TooLong(usize),
    /// No path has this byte.
    #[error("a path cannot have a NUL byte")]
    Nul,
    /// `%{…}` with a name that there is not.
    #[error("unknown field `%{{{0}}}`: there are %{{host}}, %{{group}} and %{{sender}}")]
    UnknownField(String),
    /// `%{` and no `}`.
    #[error("no `}}` in `{0}`")]
    Unclosed(String),
    /// `%` and a letter that means nothing in a path.
    #[error("`{0}` is no time for a path; a percent sign is written %%")]
    UnknownLetter(String),
    /// With the longest host, no file could be called so.
    #[error("a name in this path could be {0} bytes long, over the limit of {COMPONENT_LEN_MAX}")]
    LongName(usize),
}

/// Of strftime: those whose text may be in a file's name.
const LETTERS: &[u8] = b"YCyGgmBbhdejaAuwUWVHIklMSpPsTRFz";

/// Those of them that change within a minute.
const SECOND_LETTERS: &[u8] = b"SsT";

/// 4,096: the longest path that Linux takes.
const TEXT_LEN_MAX: usize = 4_096;

/// 255: the longest name that Linux's file systems take.
const COMPONENT_LEN_MAX: usize = 255;

/// 12: seconds since 1970, until the year 9999.
const TIME_LEN_MAX: usize = 12;

/// 96: the 31 bytes of a name in Spread, all of them `~hh`, and an `@`.
const SPREAD_LEN_MAX: usize = 96;

#[cfg(test)]
mod tests {
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
            (b"/l/%{host}%{host}", "400 bytes"),
        ] {
            let error = PathTemplate::parse(text).unwrap_err().to_string();

            assert!(error.contains(why), "{}: {error}", text.escape_ascii());
        }
        assert!(PathTemplate::parse(&[b'/'; TEXT_LEN_MAX + 1]).is_err());
        assert!(PathTemplate::parse(&[b'a'; 256]).is_err());
        assert!(PathTemplate::parse(b"%{host}/%{sender}-%Y%m%d/%{group}.log").is_ok());
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
            // Two hosts in one name would be refused.
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
}
