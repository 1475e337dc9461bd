//! How far files have been read, and its form in the state file. Pure.
//!
//! ```text
//! spreadcat places 1
//! 262153 18734 1024 9ae1c3f0 /var/log/nginx/access.log
//! 262160 512 512 04c11db7 /var/log/nginx/access.log
//! ```
//!
//! A file is known by its inode, and by what it begins with: an inode is used again when its file is
//! gone, and a copy has another one. Behind its place stands the path by which it is followed,
//! whatever it is called now; of each path the oldest file comes first, the one of that name last.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A place in a file.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Place {
    pub(super) inode: u64,
    /// Where the next line begins.
    pub(super) offset: u64,
    pub(super) head: Head,
}

/// What a file begins with.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Head {
    /// Bytes, at most [`Head::LEN_MAX`].
    pub(super) len: u64,
    /// Their CRC-32.
    pub(super) checksum: u32,
}

impl Head {
    /// 1 KiB: some lines, whose times no other file has.
    pub(super) const LEN_MAX: u64 = 1024;

    pub(super) fn of(bytes: &[u8]) -> Self {
        Self {
            len: bytes.len() as u64,
            checksum: crc32fast::hash(bytes),
        }
    }
}

/// The places of all files, each with the path by which it is followed.
pub(super) type Places = Vec<(PathBuf, Place)>;

/// Writes places down.
pub(super) fn write(places: &[(PathBuf, Place)]) -> Vec<u8> {
    let mut text = TITLE.to_vec();
    for (path, place) in places {
        let Place {
            inode,
            offset,
            head,
        } = place;
        let numbers = format!("{inode} {offset} {} {:08x} ", head.len, head.checksum);
        text.extend_from_slice(numbers.as_bytes());
        write_path(path, &mut text);
        text.push(b'\n');
    }
    text
}

/// Reads places; `None` if these are none.
pub(super) fn read(text: &[u8]) -> Option<Places> {
    let lines = text.strip_prefix(TITLE)?;
    if lines.is_empty() {
        return Some(Vec::new());
    }
    let lines = lines.strip_suffix(b"\n")?.split(|&byte| byte == b'\n');
    lines.map(read_line).collect()
}

const TITLE: &[u8] = b"spreadcat places 1\n";

fn read_line(line: &[u8]) -> Option<(PathBuf, Place)> {
    let mut words = line.splitn(5, |&byte| byte == b' ');
    let mut number = || number::<u64>(words.next()?);
    let (inode, offset, len) = (number()?, number()?, number()?);
    let checksum = str::from_utf8(words.next()?).ok()?;
    let checksum = u32::from_str_radix(checksum, 16).ok()?;
    let path = read_path(words.next()?)?;
    let place = Place {
        inode,
        offset,
        head: Head { len, checksum },
    };
    (len <= Head::LEN_MAX).then_some((path, place))
}

fn number<T: FromStr>(word: &[u8]) -> Option<T> {
    str::from_utf8(word).ok()?.parse().ok()
}

/// A path may have any byte but NUL: `%` and control bytes become `%HH`.
fn write_path(path: &Path, text: &mut Vec<u8>) {
    for &byte in path.as_os_str().as_bytes() {
        if byte == b'%' || byte.is_ascii_control() {
            text.extend_from_slice(format!("%{byte:02X}").as_bytes());
        } else {
            text.push(byte);
        }
    }
}

fn read_path(mut text: &[u8]) -> Option<PathBuf> {
    let mut path = Vec::new();
    while let [first, rest @ ..] = text {
        text = rest;
        if *first == b'%' {
            let (digits, rest) = text.split_at_checked(2)?;
            path.push(u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?);
            text = rest;
        } else {
            path.push(*first);
        }
    }
    (!path.is_empty()).then(|| OsString::from_vec(path).into())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_are_no_places_is_refused() {
        assert_eq!(read(b"spreadcat places 1\n"), Some(Vec::new()));
        for text in [
            "",
            "127.0.0.1 - - [",
            "spreadcat places 2\n",
            "spreadcat places 1\n1 2 2 00 a",
            "spreadcat places 1\n1 2 2 00 \n",
            "spreadcat places 1\n1 2 1025 00 a\n",
            "spreadcat places 1\n1 -2 3 00 a\n",
            "spreadcat places 1\n1 2 2 00 a%4\n",
        ] {
            assert_eq!(read(text.as_bytes()), None, "{text}");
        }
    }

    fn places() -> impl Strategy<Value = Places> {
        let path = proptest::collection::vec(1_u8.., 1..20);
        let place = (any::<u64>(), any::<u64>(), any::<u32>(), 0_u64..=1024);
        let one = (path, place).prop_map(|(path, (inode, offset, checksum, len))| {
            let head = Head { len, checksum };
            let place = Place {
                inode,
                offset,
                head,
            };
            (OsString::from_vec(path).into(), place)
        });
        proptest::collection::vec(one, 0..5)
    }

    proptest! {
        #[test]
        fn places_read_back(places in places()) {
            prop_assert_eq!(read(&write(&places)), Some(places));
        }

        /// Of a file that was cut off nothing is believed.
        #[test]
        fn a_part_is_none(places in places(), cut in any::<proptest::sample::Index>()) {
            let text = write(&places);
            let part = &text[..cut.index(text.len())];

            let whole_lines = part.ends_with(b"\n") && part.len() >= TITLE.len();
            prop_assert!(whole_lines || read(part).is_none());
        }
    }
}
