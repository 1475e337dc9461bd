//! A small file in a worker's cache: its content, and the head that goes before it.

use std::cell::Cell;
use std::sync::Arc;

use http::response::Prepared;
use http::{Coding, ETag, Representation, Selection};

use crate::rules::Fields;
use crate::site::{MediaType, SmallFile, Stamp};

/// A file as it is served from memory.
#[derive(Debug)]
pub(crate) struct CachedFile {
    pub(super) content: Vec<u8>,
    /// The head of a response with the whole content.
    pub(super) whole: Prepared,
    /// Whether its path names a directory, whose index file this is.
    pub(super) is_index: bool,
    /// What the rules say of its path.
    pub(super) fields: Arc<Fields>,
    content_type: String,
    stamp: Stamp,
    /// As the head tells it.
    modified: i64,
    /// Made once: most requests want to see it, and its digits take 20 ns to write.
    etag: ETag,
    /// When the file was last looked at, in seconds since 1970.
    checked: Cell<u64>,
    /// The file had just been changed when it was read: a further change could look the
    /// same, so the content must be read again.
    is_fresh: bool,
}

/// What is known about a cached file without looking.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Standing {
    /// It was looked at within this second.
    Good,
    /// It holds if the stamp is still the same.
    Check,
    /// It must be read again.
    Reload,
}

impl CachedFile {
    pub(super) fn new(file: SmallFile, is_index: bool, fields: Arc<Fields>, now: u64) -> Self {
        let content_type = content_type(file.media_type, &fields);
        let representation = representation(&content_type, &file.stamp, now);
        Self {
            etag: representation.etag,
            modified: representation.modified,
            whole: Prepared::new(&representation, &Selection::Whole, &fields.with_file),
            content: file.content,
            is_index,
            fields,
            content_type,
            stamp: file.stamp,
            checked: Cell::new(now),
            is_fresh: file.stamp.is_fresh(now),
        }
    }

    /// Files are looked at once a second at most.
    pub(super) fn standing(&self, now: u64) -> Standing {
        match (self.checked.get() == now, self.is_fresh) {
            (true, _) => Standing::Good,
            (false, false) => Standing::Check,
            (false, true) => Standing::Reload,
        }
    }

    /// Whether `stamp`, taken `now`, is that of this content.
    pub(super) fn confirm(&self, stamp: &Stamp, now: u64) -> bool {
        let holds = self.stamp == *stamp;
        if holds {
            self.checked.set(now);
        }
        holds
    }

    pub(super) fn representation(&self) -> Representation<'_> {
        Representation {
            content_type: &self.content_type,
            len: self.stamp.size,
            etag: self.etag,
            modified: self.modified,
            coding: Coding::Identity,
            varies: false,
        }
    }

    /// What it holds in memory.
    pub(super) fn bytes(&self) -> usize {
        self.content.capacity() + self.whole.as_bytes().len() + self.content_type.capacity()
    }
}

/// What a file is said to be: by the rules for its path, or by its name.
pub(super) fn content_type(media_type: MediaType, fields: &Fields) -> String {
    match &fields.content_type {
        Some(content_type) => content_type.to_string(),
        None => media_type.to_string(),
    }
}

/// What the head of a response made `now` tells of a file.
pub(super) fn representation<'a>(
    content_type: &'a str,
    stamp: &Stamp,
    now: u64,
) -> Representation<'a> {
    Representation {
        content_type,
        len: stamp.size,
        etag: ETag::new(stamp.modified, stamp.modified_nanos, stamp.size),
        // RFC 9110 8.8.2.1: never later than Date. A file from the future is fresh, so a cached
        // one is read, and its head made, anew every second.
        modified: stamp.modified.min(i64::try_from(now).unwrap_or(i64::MAX)),
        coding: Coding::Identity,
        varies: false,
    }
}
