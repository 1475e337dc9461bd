//! How much of a large file is sent at a time, and whether that is in memory. What sends it is in
//! `send`.
//!
//! A chunk ends where a segment ends. If it did not, its last bytes would go out as a small segment
//! of their own, at the price of a large one, unless much is waiting to be sent anyway: over
//! loopback a fifth of all segments were such.

use std::os::fd::{AsFd, OwnedFd};

use socket2::SockRef;

use crate::site::{LargeFile, Patience, read_at};

/// How much is sent at most before other connections have their turn: some 15 microseconds.
///
/// No more, as a congestion control that spaces segments out (BBR) takes what comes at once for too
/// fast, and then needs a timer for each segment; no less, as each call has its price.
pub(super) const CHUNK_LEN: u64 = 128 * 1024;

/// How much is looked at before the first of it is sent, so that not each chunk costs a look.
pub(super) const LOOK_LEN: u64 = 512 * 1024;

/// How far apart the bytes are that are looked at to see whether all is in memory. The kernel reads
/// ahead by as much at a time, so what was read before is found whole.
const LOOK_STEP: usize = 128 * 1024;

/// Files up to this size are sent from where they are mapped, if they are asked for again while they
/// are kept open: as many as a worker keeps fit into the last of a processor's caches. What comes
/// from beyond costs more to copy than `sendfile` does to pass on.
const MAPPED_MAX: u64 = 1024 * 1024;

/// How long a full segment to the client is; nothing where there are none.
pub(super) fn segment_len(stream: impl AsFd) -> u64 {
    let stream = stream.as_fd();
    SockRef::from(&stream).tcp_mss().map_or(0, u64::from)
}

/// How long the chunk behind `sent` bytes of a response is.
pub(super) fn chunk_len(sent: u64, segment: u64) -> u64 {
    let past = (sent + CHUNK_LEN) % segment.max(1);
    if past < CHUNK_LEN {
        CHUNK_LEN - past
    } else {
        CHUNK_LEN
    }
}

/// The places that are looked at, from the beginning of `len` bytes.
pub(super) fn places(len: usize) -> impl Iterator<Item = usize> {
    let last = len.saturating_sub(1);
    (0..last).step_by(LOOK_STEP).chain([last])
}

/// Whether all of these bytes are in memory, or seem so.
pub(super) fn is_in_memory(file: &OwnedFd, at: u64, len: usize) -> bool {
    let mut byte = [0];
    places(len).all(|place| read_at(file, &mut byte, at + place as u64, Patience::Cached).is_ok())
}

/// Maps a file that is kept open, if it is not too large and all of it is in memory. That is looked
/// at once a second.
pub(super) fn map(file: &LargeFile, is_kept: bool, now: u64) {
    let (handle, size) = (&file.handle, file.stamp.size);
    if size > MAPPED_MAX || handle.is_seen(now) {
        return;
    }
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let is_seen = is_kept && is_in_memory(&handle.descriptor, 0, size);
    handle.note(is_seen, size, now);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// However long segments are, and whatever has been sent.
        #[test]
        fn a_chunk_ends_where_a_segment_ends(
            sent in 0_u64..1 << 40,
            segment in prop::sample::select(vec![1, 536, 1448, 8948, 65_483]),
        ) {
            let len = chunk_len(sent, segment);

            prop_assert_eq!((sent + len) % segment, 0);
            prop_assert!(len > CHUNK_LEN - segment && len <= CHUNK_LEN);
        }
    }

    #[test]
    fn a_chunk_is_whole_where_there_are_no_segments_or_none_ends_in_it() {
        assert_eq!(chunk_len(7, 0), CHUNK_LEN);
        assert_eq!(chunk_len(7, 1 << 20), CHUNK_LEN);
    }

    #[test]
    fn the_first_byte_is_looked_at_and_the_last_and_some_between() {
        let of = |len| places(len).collect::<Vec<_>>();

        assert_eq!(of(1), [0]);
        assert_eq!(of(LOOK_STEP), [0, LOOK_STEP - 1]);
        assert_eq!(of(LOOK_STEP + 2), [0, LOOK_STEP, LOOK_STEP + 1]);
    }
}
