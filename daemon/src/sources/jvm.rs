//! The heap of the Java virtual machines of a target, through `jcmd`.
//!
//! `GC.heap_info` tells what is used, garbage included; `GC.class_histogram` collects all garbage first and tells what lives.
//! The texts are those of OpenJDK 8 to 25: each collector has its own, and they change from version to version.

use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use soakd_profiles::JvmHeap;
use soakd_sampler::{Membership, ProcRoot, ProcessTree};

use super::command;
use super::failure::{SourceFailure, beginning};
use crate::target::SpawnSpec;

/// Virtual machines of one target that are asked; each costs a start of `jcmd`.
const MOST_MACHINES: usize = 8;

/// The sum over the virtual machines among the processes of `membership`; `None` where `over` came first.
pub(super) async fn heap(
    membership: &Membership,
    what: JvmHeap,
    timeout: Duration,
    over: impl Future<Output = ()>,
) -> Option<Result<f64, SourceFailure>> {
    let machines = machines(membership);
    if machines.is_empty() {
        return Some(Err(SourceFailure::NoJvm));
    }
    let mut over = std::pin::pin!(over);
    let mut sum_bytes = 0.0;
    for machine in machines.into_iter().take(MOST_MACHINES) {
        let question = match what {
            JvmHeap::Used => "GC.heap_info",
            JvmHeap::Live => "GC.class_histogram",
        };
        let spec = SpawnSpec::command(machine.jcmd, [machine.pid.to_string(), question.to_owned()]);
        let text = match command::run(spec, timeout, over.as_mut()).await? {
            Ok(text) => text,
            Err(failure) => return Some(Err(failure)),
        };
        let bytes = match what {
            JvmHeap::Used => used_bytes(&text),
            JvmHeap::Live => live_bytes(&text),
        };
        match bytes {
            Some(bytes) => sum_bytes += bytes,
            None => {
                let found = beginning(text.split_once('\n').map_or(&text, |(_, rest)| rest));
                return Some(Err(SourceFailure::Garbage { expected: "what `jcmd` says of a heap", found }));
            }
        }
    }
    Some(Ok(sum_bytes))
}

struct Machine {
    pid: u32,
    /// The tool of its own installation, where that is there, since it speaks the same version.
    jcmd: PathBuf,
}

fn machines(membership: &Membership) -> Vec<Machine> {
    let root = ProcRoot::default();
    let mut tree = ProcessTree::new(root.clone(), membership.clone());
    // A target whose processes cannot be listed has none that could be asked.
    let Ok(members) = tree.refresh(Duration::ZERO) else { return Vec::new() };
    let machine = |member: &soakd_sampler::Member| {
        let pid = member.id.pid;
        let program = std::fs::read_link(root.process_file(pid, "exe")).ok();
        let is_java = program.as_ref().and_then(|path| path.file_name()).is_some_and(|name| name == "java");
        let beside = program.map(|path| path.with_file_name("jcmd")).filter(|path| path.is_file());
        is_java.then(|| Machine { pid, jcmd: beside.unwrap_or_else(|| PathBuf::from("jcmd")) })
    };
    members.iter().filter_map(machine).collect()
}

/// Beginnings of the lines that tell a part of the heap, in the words of each collector.
const PARTS: &[&str] = &[
    "garbage-first heap",
    "PSYoungGen",
    "ParOldGen",
    "PSOldGen",
    "def new generation",
    "tenured generation",
    "DefNew",
    "Tenured",
    "par new generation",
    "concurrent mark-sweep generation",
    "ZHeap",
];

/// The answer to `GC.heap_info`: bytes in use.
fn used_bytes(text: &str) -> Option<f64> {
    let mut lines = text.lines().map(str::trim);
    if let Some(shenandoah) = lines.clone().skip_while(|line| !line.starts_with("Shenandoah Heap")).nth(1) {
        // `256M max, 256M soft max, 256M committed, 3M used`
        return size(shenandoah.rsplit(',').next()?.trim().strip_suffix(" used")?);
    }
    lines.try_fold(None, |sum: Option<f64>, line| {
        if !PARTS.iter().any(|part| line.starts_with(part)) {
            return Some(sum);
        }
        let (_, rest) = line.split_once("used ")?;
        let used = size(rest.split([' ', ',', '[']).next()?)?;
        Some(Some(sum.unwrap_or(0.0) + used))
    })?
}

/// The answer to `GC.class_histogram`: bytes of all that lives, in its last line.
fn live_bytes(text: &str) -> Option<f64> {
    let total = text.lines().rev().find_map(|line| line.trim().strip_prefix("Total"))?;
    total.split_whitespace().nth(1)?.parse().ok().filter(|bytes: &f64| bytes.is_finite())
}

/// `2048K`, `3M`, `1.5G` in bytes.
fn size(text: &str) -> Option<f64> {
    let text = text.strip_suffix('B').unwrap_or(text);
    let (number, factor) = match text.strip_suffix(['K', 'M', 'G', 'T']) {
        Some(number) => {
            let factor = match text.as_bytes().last()? {
                b'K' => 1024.0,
                b'M' => 1024.0 * 1024.0,
                b'G' => 1024.0 * 1024.0 * 1024.0,
                _ => 1024.0 * 1024.0 * 1024.0 * 1024.0,
            };
            (number, factor)
        }
        None => (text, 1.0),
    };
    number.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0).map(|number| number * factor)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KIB: f64 = 1024.0;

    #[test]
    fn every_collector_has_its_words() {
        for (text, kib) in [
            (include_str!("../../fixtures/jcmd/heap_info-g1-17.txt"), 1193.0),
            (include_str!("../../fixtures/jcmd/heap_info-parallel-17.txt"), 2662.0),
            (include_str!("../../fixtures/jcmd/heap_info-serial-17.txt"), 2795.0),
            (include_str!("../../fixtures/jcmd/heap_info-shenandoah-17.txt"), 1536.0),
            (include_str!("../../fixtures/jcmd/heap_info-z-17.txt"), 4096.0),
            (include_str!("../../fixtures/jcmd/heap_info-g1-25.txt"), 2190.0),
            (include_str!("../../fixtures/jcmd/heap_info-serial-25.txt"), 3961.0),
        ] {
            assert_eq!(used_bytes(text), Some(kib * KIB), "{text}");
        }
    }

    #[test]
    fn the_histogram_ends_in_its_sum() {
        assert_eq!(live_bytes(include_str!("../../fixtures/jcmd/class_histogram-17.txt")), Some(1060984.0));
    }

    #[test]
    fn other_answers_are_no_heap() {
        for text in ["", "4711:\n", "4711:\nCommand executed successfully\n", " garbage-first heap   total 1K, used"] {
            assert_eq!((used_bytes(text), live_bytes(text)), (None, None), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC*|( ?(ZHeap|Total|Shenandoah Heap|used|[0-9]{1,4}[KMG]?|,|\n)){0,30}") {
            let _ = used_bytes(&text);
            let _ = live_bytes(&text);
        }
    }
}
