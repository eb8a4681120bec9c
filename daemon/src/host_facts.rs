//! Facts about the host, as the verdict names them.

use soakd_reports::Host;
use soakd_sampler::{HostFacts, ProcRoot};

/// The host soakd runs on. What cannot be read is `None`.
#[must_use]
pub fn host() -> Host {
    let facts = HostFacts::read(&ProcRoot::default());
    Host {
        name: facts.hostname,
        os: facts.system,
        kernel: facts.kernel,
        arch: Some(facts.architecture),
        cpus_count: u32::try_from(facts.cpus_count).ok(),
        memory_bytes: Some(facts.memory_bytes).filter(|bytes| *bytes > 0),
        swap_bytes: Some(facts.swap_bytes),
    }
}
