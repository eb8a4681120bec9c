//! The soakd program: picks the command, prints the final error, ends with the exit code.

use std::process::ExitCode;

/// For `soakd reference`, the service that demonstrates it; and soakd itself can be soaked by its live heap. Each allocation costs
/// it some nanoseconds, and a sample allocates next to nothing.
#[global_allocator]
static PROBE: soakd_probe::Probe = soakd_probe::Probe::system();

fn main() -> ExitCode {
    soakd::commands::main()
}
