//! Java: a heap that only grows, one that is bounded, and a virtual machine that takes no questions.

use std::path::Path;

use crate::harness::{Case, Program};
use crate::soak::Soak;

const JAVA: Program = Program { name: "java", package: "openjdk-17-jdk-headless" };
const JAVAC: Program = Program { name: "javac", package: "openjdk-17-jdk-headless" };

pub(crate) const CASES: &[Case] = &[
    Case { name: "a_java_heap_that_only_grows_is_a_leak", needs: &[JAVA, JAVAC], test: growing },
    Case { name: "a_java_heap_with_nothing_but_garbage_is_no_leak", needs: &[JAVA, JAVAC], test: bounded },
    Case { name: "a_java_machine_that_takes_no_questions_is_named", needs: &[JAVA, JAVAC], test: silent },
];

/// Makes garbage for ever, and keeps 50 kB of it fifty times a second if it is told to.
const PROGRAM: &str = "
import java.util.ArrayList;
import java.util.List;

public class Soaked {
    static final List<byte[]> kept = new ArrayList<>();
    static volatile byte[] last;

    public static void main(String[] arguments) throws Exception {
        boolean keeps = arguments.length > 0;
        System.out.println(\"ready\");
        while (true) {
            for (int n = 0; n < 10; n++) {
                last = new byte[20_000];
            }
            if (keeps) {
                kept.add(new byte[50_000]);
            }
            Thread.sleep(20);
        }
    }
}
";

fn soak(folder: &Path, machine: &[&str], keeps: bool, source: &str) -> Soak {
    let file = folder.join("Soaked.java");
    std::fs::write(&file, PROGRAM).expect("a program");
    let compiled = std::process::Command::new("javac").arg("-d").arg(folder).arg(&file).output().expect("javac starts");
    assert!(compiled.status.success(), "{compiled:?}");
    let place = folder.display().to_string();
    let mut command = vec!["java", "-Xmx256m", "-XX:+UseSerialGC"];
    command.extend(machine);
    command.extend(["-cp", &place, "Soaked"]);
    command.extend(keeps.then_some("keeps"));
    let words: Vec<String> = command.into_iter().map(|word| format!("'{word}'")).collect();
    let profile = folder.join("java.toml");
    let text = format!(
        "[target]\ncommand = [{}]\nready = {{ line = '^ready$' }}\n[source.java]\n{source}\n",
        words.join(", ")
    );
    std::fs::write(&profile, text).expect("a profile");
    let profile = profile.display().to_string();
    Soak::run(folder, ["run", &profile, "--for", "20s", "--interval", "100ms", "--tolerate", "20MiB/h"], &[])
}

fn growing() {
    let folder = tempfile::tempdir().expect("a folder");
    // A small young generation: many collections in a short run, so that the troughs show.
    let soak = soak(folder.path(), &["-Xmn4m"], true, "jvm = 'used'\ninterval = '100ms'");
    soak.must_leak("heap_live_bytes");
    let heap = &soak.verdict["heap"];
    assert_eq!((heap["from"].as_str(), heap["source"].as_str()), (Some("runtime"), Some("java")), "{heap}");
    assert_eq!(heap["whole_target"], true);
    // 50 kB fifty times a second, and less on a busy machine.
    let rate = soak.series("heap_live_bytes")["rate_per_hour"]["value"].as_f64().expect("a rate");
    assert!((1e9..12e9).contains(&rate), "{rate} B/h");
}

fn bounded() {
    let folder = tempfile::tempdir().expect("a folder");
    // What lives, exactly: a full collection for each reading.
    let soak = soak(folder.path(), &[], false, "jvm = 'live'\ninterval = '200ms'\njudge = ['heap_live_bytes']");
    soak.must_not_leak();
    let java = &soak.verdict["sources"][0];
    assert_eq!(java["status"], "active", "{java}");
    let live = soak.series("heap_live_bytes");
    let level = live["final_level"].as_f64().or(live["settled_baseline"].as_f64()).expect("a level");
    // The machine's own classes, and none of the garbage, of which there is more in a second.
    assert!((200e3..5e6).contains(&level), "{live:#}");
}

fn silent() {
    let folder = tempfile::tempdir().expect("a folder");
    let soak = soak(folder.path(), &["-XX:+DisableAttachMechanism"], false, "jvm = 'used'\ntimeout = '2s'");
    let java = &soak.verdict["sources"][0];
    let failures = java["failures"].as_array().expect("failures");
    let why: Vec<&str> = failures.iter().filter_map(|one| one["why"].as_str()).collect();
    assert_eq!((java["status"].as_str(), why), (Some("failed"), vec!["jvm_refuses", "timed_out"]), "{java:#}");
    assert!(soak.verdict["heap"].is_null());
    assert_eq!(soak.verdict["run"]["ended"]["why"], "planned_end");
    // It prints its stacks when it is asked for the socket, and is asked once.
    let printed = std::fs::read_to_string(folder.path().join("out/target.log")).expect("its output is kept");
    assert_eq!(printed.matches("Full thread dump").count(), 1, "{printed}");
}
