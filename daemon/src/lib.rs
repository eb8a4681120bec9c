//! The soakd program: command line, runs, store.
//!
//! Data flows one way: profile → run → samples → series → judgement → verdict → reports.
//!
//! | module | what it holds |
//! |---|---|
//! | [`cli`] | arguments and help |
//! | [`commands`] | a file for each command |
//! | [`policy`], [`target_spec`], [`surroundings`], [`limits`], [`commit`] | from profile and command line to what a run is asked |
//! | [`run`] | one run: phases, samples, events |
//! | [`target`], [`keeper`] | what is soaked: started, attached to, watched, stopped |
//! | [`load`], [`operations`], [`operation_source`] | what keeps it busy, and how its operations are counted |
//! | [`collect`], [`settled`] | how it is made to settle, and the series of settled samples |
//! | [`sampling`], [`reading_totals`], [`members`], [`ticker`], [`clock`] | samples at absolute deadlines, on a thread of their own |
//! | [`sources`], [`exposition`] | endpoints and commands that are asked besides |
//! | [`recording`], [`source_recording`], [`store`], [`opening`] | what is written while it runs, and read back |
//! | [`watch`], [`progress`] | the estimate while it runs, and how it is shown |
//! | [`suspicion`], [`looks`], [`look_findings`] | when a close look is worth its price, what it is, and what it says about who grew |
//! | [`phases`], [`series`], [`lives`], [`budgets`], [`attribution`], [`heap_source`], [`judging`] | from the record to what was found |
//! | [`verdict`], [`overhead`], [`host_facts`], [`recorded`] | the document, and what goes into it |
//! | [`report_files`] | reports as options of the command line |
//! | [`history`], [`compare`](mod@compare) | what the runs of the past say together; two builds side by side |
//! | [`service`] | the daemon: queue, schedule, watches, API, pages |
//! | [`doctor`] | what this host lets soakd measure |
//! | [`exit`], [`exit_of`], [`signals`], [`requests`], [`logging`], [`journal`], [`state_folder`], [`open_files`], [`http`] | the edges |

pub mod attribution;
pub mod budgets;
pub mod cli;
pub mod clock;
pub mod collect;
pub mod commands;
pub mod commit;
pub mod compare;
pub mod disk_watch;
pub mod doctor;
pub mod exit;
pub mod exit_of;
pub mod exposition;
pub mod heap_profile;
pub mod heap_source;
pub mod history;
pub mod host_facts;
pub mod http;
pub mod journal;
pub mod judging;
pub mod keeper;
pub mod levels;
pub mod limits;
pub mod lives;
pub mod load;
pub mod logging;
pub mod look_findings;
pub mod looks;
pub mod members;
pub mod open_files;
pub mod opening;
pub mod operation_source;
pub mod operations;
pub mod overhead;
pub mod phases;
pub mod policy;
pub mod progress;
pub mod reading_totals;
pub mod recorded;
pub mod recording;
pub mod report_files;
pub mod requests;
pub mod run;
pub mod sampling;
pub mod series;
pub mod service;
pub mod settled;
pub mod signals;
pub mod source_recording;
pub mod sources;
pub mod state_folder;
pub mod store;
pub mod surroundings;
pub mod suspicion;
pub mod target;
pub mod target_spec;
pub mod ticker;
pub mod verdict;
pub mod watch;
