//! The number of a message, the group it counts in, and the name that carries it.

use std::fmt;
use std::num::NonZeroU64;

use super::Instance;
use crate::name::{GroupName, Name};
use crate::wire::Message;

/// The place of a message among those of its instance to its group, from 1.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Number(NonZeroU64);

impl Number {
    /// The first.
    pub const FIRST: Self = Self(NonZeroU64::MIN);

    /// `None` for 0, which is none.
    #[must_use]
    pub fn new(number: u64) -> Option<Self> {
        NonZeroU64::new(number).map(Self)
    }

    /// The one after this. The last of all is its own successor: at a million messages a second
    /// it is half a million years away.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The number itself.
    #[must_use]
    pub const fn get(self) -> u64 {
        self.0.get()
    }

    /// The name that carries it, `+17`. Nobody joins such a name.
    #[must_use]
    pub fn name(self) -> Name {
        let mut field = [0; Name::FIELD_LEN];
        let digits = format!("+{}", self.0);
        for (to, from) in field.iter_mut().zip(digits.bytes()) {
            *to = from;
        }
        Name::from_field(&field)
    }

    /// Reads such a name; `None` unless it is exactly as [`Number::name`] writes it.
    #[must_use]
    pub fn of_name(name: Name) -> Option<Self> {
        let digits = name.as_bytes().strip_prefix(b"+")?;
        // What `parse` takes beside what `name` writes: a second sign and leading zeros.
        if !digits.first().is_some_and(|b| (b'1'..=b'9').contains(b)) {
            return None;
        }
        let number = str::from_utf8(digits).ok()?.parse().ok()?;
        Some(Self(number))
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A group whose messages can be numbered.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct StreamGroup(GroupName);

/// The group of all controls, whatever stream they tell of: `.ctl`. Who wants groups that he does
/// not know the names of joins it.
#[must_use]
pub fn announcements() -> Name {
    joined(b"", b".ctl")
}

impl StreamGroup {
    /// The group beside it, where publishers tell of their streams: its name and `.ctl`.
    #[must_use]
    pub fn control(self) -> Name {
        joined(self.0.as_bytes(), b".ctl")
    }

    /// The name in the address of a repair that tells the group: `=` and its name. Nobody joins
    /// such a name.
    #[must_use]
    pub fn repair_name(self) -> Name {
        joined(b"=", self.0.as_bytes())
    }

    /// Reads such a name; `None` when it is none.
    #[must_use]
    pub fn of_repair_name(name: Name) -> Option<Self> {
        let group = name.as_bytes().strip_prefix(b"=")?;
        Self::try_from(GroupName::new(group).ok()?).ok()
    }

    /// 27: with the four bytes of `.ctl` it names the group beside it, which has at most 31.
    pub const LEN_MAX: usize = 27;

    /// The group's name.
    #[must_use]
    pub const fn name(self) -> GroupName {
        self.0
    }
}

impl TryFrom<GroupName> for StreamGroup {
    type Error = GroupTooLong;

    fn try_from(group: GroupName) -> Result<Self, GroupTooLong> {
        if group.as_bytes().len() > Self::LEN_MAX {
            return Err(GroupTooLong { group });
        }
        Ok(Self(group))
    }
}

impl fmt::Display for StreamGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

/// A group name that leaves no room for the group beside it.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[error(
    "group {group} has {} bytes: choose a name of at most {} to log to",
    group.as_bytes().len(),
    StreamGroup::LEN_MAX
)]
pub struct GroupTooLong {
    /// The name.
    pub group: GroupName,
}

/// The sender and the number of a message of a numbered stream.
///
/// `None` unless the sender is a publisher's private group and the address exactly a group that
/// can be numbered and a number: anything else (mod_log_spread, scripts) is taken as it comes.
#[must_use]
pub fn numbered(message: &Message) -> Option<(Instance, Number)> {
    let [group, number] = *message.groups.as_slice() else {
        return None;
    };
    StreamGroup::try_from(GroupName::try_from(group).ok()?).ok()?;
    Some((
        Instance::of_sender(message.sender)?,
        Number::of_name(number)?,
    ))
}

/// The stream and the number of a message that was sent again, to `own` alone.
///
/// Its address is the private group of the one who asked, the group, and the number; anything else
/// is `None`.
#[must_use]
pub fn repaired(message: &Message, own: Name) -> Option<(Instance, StreamGroup, Number)> {
    let [to, group, number] = *message.groups.as_slice() else {
        return None;
    };
    if to != own {
        return None;
    }
    Some((
        Instance::of_sender(message.sender)?,
        StreamGroup::of_repair_name(group)?,
        Number::of_name(number)?,
    ))
}

/// Two parts of a name, which are together within its length.
fn joined(first: &[u8], second: &[u8]) -> Name {
    let mut field = [0; Name::FIELD_LEN];
    for (to, from) in field.iter_mut().zip(first.iter().chain(second)) {
        *to = *from;
    }
    Name::from_field(&field)
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use proptest::prelude::*;

    use super::*;
    use crate::name::PrivateGroup;
    use crate::wire::Service;

    fn name(text: &str) -> Name {
        let mut field = [0; Name::FIELD_LEN];
        field[..text.len()].copy_from_slice(text.as_bytes());
        Name::from_field(&field)
    }

    fn message(sender: &str, groups: &[&str]) -> Message {
        Message {
            service: Service::Agreed,
            self_discard: false,
            sender: PrivateGroup::new(sender).unwrap().into(),
            groups: groups.iter().map(|group| name(group)).collect(),
            mess_type: 0,
            foreign_endian: false,
            body: Bytes::new(),
        }
    }

    #[test]
    fn only_what_name_writes_is_a_number() {
        for text in [
            "",
            "+",
            "+0",
            "+01",
            "++1",
            "+-1",
            "1",
            "=1",
            "+1 ",
            "+1a",
            "+18446744073709551616",
        ] {
            assert_eq!(Number::of_name(name(text)), None, "{text}");
        }
        let last = Number::of_name(name("+18446744073709551615")).unwrap();
        assert_eq!(last.get(), u64::MAX);
        assert_eq!(last.next(), last);
    }

    #[test]
    fn a_message_is_numbered_when_sender_and_address_have_the_form() {
        let number = Number::FIRST.next();
        let longest = "g".repeat(27);
        let ours = "#LAAAAAAAAA#web";
        let instance = Instance::from_random([0; 8]);

        for group in ["access_log", &longest] {
            let message = message(ours, &[group, "+2"]);
            assert_eq!(numbered(&message), Some((instance, number)), "{group}");
        }
    }

    #[test]
    fn a_message_of_another_form_is_not_numbered() {
        let too_long = "g".repeat(28);
        let ours = "#LAAAAAAAAA#web";
        let cases: &[(&str, &[&str])] = &[
            ("#http-1#web", &["access_log", "+1"]),
            (ours, &["access_log"]),
            (ours, &["+1"]),
            (ours, &["access_log", "+1", "other"]),
            (ours, &["+1", "access_log"]),
            (ours, &["access_log", "+01"]),
            (ours, &["#LAAAAAAAAA#web", "+1"]),
            (ours, &["", "+1"]),
            (ours, &[&too_long, "+1"]),
            (ours, &[]),
        ];
        for (sender, groups) in cases {
            assert_eq!(
                numbered(&message(sender, groups)),
                None,
                "{sender} {groups:?}"
            );
        }
    }

    #[test]
    fn a_group_too_long_to_log_to_is_refused_by_name() {
        let group = GroupName::new("g".repeat(28)).unwrap();

        let error = StreamGroup::try_from(group).unwrap_err().to_string();

        assert_eq!(
            error,
            "group gggggggggggggggggggggggggggg has 28 bytes: choose a name of at most 27 to log to"
        );
    }

    #[test]
    fn a_repair_is_one_when_it_is_for_us_and_from_a_publisher() {
        let longest = "g".repeat(27);
        let (ours, own) = ("#LAAAAAAAAA#web", "#host#log");
        let instance = Instance::from_random([0; 8]);
        for group in ["access_log", &longest] {
            let group = StreamGroup::try_from(GroupName::new(group).unwrap()).unwrap();
            let address = [own.to_owned(), format!("={group}"), "+2".to_owned()];
            let message = message(ours, &address.each_ref().map(String::as_str));
            assert_eq!(
                StreamGroup::of_repair_name(group.repair_name()),
                Some(group)
            );
            assert_eq!(
                repaired(&message, name(own)),
                Some((instance, group, Number::FIRST.next()))
            );
            assert_eq!(repaired(&message, name("#other#log")), None);
            assert_eq!(numbered(&message), None);
        }
        for groups in [
            &[own, "access_log", "+2"][..],
            &[own, "=", "+2"],
            &[own, "=access_log", "2"],
            &[own, "=access_log"],
        ] {
            assert_eq!(repaired(&message(ours, groups), name(own)), None);
        }
        let stranger = message("#http-1#web", &[own, "=access_log", "+2"]);
        assert_eq!(repaired(&stranger, name(own)), None);
    }

    #[test]
    fn the_longest_group_has_a_control_group_of_its_own() {
        let group = GroupName::new("g".repeat(27)).unwrap();
        let control = StreamGroup::try_from(group).unwrap().control();

        assert_eq!(
            control.as_bytes(),
            format!("{}.ctl", "g".repeat(27)).as_bytes()
        );
    }

    proptest! {
        #[test]
        fn of_name_undoes_name(number: NonZeroU64) {
            let number = Number(number);

            prop_assert_eq!(Number::of_name(number.name()), Some(number));
        }
    }
}
