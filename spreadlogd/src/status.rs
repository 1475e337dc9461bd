//! The status listener of the program, on a thread of its own: those who receive and those who
//! write never wait for whoever looks.

use std::net::SocketAddr;

use http::metrics::{Family, JSON, Page};
use http::serve::{BindError, Body, Listener, Place, Process, Rate, Routes, Serving};
use spread_logger::diagnostics::Outlet;
use spreadlogd::Report;
use spreadlogd::online::OnlineHandle;

/// A status listener that has its socket and waits to be started.
#[derive(Debug)]
pub(crate) struct Waiting {
    listener: Listener,
}

/// Everything that is asked when somebody asks.
#[derive(Clone, Debug)]
pub(crate) struct Sources {
    pub(crate) process: Process,
    pub(crate) diagnostics: Outlet,
    pub(crate) report: Report,
    /// Who is online, if that is kept: it is at `/online` then.
    pub(crate) online: Option<OnlineHandle>,
}

impl Waiting {
    /// Listens, unless that is not wanted.
    pub(crate) fn bind(place: &Place) -> Result<Option<Self>, BindError> {
        let listener = Listener::bind(place)?;
        Ok(listener.map(|listener| Self { listener }))
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// Answers from `sources` until what is returned is dropped.
    pub(crate) fn start(self, sources: &Sources) -> std::io::Result<Serving> {
        let [asked, shown, watched] = [(); 3].map(|()| sources.clone());
        let rate = Rate::default();
        let watching = rate.clone();
        let mut routes = Routes::of_status(
            move || asked.families(),
            move |families| shown.page(families, rate.per_second()),
        );
        if let Some(online) = sources.online.clone() {
            routes = routes.asked_at("/online", move |query| Body {
                media_type: JSON,
                bytes: online.json(query),
            });
        }
        let watch = async move { watching.watch(|| watched.report.lines()).await };
        self.listener.start(routes, watch)
    }
}

impl Sources {
    /// The one list of all numbers.
    fn families(&self) -> Vec<Family> {
        let build = Family::gauge("spreadlogd_build_info", "Always 1; which program this is.");
        let diagnostics = Family::counter(
            "spreadlogd_diagnostics_lost_total",
            "Messages for the operator that found no room, as nobody was reading standard error.",
        );
        let mut families = vec![
            build.sample([("version", env!("CARGO_PKG_VERSION").into())], true),
            diagnostics.value(self.diagnostics.found_no_room()),
        ];
        families.extend(self.report.families());
        families.extend(self.process.families());
        families
    }

    fn page(&self, families: &[Family], rate: Option<f64>) -> Vec<u8> {
        let mut sections = self.report.sections(families, rate);
        sections.push(self.process.section(families));
        let page = Page {
            program: "spreadlogd",
            version: env!("CARGO_PKG_VERSION"),
            subtitle: self.process.subtitle("Receiving"),
            sections: &sections,
            families,
        };
        page.html()
    }
}
