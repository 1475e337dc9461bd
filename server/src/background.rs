//! Going into the background: a second process that serves, and a first that waits until it does.
//!
//! ```text
//! first    starts the second --- shows what it says --- ends with success, or as the second did
//! second   a session of its own --- binds, opens, becomes another user --- lets go of the terminal
//! ```
//!
//! So a start that fails is seen by whoever started it, which one cannot say of a program that
//! goes into the background first. The second is this program anew and no fork of it: no thread
//! may be there when a process forks, and nothing here has to rely on there being none.

use std::env;
use std::fs::File;
use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitCode, Stdio};

use rustix::process::setsid;
use rustix::stdio::{dup2_stderr, dup2_stdout};

/// The flag by which the second process knows what it is.
const DETACHED: &str = "--detached";

/// Starts the second process, and waits until it serves or has ended; how the first one is to
/// end.
///
/// # Errors
///
/// When it cannot be started or heard.
pub fn enter() -> io::Result<ExitCode> {
    let mut args = env::args_os();
    let name = args.next().unwrap_or_else(|| "rthttpd".into());
    let mut second = Command::new("/proc/self/exe")
        .arg0(name)
        .arg(DETACHED)
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    if hear(&mut second)? {
        return Ok(ExitCode::SUCCESS);
    }
    let status = second.wait()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
}

/// Shows what the second says until it says no more; whether that was anything. It has the
/// standard error of the first, and says the other only when it serves.
fn hear(second: &mut Child) -> io::Result<bool> {
    let Some(mut said) = second.stdout.take() else {
        return Ok(false);
    };
    let mut text = Vec::new();
    said.read_to_end(&mut text)?;
    // Nobody has to read it.
    let _ = io::stdout().write_all(&text);
    Ok(!text.is_empty())
}

/// The second process, while it still has what the first one has.
#[derive(Debug)]
pub(crate) struct Second {
    /// Opened while it is seen.
    nowhere: File,
}

impl Second {
    /// Leaves the terminal's session, so as to outlive it.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub(crate) fn begin() -> io::Result<Self> {
        let nowhere = File::options().write(true).open("/dev/null")?;
        setsid()?;
        Ok(Self { nowhere })
    }

    /// Lets go of standard output and standard error: the first ends, and nobody reads any more.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub(crate) fn let_go(self) -> io::Result<()> {
        dup2_stderr(&self.nowhere)?;
        dup2_stdout(&self.nowhere)?;
        Ok(())
    }
}
