//! What the host does to memory that a reader of the figures should know.

use soakd_analysis::Quantity;

use super::{Finding, Host};

/// The capability that shows page frames.
const CAP_SYS_ADMIN: u32 = 21;

pub(super) fn huge_pages(host: &Host) -> Finding {
    let Ok(text) = host.read("/sys/kernel/mm/transparent_hugepage/enabled") else {
        return Finding::ok("the kernel has no transparent huge pages");
    };
    let chosen = text.split(' ').find_map(|word| word.strip_prefix('[')?.strip_suffix(']')).unwrap_or("unknown");
    if chosen != "always" {
        return Finding::ok(format!("transparent huge pages: `{chosen}`"));
    }
    Finding::limited(
        "transparent huge pages: `always`",
        "memory grows in steps of 2 MiB and a page that is touched once counts in full: short runs see less",
    )
    .action("for short checks: `echo madvise > /sys/kernel/mm/transparent_hugepage/enabled`; leave it where production has it")
}

pub(super) fn swap(host: &Host) -> Finding {
    let text = host.read("/proc/swaps").unwrap_or_default();
    // Filename, type, size and used in KiB, priority.
    let kib = |field: usize| -> u64 {
        let fields =
            text.lines().skip(1).filter_map(|line| line.split_ascii_whitespace().nth(field)?.parse::<u64>().ok());
        fields.sum()
    };
    let (size_kib, used_kib) = (kib(2), kib(3));
    if size_kib == 0 {
        return Finding::ok("no swap: resident memory is all there is");
    }
    let shown = |kib: u64| Quantity::Bytes.show(kib as f64 * 1024.0).to_string();
    let found = format!("{} of swap, {} of it in use", shown(size_kib), shown(used_kib));
    if used_kib == 0 {
        return Finding::ok(found);
    }
    Finding::limited(
        found,
        "resident memory falls when the host swaps a target out: `swap_bytes` is sampled with it, so look at both",
    )
    .action("give the host enough memory for the run, or `MemorySwapMax=0` to the unit of the target")
}

pub(super) fn idle_pages(host: &Host) -> Finding {
    if host.path("/sys/kernel/mm/page_idle/bitmap").exists() {
        if host.has_capability(CAP_SYS_ADMIN) {
            return Finding::ok("idle page tracking tells which memory is in use");
        }
        return Finding::limited(
            "idle page tracking is there and not for this user: `clear_refs` tells which memory is in use",
            "after a suspicion the referenced bits of the target are cleared once, by which the kernel chooses what to swap out",
        )
        .action("run soakd as root, or set `touched = false` in `[sample]`");
    }
    Finding::ok("`clear_refs` tells which memory is in use; this kernel has no idle page tracking")
}
