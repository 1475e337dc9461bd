//! The program `spreadlogd`.

fn main() {}
