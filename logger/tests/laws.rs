//! The law of the whole publisher: served = lines + lost, each line once, whatever daemons do.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on has failed; clippy knows only the test functions themselves"
)]

mod support;

use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::FileFailurePersistence;
use spread::Message;
use spread_logger::{Books, RingOptions, ring};
use support::{Daemon, Running, log_lines, numbers, options, text};
use tempfile::TempDir;
use tokio::time::sleep;

/// What happens one after the other.
#[derive(Clone, Debug)]
enum Step {
    /// So many lines are logged at once.
    Log(usize),
    /// So many milliseconds go by.
    Wait(u64),
    /// A daemon comes, takes so many messages, what is left in its socket, and goes.
    Daemon(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        4 => (0_usize..1500).prop_map(Step::Log),
        3 => (0_u64..300).prop_map(Step::Wait),
        1 => (0_usize..20).prop_map(Step::Daemon),
    ];
    proptest::collection::vec(step, 1..40)
}

/// Goes through `steps`, then stops, with a daemon that takes what waits.
async fn play(
    steps: Vec<Step>,
    ring_bytes: usize,
    buffer_bytes: usize,
) -> (usize, Books, Vec<Message>) {
    let dir = TempDir::new().unwrap();
    let socket = dir.path().join("4803");
    let (mut log, drain) = ring(&RingOptions {
        bytes: ring_bytes,
        ..RingOptions::default()
    });
    let mut options = options(&[&socket]);
    options.buffer_bytes = buffer_bytes;
    options.message_max = 4096;
    let mut running = Running::start(options, vec![drain]);
    let mut logged = 0;
    let mut messages = Vec::new();
    for step in steps {
        match step {
            Step::Log(lines) => {
                log_lines(&mut log, logged..logged + lines);
                logged += lines;
            }
            Step::Wait(millis) => sleep(Duration::from_millis(millis)).await,
            Step::Daemon(count) => {
                let daemon = Daemon::bind(&socket);
                let mut peer = daemon.accept().await;
                drop(daemon);
                std::fs::remove_file(&socket).unwrap();
                for _ in 0..count {
                    // One comes: nothing is waited for that was not logged.
                    log_lines(&mut log, logged..logged + 1);
                    logged += 1;
                    messages.push(peer.message().await);
                }
                messages.extend(peer.go().0);
            }
        }
    }
    drop(log);
    running.stop();
    sleep(Duration::from_millis(100)).await;
    if !running.task.is_finished() {
        let mut peer = Daemon::bind(&socket).accept().await;
        messages.extend(peer.until_the_end().await);
    }
    (logged, running.task.await.unwrap(), messages)
}

proptest! {
    // A case is half a minute of the publisher's time, and some 50 ms of ours.
    #![proptest_config(ProptestConfig {
        cases: 32,
        failure_persistence: Some(Box::new(FileFailurePersistence::WithSource("regressions"))),
        ..ProptestConfig::default()
    })]

    #[test]
    fn served_is_lines_and_lost_each_line_once(
        steps in steps(),
        ring_bytes in 16_384_usize..200_000,
        buffer_bytes in 131_072_usize..400_000,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .start_paused(true)
            .build()
            .unwrap();

        let (logged, books, messages) = runtime.block_on(play(steps, ring_bytes, buffer_bytes));

        let lines = text(&messages);
        prop_assert_eq!(books.lines, lines.len() as u64);
        prop_assert_eq!(books.lines + books.lost.total(), logged as u64);
        prop_assert_eq!(books.waiting, 0);
        prop_assert!(lines.is_sorted_by(|a, b| a < b), "each once, in order");
        prop_assert!(numbers(&messages).is_sorted_by(|a, b| a < b), "no number twice");
    }
}
