//! The commands: a file for each. This one picks among them, prints the final error and gives the exit code.

pub mod analyze;
pub mod compare;
pub mod ctl;
pub mod daemon;
pub mod doctor;
pub mod files;
pub mod history;
pub mod output;
pub mod profile;
pub mod report;
pub mod schema;
pub mod selftest;
pub mod soak;
pub mod table;
pub mod watch;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Parser;
use clap::error::ErrorKind;

use crate::cli::{Cli, Command};
use crate::exit::{Exit, Failure};
use crate::exit_of;
use crate::keeper;
use crate::logging;
use crate::open_files;
use crate::service::notify;
use crate::state_folder::state_folder;

/// The program.
#[must_use]
pub fn main() -> ExitCode {
    // Before anything else: the keeper is a process of its own that happens to share the file.
    if std::env::args_os().nth(1).is_some_and(|first| first == keeper::SUBCOMMAND) {
        return keeper::run();
    }
    // SAFETY: nothing has started a thread yet.
    unsafe { notify::take_environment() };
    // A limit on file sizes is an error of `write`, to be reported, and not the end of the program.
    let ignored = signal_hook::flag::register(signal_hook::consts::SIGXFSZ, Arc::new(AtomicBool::new(false)));
    let result = ignored
        .map_err(|error| Failure::new(Exit::Internal, format!("cannot listen to signals: {error}")))
        .and_then(|_| parse());
    let result = match result {
        Ok(Parsed::Cli(cli)) => run(*cli),
        Ok(Parsed::Done(code)) => Ok(code),
        Err(failure) => Err(failure),
    };
    match result {
        Ok(code) => ExitCode::from(code),
        Err(failure) => {
            output::error(&failure);
            ExitCode::from(failure.exit.code())
        }
    }
}

enum Parsed {
    Cli(Box<Cli>),
    /// Help or version was asked for and has been printed.
    Done(u8),
}

fn parse() -> Result<Parsed, Failure> {
    match Cli::try_parse() {
        Ok(cli) => Ok(Parsed::Cli(Box::new(cli))),
        Err(error) => {
            let is_asked_for = matches!(error.kind(), ErrorKind::DisplayHelp | ErrorKind::DisplayVersion);
            // A closed terminal is no reason to fail otherwise.
            let _ = error.print();
            Ok(Parsed::Done(if is_asked_for { 0 } else { Exit::Usage.code() }))
        }
    }
}

/// Whether the command samples targets.
fn samples(command: &Command) -> bool {
    match command {
        Command::Daemon(_)
        | Command::Check(_) | Command::Run(_) | Command::Attach(_) | Command::Compare(_) | Command::Selftest(_) => true,
        Command::Report(_)
        | Command::Ctl(_)
        | Command::Watch(_)
        | Command::History { .. }
        | Command::Analyze(_)
        | Command::Profile { .. }
        | Command::Schema { .. }
        | Command::Doctor(_)
        // A target itself.
        | Command::Reference(_) => false,
    }
}

fn run(cli: Cli) -> Result<u8, Failure> {
    // Who reads the log of a service wants to know what it does.
    let verbose = if matches!(cli.command, Command::Daemon(_)) { cli.verbose.max(1) } else { cli.verbose };
    logging::set_up(verbose, std::env::var("SOAKD_LOG").ok().as_deref());
    let state = || state_folder(cli.state.clone(), |name| std::env::var_os(name));
    if samples(&cli.command)
        && let Err(error) = open_files::raise()
    {
        tracing::warn!(%error, "the limit on open files could not be raised: sampling a large tree costs more");
    }
    match cli.command {
        Command::Daemon(arguments) => daemon::daemon(&arguments, &state()?),
        Command::Check(arguments) => soak::check(&arguments, &state()?),
        Command::Run(arguments) => soak::run(&arguments, &state()?),
        Command::Attach(arguments) => soak::attach(&arguments, &state()?),
        Command::Report(arguments) => report::report(&arguments, state),
        Command::History { action } => history::history(&action, &state()?),
        Command::Compare(arguments) => compare::compare(&arguments, state),
        Command::Ctl(arguments) => ctl::ctl(&arguments, cli.state.as_ref(), state),
        Command::Watch(arguments) => watch::watch(&arguments, cli.state.as_ref(), state),
        Command::Analyze(arguments) => analyze::analyze(&arguments),
        Command::Profile { action } => profile::profile(&action),
        Command::Schema { document } => schema::schema(document),
        Command::Doctor(arguments) => doctor::doctor(&arguments, &state()?),
        Command::Selftest(arguments) => selftest::selftest(&arguments),
        Command::Reference(arguments) => {
            soakd_reference::run(arguments).map(|()| 0).map_err(|error| exit_of::reference(&error))
        }
    }
}
