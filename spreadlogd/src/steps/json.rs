//! `Format = json`: a line as an object that says where it came from.
//!
//! ```text
//! {"time":"2026-11-28T09:00:00.123456Z","sender":"#rth#web1","host":"web1","group":"access_log","line":"…"}
//! ```
//!
//! `time` is when the message was received, in UTC; `host` is the machine in the sender's private
//! name, what follows its last `#`. `line` has no newline, and is the line exactly if that is
//! UTF-8. Where it is not, each wrong sequence reads U+FFFD there, and a further key `raw` has all
//! the bytes in base64 (RFC 4648 §4): JSON has no way of its own to say them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use chrono::SecondsFormat;

use super::hex;
use super::timestamp::utc;

/// Writes the lines of one message after another.
#[derive(Clone, Debug, Default)]
pub(super) struct Json {
    second: Option<u64>,
    /// `2026-11-28T09:00:00`, of that second.
    second_text: String,
    /// What all lines of a message begin with.
    head: Vec<u8>,
}

impl Json {
    /// The lines from now on are of a message received at `now`.
    pub(super) fn begin(&mut self, now: SystemTime, group: &str, sender: &str) {
        let since = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let second = since.as_secs().min(SECONDS_MAX);
        if self.second != Some(second) {
            self.second = Some(second);
            self.second_text = utc(second).to_rfc3339_opts(SecondsFormat::Secs, true);
            self.second_text.truncate(SECOND_LEN);
        }
        let head = &mut self.head;
        head.clear();
        head.extend_from_slice(br#"{"time":""#);
        head.extend_from_slice(self.second_text.as_bytes());
        head.push(b'.');
        head.extend_from_slice(&micros(since.subsec_micros()));
        head.extend_from_slice(br#"Z","sender":""#);
        escape(sender, head);
        head.extend_from_slice(br#"","host":""#);
        escape(sender.rsplit_once('#').map_or("", |(_, host)| host), head);
        head.extend_from_slice(br#"","group":""#);
        escape(group, head);
        head.extend_from_slice(br#"","line":""#);
    }

    /// Appends the object of `line`, which has no newline, with one.
    pub(super) fn write(&self, line: &[u8], out: &mut Vec<u8>) {
        out.reserve(self.head.len() + line.len() + ESCAPES_ROOM);
        out.extend_from_slice(&self.head);
        if let Ok(text) = str::from_utf8(line) {
            escape(text, out);
        } else {
            for chunk in line.utf8_chunks() {
                escape(chunk.valid(), out);
                if !chunk.invalid().is_empty() {
                    out.extend_from_slice("\u{fffd}".as_bytes());
                }
            }
            out.extend_from_slice(br#"","raw":""#);
            base64(line, out);
        }
        out.extend_from_slice(b"\"}\n");
    }
}

fn micros(mut number: u32) -> [u8; 6] {
    let mut digits = [b'0'; 6];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    digits
}

/// RFC 8259 §7: quotes, backslashes and what is below a space.
fn escape(text: &str, out: &mut Vec<u8>) {
    let mut rest = text.as_bytes();
    while let Some((plain, special, after)) = split_special(rest) {
        out.extend_from_slice(plain);
        match special {
            b'"' => out.extend_from_slice(br#"\""#),
            b'\\' => out.extend_from_slice(br"\\"),
            b'\t' => out.extend_from_slice(br"\t"),
            b'\r' => out.extend_from_slice(br"\r"),
            b'\n' => out.extend_from_slice(br"\n"),
            byte => {
                out.extend_from_slice(br"\u00");
                out.extend_from_slice(&hex(byte));
            }
        }
        rest = after;
    }
    out.extend_from_slice(rest);
}

/// What comes before the first byte that needs an escape, it, and what comes after it.
///
/// Blocks without an early exit are a few vector instructions each.
fn split_special(text: &[u8]) -> Option<(&[u8], u8, &[u8])> {
    let special = |&b: &u8| (b < b' ') | (b == b'"') | (b == b'\\');
    let any = |block: &[u8; 16]| block.iter().fold(false, |any, b| any | special(b));
    let (blocks, _) = text.as_chunks::<16>();
    let clean = blocks.iter().take_while(|block| !any(block)).count() * 16;
    let at = clean + text.get(clean..)?.iter().position(special)?;
    let (plain, rest) = text.split_at_checked(at)?;
    let (special, after) = rest.split_first()?;
    Some((plain, *special, after))
}

fn base64(bytes: &[u8], out: &mut Vec<u8>) {
    for three in bytes.chunks(3) {
        let part = |n: usize| u32::from(three.get(n).copied().unwrap_or_default());
        let bits = (part(0) << 16) | (part(1) << 8) | part(2);
        for n in 0..4 {
            let index = (bits >> (18 - 6 * n)) & 63;
            let letter = usize::try_from(index).ok().and_then(|i| BASE64.get(i));
            out.push(if n > three.len() {
                b'='
            } else {
                *letter.unwrap_or(&b'=')
            });
        }
    }
}

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Bytes of `2026-11-28T09:00:00`.
const SECOND_LEN: usize = 19;

/// The end of 9999: a year has four digits.
const SECONDS_MAX: u64 = 253_402_300_799;

/// 64: the quotes of a line and the object's end, so that it is copied once.
const ESCAPES_ROOM: usize = 64;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::Value;

    use super::*;

    fn object(line: &[u8], sender: &str, group: &str) -> Value {
        let (mut json, mut out) = (Json::default(), Vec::new());
        json.begin(
            UNIX_EPOCH + Duration::from_micros(1_795_884_714_000_042),
            group,
            sender,
        );
        json.write(line, &mut out);
        let (newline, object) = out.split_last().unwrap();
        assert_eq!(*newline, b'\n');
        assert!(!object.contains(&b'\n'));
        serde_json::from_slice(object).unwrap()
    }

    /// Reads base64, said otherwise than it is written.
    fn read_base64(text: &str) -> Vec<u8> {
        let digits: Vec<u32> = text
            .bytes()
            .filter_map(|b| u32::try_from(BASE64.iter().position(|a| *a == b)?).ok())
            .collect();
        let bit = |n: usize| (digits[n / 6] >> (5 - n % 6)) & 1;
        let byte = |byte: usize| (0..8).fold(0, |sum, n| (sum << 1) | bit(byte * 8 + n));
        (0..digits.len() * 6 / 8)
            .filter_map(|n| u8::try_from(byte(n)).ok())
            .collect()
    }

    fn line_of(object: &Value) -> Vec<u8> {
        match object["raw"].as_str() {
            Some(raw) => read_base64(raw),
            None => object["line"].as_str().unwrap().as_bytes().to_vec(),
        }
    }

    #[test]
    fn an_object_says_where_a_line_came_from() {
        let (mut json, mut out) = (Json::default(), Vec::new());
        for micros in [
            1_795_884_714_000_042,
            1_795_884_714_999_999,
            1_795_884_715_000_000,
        ] {
            json.begin(
                UNIX_EPOCH + Duration::from_micros(micros),
                "access_log",
                "#rth#web1",
            );
            json.write(br#"a "GET""#, &mut out);
        }

        let rest =
            r##""sender":"#rth#web1","host":"web1","group":"access_log","line":"a \"GET\""}"##;
        let expected = format!(
            "{{\"time\":\"2026-11-28T16:51:54.000042Z\",{rest}\n\
             {{\"time\":\"2026-11-28T16:51:54.999999Z\",{rest}\n\
             {{\"time\":\"2026-11-28T16:51:55.000000Z\",{rest}\n"
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn times_that_cannot_be_are_brought_into_range() {
        let mut json = Json::default();
        for time in [
            UNIX_EPOCH - Duration::from_secs(1),
            UNIX_EPOCH + Duration::from_secs(1 << 40),
        ] {
            let mut out = Vec::new();
            json.begin(time, "", "");
            json.write(b"", &mut out);
            let object: Value = serde_json::from_slice(&out).unwrap();

            assert_eq!(object["time"].as_str().unwrap().len(), 27);
        }
    }

    #[test]
    fn bytes_that_are_no_text_are_beside_it() {
        for (line, text, raw) in [
            (&b"a\xffb"[..], "a\u{fffd}b", Some("Yf9i")),
            (b"\xff", "\u{fffd}", Some("/w==")),
            (b"\xff\xfe", "\u{fffd}\u{fffd}", Some("//4=")),
            ("é\u{2028}\0\x7f".as_bytes(), "é\u{2028}\0\x7f", None),
        ] {
            let object = object(line, "#a#b", "g");

            assert_eq!(object["line"].as_str(), Some(text));
            assert_eq!(object["raw"].as_str(), raw);
        }
    }

    proptest! {
        #[test]
        fn any_line_reads_back(
            line in prop_oneof![
                proptest::collection::vec(any::<u8>(), 0..100),
                ".{0,60}".prop_map(String::into_bytes),
                "[\"\\\\\t\r\n a]{0,60}".prop_map(String::into_bytes),
            ],
            name in ".{0,8}",
            host in "[^#]{0,8}",
            group in ".{0,8}",
        ) {
            let sender = format!("#{name}#{host}");

            let object = object(&line, &sender, &group);

            prop_assert_eq!(line_of(&object), line);
            prop_assert_eq!(object["sender"].as_str(), Some(&sender[..]));
            prop_assert_eq!(object["host"].as_str(), Some(&host[..]));
            prop_assert_eq!(object["group"].as_str(), Some(&group[..]));
        }
    }
}
