//! The response with a file that can be encoded: in the way that the client likes best.
//!
//! What there is to choose from is known from the last look at the file, so that choosing asks
//! the disk nothing. An encoding is in the cache, or it is opened as its file would be, or, with
//! `--gzip`, it is made on another thread: that is a look too, and who gets no turn for it is
//! sent what there is.

use std::rc::Rc;
use std::sync::Arc;

use http::{Accepted, Coding, Codings, Request};

use super::super::cached::{CachedFile, Facts, Variant};
use super::super::entry::{self, Entry, Known};
use super::goal::Goal;
use super::{Answer, Response};
use crate::rules::Fields;
use crate::site::{File, LargeFile, Loaded, Patience, Sides, SmallFile, Stamp, gzip};

/// What a file takes in the cache beside its content: a head, with what rules add to it.
const HEAD_LEN: usize = 4 * 1024;

impl Response<'_> {
    /// Answers with the file at `goal` as the client wants it; `None` if what is remembered of
    /// it does not suffice.
    pub(super) fn chosen(
        &mut self,
        request: &Request<'_>,
        goal: &Goal<'_>,
        known: &Known,
    ) -> Option<Answer> {
        let accepted = Accepted::parse(&request.fields.accept_encoding());
        let mut coding = accepted.choose(known.choice);
        if coding == Coding::Gzip && known.sides.of(coding).is_none() {
            if let Some(file) = self.in_memory(goal, coding, &known.stamp) {
                self.hit(request, &file);
                return Some(Answer::Written);
            }
            if let Some(job) = self.begin_gzip(goal) {
                return Some(Answer::Look(self.look(goal, accepted.into(), Some(job))));
            }
            coding = accepted.choose(known.sides.codings());
        }
        let in_memory = match known.sides.of(coding) {
            None => known.file.clone(),
            Some(stamp) => self.in_memory(goal, coding, stamp),
        };
        if let Some(file) = in_memory {
            self.hit(request, &file);
            return Some(Answer::Written);
        }
        if coding == Coding::Identity
            && let Some(file) = &known.large
        {
            self.count_miss();
            let variant = Variant::found(coding, known.choice);
            self.large_file(request, file.clone(), variant);
            return Some(Answer::Written);
        }
        let site = &self.worker.site;
        let file = site.open_again(goal.place(), coding, &known.stamp, Patience::Cached);
        let file = file.ok()?;
        if coding == Coding::Identity && *file.stamp() != known.stamp {
            return None;
        }
        if coding == Coding::Identity
            && let File::Large(file) = &file
            && let Some(entry) = self.state.cache.find(goal.key())
        {
            entry.note_opened(file);
        }
        self.count_miss();
        let variant = Variant::found(coding, known.choice);
        self.encoded(request, goal, file, variant);
        Some(Answer::Written)
    }

    /// Answers with what a look has found at `goal`, and remembers it.
    pub(super) fn loaded(
        &mut self,
        request: &Request<'_>,
        goal: &Goal<'_>,
        accepted: Accepted,
        loaded: Loaded,
    ) -> Answer {
        let choice = self.choice(goal, &loaded);
        let stamp = *loaded.file.stamp();
        let best = accepted.choose(choice);
        let is_made = best == Coding::Gzip && loaded.sides.of(best).is_none();
        let mut kept = None;
        if is_made && loaded.made.is_none() {
            kept = self.in_memory(goal, best, &stamp);
            if kept.is_none()
                && let Some(job) = self.begin_gzip(goal)
            {
                return Answer::Look(self.look(goal, accepted.into(), Some(job)));
            }
        }

        self.count_miss();
        let media_type = loaded.file.media_type();
        // The turn to make it is held until it is in the cache.
        let (made, _job) = loaded.made.map(|made| (made.content, made.job)).unzip();
        let encoded = match made.flatten().filter(|_| is_made) {
            Some(content) => {
                let file = SmallFile {
                    stamp,
                    media_type,
                    content,
                };
                Some((Variant::made(best), File::Small(file)))
            }
            None => loaded
                .encoded
                .map(|(coding, file)| (Variant::found(coding, choice), file)),
        };
        let (small, large) = self.remember(goal, loaded.file, loaded.sides, choice);
        if let Some(file) = kept {
            self.cached_file(request, &file);
        } else if let Some((variant, file)) = encoded {
            self.encoded(request, goal, file, variant);
        } else if let Some(file) = small {
            self.cached_file(request, &file);
        } else if let Some(file) = large {
            let variant = Variant::found(Coding::Identity, choice);
            self.large_file(request, file, variant);
        }
        Answer::Written
    }

    /// What there is to choose from besides the file at `goal` as it is.
    fn choice(&self, goal: &Goal<'_>, loaded: &Loaded) -> Codings {
        let sides = loaded.sides.codings();
        let is_refused = matches!(&loaded.made, Some(made) if made.content.is_none());
        let size = loaded.file.stamp().size;
        let is_source = size <= gzip::SOURCE_MAX
            && loaded.file.media_type().is_compressible()
            && loaded.sides.of(Coding::Gzip).is_none();
        // What is not kept would have to be made for every request.
        let bytes = usize::try_from(size).unwrap_or(usize::MAX);
        let is_kept = || {
            let cache = &self.state.cache;
            cache.keeps(goal.key(), bytes.saturating_add(HEAD_LEN))
        };
        if self.state.gzip.is_some() && is_source && !is_refused && is_kept() {
            sides.with(Coding::Gzip)
        } else {
            sides
        }
    }

    fn begin_gzip(&mut self, goal: &Goal<'_>) -> Option<gzip::Job> {
        self.state.gzip.as_mut()?.begin(goal.key())
    }

    /// Remembers the file at `goal`, and returns it as it can be sent.
    fn remember(
        &mut self,
        goal: &Goal<'_>,
        file: File,
        sides: Sides,
        choice: Codings,
    ) -> (Option<Rc<CachedFile>>, Option<LargeFile>) {
        let facts = self.facts(&file, Variant::found(Coding::Identity, choice));
        let (small, large) = match file {
            File::Small(file) => {
                let file = CachedFile::new(file.content, &facts, self.fields_at(goal));
                (Some(Rc::new(file)), None)
            }
            File::Large(file) => (None, Some(file)),
        };
        // Of a large file that it is there, which encodings it has, and its descriptor.
        let entry = Entry::new(small.clone(), facts.stamp, self.now);
        let entry = entry.with(sides, choice, goal.is_directory());
        let entry = entry.guarded(self.guard.clone());
        let entry = entry.alone_in(self.directory_alone(goal, sides));
        if let Some(file) = &large {
            entry.note_opened(file);
        }
        let bytes = entry.bytes();
        self.state.cache.insert(goal.key(), entry, bytes);
        self.count_cache();
        (small, large)
    }

    /// The state of the directory in which the file at `goal` has no side files, if it has none.
    fn directory_alone(&self, goal: &Goal<'_>, sides: Sides) -> Option<Rc<Stamp>> {
        if !sides.is_alone {
            return None;
        }
        let path = goal.place().directory();
        self.state
            .directories
            .state(&self.worker.site, path, self.now)
    }

    /// Answers with `file`, which is at `goal` or beside it, and remembers it if it is small.
    fn encoded(&mut self, request: &Request<'_>, goal: &Goal<'_>, file: File, variant: Variant) {
        let facts = self.facts(&file, variant);
        match file {
            File::Large(file) => self.large_file(request, file, variant),
            File::Small(file) => {
                let file = Rc::new(CachedFile::new(file.content, &facts, self.fields_at(goal)));
                let entry = Entry::new(Some(Rc::clone(&file)), facts.stamp, self.now);
                let state = &mut *self.state;
                entry::key(&mut state.key, goal.key(), variant.coding());
                let bytes = entry.bytes();
                state.cache.insert(&state.key, entry, bytes);
                self.count_cache();
                self.cached_file(request, &file);
            }
        }
    }

    /// The encoding of the file at `goal`, if it is the one made of what is in the state `stamp`.
    fn in_memory(
        &mut self,
        goal: &Goal<'_>,
        coding: Coding,
        stamp: &Stamp,
    ) -> Option<Rc<CachedFile>> {
        let state = &mut *self.state;
        entry::key(&mut state.key, goal.key(), coding);
        let entry = state.cache.find(&state.key)?;
        entry.encoded(stamp, self.now).cloned()
    }

    fn fields_at(&self, goal: &Goal<'_>) -> Arc<Fields> {
        let path = goal.target().rule_path();
        self.worker.rules().headers.of_path(path)
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
