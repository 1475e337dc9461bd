//! What was said in all, by flags and files together, to be compared with what is said later.

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::{ArgMatches, Command};

/// The command line as it was typed, and the options that it came to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Said {
    words: Vec<OsString>,
    options: BTreeMap<String, Vec<OsString>>,
}

impl Said {
    /// Of `words`, which `command` has taken for `matches`.
    pub(super) fn new(words: Vec<OsString>, command: &Command, matches: &ArgMatches) -> Self {
        let values = |id: &str| match matches.try_get_raw(id) {
            Ok(Some(values)) => values.map(ToOwned::to_owned).collect(),
            _ => Vec::new(),
        };
        let options = command.get_arguments().filter_map(|option| {
            let name = option.get_long()?.to_owned();
            Some((name, values(option.get_id().as_str())))
        });
        let options = options.collect();
        Self { words, options }
    }

    /// The command line, the program's name first.
    pub(crate) fn words(&self) -> &[OsString] {
        &self.words
    }

    /// The options that have other values than in `before`.
    pub(crate) fn differing(&self, before: &Self) -> Vec<String> {
        let options = self.options.iter();
        let differing = options.filter(|(name, values)| before.options.get(*name) != Some(values));
        differing.map(|(name, _)| name.clone()).collect()
    }

    /// Takes the values of the options of these names from `said`.
    pub(crate) fn take_up(&mut self, said: &Self, names: &[String]) {
        for name in names {
            if let Some(values) = said.options.get(name) {
                self.options.insert(name.clone(), values.clone());
            }
        }
    }
}
