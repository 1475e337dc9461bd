//! What the program says about itself while it runs: to people, to Prometheus, to scripts.
//!
//! One listener on a thread of its own, apart from those that serve (`http::serve`). Whoever
//! asks has the counters of all parts read and summed; nobody who is counted notices.
//!
//! `families` and `logs` name the numbers, `throttles` those of throttling rules; `facts` says what
//! of them an operator asks for first. The names, with what each means, are in docs/metrics.md.

mod facts;
mod families;
mod logs;
mod throttles;

use std::io;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;

use http::metrics::{Family, Page, Section};
use http::serve::{BindError, Listener, Process, Rate, Routes, Serving};
use spread_logger::diagnostics::Outlet;
use tokio::time::MissedTickBehavior;

use crate::cli::StatusSettings;
use crate::clock;
use crate::config::Config;
use crate::counters::Counters;
use crate::embedded::Report;
use crate::logging::{Logging, Output};
use crate::throttle::Throttles;

/// A status listener that has its socket and waits to be started.
#[derive(Debug)]
pub(crate) struct Waiting {
    listener: Option<Listener>,
    process: Process,
    diagnostics: Outlet,
}

/// Everything that is asked when somebody asks.
#[derive(Clone, Debug)]
struct Sources {
    process: Process,
    diagnostics: Outlet,
    server: Counters,
    connections_max: NonZeroUsize,
    throttles: Option<Throttles>,
    logs: Option<Arc<[Output]>>,
    report: Option<Report>,
    rate: Rate,
}

impl Waiting {
    /// Listens, unless that is not wanted. A place that nobody asked for is done without.
    ///
    /// # Errors
    ///
    /// When the place asked for cannot be listened at.
    pub(crate) fn bind(
        settings: &StatusSettings,
        process: Process,
        diagnostics: Outlet,
    ) -> Result<Self, BindError> {
        let listener = match Listener::bind(&settings.place) {
            Err(error) if settings.is_default => {
                tracing::warn!(
                    "no status page: {} is taken ({}); choose another place with --status, \
                     or none",
                    error.place,
                    error.source
                );
                None
            }
            outcome => outcome?,
        };
        Ok(Self {
            listener,
            process,
            diagnostics,
        })
    }

    /// Where it listens.
    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.listener.as_ref().map(Listener::address)
    }

    /// Answers for the server that counts in `counters` and logs to `log`, until what is returned
    /// is dropped.
    ///
    /// # Errors
    ///
    /// When the system refuses a thread or what a runtime is made of.
    pub(crate) fn start(
        self,
        server: Counters,
        config: &Config,
        log: Option<&Logging>,
    ) -> io::Result<Option<Serving>> {
        let Some(listener) = self.listener else {
            return Ok(None);
        };
        let sources = Sources {
            process: self.process,
            diagnostics: self.diagnostics,
            server,
            connections_max: config.limits.connections_max,
            throttles: config.throttles.clone(),
            logs: log.map(|log| Arc::clone(log.outputs())),
            report: log.and_then(Logging::report).cloned(),
            rate: Rate::default(),
        };
        let [asked, shown, watched] = [(); 3].map(|()| sources.clone());
        let routes = Routes::of_status(
            move || asked.families(),
            move |families| shown.page(families),
        );
        let watch = async move {
            let exchanges = || watched.server.totals().exchanges;
            let (never, _) = tokio::join!(watched.rate.watch(exchanges), watched.look());
            never
        };
        listener.start(routes, watch).map(Some)
    }
}

impl Sources {
    /// The one list of all numbers.
    fn families(&self) -> Vec<Family> {
        let mut families = families::of_server(&self.server, self.connections_max);
        families.push(
            Family::counter(
                "rthttpd_diagnostics_lost_total",
                "Messages for the operator that found no room, as nobody was reading \
                 standard error.",
            )
            .value(self.diagnostics.found_no_room()),
        );
        families.extend(families::of_programs(&self.server));
        if let Some(throttles) = &self.throttles {
            families.extend(throttles::families(&throttles.readings()));
        }
        if let Some(outputs) = &self.logs {
            families.extend(logs::of_logs(outputs));
        }
        if let Some(report) = &self.report {
            families.extend(report.families());
        }
        families.extend(self.process.families());
        families
    }

    /// Looks at the throttling rules for as long as it is polled.
    async fn look(&self) {
        let mut tick = tokio::time::interval(Throttles::LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while let Some(throttles) = &self.throttles {
            tick.tick().await;
            throttles.look(clock::nanos());
        }
    }

    fn page(&self, families: &[Family]) -> Vec<u8> {
        let rate = self.rate.per_second();
        let mut sections: Vec<Section> = vec![
            facts::of_requests(families, rate),
            facts::of_answers(families),
            facts::of_log(families, self.logs.as_deref(), self.process.now()),
        ];
        if let Some(throttles) = &self.throttles {
            sections.push(throttles::section(&throttles.readings()));
        }
        if let Some(report) = &self.report {
            sections.extend(report.sections(families, None));
        }
        sections.push(self.process.section(families));
        let page = Page {
            program: "rthttpd",
            version: env!("CARGO_PKG_VERSION"),
            subtitle: self.process.subtitle("Serving"),
            sections: &sections,
            families,
        };
        page.html()
    }
}
