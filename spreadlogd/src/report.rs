//! What a logging host says about itself: its counters as metrics, and the facts for people.
//!
//! The names, with what each means, are in docs/metrics.md.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::metrics::{Fact, Family, Section, Tone, Unit, Value, bytes, count, samples, sum};
use spread::hub::HubReader;

use crate::child::ChildCounters;
use crate::counters::{Count, Counters, FileCounters, GroupCounters, SessionCounters};
use crate::host::Spreadlogd;
use crate::online::OnlineHandle;

/// Tells how a logging host is, from any thread. A cheap clone.
#[derive(Clone, Debug)]
pub struct Report {
    counters: Arc<Counters>,
    online: Option<OnlineHandle>,
    hub: Option<HubReader>,
}

impl Report {
    /// Of `spreadlogd`, and of the hub in the same process if there is one.
    #[must_use]
    pub fn new(spreadlogd: &Spreadlogd, hub: Option<HubReader>) -> Self {
        Self {
            counters: spreadlogd.counters(),
            online: spreadlogd.online().map(|online| online.handle()),
            hub,
        }
    }

    /// Lines received until now, of all groups.
    #[must_use]
    pub fn lines(&self) -> u64 {
        self.counters.summary().lines
    }

    /// Everything that is counted, now.
    #[must_use]
    pub fn families(&self) -> Vec<Family> {
        let mut families = self.sessions();
        families.extend(self.streams());
        families.extend(self.groups());
        families.extend(self.files());
        families.extend(self.children());
        families.extend(self.online.iter().flat_map(OnlineHandle::families));
        if let Some(hub) = &self.hub {
            families.extend(of_hub(hub));
        }
        families
    }

    fn sessions(&self) -> Vec<Family> {
        let mut connected = Family::gauge(
            "spreadlogd_connected",
            "Whether the session of this Spread block has joined its groups: 1, or 0.",
        );
        let mut joined = Family::counter(
            "spreadlogd_connections_total",
            "Sessions that have joined their groups, the first and each after a loss.",
        );
        let mut by_daemons: BTreeMap<String, (u64, u64)> = BTreeMap::new();
        for session in self.counters.sessions() {
            let of_daemons = by_daemons.entry(session.addresses.to_string()).or_default();
            // Two blocks may name the same daemons; both have to be connected.
            let is_connected = session.connected_to().is_some();
            of_daemons.0 += u64::from(!is_connected);
            of_daemons.1 += session.joined.now();
        }
        for (daemons, (away, times)) in by_daemons {
            connected = connected.sample([("daemon", daemons.clone())], away == 0);
            joined = joined.sample([("daemon", daemons)], times);
        }
        vec![connected, joined]
    }

    fn streams(&self) -> Vec<Family> {
        let of = |family, number: fn(&SessionCounters) -> u64| {
            let sessions = self.counters.sessions().iter();
            let numbers = sessions.map(|s| (s.addresses.to_string(), number(s)));
            labelled(family, "daemon", numbers)
        };
        vec![
            of(
                Family::gauge(
                    "spreadlogd_streams",
                    "Numbered streams that are known: one for each run of a publisher and group, \
                     those that have ended too.",
                ),
                |session| session.streams().0,
            ),
            of(
                Family::gauge(
                    "spreadlogd_missing_messages",
                    "Messages of streams that are missing now, and are asked for.",
                ),
                |session| session.streams().1,
            ),
            of(
                Family::counter(
                    "spreadlogd_found_missing_messages_total",
                    "Messages of streams that were found missing.",
                ),
                |session| session.missing.now(),
            ),
            of(
                Family::counter(
                    "spreadlogd_repaired_messages_total",
                    "Messages that came again because they were asked for.",
                ),
                |session| session.repaired.now(),
            ),
            of(
                Family::counter(
                    "spreadlogd_lost_messages_total",
                    "Messages of streams that were missing and will not come any more.",
                ),
                |session| session.lost.now(),
            ),
            of(
                Family::counter(
                    "spreadlogd_refused_notices_total",
                    "Notices of publishers that were none, or spoke for another's stream.",
                ),
                |session| session.refused_notices.now(),
            ),
            of(
                Family::counter(
                    "spreadlogd_forgotten_streams_total",
                    "Streams that are not kept any more: silent for 30 days, or one too many.",
                ),
                |session| session.forgotten.now(),
            ),
            Family::gauge(
                "spreadlogd_ledger_failing",
                "Whether the ledger cannot be written, so that nothing is written at all: 1, or 0.",
            )
            .value(self.counters.is_ledger_failing()),
        ]
    }

    fn groups(&self) -> Vec<Family> {
        let of = |name, help, number: fn(&GroupCounters) -> &Count| {
            let groups = self.counters.groups().iter();
            let numbers = groups.map(|group| (group.group.to_string(), number(group).now()));
            labelled(Family::counter(name, help), "group", numbers)
        };
        vec![
            of(
                "spreadlogd_messages_total",
                "Messages received of a group.",
                |group| &group.messages,
            ),
            of(
                "spreadlogd_numbered_messages_total",
                "Of these, the ones that carry the number of a stream.",
                |group| &group.numbered,
            ),
            of(
                "spreadlogd_received_lines_total",
                "Lines received of a group.",
                |group| &group.lines,
            ),
            of(
                "spreadlogd_received_bytes_total",
                "Bytes received of a group.",
                |group| &group.bytes,
            )
            .in_unit(Unit::Bytes),
            Family::counter(
                "spreadlogd_unrouted_messages_total",
                "Messages to groups that no Log asks for.",
            )
            .value(self.counters.unrouted.now()),
        ]
    }

    fn files(&self) -> Vec<Family> {
        let of = |family, number: fn(&FileCounters) -> u64| {
            let files = self.counters.files().iter();
            let numbers = files.map(|file| (file.path.display().to_string(), number(file)));
            labelled(family, "file", numbers)
        };
        let (waiting, waiting_max) = self.counters.waiting_bytes();
        vec![
            of(
                Family::counter("spreadlogd_written_lines_total", "Lines written to a file."),
                |file| file.lines.now(),
            ),
            of(
                Family::counter("spreadlogd_written_bytes_total", "Bytes written to a file.")
                    .in_unit(Unit::Bytes),
                |file| file.bytes.now(),
            ),
            of(
                Family::counter(
                    "spreadlogd_lost_lines_total",
                    "Lines received that are not in a file they belong in: there was no room \
                     while it could not be written, or not as fast, or none could be opened.",
                ),
                |file| file.lines_lost.now(),
            ),
            of(
                Family::counter(
                    "spreadlogd_returned_lines_total",
                    "Lines of numbered messages for which there was no room: they are asked for \
                     again, and counted again when they come.",
                ),
                |file| file.lines_returned.now(),
            ),
            of(
                Family::counter(
                    "spreadlogd_left_out_lines_total",
                    "Lines that Match, Exclude or Where leave out.",
                ),
                |file| file.lines_left_out.now(),
            ),
            of(
                Family::gauge(
                    "spreadlogd_file_failing",
                    "Whether the last write to a file has failed, and is being tried again: \
                     1, or 0.",
                ),
                |file| file.is_failing().into(),
            ),
            Family::gauge(
                "spreadlogd_waiting_bytes",
                "Memory of the lines that were received and are not written yet.",
            )
            .in_unit(Unit::Bytes)
            .value(waiting),
            Family::gauge(
                "spreadlogd_waiting_bytes_max",
                "How much that may be: what comes beyond it is lost.",
            )
            .in_unit(Unit::Bytes)
            .value(waiting_max),
        ]
    }

    fn children(&self) -> Vec<Family> {
        let of = |name, about, number: fn(&ChildCounters) -> u64| {
            let children = self.counters.children().iter();
            let numbers = children.map(|child| (child.name.clone(), number(child)));
            labelled(Family::counter(name, about), "program", numbers)
        };
        vec![
            of(
                "spreadlogd_program_lines_total",
                "Lines that a command, module or interpreter has read.",
                |child| child.lines_written.now(),
            ),
            self.lost_by_children(),
            of(
                "spreadlogd_program_failed_lines_total",
                "Lines on which an interpreter has ended.",
                |child| child.lines_failed.now(),
            ),
            of(
                "spreadlogd_program_restarts_total",
                "How often it was started again.",
                ChildCounters::restarts,
            ),
        ]
    }

    fn lost_by_children(&self) -> Family {
        let mut family = Family::counter(
            "spreadlogd_program_lost_lines_total",
            "Lines that it did not read: there was no room for more as it read too slowly, or as \
             it had ended and was not started again yet, or there was no time at the end.",
        );
        let mut sums: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
        for child in self.counters.children() {
            let numbers = [
                child.lines_lost_slow(),
                child.lines_lost_down.now(),
                child.lines_unwritten.now(),
            ];
            let sums = sums.entry(&child.name).or_default();
            for (sum, number) in sums.iter_mut().zip(numbers) {
                *sum += number;
            }
        }
        for (program, numbers) in sums {
            for (cause, number) in ["slow", "down", "end"].into_iter().zip(numbers) {
                let labels = [("program", program.to_owned()), ("cause", cause.to_owned())];
                family = family.sample(labels, number);
            }
        }
        family
    }

    /// The facts that an operator asks for, from `families` that hold this report's; `rate` is
    /// lines received in a second, where that is known.
    #[must_use]
    pub fn sections(&self, families: &[Family], rate: Option<f64>) -> Vec<Section> {
        let mut sections = vec![Section {
            title: "spreadlogd",
            facts: self.facts(families, rate),
        }];
        if self.hub.is_some() {
            sections.push(Section {
                title: "Hub",
                facts: facts_of_hub(families),
            });
        }
        sections
    }

    fn facts(&self, families: &[Family], rate: Option<f64>) -> Vec<Fact> {
        let mut facts = Vec::new();
        facts.extend(fact_of_ledger(families));
        for sample in samples(families, "spreadlogd_connected") {
            let daemon = sample.label("daemon");
            facts.push(if sample.value == Value::Whole(1) {
                Fact::new("Spread", daemon)
                    .note("connected")
                    .tone(Tone::Good)
            } else {
                Fact::new("Spread", format!("no session with {daemon}"))
                    .note("Lines sent to its groups do not come here until there is one.")
                    .tone(Tone::Bad)
            });
        }
        let lines = |name| count(sum(families, name));
        let received = bytes(sum(families, "spreadlogd_received_bytes_total"));
        let note = match rate {
            Some(rate) => format!("{received}; {rate:.1} lines a second over the last minute"),
            None => received,
        };
        facts.push(
            Fact::new(
                "Received",
                lines("spreadlogd_received_lines_total") + " lines",
            )
            .note(note),
        );
        let files = self.counters.files();
        let written = Fact::new(
            "Written",
            lines("spreadlogd_written_lines_total") + " lines",
        );
        facts.push(match files {
            [file] => written.note(file.path.display().to_string()),
            _ => written.note(format!("to {} files", count(files.len() as u64))),
        });
        let lost = Fact::new("Lost", lines("spreadlogd_lost_lines_total") + " lines");
        facts.push(if sum(families, "spreadlogd_lost_lines_total") == 0 {
            lost.tone(Tone::Good)
        } else {
            lost.note(
                "They were received, and there was no room for them while a file could not be \
                 written, or not as fast, or it could not be opened. See its disk.",
            )
            .tone(Tone::Bad)
        });
        facts.extend(facts_of_streams(families));
        for file in files
            .iter()
            .filter(|file| file.is_failing())
            .take(FILES_TOLD_MAX)
        {
            facts.push(
                Fact::new("Cannot be written", file.path.display().to_string())
                    .note("Its lines wait in memory, and it is tried again every second.")
                    .tone(Tone::Bad),
            );
        }
        let (waiting, waiting_max) = self.counters.waiting_bytes();
        facts.push(
            Fact::new("Waiting to be written", bytes(waiting as u64))
                .note(format!("of at most {}", bytes(waiting_max as u64))),
        );
        facts
    }
}

/// That the ledger cannot be written, if it is so.
fn fact_of_ledger(families: &[Family]) -> Option<Fact> {
    let is_failing = sum(families, "spreadlogd_ledger_failing") > 0;
    is_failing.then(|| {
        Fact::new("The ledger", "cannot be written")
            .note(
                "Until it can, nothing is written to the logs: messages wait with their \
                 publishers. See the disk of its directory.",
            )
            .tone(Tone::Bad)
    })
}

/// What of the numbered streams is not here.
fn facts_of_streams(families: &[Family]) -> [Fact; 2] {
    let number = |name| sum(families, name);
    let missing = number("spreadlogd_missing_messages");
    let mut now = Fact::new("Missing now", count(missing) + " messages").note(format!(
        "of {} streams; found missing: {}, repaired: {}",
        count(number("spreadlogd_streams")),
        count(number("spreadlogd_found_missing_messages_total")),
        count(number("spreadlogd_repaired_messages_total"))
    ));
    if missing == 0 {
        now = now.tone(Tone::Good);
    }
    let lost = number("spreadlogd_lost_messages_total");
    let gone = Fact::new("Lost on the way", count(lost) + " messages");
    let gone = if lost == 0 {
        gone.tone(Tone::Good)
    } else {
        gone.note("Nobody has them any more; spreadlogd audit says which, and of whom.")
            .tone(Tone::Bad)
    };
    [now, gone]
}

/// A number for each value of one label. What is shown alike is one: two Logs may name the same
/// group at different daemons.
fn labelled(
    mut family: Family,
    label: &'static str,
    numbers: impl Iterator<Item = (String, u64)>,
) -> Family {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for (value, number) in numbers {
        *sums.entry(value).or_default() += number;
    }
    for (value, number) in sums {
        family = family.sample([(label, value)], number);
    }
    family
}

fn of_hub(hub: &HubReader) -> Vec<Family> {
    let books = hub.books();
    let tally = books.tally;
    vec![
        Family::gauge("spread_hub_sessions", "Sessions with the hub.").value(books.sessions),
        Family::counter("spread_hub_sessions_total", "Sessions opened with the hub.")
            .value(tally.sessions),
        Family::counter(
            "spread_hub_sessions_ended_total",
            "Sessions that the hub has ended because they read too slowly or passed a limit.",
        )
        .value(tally.sessions_ended),
        Family::gauge("spread_hub_groups", "Groups with members.").value(books.groups),
        Family::gauge("spread_hub_memberships", "Members of all groups together.")
            .value(books.memberships),
        Family::counter("spread_hub_messages_total", "Messages sent to the hub.")
            .value(tally.messages),
        Family::counter("spread_hub_message_bytes_total", "Bytes of their bodies.")
            .in_unit(Unit::Bytes)
            .value(tally.bytes),
        Family::counter(
            "spread_hub_deliveries_total",
            "Messages delivered, one for each session that gets it.",
        )
        .value(tally.deliveries),
        Family::gauge(
            "spread_hub_waiting_bytes",
            "Memory of what waits to be delivered.",
        )
        .in_unit(Unit::Bytes)
        .value(books.waiting_bytes),
    ]
}

fn facts_of_hub(families: &[Family]) -> Vec<Fact> {
    let number = |name| count(sum(families, name));
    let ended = Fact::new(
        "Sessions ended by it",
        number("spread_hub_sessions_ended_total"),
    );
    vec![
        Fact::new("Sessions", number("spread_hub_sessions")).note(format!(
            "groups with members: {}",
            number("spread_hub_groups")
        )),
        Fact::new("Messages", number("spread_hub_messages_total")).note(format!(
            "{}, delivered {} times",
            bytes(sum(families, "spread_hub_message_bytes_total")),
            number("spread_hub_deliveries_total")
        )),
        Fact::new(
            "Waiting for readers",
            bytes(sum(families, "spread_hub_waiting_bytes")),
        ),
        if sum(families, "spread_hub_sessions_ended_total") == 0 {
            ended.tone(Tone::Good)
        } else {
            ended
                .note("They read too slowly or passed a limit; the diagnostics say which, and why.")
                .tone(Tone::Bad)
        },
    ]
}

/// Files named on the page because they cannot be written; a full disk may hold a thousand.
const FILES_TOLD_MAX: usize = 8;
