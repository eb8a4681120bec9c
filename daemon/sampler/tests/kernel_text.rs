//! The parsers on the kernel's own text, on text with faults, and on anything at all.

use proptest::prelude::*;
use soakd_sampler::{
    CgroupMounts, Comm, Io, Meminfo, MetricId, Reading, SampleError, SmapsRollup, Stat, Statm, Status, parse_pressure,
};

const STATUS: &str = include_str!("../fixtures/proc/status-6.18.txt");
const KERNEL_THREAD: &str = include_str!("../fixtures/proc/status-kernel-thread-6.18.txt");
const ROLLUP: &str = include_str!("../fixtures/proc/smaps_rollup-6.18.txt");
const STAT: &[u8] =
    b"9208 (bash) S 9176 9208 9208 0 -1 4194560 3405 78058 5 11 120 30 52 24 20 0 1 0 87411 5124096 1003 \
18446744073709551615 94051331993600 94051332783005 140726139310768 0 0 0 65536 4 1132560123 1 0 0 17 1 0 0 0 0 0 \
94051333016304 94051333064548 94051878649856 140726139313018 140726139313033 140726139313033 140726139314154 0\n";

#[test]
fn stat_gives_identity_time_and_faults() {
    let stat = Stat::parse(STAT).unwrap();
    assert_eq!((stat.pid, stat.parent_pid, stat.start_ticks, stat.state), (9208, 9176, 87411, b'S'));
    assert_eq!((stat.minor_faults_count, stat.major_faults_count, stat.cpu_ticks), (3405, 5, 150));
    assert_eq!(stat.comm, Comm::new(b"bash"));
    assert!(!stat.has_ended());
    let mut reading = Reading::default();
    stat.fill(100.0, &mut reading);
    assert_eq!(reading.get(MetricId::Cpu), Some(1.5));
}

#[test]
fn a_name_may_hold_anything() {
    for name in ["a) R 1 2 (b", "((", "))", "", " ", "tab\there", "line\nend", "1 2 3"] {
        let text = String::from_utf8_lossy(STAT).replace("(bash)", &format!("({name})"));
        let stat = Stat::parse(text.as_bytes()).unwrap();
        assert_eq!((stat.comm, stat.parent_pid), (Comm::new(name.as_bytes()), 9176), "{name:?}");
    }
    assert_eq!(Comm::new(b"a name that is much too long").as_bytes(), b"a name that is ");
    assert_eq!(Comm::new(b"esc\x1b[0m\xff").to_string(), "esc\\u{1b}[0m\u{fffd}");
}

#[test]
fn a_stat_that_was_cut_off_is_garbled_at_every_length() {
    // Up to the start time and the blank after it: from there on nothing is missing that is read.
    let needed = STAT.windows(6).position(|window| window == b"87411 ").unwrap() + 6;
    for length in 0..=needed {
        let parsed = Stat::parse(&STAT[..length]);
        assert!(matches!(parsed, Err(SampleError::Garbled { .. })), "{length}: {parsed:?}");
    }
}

#[test]
fn zombies_and_the_dead_have_ended() {
    for (state, ended) in [("Z", true), ("X", true), ("T", false), ("t", false), ("D", false), ("I", false)] {
        let text = String::from_utf8_lossy(STAT).replace(" S ", &format!(" {state} "));
        assert_eq!(Stat::parse(text.as_bytes()).unwrap().has_ended(), ended, "{state}");
    }
    // A task on its way out has given up memory and files before it is a zombie.
    let text = String::from_utf8_lossy(STAT).replace(" 4194560 ", " 4194564 ");
    assert!(Stat::parse(text.as_bytes()).unwrap().has_ended());
}

#[test]
fn statm_gives_resident_anonymous_and_virtual_memory() {
    let mut reading = Reading::default();
    Statm::parse(b"765 425 396 5 0 90 0\n").unwrap().fill(4096, &mut reading).unwrap();
    assert_eq!(reading.get(MetricId::Virtual), Some(765.0 * 4096.0));
    assert_eq!(reading.get(MetricId::Rss), Some(425.0 * 4096.0));
    assert_eq!(reading.get(MetricId::Anon), Some(29.0 * 4096.0));
    for bad in [&b""[..], b"765 425 396 5 0 90 0", b"765 425\n", b"765 425 -1\n", b"a b c\n", b"\n765 425 396\n"] {
        assert!(matches!(Statm::parse(bad), Err(SampleError::Garbled { .. })), "{bad:?}");
    }
}

#[test]
fn the_zeros_of_a_process_without_memory_are_no_sizes() {
    let mut reading = Reading::default();
    let filled = Statm::parse(b"0 0 0 0 0 0 0\n").unwrap().fill(4096, &mut reading);
    assert_eq!(filled, Err(SampleError::NoMemory));
    assert_eq!(reading.iter().count(), 0);
}

#[test]
fn status_gives_swap_and_kinds_of_resident_memory() {
    let status = Status::parse(STATUS.as_bytes());
    assert!(status.has_memory);
    assert_eq!(status.swap_bytes, Some(0));
    assert!(status.rss_file_bytes.is_some_and(|bytes| bytes > 0 && bytes % 4096 == 0));
    assert_eq!(status.rss_shmem_bytes, Some(0));
    assert!(status.thread_group.is_some());
    let thread = Status::parse(KERNEL_THREAD.as_bytes());
    assert_eq!(thread, Status { thread_group: Some(2), ..Status::default() });
}

#[test]
fn a_line_of_status_that_is_missing_odd_or_cut_off_is_none() {
    let without: String =
        STATUS.lines().filter(|line| !line.starts_with("VmSwap")).map(|line| format!("{line}\n")).collect();
    assert_eq!(Status::parse(without.as_bytes()).swap_bytes, None);
    let odd = STATUS.replace("VmSwap:\t       0 kB", "VmSwap:\t       0 MB");
    assert_ne!(odd, STATUS);
    assert_eq!(Status::parse(odd.as_bytes()).swap_bytes, None);
    let cut = STATUS.find("VmSwap").unwrap() + "VmSwap:\t       0 k".len();
    assert_eq!(Status::parse(&STATUS.as_bytes()[..cut]).swap_bytes, None);
}

#[test]
fn smaps_rollup_gives_proportional_and_unique_memory() {
    let rollup = SmapsRollup::parse(ROLLUP.as_bytes());
    let uss = rollup.uss_bytes().unwrap();
    assert!(rollup.pss_bytes.unwrap() >= uss && rollup.rss_bytes.unwrap() >= rollup.pss_bytes.unwrap());
    assert_eq!(Some(uss), rollup.private_clean_bytes.unwrap().checked_add(rollup.private_dirty_bytes.unwrap()));
    let mut reading = Reading::default();
    rollup.fill(&mut reading).unwrap();
    assert_eq!(reading.iter().count(), 8);
    let mut reading = Reading::default();
    assert_eq!(SmapsRollup::parse(b"").fill(&mut reading), Err(SampleError::NoMemory));
    assert_eq!(rollup.rss_kept_bytes(), rollup.rss_bytes, "nothing was given back");
    assert_eq!(rollup.shared_bytes().unwrap() + uss, rollup.rss_bytes.unwrap());
    let cut = SmapsRollup::parse(&ROLLUP.as_bytes()[..ROLLUP.find("Private_Dirty").unwrap()]);
    assert!(matches!(cut.fill(&mut reading), Err(SampleError::Garbled { .. })));
    assert_eq!(reading.get(MetricId::Uss), None);
}

#[test]
fn memory_that_was_given_back_lazily_is_not_kept() {
    let text = "Rss: 300 kB\nPss: 300 kB\nShared_Clean: 40 kB\nShared_Dirty: 10 kB\nPrivate_Clean: 0 kB\n\
                Private_Dirty: 250 kB\nLazyFree: 120 kB\nAnonHugePages: 2048 kB\nShmemPmdMapped: 4096 kB\n";
    let mut reading = Reading::default();
    SmapsRollup::parse(text.as_bytes()).fill(&mut reading).unwrap();
    let kib = |metric| reading.get(metric).map(|bytes| bytes / 1024.0);
    assert_eq!((kib(MetricId::RssKept), kib(MetricId::LazyFree)), (Some(180.0), Some(120.0)));
    assert_eq!((kib(MetricId::AnonHuge), kib(MetricId::ShmemHuge)), (Some(2048.0), Some(4096.0)));
    assert_eq!((kib(MetricId::Uss), kib(MetricId::Shared)), (Some(250.0), Some(50.0)));
    assert_eq!(reading.get(MetricId::SwapPss), None, "a kernel that cannot swap");
    // Before Linux 4.12 nothing is said about it: resident memory cannot be corrected then.
    let old = text.replace("LazyFree: 120 kB\n", "");
    let mut reading = Reading::default();
    SmapsRollup::parse(old.as_bytes()).fill(&mut reading).unwrap();
    assert_eq!((reading.get(MetricId::RssKept), reading.get(MetricId::LazyFree)), (None, None));
}

#[test]
fn io_gives_what_went_to_storage() {
    let text = b"rchar: 6976\nwchar: 5\nsyscr: 10\nsyscw: 0\nread_bytes: 8192\nwrite_bytes: 4096\n\
                 cancelled_write_bytes: 12\n";
    let mut reading = Reading::default();
    Io::parse(text).fill(&mut reading).unwrap();
    assert_eq!((reading.get(MetricId::IoRead), reading.get(MetricId::IoWritten)), (Some(8192.0), Some(4096.0)));
    for bad in [&b""[..], b"read_bytes: 1\n", b"read_bytes: 1\nwrite_bytes: 1", b"read_bytes: -1\nwrite_bytes: 1\n"] {
        assert!(matches!(Io::parse(bad).fill(&mut Reading::default()), Err(SampleError::Garbled { .. })), "{bad:?}");
    }
}

/// Any bytes, and kernel text with some of its bytes changed or cut off.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let real = prop::sample::select(vec![STATUS.as_bytes(), STAT, ROLLUP.as_bytes(), b"765 425 396 5 0 90 0\n"]);
    let damaged =
        (real, any::<prop::sample::Index>(), prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8))
            .prop_map(|(real, length, changes)| {
                let mut text = real[..=length.index(real.len())].to_vec();
                for (place, byte) in changes {
                    let place = place.index(text.len());
                    text[place] = byte;
                }
                text
            });
    prop_oneof![prop::collection::vec(any::<u8>(), 0..512), damaged]
}

proptest! {
    #[test]
    fn no_text_makes_a_parser_panic_or_gives_a_value_that_is_not_finite(text in text()) {
        let mut reading = Reading::default();
        let _ = Stat::parse(&text).map(|stat| stat.fill(100.0, &mut reading));
        let _ = Statm::parse(&text).and_then(|statm| statm.fill(4096, &mut reading));
        let _ = SmapsRollup::parse(&text).fill(&mut reading);
        let _ = Meminfo::parse(&text).fill(&mut reading);
        let _ = Io::parse(&text).fill(&mut reading);
        let _ = parse_pressure(&text);
        let _ = Status::parse(&text);
        let _ = CgroupMounts::parse(&String::from_utf8_lossy(&text)).memory_cgroup_in(&text);
        for (_, value) in reading.iter() {
            prop_assert!(value.is_finite() && value >= 0.0);
        }
    }
}
