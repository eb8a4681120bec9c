//! Reads processes, process trees and host memory, cheaply.
//!
//! A [`TreeSampler`] follows the processes of a target and reads all of them at each tick: sums over the tree, each member,
//! who came and who went. It knows no judgement, keeps no history and reads no clock: it is handed one. What could not be read is
//! `None` with a named reason, and never zero. While the members stay the same, a tick allocates nothing.
//!
//! ```
//! use soakd_sampler::{Detail, Membership, MetricId, ProcRoot, ProcessId, TreeOptions, TreeSampler};
//! use std::time::Instant;
//!
//! let root = ProcRoot::default();
//! let this = ProcessId::of(&root, std::process::id())?;
//! let membership = Membership::Descendants { of: vec![this], include_roots: true };
//! let start = Instant::now();
//! let mut sampler = TreeSampler::new(TreeOptions::new(root, membership), Box::new(move || start.elapsed()));
//!
//! let reading = sampler.tick(Detail::Full);
//! assert_eq!(reading.members[0].id, this);
//! assert!(reading.totals.get(MetricId::AnonSwap).is_some_and(|bytes| bytes > 0.0));
//! for report in sampler.reports() {
//!     println!("{}: {}", report.id.row().name, report.status);
//! }
//! # Ok::<(), soakd_sampler::SampleError>(())
//! ```
//!
//! # Map
//!
//! | module | what it holds |
//! | --- | --- |
//! | `metric`, `metric_set`, `reading`, `error` | [`METRICS`], the values of one instant, and why there is none |
//! | `sampler` | [`Sampler`] and [`SAMPLERS`]; a file for each source: `statm`, `descriptors`, `threads`, `status`, `stat`, `io`, `smaps_rollup`, `probe` |
//! | `probe_memory` | what the probe in a target says, from the bytes of its shared memory |
//! | `tree`, `births`, `birth_record`, `listing` | who belongs to the target, and how new members are found without searching, for all trees together |
//! | `tree_sampler`, `tree_sampler::turns`, `tree_options`, `tree_reading`, `open_member` | one tick over the whole tree, and what it gives |
//! | `file_budget` | how many files stay open, for all samplers together |
//! | `tree_sum`, `inheritance` | sums that count once what a `fork` shares |
//! | `pace`, `duty`, `walk_round`, `tick_room` | how often each source is read, so that it keeps to its share of time, and how much in one tick |
//! | `sampler_status`, `cost` | how each source is doing, and what it costs |
//! | `descriptor_kind`, `descriptor_look`, `socket_table` | what descriptors stand for, and in which state sockets are |
//! | `process_look`, `smaps` | the expensive look at one process: mappings, descriptors, threads by name |
//! | `host`, `host_memory`, `pressure`, `swap_areas` | the host: facts, and memory, load and pressure as context |
//! | `cgroup`, `cgroup_sampler`, `cgroup_owner`, `cgroup_files`, `cgroup_stat` | control groups v1, v2 and hybrid: which there are, and what the target's own counts |
//! | `disk_usage` | what files below a path take |
//! | `limits` | what stops a process from growing |
//! | `process_id`, `proc_root`, `kept_file`, `fields` | identity of a process, a settable `/proc`, files kept open, numbers in the kernel's text |
//!
//! A new metric is a row in `METRICS`; a new source is a file, a row in `SAMPLERS` and a key in [`SamplerId`]; tests name
//! what was forgotten.

mod birth_record;
mod births;
mod cgroup;
mod cgroup_files;
mod cgroup_owner;
mod cgroup_sampler;
mod cgroup_stat;
mod cost;
mod descriptor_kind;
mod descriptor_look;
mod descriptors;
mod disk_usage;
mod duty;
mod error;
mod fields;
mod file_budget;
mod heap_mapping;
mod host;
mod host_memory;
mod idle_pages;
mod inheritance;
mod io;
mod kept_file;
mod limits;
mod listing;
mod metric;
mod metric_set;
mod open_member;
mod pace;
mod pressure;
mod probe;
mod probe_memory;
mod proc_root;
mod process_id;
mod process_look;
mod reading;
mod sampler;
mod sampler_status;
mod shared_listing;
mod smaps;
mod smaps_rollup;
mod socket_table;
mod stat;
mod statm;
mod status;
mod swap_areas;
mod threads;
mod tick_room;
mod tree;
mod tree_options;
mod tree_reading;
mod tree_sampler;
mod tree_sum;
mod walk_round;

pub use births::BirthWatch;
pub use cgroup::{Cgroup, CgroupController, CgroupLayout, CgroupMounts, CgroupVersion};
pub use cgroup_sampler::{CHECK_EVERY, CHECK_SOON, CgroupSampler};
pub use cgroup_stat::CgroupStat;
pub use cost::ReadCost;
pub use descriptor_kind::{DescriptorKind, socket_inode};
pub use disk_usage::{DiskError, DiskUsage, disk_usage};
pub use error::SampleError;
pub use file_budget::FileBudget;
pub use host::HostFacts;
pub use host_memory::{HostSampler, Meminfo};
pub use idle_pages::IdlePages;
pub use io::Io;
pub use limits::{Limit, LimitSource, limits};
pub use metric::{Detail, METRICS, Metric, MetricId, Scope, TreeSum};
pub use metric_set::MetricSet;
pub use pressure::parse_pressure;
pub use probe_memory::{PhaseMark, ProbeCounts, ProbeHeader};
pub use proc_root::ProcRoot;
pub use process_id::{Liveness, ProcessId};
pub use process_look::{ProcessLook, clear_referenced, resident_bytes};
pub use reading::Reading;
pub use sampler::{SAMPLERS, Sampler, SamplerId, SamplerRow};
pub use sampler_status::{SamplerReport, SamplerStatus};
pub use smaps::{ANONYMOUS, MappingSize, Mappings};
pub use smaps_rollup::SmapsRollup;
pub use socket_table::{Socket, SocketFamily, SocketState};
pub use stat::{Comm, Stat};
pub use statm::Statm;
pub use status::Status;
pub use tree::{Member, Membership, ProcessTree, UNWATCHED_SEARCH, WATCHED_SEARCH};
pub use tree_options::TreeOptions;
pub use tree_reading::{MemberReading, TreeReading};
pub use tree_sampler::{Clock, TreeSampler};

/// The tests of this crate are a target with a probe of their own.
#[cfg(test)]
#[global_allocator]
static PROBE: soakd_probe::Probe = soakd_probe::Probe::system();
