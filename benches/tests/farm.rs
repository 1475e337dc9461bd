//! `examples/farm/run --check`, where Apache and nginx are installed: real servers under load, each
//! restarted meanwhile, and every page that was asked for in the logs of both logging hosts, once.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn apache_nginx_and_rthttpd_lose_nothing_and_log_nothing_twice() {
    for program in ["/usr/sbin/apache2", "/usr/sbin/nginx", "/usr/bin/curl"] {
        if !Path::new(program).exists() {
            println!("not run: there is no {program} here");
            return;
        }
    }
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/farm/run");

    let output = Command::new(script)
        .arg("--check")
        .env("FARM_BIN", programs())
        .env("FARM_SECONDS", "8")
        .env_remove("FARM_SPREAD")
        .output()
        .unwrap();

    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}", output.status);
    assert!(said.contains("in both logs, once"), "{said}");
}

/// Where the programs of the same build are: cargo names only those of this package.
fn programs() -> PathBuf {
    let harness = PathBuf::from(env!("CARGO_BIN_EXE_faults"));
    for (package, name) in [
        ("rthttpd", "rthttpd"),
        ("spreadlogd", "spreadlogd"),
        ("spread-logger", "spreadcat"),
    ] {
        if !harness.with_file_name(name).exists() {
            let mut command = Command::new(env!("CARGO"));
            let built = command.args(["build", "--locked", "-p", package]).status();
            assert!(built.unwrap().success(), "{package} does not build");
        }
    }
    harness.parent().unwrap().to_owned()
}
