//! The life of a target: started or attached to, ready, watched, started again, stopped.
//!
//! The run holds one [`Target`]; whether it was spawned or attached to makes no difference from there on.

pub mod error;
pub mod event;
pub mod identity;
pub mod spec;

pub use error::TargetError;
pub use event::{AfterExit, ExitStatus, Leftover, LimitOutcome, Placement, StopReport, StopTook, TargetEvent};
pub use identity::ProcessId;
pub use spec::{
    AttachSpec, AttachTo, CgroupWish, Follow, InheritEnvironment, Isolation, LimitedResource, OutputSpec, ReadySpec,
    ReadyWhen, ResourceLimit, RestartPolicy, RestartWhen, SpawnSpec, StopSpec,
};
