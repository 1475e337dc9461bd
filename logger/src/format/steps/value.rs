//! What a directive comes to for a record, and its text.

use std::net::{IpAddr, SocketAddr};

use super::super::client;
use super::super::escape::hex_digit;
use super::Field;
use super::directive::{Directive, End, Id, PortOf, TimeForm, Unit};
use super::strftime::{Pattern, digits};
use super::text::Text;
use crate::format::UtcOffset;
use crate::record::{Details, Ending, Record};

/// What a directive comes to.
pub(super) enum Value<'a> {
    Absent,
    Text(Text<'a>),
    Number(u64),
    Millis(u32),
    Micros(u32),
    Address(IpAddr),
    Byte(u8),
    /// A second, and the pattern of its text, which is kept in a slot.
    Second(u64, &'a Pattern, usize),
    Id(Id),
}

impl Field {
    #[inline(always)]
    pub(super) fn value<'a>(&'a self, record: &Record<'a>) -> Value<'a> {
        if let Some(only) = &self.only
            && !only.holds(record.status)
        {
            return Value::Absent;
        }
        self.what.value(record).unwrap_or(Value::Absent)
    }
}

impl Directive {
    /// Whether it can come to a [`Value::Text`].
    pub(super) const fn is_text(&self) -> bool {
        match self {
            Self::Cookie(_)
            | Self::RequestField(_)
            | Self::ResponseField(_)
            | Self::Referer
            | Self::UserAgent
            | Self::Fixed(_)
            | Self::File
            | Self::Host
            | Self::NamedHost
            | Self::Protocol
            | Self::LogId
            | Self::Method
            | Self::Query
            | Self::RequestLine
            | Self::Handler
            | Self::User
            | Self::Path
            | Self::RawPath => true,
            Self::Client
            | Self::Peer
            | Self::Local
            | Self::Content { .. }
            | Self::Received
            | Self::Sent
            | Self::ReceivedAndSent
            | Self::Duration(_)
            | Self::Absent
            | Self::RequestsBefore
            | Self::Port(_)
            | Self::Process(_)
            | Self::Status
            | Self::Time { .. }
            | Self::Ending => false,
        }
    }

    pub(super) const fn is_time_text(&self) -> bool {
        let Self::Time { form, .. } = self else {
            return false;
        };
        matches!(form, TimeForm::Text { .. })
    }

    /// What it comes to for `record`; `None` is written as `-`.
    #[inline(always)]
    fn value<'a>(&'a self, record: &Record<'a>) -> Option<Value<'a>> {
        let text = |bytes| Value::Text(Text::plain(bytes));
        Some(match self {
            Self::Absent => return None,
            Self::Client => Value::Address(record.client?),
            Self::Content { is_hyphen_if_none } if *is_hyphen_if_none && record.bytes == 0 => {
                return None;
            }
            Self::Content { .. } => Value::Number(record.bytes),
            Self::Fixed(bytes) => text(bytes),
            Self::Method => text(record.method()?),
            Self::Path => Value::Text(Text::path(record.path()?)),
            Self::RawPath => text(record.path()?),
            Self::Process(id) => Value::Id(*id),
            Self::Protocol => text(record.protocol()?),
            // What is empty without a query, as in Apache: `%U%q` is the target again.
            Self::Query => text(record.query().unwrap_or_default()),
            Self::Referer => text(record.referer?),
            Self::RequestLine if record.request_line.is_empty() => return None,
            Self::RequestLine => text(record.request_line),
            Self::Status => Value::Number(record.status.into()),
            Self::Time { at, form } => return form.value(record, *at),
            Self::User => Value::Text(Text::word(record.user?)),
            Self::UserAgent => text(record.user_agent?),
            detail => return detail.detail(record.details?),
        })
    }

    fn detail<'a>(&'a self, details: &Details<'a>) -> Option<Value<'a>> {
        let text = |bytes| Value::Text(Text::plain(bytes));
        let port = |of: Option<SocketAddr>| Some(Value::Number(of?.port().into()));
        Some(match self {
            Self::Cookie(name) => text(cookie(details, name)?),
            Self::Duration(unit) => Value::Number(unit.of(details.duration.as_micros())),
            Self::Ending => Value::Byte(match details.ending {
                Ending::Closed => b'-',
                Ending::Kept => b'+',
                Ending::Aborted => b'X',
            }),
            Self::File => text(details.file?),
            Self::Handler => text(details.handler?.as_bytes()),
            Self::Host => Value::Text(Text::word(details.host?)),
            Self::Local => Value::Address(details.local?.ip()),
            Self::LogId => text(details.log_id?),
            Self::NamedHost => Value::Text(Text::host(details.named_host.or(details.host)?)),
            Self::Peer => Value::Address(details.peer?.ip()),
            Self::Port(PortOf::Server) => Value::Number(details.port?.into()),
            Self::Port(PortOf::Local) => return port(details.local),
            Self::Port(PortOf::Remote) => return port(details.peer),
            Self::Received => Value::Number(details.received),
            Self::ReceivedAndSent => Value::Number(details.received.saturating_add(details.sent)),
            Self::RequestField(name) => Value::Text(Text::field(details.request_fields, name)?),
            Self::RequestsBefore => Value::Number(details.requests_before.into()),
            Self::ResponseField(name) => response_field(details, name)?,
            Self::Sent => Value::Number(details.sent),
            // All others are told by the record itself.
            _ => return None,
        })
    }
}

impl TimeForm {
    fn value<'a>(&'a self, record: &Record<'a>, at: End) -> Option<Value<'a>> {
        let (second, micros) = match (at, record.details) {
            (End::Begin, None) if self.is_exact() => return None,
            (End::Begin, details) => (record.time, details.map_or(0, |details| details.micros)),
            (End::End, details) => {
                let details = details?;
                let micros = u128::from(details.micros) + details.duration.as_micros();
                let second = u64::try_from(micros / 1_000_000).ok()?;
                (
                    record.time.saturating_add(second),
                    u32::try_from(micros % 1_000_000).ok()?,
                )
            }
        };
        Some(match self {
            Self::Text { pattern, slot } => Value::Second(second, pattern, *slot),
            Self::Since1970(unit) => {
                Value::Number(unit.of(u128::from(second) * 1_000_000 + u128::from(micros)))
            }
            Self::Fraction(Unit::Microseconds) => Value::Micros(micros),
            Self::Fraction(_) => Value::Millis(micros / 1_000),
        })
    }
}

impl Unit {
    fn of(self, micros: u128) -> u64 {
        let units = match self {
            Self::Seconds => micros / 1_000_000,
            Self::Milliseconds => micros / 1_000,
            Self::Microseconds => micros,
        };
        u64::try_from(units).unwrap_or(u64::MAX)
    }
}

/// A field of the response. Of Content-Type Apache leaves the parameters out (mod_log_config.c:
/// log_header_out).
fn response_field<'a>(details: &Details<'a>, name: &'a str) -> Option<Value<'a>> {
    if !name.eq_ignore_ascii_case("content-type") {
        let text = Text::field(details.response_fields, name)?;
        return Some(Value::Text(text));
    }
    let value = details.response_fields.values(name).next()?;
    let media_type = value.split(|&byte| byte == b';').next()?;
    Some(Value::Text(Text::plain(media_type.trim_ascii_end())))
}

/// The value of the first cookie `name`, in whatever case, as Apache finds it (mod_log_config.c:
/// log_cookie): quotes are part of it, and one without a value is none. It is looked for on every
/// line of the field, which Apache puts together with commas and then takes for part of a name.
fn cookie<'a>(details: &Details<'a>, name: &str) -> Option<&'a [u8]> {
    let lines = details.request_fields.values("cookie");
    let mut pairs = lines.flat_map(|line| line.split(|&byte| byte == b';'));
    pairs.find_map(|pair| {
        let equals = pair.iter().position(|&byte| byte == b'=')?;
        let (seen, value) = pair.split_at_checked(equals)?;
        let value = value.get(1..)?.trim_ascii();
        let is_it = seen.trim_ascii().eq_ignore_ascii_case(name.as_bytes());
        Some(value).filter(|value| is_it && !value.is_empty())
    })
}

impl Value<'_> {
    /// Appends its text.
    #[inline(always)]
    pub(super) fn write(
        &self,
        clocks: &mut Clocks,
        offset: &impl Fn() -> UtcOffset,
        line: &mut Vec<u8>,
    ) {
        match *self {
            Self::Absent => line.push(b'-'),
            Self::Text(text) => text.write(line),
            Self::Number(number) => put_number(number, line),
            Self::Millis(millis) => digits::<3>(millis, b'0', line),
            Self::Micros(micros) => digits::<6>(micros, b'0', line),
            Self::Address(address) => client::write(Some(address), line),
            Self::Byte(byte) => line.push(byte),
            Self::Second(second, pattern, slot) => {
                line.extend_from_slice(clocks.text(second, pattern, slot, offset));
            }
            Self::Id(Id::Process) => put_number(clocks.process.into(), line),
            Self::Id(Id::Thread) => put_number(clocks.thread().into(), line),
            Self::Id(Id::ThreadInHex) => put_hex(clocks.thread(), line),
        }
    }
}

fn put_number(number: u64, line: &mut Vec<u8>) {
    line.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

fn put_hex(number: u32, line: &mut Vec<u8>) {
    let digits = (32 - number.leading_zeros()).div_ceil(4).max(1);
    for digit in (0..digits).rev() {
        line.push(hex_digit((number >> (digit * 4) & 0xf) as u8));
    }
}

/// What a writer knows from one line to the next.
#[derive(Clone, Debug)]
pub(super) struct Clocks {
    seconds: Vec<Kept>,
    process: u32,
    /// Of the thread that writes, which is asked for when it is needed.
    thread: Option<u32>,
}

/// The text of the second that was written last at one place of a line.
#[derive(Clone, Debug)]
struct Kept {
    second: Option<u64>,
    text: Vec<u8>,
}

impl Clocks {
    pub(super) fn new<'p>(patterns: impl Iterator<Item = &'p Pattern>) -> Self {
        let seconds = patterns.map(|pattern| Kept {
            second: None,
            text: Vec::with_capacity(pattern.len_max()),
        });
        Self {
            seconds: seconds.collect(),
            process: std::process::id(),
            thread: None,
        }
    }

    fn text(
        &mut self,
        second: u64,
        pattern: &Pattern,
        slot: usize,
        offset: &impl Fn() -> UtcOffset,
    ) -> &[u8] {
        let Some(kept) = self.seconds.get_mut(slot) else {
            return &[];
        };
        if kept.second != Some(second) {
            kept.second = Some(second);
            kept.text.clear();
            pattern.write(second, offset(), &mut kept.text);
        }
        &kept.text
    }

    fn thread(&mut self) -> u32 {
        let ask = || {
            rustix::thread::gettid()
                .as_raw_nonzero()
                .get()
                .unsigned_abs()
        };
        *self.thread.get_or_insert_with(ask)
    }
}
