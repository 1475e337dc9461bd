//! Where a logging host keeps its ledger, and which of its accounts belong to which Spread block.

use std::path::{Path, PathBuf};

use spread::stream::HostId;

use crate::config::{Config, Subscription};
use crate::ledger::{Block, FileAccount, Ledger};
use crate::random::random;

/// The directory beside the first log that is a regular file: named after it, as another
/// spreadlogd may write another log there.
pub(crate) fn beside(files: impl IntoIterator<Item = FileAccount>) -> Option<PathBuf> {
    let first = files.into_iter().find(|file| file.path.is_file())?;
    beside_log(&first.path)
}

fn beside_log(path: &Path) -> Option<PathBuf> {
    let name = path.file_name()?;
    Some(path.with_file_name(DIRECTORY).join(name))
}

/// Where a spreadlogd with this configuration keeps its ledger, unless it is told with `--state`;
/// `None` where it keeps none.
#[must_use]
pub fn ledger_place(config: &Config) -> Option<PathBuf> {
    if let Some(ledger) = config.ledger() {
        return Some(ledger.to_owned());
    }
    let logs = config.spreads().iter().flat_map(Subscription::logs);
    let mut paths = logs.filter_map(|log| log.destination()?.fixed());
    // One that is not there may have been moved away just now.
    beside_log(&paths.find(|path| path.is_file() || !path.exists())?)
}

/// Gives each Spread block its place in the ledger, a new one if it has none; their indices.
///
/// A block is known by its daemons. One whose daemons were changed takes the place that is left
/// over, in order: its publishers are the same, most likely, and what they sent before must not be
/// written again.
pub(crate) fn name_blocks(mut ledger: Ledger, spreads: &[Subscription]) -> (Ledger, Vec<usize>) {
    let known = ledger.blocks.len();
    let mut is_taken = vec![false; known];
    let names: Vec<String> = spreads
        .iter()
        .map(|spread| spread.addresses().to_string())
        .collect();
    let mut places: Vec<Option<usize>> = names
        .iter()
        .map(|name| {
            let mut blocks = ledger.blocks.iter().zip(&mut is_taken).enumerate();
            let (index, (_, taken)) =
                blocks.find(|(_, (block, taken))| !**taken && block.name == *name)?;
            *taken = true;
            Some(index)
        })
        .collect();
    for (place, name) in places.iter_mut().zip(names) {
        if place.is_some() {
            continue;
        }
        let left = is_taken.iter().position(|taken| !taken);
        let index = match left {
            Some(index) => index,
            None => {
                ledger.blocks.push(Block {
                    name: String::new(),
                    host: HostId(random()),
                });
                is_taken.push(false);
                ledger.blocks.len() - 1
            }
        };
        if let (Some(block), Some(taken)) = (ledger.blocks.get_mut(index), is_taken.get_mut(index))
        {
            block.name = name;
            *taken = true;
        }
        *place = Some(index);
    }
    (ledger, places.into_iter().flatten().collect())
}

/// Hidden, so that what lists or serves the logs passes over it.
const DIRECTORY: &str = ".spreadlogd";

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> (Ledger, Vec<usize>) {
        blocks(Ledger::default(), names)
    }

    fn blocks(ledger: Ledger, names: &[&str]) -> (Ledger, Vec<usize>) {
        let text: String = names
            .iter()
            .map(|name| format!("Spread {{ Port = {name} Log {{ Group = g File = /tmp/f }} }}\n"))
            .collect();
        let config = Config::parse(text.as_bytes(), "test").unwrap();
        name_blocks(ledger, config.spreads())
    }

    #[test]
    fn a_block_keeps_its_place_when_others_move() {
        let (ledger, places) = named(&["1@a", "2@b", "2@b"]);
        assert_eq!(places, [0, 1, 2]);
        let hosts: std::collections::BTreeSet<_> = ledger.blocks.iter().map(|b| b.host).collect();
        assert_eq!(hosts.len(), 3, "each acknowledges for itself");

        let (ledger, places) = blocks(ledger, &["2@b", "9@new", "1@a"]);
        assert_eq!(
            places,
            [1, 2, 0],
            "the left over place is the changed block's"
        );
        assert_eq!(ledger.blocks.len(), 3);

        let (ledger, places) = blocks(ledger, &["9@new"]);
        assert_eq!((places.as_slice(), ledger.blocks.len()), (&[2][..], 3));
    }
}
