//! What a process says on its standard error, as lines for our log: bounded, printable.

use std::time::{Duration, Instant};

/// Makes lines of what is read.
#[derive(Debug, Default)]
pub(super) struct Complaints {
    line: Vec<u8>,
    /// When the window began in which `said` lines were said.
    since: Option<Instant>,
    said: u32,
    unsaid: u64,
}

impl Complaints {
    /// Takes what was read; returns the lines to say.
    pub(super) fn feed(&mut self, bytes: &[u8], now: Instant) -> Vec<String> {
        let mut lines = Vec::new();
        for part in bytes.split_inclusive(|&byte| byte == b'\n') {
            let room = LINE_MAX.saturating_sub(self.line.len());
            let text = part.strip_suffix(b"\n").unwrap_or(part);
            let kept = text.get(..room).unwrap_or(text);
            self.line.extend_from_slice(kept);
            if part.ends_with(b"\n") {
                self.end_line(now, &mut lines);
            }
        }
        lines
    }

    /// The process is gone: returns what is left of a line, and how many were not said.
    pub(super) fn end(&mut self, now: Instant) -> Vec<String> {
        let mut lines = Vec::new();
        self.end_line(now, &mut lines);
        self.tell_unsaid(&mut lines);
        lines
    }

    fn end_line(&mut self, now: Instant, lines: &mut Vec<String>) {
        let line = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&line);
        let text = text.trim_end();
        if text.is_empty() {
            return;
        }
        if self.since.is_none_or(|since| now >= since + WINDOW) {
            self.tell_unsaid(lines);
            self.since = Some(now);
            self.said = 0;
        }
        if self.said >= LINES_MAX {
            self.unsaid += 1;
            return;
        }
        self.said += 1;
        lines.push(printable(text));
    }

    fn tell_unsaid(&mut self, lines: &mut Vec<String>) {
        if self.unsaid > 0 {
            lines.push(format!("({} more lines)", self.unsaid));
            self.unsaid = 0;
        }
    }
}

/// What controls a terminal does not get into our log.
fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for char in text.chars() {
        if char == '\t' {
            out.push(' ');
        } else if char.is_control() {
            out.extend(char.escape_default());
        } else {
            out.push(char);
        }
    }
    out
}

/// 1,024: the rest of a longer line is not what helps.
const LINE_MAX: usize = 1024;

/// 50 lines in 10 s: a trace of calls is whole, and a program that complains of every line it
/// is given does not fill our log.
const LINES_MAX: u32 = 50;
const WINDOW: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_whole_however_they_are_read() {
        let text = b"first\nsecond \x1b[31mred\n\nthird";
        let now = Instant::now();
        for cut in 0..=text.len() {
            let mut complaints = Complaints::default();

            let mut lines = complaints.feed(&text[..cut], now);
            lines.extend(complaints.feed(&text[cut..], now));
            lines.extend(complaints.end(now));

            let expected = ["first", "second \\u{1b}[31mred", "third"];
            assert_eq!(lines, expected, "cut at {cut}");
        }
    }

    #[test]
    fn lines_are_bounded_in_length_and_number_and_the_rest_is_counted() {
        let mut complaints = Complaints::default();
        let start = Instant::now();
        let mut text = vec![b'x'; LINE_MAX * 3];
        text.push(b'\n');
        text.extend(b"more\n".repeat(60));

        let lines = complaints.feed(&text, start);
        assert_eq!(lines.len(), 50);
        assert_eq!(lines[0].len(), LINE_MAX);

        let lines = complaints.feed(b"later\n", start + WINDOW);
        assert_eq!(lines, ["(11 more lines)", "later"]);
    }
}
