//! The response to one request: which, and as which bytes.
//!
//! ```text
//! Request -> Target -> cached file, or Resource -> Selection -> Output
//! ```
//!
//! Everything here is done at once, on the worker's thread. Where the answer would
//! have to wait for a disk, the question comes back instead, as [`Answer::Look`], to be
//! asked on another thread, and the request is answered again with what that found.
//!
//! Here are the steps and the pages; files are answered in `file`, directories in `listing`.

mod file;
mod listing;

use std::rc::Rc;
use std::sync::Arc;

use http::response::{Connection, Page};
use http::{Method, Request, Status, Target};
use rustix::io::Errno;

use crate::rules::Fields;
use crate::site::{LookupError, Patience, Resource, Site};
use crate::worker::{State, Worker};

use super::cached::CachedFile;
use super::output::{Asked, Exchange};

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
    /// The request's target as it came, if it came.
    pub(super) target: Option<&'a [u8]>,
    pub(super) connection: Connection,
    pub(super) head_only: bool,
    /// Seconds since 1970.
    pub(super) now: u64,
    pub(super) worker: &'a Worker,
    pub(super) state: &'a mut State,
}

impl Response<'_> {
    /// Answers `request`, with `found` if that has been looked up before.
    pub(super) fn answer(&mut self, request: &Request<'_>, found: Option<Found>) -> Answer {
        if let Some(status) = by_method(request) {
            // RFC 9110 15.5.6: a must for 405; 9.3.7: all that OPTIONS has to say.
            let allow = [("Allow", Method::ALLOW.as_bytes())];
            let says_allow = matches!(status, Status::NoContent | Status::MethodNotAllowed);
            self.page(status, if says_allow { &allow } else { &[] });
            return Answer::Written;
        }
        let target = match Target::parse(request.target) {
            Ok(target) => target,
            Err(reject) => {
                self.page(reject.status(), &[]);
                return Answer::Written;
            }
        };
        if let Some((status, location)) = self.redirect(&target) {
            self.page(status, &[("Location", &location)]);
            return Answer::Written;
        }
        if let Some(file) = self.cached(&target) {
            if let Some(counters) = self.worker.counters() {
                counters.cache_hits.add(1);
            }
            self.cached_file(request, &file);
            return Answer::Written;
        }
        let (path, is_directory) = (target.path(), target.is_directory());
        let found =
            found.unwrap_or_else(|| self.worker.site.load(path, is_directory, Patience::Cached));
        if !matches!(found, Err(LookupError::WouldBlock))
            && let Some(counters) = self.worker.counters()
        {
            counters.cache_misses.add(1);
        }
        match found {
            Err(LookupError::WouldBlock) => {
                return Answer::Look(Look {
                    path: path.to_vec(),
                    is_directory,
                });
            }
            Err(error) => self.failure(error),
            Ok(Resource::Small(file)) => {
                let fields = self.worker.rules.headers.of_path(target.rule_path());
                let file = Rc::new(CachedFile::new(file, is_directory, fields, self.now));
                let cache = &mut self.state.cache;
                cache.insert(path, Rc::clone(&file), file.bytes());
                self.count_cache();
                self.cached_file(request, &file);
            }
            Ok(Resource::Large(file)) => self.large_file(request, file),
            Ok(Resource::Listing(page)) => self.listing(page),
            Ok(Resource::SlashMissing) => {
                let location = target.location_with_slash();
                self.page(Status::MovedPermanently, &[("Location", &location)]);
            }
        }
        Answer::Written
    }

    /// Takes note of what the cache holds, after a change.
    fn count_cache(&self) {
        if let Some(counters) = self.worker.counters() {
            let cache = &self.state.cache;
            counters.cache_entries.set(cache.len() as u64);
            counters.cache_bytes.set(cache.bytes() as u64);
        }
    }

    /// A response that consists of its status and a few words about it.
    pub(super) fn page(&mut self, status: Status, fields: &[(&str, &[u8])]) {
        let common = self.fields();
        let date = self.state.clock.date(self.now);
        let page = Page {
            status,
            lines: &common.without,
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

    /// Where the rules send who asks for `target`.
    fn redirect(&self, target: &Target<'_>) -> Option<(Status, Vec<u8>)> {
        let mut rules = self.worker.rules.redirects.iter();
        rules.find_map(|rule| rule.apply(target))
    }

    /// The fields that all responses to this target have.
    fn fields(&self) -> Arc<Fields> {
        self.worker.rules.headers.of_target(self.target)
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
        self.page(status, &[]);
    }

    fn unix(&self) -> i64 {
        i64::try_from(self.now).unwrap_or(i64::MAX)
    }
}

/// The status, if that depends on the method and the expectation alone: it is the same for
/// `*`, what is there, and what is not.
fn by_method(request: &Request<'_>) -> Option<Status> {
    match (request.check(), request.method) {
        (Err(reject), _) => Some(reject.status()),
        (Ok(()), Method::Options) => Some(Status::NoContent),
        (Ok(()), _) => None,
    }
}
