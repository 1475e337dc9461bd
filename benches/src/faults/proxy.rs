//! A wire that can be cut: a TCP proxy that stops passing bytes and closes nothing.
//!
//! As a network does that is cut: what was sent is on its way for ever, new connections are taken
//! (by the kernel here, as nobody can keep it from that) and never answered. When it is healed,
//! everything goes on where it was.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;

use super::FaultError;

/// A proxy before one daemon. Its threads end with the process: they hold nothing but sockets.
#[derive(Debug)]
pub(super) struct Proxy {
    port: u16,
    cut: Arc<Cut>,
}

#[derive(Debug, Default)]
struct Cut {
    is_cut: Mutex<bool>,
    healed: Condvar,
}

const BUFFER_LEN: usize = 64 * 1024;

impl Proxy {
    pub(super) fn start(daemon: SocketAddr) -> Result<Self, FaultError> {
        let failed = FaultError::system;
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed("listen for a proxy"))?;
        let port = listener
            .local_addr()
            .map_err(failed("listen for a proxy"))?
            .port();
        let cut = Arc::new(Cut::default());
        let accepting = Arc::clone(&cut);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let cut = Arc::clone(&accepting);
                thread::spawn(move || carry(client, daemon, &cut));
            }
        });
        Ok(Self { port, cut })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    pub(super) fn cut(&self) {
        *self.cut.lock() = true;
    }

    pub(super) fn heal(&self) {
        *self.cut.lock() = false;
        self.cut.healed.notify_all();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.heal();
    }
}

impl Cut {
    fn lock(&self) -> MutexGuard<'_, bool> {
        self.is_cut.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn pass(&self) {
        let mut is_cut = self.lock();
        while *is_cut {
            let woken = self.healed.wait(is_cut);
            is_cut = woken.unwrap_or_else(PoisonError::into_inner);
        }
    }
}

/// One connection: both directions, until both have ended.
fn carry(client: TcpStream, daemon: SocketAddr, cut: &Arc<Cut>) {
    cut.pass();
    // A daemon that is not there: the client is closed, as by a host that answers for it.
    let Ok(server) = TcpStream::connect(daemon) else {
        return;
    };
    let back = server
        .try_clone()
        .and_then(|from| Ok((from, client.try_clone()?)));
    let Ok((from, to)) = back else { return };
    let returning = Arc::clone(cut);
    let back = thread::spawn(move || pump(from, to, &returning));
    pump(client, server, cut);
    back.join().ok();
}

fn pump(mut from: TcpStream, mut to: TcpStream, cut: &Cut) {
    let mut buffer = vec![0; BUFFER_LEN];
    while let Ok(len @ 1..) = from.read(&mut buffer) {
        cut.pass();
        if to.write_all(buffer.get(..len).unwrap_or_default()).is_err() {
            break;
        }
    }
    cut.pass();
    to.shutdown(Shutdown::Write).ok();
    from.shutdown(Shutdown::Read).ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_wire_holds_what_is_sent_until_it_is_healed() {
        let daemon = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let proxy = Proxy::start(daemon.local_addr().unwrap()).unwrap();
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
        let (mut server, _) = daemon.accept().unwrap();
        let mut byte = [0];
        client.write_all(b"1").unwrap();
        server.read_exact(&mut byte).unwrap();

        proxy.cut();
        client.write_all(b"2").unwrap();
        server.set_nonblocking(true).unwrap();
        let silent = server.read(&mut byte).map_err(|error| error.kind());
        proxy.heal();
        server.set_nonblocking(false).unwrap();
        server.read_exact(&mut byte).unwrap();

        assert_eq!(silent, Err(std::io::ErrorKind::WouldBlock));
        assert_eq!(&byte, b"2");
        drop(client);
        assert_eq!(server.read(&mut byte).unwrap(), 0, "an end is passed on");
    }
}
