//! Python: a list that only grows, and a grandchild that leaks.

use crate::harness::{Case, Program};
use crate::soak::Soak;

const PYTHON: Program = Program { name: "python3", package: "python3" };

pub(crate) const CASES: &[Case] = &[
    Case { name: "python_with_a_list_that_only_grows_is_a_leak", needs: &[PYTHON], test: growing_list },
    Case { name: "python_that_leaks_descriptors_is_a_leak", needs: &[PYTHON], test: growing_descriptors },
    Case { name: "python_that_reuses_what_it_has_is_no_leak", needs: &[PYTHON], test: steady },
    Case { name: "python_that_never_closes_its_connections_is_told_so", needs: &[PYTHON], test: half_closed },
    Case { name: "a_cache_in_use_is_not_told_to_be_cold", needs: &[PYTHON], test: cache_in_use },
    Case { name: "a_grandchild_that_leaks_is_found", needs: &[PYTHON], test: grandchild },
];

/// 256 KiB a second in small pieces; each round prints a line, which is an operation.
const GROWS: &str = "
import time
kept = []
for n in range(100000):
    kept.extend(bytearray(1024) for _ in range(5))
    print('round', n, flush=True)
    time.sleep(0.02)
";

/// Ten descriptors a second; the limit of 1,024 is far away.
const DESCRIPTORS: &str = "
import os, time
kept = []
for n in range(600):
    kept.append(os.open('/dev/null', os.O_RDONLY))
    time.sleep(0.1)
";

/// Connections whose other side has closed and that nobody closes here: twenty a second.
const HALF_CLOSED: &str = "
import socket, time
listener = socket.create_server(('127.0.0.1', 0))
kept = []
for n in range(800):
    client = socket.create_connection(listener.getsockname())
    server, _ = listener.accept()
    client.close()
    kept.append(server)
    time.sleep(0.05)
";

/// 4 MiB a second, all of which is read again and again.
const CACHE_IN_USE: &str = "
import time
kept = []
while True:
    kept.append(bytearray(100000))
    for piece in kept:
        sum(piece[::4096])
    time.sleep(0.025)
";

const STEADY: &str = "
import time
kept = [bytearray(1024) for _ in range(4000)]
for n in range(100000):
    kept[n % len(kept)] = bytearray(1024)
    if n % 100 == 0:
        time.sleep(0.01)
while True:
    time.sleep(1)
";

/// The leak runs two levels down, after the middle has gone: adopted, and still the target's.
const GRANDCHILD: &str = "
import os, sys, time
if os.fork() == 0:
    if os.fork() == 0:
        os.setsid()
        exec(open(sys.argv[1]).read())
    os._exit(0)
os.wait()
while True:
    time.sleep(1)
";

fn soak(script: &str, rest: &[&str], options: &[&str]) -> Soak {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("target.py");
    std::fs::write(&file, script).expect("a script");
    let inner = folder.path().join("inner.py");
    std::fs::write(&inner, GROWS).expect("a script");
    let file = file.display().to_string();
    let inner = inner.display().to_string();
    let mut command: Vec<&str> = vec!["--", "python3", &file];
    command.extend(rest.iter().map(|argument| if *argument == "INNER" { inner.as_str() } else { argument }));
    Soak::run(folder.path(), [&["check", "--for", "20s", "--interval", "100ms"], options].concat(), &command)
}

fn growing_list() {
    let soak = soak(GROWS, &[], &["--operations", "line:^round "]);
    soak.must_leak("anon_swap_bytes");
    // 5 KiB and the objects around them, page by page.
    let per_op = soak.series("anon_swap_bytes")["rate_per_op"]["value"].as_f64().expect("a rate per operation");
    assert!((4500.0..8000.0).contains(&per_op), "{per_op} B/op");
}

fn growing_descriptors() {
    let soak = soak(DESCRIPTORS, &[], &[]);
    soak.must_leak("fds_count");
    let rate = soak.series("fds_count")["rate_per_hour"]["value"].as_f64().expect("a rate");
    assert!((30_000.0..40_000.0).contains(&rate), "{rate} descriptors per hour");
}

/// Whom the verdict names.
fn named(soak: &Soak) -> String {
    soak.verdict["attribution"].to_string()
}

fn half_closed() {
    let soak = soak(HALF_CLOSED, &[], &[]);
    soak.must_leak("fds_count");
    assert!(named(&soak).contains("sockets in CLOSE_WAIT +"), "{}", named(&soak));
}

fn cache_in_use() {
    let soak = soak(CACHE_IN_USE, &[], &[]);
    soak.must_leak("anon_swap_bytes");
    // It is told how much of what had come by then was touched since, and none of it is said to be cold for sure.
    let named = named(&soak);
    assert!(named.contains(" that had come ") && !named.contains("at least"), "{named}");
}

fn steady() {
    soak(STEADY, &[], &[]).must_not_leak();
}

fn grandchild() {
    soak(GRANDCHILD, &["INNER"], &[]).must_leak("anon_swap_bytes");
}
