//! A password file: `user:hash`, a line for each, as thttpd's, Apache's and nginx's have it.
//!
//! What follows a second colon is ignored, as are empty lines and those that begin with `#`. A
//! line that is wrong keeps its user out and nobody else: the others go on, and the operator is
//! told of it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::sync::Arc;

use super::{Credentials, Hash, HashError};

/// Bytes of a file: thousands of users.
pub const FILE_LEN_MAX: usize = 1024 * 1024;

/// As Apache's `htpasswd` has it.
pub const USER_LEN_MAX: usize = 255;

/// Errors that are told, of one file; there may be as many as lines.
const ERRORS_MAX: usize = 20;

/// The users of a file, and what their passwords must give.
#[derive(Debug, Default)]
pub struct PasswordFile {
    users: HashMap<Arc<[u8]>, Option<Hash>>,
    /// What is verified for who is not in the file, so that it takes as long.
    decoy: Option<Hash>,
}

/// Why a line lets nobody in.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
#[error("line {line}{}: {problem}", of_user(user.as_deref()))]
pub struct LineError {
    /// Its number, from 1.
    pub line: usize,
    /// Whom it is about, if it says so.
    pub user: Option<String>,
    /// What is wrong.
    pub problem: LineProblem,
}

/// What is wrong with a line.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum LineProblem {
    /// It is no `user:hash`.
    #[error("it has no colon: a line is user:hash, as `rthttpd htpasswd` writes it")]
    Colon,
    /// What stands before the colon is no user.
    #[error("a user's name has 1 to {USER_LEN_MAX} bytes and no control characters")]
    User,
    /// The user has been named before.
    #[error("the user is there already: the first line counts")]
    Repeated,
    /// The hash cannot be used.
    #[error(transparent)]
    Hash(#[from] HashError),
}

impl PasswordFile {
    /// Reads a file; lines that are wrong are returned beside it, the first of them.
    #[must_use]
    pub fn parse(bytes: &[u8]) -> (Self, Vec<LineError>) {
        let mut file = Self::default();
        let mut errors = Vec::new();
        for (index, line) in bytes.split(|&byte| byte == b'\n').enumerate() {
            let line = line.trim_ascii_end();
            if line.is_empty() || line.starts_with(b"#") {
                continue;
            }
            if let Err((user, problem)) = file.add(line)
                && errors.len() < ERRORS_MAX
            {
                errors.push(LineError {
                    line: index + 1,
                    user: user.map(|user| user.escape_ascii().to_string()),
                    problem,
                });
            }
        }
        (file, errors)
    }

    fn add<'a>(&mut self, line: &'a [u8]) -> Result<(), (Option<&'a [u8]>, LineProblem)> {
        let mut fields = line.splitn(3, |&byte| byte == b':');
        let user = fields.next().unwrap_or_default();
        let hash = fields.next().ok_or((None, LineProblem::Colon))?;
        if !is_user(user) {
            return Err((None, LineProblem::User));
        }
        let wrong = |problem| (Some(user), problem);
        let Entry::Vacant(place) = self.users.entry(user.into()) else {
            return Err(wrong(LineProblem::Repeated));
        };
        let hash = str::from_utf8(hash).map_err(|_| HashError::Unknown);
        match hash.and_then(Hash::parse) {
            Ok(hash) => {
                self.decoy.get_or_insert_with(|| hash.clone());
                place.insert(Some(hash));
                Ok(())
            }
            Err(error) => {
                // A later line must not let in whom this one keeps out.
                place.insert(None);
                Err(wrong(error.into()))
            }
        }
    }

    /// The user that `credentials` are right for. Takes as long for one who is not there as for
    /// a wrong password, if all were hashed alike.
    #[must_use]
    pub fn verify(&self, credentials: &Credentials) -> Option<Arc<[u8]>> {
        let found = self.users.get_key_value(credentials.user());
        match found {
            Some((user, Some(hash))) => hash
                .verify(credentials.password())
                .then(|| Arc::clone(user)),
            _ => {
                if let Some(decoy) = &self.decoy {
                    let _ = decoy.verify(credentials.password());
                }
                None
            }
        }
    }
}

/// Whether `name` can be a user's: a colon would end it, and a line end its line.
#[must_use]
pub fn is_user(name: &[u8]) -> bool {
    (1..=USER_LEN_MAX).contains(&name.len())
        && name
            .iter()
            .all(|&byte| byte != b':' && byte >= b' ' && byte != 0x7f)
        && !name.starts_with(b"#")
}

fn of_user(user: Option<&str>) -> impl fmt::Display {
    user.map(|user| format!(" (user {user})"))
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHA_OF_A: &str = "{SHA}hvfkN/qlp/zhXR3cuerq6jd2Z7g=";

    fn credentials(user: &str, password: &str) -> Credentials {
        Credentials::new(user.as_bytes(), password.as_bytes()).unwrap()
    }

    #[test]
    fn a_line_is_a_user_and_a_hash() {
        let text = format!(
            "# those who may\n\nanna:{SHA_OF_A}:Anna A.:x\r\n\
             \u{fc}ser:{SHA_OF_A}\nbob:{SHA_OF_A}  \n"
        );
        let (file, errors) = PasswordFile::parse(text.as_bytes());

        assert_eq!(errors, []);
        for user in ["anna", "\u{fc}ser", "bob"] {
            let verified = file.verify(&credentials(user, "a"));
            assert_eq!(verified.as_deref(), Some(user.as_bytes()), "{user}");
            assert_eq!(file.verify(&credentials(user, "b")), None);
        }
        assert_eq!(file.verify(&credentials("carl", "a")), None);
        assert_eq!(file.verify(&credentials("", "")), None);
    }

    /// CVE-2012-5640: a hash that crypt(3) does not know was the end of the server.
    #[test]
    fn a_wrong_line_keeps_out_its_user_alone() {
        let text = format!(
            "old:ab3jcLo8aNLw6\nnocolon\n:{SHA_OF_A}\nempty:\nanna:{SHA_OF_A}\nanna:x\n\
             old:{SHA_OF_A}\nplain:secret\nodd:$2y$99$x\n"
        );
        let (file, errors) = PasswordFile::parse(text.as_bytes());

        let told: Vec<_> = errors.iter().map(LineError::to_string).collect();
        for (told, (line, part)) in told.iter().zip([
            ("line 1 (user old): ", "DES"),
            ("line 2: ", "no colon"),
            ("line 3: ", "a user's name"),
            ("line 4 (user empty): ", "empty"),
            ("line 6 (user anna): ", "already"),
            ("line 7 (user old): ", "already"),
            ("line 8 (user plain): ", "of no kind"),
            ("line 9 (user odd): ", "malformed"),
        ]) {
            assert!(told.starts_with(line) && told.contains(part), "{told}");
            assert!(!told.contains("secret"), "{told}");
        }
        assert_eq!(told.len(), 8);
        assert!(file.verify(&credentials("anna", "a")).is_some());
        for user in ["old", "empty", "plain", "odd", "nocolon"] {
            for password in ["a", "", "secret", "x"] {
                assert_eq!(file.verify(&credentials(user, password)), None, "{user}");
            }
        }
    }

    #[test]
    fn a_file_of_nothing_but_mistakes_tells_of_the_first() {
        let (_, errors) = PasswordFile::parse("x\n".repeat(1_000).as_bytes());

        assert_eq!(errors.len(), ERRORS_MAX);
    }
}
