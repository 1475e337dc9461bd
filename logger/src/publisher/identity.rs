//! Who publishes, as logging hosts are told for their books.

use std::fs;
use std::process;

use spread::stream::{Identity, Instance};

use super::link::random;

/// This run of the program called `program`, as a new instance.
pub(super) fn identity(program: &str) -> Identity {
    Identity {
        instance: Instance::from_random(random().to_ne_bytes()),
        boot: boot(),
        host: hostname(),
        program: program.to_owned(),
        pid: process::id(),
    }
}

/// The first 64 bits of what Linux calls this run of the machine; 0 where it is not to be had.
fn boot() -> u64 {
    let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    let digits: String = id
        .chars()
        .filter(char::is_ascii_hexdigit)
        .take(16)
        .collect();
    u64::from_str_radix(&digits, 16).unwrap_or_default()
}

/// What this machine calls itself.
pub(crate) fn hostname() -> String {
    let uname = rustix::system::uname();
    uname.nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_of_one_machine_differ_in_the_instance_alone() {
        let (first, second) = (identity("test"), identity("test"));

        assert_ne!(first.instance, second.instance);
        assert_eq!(first.boot, second.boot);
        assert_eq!(first.host, second.host);
        assert!(!first.host.is_empty());
        assert!(cfg!(not(target_os = "linux")) || first.boot != 0);
    }
}
