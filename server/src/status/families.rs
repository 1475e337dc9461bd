//! The numbers of the web server, by name.

use std::num::NonZeroUsize;

use http::Status;
use http::metrics::{Family, Unit};

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
        Family::counter(
            "rthttpd_passwords_total",
            "Passwords that came and were not known already, by what became of them.",
        )
        .sample([("result", "right".into())], totals.passwords_right)
        .sample([("result", "wrong".into())], totals.passwords_wrong)
        .sample([("result", "unseen".into())], totals.passwords_unseen),
    ]
}

/// The programs that answer requests.
pub(super) fn of_programs(counters: &Counters) -> Vec<Family> {
    let totals = counters.totals();
    vec![
        Family::gauge("rthttpd_programs", "Programs that run (--cgi), now.").value(
            totals
                .programs_started
                .saturating_sub(totals.programs_ended),
        ),
        Family::counter("rthttpd_programs_started_total", "Programs started.")
            .value(totals.programs_started),
        Family::counter(
            "rthttpd_programs_killed_total",
            "Programs stopped: they took too long, or nobody listened any more.",
        )
        .value(totals.programs_killed),
        Family::counter(
            "rthttpd_programs_failed_total",
            "Calls that gave no valid response: no room, not started, or broken output.",
        )
        .value(totals.programs_failed),
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
