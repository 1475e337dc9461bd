//! The response with a file that can be encoded: in the way that the client likes best.
//!
//! What there is to choose from is known from the last look at the file, so that choosing asks
//! the disk nothing. An encoding is in the cache, or else it is opened as its file would be.

use std::rc::Rc;
use std::sync::Arc;

use http::{Accepted, Coding, Request, Target};

use super::super::cached::{CachedFile, Facts, Variant};
use super::super::entry::{self, Entry, Known};
use super::{Answer, Response};
use crate::rules::Fields;
use crate::site::{File, Loaded, Patience, Place, Stamp};

impl Response<'_> {
    /// Answers with the file at `target` as the client wants it; `None` if what is remembered of
    /// it does not suffice.
    pub(super) fn chosen(
        &mut self,
        request: &Request<'_>,
        target: &Target<'_>,
        known: &Known,
    ) -> Option<Answer> {
        let accepted = Accepted::parse(&request.fields.accept_encoding);
        let coding = accepted.choose(known.choice);
        let in_memory = match known.sides.of(coding) {
            None => known.file.clone(),
            Some(stamp) => self.encoded_in_memory(target.path(), coding, stamp),
        };
        if let Some(file) = in_memory {
            self.hit(request, &file);
            return Some(Answer::Written);
        }
        let site = &self.worker.site;
        let file = site.open_again(Place::of(target), coding, &known.stamp, Patience::Cached);
        let file = file.ok()?;
        if coding == Coding::Identity && *file.stamp() != known.stamp {
            return None;
        }
        self.count_miss();
        let varies = !known.choice.is_empty();
        self.encoded(request, target, file, Variant { coding, varies });
        Some(Answer::Written)
    }

    /// Answers with what a look has found at `target`, and remembers it.
    pub(super) fn loaded(&mut self, request: &Request<'_>, target: &Target<'_>, loaded: Loaded) {
        let Loaded {
            file,
            sides,
            encoded,
        } = loaded;
        let choice = sides.codings();
        let variant = Variant {
            coding: Coding::Identity,
            varies: !choice.is_empty(),
        };
        let facts = self.facts(&file, variant);
        let (in_memory, large) = match file {
            File::Small(file) => {
                let file = CachedFile::new(file.content, &facts, self.fields_at(target));
                (Some(Rc::new(file)), None)
            }
            File::Large(file) => (None, Some(file)),
        };
        // A large file without encodings is remembered too if it could have some, to know that
        // without looking for them.
        if in_memory.is_some() || facts.media_type.is_compressible() {
            let entry = Entry::new(in_memory.clone(), facts.stamp, self.now);
            let entry = entry.with(sides, choice, target.is_directory());
            let bytes = entry.bytes();
            self.state.cache.insert(target.path(), entry, bytes);
            self.count_cache();
        }
        match (encoded, in_memory, large) {
            (Some((coding, file)), _, _) => {
                self.encoded(request, target, file, Variant { coding, ..variant });
            }
            (None, Some(file), _) => self.cached_file(request, &file),
            (None, None, Some(file)) => self.large_file(request, file, variant),
            (None, None, None) => {}
        }
    }

    /// Answers with `file`, which is at `target` or beside it, and remembers it if it is small.
    fn encoded(
        &mut self,
        request: &Request<'_>,
        target: &Target<'_>,
        file: File,
        variant: Variant,
    ) {
        let facts = self.facts(&file, variant);
        match file {
            File::Large(file) => self.large_file(request, file, variant),
            File::Small(file) => {
                let file = Rc::new(CachedFile::new(
                    file.content,
                    &facts,
                    self.fields_at(target),
                ));
                let entry = Entry::new(Some(Rc::clone(&file)), facts.stamp, self.now);
                let state = &mut *self.state;
                entry::key(&mut state.key, target.path(), variant.coding);
                let bytes = entry.bytes();
                state.cache.insert(&state.key, entry, bytes);
                self.count_cache();
                self.cached_file(request, &file);
            }
        }
    }

    /// The encoding of the file at `path`, if it is the one made of what is in the state `stamp`.
    fn encoded_in_memory(
        &mut self,
        path: &[u8],
        coding: Coding,
        stamp: &Stamp,
    ) -> Option<Rc<CachedFile>> {
        let state = &mut *self.state;
        entry::key(&mut state.key, path, coding);
        let entry = state.cache.find(&state.key)?;
        entry.encoded(stamp, self.now).cloned()
    }

    fn fields_at(&self, target: &Target<'_>) -> Arc<Fields> {
        self.worker.rules.headers.of_path(target.rule_path())
    }

    fn facts(&self, file: &File, variant: Variant) -> Facts {
        Facts {
            media_type: file.media_type(),
            stamp: *file.stamp(),
            variant,
            now: self.now,
        }
    }
}
