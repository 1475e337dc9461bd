//! The answer to a request that calls a program, as far as it does not come from the program.
//!
//! Which program that is, is always looked up on a thread that may wait: next to starting one that
//! costs nothing, and it is the same for all.

use http::{Expectation, Framing, Method, Request, Status, Target};

use super::authorize::Admission;
use super::goal::Goal;
use super::look::{Called, Found, Look, SeenProgram, Verdict};
use super::{Answer, Response};
use crate::cgi::call::{Call, Script};

/// All that a program may be asked for (RFC 3875 4.3), but TRACE, which would send credentials
/// back to whoever can make a browser ask.
const ALLOW: &[u8] = b"GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS";

/// When to come again who was right to come, and found too many before.
const RETRY_AFTER: [(&str, &[u8]); 1] = [("Retry-After", b"1")];

/// A page, and what it has to say besides.
type Refusal = (Status, &'static [(&'static str, &'static [u8])]);

impl Response<'_> {
    /// Answers `request`, or says which program does.
    pub(super) fn call(&mut self, request: &Request<'_>, found: Option<Box<Found>>) -> Answer {
        match self.called(request, found) {
            Ok(answer) => answer,
            Err((status, fields)) => {
                self.page(status, fields);
                Answer::Written
            }
        }
    }

    fn called(
        &mut self,
        request: &Request<'_>,
        found: Option<Box<Found>>,
    ) -> Result<Answer, Refusal> {
        if request.method == Method::Trace {
            return Err((Status::MethodNotAllowed, &[("Allow", ALLOW)]));
        }
        if request.expectation == Expectation::Unknown {
            return Err((Status::ExpectationFailed, &[]));
        }
        let target = Target::parse(request.target).map_err(|reject| (reject.status(), &[][..]))?;
        if let Some((status, location)) = self.redirect(&target) {
            self.by("redirect");
            self.page(status, &[("Location", &location)]);
            return Ok(Answer::Written);
        }
        if self.is_for_other_sites(request, &target) {
            return Err((Status::Forbidden, &[]));
        }
        if self.worker.site.has_hosts() && self.asked.host().is_none() {
            return Err((Status::NotFound, &[]));
        }
        match found.map(|found| *found) {
            Some(Found::Program(seen)) => self.admit_caller(request, &target, seen),
            // Not what was asked for: there was no turn for a password, or no look.
            Some(Found::Target(seen) | Found::Fallback(seen)) => match seen.outcome {
                Err(error) if !matches!(seen.verdict, Some(Verdict::Busy)) => {
                    self.failure(error);
                    Ok(Answer::Written)
                }
                _ => Err((Status::ServiceUnavailable, &RETRY_AFTER)),
            },
            Some(Found::Hosts(_) | Found::ErrorPages(_)) | None => self.look_for_program(&target),
        }
    }

    /// Answers by the program that is the index file of the directory at `target`.
    pub(super) fn call_index(&mut self, target: &Target<'_>) -> Answer {
        let refusal = match self.look_for_program(target) {
            // A page that is not what was asked for has nothing to say to a program.
            Ok(_) if self.fallback.is_some() => (Status::NotFound, &[][..]),
            Ok(answer) => return answer,
            Err(refusal) => refusal,
        };
        self.page(refusal.0, refusal.1);
        Answer::Written
    }

    /// What is to be looked up to find the program at `target`.
    fn look_for_program(&self, target: &Target<'_>) -> Result<Answer, Refusal> {
        let cgi = self.worker.cgi.as_ref();
        let host = self.asked.host().map(|host| &**host);
        let cgi = cgi.ok_or((Status::NotFound, &[][..]))?;
        let call = Call::new(&cgi.options.pattern, host, target.rule_path());
        let goal = Goal::of(target, host, self.worker.site.users());
        let place = goal.place();
        Ok(Answer::Look(Box::new(Look::Program(Box::new(Called {
            call,
            path: place.path.to_vec(),
            shown: place.shown.to_vec(),
            host_len: place.host_len,
            hidden_len: place.hidden_len,
            is_directory: place.is_directory,
            credentials: None,
        })))))
    }

    /// Lets who may call a program do so.
    fn admit_caller(
        &mut self,
        request: &Request<'_>,
        target: &Target<'_>,
        seen: SeenProgram,
    ) -> Result<Answer, Refusal> {
        let guard = match seen.guard {
            Ok(guard) => guard,
            Err(error) => {
                self.failure(error);
                return Ok(Answer::Written);
            }
        };
        match self.authorize(request, guard.as_ref(), seen.verdict) {
            Admission::Granted => {}
            Admission::Refused => return Ok(Answer::Written),
            Admission::Verify(credentials) => {
                return self.look_for_program(target).map(|answer| match answer {
                    Answer::Look(look) => Answer::Look(look.verifying(credentials)),
                    other => other,
                });
            }
        }
        match seen.outcome {
            // RFC 3875 4.1.2: a script is told how long its content is before it reads any. What
            // is in chunks says so only at its end, and would have to be kept until then.
            Ok(Some(_)) if request.framing == Framing::Chunked => {
                Err((Status::LengthRequired, &[]))
            }
            Ok(Some(script)) => Ok(Answer::Run(Box::new(Script {
                user: self.asked.user().cloned(),
                host: self.asked.host().cloned(),
                ..script
            }))),
            Ok(None) => Err((Status::NotFound, &[])),
            Err(error) => {
                self.failure(error);
                Ok(Answer::Written)
            }
        }
    }
}
