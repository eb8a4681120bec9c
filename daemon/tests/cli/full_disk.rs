//! A disk that is full in the middle of something that is written: what was there before stays whole.

use std::fs;
use std::process::Command;

use crate::place::{Place, SHORT};

/// soakd that can write no file beyond so many blocks of 512 bytes.
fn with_little_room(place: &Place, blocks: u32, arguments: &[&str]) -> Command {
    let soakd = place.soakd(arguments);
    let mut shell = Command::new("sh");
    shell.args(["-c", &format!("ulimit -f {blocks} && exec \"$0\" \"$@\"")]).arg(soakd.get_program());
    shell.args(soakd.get_args()).current_dir(place.path(""));
    for (name, value) in soakd.get_envs() {
        match value {
            Some(value) => shell.env(name, value),
            None => shell.env_remove(name),
        };
    }
    shell
}

#[test]
fn a_report_that_does_not_fit_leaves_the_old_file_as_it_was() {
    let place = Place::new();
    place.run([&["run", "--quiet"], SHORT, &["--", "sleep", "600"]].concat()).ends_with(0);
    place.write("report.html", "the old report");
    // Enough for what SQLite shares between processes, too little for the page with its charts.
    let refused = place.finish(with_little_room(&place, 72, &["report", "last", "--html", "report.html"]));
    refused.ends_with(73).says("cannot write `report.html`: ").says("an earlier file of that name is as it was");
    assert_eq!(fs::read_to_string(place.path("report.html")).expect("it is there"), "the old report");
    assert!(!place.path("report.html.new").exists(), "nothing is left of the attempt");
    place.run(["report", "last", "--html", "report.html"]).ends_with(0);
    assert!(fs::read_to_string(place.path("report.html")).expect("it is there").ends_with("</html>\n"));
    // A device that is always full is written to, and not replaced; by a link, so that the test could not do harm.
    std::os::unix::fs::symlink("/dev/full", place.path("full")).expect("a link");
    place.run(["report", "last", "--markdown", "full"]).ends_with(73).says("cannot write `full`: No space left");
    assert!(fs::symlink_metadata(place.path("full")).expect("it is there").is_symlink());
    std::os::unix::fs::symlink("/dev/null", place.path("null")).expect("a link");
    place.run(["report", "last", "--markdown", "null"]).ends_with(0);
    assert!(fs::symlink_metadata(place.path("null")).expect("it is there").is_symlink());
}
