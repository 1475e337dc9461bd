//! The document root as a set of resources: what a path names, and its content.
//!
//! - `place` is a path in it
//! - `root` opens files beneath the root and nowhere else, with `walk` on old kernels
//! - `guards` finds the password file that guards a path
//! - `hosts` knows which hosts have a directory of their own in it
//! - `media_type` says what a file is by its name
//! - `file` is a file that was opened: its state, and its content if it is small
//! - `sides` knows the encodings of a file that lie beside it
//! - `gzip` makes one where there is none
//! - `users` knows where `/~user/` leads
//! - `program` says whether a path is one
//! - `listing` writes a directory as a page
//! - `directories` knows in which directories no name has changed
//! - `cache` keeps the content of small files in memory, `absent` what is not there
//! - `error` says why a path gives nothing
//!
//! Everything is synchronous and says by [`Patience`] whether it may wait for a
//! disk: the connection asks first with [`Patience::Cached`] on its own thread, and
//! only when the answer is [`LookupError::WouldBlock`] again on a thread that may
//! wait. Nothing here knows a request: methods, conditions and ranges are decided
//! in `connection/respond/`.

pub(crate) mod absent;
pub(crate) mod cache;
mod directories;
mod error;
mod file;
mod guards;
pub(crate) mod gzip;
mod handle;
mod hosts;
mod listing;
mod media_type;
mod options;
mod place;
mod program;
mod root;
mod sides;
mod users;
mod walk;

use std::borrow::Cow;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;

use http::listing::View;
use http::{Accepted, Coding, Pattern};
use rustix::fs::{FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use crate::passwords::Guard;

pub(crate) use self::directories::Directories;
pub(crate) use self::error::LookupError;
pub(crate) use self::file::{File, FileId, LargeFile, SmallFile, Stamp, read_at};
use self::guards::Guards;
pub(crate) use self::handle::Handle;
pub(crate) use self::hosts::HostList;
use self::hosts::Hosts;
pub(crate) use self::listing::ListingPage;
use self::listing::{Directory, Listings};
pub(crate) use self::media_type::MediaType;
pub use self::options::{
    HostOptions, IndexName, IndexNameError, Links, PasswordScope, Permissions, SiteOptions,
};
pub(crate) use self::place::Place;
pub(crate) use self::root::Patience;
use self::root::{READ, Root};
pub(crate) use self::sides::{Sides, ending};
pub use self::users::{UserDirs, UserDirsError};

/// The directory whose dot is an exception: RFC 8615 puts it into every root.
const WELL_KNOWN: &[u8] = b".well-known";

/// A document root.
#[derive(Debug)]
pub(crate) struct Site {
    root: Root,
    /// `None` if the document root is one site.
    hosts: Option<Hosts>,
    /// `None` if no passwords are asked for.
    guards: Option<Guards>,
    /// What a path without a name at its end stands for, the first that is there.
    index: Vec<IndexName>,
    /// The paths of programs, which are no files to be sent, if there are programs.
    programs: Option<Pattern>,
    permissions: Permissions,
    has_error_pages: bool,
    /// Where `/~user/` leads, if it leads anywhere.
    users: Option<UserDirs>,
    listings: Listings,
}

/// What a client wants of what it asks for, as far as there is a choice.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Wishes {
    /// Of a file.
    pub(crate) accepted: Accepted,
    /// Of a directory.
    pub(crate) view: View,
}

impl From<Accepted> for Wishes {
    fn from(accepted: Accepted) -> Self {
        Self {
            accepted,
            view: View::default(),
        }
    }
}

/// What a path names.
#[derive(Debug)]
pub(crate) enum Resource {
    /// A file, and how it can be encoded.
    File(Box<Loaded>),
    /// A directory without an index file, as a page.
    Listing(Arc<ListingPage>),
    /// A directory that was named without the slash at its end.
    SlashMissing,
    /// A directory whose index file is a program's.
    Program,
}

/// A file, and what lies beside it.
#[derive(Debug)]
pub(crate) struct Loaded {
    pub(crate) file: File,
    pub(crate) sides: Sides,
    /// What the client likes better than the file.
    pub(crate) encoded: Option<(Coding, File)>,
    /// What came of compressing the file, if that was tried.
    pub(crate) made: Option<gzip::Made>,
}

impl Site {
    /// Opens the document root.
    ///
    /// # Errors
    ///
    /// The kernel's, when the directory cannot be opened.
    pub(crate) fn open(path: &Path, options: &SiteOptions) -> Result<Self, Errno> {
        let root = Root::open(path, options.links, options.gates())?;
        let hosts = options.hosts.as_ref();
        Ok(Self {
            hosts: hosts.map(|hosts| Hosts::open(&root, hosts)).transpose()?,
            guards: Guards::new(&options.passwords),
            index: options.index.clone(),
            permissions: options.permissions,
            has_error_pages: options.error_pages,
            users: options.users.clone(),
            ..Self::at(root)
        })
    }

    /// The same, where paths that match `programs` are programs.
    pub(crate) fn with_programs(self, programs: Option<Pattern>) -> Self {
        Self { programs, ..self }
    }

    fn at(root: Root) -> Self {
        Self {
            root,
            hosts: None,
            guards: None,
            index: SiteOptions::default().index,
            programs: None,
            permissions: Permissions::default(),
            has_error_pages: false,
            users: None,
            listings: Listings::default(),
        }
    }

    /// The index file that is looked for first.
    pub(crate) fn first_index(&self) -> &[u8] {
        self.index.first().map_or(b"", IndexName::as_bytes)
    }

    /// Where `/~user/` leads.
    pub(crate) const fn users(&self) -> Option<&UserDirs> {
        self.users.as_ref()
    }

    /// Whether errors may have pages of their own.
    pub(crate) const fn has_error_pages(&self) -> bool {
        self.has_error_pages
    }

    /// The page at `path`, if there is one and it is small.
    pub(crate) fn error_page(
        &self,
        path: &[u8],
        patience: Patience,
    ) -> Result<Option<SmallFile>, LookupError> {
        let opened = match self.root.open_beneath(path, READ, patience) {
            Ok(opened) => opened,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
            Err(errno) => return Err(errno.into()),
        };
        let status = rustix::fs::fstat(&opened)?;
        match self.file(path, opened, &status, patience)? {
            File::Small(page) => Ok(Some(page)),
            File::Large(_) => Ok(None),
        }
    }

    /// Whether passwords are asked for anywhere.
    pub(crate) const fn has_guards(&self) -> bool {
        self.guards.is_some()
    }

    /// Reads the password file that guards everything, if there shall be one.
    pub(crate) fn read_passwords(&self) -> io::Result<()> {
        self.guards.as_ref().map_or(Ok(()), Guards::begin)
    }

    /// What guards `place`, if anything does.
    pub(crate) fn guard(
        &self,
        place: Place<'_>,
        patience: Patience,
    ) -> Result<Option<Arc<Guard>>, LookupError> {
        match &self.guards {
            Some(guards) => guards.find(&self.root, place, patience),
            None => Ok(None),
        }
    }

    /// Whether hosts have directories of their own.
    pub(crate) const fn has_hosts(&self) -> bool {
        self.hosts.is_some()
    }

    /// The hosts that were there when somebody last looked; `None` if the root is one site.
    pub(crate) fn hosts(&self) -> Option<Arc<HostList>> {
        self.hosts.as_ref().map(Hosts::last)
    }

    /// Whether `list` still is what is there, without waiting for anything.
    pub(crate) fn are_hosts(&self, list: &HostList, now: u64) -> bool {
        list.is_current(&self.root, now)
    }

    /// The hosts that are there now.
    pub(crate) fn read_hosts(&self) -> Result<Option<Arc<HostList>>, LookupError> {
        let hosts = self.hosts.as_ref();
        Ok(hosts.map(|hosts| hosts.read(&self.root)).transpose()?)
    }

    /// Whether the host that shall stand in for others is missing.
    pub(crate) fn lacks_default_host(&self) -> bool {
        let hosts = self.hosts.as_ref();
        hosts.is_some_and(|hosts| hosts.default_is_wanted() && !hosts.last().has_default())
    }

    /// Looks up `place`, and of a file the encoding, of a directory the listing that the client
    /// wishes for.
    pub(crate) fn load(
        &self,
        place: Place<'_>,
        wishes: &Wishes,
        patience: Patience,
    ) -> Result<Resource, LookupError> {
        let path = place.path;
        if has_hidden_component(path) {
            return Err(LookupError::NotFound);
        }
        if place.is_directory {
            return self.load_directory(place, wishes, patience);
        }
        let opened = match self.root.open_beneath(path, READ, patience) {
            // A directory that may be entered but not read still has its index.
            Err(Errno::ACCESS) if self.is_directory(path, patience) => {
                return Ok(Resource::SlashMissing);
            }
            outcome => outcome?,
        };
        let status = rustix::fs::fstat(&opened)?;
        if FileType::from_raw_mode(status.st_mode) == FileType::Directory {
            return Ok(Resource::SlashMissing);
        }
        let file = self.file(path, opened, &status, patience)?;
        self.beside(path, file, &wishes.accepted, patience)
    }

    /// Opens the file at `place`, or its side file with `coding` if that is not older than
    /// `file`: what [`Self::load`] has found before.
    pub(crate) fn open_again(
        &self,
        place: Place<'_>,
        coding: Coding,
        file: &Stamp,
        patience: Patience,
    ) -> Result<File, LookupError> {
        if coding == Coding::Identity {
            let (path, opened) = self.open_file(place, patience)?;
            let status = rustix::fs::fstat(&opened)?;
            return self.file(&path, opened, &status, patience);
        }
        let path: Cow<'_, [u8]> = if place.is_directory {
            self.open_file(place, patience)?.0
        } else {
            place.path.into()
        };
        let (opened, status) = self.open_side(&path, coding, file, patience)?;
        self.file(&path, opened, &status, patience)
    }

    /// The states now of the file that [`Self::load`] found and of its side files, without
    /// reading them.
    pub(crate) fn stamps(
        &self,
        place: Place<'_>,
        patience: Patience,
    ) -> Result<(Stamp, Sides), LookupError> {
        let (path, opened) = self.open_file(place, patience)?;
        let stamp = Stamp::of(&rustix::fs::fstat(&opened)?);
        Ok((stamp, self.sides(&path, &stamp, patience)?))
    }

    /// The same of the file alone.
    pub(crate) fn stamp(&self, place: Place<'_>, patience: Patience) -> Result<Stamp, LookupError> {
        let (_, opened) = self.open_file(place, patience)?;
        Ok(Stamp::of(&rustix::fs::fstat(&opened)?))
    }

    /// The state of the directory at `path`.
    pub(crate) fn directory(&self, path: &[u8], patience: Patience) -> Result<Stamp, LookupError> {
        let look = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = self.root.open_beneath(path, look, patience)?;
        Ok(Stamp::of(&rustix::fs::fstat(&opened)?))
    }

    fn load_directory(
        &self,
        place: Place<'_>,
        wishes: &Wishes,
        patience: Patience,
    ) -> Result<Resource, LookupError> {
        let path = place.path;
        if let Some(index) = self.open_index(place, patience)? {
            if index.is_script {
                return Ok(Resource::Program);
            }
            let status = rustix::fs::fstat(&index.opened)?;
            let file = self.file(&index.path, index.opened, &status, patience)?;
            return self.beside(&index.path, file, &wishes.accepted, patience);
        }
        let descriptor = self
            .root
            .open_beneath(path, READ | OFlags::DIRECTORY, patience)?;
        let status = rustix::fs::fstat(&descriptor)?;
        // thttpd: what not everybody on the machine could list is not listed for everybody else.
        if self.permissions.world_readable && !is_for_all(&status, Mode::ROTH) {
            return Err(LookupError::Forbidden(Errno::ACCESS));
        }
        let stamp = Stamp::of(&status);
        let directory = Directory { descriptor, stamp };
        let page = match patience {
            // Reading a directory may wait, and a page of it takes its time.
            Patience::Cached => {
                let kept = self.listings.kept(place, &directory, wishes.view);
                kept.ok_or(LookupError::WouldBlock)?
            }
            Patience::Waiting => {
                let listings = &self.listings;
                listings.make(&self.root, place, &directory, wishes.view)?
            }
        };
        Ok(Resource::Listing(page))
    }

    /// Looks beside `file`, which is at `path`.
    fn beside(
        &self,
        path: &[u8],
        file: File,
        accepted: &Accepted,
        patience: Patience,
    ) -> Result<Resource, LookupError> {
        let stamp = *file.stamp();
        let sides = self.sides(path, &stamp, patience)?;
        let encoded = match accepted.choose(sides.codings()) {
            Coding::Identity => None,
            coding => match self.open_side(path, coding, &stamp, patience) {
                Ok((opened, status)) => Some((coding, self.file(path, opened, &status, patience)?)),
                Err(LookupError::WouldBlock) => return Err(LookupError::WouldBlock),
                // Gone since it was seen: there is still the file.
                Err(_) => None,
            },
        };
        Ok(Resource::File(Box::new(Loaded {
            file,
            sides,
            encoded,
            made: None,
        })))
    }

    /// The file that was opened at `path`, if its permissions are as they must be.
    fn file(
        &self,
        path: &[u8],
        opened: OwnedFd,
        status: &Stat,
        patience: Patience,
    ) -> Result<File, LookupError> {
        if !self.permissions.let_through(status) {
            return Err(LookupError::Forbidden(Errno::ACCESS));
        }
        File::new(opened, status, MediaType::of(path), patience)
    }

    /// Opens what `place` is, or its index file; says where that is.
    fn open_file<'a>(
        &self,
        place: Place<'a>,
        patience: Patience,
    ) -> Result<(Cow<'a, [u8]>, OwnedFd), LookupError> {
        if place.is_directory {
            let index = self.open_index(place, patience)?;
            let index = index.filter(|index| !index.is_script);
            let index = index.ok_or(LookupError::NotFound)?;
            return Ok((index.path.into(), index.opened));
        }
        let opened = self.root.open_beneath(place.path, READ, patience)?;
        Ok((place.path.into(), opened))
    }

    /// The first of the index files that the directory at `place` has.
    fn open_index(
        &self,
        place: Place<'_>,
        patience: Patience,
    ) -> Result<Option<Index>, LookupError> {
        let host = (place.host_len > 0).then(|| place.top());
        for name in &self.index {
            let path = within(place.path, name.as_bytes());
            let is_script = self.programs.is_some()
                && self.is_script(host, &within(place.shown, name.as_bytes()));
            let flags = if is_script { program::LOOK } else { READ };
            match self.root.open_beneath(&path, flags, patience) {
                Ok(opened) => {
                    return Ok(Some(Index {
                        path,
                        opened,
                        is_script,
                    }));
                }
                Err(Errno::NOENT) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Ok(None)
    }

    fn is_directory(&self, path: &[u8], patience: Patience) -> bool {
        let look = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        self.root.open_beneath(path, look, patience).is_ok()
    }
}

/// The index file of a directory.
#[derive(Debug)]
struct Index {
    path: Vec<u8>,
    /// To be looked at only, if it is a script.
    opened: OwnedFd,
    is_script: bool,
}

/// The path of `name` in `directory`.
fn within(directory: &[u8], name: &[u8]) -> Vec<u8> {
    let slash: &[u8] = if directory.is_empty() { b"" } else { b"/" };
    [directory, slash, name].concat()
}

/// Whether a component begins with a dot: `.git`, `.env` and `.htpasswd` are in a
/// document root by mistake more often than on purpose.
fn has_hidden_component(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/').any(is_hidden)
}

/// The same for one component, or one name in a directory.
fn is_hidden(name: &[u8]) -> bool {
    name.first() == Some(&b'.') && name != WELL_KNOWN
}

impl Permissions {
    /// Whether a file in this state is served.
    fn let_through(self, status: &Stat) -> bool {
        (!self.world_readable || is_for_all(status, Mode::ROTH))
            && (!self.not_executable || !is_for_all(status, Mode::XOTH))
    }
}

/// Whether all users may do with a file in this state what `permission` is about.
fn is_for_all(status: &Stat, permission: Mode) -> bool {
    Mode::from_raw_mode(status.st_mode).contains(permission)
}

#[cfg(test)]
mod tests;
