//! Everything that asks the C library: shared memory, the end of threads, `fork`, the clock.
//!
//! Nothing here allocates through the program's allocator.

use std::ptr;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicPtr, AtomicU32, AtomicU64, Ordering};

use crate::counting;
use crate::layout;
use crate::region::{Live, Owner, Region};

/// The mapping, or one of [`NONE`], [`BEING_MADE`] and [`OFF`].
static REGION: AtomicPtr<Region> = AtomicPtr::new(NONE);

/// Nobody has asked yet.
const NONE: *mut Region = ptr::null_mut();
/// Somebody is making it.
const BEING_MADE: *mut Region = ptr::without_provenance_mut(1);
/// It cannot be had.
const OFF: *mut Region = ptr::without_provenance_mut(2);

/// The memfd, and its number on its file system; -1 where there is none.
static FILE: AtomicI32 = AtomicI32::new(-1);
static INODE: AtomicU64 = AtomicU64::new(0);

/// What this process got from its parent, should it have been forked.
static INHERITED_BYTES: AtomicU64 = AtomicU64::new(0);
static INHERITED_BLOCKS: AtomicU64 = AtomicU64::new(0);

/// Whether `fork` and the end of threads are told to us. Both last for the process and its forked children.
static IS_HOOKED: AtomicBool = AtomicBool::new(false);
/// The key whose destructor runs at the end of a thread.
static END_KEY: AtomicU32 = AtomicU32::new(0);

/// What there is of the shared memory.
pub(crate) enum Access {
    /// It is there.
    Ready(&'static Region),
    /// Another thread is making it right now.
    BeingMade,
    /// There is none, and never will be.
    Off,
}

/// The shared memory, made now if it is not there yet.
pub(crate) fn region() -> Access {
    let found = REGION.load(Ordering::SeqCst);
    if found == NONE {
        if REGION.compare_exchange(NONE, BEING_MADE, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            return access(REGION.load(Ordering::SeqCst));
        }
        let made = make().unwrap_or(OFF);
        REGION.store(made, Ordering::SeqCst);
        let access = access(made);
        if let Access::Ready(region) = access {
            counting::region_made(region);
        }
        return access;
    }
    access(found)
}

fn access(found: *mut Region) -> Access {
    if found == NONE || found == BEING_MADE {
        return Access::BeingMade;
    }
    if found == OFF {
        return Access::Off;
    }
    // SAFETY: any other value comes from `make`: a mapping of the size of a `Region`, aligned to a page, zero at first (which
    // is valid for atomics) and only ever accessed through atomics. It is unmapped in one place only, in the child of a
    // `fork`, where the single thread holds no reference to it.
    Access::Ready(unsafe { &*found })
}

/// Makes the shared memory and begins it.
fn make() -> Option<*mut Region> {
    let size = layout::TOTAL_BYTES;
    if !may_have_file_of(size) {
        return None;
    }
    let file = memfd()?;
    // SAFETY: `file` is open and ours, and the kernel checks the rest.
    let is_sized = unsafe { libc::ftruncate(file, libc::off_t::try_from(size).ok()?) } == 0;
    let mapping = if is_sized {
        // So that nobody can make it shorter under the program's feet. A kernel that does not seal goes without.
        // SAFETY: takes and gives numbers only.
        unsafe { libc::fcntl(file, libc::F_ADD_SEALS, libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL) };
        // SAFETY: a new mapping at an address that the kernel chooses overlaps nothing.
        unsafe { libc::mmap(ptr::null_mut(), size, libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED, file, 0) }
    } else {
        libc::MAP_FAILED
    };
    if mapping == libc::MAP_FAILED || !hook() {
        // SAFETY: `file` is ours, and nobody else knows of it.
        unsafe { libc::close(file) };
        return None;
    }
    FILE.store(file, Ordering::Relaxed);
    INODE.store(inode(file).unwrap_or(0), Ordering::Relaxed);
    let made = mapping.cast::<Region>();
    let Access::Ready(region) = access(made) else { return None };
    region.begin(Owner {
        pid: std::process::id(),
        start_ticks: start_ticks().unwrap_or(0),
        inherited: Live {
            bytes: INHERITED_BYTES.load(Ordering::Relaxed),
            blocks: INHERITED_BLOCKS.load(Ordering::Relaxed),
        },
    });
    Some(made)
}

/// Whether a file may become as long as that. The kernel sends SIGXFSZ where it may not, which ends a program that does not handle it.
fn may_have_file_of(bytes: usize) -> bool {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is written if it answers 0.
    let is_known = unsafe { libc::getrlimit(libc::RLIMIT_FSIZE, &raw mut limit) } == 0;
    is_known && (limit.rlim_cur == libc::RLIM_INFINITY || limit.rlim_cur >= bytes as u64)
}

/// An empty memfd with our name, beyond the three standard descriptors.
fn memfd() -> Option<libc::c_int> {
    /// Name and end of string.
    const NAME: &std::ffi::CStr = c"soakd-probe";
    const { assert!(NAME.count_bytes() == layout::NAME.len()) };
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the name is a string with an end.
    let create = |flags| unsafe { libc::memfd_create(NAME.as_ptr(), flags) };
    // Kernels before 6.3 do not know that it is never to be executed; some later ones insist on it.
    let mut file = create(flags | libc::MFD_NOEXEC_SEAL);
    if file < 0 {
        file = create(flags);
    }
    if (0..3).contains(&file) {
        // The program was started without them, and will open something there.
        // SAFETY: `file` is ours; it is closed after it was duplicated.
        let higher = unsafe { libc::fcntl(file, libc::F_DUPFD_CLOEXEC, 3) };
        // SAFETY: as above.
        unsafe { libc::close(file) };
        file = higher;
    }
    (file >= 0).then_some(file)
}

fn inode(file: libc::c_int) -> Option<u64> {
    let mut facts = std::mem::MaybeUninit::<libc::stat>::uninit();
    // SAFETY: the kernel fills `facts` if it answers 0.
    (unsafe { libc::fstat(file, facts.as_mut_ptr()) } == 0).then(|| unsafe { facts.assume_init() }.st_ino)
}

/// Start time of this process: field 22 of `/proc/self/stat`, which is the same seen from any pid namespace.
fn start_ticks() -> Option<u64> {
    // SAFETY: the path is a string with an end.
    let file = unsafe { libc::open(c"/proc/self/stat".as_ptr(), libc::O_RDONLY | libc::O_CLOEXEC) };
    if file < 0 {
        return None;
    }
    let mut text = [0_u8; 1024];
    // SAFETY: at most as many bytes are written as there are.
    let length = unsafe { libc::read(file, text.as_mut_ptr().cast(), text.len()) };
    // SAFETY: opened above.
    unsafe { libc::close(file) };
    let text = text.get(..usize::try_from(length).ok()?)?;
    // The name, field 2, may hold anything; it ends at the last bracket.
    let after_name = text.iter().rposition(|byte| *byte == b')')? + 1;
    let field = text[after_name..].split(|byte| *byte == b' ').filter(|field| !field.is_empty()).nth(22 - 3)?;
    std::str::from_utf8(field).ok()?.parse().ok()
}

/// Has the C library call us at the end of threads and in the children of `fork`, from now on.
fn hook() -> bool {
    if IS_HOOKED.load(Ordering::Relaxed) {
        return true;
    }
    let mut key = 0;
    // SAFETY: `key` is written if it answers 0; the function has the type of a destructor and lives for ever.
    if unsafe { libc::pthread_key_create(&raw mut key, Some(at_thread_end)) } != 0 {
        return false;
    }
    END_KEY.store(key, Ordering::Relaxed);
    // SAFETY: the function may be called in the child of a `fork`: it only asks the kernel and sets atomics.
    let is_hooked = unsafe { libc::pthread_atfork(None, None, Some(in_child)) } == 0;
    IS_HOOKED.store(is_hooked, Ordering::Relaxed);
    is_hooked
}

/// Asks for a call at the end of this thread; `false` where there will be none.
pub(crate) fn notify_at_thread_end() -> bool {
    // Any value that is not null.
    let value = (&raw const END_KEY).cast();
    // SAFETY: the key was made before the region, and whoever counts has a region.
    unsafe { libc::pthread_setspecific(END_KEY.load(Ordering::Relaxed), value) == 0 }
}

extern "C" fn at_thread_end(_: *mut libc::c_void) {
    counting::thread_ended();
}

/// In the child of a `fork`: it gets counters of its own when it first counts.
extern "C" fn in_child() {
    let found = REGION.load(Ordering::SeqCst);
    let parents = match access(found) {
        Access::Ready(region) => Some(region),
        Access::BeingMade | Access::Off => None,
    };
    let live = counting::forked(parents);
    INHERITED_BYTES.store(live.bytes, Ordering::Relaxed);
    INHERITED_BLOCKS.store(live.blocks, Ordering::Relaxed);
    if parents.is_some() {
        // SAFETY: mapped in `make` with this size. This is the only thread of the child, and the slot that it had taken a
        // reference from was let go by `forked`.
        unsafe { libc::munmap(found.cast(), layout::TOTAL_BYTES) };
    }
    let file = FILE.swap(-1, Ordering::Relaxed);
    // A program that closes all descriptors may have another file there.
    if file >= 0 && inode(file) == Some(INODE.load(Ordering::Relaxed)) {
        // SAFETY: it is the memfd, which only this module uses.
        unsafe { libc::close(file) };
    }
    REGION.store(NONE, Ordering::SeqCst);
}

/// Now, on the clock that does not jump.
pub(crate) fn monotonic_nanos() -> u64 {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: `now` is written if it answers 0, and is the beginning of time otherwise.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

/// What the handler of SIGTERM sets.
#[cfg(feature = "dhat")]
static ASKED: AtomicPtr<AtomicBool> = AtomicPtr::new(ptr::null_mut());

#[cfg(feature = "dhat")]
extern "C" fn on_termination(_: libc::c_int) {
    // SAFETY: null or a reference that lives for ever, set before the handler was.
    if let Some(asked) = unsafe { ASKED.load(Ordering::SeqCst).as_ref() } {
        asked.store(true, Ordering::Relaxed);
    }
}

/// The handler of SIGTERM; 0 for the default.
#[cfg(feature = "dhat")]
fn termination_handler() -> Option<libc::sighandler_t> {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: `action` is filled if it answers 0.
    (unsafe { libc::sigaction(libc::SIGTERM, ptr::null(), action.as_mut_ptr()) } == 0)
        .then(|| unsafe { action.assume_init() }.sa_sigaction)
}

#[cfg(feature = "dhat")]
fn our_handler() -> libc::sighandler_t {
    on_termination as *const () as libc::sighandler_t
}

/// Has SIGTERM set `asked` from now on, unless the program handles or ignores it.
#[cfg(feature = "dhat")]
pub(crate) fn catch_termination(asked: &'static AtomicBool) {
    if termination_handler() != Some(libc::SIG_DFL) {
        return;
    }
    ASKED.store(ptr::from_ref(asked).cast_mut(), Ordering::SeqCst);
    set_termination_handler(our_handler());
}

#[cfg(feature = "dhat")]
fn set_termination_handler(handler: libc::sighandler_t) {
    // SAFETY: all zero is a valid `sigaction`: no flags, nothing masked.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = handler;
    action.sa_flags = libc::SA_RESTART;
    // SAFETY: the handler only touches atomics, which is allowed in one.
    unsafe { libc::sigaction(libc::SIGTERM, &raw const action, ptr::null_mut()) };
}

/// Whether SIGTERM still comes to us.
#[cfg(feature = "dhat")]
pub(crate) fn catches_termination() -> bool {
    termination_handler() == Some(our_handler())
}

/// Ends the process by SIGTERM.
#[cfg(feature = "dhat")]
pub(crate) fn terminate() {
    set_termination_handler(libc::SIG_DFL);
    // SAFETY: takes numbers only. It is sent to the process, so that a thread that does not block it dies with all others.
    unsafe { libc::kill(libc::getpid(), libc::SIGTERM) };
}

/// Has `last` called when the process exits in order.
#[cfg(feature = "dhat")]
pub(crate) fn at_exit(last: extern "C" fn()) {
    // SAFETY: a function that lives for ever.
    unsafe { libc::atexit(last) };
}
