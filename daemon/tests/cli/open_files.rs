//! soakd raises the limit on open files for itself alone.

use std::fs;
use std::process::Command;

use crate::place::{Place, SHORT};

/// The limits in a file of `/proc`, soft and hard.
fn limits(text: &str) -> Vec<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("Max open files")).expect("the kernel tells");
    line.split_ascii_whitespace().filter_map(|word| word.parse().ok()).collect()
}

#[test]
fn the_limit_on_open_files_is_raised_and_given_back_to_what_is_started() {
    let place = Place::new();
    // The keeper lies between the target and soakd. The driver of the load is started in the same way.
    let target = "cat /proc/self/limits > target; keeper=$PPID; soakd=$(awk \"/^PPid/ {print \\$2}\" /proc/$keeper/status); \
                  cat /proc/$keeper/limits > keeper; cat /proc/$soakd/limits > soakd; exec sleep 600";
    let load = "cat /proc/self/limits > load; exec sleep 600";
    place.write(
        "limits.toml",
        &format!(
            "[target]\ncommand = ['sh', '-c', '{target}']\n[load]\ndriver = 'command'\ncommand = ['sh', '-c', '{load}']\n"
        ),
    );
    let soakd = place.soakd([&["run", "limits.toml", "--out", "out"], SHORT].concat());
    // As a shell does it for its user: what a test changed of its own limits, the tests beside it would notice.
    let mut limited = Command::new("sh");
    limited.args(["-c", "ulimit -Sn 250 && exec \"$0\" \"$@\""]).arg(soakd.get_program()).args(soakd.get_args());
    limited.envs(soakd.get_envs().filter_map(|(name, value)| Some((name, value?)))).env_remove("SOAKD_LOG");
    limited.current_dir(place.path(""));
    let own = limits(&fs::read_to_string("/proc/self/limits").expect("it is there"));
    place.finish(limited);
    let of =
        |name: &str| limits(&fs::read_to_string(place.path(name)).unwrap_or_else(|error| panic!("{name}: {error}")));
    assert_eq!(of("soakd"), [own[1], own[1]]);
    for name in ["target", "load", "keeper"] {
        assert_eq!(of(name), [250, own[1]], "{name}");
    }
}
