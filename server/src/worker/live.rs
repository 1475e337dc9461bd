//! What a worker goes by and what may change while it serves: a new configuration at a HUP.
//!
//! Each worker takes it up between two turns of its connections, so that nothing on the way of a
//! request is shared or locked for its sake, and no response is made half by the one and half by
//! the other.

use std::cell::Ref;
use std::rc::Rc;
use std::sync::Arc;

use tokio::sync::watch;

use super::Worker;
use crate::clients::Clients;
use crate::config::{Config, Timeouts};
use crate::rules::Rules;

/// What may change. A cheap clone.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    rules: Arc<Rules>,
    /// `None` when nothing is asked of clients.
    clients: Option<Arc<Clients>>,
    timeouts: Timeouts,
}

impl Live {
    /// As `config` has it; limits for each address begin anew.
    pub(crate) fn new(config: &Config) -> Self {
        let connections_max = config.limits.connections_max.get();
        Self {
            rules: Arc::new(config.rules.clone()),
            clients: Clients::new(&config.clients, connections_max).map(Arc::new),
            timeouts: config.timeouts,
        }
    }
}

impl Worker {
    /// Takes up what `live` becomes, whenever it changes.
    pub(super) async fn take_up_changes(self: Rc<Self>, mut live: watch::Receiver<Live>) {
        while live.changed().await.is_ok() {
            let live = live.borrow_and_update().clone();
            self.take_up(live);
        }
    }

    /// Goes by `live` from now on.
    fn take_up(&self, live: Live) {
        *self.live.borrow_mut() = live;
        // Its heads have the fields that rules gave them.
        self.state.borrow_mut().cache.clear();
    }

    pub(crate) fn rules(&self) -> Ref<'_, Rules> {
        Ref::map(self.live.borrow(), |live| &*live.rules)
    }

    /// `None` when nothing is asked of clients.
    pub(crate) fn clients(&self) -> Option<Ref<'_, Clients>> {
        Ref::filter_map(self.live.borrow(), |live| live.clients.as_deref()).ok()
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        self.live.borrow().timeouts
    }
}
