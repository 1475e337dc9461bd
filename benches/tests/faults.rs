//! The faults of `cargo faults`, each in seconds: with two web servers and a smaller load.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
#![expect(clippy::print_stdout, reason = "shown when a test fails")]

use std::path::{Path, PathBuf};
use std::process::Command;

use benches::faults::cases::ALL;
use benches::faults::{Binaries, Scale, Verdict, run};

fn check(name: &str) {
    let case = ALL.iter().find(|case| case.name == name).unwrap();
    let say = |text: &str| println!("{text}");

    let outcome = run(case, Scale::Short, &binaries(), SEED, false, &say);

    if let Verdict::Skipped(why) = outcome.verdict {
        println!("skipped: {why}");
        return;
    }
    assert!(outcome.responses > 0, "{outcome:?}");
    assert_eq!(outcome.verdict, Verdict::Good, "{outcome:?}");
}

/// The same moments every time, as far as the machine lets them.
const SEED: u64 = 20_000_723;

/// The programs of the same build: cargo names only those of this package.
fn binaries() -> Binaries {
    let harness = PathBuf::from(env!("CARGO_BIN_EXE_faults"));
    let beside = |name: &str| {
        let program = harness.with_file_name(name);
        if !program.exists() {
            build(name);
        }
        program
    };
    Binaries {
        rthttpd: beside("rthttpd"),
        spreadlogd: beside("spreadlogd"),
        harness: harness.clone(),
    }
}

fn build(package: &str) {
    let mut command = Command::new(Path::new(env!("CARGO")));
    let built = command.args(["build", "--locked", "-p", package]).status();
    assert!(built.unwrap().success(), "{package} does not build");
}

macro_rules! cases {
    ($($test:ident: $name:literal;)*) => {$(
        #[test]
        fn $test() {
            check($name);
        }
    )*};
}

cases! {
    without_faults_all_files_are_the_same: "no-fault";
    a_hub_that_is_killed_costs_nothing: "hub-restarted";
    nor_does_one_that_another_stands_in_for: "hub-failover";
    nor_one_that_stands_still: "hub-stopped";
    a_logging_host_that_stands_still_misses_nothing: "host-stopped";
    a_logging_host_that_is_killed_writes_each_line_once: "host-killed";
    a_logging_host_that_joins_has_everything_from_then_on: "host-joining";
    a_web_server_that_is_killed_loses_its_last_moments_alone: "publisher-killed";
    with_a_spool_it_loses_its_rings_alone: "publisher-killed-spool";
    a_web_server_that_is_stopped_loses_nothing: "publisher-closed";
    a_full_store_is_counted_to_the_line: "store-full";
    a_network_that_is_cut_loses_nothing: "network-cut";
    a_full_disk_loses_nothing: "disk-full";
    nor_does_one_with_the_ledger_on_it: "disk-full-ledger";
    lines_of_strangers_are_in_every_file_once: "strangers";
    liars_take_nothing_away: "liars";
    two_blocks_write_each_line_once_each: "two-blocks";
}
