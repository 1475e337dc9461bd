//! Content codings (RFC 9110 8.4.1), and which of them a client wants (12.5.3).
//!
//! Nothing is compressed here: the caller says which encodings of a representation there are,
//! [`Accepted::choose`] says which of them to send. The field is read once, in one pass and
//! without allocating, into five weights; a client may write what it likes, there is nothing
//! that its values could fill.

use crate::{FieldLines, ascii};

/// How the bytes of a representation are encoded.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub enum Coding {
    /// Not at all.
    Identity,
    /// `gzip`, also asked for as `x-gzip` (RFC 9110 8.4.1.3).
    Gzip,
    /// `zstd` (RFC 8878).
    Zstd,
    /// `br` (RFC 7932).
    Brotli,
}

impl Coding {
    /// All but identity, the smallest result first: what is sent when a client likes them alike.
    pub const BY_PREFERENCE: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// The name in Content-Encoding.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Identity => "identity",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Brotli => "br",
        }
    }

    const fn bit(self) -> u8 {
        match self {
            Self::Identity => 0,
            Self::Gzip => 1,
            Self::Zstd => 2,
            Self::Brotli => 4,
        }
    }
}

/// A set of codings. Identity needs no place in it: it is always there.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Codings(u8);

impl Codings {
    /// Identity alone.
    pub const NONE: Self = Self(0);

    /// These and `coding`.
    #[must_use]
    pub const fn with(self, coding: Coding) -> Self {
        Self(self.0 | coding.bit())
    }

    /// Whether `coding` is among them, or identity.
    #[must_use]
    pub const fn contains(self, coding: Coding) -> bool {
        self.0 & coding.bit() == coding.bit()
    }

    /// Whether there is identity alone, and so nothing to choose.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// What an Accept-Encoding field says, as weights in thousandths; `None` where it says nothing.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Accepted {
    identity: Option<u16>,
    gzip: Option<u16>,
    zstd: Option<u16>,
    brotli: Option<u16>,
    /// `*`: all that is not named.
    any: Option<u16>,
}

impl Accepted {
    /// Reads the field. A member that is not of the grammar is ignored, and so is all but the
    /// first of those that name one coding.
    #[must_use]
    pub fn parse(field: &FieldLines<'_>) -> Self {
        let mut accepted = Self::default();
        for member in field.iter().flat_map(ascii::members) {
            accepted.add(member);
        }
        accepted
    }

    /// The coding to send, of `available` and identity.
    ///
    /// That with the largest weight, and among equals the first of [`Coding::BY_PREFERENCE`].
    /// If nothing is acceptable it is identity, as RFC 9110 12.5.3 advises: a client that cannot
    /// use it is no worse off than with a 406, and others have sent nonsense.
    #[must_use]
    pub fn choose(&self, available: Codings) -> Coding {
        // Rule 2: identity is acceptable unless it is excluded. Being named is worth more than
        // that, so every other weight is doubled to leave room for one below them all.
        let identity = self.identity.or(self.any);
        let mut best = (identity.map_or(1, |weight| 2 * weight), Coding::Identity);
        // Rule 1 would allow anything to a client that sends no such field; those are old or
        // simple programs, which are given what they have always been given.
        for coding in Coding::BY_PREFERENCE.into_iter().rev() {
            // Rule 3: acceptable if listed, unless with a weight of 0.
            let weight = 2 * self.named(coding).or(self.any).unwrap_or(0);
            if available.contains(coding) && weight > 0 && weight >= best.0 {
                best = (weight, coding);
            }
        }
        best.1
    }

    const fn named(&self, coding: Coding) -> Option<u16> {
        match coding {
            Coding::Identity => self.identity,
            Coding::Gzip => self.gzip,
            Coding::Zstd => self.zstd,
            Coding::Brotli => self.brotli,
        }
    }

    /// Takes `codings [ weight ]`, without the white space around it.
    fn add(&mut self, member: &[u8]) {
        let end = member.iter().position(|&byte| byte == b';');
        let (name, weight) = match end.and_then(|end| member.split_at_checked(end)) {
            None => (member, Some(WEIGHT_MAX)),
            Some((name, parameter)) => {
                let parameter = ascii::trim(parameter.get(1..).unwrap_or_default());
                (ascii::trim(name), weight(parameter))
            }
        };
        let (Some(slot), Some(weight)) = (self.slot(name), weight) else {
            return;
        };
        slot.get_or_insert(weight);
    }

    /// The place of the coding `name`, names being case-insensitive (RFC 9110 8.4.1).
    fn slot(&mut self, name: &[u8]) -> Option<&mut Option<u16>> {
        let is = |known: &[u8]| name.eq_ignore_ascii_case(known);
        // By length first, which leaves one or two to compare with.
        match name.len() {
            1 if is(b"*") => Some(&mut self.any),
            2 if is(b"br") => Some(&mut self.brotli),
            4 if is(b"gzip") => Some(&mut self.gzip),
            4 if is(b"zstd") => Some(&mut self.zstd),
            6 if is(b"x-gzip") => Some(&mut self.gzip),
            8 if is(b"identity") => Some(&mut self.identity),
            _ => None,
        }
    }
}

/// A weight of 1, in thousandths.
pub(crate) const WEIGHT_MAX: u16 = 1000;

/// `"q=" qvalue` (RFC 9110 12.4.2), in thousandths.
pub(crate) fn weight(parameter: &[u8]) -> Option<u16> {
    let [b'q' | b'Q', b'=', value @ ..] = parameter else {
        return None;
    };
    let (one, fraction) = match value {
        [whole @ (b'0' | b'1')] => (whole, &[][..]),
        [whole @ (b'0' | b'1'), b'.', fraction @ ..] if fraction.len() <= 3 => (whole, fraction),
        _ => return None,
    };
    let mut thousandths = 0;
    let mut place = 100;
    for digit in fraction {
        if !digit.is_ascii_digit() {
            return None;
        }
        thousandths += place * u16::from(digit - b'0');
        place /= 10;
    }
    match one {
        b'0' => Some(thousandths),
        _ => (thousandths == 0).then_some(WEIGHT_MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::{Accepted, Coding, Codings};
    use crate::{FieldLines, Limits, Request};
    use proptest::prelude::{any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};
    use proptest::strategy::{Just, Strategy};

    const ALL: Codings = Codings::NONE
        .with(Coding::Gzip)
        .with(Coding::Zstd)
        .with(Coding::Brotli);

    #[test]
    fn codings_are_chosen_as_rfc_9110_12_5_3_has_it() {
        use Coding::{Brotli, Gzip, Identity, Zstd};
        const CASES: &[(&str, Coding)] = &[
            // The examples of the RFC.
            ("compress, gzip", Gzip),
            ("", Identity),
            ("*", Brotli),
            ("compress;q=0.5, gzip;q=1.0", Gzip),
            ("gzip;q=1.0, identity; q=0.5, *;q=0", Gzip),
            // What browsers and tools send.
            ("gzip, deflate, br, zstd", Brotli),
            ("gzip, deflate, br", Brotli),
            ("gzip, deflate", Gzip),
            ("deflate, gzip, br, zstd", Brotli),
            ("gzip;q=1.0,deflate;q=0.6,identity;q=0.3", Gzip),
            ("identity", Identity),
            // Weights.
            ("br;q=0.1, gzip;q=0.2", Gzip),
            ("br;q=0.9, zstd;q=0.99, gzip;q=0.999", Gzip),
            ("br;q=1.000, gzip;q=1", Brotli),
            ("zstd;q=0.5, gzip;q=0.5", Zstd),
            ("identity;q=0.5, gzip;q=0.3", Identity),
            ("identity;q=0.5, gzip;q=0.5", Gzip),
            ("identity, gzip", Gzip),
            ("gzip;q=0.001", Gzip),
            ("gzip;q=0", Identity),
            ("gzip;q=0.000", Identity),
            ("gzip;q=0.0, br;q=0", Identity),
            // The rest.
            ("*;q=0.5, br;q=0.1", Zstd),
            ("br;q=0, *", Zstd),
            ("br;q=0, zstd;q=0, *;q=0.1", Gzip),
            ("*;q=0", Identity),
            ("*;q=0, gzip", Gzip),
            ("identity;q=0", Identity),
            ("identity;q=0, gzip;q=0.1", Gzip),
            ("br;q=0.1, zstd;q=0.1, gzip;q=0.1, *;q=0.5", Identity),
            ("br;q=0.1, zstd;q=0.1, gzip;q=0.1", Brotli),
            // Spelling.
            ("x-gzip", Gzip),
            ("X-GZip;Q=1", Gzip),
            ("GZIP", Gzip),
            ("gzip ; q=0.5", Gzip),
            ("gzip\t;\tq=0.5", Gzip),
            (" , ,gzip,,", Gzip),
            ("gzip;q=0, gzip", Identity),
            ("gzip;q=0, x-gzip", Identity),
            ("gzip;q=1.", Gzip),
            ("gzip;q=0.", Identity),
            // What is ignored.
            ("gzip;q=2", Identity),
            ("gzip;q=1.001", Identity),
            ("gzip;q=0.1234", Identity),
            ("gzip;q=.5", Identity),
            ("gzip;q=-1", Identity),
            ("gzip;q=", Identity),
            ("gzip;q", Identity),
            ("gzip;", Identity),
            ("gzip;q =1", Identity),
            ("gzip;q= 1", Identity),
            ("gzip;q=1;q=1", Identity),
            ("gzip;x=1", Identity),
            ("gzip q=1", Identity),
            ("gzip br", Identity),
            ("gzip;q=1\u{b}", Identity),
            ("gzip;q=x, br", Brotli),
            ("br;q=2, gzip", Gzip),
            ("\u{fc}", Identity),
            ("x-br, x-zstd, brotli", Identity),
        ];
        for (value, expected) in CASES {
            let accepted = Accepted::parse(&FieldLines::one(value.as_bytes()));
            assert_eq!(accepted.choose(ALL), *expected, "{value:?}");
            assert_eq!(accepted.choose(Codings::NONE), Identity, "{value:?}");
        }
        let missing = Accepted::parse(&FieldLines::default());
        assert_eq!(missing.choose(ALL), Identity);
    }

    /// RFC 9110 12.5.3 word for word, with text in place of bytes and lists in place of slots.
    fn by_the_book(value: &str, available: Codings) -> Coding {
        let mut listed: Vec<(String, u32)> = Vec::new();
        for element in value.split(',') {
            let element = element.trim_matches([' ', '\t']).to_lowercase();
            let (name, weight) = match element.split_once(';') {
                None => (element.as_str(), Some(1000)),
                Some((name, parameter)) => {
                    let parameter = parameter.trim_matches([' ', '\t']);
                    let value = parameter.strip_prefix("q=").and_then(qvalue);
                    (name.trim_matches([' ', '\t']), value)
                }
            };
            let name = if name == "x-gzip" { "gzip" } else { name };
            if let Some(weight) = weight
                && !listed.iter().any(|(known, _)| known == name)
            {
                listed.push((name.to_owned(), weight));
            }
        }
        let listed_as = |name: &str| {
            let found = listed.iter().find(|(known, _)| known == name);
            found.map(|(_, weight)| *weight)
        };
        let weight = |coding: Coding| listed_as(coding.name()).or_else(|| listed_as("*"));

        let mut candidates: Vec<(u32, Coding)> = Vec::new();
        for coding in Coding::BY_PREFERENCE {
            if available.contains(coding)
                && let Some(weight @ 1..) = weight(coding)
            {
                candidates.push((weight, coding));
            }
        }
        match weight(Coding::Identity) {
            // Not excluded, not asked for: after everything that is.
            None => candidates.push((0, Coding::Identity)),
            Some(0) => {}
            Some(weight) => candidates.push((weight, Coding::Identity)),
        }
        // Stable, so equals stay in the order of preference.
        candidates.sort_by_key(|(weight, _)| std::cmp::Reverse(*weight));
        candidates.first().map_or(Coding::Identity, |best| best.1)
    }

    /// Tries every number there is, in every way it can be written.
    fn qvalue(text: &str) -> Option<u32> {
        (0..=1000).find(|thousandths| {
            let full = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
            // Zeros at the end may be left out, and a point with nothing behind it too.
            let shortest = full.trim_end_matches('0').len();
            let with_point = (shortest..=full.len()).any(|len| full[..len] == *text);
            with_point || (thousandths % 1000 == 0 && full[..1] == *text)
        })
    }

    fn member() -> impl Strategy<Value = String> {
        let name = prop::sample::select(vec![
            "gzip", "x-gzip", "br", "zstd", "identity", "*", "deflate", "GZip", "BR", "", "g zip",
        ]);
        let weight = prop_oneof![
            3 => Just(String::new()),
            3 => "[ \t]?;[ \t]?[qQ]=[01](\\.[0-9]{0,3})?",
            1 => "[ ;q=.01a]{0,6}",
        ];
        (name, weight).prop_map(|(name, weight)| format!("{name}{weight}"))
    }

    fn value() -> impl Strategy<Value = String> {
        let members = prop::collection::vec(member(), 0..6);
        members.prop_map(|members| members.join(", "))
    }

    fn some() -> impl Strategy<Value = Codings> {
        (0..8_u8).prop_map(Codings)
    }

    proptest! {
        #[test]
        fn the_choice_is_that_of_the_slow_reading(value in value(), available in some()) {
            let accepted = Accepted::parse(&FieldLines::one(value.as_bytes()));

            prop_assert_eq!(accepted.choose(available), by_the_book(&value, available));
        }

        /// RFC 9110 5.3: several lines are one list.
        #[test]
        fn it_does_not_matter_how_the_list_is_spread_over_lines(
            values in prop::collection::vec(value(), 1..4),
            available in some(),
        ) {
            let mut head = "GET / HTTP/1.1\r\nHost: a\r\n".to_owned();
            for value in &values {
                head += &format!("Accept-Encoding: {value}\r\nA: b\r\n");
            }
            head += "\r\n";
            let request = Request::parse(head.as_bytes(), &Limits::default()).unwrap().unwrap();
            let spread = Accepted::parse(&request.fields.accept_encoding());

            prop_assert_eq!(spread.choose(available), by_the_book(&values.join(","), available));
        }

        /// What is not there does not matter, and what is chosen is there.
        #[test]
        fn the_choice_holds_while_it_is_available(
            bytes in prop::collection::vec(any::<u8>(), 0..40),
            value in value(),
            more in some(),
            fewer in some(),
        ) {
            for value in [value.as_bytes(), &bytes] {
                let accepted = Accepted::parse(&FieldLines::one(value));
                let (all, part) = (Codings(more.0 | fewer.0), Codings(fewer.0));
                let choice = accepted.choose(all);
                prop_assert!(all.contains(choice));
                if part.contains(choice) {
                    prop_assert_eq!(accepted.choose(part), choice);
                }
            }
        }
    }
}
