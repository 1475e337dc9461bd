//! Which of a number of groups the lines of a virtual host go to.
//!
//! A farm with thousands of hosts wants their lines spread over a few groups, and those of one host
//! always in the same one, whichever server has served it, today and after the next release. So
//! this function is part of what the programs promise: FNV-1a of 64 bits over the host's name in
//! lower case, modulo the number of groups.

use std::num::NonZeroU8;

/// How many groups there may be: a publisher logs to 64 at most.
pub const BUCKETS_MAX: u8 = 64;

/// The number of the group for `host`, from 0 to one less than `buckets`.
#[must_use]
pub fn bucket(host: &[u8], buckets: NonZeroU8) -> usize {
    let hash = host.iter().fold(OFFSET_BASIS, |hash, byte| {
        (hash ^ u64::from(byte.to_ascii_lowercase())).wrapping_mul(PRIME)
    });
    let number = hash % u64::from(buckets.get());
    usize::try_from(number).unwrap_or_default()
}

const OFFSET_BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0000_0100_0000_01b3;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Other programs, and the next release, must find the same.
    #[test]
    fn hosts_stay_where_they_are() {
        let buckets = NonZeroU8::new(16).unwrap();
        for (host, number) in [
            ("", 5),
            ("a", 12),
            ("www.example.org", 8),
            ("WWW.Example.ORG", 8),
            ("static.example.net", 14),
        ] {
            assert_eq!(bucket(host.as_bytes(), buckets), number, "{host}");
        }
    }

    proptest! {
        #[test]
        fn every_host_has_a_bucket_however_it_is_written(host in "[a-zA-Z0-9.-]{0,40}", buckets in 1_u8..) {
            let buckets = NonZeroU8::new(buckets).unwrap();
            let number = bucket(host.as_bytes(), buckets);
            prop_assert!(number < usize::from(buckets.get()));
            prop_assert_eq!(number, bucket(host.to_lowercase().as_bytes(), buckets));
        }
    }
}
