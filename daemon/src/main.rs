//! The soakd program.

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|first| first == soakd::keeper::SUBCOMMAND) {
        return soakd::keeper::run();
    }
    ExitCode::SUCCESS
}
