//! The flags about how files are encoded on their way.

use crate::config::Encodings;

/// The flags as they were typed.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Encodings")]
pub(super) struct EncodingArgs {
    /// Compress text that has no .gz file beside it, for clients that want gzip, and keep the result
    /// in the cache
    #[arg(long)]
    gzip: bool,
}

impl EncodingArgs {
    /// The settings that the flags come to.
    pub(super) const fn encodings(&self) -> Encodings {
        Encodings { gzip: self.gzip }
    }
}
