//! Log lines to Spread.
