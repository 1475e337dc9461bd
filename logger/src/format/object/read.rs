//! Reading `json` and `logfmt` lines back.
//!
//! It takes any flat object that has a time, whoever wrote it, its keys in any order; a key that
//! it does not know is passed over.

use std::time::Duration;

use chrono::DateTime;
use serde_json::{Map, Value};

use super::super::parse::ParseError;
use super::{JSON_BEGIN, LOGFMT_BEGIN, Style, TIME_MAX, string};
use crate::record::OwnedRecord;

/// The record of a line without its newline.
pub(in crate::format) fn read(style: Style, line: &[u8]) -> Result<OwnedRecord, ParseError> {
    let mut found = Found::default();
    match style {
        Style::Json => json(line, &mut found)?,
        Style::Logfmt => logfmt(line, &mut found)?,
    }
    if !found.has_time {
        return Err(missing("time", 0));
    }
    Ok(found.record())
}

/// The time that a line begins with, in Unix seconds.
pub(in crate::format) fn time_of(line: &[u8]) -> Option<u64> {
    let time = line.strip_prefix(JSON_BEGIN);
    let time = time.or_else(|| line.strip_prefix(LOGFMT_BEGIN))?;
    let end = time.iter().position(|byte| matches!(byte, b'"' | b' '))?;
    let time = str::from_utf8(time.get(..end)?).ok()?;
    let time = DateTime::parse_from_rfc3339(time).ok()?;
    u64::try_from(time.timestamp()).ok()
}

const fn missing(expected: &'static str, at: usize) -> ParseError {
    ParseError { expected, at }
}

fn json(line: &[u8], found: &mut Found) -> Result<(), ParseError> {
    let object: Map<String, Value> = serde_json::from_slice(line)
        .map_err(|error| missing("JSON object", error.column().saturating_sub(1)))?;
    for (key, value) in &object {
        let is_taken = match value {
            Value::Null => true,
            Value::String(text) => found.take(key, text),
            Value::Number(number) => found.take(key, &number.to_string()),
            _ => found.take(key, ""),
        };
        if !is_taken {
            return Err(missing("value that its key can have", 0));
        }
    }
    Ok(())
}

fn logfmt(line: &[u8], found: &mut Found) -> Result<(), ParseError> {
    let text = str::from_utf8(line).map_err(|error| missing("UTF-8", error.valid_up_to()))?;
    let mut rest = text.trim_start_matches(' ');
    while !rest.is_empty() {
        let at = text.len() - rest.len();
        let (key, after) = rest
            .split_once('=')
            .ok_or(missing("key and equals sign", at))?;
        let value_at = text.len() - after.len();
        let value_len = value_len(after).ok_or(missing("value", value_at))?;
        let (value, after) = after.split_at_checked(value_len).unwrap_or((after, ""));
        let is_taken = if value.starts_with('"') {
            let value: Result<String, _> = serde_json::from_str(value);
            value.is_ok_and(|value| found.take(key, &value))
        } else {
            found.take(key, value)
        };
        if !is_taken {
            return Err(missing("value that its key can have", value_at));
        }
        rest = after.trim_start_matches(' ');
    }
    Ok(())
}

/// Bytes of the value that `text` begins with; `None` if it is a string without its end.
fn value_len(text: &str) -> Option<usize> {
    if !text.starts_with('"') {
        return Some(text.find(' ').unwrap_or(text.len()));
    }
    let mut is_escaped = false;
    let end = text.bytes().skip(1).position(|byte| {
        let is_end = byte == b'"' && !is_escaped;
        is_escaped = byte == b'\\' && !is_escaped;
        is_end
    });
    Some(end? + 2)
}

/// What was found of a record.
#[derive(Default)]
struct Found {
    record: OwnedRecord,
    has_time: bool,
    request: Option<Vec<u8>>,
    method: Option<Vec<u8>>,
    path: Vec<u8>,
    query: Option<Vec<u8>>,
    protocol: Vec<u8>,
}

impl Found {
    /// Takes a pair, and says whether the value is one that its key can have.
    fn take(&mut self, key: &str, value: &str) -> bool {
        let record = &mut self.record;
        let bytes = || string::bytes_of(value);
        fn put<T>(slot: &mut T, value: Option<T>) -> bool {
            value.map(|value| *slot = value).is_some()
        }
        match key {
            "time" => {
                self.has_time = true;
                let time = DateTime::parse_from_rfc3339(value).ok();
                // Beyond a second is a leap second.
                let micros = time.map(|time| time.timestamp_subsec_micros().min(999_999));
                let time = time.map(|time| time.timestamp());
                let time = time.filter(|time| *time <= TIME_MAX);
                put(&mut record.micros, micros)
                    && put(&mut record.time, time.and_then(|time| time.try_into().ok()))
            }
            "client" => put(&mut record.client, value.parse().ok().map(Some)),
            "user" => put(&mut record.user, Some(Some(bytes()))),
            "host" => put(&mut record.host, Some(Some(bytes()))),
            "port" => put(&mut record.port, value.parse().ok().map(Some)),
            "request" => put(&mut self.request, Some(Some(bytes()))),
            "method" => put(&mut self.method, Some(Some(bytes()))),
            "path" => put(&mut self.path, Some(bytes())),
            "query" => put(&mut self.query, Some(Some(bytes()))),
            "protocol" => put(&mut self.protocol, Some(bytes())),
            "status" => put(&mut record.status, value.parse().ok()),
            "bytes" => put(&mut record.bytes, value.parse().ok()),
            "duration_us" => {
                let micros = value.parse().ok();
                put(
                    &mut record.duration,
                    micros.map(Duration::from_micros).map(Some),
                )
            }
            "referer" => put(&mut record.referer, Some(Some(bytes()))),
            "user_agent" => put(&mut record.user_agent, Some(Some(bytes()))),
            _ => true,
        }
    }

    fn record(self) -> OwnedRecord {
        let request_line = match (self.request, self.method) {
            (Some(request), _) => request,
            (None, Some(mut line)) => {
                line.push(b' ');
                line.extend_from_slice(&self.path);
                if let Some(query) = &self.query {
                    line.push(b'?');
                    line.extend_from_slice(query);
                }
                line.push(b' ');
                line.extend_from_slice(&self.protocol);
                line
            }
            (None, None) => Vec::new(),
        };
        OwnedRecord {
            request_line,
            ..self.record
        }
    }
}
