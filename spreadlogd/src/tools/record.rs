//! A line of a log and its place in the order of all lines.
//!
//! A line with a time stands at its time, and among those of the same second in the order of
//! bytes. One without (a part of something that was printed over several lines) stands behind the
//! line with a time before it, its *anchor*, as the first, second, … one there.

use std::cmp::Ordering;
use std::io::{self, Read, Write};

/// A line, borrowed.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    /// Seconds since 1970, and one: 0 is before all times.
    pub(super) time: u64,
    /// The line itself, if it has a time; its anchor if not.
    pub(super) anchor: &'a [u8],
    /// 0 for a line with a time, and from 1 on behind it.
    pub(super) nth: u64,
    /// A line without a time; empty else.
    pub(super) text: &'a [u8],
}

/// By what lines are sorted, and told apart.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Order {
    /// By place; two are the same when all of it is.
    Place,
    /// Lines without a time by their bytes, and of the same bytes by place. Two of the same bytes
    /// are the same, wherever they stand.
    Text,
}

impl View<'_> {
    /// The line, without its newline.
    pub(super) const fn line(&self) -> &[u8] {
        if self.nth == 0 {
            self.anchor
        } else {
            self.text
        }
    }

    pub(super) fn cmp(&self, other: &Self, order: Order) -> Ordering {
        let place = |view: &Self| (view.time, view.nth);
        let by_place = || {
            self.time
                .cmp(&other.time)
                .then_with(|| self.anchor.cmp(other.anchor))
                .then_with(|| place(self).cmp(&place(other)))
                .then_with(|| self.text.cmp(other.text))
        };
        match order {
            Order::Place => by_place(),
            Order::Text => self.text.cmp(other.text).then_with(by_place),
        }
    }

    /// The same as far as `order` tells lines apart.
    pub(super) fn cmp_identity(&self, other: &Self, order: Order) -> Ordering {
        match order {
            Order::Place => self.cmp(other, order),
            Order::Text => self.text.cmp(other.text),
        }
    }

    /// Writes it as [`Record::read`] reads it: two numbers, two lengths, the bytes.
    pub(super) fn write(&self, to: &mut impl Write) -> io::Result<()> {
        to.write_all(&self.time.to_le_bytes())?;
        to.write_all(&self.nth.to_le_bytes())?;
        for part in [self.anchor, self.text] {
            let len = u32::try_from(part.len()).map_err(|_| io::ErrorKind::InvalidInput)?;
            to.write_all(&len.to_le_bytes())?;
        }
        to.write_all(self.anchor)?;
        to.write_all(self.text)
    }
}

/// A line with its own bytes.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(super) struct Record {
    time: u64,
    nth: u64,
    anchor: Vec<u8>,
    text: Vec<u8>,
}

impl Record {
    pub(super) fn view(&self) -> View<'_> {
        View {
            time: self.time,
            anchor: &self.anchor,
            nth: self.nth,
            text: &self.text,
        }
    }

    /// Becomes `view`.
    pub(super) fn set(&mut self, view: View<'_>) {
        self.time = view.time;
        self.nth = view.nth;
        self.anchor.clear();
        self.anchor.extend_from_slice(view.anchor);
        self.text.clear();
        self.text.extend_from_slice(view.text);
    }

    /// Becomes the next one that was written to `from`; false at its end.
    pub(super) fn read(&mut self, from: &mut impl Read) -> io::Result<bool> {
        let mut first = [0; 8];
        match from.read_exact(&mut first) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(false),
            other => other?,
        }
        self.time = u64::from_le_bytes(first);
        from.read_exact(&mut first)?;
        self.nth = u64::from_le_bytes(first);
        let mut lens = [[0; 4]; 2];
        for len in &mut lens {
            from.read_exact(len)?;
        }
        for (part, len) in [&mut self.anchor, &mut self.text].into_iter().zip(lens) {
            part.clear();
            let len = u64::from(u32::from_le_bytes(len));
            if from.by_ref().take(len).read_to_end(part)? as u64 != len {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        Ok(true)
    }
}
