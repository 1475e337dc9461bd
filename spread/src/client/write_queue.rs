//! Frames on their way to the socket, and how far it has got with them. Does no I/O.

use std::collections::VecDeque;
use std::io::IoSlice;

use bytes::{Buf, Bytes};

use crate::wire::Frame;

/// 128 slices for one system call: 64 frames, 2 MiB of a publisher's messages.
pub(super) const SLICES_MAX: usize = 128;

#[derive(Debug, Default)]
pub(super) struct WriteQueue {
    frames: VecDeque<Frame>,
    bytes: usize,
    frames_written: u64,
}

impl WriteQueue {
    pub(super) fn push(&mut self, frame: Frame) {
        self.bytes += frame.len();
        self.frames.push_back(frame);
    }

    /// Bytes not written yet.
    pub(super) const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Frames written to their last byte.
    pub(super) const fn frames_written(&self) -> u64 {
        self.frames_written
    }

    /// Puts what is to be written next into `slices`, and says how many it filled.
    pub(super) fn fill<'a>(&'a self, slices: &mut [IoSlice<'a>; SLICES_MAX]) -> usize {
        let pieces = self
            .frames
            .iter()
            .flat_map(|frame| [&frame.head, &frame.body]);
        let pieces = pieces.filter(|piece| !piece.is_empty());
        let filled = slices.iter_mut().zip(pieces);
        filled
            .map(|(slice, piece)| *slice = IoSlice::new(piece))
            .count()
    }

    /// The socket has taken `count` bytes.
    pub(super) fn advance(&mut self, mut count: usize) {
        self.bytes = self.bytes.saturating_sub(count);
        while let Some(frame) = self.frames.front_mut() {
            take(&mut frame.head, &mut count);
            take(&mut frame.body, &mut count);
            if !frame.is_empty() {
                return;
            }
            self.frames.pop_front();
            self.frames_written += 1;
        }
    }
}

fn take(piece: &mut Bytes, count: &mut usize) {
    let taken = piece.len().min(*count);
    piece.advance(taken);
    *count -= taken;
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{Frame, IoSlice, SLICES_MAX, WriteQueue};

    proptest! {
        /// However little the socket takes each time, it gets every byte once and in order, and a
        /// frame counts as written when its last byte is.
        #[test]
        fn every_byte_is_written_once(
            frames in prop::collection::vec((1..50_usize, 0..50_usize), 0..100),
            takes in prop::collection::vec(1..300_usize, 1..20),
        ) {
            let mut queue = WriteQueue::default();
            let (mut expected, mut ends) = (Vec::new(), Vec::new());
            for (index, (head, body)) in frames.iter().enumerate() {
                let byte = u8::try_from(index).unwrap();
                let frame = Frame { head: vec![byte; *head].into(), body: vec![byte; *body].into() };
                expected.extend([&frame.head[..], &frame.body[..]].concat());
                ends.push(expected.len());
                queue.push(frame);
            }
            let mut written = Vec::new();
            for take in takes.iter().cycle() {
                let mut slices = [IoSlice::new(&[]); SLICES_MAX];
                let filled = queue.fill(&mut slices);
                let offered: Vec<u8> = slices[..filled].iter().flat_map(|s| s.to_vec()).collect();
                if offered.is_empty() {
                    break;
                }
                let taken = offered.len().min(*take);
                written.extend_from_slice(&offered[..taken]);
                queue.advance(taken);
                let whole = ends.iter().filter(|&&end| end <= written.len()).count();
                prop_assert_eq!(queue.frames_written(), whole as u64);
                prop_assert_eq!(queue.bytes(), expected.len() - written.len());
            }

            prop_assert_eq!(written, expected);
        }
    }
}
