//! What is asked on a thread that may wait, and what it finds.

use std::sync::Arc;

use rustix::io::Errno;

use super::error_page::{FoundPages, Pages};
use crate::cgi::call::{Call, Script};
use crate::clock;
use crate::passwords::{Credentials, Guard};
use crate::site::{HostList, LookupError, Patience, Place, Resource, Site, Wishes, gzip};

/// Something to look up where waiting is allowed.
#[derive(Debug)]
pub(in crate::connection) enum Look {
    /// The hosts that have directories.
    Hosts,
    /// Pages for errors.
    ErrorPages(Pages),
    /// What is at a path.
    Resource(Box<Sought>),
    /// Which program is called.
    Program(Box<Called>),
}

/// A path that may call a program, and where that is.
#[derive(Debug)]
pub(in crate::connection) struct Called {
    /// `None` if only the index file of a directory may be one.
    pub(super) call: Option<Call>,
    pub(super) path: Vec<u8>,
    pub(super) shown: Vec<u8>,
    pub(super) host_len: usize,
    pub(super) hidden_len: usize,
    pub(super) is_directory: bool,
    /// To be verified by what guards the program, if it is guarded.
    pub(super) credentials: Option<Credentials>,
}

/// A path, and what is wanted of it.
#[derive(Debug)]
pub(in crate::connection) struct Sought {
    pub(super) path: Vec<u8>,
    pub(super) shown: Vec<u8>,
    pub(super) host_len: usize,
    pub(super) hidden_len: usize,
    pub(super) is_directory: bool,
    pub(super) wishes: Wishes,
    pub(super) is_fallback: bool,
    /// The turn to compress what is found.
    pub(super) gzip: Option<gzip::Job>,
    /// To be verified by what guards the path, if it is guarded.
    pub(super) credentials: Option<Credentials>,
}

/// What a look found.
#[derive(Debug)]
pub(in crate::connection) enum Found {
    /// The hosts there are; `None` if they could not be read.
    Hosts(Option<Arc<HostList>>),
    /// The pages for errors.
    ErrorPages(FoundPages),
    /// What is at the target.
    Target(Seen),
    /// There is nothing at the target, and this is the fallback page.
    Fallback(Seen),
    /// The program that is called.
    Program(SeenProgram),
}

/// What is where a program is called, and who may call it.
#[derive(Debug)]
pub(in crate::connection) struct SeenProgram {
    /// `None` if it is no program.
    pub(super) outcome: Result<Option<Script>, LookupError>,
    pub(super) guard: Result<Option<Arc<Guard>>, LookupError>,
    /// What became of the credentials, if there were any to be verified.
    pub(super) verdict: Option<Verdict>,
}

impl SeenProgram {
    /// Whether nothing is there that could be one.
    pub(in crate::connection) const fn is_none(&self) -> bool {
        matches!(self.outcome, Ok(None))
    }
}

/// What is at a path, and who may see it.
#[derive(Debug)]
pub(in crate::connection) struct Seen {
    pub(super) outcome: Result<Resource, LookupError>,
    pub(super) guard: Result<Option<Arc<Guard>>, LookupError>,
    /// What became of the credentials, if there were any to be verified.
    pub(super) verdict: Option<Verdict>,
}

/// What becomes of credentials.
#[derive(Debug)]
pub(in crate::connection) enum Verdict {
    /// They are this user's.
    Right(Arc<[u8]>),
    /// They are nobody's.
    Wrong,
    /// Too many others are to be looked at first.
    Busy,
}

impl Look {
    /// The same, and `credentials` are to be verified by what guards the path.
    pub(super) fn verifying(mut self: Box<Self>, credentials: Credentials) -> Box<Self> {
        match &mut *self {
            Self::Resource(sought) => sought.credentials = Some(credentials),
            Self::Program(called) => called.credentials = Some(credentials),
            Self::Hosts | Self::ErrorPages(_) => {}
        }
        self
    }

    /// Whether it takes a turn to verify a password.
    pub(in crate::connection) const fn is_verifying(&self) -> bool {
        match self {
            Self::Resource(sought) => sought.credentials.is_some(),
            Self::Program(called) => called.credentials.is_some(),
            Self::Hosts | Self::ErrorPages(_) => false,
        }
    }

    /// Looks, and waits for it.
    pub(in crate::connection) fn run(self, site: &Site) -> Found {
        match self {
            Self::Hosts => Found::Hosts(site.read_hosts().ok().flatten()),
            Self::ErrorPages(pages) => Found::ErrorPages(pages.find(site)),
            Self::Resource(sought) => sought.run(site),
            Self::Program(called) => Found::Program(called.run(site)),
        }
    }
}

impl Sought {
    fn run(self, site: &Site) -> Found {
        let place = Place {
            path: &self.path,
            shown: &self.shown,
            host_len: self.host_len,
            hidden_len: self.hidden_len,
            is_directory: self.is_directory,
        };
        let loaded = site.load(place, &self.wishes, Patience::Waiting);
        let mut outcome = loaded.map_err(after_waiting);
        let guard = site.guard(place.as_directory_if(&outcome), Patience::Waiting);
        let guard = guard.map_err(after_waiting);
        let verdict = verdict(&guard, self.credentials.as_ref());
        if let (Ok(Resource::File(loaded)), Some(job)) = (&mut outcome, self.gzip) {
            loaded.made = Some(job.run(&loaded.file));
        }
        // Who remembers it, after whatever time, cannot tell what has come meanwhile.
        if let Ok(Resource::File(loaded)) = &mut outcome {
            loaded.sides.is_alone = false;
        }
        let seen = Seen {
            outcome,
            guard,
            verdict,
        };
        if self.is_fallback {
            Found::Fallback(seen)
        } else {
            Found::Target(seen)
        }
    }
}

impl Called {
    fn run(self, site: &Site) -> SeenProgram {
        let scripts = self.call.iter().flat_map(Call::scripts);
        for (name, path_info) in scripts {
            // What of the path is for the program is at its end, however it begins.
            let rest = self.shown.len().saturating_sub(name.len());
            let len = self.path.len().saturating_sub(rest);
            if len <= self.hidden_len && self.hidden_len > 0 {
                continue;
            }
            let path = self.path.get(..len).unwrap_or_default();
            match site.is_program(path) {
                Ok(false) => {}
                outcome => {
                    let place = self.place(path, name);
                    return self.seen(site, outcome.map(drop), place, path_info);
                }
            }
        }
        self.index_script(site).unwrap_or(SeenProgram {
            outcome: Ok(None),
            guard: Ok(None),
            verdict: None,
        })
    }

    /// The index file of the directory that was asked for, if that is a script.
    fn index_script(&self, site: &Site) -> Option<SeenProgram> {
        let place = Place {
            is_directory: true,
            ..self.place(&self.path, &self.shown)
        };
        let found = self.is_directory.then(|| site.index_script(place))?;
        match found {
            Ok(None) | Err(LookupError::NotFound) => None,
            Err(error) => Some(self.seen(site, Err(error), place, b"")),
            Ok(Some(script)) => {
                let outcome = match site.is_program(&script.path) {
                    // Something else of the name, which is not to be sent either.
                    Ok(false) => Err(LookupError::Forbidden(Errno::ACCESS)),
                    outcome => outcome.map(drop),
                };
                Some(self.seen(site, outcome, self.place(&script.path, &script.shown), b""))
            }
        }
    }

    /// What is at `place`, and who may call it.
    fn seen(
        &self,
        site: &Site,
        outcome: Result<(), LookupError>,
        place: Place<'_>,
        path_info: &[u8],
    ) -> SeenProgram {
        let script = |()| {
            Some(Script {
                path: place.path.to_vec(),
                host_len: self.host_len,
                name: place.shown.to_vec(),
                path_info: path_info.to_vec(),
                user: None,
                host: None,
            })
        };
        let guard = site.guard(place, Patience::Waiting).map_err(after_waiting);
        let verdict = verdict(&guard, self.credentials.as_ref());
        SeenProgram {
            outcome: outcome.map(script).map_err(after_waiting),
            guard,
            verdict,
        }
    }

    const fn place<'a>(&self, path: &'a [u8], shown: &'a [u8]) -> Place<'a> {
        Place {
            path,
            shown,
            host_len: self.host_len,
            hidden_len: self.hidden_len,
            is_directory: false,
        }
    }
}

/// What becomes of `credentials`, if there are any and they are asked for.
fn verdict(
    guard: &Result<Option<Arc<Guard>>, LookupError>,
    credentials: Option<&Credentials>,
) -> Option<Verdict> {
    let guard = guard.as_ref().ok()?.as_ref()?;
    let user = guard.verify(credentials?, clock::unix());
    Some(user.map_or(Verdict::Wrong, Verdict::Right))
}

impl Found {
    /// Credentials were to be verified, and there was no turn for that.
    pub(in crate::connection) const fn busy() -> Self {
        let error = LookupError::Exhausted(Errno::AGAIN);
        Self::Target(Seen {
            outcome: Err(error),
            guard: Ok(None),
            verdict: Some(Verdict::Busy),
        })
    }
}

/// Waiting has not helped: asking again would not either.
const fn after_waiting(error: LookupError) -> LookupError {
    match error {
        LookupError::WouldBlock => LookupError::Exhausted(Errno::AGAIN),
        other => other,
    }
}

impl From<LookupError> for Found {
    fn from(error: LookupError) -> Self {
        Self::Target(Seen {
            outcome: Err(error),
            guard: Err(error),
            verdict: None,
        })
    }
}
