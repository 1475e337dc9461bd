//! What holds of lines for any bytes; a broken law is a panic.

use super::syslog::{Datagram, Keep};
use super::text::{Framer, Raw, clean};
use super::vhost::Vhost;

const LEN_MAX: usize = 64;

/// The lines of the bytes, cut or not.
pub(crate) fn input(bytes: &[u8]) {
    let (first, rest) = bytes.split_first().unwrap_or((&0, &[]));
    let (mut whole, mut cut) = (Vec::new(), Vec::new());
    let mut framer = Framer::new(LEN_MAX);
    framer.push(rest, |raw| whole.push(line(raw)));
    framer.finish(|raw| whole.push(line(raw)));
    let mut framer = Framer::new(LEN_MAX);
    for piece in rest.chunks(usize::from(*first) + 1) {
        framer.push(piece, |raw| cut.push(line(raw)));
    }
    framer.finish(|raw| cut.push(line(raw)));

    assert_eq!(whole, cut, "a cut makes a difference");
    let ends = rest.iter().filter(|&&byte| byte == b'\n').count();
    let is_open = rest.last().is_some_and(|&byte| byte != b'\n');
    assert_eq!(
        whole.len(),
        ends + usize::from(is_open),
        "a line is lost or made"
    );
}

/// A line as it goes into a log, with its group.
fn line(raw: Raw<'_>) -> (usize, Vec<u8>) {
    let (mut scratch, mut line) = (Vec::new(), Vec::new());
    let clean = clean(raw, LEN_MAX, &mut scratch);
    assert!(clean.text.len() <= LEN_MAX, "longer than may be");
    check(clean.text);
    let buckets: Vhost = "buckets:4".parse().unwrap_or(Vhost::Prefix);
    let (group, has_host) = buckets.route(clean.text, &mut line);
    assert!(group < 4, "no such group");
    check(&line);
    let before = if has_host { 0 } else { 2 };
    let after = line.get(before..).unwrap_or_default();
    assert!(after.eq_ignore_ascii_case(clean.text), "something is lost");
    (group, line)
}

fn check(text: &[u8]) {
    let is_harmful = |&byte: &u8| (byte < b' ' && byte != b'\t') || byte == 0x7f;
    assert!(!text.iter().any(is_harmful), "a control byte in a line");
}

/// A datagram, with all that may be kept of it.
pub(crate) fn syslog(datagram: &[u8]) {
    let parsed = Datagram::parse(datagram);
    let end = datagram.len()
        - datagram
            .iter()
            .rev()
            .take_while(|b| b"\n\r\0".contains(b))
            .count();
    let text = datagram.get(..end).unwrap_or_default();
    assert!(
        text.ends_with(parsed.message),
        "the message is no end of it"
    );
    for (priority, tag) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut scratch = Vec::new();
        let kept = parsed.line(Keep { priority, tag }, &mut scratch);
        assert!(kept.ends_with(parsed.message), "something is lost");
        line(Raw::new(kept, LEN_MAX));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_laws_hold(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            super::input(&bytes);
            super::syslog(&bytes);
        }
    }
}
