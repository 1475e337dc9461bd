//! What is asked on a thread that may wait, and what it finds.

use std::sync::Arc;

use rustix::io::Errno;

use crate::site::{HostList, LookupError, Patience, Place, Resource, Site, Wishes, gzip};

/// Something to look up where waiting is allowed.
#[derive(Debug)]
pub(in crate::connection) enum Look {
    /// The hosts that have directories.
    Hosts,
    /// What is at a path.
    Resource(Box<Sought>),
}

/// A path, and what is wanted of it.
#[derive(Debug)]
pub(in crate::connection) struct Sought {
    pub(super) path: Vec<u8>,
    /// So much of its end is shown.
    pub(super) shown_len: usize,
    pub(super) is_directory: bool,
    pub(super) wishes: Wishes,
    pub(super) is_fallback: bool,
    /// The turn to compress what is found.
    pub(super) gzip: Option<gzip::Job>,
}

/// What a look found.
#[derive(Debug)]
pub(in crate::connection) enum Found {
    /// The hosts there are; `None` if they could not be read.
    Hosts(Option<Arc<HostList>>),
    /// What is at the target.
    Target(Result<Resource, LookupError>),
    /// There is nothing at the target, and this is the fallback page.
    Fallback(Result<Resource, LookupError>),
}

impl Look {
    /// Looks, and waits for it.
    pub(in crate::connection) fn run(self, site: &Site) -> Found {
        match self {
            Self::Hosts => Found::Hosts(site.read_hosts().ok().flatten()),
            Self::Resource(sought) => sought.run(site),
        }
    }
}

impl Sought {
    fn run(self, site: &Site) -> Found {
        let shown_at = self.path.len().saturating_sub(self.shown_len);
        let place = Place {
            path: &self.path,
            shown: self.path.get(shown_at..).unwrap_or_default(),
            is_directory: self.is_directory,
        };
        let mut outcome = match site.load(place, &self.wishes, Patience::Waiting) {
            // Waiting has not helped: asking again would not either.
            Err(LookupError::WouldBlock) => Err(LookupError::Exhausted(Errno::AGAIN)),
            found => found,
        };
        if let (Ok(Resource::File(loaded)), Some(job)) = (&mut outcome, self.gzip) {
            loaded.made = Some(job.run(&loaded.file));
        }
        if self.is_fallback {
            Found::Fallback(outcome)
        } else {
            Found::Target(outcome)
        }
    }
}

impl From<LookupError> for Found {
    fn from(error: LookupError) -> Self {
        Self::Target(Err(error))
    }
}
