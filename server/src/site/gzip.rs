//! gzip of files that nobody has compressed beforehand, for `--gzip`.
//!
//! A file is compressed where waiting is allowed, once for each state it is in and each worker,
//! and kept in the worker's cache. What that may cost is bounded whatever clients ask for: by
//! the size of a file, by how many are compressed at a time, and by the cache, without room in
//! which nothing is compressed at all. Who comes while there is no turn to be had gets the file
//! as it is.
//!
//! The bytes depend on the file alone, so the machines of a farm that run one version of this
//! program make the same of it.

use std::io::Write;
use std::sync::{Arc, Weak};

use flate2::Compression;
use flate2::write::GzEncoder;

use super::{File, Patience, read_at};

/// Larger files are sent as they are: this much takes some 50 ms to compress. Larger scripts and
/// texts are worth a side file.
pub(crate) const SOURCE_MAX: u64 = 2 * 1024 * 1024;

/// zlib's own default: a seventh of the size for a fifth of the time that the highest takes.
const LEVEL: u32 = 6;

/// Files that a worker has compressed at a time. Each takes a processor away from those who
/// serve, and twice [`SOURCE_MAX`] of memory.
const JOBS_MAX: usize = 2;

/// What a worker has under way.
#[derive(Debug, Default)]
pub(crate) struct Jobs {
    under_way: Vec<(Box<[u8]>, Weak<()>)>,
}

/// The turn to compress one file; it ends when this is dropped, on whatever thread.
#[derive(Debug)]
pub(crate) struct Job(#[expect(dead_code, reason = "only whether it is there matters")] Arc<()>);

/// What came of compressing a file.
#[derive(Debug)]
pub(crate) struct Made {
    /// Nothing, if the file got no smaller or could not be read.
    pub(crate) content: Option<Vec<u8>>,
    /// Held until the content is in the cache, so that nobody begins again before.
    pub(crate) job: Job,
}

impl Jobs {
    /// Takes a turn to compress the file at `path`, if there is one left and nobody has it.
    pub(crate) fn begin(&mut self, path: &[u8]) -> Option<Job> {
        self.under_way.retain(|(_, job)| job.strong_count() > 0);
        let is_under_way = self.under_way.iter().any(|(other, _)| **other == *path);
        if is_under_way || self.under_way.len() >= JOBS_MAX {
            return None;
        }
        let job = Arc::new(());
        self.under_way.push((path.into(), Arc::downgrade(&job)));
        Some(Job(job))
    }
}

impl Job {
    /// Compresses `file`, and waits for the disk if it has to be read.
    pub(crate) fn run(self, file: &File) -> Made {
        let content = match file {
            File::Small(file) => compress(&file.content),
            File::Large(file) if file.stamp.size > SOURCE_MAX => None,
            File::Large(file) => {
                let size = usize::try_from(file.stamp.size).unwrap_or(0);
                let mut content = vec![0; size];
                read_at(&file.handle.descriptor, &mut content, 0, Patience::Waiting)
                    .ok()
                    // One that has been cut meanwhile is another soon.
                    .filter(|read| *read == size)
                    .and_then(|_| compress(&content))
            }
        };
        Made { content, job: self }
    }
}

/// `content` compressed, if that is smaller.
fn compress(content: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(LEVEL));
    encoder.write_all(content).ok()?;
    let mut compressed = encoder.finish().ok()?;
    if compressed.len() >= content.len() {
        return None;
    }
    // It stays for long, and the cache counts what is reserved.
    compressed.shrink_to_fit();
    Some(compressed)
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_file_is_compressed_once_at_a_time_and_few_are_together() {
        let mut jobs = Jobs::default();

        let first = jobs.begin(b"a").unwrap();
        assert!(jobs.begin(b"a").is_none());
        let second = jobs.begin(b"b").unwrap();
        assert!(jobs.begin(b"c").is_none());
        drop(first);
        assert!(jobs.begin(b"b").is_none());
        let _third = jobs.begin(b"a").unwrap();
        std::thread::spawn(|| drop(second)).join().unwrap();
        assert!(jobs.begin(b"c").is_some());
    }

    proptest! {
        #[test]
        fn what_is_compressed_is_smaller_and_comes_back(
            word in prop::collection::vec(any::<u8>(), 0..40),
            times in 0..200_usize,
        ) {
            let content = word.repeat(times);
            if let Some(compressed) = compress(&content) {
                prop_assert!(compressed.len() < content.len());
                prop_assert_eq!(compressed.capacity(), compressed.len());
                let mut back = Vec::new();
                GzDecoder::new(compressed.as_slice()).read_to_end(&mut back).unwrap();
                prop_assert_eq!(back, content);
            } else {
                prop_assert!(content.len() < 1_000 || times < 40);
            }
        }
    }
}
