//! Lines from syslog sockets, as nginx and others send them.

use std::fs;
use std::net::UdpSocket;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixDatagram;

use rustix::process::Signal;

use super::support::{Cat, Farm};

/// Starts it at a port of its own, which it tells.
fn at_udp(farm: &Farm, args: &[&str]) -> (Cat, String) {
    let mut cat = Cat::start(&farm.door, &[&["--syslog=udp:0"], args].concat());
    let said = cat.wait_for("taking datagrams at udp:");
    let (_, place) = said.split_once("udp:").unwrap();
    let place = place.split(' ').next().unwrap().to_owned();
    (cat, place)
}

fn sender(to: &str) -> UdpSocket {
    let sender = UdpSocket::bind("127.0.0.1:0").unwrap();
    sender.connect(to).unwrap();
    sender
}

#[test]
fn each_datagram_is_a_line_without_its_header() {
    let farm = Farm::of(&["access_log"]);
    let (cat, place) = at_udp(&farm, &[]);
    let sender = sender(&place);

    for datagram in [
        "<190>Nov 28 11:01:23 web1 nginx: first",
        "<190>1 2026-11-28T11:01:23Z web1 nginx - - - second\n",
        "third\nand more\n",
        "",
    ] {
        sender.send(datagram.as_bytes()).unwrap();
    }

    assert_eq!(farm.texts(3), ["first", "second", "third\\x0aand more"]);
    cat.signal(Signal::TERM);
    let (status, said) = cat.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(said.contains("3 lines read for group access_log"), "{said}");
}

#[test]
fn what_is_wanted_of_the_header_stays() {
    let farm = Farm::of(&["access_log"]);
    let (_cat, place) = at_udp(&farm, &["--syslog-keep=priority,tag"]);

    let datagram = b"<190>Nov 28 11:01:23 web1 nginx[7]: first";
    sender(&place).send(datagram).unwrap();

    assert_eq!(farm.texts(1), ["<190>nginx[7]: first"]);
}

#[test]
fn what_was_sent_before_the_stop_is_taken_and_what_the_kernel_dropped_is_counted() {
    let farm = Farm::of(&["access_log"]);
    let (cat, place) = at_udp(&farm, &[]);
    let sender = sender(&place);

    // It does not get to run.
    cat.signal(Signal::STOP);
    let line = "x".repeat(1000);
    for number in 0..20_000 {
        sender
            .send(format!("{number:06} {line}").as_bytes())
            .unwrap();
    }
    cat.signal(Signal::TERM);
    cat.signal(Signal::CONT);
    let (status, said) = cat.end();

    assert_eq!(status.code(), Some(1), "{said}");
    let told = said
        .lines()
        .find(|line| line.contains("lines read for"))
        .unwrap();
    assert!(
        told.contains("20000 lines read for group access_log, "),
        "{told}"
    );
    let lost = told.split(", ").nth(1).unwrap().split(' ').next().unwrap();
    let lost: usize = lost.parse().unwrap();
    let lines = farm.texts(20_000 - lost);
    assert_eq!(lines.len(), 20_000 - lost);
    assert!(lines.is_sorted());
}

#[test]
fn a_socket_in_the_file_system_has_one_owner_and_goes_with_it() {
    let farm = Farm::of(&["access_log"]);
    let path = farm.path("log.sock");
    // One that was left by a process that has died.
    drop(UnixDatagram::bind(&path).unwrap());
    let place = format!("--syslog=unix:{path},mode=0660");
    let mut cat = Cat::start(&farm.door, &[&place]);
    cat.wait_for("taking datagrams at unix:");

    let (status, said) = Cat::start(&farm.door, &[&place]).end();
    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("log.sock: another process does"), "{said}");
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let sender = UnixDatagram::unbound().unwrap();
    sender.send_to(b"<13>Nov 28 11:01:23 su: a", &path).unwrap();
    assert_eq!(farm.texts(1), ["a"]);

    cat.signal(Signal::TERM);
    let (status, said) = cat.end();
    assert_eq!(status.code(), Some(0), "{said}");
    assert!(!fs::exists(&path).unwrap());
}

#[test]
fn what_is_no_socket_is_not_removed() {
    let farm = Farm::without_hub();
    let path = farm.path("precious");
    fs::write(&path, "precious").unwrap();

    let (status, said) = Cat::spawn(&[&format!("--syslog=unix:{path}")]).end();

    assert_eq!(status.code(), Some(1), "{said}");
    assert!(said.contains("it is there and no socket"), "{said}");
    assert_eq!(fs::read_to_string(path).unwrap(), "precious");
}
