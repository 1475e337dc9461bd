//! What a program counts, as families of metrics, and the three forms they are shown in.
//!
//! A program makes one list of [`Family`] whenever somebody asks, and nothing else says a number:
//!
//! | form | for | where |
//! |---|---|---|
//! | Prometheus text | monitoring | [`prometheus`] |
//! | JSON | scripts | [`json`] |
//! | a page of HTML | people | [`Page`] |
//!
//! Nothing here counts, reads a clock or knows what is counted. Names follow the conventions of
//! Prometheus: base units, `_total` for what only grows.

mod human;
mod json;
mod page;
mod prometheus;

#[cfg(test)]
mod tests;

pub use human::{bytes, count, duration};
pub use json::{JSON, json};
pub use page::{Fact, HTML, Page, Section, Tone};
pub use prometheus::{PROMETHEUS, prometheus};

/// Numbers of one name and one meaning, told apart by their labels.
#[derive(Clone, Debug, PartialEq)]
pub struct Family {
    name: &'static str,
    help: &'static str,
    kind: Kind,
    unit: Unit,
    samples: Vec<Sample>,
}

/// What may become of a number.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// It only grows, until the program starts again.
    Counter,
    /// It goes up and down.
    Gauge,
}

/// What a number counts, for those who read it as text.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Unit {
    /// Things.
    None,
    /// Bytes.
    Bytes,
    /// Seconds of some duration.
    Seconds,
    /// A moment, in seconds since 1970.
    Time,
}

/// One number of a family.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// What it is the number of: names and values, in the order they are shown.
    pub labels: Vec<(&'static str, String)>,
    /// The number.
    pub value: Value,
}

/// A number, exact if it can be.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value {
    /// A whole one.
    Whole(u64),
    /// Any other; finite.
    Real(f64),
}

impl Family {
    /// A family of numbers that only grow; the name ends in `_total`.
    #[must_use]
    pub const fn counter(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, Kind::Counter)
    }

    /// A family of numbers that go up and down.
    #[must_use]
    pub const fn gauge(name: &'static str, help: &'static str) -> Self {
        Self::new(name, help, Kind::Gauge)
    }

    const fn new(name: &'static str, help: &'static str, kind: Kind) -> Self {
        Self {
            name,
            help,
            kind,
            unit: Unit::None,
            samples: Vec::new(),
        }
    }

    /// The same in another unit than things.
    #[must_use]
    pub const fn in_unit(mut self, unit: Unit) -> Self {
        self.unit = unit;
        self
    }

    /// Adds the only number of a family without labels.
    #[must_use]
    pub fn value(self, value: impl Into<Value>) -> Self {
        self.sample(Vec::new(), value)
    }

    /// Adds the number of these labels, which no other number of the family has.
    #[must_use]
    pub fn sample(
        mut self,
        labels: impl Into<Vec<(&'static str, String)>>,
        value: impl Into<Value>,
    ) -> Self {
        self.samples.push(Sample {
            labels: labels.into(),
            value: value.into(),
        });
        self
    }
}

/// The sum of all numbers of the family of this name; 0 without one.
#[must_use]
pub fn sum(families: &[Family], name: &str) -> u64 {
    let whole = |sample: &Sample| match sample.value {
        Value::Whole(value) => value,
        Value::Real(_) => 0,
    };
    samples(families, name).iter().map(whole).sum()
}

/// The numbers of the family of this name; none without one.
#[must_use]
pub fn samples<'f>(families: &'f [Family], name: &str) -> &'f [Sample] {
    let family = families.iter().find(|family| family.name == name);
    family.map_or(&[], |family| &family.samples)
}

impl Sample {
    /// The value of a label; empty without one.
    #[must_use]
    pub fn label(&self, name: &str) -> &str {
        let label = self.labels.iter().find(|(label, _)| *label == name);
        label.map_or("", |(_, value)| value)
    }
}

impl From<u64> for Value {
    fn from(value: u64) -> Self {
        Self::Whole(value)
    }
}

impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::Whole(value as u64)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Whole(value.into())
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Real(value)
    }
}

impl std::fmt::Display for Value {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Whole(value) => write!(f, "{value}"),
            Self::Real(value) => write!(f, "{value}"),
        }
    }
}
