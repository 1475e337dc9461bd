//! How many of something there shall be; sizes and times are written as in all our programs.

use std::num::NonZeroUsize;
use std::str::FromStr;

pub(super) use spread_logger::quantity::{QuantityError, Size, Time};

/// Why a number cannot be read.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub(super) enum CountError {
    /// It is no number, or none that means something here.
    #[error("write a whole number from 1")]
    Count,
    /// It is more than there can be.
    #[error("write a whole number from 1 to {max}")]
    CountTo {
        /// The most.
        max: usize,
    },
}

/// Reads how many of something there shall be.
pub(super) fn count<T: FromStr>(text: &str) -> Result<T, CountError> {
    text.parse().map_err(|_| CountError::Count)
}

/// More threads than any machine has processors for. Tens of thousands would take the system's
/// threads and descriptors, and minutes, before the first request.
const WORKERS_MAX: usize = 1024;

/// Reads how many workers there shall be.
pub(super) fn workers(text: &str) -> Result<NonZeroUsize, CountError> {
    let refused = CountError::CountTo { max: WORKERS_MAX };
    let workers: NonZeroUsize = text.parse().map_err(|_| refused)?;
    if workers.get() > WORKERS_MAX {
        return Err(refused);
    }
    Ok(workers)
}
