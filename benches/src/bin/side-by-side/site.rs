//! The document root that all servers share.

use std::fs::{self, Permissions};
use std::io::{self, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use benches::load::{NAME_LEN, Name};

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

/// Files of 1 KB, 1,000 in each of 100 directories; they are made when a case asks for them.
pub(crate) const MANY: u32 = 100_000;

/// Where they are.
const MANY_DIRECTORY: &str = "files";

/// Their targets: each name is a file's directory and its number there.
pub(crate) const MANY_TARGET: &str = "/files/@@@@@@.txt";

/// What file `number` of the many is called: `42/137`.
pub(crate) fn name(number: u32) -> Name {
    let text = format!("{:02}/{:03}", number / 1000 % 100, number % 1000);
    text.as_bytes().try_into().unwrap_or_default()
}

/// The file that is asked for most but for `rank` others: neighbours by rank are far from each other, so that no
/// directory has all that is popular. 61,803 and 100,000 have no divisor in common, so each file has one rank.
pub(crate) fn of_rank(rank: u32) -> u32 {
    let number = u64::from(rank) * 61_803 % u64::from(MANY);
    u32::try_from(number).unwrap_or(0)
}

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

    /// Makes the many files. What they hold begins with their names.
    pub(crate) fn make_many(&self) -> io::Result<()> {
        let many = Path::new(MANY_DIRECTORY);
        let mut content = self.content(File::Small);
        for number in 0..MANY {
            let name = name(number);
            let path = many.join(format!("{}.txt", String::from_utf8_lossy(&name)));
            if number % 1000 == 0 {
                let directory = path.parent().unwrap_or(many);
                fs::create_dir_all(self.root.join(directory))?;
            }
            if let Some(begin) = content.get_mut(..NAME_LEN) {
                begin.copy_from_slice(&name);
            }
            self.write(&path, &content)?;
        }
        Ok(())
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
        let mut file = fs::File::create(self.root.join(name))?;
        file.write_all(content)?;
        file.set_permissions(Permissions::from_mode(0o644))?;
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(MODIFIED_SECONDS))
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

    /// Its size in a reader's words.
    pub(crate) fn label(self) -> &'static str {
        match self {
            Self::Empty => "0 bytes",
            Self::Small => "1 KB",
            Self::TenKb => "10 KB",
            Self::HundredKb => "100 KB",
            Self::Megabyte => "1 MB",
            Self::HundredMegabytes => "100 MB",
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use benches::load::NAME_MARK;

    use super::*;

    #[test]
    fn each_of_the_many_has_one_rank_and_one_name() {
        let numbers: BTreeSet<u32> = (0..MANY).map(of_rank).collect();
        let names: BTreeSet<Name> = numbers.iter().map(|number| name(*number)).collect();

        assert_eq!(names.len(), MANY as usize);
        assert_eq!(&name(42_137), b"42/137");
        assert!(MANY_TARGET.contains(NAME_MARK));
    }
}
