//! The books as a table for people, in at most 100 columns.
//!
//! Names of hosts and programs come from whoever reaches the Spread daemon: what is not printable
//! ASCII is escaped, and nothing is longer than its column.

use std::fmt::Write as _;

use http::metrics::count;

use super::file::FileBooks;
use super::stream::{FateBooks, GapBooks, State, StreamBooks};
use super::totals::Totals;
use super::when::moment;
use super::{Audit, BlockBooks, GroupBooks, KeeperBooks};
use crate::ledger::reason;

/// The whole of it.
pub(super) fn write(audit: &Audit) -> String {
    let mut out = String::new();
    line(&mut out, &format!("ledger {}", escaped(&audit.ledger)));
    line(&mut out, &keeper(&audit.keeper, audit.at));
    if let Some(since) = audit.asked_since {
        let since = moment(since);
        line(
            &mut out,
            &format!("streams and files that were alive since {since}, and what was lost since"),
        );
    }
    for block in &audit.blocks {
        write_block(&mut out, block);
    }
    let groups: usize = audit.blocks.iter().map(|block| block.groups.len()).sum();
    if groups > 1 {
        out.push('\n');
        row(
            &mut out,
            "",
            ["served", "lost there", "written", "not here"],
        );
        write_totals(&mut out, "all groups", &audit.totals, true);
    }
    write_files(&mut out, &audit.files);
    out.push('\n');
    for sentence in verdict(audit) {
        line(&mut out, &sentence);
    }
    out
}

fn keeper(keeper: &KeeperBooks, at: u64) -> String {
    let now = moment(at);
    match (keeper.is_running, keeper.pid, keeper.until) {
        (true, Some(pid), _) => format!("at {now}, while process {pid} writes it"),
        (true, None, _) => format!("at {now}, while another process writes it"),
        (false, _, until) => format!(
            "at {now}; nobody writes it since {}",
            moment(until.unwrap_or_default())
        ),
    }
}

fn write_block(out: &mut String, block: &BlockBooks) {
    out.push('\n');
    let (daemons, host) = (escaped(&block.daemons), &block.host_id);
    line(out, &format!("{daemons}, as logging host {host}"));
    for group in &block.groups {
        out.push('\n');
        let name = escaped(&group.group);
        row(out, &name, ["served", "lost there", "written", "not here"]);
        for stream in &group.streams {
            write_stream(out, stream);
        }
        write_group_totals(out, group);
    }
}

fn write_group_totals(out: &mut String, group: &GroupBooks) {
    if group.streams.len() > 1 {
        write_totals(out, "  all of them", &group.totals, false);
    }
    write_unnumbered(out, group.unnumbered_lines);
}

fn write_totals(out: &mut String, name: &str, totals: &Totals, has_unnumbered: bool) {
    let numbers = [
        known(totals.served),
        count(totals.lost_there),
        count(totals.written),
        known(totals.absent),
    ];
    row(out, name, numbers.each_ref().map(String::as_str));
    if has_unnumbered {
        write_unnumbered(out, totals.unnumbered_lines);
    }
}

fn write_unnumbered(out: &mut String, lines: u64) {
    if lines > 0 {
        row(
            out,
            "  senders without numbers",
            ["", "", &count(lines), ""],
        );
    }
}

fn write_stream(out: &mut String, stream: &StreamBooks) {
    let publisher = match &stream.publisher {
        Some(it) => {
            let rest = format!(" {} {}", shown(&it.program, PROGRAM_WIDTH), it.pid);
            shown(&it.host, NAME_WIDTH.saturating_sub(rest.len())) + &rest
        }
        None => "says nothing of itself".to_owned(),
    };
    let state = match stream.state {
        State::Running => "running",
        State::Left => "left",
        State::Ended => "ended",
    };
    let name = format!("  {publisher:<NAME_WIDTH$} {} {state}", stream.instance);
    let lines = &stream.lines;
    let numbers = [
        known(lines.served),
        count(lines.lost_there.sum()),
        count(lines.written),
        known(lines.absent),
    ];
    row(out, &name, numbers.each_ref().map(String::as_str));
    for note in notes(stream) {
        line(out, &format!("      {note}"));
    }
    for gap in stream
        .gaps
        .iter()
        .filter(|gap| gap.fate != FateBooks::Repaired)
    {
        line(out, &format!("      {}", of_gap(gap)));
    }
}

/// What is to be said of a stream beside its numbers.
fn notes(stream: &StreamBooks) -> Vec<String> {
    let (lines, messages) = (&stream.lines, &stream.messages);
    let mut notes = Vec::new();
    if stream.state == State::Ended {
        let heard = moment(stream.heard);
        notes.push(format!(
            "ended without leaving, tail unknown; last heard of {heard}"
        ));
    }
    if lines.lost_there.sum() > 0 {
        notes.push(format!(
            "lost there: {} queue_full, {} buffer_full",
            count(lines.lost_there.queue_full),
            count(lines.lost_there.buffer_full)
        ));
    }
    let parts = [
        (messages.missing, "missing"),
        (messages.on_their_way, "on their way"),
        (messages.lost, "lost here"),
        (messages.before, "before this logging host's time"),
    ];
    let parts: Vec<String> = parts
        .iter()
        .filter(|(number, _)| *number > 0)
        .map(|(number, what)| format!("{} {what}", count(*number)))
        .collect();
    if !parts.is_empty() {
        notes.push(format!("messages not here: {}", parts.join(", ")));
    }
    if lines.unplaced > 0 {
        notes.push(format!(
            "lines not here: {}, for which no file could be opened",
            count(lines.unplaced)
        ));
    }
    if !stream.agrees {
        notes.push("its lines do not add up: served is not lost there + written + not here".into());
    }
    if lines.surplus > 0 {
        notes.push(format!(
            "{} lines more are written than it says it sent",
            count(lines.surplus)
        ));
    }
    if lines.uncertain > 0 {
        let uncertain = count(lines.uncertain);
        notes.push(format!(
            "uncertain after a crash: {uncertain} of the lines written"
        ));
    }
    let repaired = stream
        .gaps
        .iter()
        .filter(|gap| gap.fate == FateBooks::Repaired);
    let repaired = repaired.count();
    if repaired > 0 {
        notes.push(format!(
            "repaired: {repaired} gaps; --json has each with its times"
        ));
    }
    notes
}

/// One gap, on as many lines as it takes.
fn of_gap(gap: &GapBooks) -> String {
    let numbers = if gap.first == gap.last {
        gap.first.to_string()
    } else {
        format!("{}-{}", gap.first, gap.last)
    };
    let since = gap.since.map(moment);
    match gap.fate {
        FateBooks::Missing => match since {
            Some(since) => format!("missing {numbers} since {since}"),
            None => format!("missing {numbers}"),
        },
        FateBooks::Lost => {
            let mut text = format!("lost    {numbers}");
            if let (Some(since), Some(until)) = (since, gap.until.map(moment)) {
                let _ = write!(text, " since {since}, given up {until}");
            }
            if let Some(cause) = gap.reason {
                let _ = write!(text, "\n              {}", reason(cause));
            }
            text
        }
        FateBooks::Repaired => String::new(),
    }
}

fn write_files(out: &mut String, files: &[FileBooks]) {
    let is_counted = |file: &&FileBooks| file.counted.is_some() || file.not_counted.is_some();
    for (index, file) in files.iter().filter(is_counted).enumerate() {
        if index == 0 {
            out.push('\n');
            line(out, "files, counted again");
        }
        let path = escaped(file.now.as_ref().unwrap_or(&file.path));
        line(out, &format!("  {path}"));
        let written = count(file.lines);
        line(
            out,
            &match (&file.not_counted, file.counted) {
                (Some(why), _) => format!("      cannot be counted: {}", escaped(why)),
                (None, Some(counted)) if counted == file.lines => {
                    format!("      {written} lines, as they were written")
                }
                (None, counted) => format!(
                    "      {} lines, where {written} were written",
                    count(counted.unwrap_or_default())
                ),
            },
        );
    }
}

/// What it all comes to: one sentence when nothing is wrong.
fn verdict(audit: &Audit) -> Vec<String> {
    let totals = &audit.totals;
    let lines = totals.written.saturating_add(totals.unnumbered_lines);
    let mut said = Vec::new();
    let mut say = |number: u64, one: &str, several: &str| match number {
        0 => {}
        1 => said.push(format!("1 {one}")),
        _ => said.push(format!("{} {several}", count(number))),
    };
    say(
        totals.missing,
        "message is missing.",
        "messages are missing.",
    );
    say(
        totals.lost,
        "message is lost here for good.",
        "messages are lost here for good.",
    );
    say(
        totals.unplaced,
        "line is lost here: no file could be opened for it.",
        "lines are lost here: no file could be opened for them.",
    );
    say(
        totals.disagreeing,
        "stream's lines do not add up.",
        "streams' lines do not add up.",
    );
    say(
        totals.files_that_differ,
        "file holds other than was written to it.",
        "files hold other than was written to them.",
    );
    if totals.is_whole() {
        said.push(match lines {
            0 if totals.streams == 0 => "Nothing has come yet.".to_owned(),
            _ => format!("Nothing is missing: {} lines are written.", count(lines)),
        });
    }
    let mut say = |number: u64, one: &str, several: &str| match number {
        0 => {}
        1 => said.push(format!("1 {one}")),
        _ => said.push(format!("{} {several}", count(number))),
    };
    say(
        totals.lost_there,
        "line was lost by its publisher before it was sent.",
        "lines were lost by their publishers before they were sent.",
    );
    if audit.keeper.is_running {
        say(
            totals.tails_unknown,
            "stream ended without leaving: what it sent last is unknown.",
            "streams ended without leaving: what they sent last is unknown.",
        );
    } else {
        say(
            totals.tails_unknown,
            "stream did not leave before this logging host ended: what came then is unknown.",
            "streams did not leave before this logging host ended: what came then is unknown.",
        );
    }
    say(
        totals.uncertain,
        "line counts as written though a crash has left no proof of it.",
        "lines count as written though a crash has left no proof of them.",
    );
    said
}

/// A name and four numbers, each in its column.
fn row(out: &mut String, name: &str, numbers: [&str; 4]) {
    let mut text = format!("{:<FIRST_WIDTH$}", shown(name, FIRST_WIDTH));
    for (number, width) in numbers.iter().zip(NUMBER_WIDTHS) {
        let number = fitted(number, width - 1);
        let _ = write!(text, "{number:>width$}");
    }
    line(out, text.trim_end());
}

/// A number as it fits: without commas if it must, and as a power of ten if it must.
fn fitted(number: &str, width: usize) -> String {
    if number.len() <= width {
        return number.to_owned();
    }
    let digits: String = number.chars().filter(char::is_ascii_digit).collect();
    if digits.len() <= width {
        return digits;
    }
    let first = digits.get(..1).unwrap_or_default();
    format!("{first}e{}", digits.len() - 1)
}

fn known(number: Option<u64>) -> String {
    number.map_or_else(|| "?".to_owned(), count)
}

/// Appends a line, or several, each cut to the width.
fn line(out: &mut String, text: &str) {
    for text in text.split('\n') {
        out.push_str(&cut(text, WIDTH));
        out.push('\n');
    }
}

/// In printable ASCII and at most `width` characters.
fn shown(text: &str, width: usize) -> String {
    cut(&escaped(text), width)
}

fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            ' '..='~' => out.push(c),
            other => out.extend(other.escape_default()),
        }
    }
    out
}

/// Of ASCII, as much as fits; that it is not all shows.
fn cut(text: &str, width: usize) -> String {
    if text.len() <= width {
        return text.to_owned();
    }
    let part = text.get(..width.saturating_sub(2)).unwrap_or_default();
    format!("{part}..")
}

/// What a terminal and a mail show without breaking lines.
const WIDTH: usize = 100;

/// Indent, publisher, instance, state.
const FIRST_WIDTH: usize = 2 + NAME_WIDTH + 1 + 8 + 1 + 7;

/// Host, program and process.
const NAME_WIDTH: usize = 28;

/// Of the program, so that the host has room.
const PROGRAM_WIDTH: usize = 12;

/// Lines served, lost by publishers, written, not here: some ten billion fit with commas.
const NUMBER_WIDTHS: [usize; 4] = [15, 12, 15, 11];
