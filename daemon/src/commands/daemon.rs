//! `soakd daemon`: the service.

use std::path::{Path, PathBuf};
use std::rc::Rc;

use crate::cli::DaemonArgs;
use crate::clock;
use crate::exit::{Exit, Failure};
use crate::service::config::{self, Config, ConfigError, WhenMissing};
use crate::service::handle::Handle;
use crate::service::lock::DaemonLock;
use crate::service::memory;
use crate::service::notify::Notify;
use crate::service::serving::Serving;
use crate::service::status::{DaemonStatus, Status};
use crate::service::store_opening;
use crate::service::supervisor::{Setting, Supervisor};

/// Works until it is told to stop.
///
/// # Errors
/// [`Failure`] where it cannot begin.
pub fn daemon(arguments: &DaemonArgs, state: &Path) -> Result<u8, Failure> {
    let (config_file, when_missing) = match &arguments.config {
        Some(file) => (file.clone(), WhenMissing::Fault),
        None => (PathBuf::from(config::USUAL_PATH), WhenMissing::Usual),
    };
    let config = Config::load(&config_file, when_missing).map_err(|error| unusable(&error))?;
    if arguments.check {
        crate::commands::output::say(&format!("`{}` is valid", config_file.display()));
        return Ok(0);
    }
    memory::keep_small();
    let lock = DaemonLock::take(state)?;
    let opened = store_opening::open(state, clock::now())?;
    let (handle, orders) = Handle::new(beginning(state, &config_file, &config, opened.remarks));
    let serving = Serving::start(&config, state, &handle)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::new(Exit::Internal, format!("cannot start the runtime: {error}")))?;
    let tasks = tokio::task::LocalSet::new();
    let setting = Setting {
        config,
        config_file,
        when_missing,
        store: Rc::new(opened.store),
        handle,
        orders,
        notify: Notify::from_environment(),
    };
    let worked = tasks.block_on(&runtime, async move { Supervisor::new(setting)?.work().await });
    if let Some(serving) = serving {
        serving.end();
    }
    lock.release();
    worked.map(|()| 0)
}

fn unusable(error: &ConfigError) -> Failure {
    let exit = match error {
        ConfigError::Read { .. } => Exit::NoInput,
        ConfigError::Invalid(_) => Exit::Config,
    };
    Failure::new(exit, error.to_string())
}

/// What is shown before anything has happened.
fn beginning(state: &Path, config_file: &Path, config: &Config, remarks: Vec<String>) -> Status {
    Status {
        daemon: DaemonStatus {
            config: config_file.exists().then(|| config_file.display().to_string()),
            slots_count: config.limits.slots,
            remarks,
            ..DaemonStatus::beginning(
                env!("CARGO_PKG_VERSION"),
                std::process::id(),
                clock::now(),
                state.display().to_string(),
            )
        },
        running: Vec::new(),
        queue: Vec::new(),
        schedule: Vec::new(),
        watches: Vec::new(),
    }
}
