//! What a format asks of the server: facts that cost something to gather.

/// The facts beyond those of a [`Record`](crate::Record) that a format writes. What no format asks
/// for is not gathered.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub struct Needs {
    /// Any of the [`Details`](crate::Details); without it none of the others is asked for.
    pub details: bool,
    /// [`Details::micros`](crate::Details::micros) and [`duration`](crate::Details::duration):
    /// exact clocks, when a request arrives and when it is logged.
    pub exact_time: bool,
    /// [`Details::peer`](crate::Details::peer) and [`local`](crate::Details::local): the
    /// connection's two ends.
    pub addresses: bool,
    /// [`Details::file`](crate::Details::file).
    pub file: bool,
    /// [`Details::host`](crate::Details::host) and
    /// [`named_host`](crate::Details::named_host).
    pub host: bool,
}

impl Needs {
    /// A record will do.
    pub const NOTHING: Self = Self {
        details: false,
        exact_time: false,
        addresses: false,
        file: false,
        host: false,
    };

    /// What either asks for: of one exchange several lines may be written.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            details: self.details || other.details,
            exact_time: self.exact_time || other.exact_time,
            addresses: self.addresses || other.addresses,
            file: self.file || other.file,
            host: self.host || other.host,
        }
    }
}
