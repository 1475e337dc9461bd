//! One run of a publisher, as its private names tell it.

use std::fmt;

use crate::name::{Name, PrivateGroup, PrivateName};

/// Eight characters chosen at random when a publisher starts.
#[derive(Clone, Copy, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Instance {
    characters: [u8; Self::LEN],
}

impl Instance {
    /// Characters of an instance.
    pub const LEN: usize = 8;

    /// The instance that these bytes of a random source choose: 48 of their 64 bits.
    #[must_use]
    pub fn from_random(bytes: [u8; Self::LEN]) -> Self {
        Self {
            characters: bytes.map(character),
        }
    }

    /// Reads the characters of an instance, as it is displayed; `None` when they are none.
    #[must_use]
    pub fn of_characters(characters: &[u8]) -> Option<Self> {
        let characters: [u8; Self::LEN] = characters.try_into().ok()?;
        let all_ours = characters.iter().all(is_character);
        all_ours.then_some(Self { characters })
    }

    /// Reads the sender of a message: `None` when it is no publisher's private group.
    #[must_use]
    pub fn of_sender(sender: Name) -> Option<Self> {
        let sender = PrivateGroup::try_from(sender).ok()?;
        let [b'L', characters @ .., connection] = sender.private_name() else {
            return None;
        };
        if !is_character(connection) {
            return None;
        }
        Self::of_characters(characters)
    }

    /// The private name of this instance's connection number `connection`.
    ///
    /// The last character counts the connections, cyclic, so that one that comes back never meets
    /// its own old name, which the daemon may still hold.
    #[must_use]
    pub fn private_name(self, connection: u8) -> PrivateName {
        let [a, b, c, d, e, f, g, h] = self.characters;
        let name = [b'L', a, b, c, d, e, f, g, h, character(connection)];
        #[expect(
            clippy::expect_used,
            reason = "ten printable characters, none of them a space, `\"` or `#`"
        )]
        PrivateName::new(name).expect("a name of our own characters")
    }

    /// Its characters.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.characters
    }
}

impl fmt::Display for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.characters.escape_ascii())
    }
}

impl fmt::Debug for Instance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{self}\"")
    }
}

/// The character that the low six bits of `byte` choose.
fn character(byte: u8) -> u8 {
    match byte % 64 {
        upper @ 0..26 => b'A' + upper,
        lower @ 26..52 => b'a' + (lower - 26),
        digit @ 52..62 => b'0' + (digit - 52),
        62 => b'.',
        _ => b'_',
    }
}

fn is_character(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_')
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use proptest::prelude::*;

    use super::*;

    fn sender(private_group: &str) -> Name {
        PrivateGroup::new(private_group).unwrap().into()
    }

    #[test]
    fn there_are_64_characters() {
        let characters: HashSet<u8> = (0..64).map(character).collect();

        assert_eq!(characters.len(), 64);
        assert!(characters.iter().all(is_character));
    }

    #[test]
    fn the_last_character_counts_connections_in_a_circle() {
        let instance = Instance::from_random([0; 8]);
        let name = |connection| instance.private_name(connection).to_string();

        assert_eq!(name(0), "LAAAAAAAAA");
        assert_eq!(name(1), "LAAAAAAAAB");
        assert_eq!(name(63), "LAAAAAAAA_");
        assert_eq!(name(64), name(0));
        assert_eq!(name(255), name(63));
    }

    #[test]
    fn senders_of_another_form_are_no_instance() {
        for private_group in [
            "#http-12345#web",
            "#LAAAAAAAA#web",
            "#lAAAAAAAAA#web",
            "#LAAAA-AAAA#web",
            "#LAAAAAAAA-#web",
            "#L#web",
        ] {
            assert_eq!(
                Instance::of_sender(sender(private_group)),
                None,
                "{private_group}"
            );
        }
        assert_eq!(Instance::of_sender(Name::EMPTY), None);
    }

    proptest! {
        #[test]
        fn every_connection_tells_its_instance(random: [u8; 8], connection: u8) {
            let instance = Instance::from_random(random);

            let name = instance.private_name(connection);
            let read = Instance::of_sender(sender(&format!("#{name}#web01")));

            prop_assert_eq!(read, Some(instance));
        }
    }
}
