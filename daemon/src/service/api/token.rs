//! The token that whoever changes something over TCP has to show.

use std::fmt::{self, Write as _};
use std::fs::{File, OpenOptions};
use std::hint::black_box;
use std::io::{self, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Random bytes of a token that is made.
const BYTES: usize = 32;
/// Fewer characters can be guessed.
const FEWEST_CHARACTERS: usize = 16;
/// No token is longer.
const LONGEST_FILE_BYTES: u64 = 4096;

/// Why there is no token.
#[derive(Debug, thiserror::Error)]
pub enum TokenError {
    /// The file cannot be read.
    #[error("cannot read the token in `{}`: {error}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// The file, which did not exist, cannot be made.
    #[error("cannot write a token into `{}`: {error}", path.display())]
    Make {
        /// The file.
        path: PathBuf,
        /// What the system said.
        error: io::Error,
    },
    /// Others than its owner and group may read or write the file.
    #[error("the token in `{}` is open to every user of this host (mode {mode:04o})", path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// What the file holds is no token.
    #[error(
        "`{}` holds no token: expected one line of at least {FEWEST_CHARACTERS} letters, digits and marks", path.display()
    )]
    NoToken {
        /// The file.
        path: PathBuf,
    },
}

impl TokenError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Read { .. } | Self::Make { .. } => "name another file as `token_file` in `[api]`".to_owned(),
            Self::Open { path, .. } => {
                format!("`chmod 600 {}`, after a new token if others may have read it", path.display())
            }
            Self::NoToken { path } => format!("remove `{}`, and a new token is made", path.display()),
        }
    }
}

/// A token. It is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

impl Token {
    /// The token in `path`; where there is no such file, a new one is made there that its owner alone may read.
    ///
    /// # Errors
    /// [`TokenError`], with what to do about it.
    pub fn load_or_make(path: &Path) -> Result<Self, TokenError> {
        match Self::load(path) {
            Err(TokenError::Read { error, .. }) if error.kind() == io::ErrorKind::NotFound => {
                make(path).map_err(|error| TokenError::Make { path: path.to_owned(), error })?;
                Self::load(path)
            }
            loaded => loaded,
        }
    }

    /// The token in `path`.
    ///
    /// # Errors
    /// [`TokenError`], with what to do about it.
    pub fn load(path: &Path) -> Result<Self, TokenError> {
        let read = || {
            let file = File::open(path)?;
            let mode = file.metadata()?.permissions().mode() & 0o7777;
            let mut text = Vec::new();
            file.take(LONGEST_FILE_BYTES).read_to_end(&mut text)?;
            io::Result::Ok((text, mode))
        };
        let (text, mode) = read().map_err(|error| TokenError::Read { path: path.to_owned(), error })?;
        if mode & 0o007 != 0 {
            return Err(TokenError::Open { path: path.to_owned(), mode });
        }
        let text = String::from_utf8_lossy(&text).trim().to_owned();
        if text.len() < FEWEST_CHARACTERS || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(TokenError::NoToken { path: path.to_owned() });
        }
        Ok(Self(text))
    }

    /// As it is sent.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `shown` is this token. How long that takes tells only how long `shown` is.
    #[must_use]
    pub fn is(&self, shown: &[u8]) -> bool {
        let own = self.0.as_bytes();
        let mut difference = u8::from(own.len() != shown.len());
        for (place, byte) in shown.iter().enumerate() {
            difference |= byte ^ own[place % own.len()];
            // The compiler must not find out that the answer is known by now.
            difference = black_box(difference);
        }
        difference == 0
    }
}

fn make(path: &Path) -> io::Result<()> {
    let mut random = [0; BYTES];
    File::open("/dev/urandom")?.read_exact(&mut random)?;
    let mut text = String::with_capacity(2 * BYTES + 1);
    for byte in random {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text.push('\n');
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    // What a daemon left that was killed at this is of no use to anybody.
    match std::fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&beside)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&beside, path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_made_once_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let made = Token::load_or_make(&path).unwrap();
        assert_eq!(made.as_str().len(), 2 * BYTES);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(Token::load_or_make(&path).unwrap(), made);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
        let other = Token::load_or_make(&folder.path().join("other")).unwrap();
        assert_ne!(other, made);
        assert_eq!(format!("{made:?}"), "Token(…)");
    }

    #[test]
    fn a_token_that_others_can_read_or_guess_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        let with = |text: &str, mode: u32| {
            std::fs::write(&path, text).unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            Token::load_or_make(&path)
        };
        assert!(matches!(with("0123456789abcdef\n", 0o644), Err(TokenError::Open { mode: 0o644, .. })));
        assert!(matches!(with("", 0o600), Err(TokenError::NoToken { .. })));
        assert!(matches!(with("short\n", 0o600), Err(TokenError::NoToken { .. })));
        assert!(matches!(with("0123456789 abcdef ghijk\n", 0o600), Err(TokenError::NoToken { .. })));
        assert_eq!(with(" 0123456789abcdef\n", 0o640).unwrap().as_str(), "0123456789abcdef");
        let missing = Token::load_or_make(&folder.path().join("no/folder"));
        assert!(matches!(missing, Err(TokenError::Make { .. })), "{missing:?}");
    }

    #[test]
    fn only_the_whole_token_is_it() {
        let token = Token("0123456789abcdef".to_owned());
        assert!(token.is(b"0123456789abcdef"));
        for wrong in
            ["", "0", "0123456789abcde", "0123456789abcdeg", "0123456789abcdef0", "0123456789abcdef0123456789abcdef"]
        {
            assert!(!token.is(wrong.as_bytes()), "{wrong}");
        }
    }
}
