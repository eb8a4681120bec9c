//! What a target in `dhat` mode leaves in the folder of its run: which call stacks allocated what was not freed.
//!
//! The file is the target's own, so that anything may stand in it. Only `pps` and `ftbl` are relied on: Valgrind's DHAT, which writes
//! the same form, knows more keys and knows some not.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use soakd_analysis::Quantity;
use soakd_reports::{Attribution, Warning};
use thiserror::Error;

/// How the probe's files are called: `dhat-heap.json`, and `dhat-heap-PID.json` for further processes.
const FILE_PREFIX: &str = "dhat-heap";
/// The variable by which the target is told where they belong.
pub const FOLDER_VARIABLE: &str = "SOAKD_RUN_FOLDER";
/// How a site begins in the attribution.
const NOT_FREED: &str = "not freed: ";
/// Sites that are named.
const SITES_MAX_COUNT: usize = 10;
/// Frames of a call stack that are named.
const FRAMES_MAX_COUNT: usize = 3;
/// Longest name of a frame, in characters.
const FRAME_MAX_CHARS: usize = 160;
/// Longest file that is read.
const LONGEST_FILE_BYTES: u64 = 256 * 1024 * 1024;
/// How the names of frames begin that say how memory was asked for, and not by whom.
const NAMES_OF_LIBRARIES: &[&str] = &[
    "alloc::",
    "core::",
    "std::",
    "hashbrown::",
    "<alloc::",
    "<core::",
    "<std::",
    "<hashbrown::",
    "__rust",
    "dhat::",
    "<dhat::",
    "soakd_probe::",
    "_start",
    "__libc_start",
];
/// The files of such frames, of which no more than the last three parts are kept. Where a program is built with line tables alone,
/// frames have short names (`alloc`, `push`), and it is these that tell.
const FILES_OF_LIBRARIES: &[&str] = &[
    "(alloc/src/",
    "(core/src/",
    "(std/src/",
    "(src/vec/mod.rs:",
    "(src/vec/spec_",
    "(src/raw_vec/mod.rs:",
    "(src/ops/function.rs:",
    "(src/thread/mod.rs:",
    "(dhat-",
];
/// Sites with a smaller share are not named.
const SMALLEST_SHARE: f64 = 0.01;

/// A call stack that holds memory at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Site {
    /// Bytes that it allocated and nobody freed.
    pub bytes: u64,
    /// Blocks that it allocated and nobody freed.
    pub blocks: u64,
    /// Who asked for them, the innermost first, without the frames of the standard library.
    pub frames: Vec<String>,
}

/// Why a profile cannot be used.
#[derive(Debug, Error)]
pub enum ProfileError {
    /// It cannot be read.
    #[error("{0}")]
    Read(#[from] std::io::Error),
    /// The target ended before it had written anything.
    #[error("it is empty: the target was ended before it could write it")]
    Empty,
    /// It is longer than what is read.
    #[error("it is longer than {} MiB", LONGEST_FILE_BYTES >> 20)]
    TooLong,
    /// It is no profile.
    #[error("it is no DHAT profile: {0}")]
    Form(#[from] serde_json::Error),
}

#[derive(Deserialize)]
struct Profile {
    #[serde(default)]
    pps: Vec<Point>,
    #[serde(default)]
    ftbl: Vec<String>,
}

/// A program point: a call stack and what it did.
#[derive(Deserialize)]
struct Point {
    #[serde(default)]
    eb: u64,
    #[serde(default)]
    ebk: u64,
    #[serde(default)]
    fs: Vec<usize>,
}

/// The sites of a profile that hold anything at its end, the largest first; stacks that differ in the standard library alone are
/// one.
///
/// # Errors
/// [`ProfileError::Empty`] or [`ProfileError::Form`].
pub fn sites(text: &[u8]) -> Result<Vec<Site>, ProfileError> {
    if text.iter().all(u8::is_ascii_whitespace) {
        return Err(ProfileError::Empty);
    }
    let profile: Profile = serde_json::from_slice(text)?;
    let mut by_frames: BTreeMap<Vec<String>, (u64, u64)> = BTreeMap::new();
    for point in profile.pps.iter().filter(|point| point.eb > 0) {
        let all = || point.fs.iter().filter_map(|place| profile.ftbl.get(*place)).map(|frame| name_of(frame));
        let of_the_program = all().filter(|name| !is_of_a_library(name));
        let mut frames: Vec<String> = of_the_program.take(FRAMES_MAX_COUNT).collect();
        if frames.is_empty() {
            frames.extend(all().next());
        }
        let (bytes, blocks) = by_frames.entry(frames).or_default();
        *bytes = bytes.saturating_add(point.eb);
        *blocks = blocks.saturating_add(point.ebk);
    }
    let mut sites: Vec<Site> =
        by_frames.into_iter().map(|(frames, (bytes, blocks))| Site { bytes, blocks, frames }).collect();
    sites.sort_by(|one, other| other.bytes.cmp(&one.bytes).then_with(|| one.frames.cmp(&other.frames)));
    Ok(sites)
}

fn is_of_a_library(name: &str) -> bool {
    NAMES_OF_LIBRARIES.iter().any(|prefix| name.starts_with(prefix))
        || FILES_OF_LIBRARIES.iter().any(|file| name.contains(file))
}

/// `0x55d0: app::leak (src/main.rs:12:5)` without the address, and not too long.
fn name_of(frame: &str) -> String {
    let name = match frame.split_once(": ") {
        Some((address, name)) if address.starts_with("0x") => name,
        _ => frame,
    };
    name.chars().take(FRAME_MAX_CHARS).collect()
}

/// Whether `part` is a site of a profile.
#[must_use]
pub fn is_site(part: &Attribution) -> bool {
    part.what.starts_with(NOT_FREED)
}

/// What the profiles in `folder` say: the largest sites of all of them, and what is wrong with the others. Nothing where there is
/// none.
#[must_use]
pub fn found(folder: &Path) -> (Vec<Attribution>, Vec<Warning>) {
    let (mut all, mut warnings) = (Vec::new(), Vec::new());
    for file in files(folder) {
        match read(&file).and_then(|text| sites(&text)) {
            Ok(sites) => all.extend(sites),
            Err(error) => warnings.push(Warning {
                text: format!("the heap profile `{}` says nothing: {error}", file.display()),
                hint: Some(
                    "the profile is written when the guard of `profile_heap` is dropped: let `main` return, and give \
                     it time with `stop.grace` in `[target]`"
                        .to_owned(),
                ),
            }),
        }
    }
    all.sort_by_key(|site| std::cmp::Reverse(site.bytes));
    let sum: u64 = all.iter().fold(0, |sum: u64, site| sum.saturating_add(site.bytes));
    let attribution = all.iter().map(|site| attribution(site, sum)).filter(|site| site.share >= SMALLEST_SHARE);
    (attribution.take(SITES_MAX_COUNT).collect(), warnings)
}

fn attribution(site: &Site, sum: u64) -> Attribution {
    let bytes = Quantity::Bytes.show(site.bytes as f64);
    let blocks = if site.blocks == 1 { "block" } else { "blocks" };
    let frames = if site.frames.is_empty() { "unknown stack".to_owned() } else { site.frames.join(" < ") };
    Attribution {
        what: format!("{NOT_FREED}{bytes} in {} {blocks}: {frames}", site.blocks),
        share: site.bytes as f64 / sum.max(1) as f64,
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let is_profile = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with(FILE_PREFIX) && name.ends_with(".json") && path.is_file()
    };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(is_profile).collect();
    files.sort();
    files
}

fn read(file: &Path) -> Result<Vec<u8>, ProfileError> {
    let mut text = Vec::new();
    File::open(file)?.take(LONGEST_FILE_BYTES + 1).read_to_end(&mut text)?;
    if text.len() as u64 > LONGEST_FILE_BYTES { Err(ProfileError::TooLong) } else { Ok(text) }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const PROFILE: &str = r#"{"dhatFileVersion":2,"mode":"rust-heap","pps":[
        {"tb":100,"tbk":2,"eb":0,"ebk":0,"fs":[1,2]},
        {"tb":900,"tbk":9,"eb":300,"ebk":3,"fs":[1,2,3]},
        {"tb":700,"tbk":7,"eb":700,"ebk":7,"fs":[4,2,3]},
        {"eb":50,"ebk":1,"fs":[1]},
        {"eb":7,"ebk":1,"fs":[999]}],
        "ftbl":["[root]","0x1: alloc::vec::Vec<T>::push (vec/mod.rs:1:1)","0x2: app::keep (src/main.rs:3:9)",
        "0x3: app::main (src/main.rs:9:5)","0x4: <alloc::string::String as core::clone::Clone>::clone (a:1:1)"]}"#;

    #[test]
    fn what_was_not_freed_is_told_by_who_asked_for_it() {
        let sites = sites(PROFILE.as_bytes()).expect("a profile");
        let keep = ["app::keep (src/main.rs:3:9)", "app::main (src/main.rs:9:5)"].map(str::to_owned).to_vec();
        assert_eq!(sites[0], Site { bytes: 1000, blocks: 10, frames: keep });
        assert_eq!(sites[1].frames, ["alloc::vec::Vec<T>::push (vec/mod.rs:1:1)"], "better than nothing");
        assert_eq!((sites.len(), sites[2].frames.len()), (3, 0));
    }

    #[test]
    fn a_folder_gives_the_largest_sites_and_says_what_is_wrong() {
        let folder = tempfile::tempdir().expect("a folder");
        assert_eq!(found(folder.path()), (vec![], vec![]));
        std::fs::write(folder.path().join("dhat-heap.json"), PROFILE).expect("written");
        std::fs::write(folder.path().join("dhat-heap-7.json"), "").expect("written");
        std::fs::write(folder.path().join("dhat-heap-8.json"), "[1]").expect("written");
        let (sites, warnings) = found(folder.path());
        assert_eq!(sites.len(), 2, "what holds next to nothing is left out");
        assert!(sites.iter().all(is_site) && (sites[0].share - 1000.0 / 1057.0).abs() < 1e-9, "{sites:?}");
        assert!(sites[0].what.starts_with("not freed: 0.98 KiB in 10 blocks: app::keep"), "{sites:?}");
        let said: Vec<&str> = warnings.iter().map(|warning| warning.text.as_str()).collect();
        assert!(said.len() == 2 && said[0].contains("it is empty") && said[1].contains("no DHAT profile"), "{said:?}");
    }

    proptest! {
        #[test]
        fn no_text_whatever_makes_a_panic(text: Vec<u8>, eb: u64, fs: Vec<usize>) {
            let _ = sites(&text);
            let text = format!("{{\"pps\":[{{\"eb\":{eb},\"fs\":{fs:?}}},{{\"eb\":{eb}}}]}}");
            prop_assert!(sites(text.as_bytes()).is_ok());
        }
    }
}
