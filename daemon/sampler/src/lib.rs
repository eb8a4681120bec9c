//! Reads processes, process trees and host memory, cheaply.
//!
//! ```
//! use soakd_sampler::{Membership, ProcRoot, ProcessId, ProcessTree};
//! use std::time::Duration;
//!
//! let root = ProcRoot::default();
//! let this = ProcessId::of(&root, std::process::id())?;
//! let mut tree = ProcessTree::new(root, Membership::Descendants { of: vec![this], include_roots: true });
//! let members = tree.refresh(Duration::ZERO)?;
//! assert_eq!(members[0].id, this);
//! # Ok::<(), soakd_sampler::SampleError>(())
//! ```

mod births;
mod cgroup;
mod cost;
mod descriptors;
mod error;
mod fields;
mod host;
mod host_memory;
mod kept_file;
mod limits;
mod listing;
mod metric;
mod open_member;
mod proc_root;
mod process_id;
mod reading;
mod sampler;
mod sampler_status;
mod smaps_rollup;
mod stat;
mod statm;
mod status;
mod swap_areas;
mod threads;
mod tree;
mod tree_reading;
mod tree_sampler;

pub use cgroup::{Cgroup, CgroupLayout, CgroupMounts, CgroupVersion};
pub use cost::ReadCost;
pub use error::SampleError;
pub use host::HostFacts;
pub use host_memory::{HostSampler, Meminfo};
pub use limits::{LimitSource, MemoryLimit, memory_limits};
pub use metric::{Detail, METRICS, Metric, MetricId, Scope, TreeSum};
pub use proc_root::ProcRoot;
pub use process_id::{Liveness, ProcessId};
pub use reading::Reading;
pub use sampler::{SAMPLERS, Sampler, SamplerId, SamplerRow};
pub use sampler_status::{SamplerReport, SamplerStatus};
pub use smaps_rollup::SmapsRollup;
pub use stat::{Comm, Stat};
pub use statm::Statm;
pub use status::Status;
pub use tree::{Member, Membership, ProcessTree, UNWATCHED_SEARCH, WATCHED_SEARCH};
pub use tree_reading::{MemberReading, TreeReading};
pub use tree_sampler::{Clock, TreeOptions, TreeSampler};
