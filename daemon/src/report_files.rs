//! Reports as options: one for each renderer, made from their table, so that a new renderer has its option at once.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches, value_parser};
use soakd_reports::{RENDERERS, Renderer};

/// `--html FILE`, `--junit FILE` and so on: what to write, and where to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportFiles {
    /// Names of renderers, each with the file that is asked for.
    pub files: Vec<(&'static str, PathBuf)>,
}

/// Renderers whose output is kept in files.
fn kept() -> impl Iterator<Item = &'static dyn Renderer> {
    RENDERERS.iter().copied().filter(|renderer| renderer.file_name().is_some())
}

/// Names of the renderers that a run can be told to write by.
#[must_use]
pub fn names() -> Vec<&'static str> {
    kept().map(Renderer::name).collect()
}

impl Args for ReportFiles {
    fn augment_args(command: Command) -> Command {
        command.args(kept().map(|renderer| {
            Arg::new(renderer.name())
                .long(renderer.name())
                .value_name("FILE")
                .help(format!("Also write {}", renderer.about()))
                .help_heading("Files")
                .value_parser(value_parser!(PathBuf))
        }))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for ReportFiles {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let file = |renderer: &'static dyn Renderer| {
            matches.get_one::<PathBuf>(renderer.name()).map(|file| (renderer.name(), file.clone()))
        };
        Ok(Self { files: kept().filter_map(file).collect() })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}
