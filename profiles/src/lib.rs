//! What to soak and what to tolerate: the profile types, their TOML, and its validation.

mod budget;
mod judge;
mod load;
mod plan;
mod profile;
mod sample;
mod target;
mod tolerance;

pub use budget::{Budget, BudgetLimit, Budgets};
pub use judge::{EarlyStop, InconclusiveAs, Judge, Severity, Warmup};
pub use load::{Counter, Load, LoadDriver, OutputStream};
pub use plan::{Choice, Plan, Scenario, Stage, UnknownChoice};
pub use profile::{DEFAULT_ENVIRONMENT, Profile, Report};
pub use sample::Sample;
pub use target::{Attach, Limits, Ready, ReadyWhen, Restart, Stop, StopSignal, Target, TargetSource};
pub use tolerance::{Per, Tolerance, Unit};
