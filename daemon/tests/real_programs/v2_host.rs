//! A host with cgroup v2 alone: what the target's own cgroup counts, that its limit holds, and that a clock which is set is no
//! gap. One boot of a machine of its own for all of it, since that takes long.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::harness::{Case, Program, SYSTEMD, cannot_run, find};
use crate::soak::said;

const PYTHON: Program = Program { name: "python3", package: "python3" };

pub(crate) const CASES: &[Case] = &[Case {
    name: "on_a_v2_host_the_own_cgroup_is_a_witness_and_its_limit_holds",
    needs: &[SYSTEMD, PYTHON],
    test: own_cgroup,
}];

const GROWS: &str = "import time\nkept = []\nwhile True:\n    kept.append(bytearray(20000))\n    time.sleep(0.02)\n";
const GREEDY: &str = "import time\ntime.sleep(4)\nkept = bytearray(b'x' * (200 << 20))\ntime.sleep(600)\n";

/// The first soak attaches to a unit while the wall clock is set; the second starts a target that takes more than its
/// limit, from a cgroup that was delegated to soakd.
const INSIDE: &str = r#"
python=$(command -v python3)
mount | grep '^cgroup2 on /sys/fs/cgroup '
systemd-run --quiet --unit=leaky --collect "$python" "$PLACE/grows.py"
(sleep 8; date --set=@$(($(date +%s) + 86400)) >/dev/null) &
status=0
"$SOAKD" attach --unit leaky.service --for 24s --interval 250ms --quiet --state "$PLACE/state" --out "$PLACE/unit" || status=$?
echo "unit: $status"
wait
cat > "$PLACE/delegated.sh" <<'END'
own=/sys/fs/cgroup$(cut -d: -f3 /proc/self/cgroup)
mkdir "$own/soakd"
echo $$ > "$own/soakd/cgroup.procs"
exec "$@"
END
status=0
systemd-run --quiet --wait --pipe --property=Delegate=yes /bin/sh "$PLACE/delegated.sh" \
  "$SOAKD" run "$PLACE/limited.toml" --state "$PLACE/state" --out "$PLACE/limited" || status=$?
echo "limited: $status"
"#;

fn in_a_machine_of_its_own(folder: &Path) -> Output {
    let script = folder.join("inside.sh");
    std::fs::write(&script, INSIDE).expect("a script");
    let soakd = PathBuf::from(env!("CARGO_BIN_EXE_soakd"));
    let binaries = soakd.parent().expect("a folder of binaries");
    Command::new(find(SYSTEMD).expect("found before"))
        .args(["--mode", "vm", "--bind"])
        .arg(folder)
        .arg("--bind-ro")
        .arg(binaries)
        .arg("--setenv")
        .arg(format!("SOAKD={}", soakd.display()))
        .arg("--setenv")
        .arg(format!("PLACE={}", folder.display()))
        .args(["--", "/bin/sh", "-eu"])
        .arg(&script)
        .output()
        .expect("the wrapper starts")
}

fn own_cgroup() {
    let folder = tempfile::tempdir().expect("a folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("a file");
    write("grows.py", GROWS);
    write("greedy.py", GREEDY);
    write(
        "limited.toml",
        "[target]\ncommand = 'python3 greedy.py'\nlimits = { memory = '64MiB' }\n[judge]\nduration = '60s'\n",
    );
    let output = in_a_machine_of_its_own(folder.path());
    let text = said(&output);
    println!("{text}");
    // The machine's kernel, which is a program of this host, has ended before its first process: it does not know the registers of
    // every processor.
    if text.contains("the machine did not start in time") && text.contains("fatal_sigsegv") {
        cannot_run("the kernel of the machine (User-Mode Linux) does not start on this processor");
    }

    let verdict = std::fs::read_to_string(folder.path().join("unit/verdict.json"));
    let verdict: Value = serde_json::from_str(&verdict.expect("a verdict")).expect("verdict.json is JSON");
    let all = verdict["series"].as_array().expect("a list of series");
    let of = |metric: &str| all.iter().find(|series| series["metric"] == metric);
    let witness = of("cgroup_anon_kernel_bytes").unwrap_or_else(|| panic!("no witness of the cgroup: {all:#?}"));
    assert_eq!((&witness["role"], &witness["judgement"]), (&"judged".into(), &"leak".into()), "{witness:#?}");
    let usage = of("cgroup_bytes").unwrap_or_else(|| panic!("no usage of the cgroup: {all:#?}"));
    assert_eq!(usage["role"], "witness", "page cache decides nothing");
    assert!(text.lines().any(|line| line == "unit: 2" || line == "unit: 3"), "{text}");
    // A day was added to the wall clock in the middle.
    let (duration_s, samples) = (verdict["run"]["duration_s"].as_f64(), &verdict["samples"]);
    assert!(duration_s.is_some_and(|seconds| seconds < 120.0), "{duration_s:?}");
    let gaps = samples["gaps"].as_array().expect("gaps");
    assert!(!gaps.iter().any(|gap| gap["why"].as_str().is_some_and(|why| why.contains("suspended"))), "{gaps:#?}");

    assert!(text.lines().any(|line| line == "limited: 69"), "{text}");
    assert!(!text.contains("is not held to its memory limit"), "{text}");
    assert!(text.contains("the kernel killed 1 of the target's processes for want of memory in its cgroup"), "{text}");
}
