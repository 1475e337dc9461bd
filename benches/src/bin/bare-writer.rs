//! The floor under every log writer: one read and one write, and nothing in between.
//!
//! `bare-writer PORT FILE` takes one connection and appends to the file whatever comes, up to 64 KiB at a time. It looks
//! at nothing, so it can neither route nor count a line; what a log writer costs above it is what its own work costs.
//! It ends with the connection, or by TERM.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener};
use std::process::ExitCode;

/// As much as spreadlogd asks the system for at once.
const READ_MAX: usize = 64 * 1024;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(port), Some(file)) = (arguments.next(), arguments.next()) else {
        return ExitCode::from(2);
    };
    let Ok(port) = port.parse() else {
        return ExitCode::from(2);
    };
    let file = OpenOptions::new().append(true).create(true).open(file);
    match file.and_then(|file| write_all(port, file)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn write_all(port: u16, mut file: File) -> io::Result<()> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    let (mut socket, _) = listener.accept()?;
    let mut buffer = vec![0; READ_MAX];
    loop {
        let read = socket.read(&mut buffer)?;
        let Some(bytes) = buffer.get(..read).filter(|bytes| !bytes.is_empty()) else {
            return Ok(());
        };
        file.write_all(bytes)?;
    }
}
