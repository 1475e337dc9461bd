//! The module in metrics: how many are here, and what was counted. No number has a label, so there
//! are as many of them whatever is visited.

use http::metrics::Family;

use super::OnlineHandle;

impl OnlineHandle {
    /// Everything that is counted, now.
    pub(crate) fn families(&self) -> Vec<Family> {
        let (visitors, pages, counts) = {
            let window = self.shared.window_now();
            let counts = self.shared.counts(&window);
            (window.visitors(), window.pages(), counts)
        };
        vec![
            Family::gauge(
                "spreadlogd_online_visitors",
                "Visitors of the last 30 minutes.",
            )
            .value(visitors),
            Family::gauge(
                "spreadlogd_online_pages",
                "Pages that are the last one of a visitor.",
            )
            .value(pages),
            Family::counter(
                "spreadlogd_online_hits_total",
                "Lines of access logs that were counted as hits.",
            )
            .value(counts.lines),
            Family::counter(
                "spreadlogd_online_passed_over_lines_total",
                "Lines that are no hit: they have fewer than eight fields.",
            )
            .value(counts.passed_over_lines),
            Family::counter(
                "spreadlogd_online_dropped_lines_total",
                "Lines that came faster than they were counted, and found no room.",
            )
            .value(counts.dropped_lines),
            Family::counter(
                "spreadlogd_online_crowded_out_visitors_total",
                "Visitors that had to make room for others within the 30 minutes.",
            )
            .value(counts.crowded_out_visitors),
            Family::counter(
                "spreadlogd_online_requests_total",
                "Requests that were answered, of the original's protocol and as JSON.",
            )
            .value(counts.requests),
        ]
    }
}
