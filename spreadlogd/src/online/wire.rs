//! The original's protocol for asking who is online (`online-server.c`), as bytes and nothing else.
//!
//! ```text
//! request  u16 length, URL
//! answer   u32 visitors in all, u32 on that URL, u32 n, then n records, newest first, 30 at most:
//!          u64 user, u32 seconds since the last hit, 4 bytes of zero
//! ```
//!
//! All numbers are big-endian. A connection carries any number of requests, one behind another as
//! well; answers come in the same order.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::window::{Seen, Window};

/// 30, as the original has it: visitors that one answer tells of.
const SEEN_MAX: usize = 30;

/// Takes the next URL asked for off `received`; `None` while it is not there whole.
pub(crate) fn decode(received: &mut BytesMut) -> Option<Bytes> {
    let [high, low] = *received.first_chunk()?;
    let len = usize::from(u16::from_be_bytes([high, low]));
    if received.len() < HEAD_LEN + len {
        return None;
    }
    received.advance(HEAD_LEN);
    Some(received.split_to(len).freeze())
}

/// The answer of a window that was culled just now.
pub(crate) fn encode(window: &Window, url: &[u8], answer: &mut BytesMut) {
    let (on_page, newest) = window.on(url, SEEN_MAX);
    answer.put_u32(u32::try_from(window.visitors()).unwrap_or(u32::MAX));
    answer.put_u32(on_page);
    answer.put_u32(u32::try_from(newest.len()).unwrap_or(u32::MAX));
    for Seen { id, age } in newest {
        answer.put_u64(id);
        answer.put_u32(u32::try_from(age.as_secs()).unwrap_or(u32::MAX));
        // The original sent four bytes of its stack here.
        answer.put_u32(0);
    }
}

/// The bytes before a URL.
const HEAD_LEN: usize = 2;

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn request(url: &[u8]) -> Vec<u8> {
        let len = u16::try_from(url.len()).unwrap();
        [&len.to_be_bytes(), url].concat()
    }

    #[test]
    fn an_answer_is_byte_for_byte_what_the_original_sends() {
        let mut window = Window::default();
        window.hit(0x0102_0304_0506_0708, b"/", Duration::from_secs(10));
        window.hit(2, b"/other", Duration::from_secs(11));
        window.hit(3, b"/", Duration::from_millis(12_500));
        window.cull(Duration::from_secs(300));
        let mut answer = BytesMut::new();
        encode(&window, b"/", &mut answer);

        let expected = [
            &[0, 0, 0, 3][..],
            &[0, 0, 0, 2],
            &[0, 0, 0, 2],
            &[0, 0, 0, 0, 0, 0, 0, 3],
            &[0, 0, 1, 31, 0, 0, 0, 0],
            &[1, 2, 3, 4, 5, 6, 7, 8],
            &[0, 0, 1, 34, 0, 0, 0, 0],
        ];
        assert_eq!(answer, expected.concat());
    }

    #[test]
    fn an_answer_tells_of_thirty_at_most() {
        let mut window = Window::default();
        for id in 0..50 {
            window.hit(id, b"/", Duration::from_secs(id));
        }
        let mut answer = BytesMut::new();
        encode(&window, b"/", &mut answer);

        assert_eq!(answer[..12], [0, 0, 0, 50, 0, 0, 0, 50, 0, 0, 0, 30]);
        assert_eq!(answer.len(), 12 + 30 * 16);
        assert_eq!(answer[12..20], 49_u64.to_be_bytes());
    }

    proptest! {
        #[test]
        fn urls_decode_the_same_however_they_are_cut(
            urls in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 0..6),
            cut in 1_usize..50,
        ) {
            let bytes: Vec<u8> = urls.iter().flat_map(|url| request(url)).collect();
            let (mut received, mut decoded) = (BytesMut::new(), Vec::new());
            for piece in bytes.chunks(cut) {
                received.extend_from_slice(piece);
                while let Some(url) = decode(&mut received) {
                    decoded.push(url.to_vec());
                }
            }

            prop_assert_eq!(decoded, urls);
            prop_assert!(received.is_empty());
        }

        /// What is left is less than one request, and one is 65,537 bytes at most.
        #[test]
        fn any_bytes_are_requests(bytes in proptest::collection::vec(any::<u8>(), 0..2_000)) {
            let mut received = BytesMut::from(&bytes[..]);
            let mut taken = 0;
            while let Some(url) = decode(&mut received) {
                taken += HEAD_LEN + url.len();
            }

            prop_assert_eq!(taken + received.len(), bytes.len());
        }
    }
}
