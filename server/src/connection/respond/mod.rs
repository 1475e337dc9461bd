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
//! Here are the steps and the pages; files are answered in `file` and `encoded`,
//! directories in `listing`. A `goal` is what a request is for; what is asked on another thread
//! is in `look`; who calls a program is let in, or not, in `program`.

mod authorize;
mod encoded;
mod error_page;
mod file;
mod goal;
mod listing;
mod look;
mod program;

use std::sync::Arc;

use http::listing::View;
use http::response::{Connection, Page};
use http::{Accepted, Method, Request, Status, Target};

use crate::cgi::call::Script;
use crate::passwords::Guard;
use crate::rules::{Charset, FallbackPage, Fields};
use crate::site::{LookupError, MediaType, Patience, Resource, Wishes, gzip};
use crate::worker::{State, Worker};

pub(crate) use self::authorize::KnownGuards;
pub(crate) use self::error_page::ErrorPages;
use self::error_page::Pages;
use self::goal::Goal;
pub(super) use self::look::{Found, Look};
use self::look::{Seen, Sought};
use super::output::{Asked, Exchange};

/// Whether a request was answered. A word and a pointer, which functions return in registers: most
/// answers are written.
#[derive(Debug)]
pub(super) enum Answer {
    /// The response is in the output.
    Written,
    /// The answer needs a look at the site that may wait.
    Look(Box<Look>),
    /// A program is to answer.
    Run(Box<Script>),
}

/// One response being made.
#[derive(Debug)]
pub(super) struct Response<'a> {
    pub(super) asked: Asked,
    /// The request's target as it came, if it came.
    pub(super) target: Option<&'a [u8]>,
    /// What guards what is sent; who asks may see it.
    pub(super) guard: Option<Arc<Guard>>,
    /// It is not from the cache: counted when it stays.
    pub(super) is_miss: bool,
    /// The pages that the response would have, and that were not at hand.
    pub(super) unseen_pages: Option<Pages>,
    /// The fields of the response, if it is the fallback page in place of the target.
    pub(super) fallback: Option<Arc<Fields>>,
    pub(super) connection: Connection,
    pub(super) head_only: bool,
    /// Seconds since 1970.
    pub(super) now: u64,
    pub(super) worker: &'a Worker,
    pub(super) state: &'a mut State,
}

impl Response<'_> {
    fn answer_now(&mut self, request: &Request<'_>, found: Option<Box<Found>>) -> Answer {
        if let Some(status) = by_method(request) {
            // RFC 9110 15.5.6: a must for 405; 9.3.7: all that OPTIONS has to say.
            let allow = [("Allow", Method::ALLOW.as_bytes())];
            let says_allow = matches!(status, Status::NoContent | Status::MethodNotAllowed);
            self.page(status, if says_allow { &allow } else { &[] });
            return Answer::Written;
        }
        // By reference: what has just been written is not to be moved.
        let parsed = Target::parse(request.target);
        let target = match &parsed {
            Ok(target) => target,
            Err(reject) => {
                self.page(reject.status(), &[]);
                return Answer::Written;
            }
        };
        if self.worker.rules().answer_requests() && self.answer_by_rules(request, target) {
            return Answer::Written;
        }
        if self.worker.site.has_hosts() && self.asked.host().is_none() {
            self.page(Status::NotFound, &[]);
            return Answer::Written;
        }
        let Some(found) = found else {
            return self.resource(request, target, None);
        };
        match *found {
            Found::Fallback(found) => self.fall_back(request, Some(found)),
            Found::Target(found) => self.resource(request, target, Some(found)),
            Found::Hosts(_) | Found::ErrorPages(_) | Found::Program(_) => {
                self.resource(request, target, None)
            }
        }
    }

    /// Answers where the rules say how, whatever is there; whether they do.
    #[inline(never)]
    fn answer_by_rules(&mut self, request: &Request<'_>, target: &Target<'_>) -> bool {
        if let Some((status, location)) = self.redirect(target) {
            self.by("redirect");
            self.page(status, &[("Location", &location)]);
            return true;
        }
        let is_refused = self.is_for_other_sites(request, target);
        if is_refused {
            self.page(Status::Forbidden, &[]);
        }
        is_refused
    }

    /// Answers with what is at `target`.
    fn resource(
        &mut self,
        request: &Request<'_>,
        target: &Target<'_>,
        found: Option<Seen>,
    ) -> Answer {
        let host = self.asked.host().cloned();
        let goal = Goal::of(target, host.as_deref(), self.worker.site.users());
        self.note_file(goal.place());
        // What has been looked up is newer than what is remembered, and ends the matter.
        if found.is_none() {
            if let Some(answer) = self.remembered(request, &goal) {
                return answer;
            }
            if self.is_known_absent(&goal) {
                let answer = self.missing(request, target);
                if self.fallback.is_none() && self.unseen_pages.is_none() {
                    self.count_hit();
                }
                return answer;
            }
        }
        let wishes = wishes(request, target);
        // A look that had to be waited for may have begun seconds ago.
        let is_of_now = found.is_none();
        let seen = match found {
            Some(seen) => seen,
            None => self.see(&goal, &wishes),
        };
        let outcome = match self.admit(request, &goal, seen) {
            Ok(outcome) => outcome,
            Err(answer) => return answer,
        };
        match &outcome {
            // Another look may follow, see there.
            Ok(Resource::File(_)) => {}
            _ => self.count_miss(),
        }
        if matches!(outcome, Ok(Resource::Listing(_)))
            && let Some(status) = request.fields.precondition_without_validators()
        {
            self.page(status, &[listing::VARY]);
            return Answer::Written;
        }
        match outcome {
            Err(LookupError::NotFound) => {
                if is_of_now {
                    self.know_absent(&goal);
                }
                return self.missing(request, target);
            }
            Err(error) => self.failure(error),
            Ok(Resource::File(loaded)) => {
                return self.loaded(request, &goal, wishes.accepted, *loaded);
            }
            Ok(Resource::Listing(page)) => self.listing(page, wishes.view.format),
            Ok(Resource::SlashMissing) => {
                let location = target.location_with_slash();
                self.by("redirect");
                self.page(Status::MovedPermanently, &[("Location", &location)]);
            }
            Ok(Resource::Program) => return self.call_index(target),
        }
        Answer::Written
    }

    /// Answers where there is nothing at `target`.
    fn missing(&mut self, request: &Request<'_>, target: &Target<'_>) -> Answer {
        if self.has_fallback(request, target) {
            return self.fall_back(request, None);
        }
        self.failure(LookupError::NotFound);
        Answer::Written
    }

    /// Whether nothing was at `goal` within this second.
    fn is_known_absent(&self, goal: &Goal<'_>) -> bool {
        let absent = self.state.absent.as_ref();
        absent.is_some_and(|absent| absent.holds(goal.key(), goal.is_directory(), self.now))
    }

    /// Remembers that nothing is at `goal`, but not who may know that.
    fn know_absent(&mut self, goal: &Goal<'_>) {
        if let Some(absent) = &mut self.state.absent
            && self.guard.is_none()
        {
            absent.add(goal.key(), goal.is_directory(), self.now);
        }
    }

    /// What can be seen of `goal` without waiting.
    fn see(&mut self, goal: &Goal<'_>, wishes: &Wishes) -> Seen {
        let outcome = self
            .worker
            .site
            .load(goal.place(), wishes, Patience::Cached);
        let place = goal.place().as_directory_if(&outcome);
        let guard = self.guard_of(place);
        if outcome.is_ok()
            && let Ok(guard) = &guard
        {
            self.know_guard(place, guard.as_ref());
        }
        Seen {
            outcome,
            guard,
            verdict: None,
        }
    }

    /// What is to be looked up to answer with `goal`.
    fn look(&self, goal: &Goal<'_>, wishes: Wishes, gzip: Option<gzip::Job>) -> Box<Look> {
        let place = goal.place();
        Box::new(Look::Resource(Box::new(Sought {
            path: place.path.to_vec(),
            shown: place.shown.to_vec(),
            host_len: place.host_len,
            hidden_len: place.hidden_len,
            is_directory: place.is_directory,
            wishes,
            is_fallback: self.fallback.is_some(),
            gzip,
            credentials: None,
        })))
    }

    /// Takes note of an answer from memory.
    fn count_hit(&self) {
        if let Some(counters) = self.worker.counters() {
            counters.cache_hits.add(1);
        }
    }

    /// Takes note of an answer that is not in the cache.
    const fn count_miss(&mut self) {
        self.is_miss = true;
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
        let own = self.error_page(status);
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
        let len = match own {
            Some(content) => {
                let charset = common.charset.as_ref().map_or("utf-8", Charset::name);
                let content_type = MediaType::HTML.in_charset(charset);
                page.write_with(&mut output.bytes, &content_type, &content)
            }
            None => page.write(&mut output.bytes),
        };
        let content_at = output.bytes.len() - len;
        self.note(status, content_at, len as u64);
    }

    /// Whether the fallback page is for `request`, there being nothing at `target`.
    fn has_fallback(&self, request: &Request<'_>, target: &Target<'_>) -> bool {
        let rules = self.worker.rules();
        let page = rules.fallback.as_ref();
        self.fallback.is_none() && page.is_some_and(|page| page.is_for(request, target))
    }

    /// Answers with the fallback page, which a look may have found.
    fn fall_back(&mut self, request: &Request<'_>, found: Option<Seen>) -> Answer {
        let worker = self.worker;
        let rules = worker.rules();
        let page = rules.fallback.as_ref().map(FallbackPage::target);
        let Some(Ok(page)) = page else {
            self.failure(LookupError::NotFound);
            return Answer::Written;
        };
        let fields = rules.headers.of_fallback(self.target, page.rule_path());
        self.fallback = Some(fields);
        self.resource(request, &page, found)
    }

    /// Whether `target` is not for the page that shows it.
    fn is_for_other_sites(&self, request: &Request<'_>, target: &Target<'_>) -> bool {
        let rules = self.worker.rules();
        let (path, referer) = (target.rule_path(), request.fields.referer());
        rules
            .referers
            .as_ref()
            .is_some_and(|rule| rule.refuses(path, request.host, referer))
    }

    /// Where the rules send who asks for `target`.
    fn redirect(&self, target: &Target<'_>) -> Option<(Status, Vec<u8>)> {
        let rules = self.worker.rules();
        rules.redirects.iter().find_map(|rule| rule.apply(target))
    }

    /// The fields that all responses to this target have.
    fn fields(&self) -> Arc<Fields> {
        match &self.fallback {
            Some(fields) => Arc::clone(fields),
            None => self.worker.rules().headers.of_target(self.target),
        }
    }

    /// Notes the exchange, whose content of `len` bytes begins at `content_at` of the
    /// output.
    fn note(&mut self, status: Status, content_at: usize, len: u64) {
        let exchange = self.exchange(status, content_at, len);
        self.state.output.exchanges.push(exchange);
        self.note_connection();
    }

    /// The exchange, whose content of `len` bytes begins at `content_at` of the output.
    #[inline]
    fn exchange(&self, status: Status, content_at: usize, len: u64) -> Exchange {
        Exchange {
            asked: self.asked.clone(),
            time: self.now,
            status: status.code(),
            content_at: content_at as u64,
            content_len: len,
        }
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
            self.state.failures.tell(error, self.now);
        }
        // With another Accept it might have been the fallback page (which says so itself).
        let varies = self.worker.rules().fallback.is_some() && self.fallback.is_none();
        if varies && error == LookupError::NotFound {
            self.page(status, &[("Vary", b"Accept")]);
        } else {
            self.page(status, &[]);
        }
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

/// What is wanted of what is at `target`.
fn wishes(request: &Request<'_>, target: &Target<'_>) -> Wishes {
    Wishes {
        accepted: Accepted::parse(&request.fields.accept_encoding()),
        view: View::of(target.query(), &request.fields.accept()),
    }
}
