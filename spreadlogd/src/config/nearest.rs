//! The name that a misspelt word most likely means.

/// The nearest of `names`, if one is near enough to be meant.
pub(super) fn nearest<'n>(
    word: &[u8],
    names: impl IntoIterator<Item = &'n str>,
) -> Option<&'n str> {
    let names = names.into_iter();
    let near = names.filter_map(|name| Some((nearness(word, name.as_bytes())?, name)));
    near.min().map(|(_, name)| name)
}

/// How many changes make `name` of `word`; `None` when they are too many for a slip.
pub(super) fn nearness(word: &[u8], name: &[u8]) -> Option<usize> {
    Some(distance(word, name)).filter(|distance| *distance <= word.len().div_ceil(3))
}

/// How many bytes must be put in, taken out or replaced to make `b` of `a` (Levenshtein's
/// distance), with no charge for the case of a letter.
fn distance(a: &[u8], b: &[u8]) -> usize {
    // No name is near a word twice its length, and this bounds the work.
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

    #[test]
    fn only_what_is_near_is_meant() {
        const CASES: &[(&str, Option<&str>)] = &[
            ("GZIP", Some("gzip")),
            ("gzpi", Some("gzip")),
            ("zst", Some("zstd")),
            ("lzma", None),
            ("", None),
        ];
        for (word, expected) in CASES {
            let found = nearest(word.as_bytes(), ["gzip", "zstd"]);

            assert_eq!(found, *expected, "{word}");
        }
    }
}
