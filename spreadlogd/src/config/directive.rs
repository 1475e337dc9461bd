//! The directives of the original's grammar: which there are, where each stands, what follows it.
//!
//! `PythonLib` is in the original's grammar though its lexer never produced it; from `Ledger` on
//! and from `Exclude` on they are ours.

use super::nearest::nearness;

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
    /// `WORD`, or for kindness `= WORD`
    Word,
}

/// A directive by its name in the file.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Key {
    Spread,
    Log,
    Default,
    BufferSize,
    ModuleDir,
    LoadModule,
    PerlLib,
    PerlUse,
    PythonLib,
    PythonImport,
    Ledger,
    Port,
    Host,
    Group,
    Base,
    File,
    Match,
    VhostDir,
    RewriteTimestamp,
    ModuleLog,
    PerlLog,
    PerlHup,
    PythonLog,
    Exclude,
    Where,
    Rotate,
    Compress,
    Keep,
    Mode,
    Sync,
    Format,
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
    row("ModuleDir", Key::ModuleDir, Place::File, Shape::Value),
    row("LoadModule", Key::LoadModule, Place::File, Shape::Word),
    row("PerlLib", Key::PerlLib, Place::File, Shape::Word),
    row("PerlUse", Key::PerlUse, Place::File, Shape::Word),
    row("PythonLib", Key::PythonLib, Place::File, Shape::Word),
    row("PythonImport", Key::PythonImport, Place::File, Shape::Word),
    row("Ledger", Key::Ledger, Place::File, Shape::Value),
    row("Port", Key::Port, Place::Spread, Shape::Value),
    row("Host", Key::Host, Place::Spread, Shape::Value),
    row("Log", Key::Log, Place::Spread, Shape::Block),
    row("Default", Key::Default, Place::Spread, Shape::Block),
    row("Group", Key::Group, Place::Log, Shape::Value),
    row("File", Key::File, Place::Log, Shape::Value),
    row("Base", Key::Base, Place::Log, Shape::Value),
    row("Match", Key::Match, Place::Log, Shape::Value),
    row("VhostDir", Key::VhostDir, Place::Log, Shape::Value),
    row(
        "RewriteTimestamp",
        Key::RewriteTimestamp,
        Place::Log,
        Shape::Value,
    ),
    row("ModuleLog", Key::ModuleLog, Place::Log, Shape::Word),
    row("PerlLog", Key::PerlLog, Place::Log, Shape::Word),
    row("PerlHup", Key::PerlHup, Place::Log, Shape::Word),
    row("PythonLog", Key::PythonLog, Place::Log, Shape::Word),
    row("Exclude", Key::Exclude, Place::Log, Shape::Value),
    row("Where", Key::Where, Place::Log, Shape::Value),
    row("Rotate", Key::Rotate, Place::Log, Shape::Value),
    row("Compress", Key::Compress, Place::Log, Shape::Value),
    row("Keep", Key::Keep, Place::Log, Shape::Value),
    row("Mode", Key::Mode, Place::Log, Shape::Value),
    row("Sync", Key::Sync, Place::Log, Shape::Value),
    row("Format", Key::Format, Place::Log, Shape::Value),
];

/// The directive of this name; names are case-sensitive, as they always were.
pub(super) fn find(name: &[u8]) -> Option<&'static Directive> {
    DIRECTIVES.iter().find(|d| d.name.as_bytes() == name)
}

/// The directive that a misspelt `name` most likely means: of this place if one is as near
/// there as anywhere.
pub(super) fn nearest(name: &[u8], place: Place) -> Option<&'static str> {
    let near = |d: &Directive| {
        let nearness = nearness(name, d.name.as_bytes())?;
        Some((nearness, d.place != place, d.name))
    };
    let nearest = DIRECTIVES.iter().filter_map(near).min();
    nearest.map(|(.., name)| name)
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
}
