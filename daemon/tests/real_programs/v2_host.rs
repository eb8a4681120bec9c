//! A host with cgroup v2 alone: what the target's own cgroup counts, that its limit holds, and that a clock which is set is no
//! gap. One boot of a machine of its own for all of it, since that takes long.

use serde_json::Value;

use crate::harness::Case;
use crate::machine;

pub(crate) const CASES: &[Case] = &[Case {
    name: "on_a_v2_host_the_own_cgroup_is_a_witness_and_its_limit_holds",
    needs: machine::NEEDS,
    test: own_cgroup,
}];

const GROWS: &str = "{ kept[n++] = sprintf(\"%100000s\", n) }\n";
const GREEDY: &str = "BEGIN { system(\"sleep 4\"); while (1) kept[n++] = sprintf(\"%1000000s\", n) }\n";
const LIMITED: &str =
    "[target]\ncommand = 'awk -f greedy.awk'\nlimits = { memory = '64MiB' }\n[judge]\nduration = '60s'\n";

/// The first soak starts a target that takes more than its limit, from a cgroup that was delegated to soakd; the second attaches to a
/// cgroup while the wall clock is set.
const INSIDE: &str = r#"
cgroups=/sys/fs/cgroup
mount | grep "^cgroup2 on $cgroups "
echo '+memory +pids' > $cgroups/cgroup.subtree_control
mkdir $cgroups/leaky $cgroups/own $cgroups/own/soakd
setfattr -n trusted.delegate -v 1 $cgroups/own

(echo 0 > $cgroups/own/soakd/cgroup.procs && exec soakd run limited.toml --quiet --state state --out limited)
echo "limited: $?"

(while sleep 0.1; do echo; done) | (echo 0 > $cgroups/leaky/cgroup.procs && exec awk -f grows.awk) &
until read -r pid < $cgroups/leaky/cgroup.procs; do sleep 0.1; done
(sleep 8; date -s "@$(($(date +%s) + 86400))") &
soakd attach --cgroup $cgroups/leaky --for 60s --interval 250ms --quiet --state state --out leaky
echo "leaky: $?"
cat leaky/verdict.json > /dev/ttyS2
"#;

fn own_cgroup() {
    let files = [("grows.awk", GROWS), ("greedy.awk", GREEDY), ("limited.toml", LIMITED)];
    let machine::Ended { said: text, answer: verdict, console } = machine::run(INSIDE, &files);
    println!("{text}");
    assert!(text.starts_with("cgroup2 on "), "{text}\nthe console: {console}");

    let verdict: Value = serde_json::from_str(&verdict).expect("a verdict");
    let all = verdict["series"].as_array().expect("a list of series");
    let of = |metric: &str| all.iter().find(|series| series["metric"] == metric);
    let witness = of("cgroup_anon_kernel_bytes").unwrap_or_else(|| panic!("no witness of the cgroup: {all:#?}"));
    assert_eq!((&witness["role"], &witness["judgement"]), (&"judged".into(), &"leak".into()), "{witness:#?}");
    let usage = of("cgroup_bytes").unwrap_or_else(|| panic!("no usage of the cgroup: {all:#?}"));
    assert_eq!(usage["role"], "witness", "page cache decides nothing");
    assert!(text.lines().any(|line| line == "leaky: 2" || line == "leaky: 3"), "{text}");
    // A day was added to the wall clock in the middle.
    let (duration_s, samples) = (verdict["run"]["duration_s"].as_f64(), &verdict["samples"]);
    assert!(duration_s.is_some_and(|seconds| seconds < 120.0), "{duration_s:?}");
    let gaps = samples["gaps"].as_array().expect("gaps");
    assert!(!gaps.iter().any(|gap| gap["why"].as_str().is_some_and(|why| why.contains("suspended"))), "{gaps:#?}");

    assert!(text.lines().any(|line| line == "limited: 69"), "{text}");
    assert!(!text.contains("is not held to its memory limit"), "{text}");
    assert!(text.contains("the kernel killed 1 of the target's processes for want of memory in its cgroup"), "{text}");
}
