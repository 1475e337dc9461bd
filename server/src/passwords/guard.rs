//! A password file at work: who it lets in, and what those are told whom it does not.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::escape;

use super::{Credentials, PasswordFile, Verified};

/// One state of a password file.
#[derive(Debug)]
pub(crate) struct Guard {
    passwords: PasswordFile,
    /// What was verified lately. Locked for a look-up, by requests for what is guarded alone.
    verified: Mutex<Verified>,
    challenge: Box<str>,
}

impl Guard {
    /// Guards the directory that clients know as `directory`, a clean path; `key` is random.
    pub(crate) fn new(passwords: PasswordFile, directory: &[u8], key: [u8; 32]) -> Self {
        // Escaped as in a URI, so that no quote ends it early.
        let mut realm = vec![b'/'];
        escape::path(&mut realm, directory);
        if !directory.is_empty() {
            realm.push(b'/');
        }
        let realm = String::from_utf8_lossy(&realm);
        Self {
            passwords,
            verified: Mutex::new(Verified::new(key)),
            // RFC 7617 2.1: credentials come in UTF-8, as passwords were typed.
            challenge: format!("Basic realm=\"{realm}\", charset=\"UTF-8\"").into(),
        }
    }

    /// What a 401 says in WWW-Authenticate.
    pub(crate) fn challenge(&self) -> &str {
        &self.challenge
    }

    /// The user of `credentials`, if they were verified not long before `now`, in seconds since
    /// 1970.
    pub(crate) fn known(&self, credentials: &Credentials, now: u64) -> Option<Arc<[u8]>> {
        self.lock().user(credentials, now)
    }

    /// The user of `credentials`, if they are right. Computes for long, unless they have been
    /// verified meanwhile.
    pub(crate) fn verify(&self, credentials: &Credentials, now: u64) -> Option<Arc<[u8]>> {
        if let Some(user) = self.known(credentials, now) {
            return Some(user);
        }
        let user = self.passwords.verify(credentials)?;
        self.lock().add(credentials, Arc::clone(&user), now);
        Some(user)
    }

    fn lock(&self) -> MutexGuard<'_, Verified> {
        self.verified.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_realm_is_its_directory_and_ends_where_it_says() {
        for (directory, realm) in [
            ("", "/"),
            ("private", "/private/"),
            ("a \"b\"\\c/d\r\n", "/a%20%22b%22%5Cc/d%0D%0A/"),
        ] {
            let guard = Guard::new(PasswordFile::default(), directory.as_bytes(), [0; 32]);
            let expected = format!("Basic realm=\"{realm}\", charset=\"UTF-8\"");
            assert_eq!(guard.challenge(), expected);
        }
    }

    #[test]
    fn what_was_verified_is_known() {
        let (file, _) = PasswordFile::parse(b"anna:{SHA}hvfkN/qlp/zhXR3cuerq6jd2Z7g=\n");
        let guard = Guard::new(file, b"", [1; 32]);
        let right = Credentials::new(b"anna", b"a").unwrap();
        let wrong = Credentials::new(b"anna", b"b").unwrap();

        assert_eq!(guard.known(&right, 10), None);
        assert_eq!(guard.verify(&wrong, 10), None);
        assert!(guard.verify(&right, 10).is_some());

        assert!(guard.known(&right, 11).is_some());
        assert_eq!(guard.known(&wrong, 11), None);
    }
}
