//! Descriptors that this process was started with, and did not open: no program inherits them.
//!
//! What is opened here is closed by exec, as Rust's library sees to. What a careless parent has
//! left open, a shell or a supervisor, is not, and would be in the hands of every script.

/// The first behind standard input, output and error, which every program gets its own of.
#[cfg(target_os = "linux")]
const FIRST: libc::c_uint = 3;

/// Has all descriptors closed by exec. A kernel before Linux 5.11 cannot, and programs then have
/// what we were started with.
#[cfg(target_os = "linux")]
#[expect(unsafe_code, reason = "no library has a safe function for this call")]
pub(super) fn close_on_exec() {
    // SAFETY: the call takes three numbers and touches no memory of ours. With this flag it closes
    // nothing now, so that every descriptor stays what its owner thinks it is.
    let _ = unsafe {
        libc::syscall(
            libc::SYS_close_range,
            FIRST,
            libc::c_uint::MAX,
            libc::CLOSE_RANGE_CLOEXEC,
        )
    };
}

/// Other systems have other ways, and none of them was tried.
#[cfg(not(target_os = "linux"))]
pub(super) const fn close_on_exec() {}
