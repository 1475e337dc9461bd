//! Passwords: the files they are in, and whether what a client sends is among them.
//!
//! ```text
//! .htpasswd -> PasswordFile: users and their Hash       file.rs, hash.rs
//! Authorization -> Credentials                          credentials.rs
//! Credentials + Guard, a PasswordFile at work -> a user  guard.rs
//!   and again, for a while                               verified.rs
//! ```
//!
//! To verify a password is to compute for tens of milliseconds, on purpose. So nothing here is to
//! be asked on a thread that serves, except what was verified before. Nothing here opens a file or
//! reads a clock; which file is about which path is known in `site/`, and who may try how often in
//! `connection/`.

mod credentials;
mod crypt64;
mod file;
mod guard;
mod hash;
mod md5_crypt;
mod sha_crypt;
mod verified;

pub use self::credentials::{Credentials, PASSWORD_LEN_MAX};
pub use self::file::{FILE_LEN_MAX, LineError, LineProblem, PasswordFile, USER_LEN_MAX, is_user};
pub(crate) use self::guard::Guard;
pub(crate) use self::hash::COST_MIN;
pub use self::hash::{COST_MAX, Hash, HashError, Method};
use self::verified::Verified;
