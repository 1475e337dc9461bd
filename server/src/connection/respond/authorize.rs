//! Who may see what a password file guards.
//!
//! What guards a directory is remembered for a second, as files are; of a file in the cache it is
//! remembered with the file. Credentials that were verified lately are recognised at once; others
//! are verified on another thread, and the request is answered again with the verdict.

use std::sync::Arc;

use http::{Request, Status};

use super::goal::Goal;
use super::look::{Seen, Verdict};
use super::{Answer, Response};
use crate::clients::Refusal;
use crate::clock::Moment;
use crate::counters::{Counter, WorkerCounters};
use crate::passwords::{Credentials, Guard};
use crate::site::cache::Cache;
use crate::site::{LookupError, Patience, Place, Resource};

/// What guards the directories that a worker has served lately.
#[derive(Debug)]
pub(crate) struct KnownGuards {
    directories: Cache<KnownGuard>,
}

#[derive(Debug)]
struct KnownGuard {
    guard: Option<Arc<Guard>>,
    /// When that was looked at, in seconds since 1970.
    checked: u64,
}

/// Whether a request may be answered.
#[derive(Debug)]
pub(super) enum Admission {
    Granted,
    /// Not, and the client has been told so.
    Refused,
    /// The password must be verified first.
    Verify(Credentials),
}

/// A thousand directories or so.
const KNOWN_BYTES_MAX: usize = 512 * 1024;

/// When to come again who was right to come, and found too many before.
const RETRY_AFTER: [(&str, &[u8]); 1] = [("Retry-After", b"1")];

impl Default for KnownGuards {
    fn default() -> Self {
        let directories = Cache::new(KNOWN_BYTES_MAX);
        Self { directories }
    }
}

impl Response<'_> {
    /// The guard of `place`, looked at within this second.
    pub(super) fn guard_of(&self, place: Place<'_>) -> Result<Option<Arc<Guard>>, LookupError> {
        let Some(known) = &self.state.guards else {
            return Ok(None);
        };
        match known.directories.find(place.directory()) {
            Some(known) if known.checked == self.now => Ok(known.guard.clone()),
            _ => self.worker.site.guard(place, Patience::Cached),
        }
    }

    /// Remembers the guard of `place`, which is there: no client makes up directories to be
    /// remembered.
    pub(super) fn know_guard(&mut self, place: Place<'_>, guard: Option<&Arc<Guard>>) {
        let checked = self.now;
        let Some(known) = &mut self.state.guards else {
            return;
        };
        let directory = place.directory();
        let is_known = known.directories.find(directory);
        if is_known.is_none_or(|known| known.checked != checked) {
            let guard = guard.cloned();
            known
                .directories
                .insert(directory, KnownGuard { guard, checked }, 0);
        }
    }

    /// Whether `request` may see what `guard` guards, having come to this `verdict` if it was
    /// verified. From now on everything said is said to the user.
    pub(super) fn authorize(
        &mut self,
        request: &Request<'_>,
        guard: Option<&Arc<Guard>>,
        verdict: Option<Verdict>,
    ) -> Admission {
        let Some(guard) = guard else {
            return Admission::Granted;
        };
        let credentials = request.fields.authorization().and_then(Credentials::parse);
        let Some(credentials) = credentials else {
            self.challenge(guard);
            return Admission::Refused;
        };
        let (worker, client) = (self.worker, self.asked.client);
        let attempts = worker
            .verifying
            .as_ref()
            .map(|verifying| &verifying.attempts);
        let count = |counter: fn(&WorkerCounters) -> &Counter| {
            if let Some(counters) = worker.counters() {
                counter(counters).add(1);
            }
        };
        match verdict {
            Some(Verdict::Right(user)) => {
                count(|counters| &counters.passwords_right);
                self.asked.set_user(Some(user));
                return Admission::Granted;
            }
            Some(Verdict::Wrong) => {
                self.challenge(guard);
                // One that is answered again is counted then.
                if self.unseen_pages.is_none() {
                    count(|counters| &counters.passwords_wrong);
                    if let Some(attempts) = attempts {
                        attempts.count(client, Moment::now());
                    }
                }
            }
            Some(Verdict::Busy) => self.page(Status::ServiceUnavailable, &RETRY_AFTER),
            None => {
                if let Some(user) = guard.known(&credentials, self.now) {
                    self.asked.set_user(Some(user));
                    return Admission::Granted;
                }
                let checked = attempts.map(|attempts| attempts.check(client, Moment::now()));
                let Some(Err(wait)) = checked else {
                    return Admission::Verify(credentials);
                };
                self.turn_down(Refusal::TooMany(wait));
                if self.unseen_pages.is_none() {
                    count(|counters| &counters.passwords_unseen);
                }
            }
        }
        Admission::Refused
    }

    /// What has been `seen` of `goal`, if `request` may see it; else the answer. Whoever may not
    /// know what is there is not told that nothing is.
    pub(super) fn admit(
        &mut self,
        request: &Request<'_>,
        goal: &Goal<'_>,
        seen: Seen,
    ) -> Result<Result<Resource, LookupError>, Answer> {
        let Seen {
            outcome,
            guard,
            verdict,
        } = seen;
        if matches!(verdict, Some(Verdict::Busy)) {
            self.page(Status::ServiceUnavailable, &RETRY_AFTER);
            return Err(Answer::Written);
        }
        let waits = matches!(outcome, Err(LookupError::WouldBlock));
        let guard = match guard {
            Err(LookupError::WouldBlock) => None,
            Ok(_) if waits => None,
            Ok(guard) => Some(guard),
            Err(error) => {
                self.failure(error);
                return Err(Answer::Written);
            }
        };
        let Some(guard) = guard else {
            let wishes = super::wishes(request, goal.target());
            return Err(Answer::Look(self.look(goal, wishes, None)));
        };
        let admission = self.authorize(request, guard.as_ref(), verdict);
        match self.unless_granted(admission, goal, request) {
            Some(answer) => Err(answer),
            None => {
                self.guard = guard;
                Ok(outcome)
            }
        }
    }

    /// What is asked for before `goal` can be answered, if `admission` is not granted.
    pub(super) fn unless_granted(
        &self,
        admission: Admission,
        goal: &Goal<'_>,
        request: &Request<'_>,
    ) -> Option<Answer> {
        match admission {
            Admission::Granted => None,
            Admission::Refused => Some(Answer::Written),
            Admission::Verify(credentials) => {
                let wishes = super::wishes(request, goal.target());
                let look = self.look(goal, wishes, None);
                Some(Answer::Look(look.verifying(credentials)))
            }
        }
    }

    /// RFC 9110 15.5.2: a 401 says how to come in.
    fn challenge(&mut self, guard: &Guard) {
        let challenge = guard.challenge().as_bytes();
        self.page(Status::Unauthorized, &[("WWW-Authenticate", challenge)]);
    }
}
