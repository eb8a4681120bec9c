//! Targets that a shell cannot be: this test program started again as one of them.

use std::path::Path;
use std::time::{Duration, Instant};

/// Set in the helper: the file that is there while it is loaded.
const LOADED: &str = "SOAKD_TEST_LOADED";
/// Set in the helper that keeps what it allocated.
const KEEPS: &str = "SOAKD_TEST_KEEPS";

/// Set in the helper that grows.
const GROWS: &str = "SOAKD_TEST_GROWS";

/// What it allocates under load.
pub(crate) const UNDER_LOAD_BYTES: usize = 32 << 20;

/// The `[target]` of a program that holds memory while the file `loaded` is there, and afterwards too if it `keeps` it.
pub(crate) fn holding(loaded: &Path, keeps: bool) -> String {
    let program = std::env::current_exe().expect("this program has a path");
    let keeps = if keeps { format!(", {KEEPS} = 'yes'") } else { String::new() };
    format!(
        "[target]\ncommand = ['{}', '--ignored', '--exact', '--nocapture', 'helpers::holds_memory_while_loaded']\n\
         environment = {{ {LOADED} = '{}'{keeps} }}\nready = {{ line = 'holding nothing yet' }}\n",
        program.display(),
        loaded.display()
    )
}

/// The `[target]` of a program that keeps 100 kB more twenty times a second, and prints `kept` for each piece.
///
/// A shell would take ever longer for each, since it copies what it has.
pub(crate) fn growing() -> String {
    let program = std::env::current_exe().expect("this program has a path");
    format!(
        "[target]\ncommand = ['{}', '--ignored', '--exact', '--nocapture', 'helpers::grows_for_ever']\n\
         environment = {{ {GROWS} = 'yes' }}\nready = {{ line = '^kept$' }}\n",
        program.display()
    )
}

/// The `[target]` of two such programs.
pub(crate) fn growing_twice() -> String {
    growing().replacen("command = [", "command = ['sh', '-c', '\"$0\" \"$@\" & exec \"$0\" \"$@\"', ", 1)
}

#[test]
#[ignore = "not a test: a target of the others"]
fn grows_for_ever() {
    if std::env::var_os(GROWS).is_none() {
        return;
    }
    let (began, mut kept) = (Instant::now(), Vec::new());
    loop {
        // By the clock, so that a busy host changes nothing about the rate.
        while (kept.len() as f64) < began.elapsed().as_secs_f64() * 20.0 {
            kept.push(vec![1_u8; 100_000]);
            eprintln!("kept");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
#[ignore = "not a test: a target of the others"]
fn holds_memory_while_loaded() {
    let Some(loaded) = std::env::var_os(LOADED) else { return };
    let (loaded, keeps) = (Path::new(&loaded), std::env::var_os(KEEPS).is_some());
    eprintln!("holding nothing yet");
    let mut held = None;
    // Until it is stopped.
    loop {
        match (loaded.exists(), held.is_some()) {
            // Written to, so that the kernel gives pages for it; large enough for the allocator to give it back.
            (true, false) => held = Some(vec![1_u8; UNDER_LOAD_BYTES]),
            (false, true) if !keeps => held = None,
            _ => std::thread::sleep(Duration::from_millis(5)),
        }
    }
}
