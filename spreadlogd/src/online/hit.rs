//! A line of an access log as a hit: whose it is, and of which page.
//!
//! The original (`online.c: online_logline`) split a line at its spaces and took the third field,
//! the user, as a number, and the seventh as the URL; a line of fewer than eight it passed over:
//!
//! ```text
//! 192.0.2.7 - 4711 [28/Nov/2026:10:00:00 +0000] "GET /a.html HTTP/1.1" 200 9 "-" "Mozilla/5.0"
//! 1         2 3    4                     5      6    7       8
//! ```
//!
//! So it is here, and a visitor without a number is known all the same: by the user's name, by the
//! field that holds a cookie if there is one, or by the client's address and its agent. Such a
//! visitor's number is a hash, the same on every machine and at any time: FNV-1a of the kind and
//! the bytes, with the highest bit set, where no site's numbers are. (Two visitors with one hash
//! count as one: among a hundred thousand, one pair in a billion farms.)
//!
//! A virtual host in front, as for `VhostDir`, moves everything by one field; it is noticed.
//!
//! Lines of rthttpd's `json` and `logfmt` name their fields, and make the same hits.

use std::borrow::Cow;

use memchr::memchr;

use crate::steps::Object;

/// Which field of a line holds a cookie that tells visitors apart: 1 is the client, 4 the time, 5
/// the request line, 9 the agent. What is in quotes or brackets is one field.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct CookieField(pub(crate) usize);

/// What is of interest in a line.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Hit<'a> {
    /// Whose it is.
    pub(crate) visitor: u64,
    /// Of what.
    pub(crate) url: Cow<'a, [u8]>,
}

impl<'a> Hit<'a> {
    /// Reads a line; `None` for one that is none of an access log.
    pub(crate) fn read(line: &'a [u8], cookie: Option<CookieField>) -> Option<Self> {
        if let Some(object) = Object::of(line) {
            return Self::of_object(&object);
        }
        let line = behind_the_vhost(line);
        let mut fields = line.split(|&byte| byte == b' ');
        let client = fields.next()?;
        let user = fields.nth(1)?;
        let url = fields.nth(3)?;
        fields.next()?;
        Some(Self {
            visitor: visitor(line, client, user, cookie),
            url: url.into(),
        })
    }

    /// Such a line has no field for a cookie.
    fn of_object(object: &Object<'a>) -> Option<Self> {
        let (path, query) = object.target()?;
        let user = object.user();
        let by_client = || hash(Kind::Client, &[object.client(), object.agent()]);
        Some(Self {
            visitor: user_of(user).unwrap_or_else(by_client),
            url: match query {
                Some(query) => [path, query].join(&b'?').into(),
                None => path.into(),
            },
        })
    }
}

/// The line from its client on: the time is the fourth field from there.
fn behind_the_vhost(line: &[u8]) -> &[u8] {
    let opens = |n| {
        let field = line.split(|&byte| byte == b' ').nth(n);
        field.is_some_and(|field| field.starts_with(b"["))
    };
    match memchr(b' ', line) {
        Some(space) if !opens(3) && opens(4) => line.get(space + 1..).unwrap_or_default(),
        _ => line,
    }
}

fn visitor(line: &[u8], client: &[u8], user: &[u8], cookie: Option<CookieField>) -> u64 {
    if let Some(visitor) = user_of(user) {
        return visitor;
    }
    let cookie = cookie.and_then(|CookieField(n)| field(line, n));
    match cookie.filter(|cookie| is_there(cookie)) {
        Some(cookie) => hash(Kind::Cookie, &[cookie]),
        None => {
            let agent = field(line, AGENT).unwrap_or_default();
            hash(Kind::Client, &[client, agent])
        }
    }
}

/// By number or by name, if there is one.
fn user_of(user: &[u8]) -> Option<u64> {
    let by_name = || is_there(user).then(|| hash(Kind::User, &[user]));
    number(user).or_else(by_name)
}

/// Of digits alone, and below the hashes.
fn number(user: &[u8]) -> Option<u64> {
    let digits = user.iter().all(u8::is_ascii_digit);
    let text = std::str::from_utf8(user).ok().filter(|_| digits)?;
    text.parse().ok().filter(|number| number & HASHED == 0)
}

fn is_there(field: &[u8]) -> bool {
    !matches!(field, b"" | b"-")
}

/// The `n`th field from 1, what is in quotes or brackets being one, without its quotes.
fn field(line: &[u8], n: usize) -> Option<&[u8]> {
    let mut rest = line.strip_suffix(b"\n").unwrap_or(line);
    for _ in 1..n {
        let (_, behind) = first_field(rest)?;
        rest = behind.strip_prefix(b" ")?;
    }
    Some(first_field(rest)?.0)
}

/// A field, and what follows it.
fn first_field(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (inside, end) = match text.first()? {
        b'"' => (text.get(1..)?, closing_quote(text.get(1..)?)),
        b'[' => (text.get(1..)?, memchr(b']', text.get(1..)?)),
        _ => {
            let end = memchr(b' ', text).unwrap_or(text.len());
            return text.split_at_checked(end);
        }
    };
    let (field, rest) = inside.split_at_checked(end?)?;
    Some((field, rest.get(1..)?))
}

/// A quote that no backslash precedes.
fn closing_quote(text: &[u8]) -> Option<usize> {
    let mut escaped = false;
    text.iter().position(|&byte| {
        let end = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        end
    })
}

/// What a hash was made of, so that a user called like a cookie is another visitor.
#[derive(Clone, Copy, Debug)]
enum Kind {
    User = 1,
    Cookie = 2,
    Client = 3,
}

/// FNV-1a, 64 bits, of the kind and the parts, each with a zero byte behind it.
fn hash(kind: Kind, parts: &[&[u8]]) -> u64 {
    let parts = parts.iter().flat_map(|part| part.iter().chain(&[0]));
    let bytes = [kind as u8].into_iter().chain(parts.copied());
    let hash = bytes.fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    hash | HASHED
}

/// The bit that marks a hash.
const HASHED: u64 = 1 << 63;

/// The agent's field in Combined Log Format.
const AGENT: usize = 9;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LINE: &str = r#"192.0.2.7 - 4711 [28/Nov/2026:10:00:00 +0000] "GET /a.html HTTP/1.1" 200 9 "http://x/ y" "Mozilla/5.0 \"(X)\"" "id=7""#;

    fn read(line: &str) -> Hit<'_> {
        Hit::read(line.as_bytes(), None).unwrap()
    }

    fn with(user: &str) -> String {
        LINE.replacen("4711", user, 1)
    }

    #[test]
    fn a_number_is_the_user_and_the_seventh_field_the_url() {
        let expected = Hit {
            visitor: 4711,
            url: b"/a.html"[..].into(),
        };

        assert_eq!(read(LINE), expected);
        assert_eq!(read(&format!("{LINE}\n")), expected);
        assert_eq!(read(&format!("www.example.org {LINE}")), expected);
        assert_eq!(read("1 2 3 4 5 6 7 8").visitor, 3);
        assert_eq!(&*read("1 2 3 4 5 6 7 8").url, b"7");
    }

    #[test]
    fn a_line_that_names_its_fields_is_the_same_hit() {
        for (user, json, logfmt) in [
            ("4711", "\"user\":\"4711\",", "user=4711 "),
            ("ann", "\"user\":\"ann\",", "user=ann "),
            ("-", "", ""),
        ] {
            let classic = with(user).replace(r#"\"(X)\""#, "(X)");
            let url = classic.replace("/a.html", "/a.html?q=1");
            let json = format!(
                r#"{{"time":"","client":"192.0.2.7",{json}"path":"/a.html","query":"q=1","user_agent":"Mozilla/5.0 (X)"}}"#
            );
            let logfmt = format!(
                r#"h time= client=192.0.2.7 {logfmt}path=/a.html query="q=1" user_agent="Mozilla/5.0 (X)""#
            );

            assert_eq!(read(&json), read(&url), "{json}");
            assert_eq!(read(&logfmt), read(&url), "{logfmt}");
        }
        assert_eq!(Hit::read(br#"{"time":"","request":"-"}"#, None), None);
    }

    #[test]
    fn a_line_of_fewer_than_eight_fields_is_passed_over() {
        for line in ["", " ", "1 2 3 4 5 6 7", "a line\n", "\n"] {
            assert_eq!(Hit::read(line.as_bytes(), None), None, "{line:?}");
        }
    }

    /// The numbers are part of the protocol: other programs may keep them.
    #[test]
    fn a_visitor_without_a_number_has_the_same_one_everywhere() {
        let ann = read(&with("ann")).visitor;
        let nobody = read(&with("-")).visitor;

        assert_eq!(ann, hash(Kind::User, &[b"ann"]));
        assert_eq!(
            nobody,
            hash(Kind::Client, &[b"192.0.2.7", br#"Mozilla/5.0 \"(X)\""#])
        );
        assert_eq!(ann & nobody & HASHED, HASHED);
        // By hand, from the definition of FNV-1a.
        assert_eq!(hash(Kind::User, &[]), 0xaf63_bc4c_8601_b62c | HASHED);
    }

    #[test]
    fn visitors_without_a_number_are_told_apart() {
        let other_address = with("-").replace("192.0.2.7", "192.0.2.8");
        let other_agent = with("-").replace("Mozilla", "Opera");
        let common = "192.0.2.7 - - [28/Nov/2026:10:00:00 +0000] \"GET / HTTP/1.1\" 200 9";
        let lines = [
            with("-"),
            other_address,
            other_agent,
            common.to_owned(),
            with("ann"),
            with("4711x"),
            // Higher than any number of a site.
            with("18446744073709551615"),
        ];
        let mut visitors: Vec<_> = lines.iter().map(|line| read(line).visitor).collect();
        visitors.sort_unstable();
        visitors.dedup();

        assert_eq!(visitors.len(), lines.len());
        assert!(visitors.iter().all(|visitor| visitor & HASHED != 0));
    }

    #[test]
    fn a_cookie_tells_who_it_is_where_no_user_does() {
        let cookie = Some(CookieField(10));
        let read = |line: &str| Hit::read(line.as_bytes(), cookie).unwrap().visitor;
        let moved = with("-").replace("192.0.2.7", "198.51.100.1");
        let vhost = format!("www.example.org {}", with("-"));
        let expected = hash(Kind::Cookie, &[b"id=7"]);

        assert_eq!(read(&with("-")), expected);
        assert_eq!(read(&moved), expected);
        assert_eq!(read(&vhost), expected);
        assert_eq!(read(LINE), 4711);
        let without = with("-").replace("id=7", "-");
        assert_eq!(
            read(&without),
            Hit::read(without.as_bytes(), None).unwrap().visitor
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_line_or_none(
            line in proptest::collection::vec(
                prop_oneof![Just(b' '), Just(b'"'), Just(b'['), Just(b']'), any::<u8>()],
                0..60,
            ),
            cookie in 0_usize..12,
        ) {
            let hit = Hit::read(&line, Some(CookieField(cookie)));

            let spaces = line.iter().filter(|&&byte| byte == b' ').count();
            prop_assert!(hit.is_none() || spaces >= 7);
            prop_assert!(hit.is_some() || spaces < 8);
        }
    }
}
