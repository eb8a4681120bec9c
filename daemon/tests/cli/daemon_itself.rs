//! The daemon is soaked by soakd: many short runs and periods, as months of nights bring them, leave nothing behind.

use std::process::{Child, Command, Stdio};

use rustix::process::Signal;
use soakd::store::{RunState, Store};

use crate::place::{Place, eventually};

/// Watched, and a target.
struct Neighbours(Vec<Child>);

impl Neighbours {
    fn new(count: usize) -> Self {
        let start = || Command::new("sleep").arg("605").stdin(Stdio::null()).spawn().expect("sleep is there");
        Self((0..count).map(|_| start()).collect())
    }
}

impl Drop for Neighbours {
    fn drop(&mut self) {
        for child in &mut self.0 {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

fn ended_count(place: &Place) -> usize {
    let store = Store::open(&place.path("state")).expect("the store opens").store;
    let runs = store.runs_without_documents().expect("readable");
    runs.iter().filter(|record| record.state == RunState::Finished).count()
}

#[test]
fn hundreds_of_runs_leave_neither_files_nor_threads_nor_memory_behind() {
    let place = Place::new();
    let neighbours = Neighbours::new(6);
    place.write(
        "short.toml",
        "name = 'short'\n[target]\ncommand = ['sleep', '600']\n\
         [judge]\nduration = '1s'\ntolerance = '1TiB/h'\n[sample]\ninterval = '50ms'\n",
    );
    let profiles = place.path("");
    let mut config = format!(
        "[daemon]\nprofiles = ['{}']\n[api]\nlisten = 'off'\n[limits]\nmemory_headroom = '1MiB'\n\
         [[schedule]]\nname = 'nights'\nprofile = 'short'\nwhen = '* * * * * *'\n",
        profiles.display()
    );
    for (number, child) in neighbours.0.iter().enumerate() {
        config.push_str(&format!(
            "[[watch]]\nname = 'n{number}'\npid = {}\nperiod = '1s'\ninterval = '50ms'\n",
            child.id()
        ));
    }
    place.write("soakd.toml", &config);
    let mut daemon = place.start(place.soakd(["daemon", "--config", "soakd.toml"]));
    daemon.await_message("the daemon is ready");
    // The first ones fill what is kept for those that follow.
    eventually("some have ended", || ended_count(&place) > 20);
    let before = ended_count(&place);
    // 2 MiB of growth over the run would be some 20 KiB for each of the daemon's: memory is not exact to less in so short a time.
    let soak = ["attach", "--pid", &daemon.pid().to_string(), "--for", "20s", "--interval", "100ms"].map(str::to_owned);
    let options = ["--state", "beside", "--tolerate", "2MiB", "--format", "json", "-q"].map(str::to_owned);
    let verdict = place.run(soak.iter().chain(&options)).json();
    let runs = ended_count(&place) - before;
    assert!(runs > 20, "{runs} runs have ended meanwhile");

    let judgements: Vec<(String, String)> = verdict["series"]
        .as_array()
        .expect("series")
        .iter()
        .filter(|series| series["role"] == "judged")
        .map(|series| (series["metric"].to_string(), series["judgement"].to_string()))
        .collect();
    let of = |metric: &str| {
        let found = judgements.iter().find(|(name, _)| name.trim_matches('"') == metric);
        found.unwrap_or_else(|| panic!("`{metric}` is not judged: {judgements:?}")).1.trim_matches('"').to_owned()
    };
    for metric in ["heap_live_bytes", "anon_swap_bytes", "fds_count", "threads_count"] {
        assert_ne!(of(metric), "leak", "{}\n{verdict:#}", verdict["summary"]);
    }
    daemon.signal(Signal::TERM);
    daemon.answer().ends_with(0);
    place.nothing_will_be_left();
}
