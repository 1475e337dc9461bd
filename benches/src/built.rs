//! What is measured, built just now, so that no figure is of last week's program.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// The programs cannot be built.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the messages say it")]
pub enum BuildError {
    #[error("cannot start cargo")]
    Start(#[from] io::Error),
    #[error("cannot build {packages} (cargo ended with {status})")]
    Failed {
        packages: String,
        status: ExitStatus,
    },
}

/// Builds all programs of these packages.
///
/// # Errors
/// When cargo cannot.
pub fn build(packages: &[&str]) -> Result<(), BuildError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .args(["build", "--release", "--locked", "--bins"])
        .args(packages.iter().flat_map(|package| ["-p", package]))
        .status()?;
    if status.success() {
        return Ok(());
    }
    let packages = packages.join(", ");
    Err(BuildError::Failed { packages, status })
}

/// Where they are. This program lies in `target/PROFILE/`; the programs measured are always in `target/release/`.
///
/// # Errors
/// When the system does not tell where this program is.
pub fn programs() -> io::Result<PathBuf> {
    let this = std::env::current_exe()?;
    let target = this.ancestors().nth(2).unwrap_or(Path::new("target"));
    Ok(target.join("release"))
}
