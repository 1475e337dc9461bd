//! The content of a small file or of an encoding of one, and the head that goes before it.

use std::sync::Arc;

use http::response::Prepared;
use http::{Coding, Codings, ETag, Representation, Selection};

use crate::rules::{Charset, Fields};
use crate::site::{MediaType, Stamp, ending};

/// What is served from memory.
#[derive(Debug)]
pub(crate) struct CachedFile {
    pub(super) content: Vec<u8>,
    /// The head of a response with the whole content.
    pub(super) whole: Prepared,
    /// What the rules say of its path.
    pub(super) fields: Arc<Fields>,
    content_type: String,
    /// As the head tells it.
    modified: i64,
    /// Made once: most requests want to see it, and its digits take 20 ns to write.
    etag: ETag,
    variant: Variant,
}

/// Which of the forms that a file can be sent in.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Variant {
    coding: Coding,
    /// There are others, for clients that want them.
    varies: bool,
    /// It was made here rather than found.
    is_made: bool,
}

/// What the head of a response tells of a file, but for its length.
#[derive(Clone, Copy, Debug)]
pub(super) struct Facts {
    pub(super) media_type: MediaType,
    pub(super) stamp: Stamp,
    pub(super) variant: Variant,
    /// When it is told, in seconds since 1970.
    pub(super) now: u64,
}

impl CachedFile {
    pub(super) fn new(content: Vec<u8>, facts: &Facts, fields: Arc<Fields>) -> Self {
        let content_type = facts.content_type(&fields);
        let representation = facts.representation(&content_type, content.len() as u64);
        Self {
            etag: representation.etag,
            modified: representation.modified,
            whole: Prepared::new(&representation, &Selection::Whole, &fields.with_file),
            content,
            fields,
            content_type,
            variant: facts.variant,
        }
    }

    pub(super) fn representation(&self) -> Representation<'_> {
        Representation {
            content_type: &self.content_type,
            len: self.content.len() as u64,
            etag: self.etag,
            modified: self.modified,
            coding: self.variant.coding,
            varies: self.variant.varies,
        }
    }

    /// What it holds in memory.
    pub(super) fn bytes(&self) -> usize {
        let head = self.whole.as_bytes().len() + self.content_type.capacity();
        size_of::<Self>() + self.content.capacity() + head
    }
}

impl Variant {
    /// What was found on the disk, with `coding`, among `choice` and the file as it is.
    pub(super) const fn found(coding: Coding, choice: Codings) -> Self {
        Self {
            coding,
            varies: !choice.is_empty(),
            is_made: false,
        }
    }

    pub(super) const fn coding(self) -> Coding {
        self.coding
    }

    /// What was made here of the file as it is.
    pub(super) const fn made(coding: Coding) -> Self {
        Self {
            coding,
            varies: true,
            is_made: true,
        }
    }
}

impl Facts {
    /// What the file is said to be: by the rules for its path, or by its name.
    pub(super) fn content_type(&self, fields: &Fields) -> String {
        match &fields.content_type {
            Some(content_type) => content_type.to_string(),
            None => {
                let charset = fields.charset.as_ref().map(Charset::name);
                self.media_type.in_charset(charset.unwrap_or("utf-8"))
            }
        }
    }

    /// What the head tells when there are `len` bytes.
    pub(super) fn representation<'a>(&self, content_type: &'a str, len: u64) -> Representation<'a> {
        let stamp = &self.stamp;
        Representation {
            content_type,
            len,
            etag: self.etag(len),
            // RFC 9110 8.8.2.1: never later than Date. A file from the future is fresh, so a
            // cached one is read, and its head made, anew every second.
            modified: stamp
                .modified
                .min(i64::try_from(self.now).unwrap_or(i64::MAX)),
            coding: self.variant.coding,
            varies: self.variant.varies,
        }
    }

    /// A side file has not the tag of its file, nor of what is made of that here, even if all have
    /// one time and one length.
    fn etag(&self, len: u64) -> ETag {
        let tag = ETag::new(self.stamp.modified, self.stamp.modified_nanos, len);
        match self.variant.coding {
            Coding::Identity => tag,
            coding if self.variant.is_made => tag.with_suffix(coding.name()),
            coding => tag.with_suffix(ending(coding)),
        }
    }
}
