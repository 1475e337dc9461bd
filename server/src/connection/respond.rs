//! The response to one request: which, and as which bytes.
//!
//! ```text
//! Request -> Target -> cached file, or Resource -> Selection -> Output
//! ```
//!
//! Everything here is done at once, on the worker's thread. Where the answer would
//! have to wait for a disk, the question comes back instead, as [`Answer::Look`], to be
//! asked on another thread, and the request is answered again with what that found.

use std::rc::Rc;

use http::response::{Connection, Head, Page};
use http::{Method, Request, Selection, Status, Target};
use rustix::io::Errno;

use crate::site::{LargeFile, LookupError, Patience, Resource, Site};
use crate::worker::State;

use super::cached::{CachedFile, Standing, representation};
use super::output::{Asked, Exchange, Tail};

/// The field every response begins with. Without a version: it would only tell which
/// holes to try.
pub(super) const SERVER: (&str, &[u8]) = ("Server", b"rthttpd");

/// Contents up to this size are copied behind their heads, so that the responses to
/// pipelined requests go out as one piece; longer ones go out from where they are. A copy
/// of this much within the cache costs some 200 nanoseconds.
const COPIED_MAX: usize = 8 * 1024;

/// Whether a request was answered.
#[derive(Debug)]
pub(super) enum Answer {
    /// The response is in the output.
    Written,
    /// The answer needs a look at the site that may wait.
    Look(Look),
}

/// A path to look up where waiting is allowed.
#[derive(Debug)]
pub(super) struct Look {
    path: Vec<u8>,
    is_directory: bool,
}

/// What a look found.
pub(super) type Found = Result<Resource, LookupError>;

impl Look {
    /// Looks, and waits for it.
    pub(super) fn run(&self, site: &Site) -> Found {
        match site.load(&self.path, self.is_directory, Patience::Waiting) {
            // Waiting has not helped: asking again would not either.
            Err(LookupError::WouldBlock) => Err(LookupError::Exhausted(Errno::AGAIN)),
            found => found,
        }
    }
}

/// One response being made.
#[derive(Debug)]
pub(super) struct Response<'a> {
    pub(super) asked: Asked,
    pub(super) connection: Connection,
    pub(super) head_only: bool,
    /// Seconds since 1970.
    pub(super) now: u64,
    pub(super) state: &'a mut State,
}

impl Response<'_> {
    /// Answers `request`, with `found` if that has been looked up before.
    pub(super) fn answer(
        &mut self,
        request: &Request<'_>,
        site: &Site,
        found: Option<Found>,
    ) -> Answer {
        if request.method.check().is_err() {
            let allow = ("Allow", Method::ALLOW.as_bytes());
            self.page(Status::MethodNotAllowed, &[SERVER, allow]);
            return Answer::Written;
        }
        let target = match Target::parse(request.target) {
            Ok(target) => target,
            Err(reject) => {
                self.page(reject.status(), &[SERVER]);
                return Answer::Written;
            }
        };
        if let Some(file) = self.cached(&target, site) {
            self.cached_file(request, &file);
            return Answer::Written;
        }
        let (path, is_directory) = (target.path(), target.is_directory());
        let found = found.unwrap_or_else(|| site.load(path, is_directory, Patience::Cached));
        match found {
            Err(LookupError::WouldBlock) => {
                return Answer::Look(Look {
                    path: path.to_vec(),
                    is_directory,
                });
            }
            Err(error) => self.failure(error),
            Ok(Resource::Small(file)) => {
                let file = Rc::new(CachedFile::new(file, is_directory, self.now));
                let cache = &mut self.state.cache;
                cache.insert(path, Rc::clone(&file), file.bytes());
                self.cached_file(request, &file);
            }
            Ok(Resource::Large(file)) => self.large_file(request, file),
            Ok(Resource::Listing(page)) => self.listing(page),
            Ok(Resource::SlashMissing) => {
                let location = target.location_with_slash();
                self.page(Status::MovedPermanently, &[SERVER, ("Location", &location)]);
            }
        }
        Answer::Written
    }

    /// A response that consists of its status and a few words about it.
    pub(super) fn page(&mut self, status: Status, fields: &[(&str, &[u8])]) {
        let date = self.state.clock.date(self.now);
        let page = Page {
            status,
            fields,
            date,
            connection: self.connection,
            head_only: self.head_only,
        };
        let output = &mut self.state.output;
        let len = page.write(&mut output.bytes);
        let content_at = output.bytes.len() - len;
        self.note(status, content_at, len as u64);
    }

    /// Notes the exchange, whose content of `len` bytes begins at `content_at` of the
    /// output.
    fn note(&mut self, status: Status, content_at: usize, len: u64) {
        self.state.output.exchanges.push(Exchange {
            asked: self.asked,
            time: self.now,
            status: status.code(),
            content_at: content_at as u64,
            content_len: len,
        });
    }

    /// Notes the exchange, the head of which has just been written.
    fn note_content(&mut self, status: Status, len: u64) {
        self.note(status, self.state.output.bytes.len(), len);
    }

    /// The file in the cache that `target` names, if it still is what is on the disk.
    fn cached(&mut self, target: &Target<'_>, site: &Site) -> Option<Rc<CachedFile>> {
        let (path, is_directory) = (target.path(), target.is_directory());
        let file = self.state.cache.find(path)?;
        if file.is_index != is_directory {
            return None;
        }
        let holds = match file.standing(self.now) {
            Standing::Good => true,
            Standing::Check => site
                .stamp(path, is_directory, Patience::Cached)
                .is_ok_and(|stamp| file.confirm(&stamp, self.now)),
            Standing::Reload => false,
        };
        if holds {
            return Some(Rc::clone(file));
        }
        self.state.cache.remove(path);
        None
    }

    fn cached_file(&mut self, request: &Request<'_>, file: &Rc<CachedFile>) {
        let representation = file.representation();
        let selection = representation.select(request, self.unix());
        let part = match selection {
            Selection::Whole => {
                let date = self.state.clock.date(self.now);
                let out = &mut self.state.output.bytes;
                file.whole.write(out, date, self.connection);
                0..file.content.len()
            }
            Selection::Part(range) => {
                self.head(&representation, selection);
                let bounds = usize::try_from(range.first())
                    .and_then(|first| Ok(first..usize::try_from(range.last())? + 1));
                bounds.unwrap_or(0..0)
            }
            other => return self.without_content(&representation, other),
        };
        let part = if self.head_only { 0..0 } else { part };
        self.note_content(selection.status(), part.len() as u64);
        let output = &mut self.state.output;
        if part.len() <= COPIED_MAX {
            let content = file.content.get(part).unwrap_or_default();
            output.bytes.extend_from_slice(content);
        } else {
            output.tail = Tail::Cached(Rc::clone(file), part);
        }
    }

    fn large_file(&mut self, request: &Request<'_>, file: LargeFile) {
        let content_type = file.media_type.to_string();
        let representation = representation(&content_type, &file.stamp, self.now);
        let selection = representation.select(request, self.unix());
        let (first, len) = match selection {
            Selection::Whole => (0, file.stamp.size),
            Selection::Part(range) => (range.first(), range.len()),
            other => return self.without_content(&representation, other),
        };
        self.head(&representation, selection);
        let len = if self.head_only { 0 } else { len };
        self.note_content(selection.status(), len);
        if len > 0 {
            self.state.output.tail = Tail::File(Box::new(file), first, len);
        }
    }

    fn listing(&mut self, page: Vec<u8>) {
        let date = self.state.clock.date(self.now);
        let output = &mut self.state.output;
        Head::new(&mut output.bytes, Status::Ok)
            .fields(&[SERVER])
            .field("Content-Type", "text/html; charset=utf-8")
            .number("Content-Length", page.len() as u64)
            .end(date, self.connection);
        let len = if self.head_only { 0 } else { page.len() };
        self.note_content(Status::Ok, len as u64);
        if len > 0 {
            self.state.output.tail = Tail::Page(page);
        }
    }

    fn head(&mut self, representation: &http::Representation<'_>, selection: Selection) {
        let date = self.state.clock.date(self.now);
        Head::new(&mut self.state.output.bytes, selection.status())
            .fields(&[SERVER])
            .representation(representation, selection)
            .end(date, self.connection);
    }

    /// What is answered when the preconditions or the range leave nothing to send.
    fn without_content(&mut self, representation: &http::Representation<'_>, selection: Selection) {
        let status = selection.status();
        if selection == Selection::NotModified {
            self.head(representation, selection);
            self.note_content(status, 0);
            return;
        }
        match selection.content_range(representation.len) {
            Some(range) => self.page(status, &[SERVER, ("Content-Range", range.as_bytes())]),
            None => self.page(status, &[SERVER]),
        }
    }

    fn failure(&mut self, error: LookupError) {
        let status = match error {
            LookupError::NotFound => Status::NotFound,
            LookupError::Forbidden(_) => Status::Forbidden,
            LookupError::WouldBlock | LookupError::Exhausted(_) => Status::ServiceUnavailable,
            LookupError::Failed(_) => Status::InternalServerError,
        };
        if status.code() >= 500 {
            tracing::warn!("a file could not be served: {error}");
        }
        self.page(status, &[SERVER]);
    }

    fn unix(&self) -> i64 {
        i64::try_from(self.now).unwrap_or(i64::MAX)
    }
}
