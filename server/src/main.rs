//! The program `rthttpd`.

fn main() {}
