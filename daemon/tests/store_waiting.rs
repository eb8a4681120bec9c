//! A writer that has to wait, or is given what cannot be written: the run goes on, and what is missing is recorded.
#![expect(clippy::unwrap_used, reason = "a test that fails says so by its panic")]

mod store_runs;

use rusqlite::Connection;
use soakd::store::{Ending, Notice, RunState, Scope};
use soakd_analysis::Quantity;
use store_runs::{new_run, open};

fn ending() -> Ending {
    Ending { duration_s: 1.0, why: "done".to_owned(), verdict: None }
}

#[test]
fn samples_that_a_waiting_writer_has_no_room_for_become_a_gap() {
    const TICKS: u32 = 4000;
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut recorder = store.begin(new_run("demo")).unwrap();
    let key = recorder.key();
    let rss = recorder.series("rss_bytes", Scope::Tree, Quantity::Bytes);
    recorder.flush().unwrap();

    // Another process in the middle of a write: ours can only wait.
    let other = Connection::open(store.file()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    for tick in 0..TICKS {
        recorder.sample(f64::from(tick), &[(rss, f64::from(tick))]);
    }
    // What cannot be sampled again is kept, in its order, even now.
    let late = recorder.series("fds_count", Scope::Tree, Quantity::Count);
    recorder.event(f64::from(TICKS), "phase", "nearly done");
    other.execute_batch("COMMIT").unwrap();
    recorder.flush().unwrap();
    recorder.sample(f64::from(TICKS), &[(rss, 0.0), (late, 7.0)]);
    let notices = recorder.notices();
    recorder.finish(ending()).unwrap();

    let lost_count: u64 = notices
        .iter()
        .map(|notice| match notice {
            Notice::Behind { lost_count } | Notice::WriteResumed { lost_count } => *lost_count,
            // On a very slow machine the writer gives up waiting, and tries again.
            Notice::WriteFailed { .. } => 0,
        })
        .sum();
    assert!(lost_count > 0);
    let column = store.column(key, rss).unwrap().unwrap();
    assert_eq!(column.values.len() as u64 + lost_count, u64::from(TICKS) + 1);
    let in_gaps = |t_s: f64| column.gaps.iter().any(|gap| (gap.from_s..=gap.to_s).contains(&t_s));
    for tick in 0..=TICKS {
        let t_s = f64::from(tick);
        assert_ne!(column.t_s.contains(&t_s), in_gaps(t_s), "{t_s} s is either a sample or in a gap");
    }
    assert_eq!(store.column(key, late).unwrap().unwrap().values, [7.0]);
    assert_eq!(store.events(key).unwrap()[0].text, "nearly done");
}

#[test]
fn what_cannot_be_written_is_left_out_and_told_and_the_rest_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let store = open(folder.path());
    let mut recorder = store.begin(new_run("demo")).unwrap();
    let key = recorder.key();
    let rss = recorder.series("rss_bytes", Scope::Tree, Quantity::Bytes);
    recorder.sample(0.0, &[(rss, 1.0)]);
    recorder.event(f64::NAN, "phase", "at no time");
    recorder.sample(f64::NAN, &[(rss, 2.0)]);
    recorder.sample(1.0, &[(rss, 3.0)]);
    recorder.event(1.0, "phase", "done");
    recorder.flush().unwrap();
    let notices = recorder.notices();
    assert_eq!(notices.len(), 2, "{notices:?}");
    assert!(notices.iter().all(|notice| matches!(notice, Notice::WriteFailed { .. })), "{notices:?}");
    recorder.finish(ending()).unwrap();
    assert_eq!(store.run("last").unwrap().state, RunState::Finished);
    let column = store.column(key, rss).unwrap().unwrap();
    assert_eq!((column.t_s, column.values), (vec![0.0, 1.0], vec![1.0, 3.0]));
    assert_eq!(store.events(key).unwrap().len(), 1);
}
