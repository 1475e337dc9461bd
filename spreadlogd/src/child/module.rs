//! Which program a `LoadModule` means.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// The executable of a module: `DIRECTORY/NAME`.
///
/// # Errors
/// When it is not there or not a program; above all when it is an original C module.
pub(crate) fn find_module(directory: &Path, name: &str) -> Result<PathBuf, ModuleError> {
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return Err(ModuleError::Name(name.to_owned()));
    }
    let path = directory.join(name);
    if name.ends_with(".so") && path.exists() {
        return Err(ModuleError::SharedObject(path));
    }
    match fs::metadata(&path) {
        Ok(metadata) if metadata.is_file() && metadata.permissions().mode() & 0o111 != 0 => {
            Ok(path)
        }
        Ok(_) => Err(ModuleError::NotExecutable(path)),
        Err(source) => {
            let object = directory.join(format!("{name}.so"));
            if object.exists() {
                return Err(ModuleError::SharedObject(object));
            }
            Err(ModuleError::Unreadable { path, source })
        }
    }
}

/// A `LoadModule` that cannot be followed; the operator's to mend.
#[derive(Debug, thiserror::Error)]
pub enum ModuleError {
    /// It is to name a file of `ModuleDir`.
    #[error("module name {0:?} is not that of a file in ModuleDir")]
    Name(String),
    /// A module of the original, which would run inside of spreadlogd.
    #[error(
        "{} is a shared object of the original spreadlogd, which is not loaded: a module is a \
         program of its own that reads messages on its standard input (docs/modules.md)",
        .0.display()
    )]
    SharedObject(PathBuf),
    /// A directory, or a file without its mode.
    #[error("module {} is not an executable file (chmod +x)", .0.display())]
    NotExecutable(PathBuf),
    /// There is none, most likely.
    #[error("cannot find module {}", path.display())]
    Unreadable {
        /// Where it was looked for.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_is_an_executable_file_and_never_a_shared_object() {
        let dir = tempfile::tempdir().unwrap();
        let make = |name: &str, mode: u32| {
            let path = dir.path().join(name);
            fs::write(&path, "").unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        };
        make("tail", 0o755);
        make("plain", 0o644);
        make("old.so", 0o755);
        make("both", 0o755);
        make("both.so", 0o755);
        fs::create_dir(dir.path().join("folder")).unwrap();
        let find = |name: &str| find_module(dir.path(), name);

        assert_eq!(find("tail").unwrap(), dir.path().join("tail"));
        assert_eq!(find("both").unwrap(), dir.path().join("both"));
        for name in ["old", "old.so"] {
            let refused = find(name).unwrap_err();
            assert!(matches!(&refused, ModuleError::SharedObject(path)
                if *path == dir.path().join("old.so")));
            assert!(refused.to_string().contains("docs/modules.md"));
        }
        for name in ["plain", "folder"] {
            assert!(matches!(find(name), Err(ModuleError::NotExecutable(_))));
        }
        assert!(matches!(
            find("absent"),
            Err(ModuleError::Unreadable { .. })
        ));
        for name in ["", ".", "..", "../tail", "/bin/sh"] {
            assert!(matches!(find(name), Err(ModuleError::Name(_))), "{name:?}");
        }
    }
}
