//! Sockets in the file system: taken over only from the dead, removed at the end.
//!
//! A server that was killed leaves its socket's file behind, and nobody can listen on
//! that path until it is gone. A connection tells the dead from the living: nobody
//! listening refuses it. Two servers starting at once take turns at the directory's
//! lock, so that neither removes what the other has just made.

use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Once;

use rustix::fs::{FlockOperation, flock};
use socket2::{Domain, SockAddr, Socket, Type};

use super::error::ListenError;
use super::{BACKLOG, owner};

/// The file of a socket that we listen on.
#[derive(Debug)]
pub(crate) struct SocketFile {
    path: PathBuf,
    /// Device and inode, so that a file that has replaced ours is left alone.
    identity: (u64, u64),
    removal: Once,
}

impl SocketFile {
    /// Lets nobody in by it any more; to be called while it is still listened on, because
    /// another server takes over the path as soon as nobody does.
    ///
    /// All workers do this at the stop; the first one removes it while the others wait, so that
    /// none of them can look before and remove after another server has taken the path.
    pub(crate) fn remove(&self) {
        self.removal.call_once(|| {
            let is_ours =
                fs::symlink_metadata(&self.path).is_ok_and(|now| identity(&now) == self.identity);
            if is_ours && let Err(error) = fs::remove_file(&self.path) {
                tracing::warn!("cannot remove the socket {}: {error}", self.path.display());
            }
        });
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        self.remove();
    }
}

/// Listens on `path`.
pub(super) fn listen(
    path: &Path,
    mode: Option<u32>,
) -> Result<(UnixListener, SocketFile), ListenError> {
    let failed = |source| ListenError::Path {
        path: path.to_owned(),
        source,
    };
    let address = SockAddr::unix(path).map_err(|_| ListenError::PathTooLong {
        path: path.to_owned(),
    })?;
    // A directory that cannot be locked is gone on without.
    let _lock = lock(path.parent());
    make_way(path, &address)?;
    let socket = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(failed)?;
    socket.set_nonblocking(true).map_err(failed)?;
    socket.bind(&address).map_err(failed)?;
    let metadata = fs::symlink_metadata(path).map_err(failed)?;
    let file = SocketFile {
        path: path.to_owned(),
        identity: identity(&metadata),
        removal: Once::new(),
    };
    if let Some(mode) = mode {
        // Nobody can have connected before: it does not listen yet.
        fs::set_permissions(path, Permissions::from_mode(mode)).map_err(failed)?;
    }
    socket.listen(BACKLOG).map_err(failed)?;
    Ok((socket.into(), file))
}

/// Removes a socket that nobody listens on any more.
fn make_way(path: &Path, address: &SockAddr) -> Result<(), ListenError> {
    let failed = |source| ListenError::Path {
        path: path.to_owned(),
        source,
    };
    let taken = |owner| ListenError::PathTaken {
        path: path.to_owned(),
        owner,
    };
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(failed(error)),
    };
    if !metadata.file_type().is_socket() {
        return Err(ListenError::NoSocket {
            path: path.to_owned(),
        });
    }
    let caller = Socket::new(Domain::UNIX, Type::STREAM, None).map_err(failed)?;
    // One who listens and does not accept must not keep us.
    caller.set_nonblocking(true).map_err(failed)?;
    match caller.connect(address) {
        Ok(()) => Err(taken(owner::of_peer(&caller))),
        Err(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => fs::remove_file(path).map_err(failed),
            io::ErrorKind::WouldBlock => Err(taken(None)),
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(failed(error)),
        },
    }
}

fn lock(directory: Option<&Path>) -> io::Result<File> {
    let directory = directory.filter(|path| !path.as_os_str().is_empty());
    let directory = File::open(directory.unwrap_or(Path::new(".")))?;
    flock(&directory, FlockOperation::LockExclusive)?;
    Ok(directory)
}

fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use tempfile::TempDir;

    use super::*;

    #[test]
    fn the_socket_has_its_mode_and_goes_at_the_end() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("socket");

        let (listener, file) = listen(&path, Some(0o640)).unwrap();

        let mode = fs::metadata(&path).unwrap().mode();
        assert_eq!(mode & 0o777, 0o640);
        UnixStream::connect(&path).unwrap();
        drop((listener, file));
        assert!(!path.exists());
    }

    #[test]
    fn what_a_dead_process_left_is_taken_over() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("socket");
        drop(UnixListener::bind(&path).unwrap());
        assert!(path.exists());

        let _listening = listen(&path, None).unwrap();

        UnixStream::connect(&path).unwrap();
    }

    #[test]
    fn a_living_one_is_refused_with_its_owner() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("socket");
        let _living = listen(&path, None).unwrap();

        let error = listen(&path, None).unwrap_err();

        assert!(matches!(error, ListenError::PathTaken { .. }), "{error:?}");
        let said = error.to_string();
        assert!(
            said.contains(&format!("(pid {})", std::process::id())),
            "{said}"
        );
        assert!(path.exists());
    }

    #[test]
    fn what_has_replaced_the_socket_is_left_alone() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("socket");
        let (_listener, file) = listen(&path, None).unwrap();
        fs::remove_file(&path).unwrap();
        fs::write(&path, "another's").unwrap();

        drop(file);

        assert!(path.exists());
        let error = listen(&path, None).unwrap_err();
        assert!(matches!(error, ListenError::NoSocket { .. }), "{error:?}");
    }

    /// As a file put back at the same inode would be another server's.
    #[test]
    fn the_socket_is_removed_once_however_many_workers_stop() {
        let dir = TempDir::new().unwrap();
        let path = dir.path().join("socket");
        let (_listener, file) = listen(&path, None).unwrap();
        let kept = dir.path().join("kept");
        fs::hard_link(&path, &kept).unwrap();

        file.remove();
        fs::rename(&kept, &path).unwrap();
        file.remove();

        assert!(path.exists());
    }

    #[test]
    fn a_path_that_cannot_be_is_said_with_its_reason() {
        let dir = TempDir::new().unwrap();
        let long = dir.path().join("x".repeat(108));
        let nowhere = dir.path().join("no/socket");

        let long = listen(&long, None).unwrap_err();
        let nowhere = listen(&nowhere, None).unwrap_err();

        assert!(long.is_usage() && long.to_string().contains("107 bytes"));
        assert!(nowhere.to_string().contains("directory must exist"));
    }
}
