//! Notices as JSON, and back.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use super::{Ack, Bye, Control, HostId, LostLines, Need, Notice, NoticeError, hexadecimal};
use crate::name::GroupName;
use crate::stream::{Instance, Number, StreamGroup};

/// All keys of all notices; which are there says which it is.
#[derive(Debug, Default, Deserialize, Serialize)]
struct Object<'a> {
    v: u64,
    #[serde(borrow, skip_serializing_if = "Option::is_none")]
    instance: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    boot: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    program: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pid: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retained: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lines: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lost: Option<Lost>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cut: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    leaving: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    host_id: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ack: Option<ByGroup<'a, u64>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    need: Option<ByGroup<'a, Vec<[u64; 2]>>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    bye: Option<bool>,
}

/// For each group an instance and what is said of its stream.
type ByGroup<'a, T> = BTreeMap<Cow<'a, str>, (Cow<'a, str>, T)>;

#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
#[serde(default)]
struct Lost {
    queue_full: u64,
    buffer_full: u64,
}

const VERSION: u64 = 1;

pub(super) fn parse(body: &[u8]) -> Result<Notice, NoticeError> {
    if body.len() > Notice::LEN_MAX {
        return Err(NoticeError::TooLong { len: body.len() });
    }
    let object: Object<'_> = serde_json::from_slice(body)?;
    if object.v != VERSION {
        return Err(NoticeError::Version { version: object.v });
    }
    if object.instance.is_some() {
        return control(&object).map(Notice::Control);
    }
    let host = checked("host_id", object.host_id.as_deref(), HostId::of_digits)?;
    if object.bye == Some(true) {
        return Ok(Notice::Bye(Bye { host }));
    }
    match (&object.ack, &object.need) {
        (Some(ack), _) => {
            let safe = ack.iter().map(|(group, (of, number))| {
                let (group, instance) = stream(group, of)?;
                Ok((group, instance, *number))
            });
            let safe = bounded("ack", ack.len(), Notice::GROUPS_MAX, safe)?;
            Ok(Notice::Ack(Ack { host, safe }))
        }
        (None, Some(need)) => {
            let count = need.values().map(|(_, ranges)| ranges.len()).sum();
            let ranges = need.iter().map(|(group, (of, ranges))| {
                let (group, instance) = stream(group, of)?;
                let ranges = ranges.iter().map(range).collect::<Result<_, _>>()?;
                Ok((group, instance, ranges))
            });
            let count = need.len().max(count);
            let ranges = bounded("need", count, Notice::RANGES_MAX, ranges)?;
            Ok(Notice::Need(Need { host, ranges }))
        }
        (None, None) => Err(NoticeError::Kind),
    }
}

fn control(object: &Object<'_>) -> Result<Control, NoticeError> {
    let number = |key, value: Option<u64>| {
        let value = value.unwrap_or_default();
        Number::new(value).ok_or_else(|| refused(key, &value))
    };
    let next = number("next", object.next)?;
    let retained = number("retained", object.retained)?;
    if retained > next {
        return Err(refused("retained", &retained));
    }
    let lost = object.lost.unwrap_or_default();
    Ok(Control {
        instance: checked("instance", object.instance.as_deref(), |text| {
            Instance::of_characters(text.as_bytes())
        })?,
        boot: checked("boot", object.boot.as_deref(), hexadecimal)?,
        host: text(object.host.as_deref()),
        program: text(object.program.as_deref()),
        pid: object.pid.unwrap_or_default(),
        group: checked("group", object.group.as_deref(), group)?,
        next,
        retained,
        lines: object.lines.unwrap_or_default(),
        bytes: object.bytes.unwrap_or_default(),
        lost: LostLines {
            queue_full: lost.queue_full,
            buffer_full: lost.buffer_full,
        },
        cut: object.cut.unwrap_or_default(),
        leaving: object.leaving.unwrap_or_default(),
    })
}

/// Text for people: cut to its limit, and without what a terminal or a table obeys.
fn text(text: Option<&str>) -> String {
    let mut kept = String::new();
    for character in text.unwrap_or_default().chars() {
        let character = if character.is_control() {
            char::REPLACEMENT_CHARACTER
        } else {
            character
        };
        if kept.len() + character.len_utf8() > Notice::TEXT_LEN_MAX {
            break;
        }
        kept.push(character);
    }
    kept
}

fn group(text: &str) -> Option<StreamGroup> {
    StreamGroup::try_from(GroupName::new(text).ok()?).ok()
}

fn stream(name: &str, of: &str) -> Result<(StreamGroup, Instance), NoticeError> {
    let group = checked("group", Some(name), group)?;
    let instance = checked("instance", Some(of), |text| {
        Instance::of_characters(text.as_bytes())
    })?;
    Ok((group, instance))
}

fn range(&[first, last]: &[u64; 2]) -> Result<RangeInclusive<u64>, NoticeError> {
    if first == 0 || first > last {
        return Err(refused("need", &format!("{first}-{last}")));
    }
    Ok(first..=last)
}

fn bounded<T>(
    key: &'static str,
    count: usize,
    max: usize,
    values: impl Iterator<Item = Result<T, NoticeError>>,
) -> Result<Vec<T>, NoticeError> {
    if count > max {
        return Err(refused(key, &format!("{count} entries, over {max}")));
    }
    values.collect()
}

fn checked<T>(
    key: &'static str,
    value: Option<&str>,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T, NoticeError> {
    let value = value.unwrap_or_default();
    read(value).ok_or_else(|| refused(key, value))
}

fn refused(key: &'static str, value: &(impl ToString + ?Sized)) -> NoticeError {
    let mut value = value.to_string();
    // It goes into the operator's log.
    let end = value.char_indices().nth(REFUSED_SHOWN).map(|(at, _)| at);
    value.truncate(end.unwrap_or(value.len()));
    NoticeError::Value { key, value }
}

/// Characters of a refused value that are shown.
const REFUSED_SHOWN: usize = 64;

pub(super) fn write(notice: &Notice) -> Vec<u8> {
    let object = match notice {
        Notice::Control(control) => of_control(control),
        Notice::Ack(Ack { host, safe }) => Object {
            ack: Some(
                safe.iter()
                    .map(|(group, of, number)| (group_text(group), (owned(of), *number)))
                    .collect(),
            ),
            ..of_host(*host)
        },
        Notice::Need(Need { host, ranges }) => Object {
            need: Some(
                ranges
                    .iter()
                    .map(|(group, of, ranges)| {
                        let ranges = ranges.iter().map(|range| [*range.start(), *range.end()]);
                        (group_text(group), (owned(of), ranges.collect()))
                    })
                    .collect(),
            ),
            ..of_host(*host)
        },
        Notice::Bye(Bye { host }) => Object {
            bye: Some(true),
            ..of_host(*host)
        },
    };
    #[expect(
        clippy::expect_used,
        reason = "maps with text as keys, numbers and text: nothing in it can fail"
    )]
    serde_json::to_vec(&object).expect("an object of text and numbers")
}

fn of_control(control: &Control) -> Object<'_> {
    Object {
        v: VERSION,
        instance: Some(owned(&control.instance)),
        boot: Some(owned(&HostId(control.boot))),
        host: Some(Cow::Borrowed(&control.host)),
        program: Some(Cow::Borrowed(&control.program)),
        pid: Some(control.pid),
        group: Some(group_text(&control.group)),
        next: Some(control.next.get()),
        retained: Some(control.retained.get()),
        lines: Some(control.lines),
        bytes: Some(control.bytes),
        lost: Some(Lost {
            queue_full: control.lost.queue_full,
            buffer_full: control.lost.buffer_full,
        }),
        cut: Some(control.cut),
        leaving: Some(control.leaving),
        ..Object::default()
    }
}

fn of_host(host: HostId) -> Object<'static> {
    Object {
        v: VERSION,
        host_id: Some(owned(&host)),
        ..Object::default()
    }
}

/// Its characters as they are; what displays it shows a backslash as two.
fn group_text(group: &StreamGroup) -> Cow<'static, str> {
    let name = group.name();
    Cow::Owned(String::from_utf8_lossy(name.as_bytes()).into_owned())
}

fn owned(value: &impl ToString) -> Cow<'static, str> {
    Cow::Owned(value.to_string())
}
