//! Credentials that were found right, for a while.
//!
//! A browser sends its credentials with each request, and to verify them takes tens of
//! milliseconds on purpose; so what was right is remembered. The password itself is not: a digest
//! of it is, under a key that is made at the start and never leaves this process. What is
//! remembered belongs to one state of one password file, and goes with it.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::Credentials;

/// How long: a minute of requests is verified once, and so is who reads a page and goes on.
pub(crate) const KEPT: Duration = Duration::from_secs(300);

/// More users at a time than a small server's password file has; some 200 bytes for each.
const VERIFIED_MAX: usize = 1_024;

/// What was verified of one state of a file.
#[derive(Debug)]
pub(crate) struct Verified {
    key: [u8; 32],
    users: HashMap<[u8; 32], Right>,
}

#[derive(Debug)]
struct Right {
    user: Arc<[u8]>,
    /// In seconds since 1970.
    until: u64,
}

impl Verified {
    /// Nothing yet; `key` is random.
    pub(crate) fn new(key: [u8; 32]) -> Self {
        let users = HashMap::new();
        Self { key, users }
    }

    /// The user of `credentials`, if they were verified not long before `now`.
    pub(crate) fn user(&self, credentials: &Credentials, now: u64) -> Option<Arc<[u8]>> {
        let right = self.users.get(&self.digest(credentials))?;
        // A clock that was set back does not prolong it.
        let is_kept = (right.until.saturating_sub(KEPT.as_secs())..=right.until).contains(&now);
        is_kept.then(|| Arc::clone(&right.user))
    }

    /// Remembers that `credentials` are right for `user`.
    pub(crate) fn add(&mut self, credentials: &Credentials, user: Arc<[u8]>, now: u64) {
        if self.users.len() >= VERIFIED_MAX {
            self.users.retain(|_, right| right.until >= now);
        }
        if self.users.len() >= VERIFIED_MAX {
            // All are verified anew, over the next minutes.
            self.users.clear();
        }
        let until = now.saturating_add(KEPT.as_secs());
        self.users
            .insert(self.digest(credentials), Right { user, until });
    }

    fn digest(&self, credentials: &Credentials) -> [u8; 32] {
        // With its length before it, no user and password give what another two do.
        let user = credentials.user();
        Sha256::new()
            .chain_update(self.key)
            .chain_update((user.len() as u64).to_le_bytes())
            .chain_update(user)
            .chain_update(credentials.password())
            .finalize()
            .into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn credentials(user: &str, password: &str) -> Credentials {
        Credentials::new(user.as_bytes(), password.as_bytes()).unwrap()
    }

    #[test]
    fn what_was_right_is_known_for_a_while() {
        let mut verified = Verified::new([7; 32]);
        let right = credentials("anna", "secret");
        assert_eq!(verified.user(&right, 1_000), None);

        verified.add(&right, Arc::from(*b"anna"), 1_000);

        for now in [1_000, 1_300] {
            assert_eq!(verified.user(&right, now).as_deref(), Some(&b"anna"[..]));
        }
        for now in [1_301, 999, 0] {
            assert_eq!(verified.user(&right, now), None, "{now}");
        }
        for (user, password) in [("anna", "secre"), ("annas", "ecret"), ("ann", "asecret")] {
            assert_eq!(verified.user(&credentials(user, password), 1_000), None);
        }
    }

    #[test]
    fn it_never_remembers_more_than_it_may() {
        let mut verified = Verified::new([7; 32]);
        for number in 0..3 * VERIFIED_MAX {
            let user = credentials(&number.to_string(), "");
            verified.add(&user, Arc::from(*b"x"), 1_000);
            assert!(verified.users.len() <= VERIFIED_MAX);
            assert!(verified.user(&user, 1_000).is_some());
        }
        // Those that are old make room for others first.
        let mut verified = Verified::new([7; 32]);
        for number in 0..VERIFIED_MAX {
            let now = if number == 0 { 2_000 } else { 1_000 };
            verified.add(&credentials(&number.to_string(), ""), Arc::from(*b"x"), now);
        }
        verified.add(&credentials("new", ""), Arc::from(*b"x"), 2_000);
        assert!(verified.user(&credentials("0", ""), 2_000).is_some());
        assert_eq!(verified.users.len(), 2);
    }
}
