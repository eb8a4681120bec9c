//! The reference service as a program of its own; the same as `soakd reference`.

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use soakd_reference::{ReferenceArgs, ReferenceError, run};

/// Tells soakd the live heap of the service; `soakd` does the same for `soakd reference`.
#[global_allocator]
static PROBE: soakd_probe::Probe = soakd_probe::Probe::system();

/// A small real HTTP service to soak, with leaks that can be switched on
#[derive(Debug, Parser)]
#[command(name = "soakd-reference", version)]
struct Program {
    #[command(flatten)]
    reference: ReferenceArgs,
}

/// The sysexits code of a command line that cannot be understood.
const USAGE: u8 = 64;

fn main() -> ExitCode {
    let program = match Program::try_parse() {
        Ok(program) => program,
        Err(refusal) => {
            // Help and version come this way as well. Nobody is left to be told when the output is closed.
            let _ = refusal.print();
            return if refusal.use_stderr() { ExitCode::from(USAGE) } else { ExitCode::SUCCESS };
        }
    };
    match run(program.reference) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let mut message = format!("error: {error}");
            let mut source = error.source();
            while let Some(cause) = source {
                message.push_str(&format!(": {cause}"));
                source = cause.source();
            }
            // Nobody is left to be told when standard error is closed as well.
            let _ = writeln!(std::io::stderr(), "{message}");
            exit_code(&error)
        }
    }
}

/// The sysexits code of an error.
fn exit_code(error: &ReferenceError) -> ExitCode {
    ExitCode::from(match error {
        ReferenceError::Url { .. } => 64,
        ReferenceError::Listen { .. } | ReferenceError::Gone { .. } => 69,
        ReferenceError::Output(_) | ReferenceError::File { .. } => 73,
        ReferenceError::Runtime(_)
        | ReferenceError::Signals(_)
        | ReferenceError::Serve(_)
        | ReferenceError::Operation { .. }
        | ReferenceError::Policy { .. } => 70,
    })
}
