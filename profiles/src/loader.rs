//! From the name or the file of a profile to the [`Profile`]: reading, variables, `extends`, validation.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::decode;
use crate::fault::{Fault, FaultKind, Faults, nearest};
use crate::keys;
use crate::library;
use crate::merge;
use crate::profile::Profile;
use crate::section::Reader;
use crate::tree::{Entry, Place, Source, Sources, Table, Value};
use crate::variables;

/// The most that is read of a file. The longest profile that makes sense is a thousandth of it.
const LARGEST_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// What a profile is read against. This crate reads no environment by itself.
#[derive(Clone, Copy)]
pub struct Surroundings<'a> {
    /// The value of a variable in `${…}`; `None` if it is not set. Shipped profiles use `${SOAKD}`, the path of the
    /// program.
    pub variable: &'a dyn Fn(&str) -> Option<String>,
    /// The names of the metrics that there are; empty for no check of them.
    pub metrics: &'a [&'a str],
}

impl std::fmt::Debug for Surroundings<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Surroundings").field("metrics", &self.metrics).finish_non_exhaustive()
    }
}

/// Why there is no profile.
#[derive(Debug, Error)]
pub enum LoadError {
    /// Neither a shipped profile nor a file has this name.
    #[error("no profile `{name}`: neither a file nor a shipped profile has this name")]
    Unknown {
        /// The name.
        name: String,
        /// The nearest shipped profile.
        nearest: Option<String>,
    },
    /// The file cannot be read.
    #[error("cannot read profile `{}`: {}", .path.display(), reason(.source))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// The profile can be read, but it is not right.
    #[error(transparent)]
    Invalid(#[from] Faults),
}

impl LoadError {
    /// What to do about it. The hints of [`LoadError::Invalid`] are part of its message.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Unknown { nearest: Some(nearest), .. } => Some(format!("did you mean `{nearest}`?")),
            Self::Unknown { nearest: None, .. } => Some("`soakd profile list` shows the shipped profiles".to_owned()),
            Self::Read { .. } | Self::Invalid(_) => None,
        }
    }
}

/// The system's words without its number, and in lower case as the rest of the message.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let mut characters = text.chars();
    characters.next().map(|first| first.to_lowercase().chain(characters).collect()).unwrap_or_default()
}

/// Reads the profile that a user names: a path (with a `/`, ending in `.toml`, or of a file that exists), or the name of
/// a shipped profile. A shipped profile wins over a file of the same name in the current folder; `./name` is the file.
///
/// # Errors
/// [`LoadError`].
pub fn load(name: &str, surroundings: Surroundings<'_>) -> Result<Profile, LoadError> {
    if !looks_like_path(name) {
        if library::find(name).is_some() {
            return load_shipped(name, surroundings);
        }
        if !Path::new(name).is_file() {
            let nearest = nearest(name, library::library().iter().map(|shipped| shipped.name));
            return Err(LoadError::Unknown { name: name.to_owned(), nearest });
        }
    }
    load_file(Path::new(name), surroundings)
}

fn looks_like_path(name: &str) -> bool {
    name.contains('/') || Path::new(name).extension().is_some_and(|extension| extension == "toml")
}

/// Reads a file.
///
/// # Errors
/// [`LoadError::Read`] and [`LoadError::Invalid`].
pub fn load_file(path: &Path, surroundings: Surroundings<'_>) -> Result<Profile, LoadError> {
    let bytes = read(path).map_err(|source| LoadError::Read { path: path.to_owned(), source })?;
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let mut layers = Layers::new(surroundings);
    layers.add(path.display().to_string(), &bytes, Some(folder_of(path)), Identity::file(path));
    Ok(layers.profile(stem, Some(folder_of(path)))?)
}

/// Reads a shipped profile.
///
/// # Errors
/// [`LoadError::Unknown`] if there is none of this name, and [`LoadError::Invalid`] if a variable is not set.
pub fn load_shipped(name: &str, surroundings: Surroundings<'_>) -> Result<Profile, LoadError> {
    let Some(shipped) = library::find(name) else {
        let nearest = nearest(name, library::library().iter().map(|shipped| shipped.name));
        return Err(LoadError::Unknown { name: name.to_owned(), nearest });
    };
    let mut layers = Layers::new(surroundings);
    layers.add(name.to_owned(), shipped.text.as_bytes(), None, Identity::Shipped(name.to_owned()));
    Ok(layers.profile(name.to_owned(), None)?)
}

/// Reads a profile from its bytes. `shown` is its name in messages, and its name without `name`; `folder` is what its
/// relative paths, that of `extends` among them, are resolved against.
///
/// # Errors
/// All the faults of the profile.
pub fn parse(
    bytes: &[u8],
    shown: &str,
    folder: Option<&Path>,
    surroundings: Surroundings<'_>,
) -> Result<Profile, Faults> {
    let mut layers = Layers::new(surroundings);
    layers.add(shown.to_owned(), bytes, folder.map(Path::to_owned), Identity::Text);
    layers.profile(shown.to_owned(), folder.map(Path::to_owned))
}

pub(crate) fn read(path: &Path) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a regular file"));
    }
    let mut bytes = Vec::new();
    file.take(LARGEST_FILE_BYTES + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LARGEST_FILE_BYTES {
        return Err(io::Error::other(format!("larger than {} MiB", LARGEST_FILE_BYTES / 1024 / 1024)));
    }
    Ok(bytes)
}

/// What a layer is, to notice one that is met again.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Identity {
    Text,
    File(PathBuf),
    Shipped(String),
}

impl Identity {
    fn file(path: &Path) -> Self {
        Self::File(path.canonicalize().unwrap_or_else(|_| path.to_owned()))
    }
}

/// A profile and those that it extends, one after the other.
struct Layers<'a> {
    surroundings: Surroundings<'a>,
    sources: Sources,
    identities: Vec<Identity>,
    trees: Vec<Table>,
    faults: Vec<Fault>,
}

impl<'a> Layers<'a> {
    fn new(surroundings: Surroundings<'a>) -> Self {
        Self {
            surroundings,
            sources: Sources::default(),
            identities: Vec::new(),
            trees: Vec::new(),
            faults: Vec::new(),
        }
    }

    /// Adds a file, and then what it extends.
    fn add(&mut self, name: String, bytes: &[u8], folder: Option<PathBuf>, identity: Identity) {
        self.identities.push(identity);
        let Some(mut tree) = self.sources.add(name, bytes, folder.clone(), &mut self.faults) else {
            self.trees.push(Table::default());
            return;
        };
        let (sources, faults) = (&self.sources, &mut self.faults);
        variables::replace_all(&mut tree, self.surroundings.variable, &mut |place, kind| {
            faults.push(sources.fault(place, kind));
        });
        let base = tree.get("extends").and_then(|entry| match &entry.node.value {
            Value::Text { text, .. } if !text.is_empty() => Some((text.clone(), entry.node.place)),
            _ => None,
        });
        self.trees.push(tree);
        if let Some((base, place)) = base {
            self.extend(&base, place, folder);
        }
    }

    fn extend(&mut self, base: &str, place: Place, folder: Option<PathBuf>) {
        if !looks_like_path(base)
            && let Some(shipped) = library::find(base)
        {
            let identity = Identity::Shipped(base.to_owned());
            return self.add_once(base.to_owned(), shipped.text.as_bytes(), None, identity, place);
        }
        let path = folder.map_or_else(|| PathBuf::from(base), |folder| folder.join(base));
        match read(&path) {
            Ok(bytes) => {
                let shown = path.strip_prefix("./").unwrap_or(&path).display().to_string();
                self.add_once(shown, &bytes, Some(folder_of(&path)), Identity::file(&path), place);
            }
            Err(error) => {
                let kind = FaultKind::CannotExtend { base: base.to_owned(), reason: reason(&error) };
                self.faults.push(self.sources.fault(place, kind));
            }
        }
    }

    fn add_once(&mut self, name: String, bytes: &[u8], folder: Option<PathBuf>, identity: Identity, place: Place) {
        if let Some(first) = self.identities.iter().position(|known| *known == identity) {
            let names = self.sources.0[first..].iter().map(|source| source.name.as_str()).chain([name.as_str()]);
            let chain = names.collect::<Vec<_>>().join(" → ");
            self.faults.push(self.sources.fault(place, FaultKind::Circle { chain }));
            return;
        }
        self.add(name, bytes, folder, identity);
    }

    /// Reads each file by itself, then all of them merged.
    fn profile(mut self, name: String, folder: Option<PathBuf>) -> Result<Profile, Faults> {
        let start = Place { source: 0, start: 0, end: 0 };
        // A section may speak of a series that another file of the profile declares.
        let declared: Vec<String> = self.trees.iter().flat_map(decode::source::declared).collect();
        let reader = |alone, faults| Reader {
            sources: &self.sources,
            root: keys::PROFILE,
            metrics: self.surroundings.metrics,
            declared: &declared,
            alone,
            faults: RefCell::new(faults),
        };
        let mut faults = std::mem::take(&mut self.faults);
        let incomplete = !faults.is_empty();
        if self.trees.len() > 1 || incomplete {
            for (source, tree) in self.trees.iter().enumerate() {
                let alone = reader(true, faults);
                decode::profile(&alone, tree, Place { source, ..start });
                faults = alone.faults.into_inner();
            }
        }
        let mut merged = Table::default();
        for tree in self.trees.iter().rev() {
            // What a base is called and what it extends is its own affair.
            for key in ["name", "description", "extends"] {
                merged.0.remove(key);
            }
            merged = merge::profiles(&merged, tree);
        }
        // Of a file that could not be read in full, what is missing cannot be told from what was not read.
        let whole = reader(incomplete, faults);
        let mut profile = decode::profile(&whole, &merged, start);
        if let Some(faults) = self.sources.in_order(whole.faults.into_inner()) {
            return Err(faults);
        }
        if profile.name.is_empty() {
            profile.name = name;
        }
        profile.folder = folder;
        Ok(profile)
    }
}

/// The folder that holds `file`.
fn folder_of(file: &Path) -> PathBuf {
    match file.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// The text of `key` at the top level of a profile that is known to be valid, such as a shipped one.
pub(crate) fn top_level_text(text: &str, key: &str) -> Option<String> {
    let sources = Sources(vec![Source { name: String::new(), text: text.to_owned(), folder: None }]);
    match sources.tree(0, &mut Vec::new()).0.remove(key) {
        Some(Entry { node, .. }) => match node.value {
            Value::Text { text, .. } => Some(text),
            _ => None,
        },
        None => None,
    }
}
