//! Which commit is tested, and of which branch: as CI servers tell it, else as the Git folder around the working folder
//! does. Git itself is not needed.

use std::fs;
use std::path::{Path, PathBuf};

/// A commit and its branch, as far as they are known.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Commit {
    /// The commit.
    pub id: Option<String>,
    /// Its branch.
    pub branch: Option<String>,
}

/// Where CI servers tell the commit; the first that is set counts.
const COMMIT_VARIABLES: &[&str] =
    &["SOAKD_COMMIT", "GITHUB_SHA", "CI_COMMIT_SHA", "GIT_COMMIT", "BUILDKITE_COMMIT", "CIRCLE_SHA1"];

/// Where they tell the branch: that of a merge request before what it is to be merged into.
const BRANCH_VARIABLES: &[&str] = &[
    "SOAKD_BRANCH",
    "GITHUB_HEAD_REF",
    "GITHUB_REF_NAME",
    "CI_COMMIT_REF_NAME",
    "CHANGE_BRANCH",
    "BRANCH_NAME",
    "GIT_BRANCH",
    "BUILDKITE_BRANCH",
    "CIRCLE_BRANCH",
];

/// Other things than a file of a few lines are no reference.
const MOST_BYTES: u64 = 16 * 1024 * 1024;

/// The commit that the environment tells (`variable` looks it up), else that of the repository around `folder`.
#[must_use]
pub fn of(variable: impl Fn(&str) -> Option<String>, folder: Option<&Path>) -> Commit {
    let first = |names: &[&str]| names.iter().find_map(|name| variable(name).filter(|value| !value.is_empty()));
    let told = Commit { id: first(COMMIT_VARIABLES), branch: first(BRANCH_VARIABLES) };
    if told.id.is_some() {
        return told;
    }
    let found = folder.and_then(git_folder).map(|git| head(&git)).unwrap_or_default();
    Commit { id: found.id, branch: told.branch.or(found.branch) }
}

/// The Git folder of the repository around `folder`.
fn git_folder(folder: &Path) -> Option<PathBuf> {
    folder.ancestors().find_map(|folder| {
        let git = folder.join(".git");
        if git.is_dir() {
            return Some(git);
        }
        // A worktree or a submodule: a file that says where it is.
        let target = text(&git)?.strip_prefix("gitdir:")?.trim().to_owned();
        Some(folder.join(target))
    })
}

/// What is checked out.
fn head(git: &Path) -> Commit {
    let Some(head) = text(&git.join("HEAD")) else { return Commit::default() };
    let head = head.trim();
    let Some(reference) = head.strip_prefix("ref:").map(str::trim) else {
        return Commit { id: is_id(head).then(|| head.to_owned()), branch: None };
    };
    // The branches of a worktree are those of its repository.
    let common = text(&git.join("commondir")).map_or_else(|| git.to_owned(), |common| git.join(common.trim()));
    let loose = text(&common.join(reference)).map(|id| id.trim().to_owned());
    let id = loose.or_else(|| {
        text(&common.join("packed-refs"))?
            .lines()
            .find_map(|line| line.split_once(' ').filter(|(_, name)| *name == reference).map(|(id, _)| id.to_owned()))
    });
    Commit { id: id.filter(|id| is_id(id)), branch: reference.strip_prefix("refs/heads/").map(str::to_owned) }
}

fn is_id(text: &str) -> bool {
    text.len() >= 40 && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn text(file: &Path) -> Option<String> {
    if fs::metadata(file).ok()?.len() > MOST_BYTES {
        return None;
    }
    fs::read_to_string(file).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "0123456789abcdef0123456789abcdef01234567";

    fn found(folder: &Path) -> Commit {
        of(|_| None, Some(folder))
    }

    fn commit(id: &str, branch: Option<&str>) -> Commit {
        Commit { id: Some(id.to_owned()), branch: branch.map(str::to_owned) }
    }

    #[test]
    fn a_repository_tells_commit_and_branch() {
        let folder = tempfile::tempdir().unwrap();
        let git = folder.path().join(".git");
        fs::create_dir_all(git.join("refs/heads/feature")).unwrap();
        fs::create_dir(folder.path().join("src")).unwrap();
        fs::write(git.join("HEAD"), "ref: refs/heads/feature/x\n").unwrap();
        assert_eq!(found(folder.path()), Commit { id: None, branch: Some("feature/x".to_owned()) });
        fs::write(git.join("packed-refs"), format!("# pack-refs with: peeled\n{ID} refs/heads/feature/x\n")).unwrap();
        assert_eq!(found(&folder.path().join("src")), commit(ID, Some("feature/x")));
        let other = ID.replace('0', "f");
        fs::write(git.join("refs/heads/feature/x"), format!("{other}\n")).unwrap();
        assert_eq!(found(folder.path()), commit(&other, Some("feature/x")));
        fs::write(git.join("HEAD"), format!("{ID}\n")).unwrap();
        assert_eq!(found(folder.path()), commit(ID, None));
        fs::write(git.join("HEAD"), "who knows").unwrap();
        assert_eq!(found(folder.path()), Commit::default());
    }

    #[test]
    fn a_worktree_has_the_branches_of_its_repository() {
        let folder = tempfile::tempdir().unwrap();
        let git = folder.path().join("main/.git");
        fs::create_dir_all(git.join("worktrees/w")).unwrap();
        fs::create_dir_all(git.join("refs/heads")).unwrap();
        fs::write(git.join("refs/heads/topic"), ID).unwrap();
        fs::write(git.join("worktrees/w/HEAD"), "ref: refs/heads/topic").unwrap();
        fs::write(git.join("worktrees/w/commondir"), "../..\n").unwrap();
        fs::create_dir(folder.path().join("w")).unwrap();
        fs::write(folder.path().join("w/.git"), "gitdir: ../main/.git/worktrees/w\n").unwrap();
        assert_eq!(found(&folder.path().join("w")), commit(ID, Some("topic")));
    }

    #[test]
    fn what_a_ci_server_says_counts_more() {
        let says = |name: &str| match name {
            "GITHUB_SHA" => Some(ID.to_owned()),
            "GITHUB_HEAD_REF" => Some(String::new()),
            "GITHUB_REF_NAME" => Some("main".to_owned()),
            _ => None,
        };
        assert_eq!(of(says, Some(Path::new("/"))), commit(ID, Some("main")));
    }
}
