//! The operator's own pages for errors: `errors/err404.html`, of the host, or of all.
//!
//! They are kept in memory, and read once a second at most; a status without a page costs a look in
//! memory. Where the disk would have to be waited for, the request is
//! answered again when it has been.

use std::rc::Rc;

use http::{Request, Status};

use super::look::{Found, Look};
use super::{Answer, Response};
use crate::site::cache::Cache;
use crate::site::{LookupError, Patience, Site, SmallFile};

/// What a worker knows of error pages.
#[derive(Debug)]
pub(crate) struct ErrorPages {
    known: Cache<KnownPage>,
    /// The status that no page was found for last, and when, in seconds since 1970.
    without: Option<(Status, u64)>,
}

#[derive(Debug)]
struct KnownPage {
    /// `None` if there is none.
    page: Option<Rc<[u8]>>,
    /// When it was read, in seconds since 1970.
    checked: u64,
}

/// A dozen pages of the largest.
const KNOWN_BYTES_MAX: usize = 1024 * 1024;

/// Where the pages are, beneath the document root or a host's directory; thttpd's `ERR_DIR`.
const DIRECTORY: &str = "errors";

impl Default for ErrorPages {
    fn default() -> Self {
        Self {
            known: Cache::new(KNOWN_BYTES_MAX),
            without: None,
        }
    }
}

impl ErrorPages {
    /// What is to be looked up before an error `status` is answered at `host`, if it is not known.
    pub(in crate::connection) fn look(
        &self,
        status: Status,
        host: Option<&str>,
        now: u64,
    ) -> Option<Look> {
        let is_unknown = |path: &String| {
            let known = self.known.find(path.as_bytes());
            known.is_none_or(|known| known.checked != now)
        };
        let paths: Vec<_> = paths(status, host).filter(is_unknown).collect();
        (!paths.is_empty()).then_some(Look::ErrorPages(Pages(paths)))
    }

    /// Remembers what was looked up.
    pub(in crate::connection) fn know(&mut self, found: FoundPages, now: u64) {
        for (path, page) in found.0 {
            self.add(path.as_bytes(), page, now);
        }
    }

    fn add(&mut self, path: &[u8], page: Option<SmallFile>, now: u64) {
        let page: Option<Rc<[u8]>> = page.map(|page| page.content.into());
        let bytes = page.as_ref().map_or(0, |page| page.len());
        let checked = now;
        self.known.insert(path, KnownPage { page, checked }, bytes);
    }
}

/// The paths of pages that were not at hand.
#[derive(Debug)]
pub(in crate::connection) struct Pages(Vec<String>);

/// The same, and what is there.
#[derive(Debug)]
pub(in crate::connection) struct FoundPages(Vec<(String, Option<SmallFile>)>);

impl Pages {
    /// Looks them up, and waits for it.
    pub(super) fn find(self, site: &Site) -> FoundPages {
        let found = self.0.into_iter().map(|path| {
            let page = site.error_page(path.as_bytes(), Patience::Waiting);
            (path, page.ok().flatten())
        });
        FoundPages(found.collect())
    }
}

impl Response<'_> {
    /// Answers `request`, which may call a program, with `found` if that has been looked up
    /// before.
    pub(in crate::connection) fn answer(
        &mut self,
        request: &Request<'_>,
        found: Option<Box<Found>>,
        is_call: bool,
    ) -> Answer {
        self.with_pages(found, |response, found| match is_call {
            true => response.call(request, found),
            false => response.answer_now(request, found),
        })
    }

    /// Answers by `answer`. An error whose page is not at hand is taken back until it is.
    pub(in crate::connection) fn with_pages(
        &mut self,
        found: Option<Box<Found>>,
        answer: impl FnOnce(&mut Self, Option<Box<Found>>) -> Answer,
    ) -> Answer {
        let output = &self.state.output;
        let (bytes, exchanges) = (output.bytes.len(), output.exchanges.len());
        let paths = output.paths.len();
        let found = found.and_then(|found| match *found {
            Found::ErrorPages(pages) => {
                if let Some(known) = &mut self.state.error_pages {
                    known.know(pages, self.now);
                }
                None
            }
            found => Some(Box::new(found)),
        });
        let answer = answer(self, found);
        match self.unseen_pages.take() {
            Some(pages) if matches!(answer, Answer::Written) => {
                let output = &mut self.state.output;
                output.bytes.truncate(bytes);
                output.exchanges.truncate(exchanges);
                output.paths.truncate(paths);
                Answer::Look(Box::new(Look::ErrorPages(pages)))
            }
            _ => {
                let is_written = matches!(answer, Answer::Written);
                if let Some(counters) = self
                    .worker
                    .counters()
                    .filter(|_| is_written && self.is_miss)
                {
                    counters.cache_misses.add(1);
                }
                answer
            }
        }
    }

    /// The operator's page for `status`, if there is one.
    pub(super) fn error_page(&mut self, status: Status) -> Option<Rc<[u8]>> {
        if status.code() < 400 {
            return None;
        }
        let without = Some((status, self.now));
        let is_for_all = self.asked.host().is_none();
        if is_for_all && self.state.error_pages.as_ref()?.without == without {
            return None;
        }
        let mut unseen = Vec::new();
        let host = self.asked.host().cloned();
        for path in paths(status, host.as_deref()) {
            match self.page_at(path.as_bytes()) {
                Ok(Some(page)) => return Some(page),
                Ok(None) => {}
                Err(_) => unseen.push(path),
            }
        }
        if !unseen.is_empty() {
            self.unseen_pages = Some(Pages(unseen));
        } else if is_for_all {
            self.state.error_pages.as_mut()?.without = without;
        }
        None
    }

    /// The page at `path`.
    fn page_at(&mut self, path: &[u8]) -> Result<Option<Rc<[u8]>>, LookupError> {
        let now = self.now;
        let Some(known) = &mut self.state.error_pages else {
            return Ok(None);
        };
        if let Some(known) = known.known.find(path)
            && known.checked == now
        {
            return Ok(known.page.clone());
        }
        let found = match self.worker.site.error_page(path, Patience::Cached) {
            Err(LookupError::WouldBlock) => return Err(LookupError::WouldBlock),
            found => found.ok().flatten(),
        };
        known.add(path, found, now);
        Ok(known.known.find(path).and_then(|known| known.page.clone()))
    }
}

/// Where the page for `status` may be, that of `host` first.
fn paths(status: Status, host: Option<&str>) -> impl Iterator<Item = String> {
    let name = format!("{DIRECTORY}/err{}.html", status.code());
    let of_host = host.map(|host| format!("{host}/{name}"));
    of_host.into_iter().chain([name])
}
