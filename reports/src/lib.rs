//! The verdict document, its JSON Schema and its renderers.
//!
//! A run hands in what it found; [`Verdict::new`] concludes outcome, severity and exit code; renderers make of it what
//! programs and people read. Reports are consumers: nothing here knows where a sample comes from, reads a clock or
//! opens a file.
//!
//! ```
//! use soakd_reports::{Colour, Look, Outcome, Report, read, renderer};
//!
//! let verdict = read(include_str!("../examples/fail.json"))?;
//! assert_eq!(verdict.outcome, Outcome::Fail);
//!
//! let mut report = Report::new(&verdict);
//! report.look = Look { colour: Colour::Always, ..Look::default() };
//! let text = renderer("text").ok_or("no such renderer")?.render(&report)?;
//! assert!(String::from_utf8(text)?.contains("leak: `anon_swap_bytes` grows"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | what it holds |
//! |---|---|
//! | [`verdict`] | the document, and what it is made from |
//! | [`run`], [`series`], [`budget`], [`record`] | its parts |
//! | [`outcome`] | outcome and severity, exit codes |
//! | [`conclude`](mod@conclude) | from judgements and budgets to the outcome: the rules |
//! | [`sentence`] | what was found, in sentences |
//! | [`next`] | what to do next |
//! | [`schema`] | the JSON Schema of the document |
//! | [`advice`](mod@advice) | what findings mean and what to do about them |
//! | [`read`](mod@read) | reading a verdict back |
//! | [`recording`] | the samples that a report may show |
//! | [`render`] | the renderers and their table |
//! | [`trend_chart`] | numbers of many runs as a picture |
//! | [`live_chart`] | a series of a run that goes on as a picture |
//! | [`amount`](mod@amount) | numbers for people |

pub mod advice;
pub mod amount;
pub mod budget;
pub mod conclude;
mod finite;
pub mod live_chart;
pub mod next;
pub mod outcome;
mod plot;
pub mod read;
pub mod record;
pub mod recording;
pub mod render;
pub mod run;
pub mod schema;
pub mod sentence;
pub mod series;
pub mod trend_chart;
pub mod verdict;

pub use advice::{Advice, advice};
pub use budget::{Bound, Budget, BudgetStatus};
pub use conclude::{Conclusion, InconclusiveAs, Policy, conclude};
pub use finite::NotFinite;
pub use live_chart::{LiveChart, live_svg};
pub use next::next_steps;
pub use outcome::{Outcome, Severity};
pub use read::{ReadError, read};
pub use record::{
    Attribution, Event, Gap, Heap, HeapFrom, Load, Looks, Overhead, Samples, Source, SourceCost, SourceFailures,
    SourceStatus, Warning,
};
pub use recording::{Origin, Recorded, Recording, Span};
pub use render::terminal::headline;
pub use render::{Charset, Colour, Look, RENDERERS, RenderError, Renderer, Report, renderer};
pub use run::{Ended, Host, Run};
pub use schema::verdict_schema;
pub use series::{LimitSource, Per, Projection, Role, Scope, SeriesFinding, SeriesVerdict, TolerancePer};
pub use trend_chart::{TrendChart, TrendPoint, TrendStep, trend_figure, trend_svg};
pub use verdict::{DecidedBy, Findings, SCHEMA, SchemaId, Verdict};
