//! The whole ledger as JSON: what a checkpoint writes, and what `audit` and people can read.
//!
//! Unknown keys are ignored, so that a later version can add some; another `v` is refused.

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use spread::GroupName;
use spread::stream::{HostId, Instance, Notice, Ranges};

use super::event::{cause_code, cause_of};
use super::{Account, Block, Fate, FileAccount, Gap, Ledger, Source};
use crate::sink::Identity;

/// A ledger that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageError {
    /// It is no JSON of this form.
    #[error("it is not what a ledger is")]
    Form(#[from] serde_json::Error),
    /// It was written by another version.
    #[error("it is of version {version}, and this program reads version {VERSION}")]
    Version {
        /// Which.
        version: u64,
    },
    /// One of its values is none.
    #[error("its {key} cannot be {value:?}")]
    Value {
        /// What it is called there.
        key: &'static str,
        /// What was there.
        value: String,
    },
}

/// Writes a ledger, with the number of the journal that goes on from here.
pub(crate) fn write(ledger: &Ledger, generation: u64) -> Result<Vec<u8>, serde_json::Error> {
    // In the image nothing is left out where a file was forgotten.
    let places: HashMap<usize, usize> = ledger
        .files
        .indexed()
        .zip(0..)
        .map(|((index, _), place)| (index, place))
        .collect();
    let partials = ledger
        .partials
        .iter()
        .map(|((source, number), files)| Partial {
            source: source.into(),
            number: *number,
            files: files
                .iter()
                .filter_map(|f| places.get(f))
                .copied()
                .collect(),
        });
    let image = Image {
        v: VERSION,
        generation,
        blocks: ledger.blocks.iter().map(BlockImage::from).collect(),
        sources: ledger
            .accounts
            .iter()
            .map(|(source, account)| AccountImage::new(*source, account))
            .collect(),
        files: ledger.files.iter().map(FileImage::from).collect(),
        since: ledger.since,
        partials: partials.collect(),
    };
    serde_json::to_vec(&image)
}

/// Reads a ledger, and the number of the journal that goes on from there.
pub(crate) fn read(text: &[u8]) -> Result<(Ledger, u64), ImageError> {
    let Version { v } = serde_json::from_slice(text)?;
    if v != VERSION {
        return Err(ImageError::Version { version: v });
    }
    let image: Image = serde_json::from_slice(text)?;
    let mut ledger = Ledger::default();
    for block in image.blocks {
        let host = HostId::of_digits(&block.host_id);
        ledger.blocks.push(Block {
            host: host.ok_or_else(|| refused("host_id", block.host_id))?,
            name: block.name,
        });
    }
    for source in image.sources {
        let (source, account) = source.read()?;
        ledger.accounts.insert(source, account);
    }
    ledger.since = image.since;
    let count = image.files.len();
    ledger.files = image.files.into_iter().map(FileAccount::from).collect();
    for partial in image.partials {
        let files = partial.files.into_iter().filter(|file| *file < count);
        let files: BTreeSet<usize> = files.collect();
        let place = (partial.source.read()?, partial.number);
        ledger.partials.insert(place, files);
    }
    Ok((ledger, image.generation))
}

const VERSION: u64 = 1;

#[derive(Deserialize)]
struct Version {
    v: u64,
}

#[derive(Deserialize, Serialize)]
struct Image {
    v: u64,
    generation: u64,
    blocks: Vec<BlockImage>,
    sources: Vec<AccountImage>,
    files: Vec<FileImage>,
    #[serde(default)]
    since: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    partials: Vec<Partial>,
}

#[derive(Deserialize, Serialize)]
struct BlockImage {
    name: String,
    host_id: String,
}

#[derive(Deserialize, Serialize)]
struct SourceImage {
    block: u16,
    group: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
}

#[derive(Deserialize, Serialize)]
struct AccountImage {
    #[serde(flatten)]
    source: SourceImage,
    base: u64,
    safe: Vec<[u64; 2]>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    lost: Vec<[u64; 2]>,
    #[serde(default)]
    lost_count: u64,
    lines: u64,
    bytes: u64,
    #[serde(default)]
    unplaced: u64,
    #[serde(default)]
    unplaced_at: u64,
    #[serde(default)]
    uncertain: u64,
    begun: u64,
    heard: u64,
    /// As the publisher wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    control: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since_control: Option<u64>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gaps: Vec<GapImage>,
}

#[derive(Deserialize, Serialize)]
struct GapImage {
    first: u64,
    last: u64,
    since: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<u64>,
    /// Why it was given up, as in the journal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cause: Option<u8>,
}

#[derive(Deserialize, Serialize)]
struct FileImage {
    path: PathImage,
    device: u64,
    inode: u64,
    is_ours: bool,
    start: u64,
    length: u64,
    lines: u64,
    is_open: bool,
    #[serde(default)]
    used: u64,
}

/// A path need not be text.
#[derive(Deserialize, Serialize)]
#[serde(untagged)]
enum PathImage {
    Text(String),
    Bytes(Vec<u8>),
}

#[derive(Deserialize, Serialize)]
struct Partial {
    #[serde(flatten)]
    source: SourceImage,
    number: u64,
    files: Vec<usize>,
}

impl From<&Block> for BlockImage {
    fn from(block: &Block) -> Self {
        Self {
            name: block.name.clone(),
            host_id: block.host.to_string(),
        }
    }
}

impl From<&Source> for SourceImage {
    fn from(source: &Source) -> Self {
        Self {
            block: source.block,
            // Printable ASCII, all of it.
            group: String::from_utf8_lossy(source.group.as_bytes()).into_owned(),
            instance: source.instance.map(|instance| instance.to_string()),
        }
    }
}

impl SourceImage {
    fn read(self) -> Result<Source, ImageError> {
        let instance = match self.instance {
            Some(text) => {
                let instance = Instance::of_characters(text.as_bytes());
                Some(instance.ok_or_else(|| refused("instance", text))?)
            }
            None => None,
        };
        Ok(Source {
            block: self.block,
            instance,
            group: GroupName::new(&self.group).map_err(|_| refused("group", self.group))?,
        })
    }
}

impl AccountImage {
    fn new(source: Source, account: &Account) -> Self {
        let control = account.control.clone().map(|control| {
            let json = Notice::Control(control).write();
            String::from_utf8_lossy(&json).into_owned()
        });
        Self {
            source: (&source).into(),
            base: account.base,
            safe: pairs(&account.safe),
            lost: pairs(&account.lost),
            lost_count: account.lost_count,
            lines: account.lines,
            bytes: account.bytes,
            unplaced: account.unplaced,
            unplaced_at: account.unplaced_at,
            uncertain: account.uncertain,
            begun: account.begun,
            heard: account.heard,
            control,
            since_control: account.since_control,
            gaps: account.gaps.iter().map(GapImage::from).collect(),
        }
    }

    fn read(self) -> Result<(Source, Account), ImageError> {
        let control = match self.control {
            Some(text) => match Notice::parse(text.as_bytes()) {
                Ok(Notice::Control(control)) => Some(control),
                _ => return Err(refused("control", text)),
            },
            None => None,
        };
        let gaps = self.gaps.into_iter().map(GapImage::read);
        let account = Account {
            base: self.base,
            safe: ranges("safe", self.safe)?,
            lost: ranges("lost", self.lost)?,
            lost_count: self.lost_count,
            lines: self.lines,
            bytes: self.bytes,
            unplaced: self.unplaced,
            unplaced_at: self.unplaced_at,
            uncertain: self.uncertain,
            begun: self.begun,
            heard: self.heard,
            control,
            since_control: self.since_control,
            gaps: gaps.collect::<Result<_, _>>()?,
        };
        Ok((self.source.read()?, account))
    }
}

impl From<&Gap> for GapImage {
    fn from(gap: &Gap) -> Self {
        let (until, cause) = match gap.fate {
            Fate::Open => (None, None),
            Fate::Repaired(at) => (Some(at), None),
            Fate::Lost(cause, at) => (Some(at), Some(cause_code(cause))),
        };
        Self {
            first: *gap.range.start(),
            last: *gap.range.end(),
            since: gap.since,
            until,
            cause,
        }
    }
}

impl GapImage {
    fn read(self) -> Result<Gap, ImageError> {
        let fate = match (self.until, self.cause) {
            (None, _) => Fate::Open,
            (Some(at), None) => Fate::Repaired(at),
            (Some(at), Some(code)) => {
                let cause = cause_of(code);
                Fate::Lost(cause.ok_or_else(|| refused("cause", code.to_string()))?, at)
            }
        };
        Ok(Gap {
            range: range("gaps", [self.first, self.last])?,
            since: self.since,
            fate,
        })
    }
}

impl From<&FileAccount> for FileImage {
    fn from(file: &FileAccount) -> Self {
        use std::os::unix::ffi::OsStrExt as _;

        let path = match file.path.to_str() {
            Some(text) => PathImage::Text(text.to_owned()),
            None => PathImage::Bytes(file.path.as_os_str().as_bytes().to_vec()),
        };
        Self {
            path,
            device: file.identity.device,
            inode: file.identity.inode,
            is_ours: file.is_ours,
            start: file.start,
            length: file.length,
            lines: file.lines,
            is_open: file.is_open,
            used: file.used,
        }
    }
}

impl From<FileImage> for FileAccount {
    fn from(image: FileImage) -> Self {
        use std::os::unix::ffi::OsStringExt as _;

        let path = match image.path {
            PathImage::Text(text) => PathBuf::from(text),
            PathImage::Bytes(bytes) => std::ffi::OsString::from_vec(bytes).into(),
        };
        Self {
            path,
            identity: Identity {
                device: image.device,
                inode: image.inode,
            },
            is_ours: image.is_ours,
            start: image.start,
            length: image.length,
            lines: image.lines,
            is_open: image.is_open,
            used: image.used,
        }
    }
}

fn pairs(ranges: &Ranges) -> Vec<[u64; 2]> {
    let pair = |range: RangeInclusive<u64>| [*range.start(), *range.end()];
    ranges.iter().map(pair).collect()
}

fn ranges(key: &'static str, pairs: Vec<[u64; 2]>) -> Result<Ranges, ImageError> {
    pairs.into_iter().map(|pair| range(key, pair)).collect()
}

/// Numbers begin at 1.
fn range(key: &'static str, [first, last]: [u64; 2]) -> Result<RangeInclusive<u64>, ImageError> {
    if first == 0 || first > last {
        return Err(refused(key, format!("{first}-{last}")));
    }
    Ok(first..=last)
}

const fn refused(key: &'static str, value: String) -> ImageError {
    ImageError::Value { key, value }
}
