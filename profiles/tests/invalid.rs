//! Every file in `invalid/` is wrong, and the snapshot beside it is what its author is told. A new case is a new file.

use std::path::Path;

use soakd_profiles::{LoadError, Surroundings, load_file};

const METRICS: &[&str] = &["anon_swap_bytes", "rss_bytes", "fds_count", "threads_count"];

#[test]
fn every_invalid_profile_is_told_all_that_is_wrong() {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/invalid"));
    let surroundings = Surroundings { variable: &|_| None, metrics: METRICS };
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "toml"))
        .collect();
    files.sort();
    assert!(files.len() > 40, "{}", files.len());
    insta::with_settings!({ snapshot_path => "invalid", prepend_module_to_snapshot => false, omit_expression => true }, {
        for file in files {
            let case = file.file_stem().unwrap().to_string_lossy().into_owned();
            match load_file(&file, surroundings) {
                Err(LoadError::Invalid(faults)) => {
                    let message = format!("error: {faults}").replace(&format!("{}/", folder.display()), "");
                    insta::assert_snapshot!(case, message);
                }
                other => panic!("{case}: {other:?}"),
            }
        }
    });
}

#[test]
fn what_cannot_be_read_is_named() {
    let surroundings = Surroundings { variable: &|_| None, metrics: METRICS };
    let message = |path: &str| load_file(Path::new(path), surroundings).unwrap_err().to_string();
    assert_eq!(message("/nowhere/soak.toml"), "cannot read profile `/nowhere/soak.toml`: no such file or directory");
    assert_eq!(message("/dev/zero"), "cannot read profile `/dev/zero`: not a regular file");
}
