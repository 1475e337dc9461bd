//! The numbers of the web server and of its publisher, by name.

use std::num::NonZeroUsize;

use http::Status;
use http::metrics::{Family, Unit};
use spread_logger::{Acknowledged, Counters as LogCounters};

use crate::counters::Counters;

/// What the workers count.
pub(super) fn of_server(counters: &Counters, connections_max: NonZeroUsize) -> Vec<Family> {
    let totals = counters.totals();
    vec![
        Family::gauge("rthttpd_build_info", "Always 1; which program this is.")
            .sample([("version", env!("CARGO_PKG_VERSION").into())], true),
        requests(counters),
        Family::counter(
            "rthttpd_response_content_bytes_total",
            "Bytes of content sent, heads not counted.",
        )
        .in_unit(Unit::Bytes)
        .value(totals.content_bytes),
        Family::counter(
            "rthttpd_responses_cut_off_total",
            "Responses that did not go out whole: the client went, or took nothing for too long.",
        )
        .value(totals.cut_off),
        Family::gauge("rthttpd_connections", "Connections of clients, now.")
            .value(totals.connections.saturating_sub(totals.connections_ended)),
        Family::gauge(
            "rthttpd_connections_max",
            "How many there may be; more wait to be accepted.",
        )
        .value(connections_max.get()),
        Family::counter("rthttpd_connections_total", "Connections accepted.")
            .value(totals.connections),
        Family::counter(
            "rthttpd_connections_turned_away_total",
            "Connections turned away unheard, as their address had too many.",
        )
        .value(totals.turned_away),
        Family::counter(
            "rthttpd_proxy_headers_refused_total",
            "Connections closed because they did not begin with the PROXY header they had to.",
        )
        .value(totals.proxy_headers_refused),
        Family::gauge("rthttpd_cache_entries", "Files kept in memory.").value(totals.cache_entries),
        Family::gauge("rthttpd_cache_bytes", "Memory they take.")
            .in_unit(Unit::Bytes)
            .value(totals.cache_bytes),
        Family::counter("rthttpd_cache_hits_total", "Requests answered from memory.")
            .value(totals.cache_hits),
        Family::counter(
            "rthttpd_cache_misses_total",
            "Requests for which the document root was looked at.",
        )
        .value(totals.cache_misses),
    ]
}

/// Each status that is ever sent is there from the beginning: the first error of a kind is then
/// an increase, where a number that appears would be none.
fn requests(counters: &Counters) -> Family {
    let mut family = Family::counter(
        "rthttpd_requests_total",
        "Requests answered or broken off, by the status of the response.",
    );
    let mut counted = counters.by_status().peekable();
    let known = Status::ALL.iter().map(|status| status.code());
    for status in known {
        while let Some((other, number)) = counted.next_if(|(other, _)| *other < status) {
            family = family.sample([("status", other.to_string())], number);
        }
        let number = counted.next_if(|(other, _)| *other == status);
        let number = number.map_or(0, |(_, number)| number);
        family = family.sample([("status", status.to_string())], number);
    }
    for (status, number) in counted {
        family = family.sample([("status", status.to_string())], number);
    }
    family
}

/// What the publisher counts. lines = sent + waiting + lost, whenever it has nothing in hand.
pub(super) fn of_log(log: &LogCounters) -> Vec<Family> {
    let books = log.books();
    let mut families = vec![
        Family::counter(
            "rthttpd_log_lines_total",
            "Lines of the access log, whatever became of them; those of the last 20 ms may be \
             missing.",
        )
        .value(log.taken() + books.lost.queue_full),
        Family::counter(
            "rthttpd_log_lost_lines_total",
            "Lines that never went to a daemon.",
        )
        .sample([("cause", "queue_full".into())], books.lost.queue_full)
        .sample([("cause", "buffer_full".into())], books.lost.buffer_full),
        Family::counter(
            "rthttpd_log_cut_lines_total",
            "Lines shortened to the longest that is allowed.",
        )
        .value(books.cut),
        Family::gauge(
            "rthttpd_spread_waiting_lines",
            "Lines that wait for a Spread daemon to take them.",
        )
        .value(books.waiting),
        Family::counter(
            "rthttpd_spread_lines_total",
            "Lines that a Spread daemon has taken.",
        )
        .value(books.sent.lines),
        Family::counter(
            "rthttpd_spread_messages_total",
            "Messages that they went in.",
        )
        .value(books.sent.messages),
        Family::counter(
            "rthttpd_spread_message_bytes_total",
            "Bytes of these lines.",
        )
        .in_unit(Unit::Bytes)
        .value(books.sent.bytes),
        Family::counter(
            "rthttpd_spread_connections_total",
            "Connections made to Spread daemons.",
        )
        .value(books.connections),
    ];
    families.extend(of_hosts(&books.acknowledged));
    families.extend(of_rings(log));
    families.push(connected(log));
    if let Some(since) = log.connected_since() {
        families.push(
            Family::gauge(
                "rthttpd_spread_connected_time_seconds",
                "When the connection of now was made, in seconds since 1970.",
            )
            .in_unit(Unit::Time)
            .value(since),
        );
    }
    families
}

/// What logging hosts have said of what was sent.
fn of_hosts(acknowledged: &Acknowledged) -> [Family; 5] {
    [
        Family::gauge(
            "rthttpd_spread_logging_hosts",
            "Logging hosts that acknowledge, and are waited for.",
        )
        .value(acknowledged.hosts),
        Family::counter(
            "rthttpd_spread_acknowledged_lines_total",
            "Lines that all of them have safe.",
        )
        .value(acknowledged.lines),
        Family::counter(
            "rthttpd_spread_repaired_messages_total",
            "Messages sent again to a logging host that asked.",
        )
        .value(acknowledged.repaired),
        Family::gauge(
            "rthttpd_spread_retained_bytes",
            "Messages that are kept: they wait, or are not acknowledged.",
        )
        .in_unit(Unit::Bytes)
        .value(acknowledged.retained_bytes),
        Family::gauge(
            "rthttpd_spread_unacknowledged",
            "1 while lines go out and nobody has acknowledged any for half a minute.",
        )
        .value(acknowledged.is_missing),
    ]
}

/// How close the workers come to what the rings hold.
fn of_rings(log: &LogCounters) -> [Family; 3] {
    let rings = log.rings();
    [
        Family::gauge(
            "rthttpd_log_ring_bytes",
            "Bytes that waited in the rings of all workers when they were last emptied.",
        )
        .in_unit(Unit::Bytes)
        .value(rings.bytes),
        Family::gauge(
            "rthttpd_log_ring_peak_bytes",
            "The most that has waited in one ring.",
        )
        .in_unit(Unit::Bytes)
        .value(rings.bytes_peak),
        Family::gauge("rthttpd_log_ring_max_bytes", "What one ring holds.")
            .in_unit(Unit::Bytes)
            .value(rings.bytes_max),
    ]
}

/// A number for each daemon, each once however often it was named.
fn connected(log: &LogCounters) -> Family {
    let mut family = Family::gauge(
        "rthttpd_spread_connected",
        "Whether lines go to this Spread daemon now: 1, or 0.",
    );
    let connected_to = log.connected_to();
    let mut told = Vec::new();
    for address in log.addresses().iter() {
        let daemon = address.to_string();
        if !told.contains(&daemon) {
            family = family.sample([("daemon", daemon.clone())], connected_to == Some(address));
            told.push(daemon);
        }
    }
    family
}

#[cfg(test)]
mod tests {
    use http::metrics::{samples, sum};

    use super::*;

    #[test]
    fn every_status_is_there_from_the_beginning_in_order() {
        let counters = Counters::new(2);
        for (worker, status) in [(0, 200), (1, 200), (0, 199), (1, 404), (1, 599)] {
            counters.of(worker).unwrap().count_exchange(status);
        }

        let families = [requests(&counters)];

        let samples = samples(&families, "rthttpd_requests_total");
        let statuses: Vec<_> = samples
            .iter()
            .map(|sample| sample.label("status"))
            .collect();
        assert!(statuses.is_sorted(), "{statuses:?}");
        assert_eq!(statuses.len(), Status::ALL.len() + 2);
        assert_eq!(sum(&families, "rthttpd_requests_total"), 5);
    }
}
