//! The whole of a profile.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::budget::Budgets;
use crate::checkpoint::Checkpoint;
use crate::judge::Judge;
use crate::load::Load;
use crate::plan::{Scenario, Stage};
use crate::sample::Sample;
use crate::source::Source;
use crate::target::Target;

/// The environment whose budgets always apply.
pub const DEFAULT_ENVIRONMENT: &str = "default";

/// What to run and what to tolerate, with `extends` merged and variables replaced. `Profile::default()` is the empty file.
///
/// It can be stored and read back with serde. That form is for soakd itself; people write TOML.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Profile {
    /// Its name: `name`, else the stem of the file.
    pub name: String,
    /// What it is for; may be empty.
    pub description: String,
    /// The folder of the file; `None` for a shipped profile and for none at all.
    pub folder: Option<PathBuf>,
    /// What is soaked.
    pub target: Target,
    /// What keeps it busy.
    pub load: Load,
    /// What is measured.
    pub sample: Sample,
    /// What is asked for numbers besides, by name.
    #[serde(default)]
    pub sources: BTreeMap<String, Source>,
    /// What is tolerated.
    pub judge: Judge,
    /// Moments at which the target is made to settle. A profile that was stored before there were any has none.
    #[serde(default)]
    pub checkpoint: Checkpoint,
    /// Limits, by environment.
    pub budgets: BTreeMap<String, Budgets>,
    /// Sizes and lengths of the load, by name.
    pub scenarios: BTreeMap<String, Scenario>,
    /// Gates of the delivery pipeline, by name.
    pub stages: BTreeMap<String, Stage>,
    /// Where results go.
    pub report: Report,
}

impl Profile {
    /// Where a command of this profile starts: [`Target::working_directory`], else the folder of the file, else `None`
    /// for the folder in which soakd was started. A command from the command line starts in that last one, unless
    /// `working_directory` is set.
    #[must_use]
    pub fn start_folder(&self) -> Option<&Path> {
        self.target.working_directory.as_deref().or(self.folder.as_deref())
    }
}

/// `[report]`: where results go.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Report {
    /// Folder of the results, resolved against the folder of the profile; `None`: a new one in the state folder.
    pub out: Option<PathBuf>,
    /// Names of the reports that are written into it beside the verdict (`html`, `junit`, …). Whoever writes them knows
    /// which there are.
    #[serde(default)]
    pub formats: Vec<String>,
}
