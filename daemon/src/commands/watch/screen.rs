//! The terminal while pictures are drawn on it: the alternate screen, keys as they are pressed, and all as it was
//! afterwards, whatever ends the view.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::termios::{LocalModes, OptionalActions, SpecialCodeIndex, Termios, isatty, tcgetattr, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGWINCH};

use crate::clock::Stopwatch;
use crate::exit::{Exit, Failure};

/// The alternate screen, without a cursor; and back.
const ENTER: &str = "\u{1b}[?1049h\u{1b}[?25l";
const LEAVE: &str = "\u{1b}[?25h\u{1b}[?1049l";

/// What ended a pause.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Woken {
    /// It was over, or the window has another size.
    Anew,
    /// The view is to end: `q` was pressed.
    Quit,
    /// A signal asks for the end.
    Signal(i32),
}

/// Signals that end a view, and the one of a new size of the window, which only ends a pause.
#[derive(Debug)]
pub(super) struct Ends {
    signal: Arc<AtomicUsize>,
}

impl Ends {
    /// Listens from now on.
    ///
    /// # Errors
    /// [`Exit::Internal`] where the kernel refuses a handler.
    pub(super) fn listen() -> Result<Self, Failure> {
        let signal = Arc::new(AtomicUsize::new(0));
        let resized = Arc::new(AtomicUsize::new(0));
        let all = [SIGINT, SIGTERM, SIGHUP].map(|number| (number, &signal));
        for (number, flag) in all.into_iter().chain([(SIGWINCH, &resized)]) {
            signal_hook::flag::register_usize(number, Arc::clone(flag), number.unsigned_abs() as usize)
                .map_err(|error| Failure::new(Exit::Internal, format!("cannot listen to signals: {error}")))?;
        }
        Ok(Self { signal })
    }

    /// The signal that came, if one did.
    fn came(&self) -> Option<Woken> {
        let signal = i32::try_from(self.signal.load(Ordering::SeqCst)).unwrap_or(SIGTERM);
        (signal != 0).then_some(Woken::Signal(signal))
    }

    /// Waits for `pause`, for the key that ends the view where `keys` are there, or for a signal.
    pub(super) fn wait(&self, pause: Duration, keys: bool) -> Woken {
        let waiting = Stopwatch::start();
        loop {
            if let Some(signal) = self.came() {
                return signal;
            }
            let stdin = io::stdin();
            let mut keys = if keys { vec![PollFd::new(&stdin, PollFlags::IN)] } else { Vec::new() };
            let left = pause.saturating_sub(waiting.elapsed());
            let timeout = Timespec { tv_sec: left.as_secs().cast_signed(), tv_nsec: left.subsec_nanos().into() };
            match poll(&mut keys, Some(&timeout)) {
                Ok(1..) if quits() => return Woken::Quit,
                // A key that means nothing makes no pause shorter.
                Ok(1..) if waiting.elapsed() < pause => {}
                // Over, or interrupted by a signal or a new size of the window.
                Ok(_) | Err(_) => return self.came().unwrap_or(Woken::Anew),
            }
        }
    }
}

/// Whether the keys that were pressed end the view.
fn quits() -> bool {
    let mut keys = [0_u8; 64];
    match rustix::io::read(io::stdin(), &mut keys) {
        // A terminal that is gone presses no more keys.
        Ok(0) => true,
        Ok(count) => keys.iter().take(count).any(|key| matches!(key, b'q' | b'Q')),
        Err(_) => false,
    }
}

/// The terminal as it was before, to which it returns.
#[derive(Debug)]
pub(super) struct Screen {
    before: Option<Termios>,
}

impl Screen {
    /// Takes the terminal for pictures.
    ///
    /// # Errors
    /// [`Exit::CannotWrite`] where it cannot be written to.
    pub(super) fn open() -> Result<Self, Failure> {
        let stdin = io::stdin();
        let before = if isatty(&stdin) { tcgetattr(&stdin).ok() } else { None };
        if let Some(before) = &before {
            let mut keys = before.clone();
            keys.local_modes.remove(LocalModes::ICANON | LocalModes::ECHO);
            // Ctrl-Z would leave another program with this screen.
            keys.special_codes[SpecialCodeIndex::VSUSP] = 0;
            keys.special_codes[SpecialCodeIndex::VMIN] = 1;
            keys.special_codes[SpecialCodeIndex::VTIME] = 0;
            // Without it keys are read with the next line end, and the view works else.
            let _ = tcsetattr(&stdin, OptionalActions::Now, &keys);
        }
        let screen = Self { before: before.clone() };
        // A panic says what it has to say on the screen that stays.
        let previous = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            restore(before.as_ref());
            previous(panic);
        }));
        write(ENTER)?;
        Ok(screen)
    }

    /// Whether keys can be read.
    pub(super) fn has_keys(&self) -> bool {
        self.before.is_some()
    }

    /// Shows a picture in place of the one before.
    ///
    /// # Errors
    /// [`Exit::CannotWrite`] where the terminal is gone.
    pub(super) fn draw(&self, frame: &str) -> Result<(), Failure> {
        let mut text = String::from("\u{1b}[H");
        for (place, line) in frame.split('\n').enumerate() {
            if place > 0 {
                text.push_str("\r\n");
            }
            text.push_str(line);
            // What was longer before is taken away.
            text.push_str("\u{1b}[K");
        }
        text.push_str("\u{1b}[J");
        write(&text)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        restore(self.before.as_ref());
        // The hook speaks of this screen only.
        if !std::thread::panicking() {
            drop(std::panic::take_hook());
        }
    }
}

fn restore(before: Option<&Termios>) {
    // A terminal that is gone needs nothing any more.
    let _ = write(LEAVE);
    if let Some(before) = before {
        let _ = tcsetattr(io::stdin().as_fd(), OptionalActions::Now, before);
    }
}

fn write(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout
        .write_all(text.as_bytes())
        .and_then(|()| stdout.flush())
        .map_err(|error| Failure::new(Exit::CannotWrite, format!("cannot write to the terminal: {error}")))
}
