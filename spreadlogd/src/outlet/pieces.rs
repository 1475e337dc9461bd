//! What the files get of a message, each one piece.

use bytes::Bytes;

use crate::sink::{Lines, Origin};

/// What the files get of a message. Kept and used again for the next.
#[derive(Debug, Default)]
pub(crate) struct Pieces {
    list: Vec<(usize, Piece)>,
    /// By file: its place in the list, and one more.
    places: Vec<usize>,
    /// Lines for which no file could be opened.
    refused: u64,
}

#[derive(Debug)]
enum Piece {
    Whole,
    Part { bytes: Vec<u8>, lines: u64 },
}

/// A message taken apart.
#[derive(Debug)]
pub(crate) struct Taken {
    /// The files, and what each gets.
    pub(crate) pieces: Vec<(usize, Lines)>,
    /// Lines for which no file could be opened.
    pub(crate) refused: u64,
}

impl Pieces {
    /// A file gets the message as it is; once, however many Logs say so.
    pub(crate) fn add_whole(&mut self, sink: usize, lines: &Lines) {
        match self.piece(sink) {
            None => self.insert(sink, Piece::Whole),
            Some(Piece::Whole) => {}
            Some(Piece::Part {
                bytes,
                lines: count,
            }) => {
                bytes.extend(lines.parts().concat());
                *count += lines.count;
            }
        }
    }

    /// A file gets a line, with its newline, that was made of a message.
    pub(crate) fn add_line(&mut self, sink: usize, line: &[u8], of: &Lines) {
        match self.piece(sink) {
            None => {
                let mut bytes = Vec::with_capacity(if self.list.is_empty() {
                    // Most often the one file for all lines.
                    of.body.len() + 1
                } else {
                    line.len()
                });
                bytes.extend_from_slice(line);
                self.insert(sink, Piece::Part { bytes, lines: 1 });
            }
            Some(Piece::Part { bytes, lines }) => {
                bytes.extend_from_slice(line);
                *lines += 1;
            }
            Some(piece @ Piece::Whole) => {
                let bytes = [of.parts().concat().as_slice(), line].concat();
                let lines = of.count + 1;
                *piece = Piece::Part { bytes, lines };
            }
        }
    }

    /// No file could be opened for a line.
    pub(crate) const fn refuse(&mut self) {
        self.refused += 1;
    }

    /// The files and what they get, as pieces of `lines`.
    pub(crate) fn take(&mut self, lines: &Lines) -> Taken {
        for (sink, _) in &self.list {
            if let Some(place) = self.places.get_mut(*sink) {
                *place = 0;
            }
        }
        let origin = Origin {
            files: u16::try_from(self.list.len()).unwrap_or(u16::MAX),
            ..lines.origin
        };
        // Those that no file takes are not written, whatever becomes of the others.
        let (count, len) = lines.amount();
        let refused = u32::try_from(self.refused).unwrap_or(u32::MAX);
        let whole = Some((count.saturating_sub(refused), len));
        let piece = |piece| match piece {
            Piece::Whole => Lines {
                origin: Origin {
                    whole: whole.filter(|_| refused > 0),
                    ..origin
                },
                ..lines.clone()
            },
            Piece::Part {
                bytes,
                lines: count,
            } => Lines {
                body: Bytes::from(bytes),
                count,
                is_unended: false,
                sender: lines.sender,
                origin: Origin { whole, ..origin },
            },
        };
        let list = self.list.drain(..);
        Taken {
            pieces: list.map(|(sink, of)| (sink, piece(of))).collect(),
            refused: std::mem::take(&mut self.refused),
        }
    }

    fn piece(&mut self, sink: usize) -> Option<&mut Piece> {
        let place = self.places.get(sink)?.checked_sub(1)?;
        self.list.get_mut(place).map(|(_, piece)| piece)
    }

    fn insert(&mut self, sink: usize, piece: Piece) {
        self.list.push((sink, piece));
        if self.places.len() <= sink {
            self.places.resize(sink + 1, 0);
        }
        if let Some(place) = self.places.get_mut(sink) {
            *place = self.list.len();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(body: &'static str) -> Lines {
        Lines::of_stranger(Bytes::from_static(body.as_bytes()))
    }

    fn taken(pieces: &mut Pieces, of: &Lines) -> Vec<(usize, String, u64)> {
        let taken = pieces.take(of).pieces.into_iter();
        let text = |lines: &Lines| String::from_utf8(lines.parts().concat()).unwrap();
        taken
            .map(|(sink, lines)| (sink, text(&lines), lines.count))
            .collect()
    }

    #[test]
    fn a_file_gets_one_piece_of_a_message_whoever_puts_lines_there() {
        let message = lines("a\nb");
        let mut pieces = Pieces::default();

        pieces.add_whole(2, &message);
        pieces.add_whole(2, &message);
        pieces.add_line(0, b"b\n", &message);
        pieces.add_line(0, b"c\n", &message);
        pieces.add_line(2, b"b\n", &message);
        let first = taken(&mut pieces, &message);
        pieces.add_whole(0, &message);
        let second = taken(&mut pieces, &message);

        assert_eq!(
            first,
            [(2, "a\nb\nb\n".to_owned(), 3), (0, "b\nc\n".to_owned(), 2)]
        );
        assert_eq!(second, [(0, "a\nb\n".to_owned(), 2)]);
    }

    #[test]
    fn a_part_knows_what_it_is_part_of() {
        let message = lines("one\ntwo\nthree");
        let mut pieces = Pieces::default();
        pieces.add_line(1, b"two\n", &message);
        pieces.add_line(5, b"three\n", &message);

        let taken = pieces.take(&message).pieces;

        for (_, piece) in taken {
            let entry = piece.entry();
            assert_eq!((entry.lines, entry.files), (1, 2));
            assert_eq!((entry.message_lines, entry.message_len), (3, 14));
        }
    }
}
