//! The names of the hosts that were seen lately, each made once.
//!
//! A name is checked and made of a word byte by byte, and its bytes would be read again to look it
//! up while they are still on their way to memory, for which a processor waits. So words are
//! looked up as they stand in the lines, and each has a number by which others know it.

use std::borrow::Borrow;
use std::collections::HashMap;
use std::hash::{Hash, Hasher};

use super::vhost;

/// A host by its safe name.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Host<'a> {
    /// The same for all words that are one host.
    pub name: &'a str,
    /// No other name's, as long as the process runs; but one name may have several.
    pub number: u64,
}

/// Words, and the names that they are.
#[derive(Debug, Default)]
pub(super) struct Names {
    words: HashMap<Word, usize, foldhash::fast::RandomState>,
    names: Vec<Option<String>>,
    /// The number of the first.
    first: u64,
}

impl Names {
    /// The host that a word is, if it is one.
    pub(super) fn host(&mut self, word: &[u8]) -> Option<Host<'_>> {
        let place = match self.known(word) {
            Some(place) => place,
            None => self.learn(word)?,
        };
        self.at(place)
    }

    /// The place of a word that was seen before, until the next [`host`](Self::host).
    pub(super) fn known(&self, word: &[u8]) -> Option<usize> {
        self.words.get(word).copied()
    }

    /// The host that the word at a place is, if it is one.
    pub(super) fn at(&self, place: usize) -> Option<Host<'_>> {
        let name = self.names.get(place)?.as_deref()?;
        let number = self.first + place as u64;
        Some(Host { name, number })
    }

    fn learn(&mut self, word: &[u8]) -> Option<usize> {
        let mut name = String::new();
        let name = vhost::file_name(word, &mut name).map(str::to_owned);
        if name.is_none() && word.len() > vhost::NAME_LEN_MAX {
            // Such words are not worth the memory.
            return None;
        }
        if self.names.len() >= NAMES_MAX {
            self.first += self.names.len() as u64;
            self.words.clear();
            self.names.clear();
        }
        self.names.push(name);
        let place = self.names.len() - 1;
        self.words.insert(Word::new(word), place);
        Some(place)
    }
}

/// A word. Short ones, nearly all there are, stand in the map itself: with thousands of hosts each
/// further place in memory is one that no cache holds.
#[derive(Debug)]
enum Word {
    Short([u8; SHORT_MAX], u8),
    Long(Box<[u8]>),
}

impl Word {
    fn new(word: &[u8]) -> Self {
        let mut short = [0; SHORT_MAX];
        match (short.get_mut(..word.len()), u8::try_from(word.len())) {
            (Some(place), Ok(len)) => {
                place.copy_from_slice(word);
                Self::Short(short, len)
            }
            _ => Self::Long(word.into()),
        }
    }
}

impl Borrow<[u8]> for Word {
    fn borrow(&self) -> &[u8] {
        match self {
            Self::Short(word, len) => word.get(..usize::from(*len)).unwrap_or_default(),
            Self::Long(word) => word,
        }
    }
}

impl Eq for Word {}

impl PartialEq for Word {
    fn eq(&self, other: &Self) -> bool {
        let (one, other): (&[u8], &[u8]) = (self.borrow(), other.borrow());
        one == other
    }
}

impl Hash for Word {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let word: &[u8] = self.borrow();
        word.hash(state);
    }
}

/// 65,536 words, four times as many as there may be open files: some 8 MiB at most where they are
/// of usual length. Whoever invents hosts makes all be learnt again now and then.
const NAMES_MAX: usize = 65_536;

/// 30 bytes: with their number and the variant 32.
const SHORT_MAX: usize = 30;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Whatever was asked before.
        #[test]
        fn a_word_has_the_name_that_it_has_by_itself(
            words in prop::collection::vec("[aA.:0\\[-]{0,4}|[a-z]{28,33}", 0..40),
        ) {
            let mut names = Names::default();
            let mut numbers = HashMap::new();
            for word in &words {
                let mut name = String::new();
                let expected = vhost::file_name(word.as_bytes(), &mut name);
                let host = names.host(word.as_bytes());
                prop_assert_eq!(host.map(|host| host.name), expected);
                if let Some(host) = host {
                    let before = numbers.insert(host.number, host.name.to_owned());
                    prop_assert!(before.is_none_or(|before| before == host.name));
                }
            }
        }
    }

    #[test]
    fn what_is_remembered_is_bounded_and_numbers_are_never_used_again() {
        let mut names = Names::default();
        let mut last = None;

        for n in 0..NAMES_MAX + 2 {
            let number = names.host(format!("host{n}").as_bytes()).unwrap().number;
            assert!(Some(number) > last);
            last = Some(number);
        }

        assert_eq!((names.words.len(), names.names.len()), (2, 2));
        assert!(names.host(b"host0").unwrap().number > last.unwrap());
        assert_eq!(names.host(&[b'a'; 1_000]), None);
        assert_eq!(names.names.len(), 3);
    }
}
