//! What a service manager is told, at a socket in its place.

use std::os::unix::net::UnixDatagram;
use std::process::Command;

use rustix::process::Signal;

use crate::held_port::HeldPort;
use crate::support::{DEADLINE, Dir, PROGRAM, Program, TestHub, config};

/// A manager, and the program started under it with a configuration `c`.
struct Managed {
    manager: UnixDatagram,
    program: Program,
}

impl Managed {
    fn start(dir: &Dir) -> Self {
        let manager = UnixDatagram::bind(dir.join("notify")).unwrap();
        manager.set_read_timeout(Some(DEADLINE)).unwrap();
        let mut command = Command::new(PROGRAM);
        command
            .args(["-v", "-c", "c"])
            .env("NOTIFY_SOCKET", dir.join("notify"))
            .current_dir(dir.path());
        Self {
            manager,
            program: Program::spawn(&mut command),
        }
    }

    /// The next message, without its status, and that.
    fn told(&self) -> (String, String) {
        let mut message = [0; 1_024];
        let len = self.manager.recv(&mut message).unwrap();
        let message = String::from_utf8(message[..len].to_vec()).unwrap();
        let (state, status) = message.split_once("STATUS=").unwrap();
        (state.to_owned(), status.trim_end().to_owned())
    }

    /// The status of the next message that says `state`; those of a status alone are passed over.
    fn told_of(&self, state: &str) -> String {
        loop {
            match self.told() {
                (empty, _) if empty.is_empty() => {}
                (told, status) => {
                    assert!(told.starts_with(state), "{told}");
                    return status;
                }
            }
        }
    }
}

#[test]
fn it_is_ready_when_it_has_joined_and_tells_of_reloads_and_the_stop() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    dir.write("c", &config(&[(&hub, &[("g", "log")])]));
    let managed = Managed::start(&dir);

    let status = managed.told_of("READY=1\n");
    assert_eq!(status, "1 of 1 Spread sessions, 1 files");

    // The files alone.
    managed.program.signal(Signal::HUP);
    managed.told_of("RELOADING=1\nMONOTONIC_USEC=");
    assert_eq!(managed.told_of("READY=1\n"), status);

    dir.write("c", "Spread {");
    managed.program.signal(Signal::HUP);
    managed.told_of("RELOADING=1\n");
    let behind = managed.told_of("READY=1\n");
    assert!(behind.contains("has a mistake"), "{behind}");

    dir.write("c", &config(&[(&hub, &[("g", "log"), ("h", "other")])]));
    managed.program.signal(Signal::HUP);
    managed.told_of("RELOADING=1\n");
    assert_eq!(
        managed.told_of("READY=1\n"),
        "1 of 1 Spread sessions, 2 files"
    );

    managed.program.signal(Signal::TERM);
    managed.told_of("STOPPING=1\n");
    let (status, said) = managed.program.end();
    assert_eq!(status.code(), Some(0), "{said}");
}

/// A rotation that waits for the reload finds the new file, and nothing goes into the old one.
#[test]
fn a_reload_is_told_to_be_over_when_the_files_are_open_again() {
    let (dir, hub) = (Dir::new(), TestHub::start());
    dir.write("c", &config(&[(&hub, &[("g", "log")])]));
    let managed = Managed::start(&dir);
    managed.told_of("READY=1\n");

    for n in 0..20 {
        dir.rename("log", &format!("log.{n}"));
        managed.program.signal(Signal::HUP);
        managed.told_of("RELOADING=1\n");
        managed.told_of("READY=1\n");
        assert!(dir.join("log").exists(), "{n}");
    }
    managed.program.stop();
}

/// A daemon may come later than everything that is started behind us; who is ready says so.
#[test]
fn it_is_ready_without_a_daemon_once_it_has_looked_for_one() {
    let (dir, place) = (Dir::new(), HeldPort::hold().unwrap());
    let hub = TestHub::start_in(&place);
    dir.write("c", &config(&[(&hub, &[("g", "log")])]));
    drop(hub);
    let managed = Managed::start(&dir);

    let status = managed.told_of("READY=1\n");
    assert_eq!(status, "0 of 1 Spread sessions, 1 files");

    let _hub = TestHub::start_in(&place);
    let (state, status) = managed.told();
    assert_eq!((&*state, &*status), ("", "1 of 1 Spread sessions, 1 files"));
    managed.program.stop();
}
