//! The chunked transfer coding, RFC 9112 section 7.1, read by a state machine.
//!
//! ```text
//! 1a;name="value"\r\n   Size, extension states, SizeLf
//! 26 bytes of data\r\n  Data, DataCr, DataLf
//! 0\r\n                 the last chunk has no data
//! Field: value\r\n      trailer states
//! \r\n                  EndLf, Done
//! ```
//!
//! Every byte must be where the grammar has it. Extensions and trailers mean nothing here,
//! but they are read as strictly as the rest: a line end that another server sees inside them
//! and this one does not is where a smuggled request would begin.

use crate::{Reject, ascii};

/// Bytes of a size line with its extensions: more is no extension anybody has defined.
const LINE_MAX: usize = 256;
/// Bytes of all size lines beyond their digits in one content. Without this limit one byte of
/// data could cost 256 of extension, a thousand times over.
const EXTENSIONS_MAX: usize = 4 * 1024;
/// Bytes of the trailer section.
const TRAILERS_MAX: usize = 8 * 1024;

#[derive(Clone, Debug)]
pub(super) struct Chunked {
    state: State,
    /// The size of the chunk being read, then what is left of its data.
    size: u64,
    /// Bytes of data that may still come.
    allowed: u64,
    max: u64,
    line_len: usize,
    extensions_len: usize,
    trailers_len: usize,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum State {
    /// Before the first digit.
    SizeStart,
    Size,
    /// Blanks after the size or an extension, which only `;` may follow.
    BeforeSemicolon,
    BeforeName,
    Name,
    /// Blanks after an extension's name.
    AfterName,
    BeforeValue,
    Value,
    Quoted,
    QuotedPair,
    /// Directly behind a quoted value.
    AfterQuoted,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    EndLf,
    Done,
}

impl Chunked {
    pub(super) const fn new(max: u64) -> Self {
        Self {
            state: State::SizeStart,
            size: 0,
            allowed: max,
            max,
            line_len: 0,
            extensions_len: 0,
            trailers_len: 0,
        }
    }

    pub(super) const fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    pub(super) fn discard(&mut self, buf: &[u8]) -> Result<usize, Reject> {
        let mut rest = buf;
        while let [byte, after @ ..] = rest {
            rest = match self.state {
                State::Done => break,
                State::Data => self.data(rest),
                _ => {
                    self.count()?;
                    self.state = self.step(*byte)?;
                    after
                }
            };
        }
        Ok(buf.len() - rest.len())
    }

    /// Skips the data of a chunk at once.
    fn data<'a>(&mut self, rest: &'a [u8]) -> &'a [u8] {
        let taken = usize::try_from(self.size).map_or(rest.len(), |size| size.min(rest.len()));
        self.size -= u64::try_from(taken).unwrap_or(self.size);
        if self.size == 0 {
            self.state = State::DataCr;
        }
        rest.get(taken..).unwrap_or_default()
    }

    /// Counts a byte that is not data against its limit.
    fn count(&mut self) -> Result<(), Reject> {
        match self.state {
            State::DataCr | State::DataLf | State::Data | State::Done => {}
            State::TrailerStart
            | State::TrailerName
            | State::TrailerValue
            | State::TrailerLf
            | State::EndLf => {
                self.trailers_len += 1;
                if self.trailers_len > TRAILERS_MAX {
                    return Err(Reject::TrailersTooLong { max: TRAILERS_MAX });
                }
            }
            state => {
                self.line_len += 1;
                if self.line_len > LINE_MAX {
                    return Err(Reject::ChunkLineTooLong { max: LINE_MAX });
                }
                if !matches!(state, State::SizeStart | State::Size | State::SizeLf) {
                    self.extensions_len += 1;
                }
                if self.extensions_len > EXTENSIONS_MAX {
                    return Err(Reject::ChunkExtensionsTooLong {
                        max: EXTENSIONS_MAX,
                    });
                }
            }
        }
        Ok(())
    }

    fn step(&mut self, byte: u8) -> Result<State, Reject> {
        match self.state {
            State::SizeStart | State::Size => self.size(byte),
            State::SizeLf => {
                expect(byte, b'\n', Reject::LineEnd)?;
                self.line_len = 0;
                Ok(self.after_size())
            }
            State::DataCr => expect(byte, b'\r', Reject::Chunk).map(|()| State::DataLf),
            State::DataLf => expect(byte, b'\n', Reject::Chunk).map(|()| State::SizeStart),
            State::TrailerStart
            | State::TrailerName
            | State::TrailerValue
            | State::TrailerLf
            | State::EndLf => trailer(self.state, byte),
            // `discard` skips data and stops when done: neither comes here.
            State::Data | State::Done => Ok(self.state),
            state => extension(state, byte),
        }
    }

    fn size(&mut self, byte: u8) -> Result<State, Reject> {
        if let Some(digit) = ascii::hex_digit(byte) {
            // RFC 9112 7.1: large numerals must not overflow. Whatever is above the limit is
            // refused at its last digit that fits.
            let size = self
                .size
                .checked_mul(16)
                .map(|size| size + u64::from(digit));
            let fits = size.filter(|size| *size <= self.allowed);
            self.size = fits.ok_or(Reject::ContentTooLarge { max: self.max })?;
            return Ok(State::Size);
        }
        match (self.state, byte) {
            (State::Size, b'\r') => Ok(State::SizeLf),
            (State::Size, b';') => Ok(State::BeforeName),
            (State::Size, b' ' | b'\t') => Ok(State::BeforeSemicolon),
            (State::Size, b'\n') => Err(Reject::LineEnd),
            _ => Err(Reject::Chunk),
        }
    }

    fn after_size(&mut self) -> State {
        self.allowed -= self.size;
        if self.size == 0 {
            State::TrailerStart
        } else {
            State::Data
        }
    }
}

/// `chunk-ext = *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )`
fn extension(state: State, byte: u8) -> Result<State, Reject> {
    use State::{
        AfterName, AfterQuoted, BeforeName, BeforeSemicolon, BeforeValue, Name, Quoted, QuotedPair,
        SizeLf, Value,
    };
    Ok(match (state, byte) {
        (Quoted, b'"') => AfterQuoted,
        (Quoted, b'\\') => QuotedPair,
        (Quoted | QuotedPair, _) if ascii::is_field_value(byte) => Quoted,
        (Name, _) if ascii::is_token(byte) => Name,
        (Value, _) if ascii::is_token(byte) => Value,
        (BeforeName, _) if ascii::is_token(byte) => Name,
        (BeforeValue, _) if ascii::is_token(byte) => Value,
        (BeforeValue, b'"') => Quoted,
        (BeforeName | BeforeValue | BeforeSemicolon, b' ' | b'\t') => state,
        (Name | AfterName, b' ' | b'\t') => AfterName,
        (Name | AfterName, b'=') => BeforeValue,
        (Value | AfterQuoted, b' ' | b'\t') => BeforeSemicolon,
        (BeforeSemicolon | Name | AfterName | Value | AfterQuoted, b';') => BeforeName,
        (Name | Value | AfterQuoted, b'\r') => SizeLf,
        (_, b'\n') => return Err(Reject::LineEnd),
        _ => return Err(Reject::Chunk),
    })
}

/// `trailer-section = *( field-line CRLF )` and the CRLF that ends the content.
fn trailer(state: State, byte: u8) -> Result<State, Reject> {
    Ok(match (state, byte) {
        (State::TrailerStart, b'\r') => State::EndLf,
        (State::TrailerStart | State::TrailerName, _) if ascii::is_token(byte) => {
            State::TrailerName
        }
        (State::TrailerName, b':') => State::TrailerValue,
        (State::TrailerValue, b'\r') => State::TrailerLf,
        (State::TrailerValue, _) if ascii::is_field_value(byte) => State::TrailerValue,
        (State::TrailerLf, b'\n') => State::TrailerStart,
        (State::EndLf, b'\n') => State::Done,
        (State::TrailerLf | State::EndLf, _) | (_, b'\n') => return Err(Reject::LineEnd),
        _ => return Err(Reject::Trailer),
    })
}

fn expect(byte: u8, expected: u8, reject: Reject) -> Result<(), Reject> {
    if byte == expected {
        Ok(())
    } else {
        Err(reject)
    }
}
