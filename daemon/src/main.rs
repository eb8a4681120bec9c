//! The soakd program: picks the command, prints the final error, ends with the exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    soakd::commands::main()
}
