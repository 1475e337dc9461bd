//! The Unix socket of the hub: taken over only from the dead, removed at the end.
//!
//! Clients expect it at `/tmp/PORT`, a name that anybody on the machine may have taken. So
//! nothing is replaced but a socket of our own user that nobody listens on.

use std::fs;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixStream};

/// As the original makes it: as open as its port on localhost is.
const MODE: u32 = 0o666;

/// A listening Unix socket, whose file goes when this is dropped.
#[derive(Debug)]
pub(super) struct SocketFile {
    pub(super) listener: UnixListener,
    path: PathBuf,
    /// Device and inode, so that a file that replaced ours is left alone.
    identity: (u64, u64),
}

impl SocketFile {
    /// Listens on `path`.
    pub(super) async fn listen(path: PathBuf) -> Result<Self, SocketFileError> {
        make_way(&path).await?;
        let listener = UnixListener::bind(&path)?;
        fs::set_permissions(&path, fs::Permissions::from_mode(MODE))?;
        let metadata = fs::symlink_metadata(&path)?;
        Ok(Self {
            listener,
            path,
            identity: (metadata.dev(), metadata.ino()),
        })
    }

    /// Where it listens.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let ours = fs::symlink_metadata(&self.path)
            .is_ok_and(|metadata| (metadata.dev(), metadata.ino()) == self.identity);
        if ours && let Err(error) = fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), %error, "cannot remove the socket");
        }
    }
}

/// Why there is no Unix socket.
#[derive(Debug, thiserror::Error)]
pub(super) enum SocketFileError {
    #[error("a file that is no socket is there; remove it")]
    NoSocket,
    #[error("a socket of user {0} is there")]
    OtherUser(u32),
    #[error("another process listens there")]
    InUse,
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Removes a socket of ours that nobody listens on any more.
async fn make_way(path: &Path) -> Result<(), SocketFileError> {
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if !metadata.file_type().is_socket() {
        return Err(SocketFileError::NoSocket);
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(SocketFileError::OtherUser(metadata.uid()));
    }
    match UnixStream::connect(path).await {
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            Ok(fs::remove_file(path)?)
        }
        _ => Err(SocketFileError::InUse),
    }
}
