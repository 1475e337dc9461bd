//! `embedded.rs` in a program that is built without it: there is no hub to start.

use std::path::Path;

use http::metrics::{Family, Section};
use spread::{Address, GroupName};
use spread_logger::diagnostics::Outlet;

use crate::cli::EmbeddedOptions;

/// What would tell how it is.
#[derive(Clone, Debug)]
pub(crate) enum Report {}

impl Report {
    pub(crate) const fn families(&self) -> Vec<Family> {
        match *self {}
    }

    pub(crate) const fn sections(&self, _families: &[Family], _rate: Option<f64>) -> Vec<Section> {
        match *self {}
    }
}

/// What a light program does not have.
#[derive(Debug)]
pub(crate) enum Embedded {}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EmbeddedError {
    /// The feature is off.
    #[error(
        "this rthttpd is built without the embedded hub; \
         start one with spreadlogd --hub {port}, and log to it with --spread {port}@localhost"
    )]
    Light {
        /// Where the hub was to be.
        port: u16,
    },
}

impl EmbeddedError {
    pub(crate) const fn is_usage(&self) -> bool {
        match self {
            Self::Light { .. } => true,
        }
    }
}

impl Embedded {
    #[expect(clippy::unused_async, reason = "the other one waits")]
    pub(crate) async fn start(
        options: &EmbeddedOptions,
        _files: &[(GroupName, String)],
        _root: &Path,
        _shown_on: Option<Outlet>,
    ) -> Result<Self, EmbeddedError> {
        Err(EmbeddedError::Light { port: options.port })
    }

    pub(crate) const fn address(&self) -> &Address {
        match *self {}
    }

    pub(crate) const fn report(&self) -> &Report {
        match *self {}
    }

    pub(crate) const fn reopen(&self) {
        match *self {}
    }

    #[expect(clippy::unused_async, reason = "the other one waits")]
    pub(crate) async fn finish(self) -> Result<(), EmbeddedError> {
        match self {}
    }
}
