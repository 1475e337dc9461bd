//! The directives of the original's grammar: which there are, where each stands, what follows it.
//!
//! The table holds all of them, also those that this version refuses, so that an old file is
//! answered with "not supported by this version" rather than "unknown". `PythonLib` is in the
//! original's grammar though its lexer never produced it.

/// The block a directive stands in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Place {
    /// Outside all blocks.
    File,
    /// In `Spread { … }`.
    Spread,
    /// In `Log { … }`.
    Log,
}

impl Place {
    /// The place in words that follow "belongs".
    pub(super) const fn described(self) -> &'static str {
        match self {
            Self::File => "outside all blocks",
            Self::Spread => "in a Spread block",
            Self::Log => "in a Log block",
        }
    }
}

/// What follows a directive's name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Shape {
    /// `{ … }`
    Block,
    /// `= WORD`
    Value,
    /// `WORD`
    Word,
    /// `WORD [WORD]`
    Words,
}

/// A directive by its name in the file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Key {
    Spread,
    Log,
    BufferSize,
    /// Ours: where the ledger is.
    Ledger,
    Port,
    Host,
    Group,
    File,
    /// Known, and not supported by this version.
    Refused,
}

/// A row of the table.
#[derive(Debug)]
pub(super) struct Directive {
    pub(super) name: &'static str,
    pub(super) key: Key,
    pub(super) place: Place,
    pub(super) shape: Shape,
}

const fn row(name: &'static str, key: Key, place: Place, shape: Shape) -> Directive {
    Directive {
        name,
        key,
        place,
        shape,
    }
}

const DIRECTIVES: &[Directive] = &[
    row("Spread", Key::Spread, Place::File, Shape::Block),
    row("BufferSize", Key::BufferSize, Place::File, Shape::Value),
    row("Ledger", Key::Ledger, Place::File, Shape::Value),
    row("Port", Key::Port, Place::Spread, Shape::Value),
    row("Host", Key::Host, Place::Spread, Shape::Value),
    row("Log", Key::Log, Place::Spread, Shape::Block),
    row("Group", Key::Group, Place::Log, Shape::Value),
    row("File", Key::File, Place::Log, Shape::Value),
    row("ModuleDir", Key::Refused, Place::File, Shape::Value),
    row("LoadModule", Key::Refused, Place::File, Shape::Words),
    row("PerlLib", Key::Refused, Place::File, Shape::Word),
    row("PerlUse", Key::Refused, Place::File, Shape::Word),
    row("PythonLib", Key::Refused, Place::File, Shape::Word),
    row("PythonImport", Key::Refused, Place::File, Shape::Word),
    row("Match", Key::Refused, Place::Log, Shape::Value),
    row("VhostDir", Key::Refused, Place::Log, Shape::Value),
    row("RewriteTimestamp", Key::Refused, Place::Log, Shape::Value),
    row("ModuleLog", Key::Refused, Place::Log, Shape::Word),
    row("PerlLog", Key::Refused, Place::Log, Shape::Word),
    row("PerlHup", Key::Refused, Place::Log, Shape::Word),
    row("PythonLog", Key::Refused, Place::Log, Shape::Word),
];

/// The directive of this name; names are case-sensitive, as they always were.
pub(super) fn find(name: &[u8]) -> Option<&'static Directive> {
    DIRECTIVES.iter().find(|d| d.name.as_bytes() == name)
}

/// The directive that a misspelt `name` most likely means: of this place if one is as near
/// there as anywhere.
pub(super) fn nearest(name: &[u8], place: Place) -> Option<&'static str> {
    let tolerated = name.len().div_ceil(3);
    DIRECTIVES
        .iter()
        .map(|d| (distance(name, d.name.as_bytes()), d.place != place, d.name))
        .filter(|(distance, ..)| *distance <= tolerated)
        .min()
        .map(|(.., name)| name)
}

/// How many bytes must be put in, taken out or replaced to make `b` of `a` (Levenshtein's
/// distance), with no charge for the case of a letter.
fn distance(a: &[u8], b: &[u8]) -> usize {
    // No directive is near a word twice its length, and this bounds the work.
    if a.len() > 2 * b.len() {
        return a.len();
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, from) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (to, cell) in b.iter().zip(row.iter_mut().skip(1)) {
            let replaced = diagonal + usize::from(!from.eq_ignore_ascii_case(to));
            diagonal = *cell;
            left = replaced.min(*cell + 1).min(left + 1);
            *cell = left;
        }
    }
    row.last().copied().unwrap_or(a.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_of_the_finger_is_recognised() {
        const CASES: &[(&str, Place, Option<&str>)] = &[
            ("Grup", Place::Log, Some("Group")),
            ("group", Place::Log, Some("Group")),
            ("PORT", Place::Spread, Some("Port")),
            ("Hosts", Place::Spread, Some("Host")),
            ("Flie", Place::Log, Some("File")),
            ("RewriteTimestamps", Place::Log, Some("RewriteTimestamp")),
            ("PerlLab", Place::Log, Some("PerlLib")),
            ("access_log", Place::Log, None),
            ("", Place::File, None),
        ];
        for (word, place, expected) in CASES {
            assert_eq!(nearest(word.as_bytes(), *place), *expected, "{word}");
        }
    }

    #[test]
    fn distance_counts_single_changes() {
        const CASES: &[(&str, &str, usize)] = &[
            ("", "abc", 3),
            ("abc", "abc", 0),
            ("abc", "ABC", 0),
            ("kitten", "sitting", 3),
            ("flaw", "lawn", 2),
        ];
        for (a, b, expected) in CASES {
            assert_eq!(distance(a.as_bytes(), b.as_bytes()), *expected, "{a} {b}");
        }
    }
}
