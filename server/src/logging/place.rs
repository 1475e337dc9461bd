//! Where log files may be: not where they would be served.

use std::io;
use std::path::{Path, PathBuf};

/// Why a place is none for a log.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// The lines would be served.
    #[error("it is inside the document root {}, where anybody could read it", root.display())]
    InsideRoot {
        /// What is served.
        root: PathBuf,
    },
    /// It cannot be looked at.
    #[error("cannot look at it")]
    Unknown(#[source] io::Error),
}

/// Whether `path`, a file or a directory, is outside of `root`, however it is written.
pub(crate) fn check_outside(path: &Path, root: &Path) -> Result<(), PlaceError> {
    let real_root = root.canonicalize().map_err(PlaceError::Unknown)?;
    let real = resolve(path).map_err(PlaceError::Unknown)?;
    if real.starts_with(&real_root) {
        let root = root.to_owned();
        return Err(PlaceError::InsideRoot { root });
    }
    Ok(())
}

/// What `path` comes to with all links resolved, also if its end does not exist yet.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    match path.canonicalize() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let name = path.file_name().ok_or(error)?;
            let parent = match path.parent() {
                Some(parent) if parent != Path::new("") => parent,
                _ => Path::new("."),
            };
            // A link whose end is not there yet: what is written makes it.
            if let Ok(end) = path.read_link() {
                return resolve(&parent.join(end));
            }
            Ok(resolve(parent)?.join(name))
        }
        outcome => outcome,
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn a_place_inside_the_root_is_refused_however_it_is_written() {
        let place = TempDir::new().unwrap();
        let root = place.path().join("root");
        std::fs::create_dir_all(root.join("sub")).unwrap();
        symlink(&root, place.path().join("link")).unwrap();
        symlink("root/new", place.path().join("dangling")).unwrap();

        for inside in [
            "root",
            "root/logs",
            "root/sub/deep/logs",
            "link/logs",
            "link/sub/../logs",
            "dangling",
        ] {
            let outcome = check_outside(&place.path().join(inside), &root);
            assert!(
                matches!(outcome, Err(PlaceError::InsideRoot { .. })),
                "{inside}: {outcome:?}"
            );
        }
        let outcome = check_outside(&root.join("logs"), &place.path().join("link"));
        assert!(matches!(outcome, Err(PlaceError::InsideRoot { .. })));
        assert!(check_outside(&place.path().join("rooted/log"), &root).is_ok());
    }
}
