//! What is said, as lines for a log of their own: a farm wants its errors in one place too.
//!
//! ```text
//! 2026-11-28T11:02:56.123456Z web1 rthttpd[4711] WARN cannot serve a.html: permission denied
//! ```
//!
//! A line goes into a bounded ring, or is dropped and counted there; nobody waits. What the log
//! itself has to say is left out, as each line of it would be the reason for the next: no daemon, a
//! message about that to send, no daemon for it.

use std::fmt::{self, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::{Context, Layer};

use crate::publisher::hostname;
use crate::queue::LineLog;

/// Forwards what is said to a ring of lines, from when one is given until it is taken away. A
/// cheap clone.
#[derive(Clone, Debug, Default)]
pub struct Forwarding(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_on: AtomicBool,
    target: Mutex<Option<Target>>,
}

#[derive(Debug)]
struct Target {
    log: LineLog,
    /// Who says it.
    origin: String,
    /// Where a line is put together.
    line: String,
}

impl Forwarding {
    /// From now on what `program` says goes to `log` too.
    pub fn start(&self, program: &str, log: LineLog) {
        let origin = format!("{} {program}[{}]", hostname(), std::process::id());
        *self.0.target() = Some(Target {
            log,
            origin,
            line: String::new(),
        });
        self.0.is_on.store(true, Ordering::Relaxed);
    }

    /// From now on it does not, and the ring finds its end.
    pub fn stop(&self) {
        self.0.is_on.store(false, Ordering::Relaxed);
        *self.0.target() = None;
    }

    pub(super) fn layer<S: Subscriber>(&self) -> impl Layer<S> + use<S> {
        self.clone()
    }
}

impl<S: Subscriber> Layer<S> for Forwarding {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let is_on = self.0.is_on.load(Ordering::Relaxed);
        if !is_on || is_of_the_log(event.metadata().target()) {
            return;
        }
        if let Some(target) = &mut *self.0.target() {
            target.forward(event);
        }
    }
}

impl Shared {
    /// Held for as long as a line takes to be copied; no panic can leave it half changed.
    fn target(&self) -> MutexGuard<'_, Option<Target>> {
        self.target.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Target {
    fn forward(&mut self, event: &Event<'_>) {
        let Self { log, origin, line } = self;
        line.clear();
        // Writing into a String cannot fail.
        let _ = SystemTime.format_time(&mut Writer::new(line));
        let _ = write!(line, " {origin} {} ", event.metadata().level());
        event.record(&mut Text(line));
        log.log(cut(line).as_bytes());
    }
}

/// Whether `target`, a module, is one on the lines' own way: the publisher's, the hub's, or that of
/// the spreadlogd in this process.
fn is_of_the_log(target: &str) -> bool {
    let root = target.split("::").next().unwrap_or(target);
    matches!(root, "spread" | "spread_logger" | "spreadlogd")
}

/// The message of an event, then its other fields; one line, whatever they hold.
struct Text<'a>(&'a mut String);

impl Visit for Text<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut line = OneLine(self.0);
        let _ = match field.name() {
            "message" => write!(line, "{value:?}"),
            name => write!(line, " {name}={value:?}"),
        };
    }
}

struct OneLine<'a>(&'a mut String);

impl Write for OneLine<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for character in text.chars() {
            if character.is_control() {
                write!(self.0, "{}", character.escape_default())?;
            } else {
                self.0.push(character);
            }
        }
        Ok(())
    }
}

/// As much of `line` as logging hosts take.
fn cut(line: &str) -> &str {
    let end = (0..=line.len().min(LINE_LEN_MAX)).rfind(|&end| line.is_char_boundary(end));
    line.get(..end.unwrap_or(0)).unwrap_or(line)
}

/// 8 KiB with its newline, as of any line: the backtrace of a panic may be longer.
const LINE_LEN_MAX: usize = crate::format::LINE_LEN_MAX - 1;

#[cfg(test)]
mod tests {
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::queue::line_ring;

    /// What is forwarded of what `say` says.
    fn forwarded(say: impl FnOnce()) -> String {
        let forwarding = Forwarding::default();
        let (log, mut drain) = line_ring(0);
        let subscriber = tracing_subscriber::registry().with(forwarding.layer());
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(target: "rthttpd", "before");
            forwarding.start("test", log);
            say();
            forwarding.stop();
            tracing::warn!(target: "rthttpd", "after");
        });
        let mut lines = Vec::new();
        drain.drain(|piece| lines.extend_from_slice(piece));
        assert!(drain.is_finished());
        String::from_utf8(lines).unwrap()
    }

    #[test]
    fn what_is_said_is_a_line_that_says_when_and_by_whom() {
        let line = forwarded(|| tracing::warn!(target: "rthttpd::site", file = 7, "a {}", "b"));

        let (stamp, rest) = line.split_once(' ').unwrap();
        assert!(stamp.ends_with('Z') && stamp.len() == "2026-11-28T11:02:56.123456Z".len());
        let origin = format!("{} test[{}]", hostname(), std::process::id());
        assert_eq!(rest, format!("{origin} WARN a b file=7\n"));
    }

    #[test]
    fn a_line_is_one_line_whatever_it_holds() {
        let line = forwarded(|| tracing::error!(target: "rthttpd", "a\nb\r\u{1b}[2J\u{85}c"));

        assert!(
            line.ends_with("ERROR a\\nb\\r\\u{1b}[2J\\u{85}c\n"),
            "{line}"
        );
        assert_eq!(line.matches('\n').count(), 1);
    }

    /// Each of them would be the reason for the next.
    #[test]
    fn what_the_log_has_to_say_of_itself_is_not_for_it() {
        let lines = forwarded(|| {
            tracing::warn!(target: "spread_logger::publisher::notices", "no daemon");
            tracing::warn!(target: "spread::hub", "a session");
            tracing::warn!(target: "spreadlogd", "a file");
            tracing::warn!(target: "spreadsheet", "ours");
            tracing::error!(target: "panic", "anybody's");
        });

        let said = lines.lines().filter_map(|line| line.split("] ").nth(1));
        assert_eq!(said.collect::<Vec<_>>(), ["WARN ours", "ERROR anybody's"]);
    }

    #[test]
    fn a_long_line_is_cut_between_two_characters() {
        let text = "é".repeat(LINE_LEN_MAX);
        let line = forwarded(|| tracing::warn!(target: "rthttpd", "{text}"));

        assert!(line.len() <= LINE_LEN_MAX + 1 && line.len() >= LINE_LEN_MAX);
        assert!(line.ends_with("é\n"));
    }
}
