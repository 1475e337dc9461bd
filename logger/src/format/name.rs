//! The formats that have names.

use super::Format;

/// The names.
pub(super) const NAMES: &[&str] = &["common", "combined", "vhost_combined", "json", "logfmt"];

/// The format of a name.
pub(super) fn named(name: &str) -> Option<Format> {
    Some(match name {
        "common" => Format::Common,
        "combined" => Format::Combined,
        "vhost_combined" => Format::VhostCombined,
        "json" => Format::Json,
        "logfmt" => Format::Logfmt,
        _ => return None,
    })
}

/// The name of a format.
pub(super) const fn of(format: &Format) -> Option<&'static str> {
    Some(match format {
        Format::Common => "common",
        Format::Combined => "combined",
        Format::VhostCombined => "vhost_combined",
        Format::Json => "json",
        Format::Logfmt => "logfmt",
        Format::Custom(_) => return None,
    })
}

/// The name that was meant by a word with two letters wrong at most.
pub(super) fn nearest(word: &str) -> Option<&'static str> {
    let mut distances = NAMES.iter().map(|name| (distance(word, name), *name));
    let (distance, name) = distances.by_ref().min()?;
    (distance <= 2).then_some(name)
}

/// Letters to put in, leave out or replace (Levenshtein), of short words.
fn distance(one: &str, other: &str) -> usize {
    // Longer words are far from all names.
    if one.len() > 32 {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, seen) in one.bytes().enumerate() {
        let (mut diagonal, mut left) = (at, at + 1);
        let Some((first, rest)) = row.split_first_mut() else {
            continue;
        };
        *first = left;
        for (above, expected) in rest.iter_mut().zip(other.bytes()) {
            let replaced = diagonal + usize::from(!seen.eq_ignore_ascii_case(&expected));
            diagonal = *above;
            left = replaced.min(*above + 1).min(left + 1);
            *above = left;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_format_is_found_by_its_name_and_named_by_it() {
        for name in NAMES {
            let format: Format = name.parse().unwrap();
            assert_eq!(format.to_string(), *name);
            if let Some(text) = format.text() {
                assert_eq!(Format::compile(text).as_ref(), Ok(&format));
            }
        }
    }

    #[test]
    fn a_word_that_is_nearly_a_name_is_told_which() {
        for (word, name) in [
            ("combnied", Some("combined")),
            ("Common", Some("common")),
            ("commn", Some("common")),
            ("vhost-combined", Some("vhost_combined")),
            ("access", None),
            ("", None),
        ] {
            assert_eq!(nearest(word), name, "{word}");
        }
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
