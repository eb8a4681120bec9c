//! What to soak and what to tolerate: the profile types, their TOML, and its validation.
//!
//! A profile is a TOML file. This crate reads it, replaces variables, merges it into the profile that it extends, and gives
//! a [`Profile`] of plain values, or all the faults of the file at once, each with its line. [`Profile::plan`] then chooses
//! scenario, stage and environment, and the [`Plan`] is what one run does.
//!
//! ```
//! use soakd_profiles::{Choice, Surroundings, parse};
//!
//! let text = r#"
//!     [target]
//!     command = "./server --port ${PORT:-8080}"
//!     ready = { tcp = "127.0.0.1:${PORT:-8080}" }
//!
//!     [judge]
//!     duration = "8h"
//!     tolerance = "1MiB/h"
//!
//!     [budget.default]
//!     requests = { growth = "50MB", per_operations = 100_000 }
//! "#;
//! let surroundings = Surroundings { variable: &|name| std::env::var(name).ok(), metrics: &[] };
//! let profile = parse(text.as_bytes(), "nightly", None, surroundings)?;
//! let plan = profile.plan(Choice::default())?;
//! assert_eq!(plan.profile.judge.duration.as_secs(), 8 * 3600);
//! assert_eq!(plan.budgets.len(), 1);
//!
//! let wrong = parse(b"[sample]\nintervall = '1s'", "nightly", None, surroundings).unwrap_err();
//! assert_eq!(
//!     wrong.to_string(),
//!     "`nightly`, line 2, column 1: unknown key `intervall` in `[sample]`\n  hint: did you mean `interval`?"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Modules
//!
//! What a profile says: `profile` (the whole), `target`, `load`, `sample`, `source` with `series_name`, `judge` with
//! `tolerance`, `budget`, `checkpoint`, and `plan` (scenarios, stages, and what one run makes of them). How it is read: `loader` (files, `extends`) makes a `tree` whose
//! values know their place, `variables` are replaced in it, `merge` puts one tree on top of another, `decode` makes the
//! types of it with the readers in `section`, `field` and `units`, and what is wrong is a `fault`. `keys` has every key once, and
//! `schema` comes from it. `document` reads other files by the same rules. `library` holds the shipped profiles.

mod budget;
mod checkpoint;
mod decode;
pub mod document;
mod fault;
mod field;
mod judge;
mod keys;
mod library;
mod load;
mod loader;
mod merge;
mod plan;
mod profile;
mod sample;
mod schema;
mod section;
mod series_name;
mod source;
mod target;
mod tolerance;
mod tree;
pub mod units;
mod variables;

pub use budget::{Budget, BudgetLimit, Budgets};
pub use checkpoint::{Checkpoint, CheckpointWhen, Collect, CollectBy, CollectMethod, CollectOf, CollectSignal, Settle};
pub use fault::{Fault, FaultKind, Faults};
pub use judge::{EarlyStop, InconclusiveAs, Judge, Severity, Warmup};
pub use library::{Shipped, find as find_shipped, library};
pub use load::{Counter, Load, LoadDriver, OutputStream};
pub use loader::{LoadError, Surroundings, load, load_file, load_shipped, parse};
pub use plan::{Choice, Plan, Scenario, Stage, UnknownChoice};
pub use profile::{DEFAULT_ENVIRONMENT, Profile, Report};
pub use sample::Sample;
pub use schema::profile_schema;
pub use series_name::{is_counter_name, series_name};
pub use source::{JvmHeap, Pick, Source, SourceKind};
pub use target::{Attach, Limits, Ready, ReadyWhen, Restart, Stop, StopSignal, Target, TargetSource};
pub use tolerance::{Per, Tolerance, Unit};
