//! The laws of the ring: what was logged was drained or counted, line by line and in order.

use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;

use super::*;
use crate::format::LINE_LEN_MIN;

fn record(request_line: &[u8]) -> Record<'_> {
    Record {
        client: Some(IpAddr::V4(Ipv4Addr::LOCALHOST)),
        user: None,
        time: 0,
        request_line,
        status: 200,
        bytes: 1,
        referer: None,
        user_agent: None,
        details: None,
    }
}

fn small(bytes: usize) -> (Log, Drain) {
    ring(&RingOptions {
        bytes,
        format: Format::Common,
        line_len_max: LINE_LEN_MIN,
    })
}

fn drained(drain: &mut Drain) -> Vec<u8> {
    let mut bytes = Vec::new();
    drain.drain(|piece| bytes.extend_from_slice(piece));
    bytes
}

fn request_lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    let lines = bytes.split_inclusive(|&b| b == b'\n');
    let read = lines.map(|line| Format::Common.parse(line).unwrap().request_line);
    read.collect()
}

#[test]
fn a_full_ring_drops_the_newest_and_counts_exactly() {
    let (mut log, mut drain) = small(1024);
    let line_len = 56;

    for i in 0..100 {
        log.log(&record(format!("{i:04}").as_bytes()));
    }
    let first = request_lines(&drained(&mut drain));
    log.log(&record(b"0100"));
    let then = request_lines(&drained(&mut drain));

    assert_eq!(first.len(), 1024 / line_len);
    assert_eq!(first.first().unwrap(), b"0000");
    assert_eq!(first.last().unwrap(), b"0017");
    assert_eq!(then, [b"0100".to_vec()]);
    assert_eq!(drain.shared.queue_full.load(Ordering::Relaxed), 82);
}

#[test]
fn the_host_in_front_of_a_line_is_one_word() {
    let (mut log, mut drain) = small(1024);

    for host in [&b"www.example"[..], b"", b"a b\nc\xff"] {
        log.log_of_host(host, &record(b""));
    }

    let lines = String::from_utf8(drained(&mut drain)).unwrap();
    let hosts: Vec<_> = lines
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(host, line)| (host, Format::Common.parse(line.as_bytes()).is_ok()))
        .collect();
    assert_eq!(
        hosts,
        [("www.example", true), ("-", true), ("a_b_c_", true)]
    );
}

#[test]
fn how_full_a_ring_was_is_known_and_the_most_is_kept() {
    let (mut log, mut drain) = small(1024);
    let fill = |drain: &Drain| {
        let Shared {
            bytes,
            bytes_peak,
            bytes_max,
            ..
        } = &*drain.shared;
        let [bytes, peak] = [bytes, bytes_peak].map(|bytes| bytes.load(Ordering::Relaxed));
        (bytes, peak, *bytes_max)
    };

    for i in 0..10 {
        log.log(&record(format!("{i:04}").as_bytes()));
    }
    let taken = drained(&mut drain).len();
    assert_eq!(fill(&drain), (taken, taken, 1024));

    drained(&mut drain);
    assert_eq!(fill(&drain), (0, taken, 1024));
}

#[test]
fn a_ring_takes_the_longest_line_however_small_it_was_asked_for() {
    let (mut log, mut drain) = small(1);

    log.log(&record(&[b'a'; 1000]));

    assert_eq!(request_lines(&drained(&mut drain)).len(), 1);
    assert_eq!(drain.shared.cut.load(Ordering::Relaxed), 1);
    assert_eq!(drain.shared.queue_full.load(Ordering::Relaxed), 0);
}

#[test]
fn passing_half_full_wakes_the_publisher_once_per_drain() {
    let (mut log, mut drain) = small(2048);
    let wakes = |drain: &Drain| drain.shared.woken.load(Ordering::Relaxed);

    for i in 0..18 {
        log.log(&record(b"0123"));
        assert!(!wakes(&drain), "line {i} of 56 bytes");
    }
    log.log(&record(b"0123"));
    assert!(wakes(&drain));
    drained(&mut drain);
    log.log(&record(b"0123"));

    assert!(!wakes(&drain));
}

#[test]
fn a_ring_is_finished_when_its_log_is_gone_and_it_is_empty() {
    let (mut log, mut drain) = small(1024);
    log.log(&record(b"GET /"));

    assert!(!drain.is_finished());
    drop(log);
    assert!(!drain.is_finished());
    drained(&mut drain);
    assert!(drain.is_finished());
}

#[test]
fn two_threads_lose_nothing_but_what_is_counted() {
    const LINES: u32 = 20_000;
    let (mut log, mut drain) = small(4096);

    let worker = std::thread::spawn(move || {
        for i in 0..LINES {
            log.log(&record(i.to_string().as_bytes()));
        }
    });
    let mut bytes = Vec::new();
    while !drain.is_finished() {
        drain.drain(|piece| bytes.extend_from_slice(piece));
        std::thread::yield_now();
    }
    worker.join().unwrap();

    let lines = request_lines(&bytes);
    let numbers = lines
        .iter()
        .map(|line| String::from_utf8_lossy(line).parse::<u32>().unwrap());
    assert!(numbers.is_sorted_by(|a, b| a < b));
    let lost = drain.shared.queue_full.load(Ordering::Relaxed);
    assert_eq!(u64::try_from(lines.len()).unwrap() + lost, u64::from(LINES));
}

proptest! {
    /// Under any ring size, line lengths and drains: logged = drained + lost, in order, whole.
    #[test]
    fn logged_is_drained_and_lost(
        bytes in 1_usize..8000,
        steps in proptest::collection::vec(prop_oneof![4 => (0_usize..600).prop_map(Some), 1 => Just(None)], 1..200),
    ) {
        let (mut log, mut drain) = small(bytes);
        let mut text = Vec::new();
        let mut logged = 0;

        for step in &steps {
            match step {
                Some(len) => {
                    logged += 1;
                    log.log(&record(format!("{logged:06}{}", "x".repeat(*len)).as_bytes()));
                }
                None => text.extend(drained(&mut drain)),
            }
        }
        drop(log);
        text.extend(drained(&mut drain));

        prop_assert!(drain.is_finished());
        let lines = request_lines(&text);
        prop_assert!(lines.is_sorted_by(|a, b| a[..6] < b[..6]));
        let lost = drain.shared.queue_full.load(Ordering::Relaxed);
        prop_assert_eq!(u64::try_from(lines.len()).unwrap() + lost, logged);
    }
}
