//! The status listener of the program, on a thread of its own: those who receive and those who
//! write never wait for whoever looks.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::metrics::{Family, JSON, Page};
use http::serve::{BindError, Body, Listener, Place, Process, Rate, Routes, Serving};
use spread::hub::HubReader;
use spread_logger::diagnostics::Outlet;
use spreadlogd::online::OnlineHandle;
use spreadlogd::{Report, Spreadlogd};

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
    pub(crate) shown: Shown,
}

/// The configuration at work, which gives way to another while the listener stays.
#[derive(Clone, Debug)]
pub(crate) struct Shown {
    now: Arc<Mutex<Now>>,
    hub: Option<HubReader>,
}

#[derive(Debug)]
struct Now {
    report: Report,
    /// Who is online, if that is kept: it is at `/online` then.
    online: Option<OnlineHandle>,
}

impl Shown {
    /// Tells of this one, and of the hub in the same process if there is one.
    pub(crate) fn new(spreadlogd: &Spreadlogd, hub: Option<HubReader>) -> Self {
        let now = Now::of(spreadlogd, hub.clone());
        Self {
            now: Arc::new(Mutex::new(now)),
            hub,
        }
    }

    /// Tells of another from now on.
    pub(crate) fn change(&self, spreadlogd: &Spreadlogd) {
        *self.now() = Now::of(spreadlogd, self.hub.clone());
    }

    fn report(&self) -> Report {
        self.now().report.clone()
    }

    fn online(&self) -> Option<OnlineHandle> {
        self.now().online.clone()
    }

    fn now(&self) -> MutexGuard<'_, Now> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Now {
    fn of(spreadlogd: &Spreadlogd, hub: Option<HubReader>) -> Self {
        Self {
            report: Report::new(spreadlogd, hub),
            online: spreadlogd.online().map(|online| online.handle()),
        }
    }
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
        let online = sources.shown.clone();
        routes = routes.asked_at("/online", move |query| {
            online.online().map(|online| Body {
                media_type: JSON,
                bytes: online.json(query),
            })
        });
        let watch = async move { watching.watch(|| watched.shown.report().lines()).await };
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
        families.extend(self.shown.report().families());
        families.extend(self.process.families());
        families
    }

    fn page(&self, families: &[Family], rate: Option<f64>) -> Vec<u8> {
        let mut sections = self.shown.report().sections(families, rate);
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
