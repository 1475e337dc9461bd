//! The tools the project is measured with.
//!
//! - [`load`]: sends requests over persistent connections and checks every answer.
//! - [`cpu`]: the CPU time of a process and all its threads, from outside.
//! - [`machine`]: what the figures were measured on; a figure without it means nothing.
//! - [`faults`]: the log path over real processes, broken in every way; nothing is measured there but lines.
//!
//! The program `side-by-side` (`src/bin/side-by-side/`) uses them to measure web servers in turn. The
//! criterion benches (`benches/*.rs`) measure the libraries from inside and need none of this. Nothing here
//! belongs to what is published or installed.

pub mod cpu;
pub mod faults;
pub mod load;
pub mod machine;
