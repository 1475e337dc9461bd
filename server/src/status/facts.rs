//! What an operator asks for first, read off the families.

use http::Status;
use http::metrics::{Fact, Family, Section, Tone, Value, bytes, count, duration, samples, sum};
use spread_logger::Counters as LogCounters;

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
        ],
    }
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

/// Where the log goes, and whether all of it does; `now` in seconds since 1970.
pub(super) fn of_log(families: &[Family], log: Option<&LogCounters>, now: u64) -> Section {
    let title = "Log";
    let Some(log) = log else {
        let facts = vec![Fact::new("Goes", "nowhere").note("--spread says where")];
        return Section { title, facts };
    };
    let number = |name| sum(families, name);
    let lines = Fact::new("Lines", count(number("rthttpd_log_lines_total"))).note(format!(
        "{} sent in {} messages",
        count(number("rthttpd_spread_lines_total")),
        count(number("rthttpd_spread_messages_total"))
    ));
    let mut facts = vec![
        connection(log, now),
        lines,
        Fact::new(
            "Waiting for a daemon",
            count(number("rthttpd_spread_waiting_lines")) + " lines",
        ),
    ];
    facts.push(acknowledged(families));
    facts.extend(losses(families));
    let (peak, max) = (
        number("rthttpd_log_ring_peak_bytes"),
        number("rthttpd_log_ring_max_bytes"),
    );
    let percent = (peak * 100).checked_div(max).unwrap_or(0);
    facts.push(
        Fact::new("Fullest ring", format!("{percent} %")).note(format!(
            "{} of {}",
            bytes(peak),
            bytes(max)
        )),
    );
    Section { title, facts }
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
    let lost = |sample: &http::metrics::Sample| match sample.value {
        Value::Whole(lines @ 1..) => {
            let meaning = match sample.label("cause") {
                "queue_full" => {
                    "The ring of a worker was full: the publisher had no processor for too \
                     long, or --log-ring is too small for so many requests."
                }
                _ => {
                    "No daemon took lines for longer than --spread-buffer has room, and the \
                     oldest were given up."
                }
            };
            let lost = Fact::new("Lost", count(lines) + " lines");
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
