//! redis-server: keys that only grow are a leak, keys that expire are not.

use std::process::Command;

use crate::harness::{Case, Program};
use crate::soak::{Server, Soak, free_port};

const REDIS: Program = Program { name: "redis-server", package: "redis-server" };
const CLIENT: Program = Program { name: "redis-cli", package: "redis-tools" };

pub(crate) const CASES: &[Case] = &[
    Case { name: "redis_with_keys_that_only_grow_is_a_leak", needs: &[REDIS, CLIENT], test: growing_keys },
    Case { name: "redis_with_keys_that_expire_is_no_leak", needs: &[REDIS, CLIENT], test: expiring_keys },
    Case { name: "redis_that_is_attached_to_leaks_and_lives_on", needs: &[REDIS, CLIENT], test: attached },
];

/// One more element of a kilobyte in one list, for ever.
const GROW: &str = "return redis.call('rpush', 'grow', string.rep('x', 1000))";
/// One more key of a kilobyte, which is gone a second later.
const EXPIRE: &str = "local n = redis.call('incr', 'n') \
    redis.call('set', 'key:' .. n, string.rep('x', 1000), 'px', 1000) return n";

fn server_arguments(port: u16) -> [String; 10] {
    ["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--protected-mode", "no"]
        .map(str::to_owned)
}

/// Some 500 commands a second, and no more than 60,000 of them.
fn load(port: u16, script: &str) -> Vec<String> {
    ["redis-cli", "-p", &port.to_string(), "-r", "60000", "-i", "0.002", "EVAL", script, "0"].map(str::to_owned).into()
}

fn profile(port: u16, script: &str) -> String {
    format!(
        "[target]\ncommand = {:?}\nready = {{ tcp = \"127.0.0.1:{port}\" }}\n\n[load]\ndriver = \"command\"\ncommand = {:?}\n\n\
         [sample]\ninterval = \"100ms\"\n\n[judge]\nduration = \"25s\"\n",
        [&["redis-server".to_owned()], &server_arguments(port)[..]].concat(),
        load(port, script),
    )
}

fn soak(script: &str) -> Soak {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("redis.toml");
    std::fs::write(&file, profile(free_port(), script)).expect("a profile");
    Soak::run(folder.path(), ["check".as_ref(), file.as_os_str()], &[])
}

fn growing_keys() {
    soak(GROW).must_leak("anon_swap_bytes");
}

fn expiring_keys() {
    soak(EXPIRE).must_not_leak();
}

fn attached() {
    let folder = tempfile::tempdir().expect("a folder");
    let port = free_port();
    let mut server = Server::start(Command::new("redis-server").args(server_arguments(port)), port);
    let load = load(port, GROW);
    let client = Server::start(Command::new(&load[0]).args(&load[1..]), port);
    let pid = server.pid().to_string();
    let arguments = ["attach", "--pid", &pid, "--for", "20s", "--interval", "100ms"];
    let soak = Soak::run(folder.path(), arguments, &[]);
    soak.must_leak("anon_swap_bytes");
    assert!(server.runs(), "soakd ended a process that it had only attached to");
    drop(client);
}
