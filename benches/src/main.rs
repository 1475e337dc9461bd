//! The side-by-side harness: rthttpd beside other servers, in one run.
fn main() {}
