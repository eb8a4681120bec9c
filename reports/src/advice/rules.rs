//! The rules of advice: what is looked for, what it means, what to do.

use super::evidence;
use crate::verdict::Verdict;

/// One rule.
pub(super) struct Rule {
    pub(super) name: &'static str,
    pub(super) title: &'static str,
    /// What was seen, as a sentence; `None` where the rule has nothing to say.
    pub(super) seen: fn(&Verdict) -> Option<String>,
    pub(super) meaning: &'static str,
    pub(super) steps: &'static [&'static str],
}

/// Every rule. What stands further up is more specific and is told first.
pub(super) static RULES: &[Rule] = &[
    Rule {
        name: "target_killed",
        title: "the target was killed",
        seen: evidence::killed,
        meaning: "Nobody but the kernel or an operator sends signal 9. The kernel does it when memory runs out, and then \
                  the run is itself the proof of a limit that was reached.",
        steps: &[
            "`dmesg | grep -i 'killed process'`, or `memory.events` of its cgroup (`oom_kill`), says whether it was the kernel",
            "run it again with a higher limit, or a shorter `--for`, to see how it grows towards the limit",
        ],
    },
    Rule {
        name: "target_died",
        title: "the target ended by itself",
        seen: evidence::died,
        meaning: "A program that dies under load has not been soaked: what it would have done later is not known.",
        steps: &[
            "read its last output: `target.log` in the folder of the run",
            "soak again once it survives; a crash first, then the leak",
        ],
    },
    Rule {
        name: "connections",
        title: "connections are not let go",
        seen: evidence::descriptors_and_threads,
        meaning: "Descriptors and threads that grow together are connections, each with a thread that serves it and never \
                  ends: a peer that went away without a word, or a handler that waits for ever.",
        steps: &[
            "`ss -tnp state close-wait` and `ss -tnp state established`, twice in the run: which peers stay",
            "give every read and every idle connection a time limit",
            "`gdb -p PID -batch -ex 'thread apply all bt'` shows where the threads wait",
        ],
    },
    Rule {
        name: "descriptors",
        title: "descriptors stay open",
        seen: evidence::descriptors,
        meaning: "Each is a file, a socket or an event that was opened and never closed. A socket in CLOSE_WAIT is the \
                  classic: the peer has closed, and the program has not noticed or not called `close`. At the limit of \
                  open files every `accept` and `open` fails.",
        steps: &[
            "`ls -l /proc/PID/fd`, twice in the run: the kind that is only in the later list is the one that leaks",
            "`ss -tnp state close-wait`: sockets there wait for a `close` on this side; look at error paths and timeouts",
            "many `anon_inode` entries are event or timer descriptors: one for each request, or for each watcher",
        ],
    },
    Rule {
        name: "threads",
        title: "threads are started and never end",
        seen: evidence::threads,
        meaning: "A thread for each request, or an executor that is made again and again and never shut down. Each has a \
                  stack, and with glibc up to 8 allocator arenas for each processor, so that resident memory grows with them.",
        steps: &[
            "`cat /proc/PID/task/*/comm | sort | uniq -c`, twice in the run: the name that multiplies",
            "serve requests from a pool of fixed size, and make clients and executors once",
            "join or detach what is started; a detached thread that waits for ever is a leak all the same",
        ],
    },
    Rule {
        name: "processes",
        title: "processes pile up",
        seen: evidence::processes,
        meaning: "Children that never end, or that ended and were never waited for: a zombie keeps its place in the \
                  process table until its parent reads its status.",
        steps: &[
            "`ps -o pid,stat,etime,args --ppid PID`: state `Z` is one that nobody waited for",
            "wait for every child, or leave it to a reaper; limit how many run at once",
        ],
    },
    Rule {
        name: "retention",
        title: "the allocator keeps what was given back",
        seen: evidence::retention,
        meaning: "The program frees, resident memory stays. glibc keeps freed memory in arenas, up to 8 for each processor, \
                  and gives back only what lies at the top of one; a single small block above holds all below it. It \
                  levels off, unlike a leak, but it counts against a memory limit all the same.",
        steps: &[
            "run with `MALLOC_ARENA_MAX=2`: if the level falls, it was the arenas",
            "call `malloc_trim(0)` after a burst, or set `MALLOC_TRIM_THRESHOLD_` and `MALLOC_MMAP_THRESHOLD_`",
            "try jemalloc or mimalloc, which give back unused pages after some seconds",
        ],
    },
    Rule {
        name: "resident_only",
        title: "resident memory grows, the program's own does not",
        seen: evidence::resident_only,
        meaning: "What grows is not what the program allocated: files that are mapped and read in, shared memory, or pages \
                  that came back from swap. The kernel takes clean file pages back when it needs them.",
        steps: &[
            "`rss_file_bytes` and `rss_shmem_bytes` in `[sample]` tell files from shared memory",
            "`pmap -x PID`, twice in the run: which mapping grows",
        ],
    },
    Rule {
        name: "feeds_itself",
        title: "growth that feeds itself",
        seen: evidence::accelerating,
        meaning: "The more there is, the faster it grows: a listener that registers a listener, a retry that queues two \
                  retries, a list that is copied into itself. Such growth reaches every limit sooner than a line would.",
        steps: &[
            "look at what registers callbacks from within callbacks, and at retries without a limit",
            "count listeners, timers and queue entries in the program and let the profile watch that number",
        ],
    },
    Rule {
        name: "late_onset",
        title: "something begins to leak late",
        seen: evidence::late_onset,
        meaning: "Until then the program was flat. What leaks is reached only in a state that comes later: a full cache \
                  that evicts, a token that is renewed, a log that rotates, an error path.",
        steps: &[
            "see what the program logged at that time, and which event of the run lies near it",
            "bring the state about sooner (a smaller cache, a shorter lifetime of tokens) and a short run will show it",
        ],
    },
    Rule {
        name: "cache",
        title: "it may be a cache that still fills",
        seen: evidence::maybe_cache,
        meaning: "A shape that slows down explains the series nearly as well as one that goes on. A cache, an interning \
                  table or a connection pool looks like that until it is full; one without a bound never is.",
        steps: &[
            "give every cache a bound by entries and by age, and make the bound small for the test",
            "soak until the cache has long been full, and leave its filling out with `--warmup`",
            "keys that are never the same twice (ids, timestamps, URLs with a query) fill any cache",
        ],
    },
    Rule {
        name: "staircase",
        title: "it grows in steps",
        seen: evidence::steps,
        meaning: "Memory that rises in jumps and stays: a table or a buffer that doubles when it is full, a batch job, a \
                  pool that grows by blocks. The average slope is that of what fills it.",
        steps: &[
            "compare the times of the jumps with the program's log: what ran then",
            "a table that doubles has an entry too many each time: look at what is inserted and never removed",
        ],
    },
    Rule {
        name: "per_operation",
        title: "every operation leaves something behind",
        seen: evidence::per_operation,
        meaning: "The growth follows the operations and not the clock, so what is kept belongs to a request: an entry in a \
                  map, a listener on an object that lives longer, a span, a session, a closure in a queue.",
        steps: &[
            "look for what is registered or inserted for each request and removed only on the good path",
            "listeners and subscriptions: every `on` needs an `off` when the request ends",
            "run a fixed number of operations under a heap profiler: a stack with just that many live blocks is the leak",
        ],
    },
    Rule {
        name: "by_the_clock",
        title: "it grows by the clock",
        seen: evidence::by_the_clock,
        meaning: "Operations were counted, and the growth does not follow them: something runs by itself. Timers, \
                  background jobs, logs and metrics kept in memory, sessions that never expire.",
        steps: &[
            "soak without load: if it grows alike, the requests have nothing to do with it",
            "look at periodic jobs, and at metrics with labels that never repeat",
        ],
    },
    Rule {
        name: "one_process",
        title: "one process has nearly all of the growth",
        seen: evidence::one_process,
        meaning: "The target is a tree of processes, and the others are flat.",
        steps: &["look into this one: `soakd attach --pid PID`, or a heap profile of it alone"],
    },
    Rule {
        name: "heap",
        title: "memory is allocated and never freed",
        seen: evidence::memory,
        meaning: "Anonymous memory that grows and is never undercut again is held by the program, whether or not it still \
                  knows of it: forgotten (C, C++) or kept in something that lives on (every language).",
        steps: &[
            "who allocates: `heaptrack PROGRAM` (C, C++, Rust), `memray run` (Python), `--inspect` and two heap snapshots \
             (Node.js), `pprof` heap with `inuse_space` (Go), `jcmd PID GC.class_histogram` twice (Java)",
            "compare two pictures under the same load, a few minutes apart: what grew between them, and who holds it",
        ],
    },
    Rule {
        name: "not_measured",
        title: "a judged series was not measured",
        seen: evidence::not_measured,
        meaning: "Missing data is never a pass. The host does not give this reading, or not to this user.",
        steps: &[
            "`soakd doctor` shows what this host lets soakd measure, and what is missing",
            "run soakd as the user of the target, or judge another metric",
        ],
    },
    Rule {
        name: "too_few_points",
        title: "too few points for an answer",
        seen: evidence::too_few_points,
        meaning: "A rate needs some dozens of points between restarts and after the warm-up.",
        steps: &["run longer, sample more often with `--interval`, or shorten a `--warmup` that was named"],
    },
    Rule {
        name: "warmup_ate_the_run",
        title: "the warm-up took most of the run",
        seen: evidence::long_warmup,
        meaning: "What is left after the program settled is too short to say more. Caches, pools, compiled code and lazy \
                  loading settle in minutes, not in seconds.",
        steps: &[
            "run at least three times as long as the warm-up",
            "warm the program up before the run: `ready` of the profile may wait for it",
        ],
    },
    Rule {
        name: "needs_longer",
        title: "the run was too short for this tolerance",
        seen: evidence::needs_longer,
        meaning: "What a run can see grows with its length to the power of 1.5: twice as long shows growth that is a third \
                  as steep. Less noise helps as much: live heap and growth per operation are the quietest.",
        steps: &[
            "run longer, or tolerate what the run could have seen; both are named above",
            "let the profile count operations: growth per operation is told from noise sooner",
        ],
    },
    Rule {
        name: "cut_short",
        title: "the run was cut short",
        seen: evidence::cut_short,
        meaning: "What was seen until then holds, what would have come is not known, so it is no pass.",
        steps: &["run it again to its end; `soakd report RUN` keeps showing what this one saw"],
    },
    Rule {
        name: "will_matter",
        title: "tolerated growth that adds up",
        seen: evidence::will_matter,
        meaning: "The rate is below the tolerance, and over the horizon it still comes to a share that people notice.",
        steps: &[
            "restart the program more often than the horizon, or lower the tolerance and find what grows",
            "set `horizon` to how long it really runs between two restarts",
        ],
    },
    Rule {
        name: "over_budget",
        title: "over a budget, without a leak",
        seen: evidence::over_budget,
        meaning: "No growth was found, so what is over the budget is the level: the program needs that much, at its start \
                  or at its peak.",
        steps: &[
            "compare with an earlier run: a level that rose between two commits is a regression, not a leak",
            "find the peak in the chart, and what the load did at that time",
        ],
    },
    Rule {
        name: "busy_host",
        title: "samples were late or missing",
        seen: evidence::busy_host,
        meaning: "The host was busy or stood still. The series has holes there, and what it can show is less.",
        steps: &["give the run a host, or processors, of its own; a longer `--interval` is easier to keep"],
    },
];
