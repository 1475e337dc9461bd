//! A password typed at the terminal, which does not show it.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};

use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::passwords::PASSWORD_LEN_MAX;

/// The terminal as it was, to be so again.
struct Silence<'a> {
    terminal: &'a File,
    before: Termios,
}

impl<'a> Silence<'a> {
    /// Shows nothing any more, and lets nobody end this program with a key meanwhile, as then
    /// nothing would be shown for ever.
    fn of(terminal: &'a File) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut silent = before.clone();
        silent.local_modes -= LocalModes::ECHO | LocalModes::ISIG;
        tcsetattr(terminal, OptionalActions::Flush, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        let _ = tcsetattr(self.terminal, OptionalActions::Flush, &self.before);
    }
}

/// Asks for a line with `prompt`.
pub(super) fn ask(prompt: &str) -> io::Result<Vec<u8>> {
    let mut terminal = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
    terminal.write_all(prompt.as_bytes())?;
    let silence = Silence::of(&terminal)?;
    let line = read_line(&terminal);
    drop(silence);
    terminal.write_all(b"\n")?;
    line
}

fn read_line(mut terminal: &File) -> io::Result<Vec<u8>> {
    let mut line = Vec::new();
    let mut byte = [0];
    loop {
        match terminal.read(&mut byte)? {
            0 => break,
            _ if byte == *b"\n" => break,
            // Ctrl-C, which is only a byte now.
            _ if byte == [3] => return Err(io::ErrorKind::Interrupted.into()),
            _ if line.len() > PASSWORD_LEN_MAX => {}
            _ => line.extend_from_slice(&byte),
        }
    }
    Ok(line)
}
