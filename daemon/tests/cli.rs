//! The program as its users meet it: command line, exit codes, messages, files, signals, with small real processes.

#![expect(clippy::expect_used, reason = "a test that cannot go on has failed")]

#[path = "cli/answer.rs"]
mod answer;
#[path = "cli/archive.rs"]
mod archive;
#[path = "cli/bad_files.rs"]
mod bad_files;
#[path = "cli/bad_profiles.rs"]
mod bad_profiles;
#[path = "cli/bad_targets.rs"]
mod bad_targets;
#[path = "cli/browser.rs"]
mod browser;
#[path = "cli/checkpoints.rs"]
mod checkpoints;
#[path = "cli/ctl.rs"]
mod ctl;
#[path = "cli/daemon.rs"]
mod daemon;
#[path = "cli/daemon_itself.rs"]
mod daemon_itself;
#[path = "cli/daemon_luck.rs"]
mod daemon_luck;
#[path = "cli/dashboard.rs"]
mod dashboard;
#[path = "cli/disk.rs"]
mod disk;
#[path = "cli/exit_codes.rs"]
mod exit_codes;
#[path = "cli/full_disk.rs"]
mod full_disk;
#[path = "cli/help.rs"]
mod help;
#[path = "cli/helpers.rs"]
mod helpers;
#[path = "cli/history.rs"]
mod history;
#[path = "cli/in_unit.rs"]
mod in_unit;
#[path = "cli/killed.rs"]
mod killed;
#[path = "cli/load.rs"]
mod load;
#[path = "cli/looks.rs"]
mod looks;
#[path = "cli/marked.rs"]
mod marked;
#[path = "cli/no_samples.rs"]
mod no_samples;
#[path = "cli/open_files.rs"]
mod open_files;
#[path = "cli/operations.rs"]
mod operations;
#[path = "cli/place.rs"]
mod place;
#[path = "cli/profiles.rs"]
mod profiles;
#[path = "cli/reports.rs"]
mod reports;
#[path = "cli/signals.rs"]
mod signals;
#[path = "cli/sources.rs"]
mod sources;
#[path = "cli/tiny_server.rs"]
mod tiny_server;
#[path = "cli/trees.rs"]
mod trees;
#[path = "cli/verdict.rs"]
mod verdict;
