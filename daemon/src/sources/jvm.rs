//! The heap of the Java virtual machines of a target, in the words of `jcmd`.
//!
//! `GC.heap_info` tells what is used, garbage included; `GC.class_histogram` collects all garbage first and tells what lives.
//! The texts are those of OpenJDK 8 to 25: each collector has its own, and they change from version to version.

use std::collections::BTreeSet;
use std::future::Future;
use std::time::Duration;

use soakd_profiles::JvmHeap;
use soakd_sampler::{Membership, ProcRoot, ProcessId, ProcessTree};

use super::failure::{SourceFailure, beginning};
use super::jvm_attach;

/// Virtual machines of one target that are asked.
const MOST_MACHINES: usize = 32;

/// The sum over the virtual machines among the processes of `membership`; `None` where `over` came first. `signalled` is kept
/// from one question to the next; see [`jvm_attach::ask`].
pub(super) async fn heap(
    membership: &Membership,
    what: JvmHeap,
    signalled: &mut BTreeSet<ProcessId>,
    timeout: Duration,
    over: impl Future<Output = ()>,
) -> Option<Result<f64, SourceFailure>> {
    let answer = tokio::select! {
        biased;
        () = over => return None,
        answer = tokio::time::timeout(timeout, of_all(membership, what, signalled)) => answer,
    };
    Some(answer.unwrap_or(Err(SourceFailure::TimedOut(timeout))))
}

async fn of_all(
    membership: &Membership,
    what: JvmHeap,
    signalled: &mut BTreeSet<ProcessId>,
) -> Result<f64, SourceFailure> {
    let root = ProcRoot::default();
    let machines = machines(&root, membership);
    if machines.is_empty() {
        return Err(SourceFailure::NoJvm);
    }
    let mut sum_bytes = 0.0;
    for machine in machines.into_iter().take(MOST_MACHINES) {
        let (question, parse): (&str, fn(&str) -> Option<f64>) = match what {
            JvmHeap::Used => ("GC.heap_info", used_bytes),
            JvmHeap::Live => ("GC.class_histogram", live_bytes),
        };
        let text = jvm_attach::ask(&root, machine, signalled, question).await?;
        let garbage =
            || SourceFailure::Garbage { expected: "what a virtual machine says of its heap", found: beginning(&text) };
        sum_bytes += parse(&text).ok_or_else(garbage)?;
    }
    Ok(sum_bytes)
}

/// The virtual machines.
fn machines(root: &ProcRoot, membership: &Membership) -> Vec<ProcessId> {
    let mut tree = ProcessTree::new(root.clone(), membership.clone());
    // A target whose processes cannot be listed has none that could be asked.
    let Ok(members) = tree.refresh(Duration::ZERO) else { return Vec::new() };
    let is_java = |id: &ProcessId| {
        let program = std::fs::read_link(root.process_file(id.pid, "exe"));
        program.is_ok_and(|path| path.file_name().is_some_and(|name| name == "java"))
    };
    members.iter().map(|member| member.id).filter(is_java).collect()
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
