//! The profiles that can be named in a submission.

use std::path::{Path, PathBuf};

use soakd_profiles::library;

use super::documents::{Nothing, ProfileDocument, ProfileSummary, Profiles};
use super::problem::Problem;
use super::route::Asked;
use crate::surroundings;

/// Most profiles of a folder that are listed.
const MOST: usize = 1000;
/// Most of a file that is shown.
const LONGEST_BYTES: u64 = 4 << 20;

pub(super) async fn list(asked: Asked, _: Nothing) -> Result<Profiles, Problem> {
    let folders = asked.shared.board().profile_folders();
    let profiles = asked.shared.beside(move || Ok(all(&folders).iter().map(Found::summary).collect())).await?;
    Ok(Profiles { profiles })
}

pub(super) async fn show(asked: Asked, _: Nothing) -> Result<ProfileDocument, Problem> {
    let folders = asked.shared.board().profile_folders();
    let name = asked.part("profile").to_owned();
    asked
        .shared
        .beside(move || {
            let found = all(&folders).into_iter().find(|found| found.name() == name).ok_or_else(|| {
                Problem::not_found("there is no profile of that name").hint("`GET /api/v1/profiles` lists them")
            })?;
            let (profile, resolved) = (found.summary(), surroundings::load(&found.argument()).ok());
            let resolved = resolved.map(serde_json::to_value).transpose();
            let resolved = resolved.map_err(|error| Problem::internal(format!("the profile has no JSON: {error}")))?;
            Ok(ProfileDocument { profile, text: found.text()?, resolved })
        })
        .await
}

/// What the profile of that name is for; `None` where there is none.
pub(super) fn description(folders: &[PathBuf], name: &str) -> Option<String> {
    all(folders).into_iter().find(|found| found.name() == name).map(|found| found.summary().description)
}

/// A profile, where it comes from.
enum Found {
    File { name: String, path: PathBuf },
    Shipped(soakd_profiles::Shipped),
}

/// Those of the folders, by name, then the shipped ones; of two of one name the first counts.
fn all(folders: &[PathBuf]) -> Vec<Found> {
    let mut found: Vec<Found> = Vec::new();
    let mut add = |candidate: Found| {
        if found.iter().all(|known| known.name() != candidate.name()) {
            found.push(candidate);
        }
    };
    for folder in folders {
        for path in files(folder) {
            // What is not text cannot be named in JSON either.
            let (Some(name), Some(_)) = (path.file_stem().and_then(|stem| stem.to_str()), path.to_str()) else {
                continue;
            };
            add(Found::File { name: name.to_owned(), path: path.clone() });
        }
    }
    for shipped in library() {
        add(Found::Shipped(shipped));
    }
    found
}

/// The profiles in `folder`. One that is not there has none.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok).map(|entry| entry.path());
    let is_profile = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "toml") && path.is_file();
    let mut files: Vec<PathBuf> = entries.filter(is_profile).take(MOST).collect();
    files.sort();
    files
}

impl Found {
    fn name(&self) -> &str {
        match self {
            Self::File { name, .. } => name,
            Self::Shipped(shipped) => shipped.name,
        }
    }

    /// As `soakd run` takes it.
    fn argument(&self) -> String {
        match self {
            Self::File { path, .. } => path.display().to_string(),
            Self::Shipped(shipped) => shipped.name.to_owned(),
        }
    }

    fn summary(&self) -> ProfileSummary {
        let name = self.name().to_owned();
        match self {
            Self::Shipped(shipped) => {
                ProfileSummary { name, description: shipped.description.clone(), file: None, fault: None }
            }
            Self::File { path, .. } => {
                let loaded = surroundings::load(&self.argument());
                let (description, fault) = match loaded {
                    Ok(profile) => (profile.description, None),
                    Err(failure) => (String::new(), Some(failure.messages.join("\n"))),
                };
                ProfileSummary { name, description, file: Some(path.display().to_string()), fault }
            }
        }
    }

    fn text(&self) -> Result<String, Problem> {
        match self {
            Self::Shipped(shipped) => Ok(shipped.text.to_owned()),
            Self::File { path, .. } => {
                let read = || {
                    let mut bytes = Vec::new();
                    let file = std::fs::File::open(path)?;
                    std::io::Read::read_to_end(&mut std::io::Read::take(file, LONGEST_BYTES), &mut bytes)?;
                    std::io::Result::Ok(String::from_utf8_lossy(&bytes).into_owned())
                };
                read().map_err(|error| Problem::not_found(format!("cannot read `{}`: {error}", path.display())))
            }
        }
    }
}
