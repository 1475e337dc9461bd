//! The numbers of the logs, by name: of each log where there are or may be several, told apart by
//! the label `log`.

use http::metrics::{Family, Unit, Value};
use spread_logger::{Books, Counters, LocalBooks, Orphans, RingFill};

use crate::logging::{Output, OutputCounters};

/// What is known of one log, read once.
struct Facts<'a> {
    /// What tells it from others, if that is needed.
    name: Option<&'a str>,
    rings: RingFill,
    books: BooksOf<'a>,
}

enum BooksOf<'a> {
    Spread(&'a Counters, Books),
    Local(LocalBooks),
}

/// What those who empty the rings of `outputs` count. Of each the lines are those sent or written,
/// those that wait and those lost, whenever it has nothing in hand.
pub(super) fn of_logs(outputs: &[Output]) -> Vec<Family> {
    let facts: Vec<_> = outputs.iter().map(Facts::of).collect();
    let is_somewhere = |local: bool| {
        let mut all = facts.iter();
        all.any(|facts| matches!(facts.books, BooksOf::Local(_)) == local)
    };
    let mut families = of_all(&facts);
    if is_somewhere(false) {
        families.extend(of_spread(&facts));
        families.extend(of_hosts(&facts));
        families.extend(of_orphans(&facts));
    }
    if is_somewhere(true) {
        families.extend(of_local(&facts));
    }
    families.extend(of_rings(&facts));
    if is_somewhere(false) {
        families.push(connected(&facts));
        families.extend(connected_since(&facts));
    }
    families
}

impl<'a> Facts<'a> {
    fn of(output: &'a Output) -> Self {
        let (rings, books) = match &output.counters {
            OutputCounters::Spread(counters) => (
                counters.rings(),
                BooksOf::Spread(counters, counters.books()),
            ),
            OutputCounters::Local(counters) => (counters.rings(), BooksOf::Local(counters.books())),
        };
        Self {
            name: output.name.as_deref(),
            rings,
            books,
        }
    }

    /// Its labels, with these behind.
    fn labels<const MORE: usize>(
        &self,
        more: [(&'static str, String); MORE],
    ) -> Vec<(&'static str, String)> {
        let name = self.name.map(|name| ("log", name.to_owned()));
        name.into_iter().chain(more).collect()
    }
}

/// Adds the number of each log that has it.
fn each<V: Into<Value>>(
    family: Family,
    facts: &[Facts<'_>],
    number: impl Fn(&Facts<'_>) -> Option<V>,
) -> Family {
    facts.iter().fold(family, |family, facts| {
        let value = number(facts);
        match value {
            Some(value) => family.sample(facts.labels([]), value),
            None => family,
        }
    })
}

/// Of those logs that go to a group.
fn spread<V>(number: impl Fn(&Books) -> V) -> impl Fn(&Facts<'_>) -> Option<V> {
    move |facts| match &facts.books {
        BooksOf::Spread(_, books) => Some(number(books)),
        BooksOf::Local(_) => None,
    }
}

/// Of those logs that are written on this machine.
fn local<V>(number: impl Fn(&LocalBooks) -> V) -> impl Fn(&Facts<'_>) -> Option<V> {
    move |facts| match &facts.books {
        BooksOf::Spread(..) => None,
        BooksOf::Local(books) => Some(number(books)),
    }
}

fn of_all(facts: &[Facts<'_>]) -> Vec<Family> {
    let lines = Family::counter(
        "rthttpd_log_lines_total",
        "Lines of the access log, whatever became of them; those of the last 20 ms may be missing.",
    );
    let lost = Family::counter(
        "rthttpd_log_lost_lines_total",
        "Lines that never went to a daemon, or were never written.",
    );
    let lost = facts.iter().fold(lost, |family, facts| {
        let causes = match &facts.books {
            BooksOf::Spread(_, books) => [
                ("queue_full", books.lost.queue_full),
                ("buffer_full", books.lost.buffer_full),
            ],
            BooksOf::Local(books) => [
                ("queue_full", books.lost.queue_full),
                ("unwritten", books.lost.unwritten),
            ],
        };
        causes.into_iter().fold(family, |family, (cause, lost)| {
            family.sample(facts.labels([("cause", cause.to_owned())]), lost)
        })
    });
    let cut = Family::counter(
        "rthttpd_log_cut_lines_total",
        "Lines shortened to the longest that is allowed.",
    );
    vec![
        each(lines, facts, |facts| {
            Some(match &facts.books {
                BooksOf::Spread(counters, books) => counters.taken() + books.lost.queue_full,
                BooksOf::Local(books) => books.lines + books.waiting + books.lost.total(),
            })
        }),
        lost,
        each(cut, facts, |facts| {
            Some(match &facts.books {
                BooksOf::Spread(_, books) => books.cut,
                BooksOf::Local(books) => books.cut,
            })
        }),
    ]
}

fn of_spread(facts: &[Facts<'_>]) -> Vec<Family> {
    let waiting = Family::gauge(
        "rthttpd_spread_waiting_lines",
        "Lines that wait for a Spread daemon to take them.",
    );
    let lines = Family::counter(
        "rthttpd_spread_lines_total",
        "Lines that a Spread daemon has taken.",
    );
    let messages = Family::counter(
        "rthttpd_spread_messages_total",
        "Messages that they went in.",
    );
    let bytes = Family::counter(
        "rthttpd_spread_message_bytes_total",
        "Bytes of these lines.",
    )
    .in_unit(Unit::Bytes);
    let connections = Family::counter(
        "rthttpd_spread_connections_total",
        "Connections made to Spread daemons.",
    );
    vec![
        each(waiting, facts, spread(|books| books.waiting)),
        each(lines, facts, spread(|books| books.sent.lines)),
        each(messages, facts, spread(|books| books.sent.messages)),
        each(bytes, facts, spread(|books| books.sent.bytes)),
        each(connections, facts, spread(|books| books.connections)),
    ]
}

/// What logging hosts have said of what was sent.
fn of_hosts(facts: &[Facts<'_>]) -> Vec<Family> {
    let hosts = Family::gauge(
        "rthttpd_spread_logging_hosts",
        "Logging hosts that acknowledge, and are waited for.",
    );
    let lines = Family::counter(
        "rthttpd_spread_acknowledged_lines_total",
        "Lines that all of them have safe.",
    );
    let repaired = Family::counter(
        "rthttpd_spread_repaired_messages_total",
        "Messages sent again to a logging host that asked.",
    );
    let retained = Family::gauge(
        "rthttpd_spread_retained_bytes",
        "Messages that are kept: they wait, or are not acknowledged.",
    )
    .in_unit(Unit::Bytes);
    let missing = Family::gauge(
        "rthttpd_spread_unacknowledged",
        "1 while lines go out and nobody has acknowledged any for half a minute.",
    );
    vec![
        each(hosts, facts, spread(|books| books.acknowledged.hosts)),
        each(lines, facts, spread(|books| books.acknowledged.lines)),
        each(repaired, facts, spread(|books| books.acknowledged.repaired)),
        each(
            retained,
            facts,
            spread(|books| books.acknowledged.retained_bytes),
        ),
        each(
            missing,
            facts,
            spread(|books| books.acknowledged.is_missing),
        ),
    ]
}

/// What is delivered of publishers that have ended, from their spools.
fn of_orphans(facts: &[Facts<'_>]) -> Vec<Family> {
    let spools = Family::gauge(
        "rthttpd_spread_orphan_spools",
        "Spools of publishers that have ended, which are being delivered.",
    );
    let lines = Family::gauge(
        "rthttpd_spread_orphan_lines",
        "Lines in them that a logging host may still need.",
    );
    let delivered = Family::counter(
        "rthttpd_spread_orphan_spools_delivered_total",
        "Spools that were delivered, to the end.",
    );
    let expired = Family::counter(
        "rthttpd_spread_orphan_lines_expired_total",
        "Lines that went with a spool after a week, as nobody had acknowledged them.",
    );
    let of = |family, number: fn(&Orphans) -> u64| {
        each(family, facts, |facts| match &facts.books {
            BooksOf::Spread(counters, _) => Some(number(&counters.orphans())),
            BooksOf::Local(_) => None,
        })
    };
    vec![
        of(spools, |orphans| orphans.spools),
        of(lines, |orphans| orphans.lines),
        of(delivered, |orphans| orphans.delivered),
        of(expired, |orphans| orphans.expired_lines),
    ]
}

/// What the writers on this machine count.
fn of_local(facts: &[Facts<'_>]) -> Vec<Family> {
    let lines = Family::counter(
        "rthttpd_log_written_lines_total",
        "Lines written to a file or another place on this machine.",
    );
    let bytes = Family::counter(
        "rthttpd_log_written_bytes_total",
        "Bytes of what was written.",
    )
    .in_unit(Unit::Bytes);
    let waiting = Family::gauge(
        "rthttpd_log_waiting_lines",
        "Lines that the place has not taken yet.",
    );
    let failing = Family::gauge(
        "rthttpd_log_failing",
        "1 while lines cannot be written; it is tried again every second.",
    );
    vec![
        each(lines, facts, local(|books| books.lines)),
        each(bytes, facts, local(|books| books.bytes)),
        each(waiting, facts, local(|books| books.waiting)),
        each(failing, facts, local(|books| books.is_failing)),
    ]
}

/// How close the workers come to what the rings hold.
fn of_rings(facts: &[Facts<'_>]) -> Vec<Family> {
    let bytes = Family::gauge(
        "rthttpd_log_ring_bytes",
        "Bytes that waited in the rings of all workers when they were last emptied.",
    );
    let peak = Family::gauge(
        "rthttpd_log_ring_peak_bytes",
        "The most that has waited in one ring.",
    );
    let max = Family::gauge("rthttpd_log_ring_max_bytes", "What one ring holds.");
    let [bytes, peak, max] = [bytes, peak, max].map(|family| family.in_unit(Unit::Bytes));
    vec![
        each(bytes, facts, |facts| Some(facts.rings.bytes)),
        each(peak, facts, |facts| Some(facts.rings.bytes_peak)),
        each(max, facts, |facts| Some(facts.rings.bytes_max)),
    ]
}

/// A number for each daemon, each once however often it was named.
fn connected(facts: &[Facts<'_>]) -> Family {
    let mut family = Family::gauge(
        "rthttpd_spread_connected",
        "Whether lines go to this Spread daemon now: 1, or 0.",
    );
    for facts in facts {
        let BooksOf::Spread(counters, _) = &facts.books else {
            continue;
        };
        let connected_to = counters.connected_to();
        let mut told = Vec::new();
        for address in counters.addresses().iter() {
            let daemon = address.to_string();
            if !told.contains(&daemon) {
                let labels = facts.labels([("daemon", daemon.clone())]);
                family = family.sample(labels, connected_to == Some(address));
                told.push(daemon);
            }
        }
    }
    family
}

/// Missing while there is no connection.
fn connected_since(facts: &[Facts<'_>]) -> Option<Family> {
    let family = Family::gauge(
        "rthttpd_spread_connected_time_seconds",
        "When the connection of now was made, in seconds since 1970.",
    )
    .in_unit(Unit::Time);
    let since = |facts: &Facts<'_>| match &facts.books {
        BooksOf::Spread(counters, _) => counters.connected_since(),
        BooksOf::Local(_) => None,
    };
    let mut all = facts.iter();
    all.any(|facts| since(facts).is_some())
        .then(|| each(family, facts, since))
}
