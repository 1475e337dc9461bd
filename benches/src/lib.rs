//! The tools the project is measured with.
//!
//! - [`built`]: the programs, built just now and found;
//! - [`load`]: sends requests and checks every answer.
//! - [`cpu`]: the CPU time and memory of a process and its family, from outside.
//! - [`machine`]: what the figures were measured on; a figure without it means nothing.
//! - [`program`]: a program on a core of its own, its words kept.
//! - [`figures`]: what many samples come to, by their middle.
//! - [`zipf`]: who is asked for how often.
//! - [`exchange`]: messages through a hub or a daemon; [`daemon`]: a real one.
//! - [`interrupt`]: Ctrl-C, noticed.
//! - [`line_chart`]: figures along a number, as a picture.
//! - [`faults`]: the log path over real processes, broken in every way; nothing is measured there but lines.
//!
//! The program `side-by-side` (`src/bin/side-by-side/`) uses them to measure web servers in turn, and `log-writer`
//! (`src/bin/log-writer/`) what writes their log, `farm` (`src/bin/farm/`) all of it at once;
//! `hub-cost` (`src/bin/hub-cost/`) the hub beside a real daemon;
//! `throttle` (`src/bin/throttle/`) measures what clients get under throttling rules. The criterion benches (`benches/*.rs`) measure the libraries from
//! inside and need none of this. Nothing here belongs to what is published or installed.

pub mod built;
pub mod cpu;
pub mod daemon;
pub mod exchange;
pub mod faults;
pub mod figures;
pub mod interrupt;
pub mod line_chart;
pub mod load;
pub mod machine;
pub mod program;
pub mod zipf;
