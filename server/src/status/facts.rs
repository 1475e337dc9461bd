//! What an operator asks for first, read off the families.

use http::Status;
use http::metrics::{
    Fact, Family, Sample, Section, Tone, Value, bytes, count, duration, samples, sum,
};
use spread_logger::Counters as LogCounters;

use crate::logging::Output;

/// What is being served; `rate` is requests per second, once it is known.
pub(super) fn of_requests(families: &[Family], rate: Option<f64>) -> Section {
    let number = |name| sum(families, name);
    let requests = Fact::new("Requests", count(number("rthttpd_requests_total")));
    let requests = match rate {
        Some(rate) => requests.note(format!("{rate:.1} a second over the last minute")),
        None => requests,
    };
    let (hits, misses) = (
        number("rthttpd_cache_hits_total"),
        number("rthttpd_cache_misses_total"),
    );
    let cache = Fact::new("Cache", bytes(number("rthttpd_cache_bytes")));
    let files = count(number("rthttpd_cache_entries"));
    let cache = match (hits * 100).checked_div(hits + misses) {
        Some(percent) => cache.note(format!("{files} files; it answers {percent} % of requests")),
        None => cache.note(format!("{files} files")),
    };
    Section {
        title: "Web server",
        facts: vec![
            requests,
            Fact::new(
                "Content sent",
                bytes(number("rthttpd_response_content_bytes_total")),
            ),
            Fact::new("Connections", count(number("rthttpd_connections"))).note(format!(
                "of at most {}; {} since the start",
                count(number("rthttpd_connections_max")),
                count(number("rthttpd_connections_total"))
            )),
            Fact::new(
                "Responses cut off",
                count(number("rthttpd_responses_cut_off_total")),
            )
            .note("the client went before the end, or was too slow"),
            cache,
        ]
        .into_iter()
        .chain(passwords(families))
        .collect(),
    }
}

/// Passwords, once any have come.
fn passwords(families: &[Family]) -> Option<Fact> {
    let number = |result: &str| {
        let samples = samples(families, "rthttpd_passwords_total");
        let found = samples
            .iter()
            .find(|sample| sample.label("result") == result);
        match found.map(|sample| sample.value) {
            Some(Value::Whole(number)) => number,
            _ => 0,
        }
    };
    let [right, wrong, unseen] = ["right", "wrong", "unseen"].map(number);
    (right + wrong + unseen > 0).then(|| {
        Fact::new("Wrong passwords", count(wrong)).note(format!(
            "{} right; {} not looked at, their addresses having been wrong too often",
            count(right),
            count(unseen)
        ))
    })
}

/// How requests were answered: the statuses there have been.
pub(super) fn of_answers(families: &[Family]) -> Section {
    let mut facts: Vec<_> = samples(families, "rthttpd_requests_total")
        .iter()
        .filter_map(|sample| match sample.value {
            Value::Whole(number) if number > 0 => {
                Some(Fact::new(named(sample.label("status")), count(number)))
            }
            _ => None,
        })
        .collect();
    if facts.is_empty() {
        facts.push(Fact::new("Nothing has been asked for yet", ""));
    }
    Section {
        title: "Answers",
        facts,
    }
}

fn named(code: &str) -> String {
    let known = Status::ALL.iter().map(|status| status.text());
    let named = known.into_iter().find(|text| text.starts_with(code));
    named.unwrap_or(code).to_owned()
}

/// Where the logs go, and whether all of them do; `now` in seconds since 1970.
pub(super) fn of_log(families: &[Family], logs: Option<&[Output]>, now: u64) -> Section {
    let title = "Log";
    let Some(logs) = logs else {
        let facts = vec![Fact::new("Goes", "nowhere").note("--spread or --log says where")];
        return Section { title, facts };
    };
    let number = |name| sum(families, name);
    let mut facts = Vec::new();
    let lines = Fact::new("Lines", count(number("rthttpd_log_lines_total")));
    let publishers = || logs.iter().filter_map(Output::publisher);
    if let Some(publisher) = publishers().next() {
        // All go to the same daemons.
        facts.push(connection(publisher, now));
        facts.push(lines.note(format!(
            "{} sent in {} messages",
            count(number("rthttpd_spread_lines_total")),
            count(number("rthttpd_spread_messages_total"))
        )));
        facts.push(Fact::new(
            "Waiting for a daemon",
            count(number("rthttpd_spread_waiting_lines")) + " lines",
        ));
        facts.push(acknowledged(families));
    } else {
        facts.push(lines);
    }
    facts.extend(logs.iter().filter_map(|log| of_one(families, log)));
    facts.extend(losses(families));
    facts.push(fullest_ring(families));
    Section { title, facts }
}

/// What became of the lines of a log that has a name.
fn of_one(families: &[Family], log: &Output) -> Option<Fact> {
    let name = log.name.as_ref()?;
    let number = |family| {
        let samples = samples(families, family).iter();
        let of_this = samples.filter(|sample| sample.label("log") == name);
        let values = of_this.map(|sample| match sample.value {
            Value::Whole(value) => value,
            Value::Real(_) => 0,
        });
        values.sum::<u64>()
    };
    let lines = count(number("rthttpd_log_lines_total")) + " lines";
    let fact = Fact::new(name.clone(), lines);
    Some(if number("rthttpd_log_failing") > 0 {
        fact.note("It cannot be written now; that is tried again every second.")
            .tone(Tone::Bad)
    } else {
        match number("rthttpd_log_lost_lines_total") {
            0 => fact,
            lost => fact.note(format!("{} lost", count(lost))).tone(Tone::Bad),
        }
    })
}

/// The ring that came closest to what it holds.
fn fullest_ring(families: &[Family]) -> Fact {
    let whole = |sample: &Sample| match sample.value {
        Value::Whole(value) => value,
        Value::Real(_) => 0,
    };
    let of_all = |name| samples(families, name).iter().map(whole);
    let peaks = of_all("rthttpd_log_ring_peak_bytes");
    let rings = peaks.zip(of_all("rthttpd_log_ring_max_bytes"));
    let percent = |(peak, max): &(u64, u64)| (peak * 100).checked_div(*max).unwrap_or(0);
    let fullest = rings.max_by_key(percent).unwrap_or_default();
    Fact::new("Fullest ring", format!("{} %", percent(&fullest))).note(format!(
        "{} of {}",
        bytes(fullest.0),
        bytes(fullest.1)
    ))
}

fn connection(log: &LogCounters, now: u64) -> Fact {
    match (log.connected_to(), log.connected_since()) {
        (Some(daemon), since) => {
            let age = now.saturating_sub(since.unwrap_or(now));
            Fact::new("Spread", daemon.to_string())
                .note(format!("connected for {}", duration(age)))
                .tone(Tone::Good)
        }
        (None, _) => Fact::new("Spread", format!("no daemon at {}", log.addresses()))
            .note("Lines wait for one as long as --spread-buffer has room; serving goes on.")
            .tone(Tone::Bad),
    }
}

/// Whether logging hosts say that they have what was sent. The original's never do.
fn acknowledged(families: &[Family]) -> Fact {
    let number = |name| sum(families, name);
    let lines = count(number("rthttpd_spread_acknowledged_lines_total"));
    let fact = Fact::new("Acknowledged", lines + " lines");
    if number("rthttpd_spread_unacknowledged") > 0 {
        return fact.note(
            "Nobody has acknowledged anything for half a minute: is spreadlogd running? The \
             original never acknowledges.",
        );
    }
    fact.note(format!(
        "by {} logging hosts; {} messages sent again, {} kept",
        count(number("rthttpd_spread_logging_hosts")),
        count(number("rthttpd_spread_repaired_messages_total")),
        bytes(number("rthttpd_spread_retained_bytes"))
    ))
}

/// One fact while nothing is lost, one for each cause once something is.
fn losses(families: &[Family]) -> Vec<Fact> {
    let lost = |sample: &Sample| match sample.value {
        Value::Whole(lines @ 1..) => {
            let meaning = match sample.label("cause") {
                "queue_full" => {
                    "The ring of a worker was full: the publisher had no processor for too \
                     long, or --log-ring is too small for so many requests."
                }
                "unwritten" => {
                    "A file or another place on this machine refused them, or had not taken \
                     them at the stop."
                }
                _ => {
                    "No daemon took lines for longer than --spread-buffer has room, and the \
                     oldest were given up."
                }
            };
            let label = match sample.label("log") {
                "" => "Lost".to_owned(),
                log => format!("Lost of {log}"),
            };
            let lost = Fact::new(label, count(lines) + " lines");
            Some(lost.note(meaning).tone(Tone::Bad))
        }
        _ => None,
    };
    let causes = samples(families, "rthttpd_log_lost_lines_total");
    let lost: Vec<_> = causes.iter().filter_map(lost).collect();
    if lost.is_empty() {
        return vec![Fact::new("Lost", "0 lines").tone(Tone::Good)];
    }
    lost
}
