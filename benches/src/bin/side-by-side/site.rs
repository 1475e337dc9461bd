//! The document root that all servers share.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// The files of all cases.
#[derive(Debug)]
pub(crate) struct Site {
    root: PathBuf,
}

/// A file by its size.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum File {
    Empty,
    Small,
    TenKb,
    HundredKb,
    Megabyte,
    HundredMegabytes,
}

/// When every file was last changed: one date, so that heads have one length, and long past, as nginx and Apache
/// have a weaker `ETag` for what has just changed.
const MODIFIED_SECONDS: u64 = 1_577_934_245;

/// The same as HTTP has it.
pub(crate) const MODIFIED: &str = "Thu, 02 Jan 2020 03:04:05 GMT";

/// A directory of nothing but files, and no page of its own.
pub(crate) const LISTED: &str = "listed";

/// The files in it.
pub(crate) fn listed() -> impl Iterator<Item = String> {
    (0..100).map(|number| format!("entry-{number:03}.txt"))
}

/// A file with a compressed one beside it.
pub(crate) const SIDE: &str = "side.txt";

/// What is beside it. No server looks into it.
pub(crate) const SIDE_CONTENT: &[u8] = &[b'z'; 300];

impl Site {
    /// Makes the directory and those of its files that are asked for. A server that root has started reads
    /// them as another user.
    pub(crate) fn make(root: PathBuf, files: &[File]) -> io::Result<Self> {
        fs::create_dir(&root)?;
        let site = Self { root };
        for file in files {
            site.write(Path::new(file.name()), &site.content(*file))?;
        }
        let listing = Path::new(LISTED);
        fs::create_dir(site.root.join(listing))?;
        for name in listed() {
            site.write(&listing.join(name), b"")?;
        }
        site.write(Path::new(SIDE), &site.content(File::Small))?;
        site.write(Path::new(&format!("{SIDE}.gz")), SIDE_CONTENT)?;
        Ok(site)
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn path(&self, file: File) -> PathBuf {
        self.root.join(file.name())
    }

    /// Text, so that a wrong answer can be read in an error.
    #[expect(clippy::unused_self, reason = "what a site holds is the site's to say")]
    pub(crate) fn content(&self, file: File) -> Vec<u8> {
        (0..)
            .flat_map(|line| {
                format!("{line:08} one file, served over and over again\n").into_bytes()
            })
            .take(file.len())
            .collect()
    }

    fn write(&self, name: &Path, content: &[u8]) -> io::Result<()> {
        let path = self.root.join(name);
        fs::write(&path, content)?;
        fs::set_permissions(&path, Permissions::from_mode(0o644))?;
        let modified = SystemTime::UNIX_EPOCH + Duration::from_secs(MODIFIED_SECONDS);
        fs::File::options()
            .write(true)
            .open(&path)?
            .set_modified(modified)
    }
}

impl File {
    pub(crate) const ALL: [Self; 6] = [
        Self::Empty,
        Self::Small,
        Self::TenKb,
        Self::HundredKb,
        Self::Megabyte,
        Self::HundredMegabytes,
    ];

    /// The case that asks for it.
    pub(crate) fn case(self) -> &'static str {
        match self {
            Self::Empty => "0b",
            Self::Small => "1k",
            Self::TenKb => "10k",
            Self::HundredKb => "100k",
            Self::Megabyte => "1m",
            Self::HundredMegabytes => "100m",
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Empty => "empty.txt",
            Self::Small => "file.txt",
            Self::TenKb => "10k.txt",
            Self::HundredKb => "100k.txt",
            Self::Megabyte => "1m.txt",
            Self::HundredMegabytes => "100m.txt",
        }
    }

    pub(crate) fn len(self) -> usize {
        match self {
            Self::Empty => 0,
            // The case of the first target: small, and larger than its head.
            Self::Small => 1 << 10,
            Self::TenKb => 10 << 10,
            Self::HundredKb => 100 << 10,
            Self::Megabyte => 1 << 20,
            Self::HundredMegabytes => 100 << 20,
        }
    }

    /// One of so many requests is sent, so that a round takes about as long for each size.
    pub(crate) fn thinned(self) -> u64 {
        match self {
            Self::Empty | Self::Small => 1,
            Self::TenKb => 2,
            Self::HundredKb => 10,
            Self::Megabyte => 60,
            Self::HundredMegabytes => 5_000,
        }
    }
}
