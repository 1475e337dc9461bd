//! The response with a file: from the cache, or from its descriptor.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::ops::Range;
use std::rc::Rc;

use http::response::{Head, Multipart};
use http::{Representation, Request, Selection, Status};

use crate::site::{LargeFile, Patience, Place};

use super::super::cached::{CachedFile, Facts, Variant};
use super::super::chunk;
use super::super::entry::{Entry, Standing};
use super::super::output::Tail;
use super::goal::Goal;
use super::{Answer, Response};
use crate::rules::Fields;

/// Contents up to this size are copied behind their heads, so that the responses to
/// pipelined requests go out as one piece; longer ones go out from where they are. A copy
/// of this much within the cache costs some 200 nanoseconds.
const COPIED_MAX: usize = 8 * 1024;

impl Response<'_> {
    /// Answers with the file in the cache that `goal` names, if it still is what is on the
    /// disk.
    pub(super) fn remembered(&mut self, request: &Request<'_>, goal: &Goal<'_>) -> Option<Answer> {
        let entry = self.state.cache.find(goal.key())?;
        if entry.is_index != goal.is_directory() {
            return None;
        }
        let holds = match entry.standing(self.now) {
            Standing::Good => true,
            Standing::Check => {
                let guard = self.guard_of(goal.place());
                guard.is_ok_and(|guard| entry.is_guarded_by(guard.as_ref()))
                    && self.is_unchanged(entry, goal.place())
            }
            Standing::Reload => false,
        };
        if !holds {
            self.state.cache.remove(goal.key());
            self.count_cache();
            return None;
        }
        let guard = entry.guard.clone();
        let file = entry.file.as_ref().filter(|_| entry.choice.is_empty());
        let remembered = file.map(Rc::clone).ok_or_else(|| entry.known());
        if let Some(guard) = guard {
            let admission = self.authorize(request, Some(&guard), None);
            if let Some(answer) = self.unless_granted(admission, goal, request) {
                return Some(answer);
            }
            self.guard = Some(guard);
        }
        match remembered {
            Ok(file) => {
                self.hit(request, &file);
                Some(Answer::Written)
            }
            Err(known) => self.chosen(request, goal, &known),
        }
    }

    /// Whether the file at `place` and what lies beside it are as `entry` has them.
    fn is_unchanged(&self, entry: &Entry, place: Place<'_>) -> bool {
        let (site, now) = (&self.worker.site, self.now);
        let directory = || self.state.directories.state(site, place.directory(), now);
        if entry.is_alone(now, directory) {
            let stamp = site.stamp(place, Patience::Cached);
            return stamp.is_ok_and(|stamp| entry.confirm(&stamp, now));
        }
        let stamps = site.stamps(place, Patience::Cached);
        stamps.is_ok_and(|(stamp, sides)| {
            entry.confirm(&stamp, now) && entry.confirm_sides(&sides, now, directory)
        })
    }

    /// Answers with what the cache held.
    pub(super) fn hit(&mut self, request: &Request<'_>, file: &Rc<CachedFile>) {
        self.count_hit();
        self.cached_file(request, file);
    }

    pub(super) fn cached_file(&mut self, request: &Request<'_>, file: &Rc<CachedFile>) {
        self.by("static");
        if request.fields.want_whole() && self.fallback.is_none() {
            return self.whole(file);
        }
        let fallback = self.fallback.clone();
        // Of the file that stands in for another, or its own.
        let fields = fallback.as_deref().unwrap_or(&file.fields);
        let representation = file.representation();
        let selection = representation.select(request, self.unix());
        let part = match selection {
            Selection::Whole if self.fallback.is_none() => return self.whole(file),
            Selection::Whole => {
                self.head(&representation, &selection, fields);
                0..file.content.len()
            }
            Selection::Part(range) => {
                self.head(&representation, &selection, fields);
                let bounds = usize::try_from(range.first())
                    .and_then(|first| Ok(first..usize::try_from(range.last())? + 1));
                bounds.unwrap_or(0..0)
            }
            Selection::Parts(ranges) => {
                let parts = Multipart::new(&representation, &ranges, boundary());
                self.multipart_head(&representation, &parts, fields);
                // At most as long as a cached file and a few heads: copied, so that the parts
                // and what is between them go out as one piece.
                let mut body = Vec::new();
                parts.write(&file.content, &mut body);
                self.state.output.tail = Tail::Page(body);
                return;
            }
            other => return self.without_content(&representation, &other, fields),
        };
        self.content(selection.status(), file, part);
    }

    /// Answers with all of `file`.
    fn whole(&mut self, file: &Rc<CachedFile>) {
        let date = self.state.clock.date(self.now);
        let out = &mut self.state.output.bytes;
        file.whole.write(out, date, self.connection);
        self.content(Status::Ok, file, 0..file.content.len());
    }

    /// Puts `part` of `file` behind its head.
    fn content(&mut self, status: Status, file: &Rc<CachedFile>, part: Range<usize>) {
        let part = if self.head_only { 0..0 } else { part };
        let content_at = self.state.output.bytes.len();
        let exchange = self.exchange(status, content_at, part.len() as u64);
        let output = &mut self.state.output;
        if part.len() <= COPIED_MAX {
            let content = file.content.get(part).unwrap_or_default();
            output.bytes.extend_from_slice(content);
        } else {
            output.tail = Tail::Cached(Rc::clone(file), part);
        }
        // Last: a move right after it is made would wait until all of it is stored.
        output.exchanges.push(exchange);
        self.note_connection();
    }

    pub(super) fn large_file(&mut self, request: &Request<'_>, file: LargeFile, variant: Variant) {
        self.by("static");
        let fields = self.fields();
        let facts = Facts {
            media_type: file.media_type,
            stamp: file.stamp,
            variant,
            now: self.now,
        };
        let content_type = facts.content_type(&fields);
        let representation = facts.representation(&content_type, file.stamp.size);
        let selection = representation.select(request, self.unix());
        let (first, len) = match selection {
            Selection::Whole => (0, file.stamp.size),
            Selection::Part(range) => (range.first(), range.len()),
            Selection::Parts(ranges) => {
                let parts = Multipart::new(&representation, &ranges, boundary());
                self.multipart_head(&representation, &parts, &fields);
                self.state.output.tail = Tail::Parts(Box::new((file, parts)));
                return;
            }
            other => return self.without_content(&representation, &other, &fields),
        };
        self.head(&representation, &selection, &fields);
        let len = if self.head_only { 0 } else { len };
        self.note_content(selection.status(), len);
        if len > 0 {
            let kept = &mut self.state.kept;
            let is_kept = self.worker.keep_open(kept, &file);
            chunk::map(&file, is_kept, self.now);
            self.state.output.tail = Tail::File(Box::new(file), first, len);
        }
    }

    fn head(&mut self, file: &Representation<'_>, selection: &Selection, fields: &Fields) {
        let lines = match selection {
            Selection::Whole | Selection::Part(_) => &fields.with_file,
            Selection::NotModified => &fields.unchanged,
            _ => &fields.without,
        };
        let date = self.state.clock.date(self.now);
        Head::new(&mut self.state.output.bytes, selection.status())
            .lines(lines)
            .representation(file, selection)
            .end(date, self.connection);
    }

    /// The head of a response with several parts, which only a GET can ask for.
    fn multipart_head(&mut self, file: &Representation<'_>, parts: &Multipart, fields: &Fields) {
        let date = self.state.clock.date(self.now);
        Head::new(&mut self.state.output.bytes, Status::PartialContent)
            .lines(&fields.with_file)
            .multipart(file, parts)
            .end(date, self.connection);
        self.note_content(Status::PartialContent, parts.len());
    }

    /// What is answered when the preconditions or the range leave nothing to send.
    fn without_content(
        &mut self,
        file: &Representation<'_>,
        selection: &Selection,
        fields: &Fields,
    ) {
        let status = selection.status();
        if *selection == Selection::NotModified {
            self.head(file, selection, fields);
            self.note_content(status, 0);
            return;
        }
        let range = selection.content_range(file.len);
        let range = range
            .as_ref()
            .map(|range| ("Content-Range", range.as_bytes()));
        let fields: Vec<_> = range
            .into_iter()
            .chain(file.vary().iter().copied())
            .collect();
        self.page(status, &fields);
    }
}

/// What tells the parts of one response from each other: a hash under a random key that every
/// `RandomState` has to itself, so that nobody can write a file with the next one in it.
fn boundary() -> u64 {
    RandomState::new().build_hasher().finish()
}
