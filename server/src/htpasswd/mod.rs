//! `rthttpd htpasswd`: makes and changes password files.
//!
//! ```text
//! flags -> password, typed unseen or read from standard input     terminal.rs
//!       -> the file's bytes with the user's new line              edit.rs, pure
//!       -> a new file in the old one's place, whole or not at all
//! ```
//!
//! A password is never an argument, where every user of the machine could read it
//! (CVE-2024-23770), and goes to no other program (CVE-2006-1079).

mod edit;
mod terminal;

use std::ffi::OsStr;
use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use clap::Parser;

use self::edit::Edit;
use crate::passwords::{
    COST_MAX, COST_MIN, Credentials, FILE_LEN_MAX, Hash, HashError, Method, PASSWORD_LEN_MAX,
    PasswordFile, is_user,
};

/// The flags, thttpd's and Apache's where they have them.
#[derive(Debug, Parser)]
#[command(
    name = "rthttpd htpasswd",
    bin_name = "rthttpd htpasswd",
    about = "Sets a user's password in a password file such as .htpasswd",
    after_help = EXAMPLES,
    max_term_width = 80
)]
struct Args {
    /// The password file
    file: PathBuf,

    /// The user
    user: String,

    /// Make the file, in place of one that may be there
    #[arg(short, long, conflicts_with_all = ["delete", "verify"])]
    create: bool,

    /// Take the user out of the file
    #[arg(short = 'D', long, conflicts_with = "verify")]
    delete: bool,

    /// Change nothing, and say whether the password is right
    #[arg(short, long)]
    verify: bool,

    /// Read the password from standard input, which is done too when it is no terminal
    #[arg(short = 'i', long)]
    stdin: bool,

    /// How the password is hashed
    #[arg(long, value_enum, default_value_t = MethodName::Bcrypt)]
    method: MethodName,

    /// How long bcrypt takes: twice as long for each more
    #[arg(
        short = 'C',
        long,
        value_name = "N",
        default_value_t = COST,
        value_parser = clap::value_parser!(u32).range(i64::from(COST_MIN)..=i64::from(COST_MAX))
    )]
    cost: u32,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq, clap::ValueEnum)]
enum MethodName {
    /// Slow in a way that no special hardware shortens much
    Bcrypt,
    /// SHA-crypt with SHA-512, $6$, that other programs verify through crypt(3)
    Sha512,
}

const EXAMPLES: &str = "\
Examples:
  rthttpd htpasswd -c www/private/.htpasswd anna     a new file, with its first user
  rthttpd htpasswd www/private/.htpasswd bob         another user, or a new password
  rthttpd htpasswd -D www/private/.htpasswd bob      without that user";

/// 50 milliseconds or so: who has the file tries twenty passwords a second with a processor, and
/// who logs in does not notice.
const COST: u32 = 10;

/// bcrypt looks at no more.
const BCRYPT_PASSWORD_LEN_MAX: usize = 72;

/// What cannot be done.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HtpasswdError {
    /// The name is none.
    #[error(
        "`{}` is no user's name: it has 1 to 255 bytes, no colon and no control characters, and \
         does not begin with #",
        name.escape_debug()
    )]
    User {
        /// What was given.
        name: String,
    },
    /// The file cannot be read or written.
    #[error("cannot {action} {}{}", path.display(), remedy(source))]
    File {
        /// What was tried.
        action: &'static str,
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is none of ours.
    #[error("{} is larger than {FILE_LEN_MAX} bytes, which no password file may be", path.display())]
    TooLong {
        /// Which file.
        path: PathBuf,
    },
    /// The password cannot be had.
    #[error("cannot read the password")]
    Input(#[source] io::Error),
    /// It is empty, or too long.
    #[error("the password has {len} bytes: it must have 1 to {max}")]
    Length {
        /// How many it has.
        len: usize,
        /// How many it may have.
        max: usize,
    },
    /// It was typed differently the second time.
    #[error("the two passwords are not the same: nothing was changed")]
    Differ,
    /// There is no such user.
    #[error("{} has no user {user}", path.display())]
    NoUser {
        /// Which file.
        path: PathBuf,
        /// Which user.
        user: String,
    },
    /// The password is not the user's.
    #[error("the password is wrong, or {} has no user {user} who can enter", path.display())]
    Wrong {
        /// Which file.
        path: PathBuf,
        /// Which user.
        user: String,
    },
    /// The password cannot be hashed.
    #[error(transparent)]
    Hash(#[from] HashError),
    /// The system has no random numbers.
    #[error("the system gives no random numbers for a salt: {0}")]
    Random(getrandom::Error),
}

impl HtpasswdError {
    /// 2 for what was typed, 1 for everything else.
    #[must_use]
    pub const fn exit_status(&self) -> u8 {
        match self {
            Self::User { .. } | Self::Length { .. } | Self::Differ => 2,
            _ => 1,
        }
    }
}

/// Whether these are the arguments of `rthttpd htpasswd`.
#[must_use]
pub fn is_asked_for(mut args: impl Iterator<Item: AsRef<OsStr>>) -> bool {
    args.nth(1).is_some_and(|word| word.as_ref() == "htpasswd")
}

/// Does what the arguments of this process say; what is wrong with them ends it. Says what it has
/// done.
///
/// # Errors
/// When it cannot be done; the file is as it was then.
pub fn run() -> Result<String, HtpasswdError> {
    act(&Args::parse_from(std::env::args_os().skip(1)))
}

fn act(args: &Args) -> Result<String, HtpasswdError> {
    let (path, user) = (&args.file, &args.user);
    if !is_user(user.as_bytes()) {
        let name = user.clone();
        return Err(HtpasswdError::User { name });
    }
    let old = if args.create { Vec::new() } else { read(path)? };
    if args.verify {
        let password = password(args.stdin, "Password: ")?;
        let (file, _) = PasswordFile::parse(&old);
        let credentials = Credentials::new(user.as_bytes(), &password);
        return match credentials.and_then(|credentials| file.verify(&credentials)) {
            Some(_) => Ok(format!("the password of {user} is right\n")),
            None => Err(HtpasswdError::Wrong {
                path: path.clone(),
                user: user.clone(),
            }),
        };
    }
    if args.delete {
        let edit = edit::without(&old, user.as_bytes());
        if !edit.was_there {
            return Err(HtpasswdError::NoUser {
                path: path.clone(),
                user: user.clone(),
            });
        }
        write(path, &edit.bytes)?;
        return Ok(format!("{}: took out {user}\n", path.display()));
    }
    let line = line(args, &new_password(args)?)?;
    let Edit { bytes, was_there } = edit::with(&old, user.as_bytes(), line.as_bytes());
    if bytes.len() > FILE_LEN_MAX {
        let path = path.clone();
        return Err(HtpasswdError::TooLong { path });
    }
    write(path, &bytes)?;
    let done = if was_there { "changed" } else { "added" };
    Ok(format!("{}: {done} {user}\n", path.display()))
}

/// The user's line, without its end.
fn line(args: &Args, password: &[u8]) -> Result<String, HtpasswdError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random).map_err(HtpasswdError::Random)?;
    let method = match args.method {
        MethodName::Bcrypt => Method::Bcrypt { cost: args.cost },
        MethodName::Sha512 => Method::Sha512,
    };
    let hash = Hash::make(password, method, random)?;
    Ok(format!("{}:{hash}", args.user))
}

fn new_password(args: &Args) -> Result<Vec<u8>, HtpasswdError> {
    let first = password(args.stdin, "New password: ")?;
    let max = match args.method {
        MethodName::Bcrypt => BCRYPT_PASSWORD_LEN_MAX,
        MethodName::Sha512 => PASSWORD_LEN_MAX,
    };
    if !(1..=max).contains(&first.len()) {
        let len = first.len();
        return Err(HtpasswdError::Length { len, max });
    }
    if is_typed(args.stdin) && password(false, "The same again: ")? != first {
        return Err(HtpasswdError::Differ);
    }
    Ok(first)
}

fn is_typed(from_stdin: bool) -> bool {
    !from_stdin && io::stdin().is_terminal()
}

/// A password from the terminal, or a line of standard input.
fn password(from_stdin: bool, prompt: &str) -> Result<Vec<u8>, HtpasswdError> {
    if is_typed(from_stdin) {
        return terminal::ask(prompt).map_err(HtpasswdError::Input);
    }
    let mut line = Vec::new();
    // One byte more than the longest, to see that it is longer, and its line end.
    let limit = PASSWORD_LEN_MAX as u64 + 3;
    let mut input = io::stdin().lock().take(limit);
    input
        .read_until(b'\n', &mut line)
        .map_err(HtpasswdError::Input)?;
    Ok(edit::without_line_end(&line).to_vec())
}

fn read(path: &Path) -> Result<Vec<u8>, HtpasswdError> {
    let failed = |source| HtpasswdError::File {
        action: "read",
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    file.take(FILE_LEN_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    if bytes.len() > FILE_LEN_MAX {
        let path = path.to_owned();
        return Err(HtpasswdError::TooLong { path });
    }
    Ok(bytes)
}

/// Puts `bytes` in the place of what is at `path`, all at once: a server that reads the file at
/// this moment must find the old one or the new one whole. Owner and permissions stay.
fn write(path: &Path, bytes: &[u8]) -> Result<(), HtpasswdError> {
    let failed = |source| HtpasswdError::File {
        action: "write",
        path: path.to_owned(),
        source,
    };
    // A link stays one: what it leads to is replaced.
    let real = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let mut random = [0; 8];
    getrandom::fill(&mut random).map_err(HtpasswdError::Random)?;
    let mut beside = real.clone().into_os_string();
    beside.push(format!(".{:016x}", u64::from_ne_bytes(random)));
    let beside = PathBuf::from(beside);
    let outcome = write_new(&beside, bytes, &real).and_then(|()| fs::rename(&beside, &real));
    outcome.map_err(|error| {
        let _ = fs::remove_file(&beside);
        failed(error)
    })
}

/// The name is nobody's to guess, and what is there already is not written to (CVE-2005-3124).
fn write_new(path: &Path, bytes: &[u8], old: &Path) -> io::Result<()> {
    let mut options = OpenOptions::new();
    let mut file = options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    match fs::metadata(old) {
        Ok(old) => {
            // As another user's it could not be; then its permissions are what matters.
            let _ = fchown(&file, Some(old.uid()), Some(old.gid()));
            file.set_permissions(Permissions::from_mode(old.mode() & 0o7777))?;
        }
        // The group can read it, so that the server's group can be given it.
        Err(_) => file.set_permissions(Permissions::from_mode(0o640))?,
    }
    file.sync_all()
}

fn remedy(error: &io::Error) -> &'static str {
    if error.kind() == io::ErrorKind::NotFound {
        " (-c makes a new file)"
    } else {
        ""
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_asked_for_by_the_first_word() {
        for (args, expected) in [
            (&["rthttpd", "htpasswd"][..], true),
            (&["rthttpd", "htpasswd", "--help"], true),
            (&["rthttpd", "-d", "htpasswd"], false),
            (&["htpasswd"], false),
            (&[], false),
        ] {
            assert_eq!(is_asked_for(args.iter()), expected, "{args:?}");
        }
    }

    #[test]
    fn its_flags_are_no_contradictions() {
        for args in [
            "-c -D f u",
            "-D -v f u",
            "-C 3 f u",
            "-C 16 f u",
            "f",
            "f u p",
        ] {
            let args = ["x"].into_iter().chain(args.split(' '));
            assert!(Args::try_parse_from(args.clone()).is_err(), "{args:?}");
        }
        let args = Args::try_parse_from(["x", "f", "u"]).unwrap();
        assert_eq!((args.method, args.cost), (MethodName::Bcrypt, 10));
    }
}
