//! The calls of the C library by which a whole process becomes another user.
//!
//! Not the system calls of the same names: those are about one thread, and leave the others root.
//! rustix has those alone, and says so.

use std::ffi::CStr;
use std::io;
use std::mem::MaybeUninit;
use std::ptr;

/// What an entry of the user database may take: the C library's own advice is 1,024 bytes.
const ENTRY_LEN_MAX: usize = 16 * 1024;

/// The numbers of a user and of its group, if there is one of that name.
pub(super) fn user(name: &CStr) -> io::Result<Option<(u32, u32)>> {
    let mut text = vec![0; ENTRY_LEN_MAX];
    let mut entry = MaybeUninit::uninit();
    let mut found = ptr::null_mut();
    #[expect(unsafe_code, reason = "rustix reads no user database")]
    // SAFETY: `name` ends with a NUL; the entry and the text are ours, live until after the call,
    // and the text is as long as is said.
    let code = unsafe {
        libc::getpwnam_r(
            name.as_ptr(),
            entry.as_mut_ptr(),
            text.as_mut_ptr(),
            text.len(),
            &raw mut found,
        )
    };
    match code {
        // Some C libraries say it so.
        0 | libc::ENOENT | libc::ESRCH if found.is_null() => return Ok(None),
        0 => {}
        code => return Err(io::Error::from_raw_os_error(code)),
    }
    #[expect(unsafe_code, reason = "it is C that has written it")]
    // SAFETY: without an error, and with `found` not null, the entry is written; its numbers need
    // nothing of the text.
    let entry: libc::passwd = unsafe { entry.assume_init() };
    Ok(Some((entry.pw_uid, entry.pw_gid)))
}

/// Gives the whole process the groups of a user.
pub(super) fn set_groups(name: &CStr, gid: u32) -> io::Result<()> {
    #[expect(unsafe_code, reason = "rustix sets the groups of one thread alone")]
    // SAFETY: `name` ends with a NUL, and nothing else is passed by its address.
    outcome(unsafe { libc::initgroups(name.as_ptr(), gid) })?;
    #[expect(unsafe_code, reason = "rustix sets the group of one thread alone")]
    // SAFETY: nothing is passed by its address.
    outcome(unsafe { libc::setresgid(gid, gid, gid) })
}

/// Makes the whole process another user's, without a way back.
pub(super) fn set_user(uid: u32) -> io::Result<()> {
    #[expect(unsafe_code, reason = "rustix sets the user of one thread alone")]
    // SAFETY: nothing is passed by its address.
    outcome(unsafe { libc::setresuid(uid, uid, uid) })
}

fn outcome(code: libc::c_int) -> io::Result<()> {
    match code {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
