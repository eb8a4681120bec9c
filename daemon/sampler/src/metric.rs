//! What is measured: one row for each metric.

/// When a metric is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Detail {
    /// On every tick: about 1 µs for each process and source.
    Fast,
    /// With `stat` and `status` on top: about 10 to 15 µs for each process.
    Full,
    /// With a walk through the address space on top: about 10 ms for each GiB that is resident, during which the
    /// target's own `mmap` and `munmap` wait; and with a look at each descriptor. Both are kept within a share of time by
    /// [`crate::TreeSampler`].
    Slow,
    /// Not by the tree's ticks but by a source of its own, as often as its share of time allows: at best on every tick.
    Paced,
}

/// Whose metric it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Of each process, and summed over the tree.
    Process,
    /// Of the tree as a whole.
    Tree,
    /// Of the host: context, never the target's own.
    Host,
}

/// What the sum over a tree means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum TreeSum {
    /// Each unit is counted once.
    Exact,
    /// What several processes share is counted for each of them: fine for growth while the number of processes
    /// stays, too large as a level. After `fork` it counts untouched pages twice.
    SharedCountsTwice,
    /// Counts since the start of each process; what departed members had counted stays in the sum, so that it never falls.
    Cumulative,
    /// The sum over the processes that give it at all: a program without a probe adds nothing. What a `fork` shares is counted
    /// for each.
    Offered,
    /// There is no sum; the host has one value.
    None,
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its key in a [`crate::Reading`].
    pub id: MetricId,
    /// Its name, which ends in its unit: `rss_bytes`.
    pub name: &'static str,
    /// What it is, for people.
    pub description: &'static str,
    /// When it is read.
    pub detail: Detail,
    /// Whose it is.
    pub scope: Scope,
    /// What its sum over a tree means.
    pub tree_sum: TreeSum,
    /// Whether growth of it means a leak, so that it is judged unless the profile says otherwise.
    pub judged_by_default: bool,
}

impl Metric {
    /// Whether processes that do not give it are none the less whole: it takes a probe in the program.
    #[must_use]
    pub fn is_offered(&self) -> bool {
        self.tree_sum == TreeSum::Offered || self.id == MetricId::Operations
    }

    /// Whether it counts bytes.
    #[must_use]
    pub fn is_memory(&self) -> bool {
        self.name.ends_with("_bytes")
    }
}

macro_rules! metrics {
    ($($id:ident $name:literal $detail:ident $scope:ident $sum:ident $judged:literal $description:literal;)+) => {
        /// The key of a metric. Its row is [`MetricId::row`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        #[repr(usize)]
        pub enum MetricId {
            $(#[doc = concat!("`", $name, "`: ", $description)] $id,)+
        }

        /// All metrics, in the order in which they are shown.
        pub static METRICS: &[Metric] = &[
            $(Metric {
                id: MetricId::$id,
                name: $name,
                description: $description,
                detail: Detail::$detail,
                scope: Scope::$scope,
                tree_sum: TreeSum::$sum,
                judged_by_default: $judged,
            },)+
        ];

        impl MetricId {
            /// Number of metrics.
            pub const COUNT: usize = [$(stringify!($id)),+].len();
        }
    };
}

metrics! {
    HeapLive "heap_live_bytes" Fast Process Offered true
        "live heap: what the program allocated and has not freed, whatever the allocator keeps; the clearest witness of a leak";
    HeapBlocks "heap_blocks_count" Fast Process Offered false
        "live blocks of the heap: how many pieces it consists of";
    AnonSwap "anon_swap_bytes" Fast Process SharedCountsTwice true
        "anonymous memory, resident and swapped out: what a program allocated and touched; the default witness of a leak";
    Anon "anon_bytes" Fast Process SharedCountsTwice false
        "resident anonymous memory (heap, stacks, private mappings), without what is swapped out";
    Swap "swap_bytes" Fast Process SharedCountsTwice false
        "anonymous memory that is swapped out";
    Rss "rss_bytes" Fast Process SharedCountsTwice false
        "resident memory, file pages and shared memory included";
    Virtual "virtual_bytes" Fast Process SharedCountsTwice false
        "size of the address space, touched or not";
    Fds "fds_count" Fast Process SharedCountsTwice true
        "open file descriptors; one that several processes hold counts once for each, since each has to close it";
    Threads "threads_count" Fast Process Exact true
        "threads";
    Procs "procs_count" Fast Tree Exact false
        "processes of the target, zombies left out";
    RssFile "rss_file_bytes" Full Process SharedCountsTwice false
        "resident pages of files (programs, libraries, mapped data): the kernel can drop them";
    RssShmem "rss_shmem_bytes" Full Process SharedCountsTwice false
        "resident shared memory and tmpfs pages";
    Cpu "cpu_s" Full Process Cumulative false
        "CPU time used since the start, user and system";
    MinorFaults "minor_faults_count" Full Process Cumulative false
        "page faults served from memory since the start";
    MajorFaults "major_faults_count" Full Process Cumulative false
        "page faults that waited for a disk since the start";
    Operations "ops_count" Fast Process Cumulative false
        "operations that the target itself counts with its probe";
    Pss "pss_bytes" Slow Process Exact false
        "resident memory, where each shared page counts by its share";
    Uss "uss_bytes" Slow Process Exact true
        "resident memory that no other process shares: what would be free if the process ended";
    SwapPss "swap_pss_bytes" Slow Process Exact false
        "swapped-out memory, where each shared page counts by its share";
    RssKept "rss_kept_bytes" Slow Process SharedCountsTwice false
        "resident memory, exact, without pages that the program gave back lazily (MADV_FREE) and the kernel has not taken yet";
    LazyFree "lazy_free_bytes" Slow Process SharedCountsTwice false
        "resident pages that the program gave back lazily (MADV_FREE): the kernel takes them when it needs them";
    AnonHuge "anon_huge_bytes" Slow Process SharedCountsTwice false
        "resident anonymous memory in transparent huge pages: it moves in steps of 2 MiB";
    ShmemHuge "shmem_huge_bytes" Slow Process SharedCountsTwice false
        "resident shared memory in transparent huge pages";
    Shared "shared_bytes" Slow Process SharedCountsTwice false
        "resident memory that other processes use too";
    IoRead "io_read_bytes" Full Process Cumulative false
        "bytes fetched from storage since the start";
    IoWritten "io_written_bytes" Full Process Cumulative false
        "bytes sent to storage since the start, those that are still to be written included";
    Brk "brk_bytes" Slow Process SharedCountsTwice false
        "size of the heap mapping, which malloc extends with brk: what the allocator keeps; the last resort where nobody tells a live heap";
    FdsFiles "fds_files_count" Slow Process SharedCountsTwice false
        "open descriptors of files, folders and devices";
    FdsDeleted "fds_deleted_count" Slow Process SharedCountsTwice false
        "open descriptors of files that were deleted";
    FdsMemoryFiles "fds_memory_files_count" Slow Process SharedCountsTwice false
        "open descriptors of memory that looks like a file (memfd)";
    FdsSockets "fds_sockets_count" Slow Process SharedCountsTwice false
        "open descriptors of sockets";
    FdsPipes "fds_pipes_count" Slow Process SharedCountsTwice false
        "open descriptors of pipes";
    FdsEventFds "fds_eventfds_count" Slow Process SharedCountsTwice false
        "open descriptors of eventfds";
    FdsAnonInodes "fds_anon_inodes_count" Slow Process SharedCountsTwice false
        "open descriptors of other kernel objects: epoll, timers, signals, inotify, io_uring";
    FdsOthers "fds_others_count" Slow Process SharedCountsTwice false
        "open descriptors of anything else";
    DeletedFiles "deleted_files_bytes" Slow Process SharedCountsTwice false
        "disk space of files that were deleted and are still open";
    SocketsEstablished "sockets_established_count" Slow Process SharedCountsTwice false
        "TCP connections that are established";
    SocketsCloseWait "sockets_close_wait_count" Slow Process SharedCountsTwice false
        "TCP connections that the other side has closed and the target has not (CLOSE_WAIT)";
    SocketsListen "sockets_listen_count" Slow Process SharedCountsTwice false
        "TCP sockets that listen";
    SocketsTcpOther "sockets_tcp_other_count" Slow Process SharedCountsTwice false
        "TCP sockets in any other state: opening, closing";
    SocketsUdp "sockets_udp_count" Slow Process SharedCountsTwice false
        "UDP sockets";
    SocketsUnix "sockets_unix_count" Slow Process SharedCountsTwice false
        "UNIX sockets";
    SocketsOther "sockets_other_count" Slow Process SharedCountsTwice false
        "sockets of other families, and TCP and UDP sockets without an address yet";
    SocketsTimeWait "sockets_time_wait_count" Slow Tree Exact false
        "TCP connections that linger after the target closed them (TIME_WAIT), on ports that it listens on: nobody owns the others";
    CgroupAnonKernel "cgroup_anon_kernel_bytes" Paced Tree Exact true
        "anonymous memory of the target's own cgroup, swapped out or not, and its kernel memory without caches that can be dropped (v2)";
    Cgroup "cgroup_bytes" Paced Tree Exact false
        "all memory charged to the target's own cgroup, page cache included";
    CgroupAnon "cgroup_anon_bytes" Paced Tree Exact false
        "resident anonymous memory of the target's own cgroup";
    CgroupFile "cgroup_file_bytes" Paced Tree Exact false
        "page cache of the target's own cgroup, tmpfs and shared memory included";
    CgroupShmem "cgroup_shmem_bytes" Paced Tree Exact false
        "tmpfs and shared memory of the target's own cgroup";
    CgroupKernel "cgroup_kernel_bytes" Paced Tree Exact false
        "kernel memory of the target's own cgroup: stacks, page tables, slab";
    CgroupSlab "cgroup_slab_bytes" Paced Tree Exact false
        "kernel objects (slab) of the target's own cgroup";
    CgroupSlabReclaimable "cgroup_slab_reclaimable_bytes" Paced Tree Exact false
        "kernel objects of the target's own cgroup that can be dropped: names and inodes of files it has looked at";
    CgroupSock "cgroup_sock_bytes" Paced Tree Exact false
        "network buffers of the target's own cgroup";
    CgroupSwap "cgroup_swap_bytes" Paced Tree Exact false
        "memory of the target's own cgroup that is swapped out";
    CgroupPeak "cgroup_peak_bytes" Paced Tree Cumulative false
        "most memory that was ever charged to the target's own cgroup; never falls";
    CgroupPids "cgroup_pids_count" Paced Tree Exact false
        "processes and threads in the target's own cgroup";
    CgroupHigh "cgroup_high_count" Paced Tree Cumulative false
        "times that the target's own cgroup was slowed down for being above its high limit";
    CgroupMax "cgroup_max_count" Paced Tree Cumulative false
        "times that the target's own cgroup ran into its limit";
    CgroupOom "cgroup_oom_count" Paced Tree Cumulative false
        "times that the target's own cgroup could not get memory within its limit";
    CgroupOomKill "cgroup_oom_kill_count" Paced Tree Cumulative false
        "processes of the target's own cgroup that the kernel killed for want of memory";
    CgroupCpuPressure "cgroup_cpu_pressure_ratio" Paced Tree Exact false
        "share of the last 10 s in which some task of the target's own cgroup waited for a CPU";
    CgroupMemoryPressure "cgroup_memory_pressure_ratio" Paced Tree Exact false
        "share of the last 10 s in which some task of the target's own cgroup waited for memory";
    CgroupIoPressure "cgroup_io_pressure_ratio" Paced Tree Exact false
        "share of the last 10 s in which some task of the target's own cgroup waited for storage";
    Disk "disk_bytes" Paced Tree Exact true
        "disk space that the named paths take";
    DiskFiles "disk_files_count" Paced Tree Exact true
        "files and folders below the named paths";
    HostAvailable "host_available_bytes" Fast Host None false
        "memory of the host that programs can still get without swapping";
    HostUsed "host_used_bytes" Fast Host None false
        "memory of the host that is in use and cannot be had by dropping caches";
    HostSwapUsed "host_swap_used_bytes" Fast Host None false
        "swap space of the host that is in use";
    HostSlab "host_slab_bytes" Fast Host None false
        "kernel objects (slab) of the host";
    HostSlabUnreclaimable "host_slab_unreclaimable_bytes" Fast Host None false
        "kernel objects of the host that cannot be dropped";
    HostPageTables "host_page_tables_bytes" Fast Host None false
        "page tables of the host";
    HostCpuPressure "host_cpu_pressure_ratio" Fast Host None false
        "share of the last 10 s in which some task of the host waited for a CPU";
    HostMemoryPressure "host_memory_pressure_ratio" Fast Host None false
        "share of the last 10 s in which some task of the host waited for memory";
    HostIoPressure "host_io_pressure_ratio" Fast Host None false
        "share of the last 10 s in which some task of the host waited for storage";
    HostLoad "host_load_count" Fast Host None false
        "mean number of tasks that ran, wanted to run or waited for a disk over the last minute";
}

impl MetricId {
    /// All keys, in the order of [`METRICS`].
    pub fn all() -> impl Iterator<Item = Self> {
        METRICS.iter().map(|row| row.id)
    }

    /// The row of this metric.
    #[must_use]
    pub fn row(self) -> &'static Metric {
        &METRICS[self as usize]
    }

    /// The name of this metric, with its unit.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The metric of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        METRICS.iter().find(|row| row.name == name).map(|row| row.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_stands_at_its_key_and_has_a_unique_name() {
        assert_eq!(METRICS.len(), MetricId::COUNT);
        for (index, row) in METRICS.iter().enumerate() {
            assert_eq!(row.id as usize, index, "{}", row.name);
            assert_eq!(MetricId::named(row.name), Some(row.id));
            assert_eq!(row.id.row(), row);
        }
        assert_eq!(MetricId::named("rss"), None);
    }

    #[test]
    fn every_name_ends_in_a_unit_and_every_row_is_described() {
        for row in METRICS {
            assert!(
                ["_bytes", "_count", "_s", "_ratio"].iter().any(|unit| row.name.ends_with(unit)),
                "`{}` has no unit",
                row.name
            );
            assert!(row.description.len() > 5 && !row.description.ends_with('.'), "{}", row.name);
            assert_eq!(row.scope == Scope::Host, row.tree_sum == TreeSum::None, "{}", row.name);
        }
    }
}
