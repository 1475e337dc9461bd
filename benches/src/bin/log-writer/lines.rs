//! The lines that are sent: made once, the same for all, as Apache's Combined format has them.
//!
//! Every line has [`LINE_LEN`] bytes with its newline, the host before it included, so that a row with hosts reads as
//! many bytes as one without. One in eight has a status of 400 or more; that is what `Match` asks for.

use benches::zipf::Zipf;

/// 200 bytes: a browser's line with a short referrer.
pub(crate) const LINE_LEN: usize = 200;

/// Lines of one slice: 20 MB.
pub(crate) const SLICE_LINES: u64 = 100_000;

/// Whose lines they are.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Hosts {
    /// No host is named.
    None,
    /// Each host as often as any other.
    Even,
    /// The n-th host 1/n times as often as the first, as farms have it.
    Zipf,
}

/// 5,000 hosts: a large farm of virtual hosts.
pub(crate) const HOSTS: usize = 5_000;

/// Lines of one slice, and what becomes of them.
#[derive(Debug)]
pub(crate) struct Slice {
    pub(crate) bytes: bytes::Bytes,
    /// Of status 400 or more.
    pub(crate) errors: u64,
    /// Bytes without the hosts and the spaces behind them.
    pub(crate) bare_len: u64,
}

impl Slice {
    pub(crate) fn new(hosts: Hosts) -> Self {
        let mut zipf = Zipf::new(u32::try_from(HOSTS).unwrap_or(0), 0x5eed);
        let mut bytes = Vec::new();
        let (mut errors, mut bare_len) = (0, 0);
        for n in 0..SLICE_LINES {
            let begin = bytes.len();
            let host = match hosts {
                Hosts::None => None,
                Hosts::Even => Some(usize::try_from(n).unwrap_or(0) % HOSTS),
                Hosts::Zipf => zipf.next(),
            };
            if let Some(host) = host {
                bytes.extend_from_slice(format!("www.host{host:04}.example ").as_bytes());
            }
            let host_len = bytes.len() - begin;
            let is_error = n % 8 == 0;
            errors += u64::from(is_error);
            let line = line(n, is_error);
            bytes.extend_from_slice(line.as_bytes());
            // The rest of the browser's name.
            bytes.resize(begin + LINE_LEN - 2, b'x');
            bytes.extend_from_slice(b"\"\n");
            bare_len += (LINE_LEN - host_len) as u64;
        }
        Self {
            bytes: bytes.into(),
            errors,
            bare_len,
        }
    }

    /// As messages of whole lines, of `message_len` bytes at most each.
    pub(crate) fn messages(&self, message_len: usize) -> impl Iterator<Item = bytes::Bytes> + '_ {
        let len = (message_len / LINE_LEN).max(1) * LINE_LEN;
        let starts = (0..self.bytes.len()).step_by(len);
        starts.map(move |start| self.bytes.slice(start..self.bytes.len().min(start + len)))
    }
}

fn line(n: u64, is_error: bool) -> String {
    let status = if is_error { 404 } else { 200 };
    format!(
        "192.0.2.{} - - [28/Nov/2026:10:{:02}:{:02} +0000] \"GET /path/{:06}.html HTTP/1.1\" {status} {} \
         \"https://www.example.org/\" \"Mozilla/5.0 (X11; ",
        n % 256,
        n / 60 % 60,
        n % 60,
        n,
        1000 + n % 9000,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_messages_are_all_lines_and_each_is_whole() {
        for hosts in [Hosts::None, Hosts::Even, Hosts::Zipf] {
            let slice = Slice::new(hosts);
            for message_len in [1, 32 * 1024] {
                let messages: Vec<_> = slice.messages(message_len).collect();

                assert!(messages.iter().all(|message| message.ends_with(b"\n")));
                assert_eq!(messages.concat(), slice.bytes);
            }
            assert_eq!(slice.bytes.len() as u64, SLICE_LINES * LINE_LEN as u64);
        }
    }

    #[test]
    fn hosts_and_errors_are_as_often_as_is_said() {
        let zipf = Slice::new(Hosts::Zipf);
        let text = std::str::from_utf8(&zipf.bytes).unwrap();
        let of = |host: &str| text.lines().filter(|line| line.starts_with(host)).count();
        let (first, tenth) = (of("www.host0000.example "), of("www.host0009.example "));

        assert!((8..=12).contains(&(first / tenth)), "{first} {tenth}");
        let errors = text.lines().filter(|line| line.contains("HTTP/1.1\" 404 "));
        assert_eq!(errors.count() as u64, zipf.errors);
        let bare = text
            .lines()
            .map(|line| line.split_once(' ').unwrap().1.len() + 1);
        assert_eq!(bare.sum::<usize>() as u64, zipf.bare_len);
    }
}
