//! The keeper itself: one thread that waits for soakd, for its children and for a timer.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use rustix::event::{PollFd, PollFlags};
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use rustix::process::{Signal, WaitOptions, WaitStatus};
use rustix::time::{Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec};

use super::family::{Relative, descendants_of};
use super::launch::{LaunchError, close_inherited, launch};
use super::own_cgroup::{OwnCgroup, step_aside};
use super::protocol::{Inbox, Reply, Request, Start, StartStep, encode};
use super::unit::take_over;
use crate::target::{CgroupWish, ExitStatus, Leftover, StopTook};

/// How long the target gets to end by itself after soakd has died.
const GRACE_WITHOUT_SOAKD_MS: u64 = 2_000;
/// How often what is left is looked for and killed, while there is something: a process that was being born while the
/// others were killed makes no event of its own.
const KILL_ROUND_MS: u64 = 20;
/// After this many rounds soakd is told what does not end.
const ROUNDS_UNTIL_TOLD: u32 = 500;
/// How many processes are named in a reply.
const NAMED_PROCESSES: usize = 32;

/// Keeps one target until soakd lets go of it and nothing is left.
///
/// Expects the socket to soakd as standard input, and where the target shall print as standard output and error: handed over on
/// the socket where systemd has started it.
///
/// # Errors
/// When this process cannot be made a keeper.
pub(super) fn keep(is_in_unit: bool) -> io::Result<()> {
    close_inherited();
    // A terminal's Ctrl-C is for soakd alone. Fails where we lead a session already.
    let _ = rustix::process::setsid();
    rustix::thread::set_name(c"soakd-keeper")?;
    rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
    let soakd = rustix::io::fcntl_dupfd_cloexec(rustix::stdio::stdin(), 3)?;
    let nothing = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    rustix::stdio::dup2_stdin(&nothing)?;
    if is_in_unit {
        let [output, errors] = take_over(&soakd)?;
        rustix::stdio::dup2_stdout(&output)?;
        rustix::stdio::dup2_stderr(&errors)?;
        step_aside();
    }
    let (children, on_child) = UnixStream::pair()?;
    children.set_nonblocking(true)?;
    signal_hook::low_level::pipe::register(signal_hook::consts::SIGCHLD, on_child)?;
    // Caught rather than ignored: the target would inherit it if they were ignored.
    let caught = Arc::new(AtomicBool::new(false));
    for signal in [
        signal_hook::consts::SIGINT,
        signal_hook::consts::SIGTERM,
        signal_hook::consts::SIGHUP,
        signal_hook::consts::SIGQUIT,
        signal_hook::consts::SIGUSR1,
        signal_hook::consts::SIGUSR2,
    ] {
        signal_hook::flag::register(signal, Arc::clone(&caught))?;
    }
    let timer =
        rustix::time::timerfd_create(TimerfdClockId::Monotonic, TimerfdFlags::CLOEXEC | TimerfdFlags::NONBLOCK)?;
    let keeper = Keeper {
        soakd,
        inbox: Inbox::default(),
        children,
        timer,
        phase: Phase::Empty,
        main: None,
        main_status: None,
        cgroup: None,
        killed: Vec::new(),
        soakd_is_there: true,
    };
    if is_in_unit {
        let pid = std::process::id();
        let start_ticks = Relative::read(pid).map_or(0, |relative| relative.start_ticks);
        keeper.say(&Reply::Here { version: env!("CARGO_PKG_VERSION").to_owned(), pid, start_ticks })?;
    }
    keeper.run()
}

/// What is being done with the descendants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// There are none.
    Empty,
    /// They run.
    Running,
    /// They were asked to end.
    Asked,
    /// They are being killed.
    Killing { took: StopTook, rounds: u32 },
}

struct Keeper {
    soakd: OwnedFd,
    inbox: Inbox,
    children: UnixStream,
    timer: OwnedFd,
    phase: Phase,
    main: Option<u32>,
    main_status: Option<ExitStatus>,
    cgroup: Option<OwnCgroup>,
    killed: Vec<Leftover>,
    soakd_is_there: bool,
}

impl Keeper {
    fn run(mut self) -> io::Result<()> {
        let mut kept = Ok(());
        while kept.is_ok() && (self.soakd_is_there || self.phase != Phase::Empty) {
            kept = self.turn();
        }
        if kept.is_err() {
            self.kill_and_wait();
        }
        if let Some(cgroup) = &mut self.cgroup {
            cgroup.remove();
        }
        kept
    }

    /// Waits once and deals with what happened.
    fn turn(&mut self) -> io::Result<()> {
        let [soakd, children, timer] = self.wait()?;
        // Exits first: what soakd asks for is then answered from what is so.
        if children {
            self.reap()?;
        }
        if timer {
            self.on_timer()?;
        }
        if soakd {
            self.hear()?;
        }
        Ok(())
    }

    /// The way out after an error of our own: leaves nothing running.
    fn kill_and_wait(&self) {
        loop {
            for process in self.family() {
                let _ = process.signal(Signal::KILL);
            }
            if let Err(Errno::CHILD) = rustix::process::wait(WaitOptions::empty()) {
                return;
            }
        }
    }

    /// Waits for something to happen: a word of soakd, an exit, the timer.
    fn wait(&self) -> io::Result<[bool; 3]> {
        let mut waiting = vec![
            PollFd::new(&self.children, PollFlags::IN),
            PollFd::new(&self.timer, PollFlags::IN),
            PollFd::new(&self.soakd, PollFlags::IN),
        ];
        if !self.soakd_is_there {
            // Its end of file would be reported for ever.
            waiting.pop();
        }
        match rustix::event::poll(&mut waiting, None) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok([false; 3]),
            Err(error) => return Err(error.into()),
        }
        let mut happened = waiting.iter().map(|waited| !waited.revents().is_empty());
        let mut next = || happened.next().unwrap_or(false);
        let (children, timer, soakd) = (next(), next(), next());
        Ok([soakd, children, timer])
    }

    /// Takes what soakd says.
    fn hear(&mut self) -> io::Result<()> {
        let mut buffer = [0_u8; 16 * 1024];
        match rustix::net::recv(&self.soakd, &mut buffer[..], RecvFlags::DONTWAIT) {
            Ok((0, _)) | Err(Errno::CONNRESET) => return self.abandoned(),
            Ok((_, length)) => self.inbox.push(&buffer[..length]),
            Err(Errno::AGAIN | Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        while let Some(request) = self.inbox.take()? {
            match request {
                Request::Start(start) => self.start(&start)?,
                Request::Stop { signal, grace_ms } => self.stop(signal, grace_ms)?,
                Request::Kill => self.kill(StopTook::KillAtOnce)?,
            }
        }
        Ok(())
    }

    /// soakd has gone: nothing may be left.
    fn abandoned(&mut self) -> io::Result<()> {
        self.soakd_is_there = false;
        match self.phase {
            Phase::Running => self.stop(Signal::TERM.as_raw(), GRACE_WITHOUT_SOAKD_MS),
            // It may have been asked to end with a long grace period, for which nobody waits any more.
            Phase::Asked => self.set_timer(GRACE_WITHOUT_SOAKD_MS),
            Phase::Empty | Phase::Killing { .. } => Ok(()),
        }
    }

    fn start(&mut self, start: &Start) -> io::Result<()> {
        let cgroup = self.cgroup.get_or_insert_with(|| match start.cgroup {
            CgroupWish::OwnWherePossible => OwnCgroup::create(start.memory_limit_bytes),
            CgroupWish::Inherit => OwnCgroup::none(start.memory_limit_bytes),
        });
        let launched = match launch(start, &cgroup.doors()) {
            Err(LaunchError { step: StartStep::Cgroup, errno }) => {
                cgroup.give_up(&io::Error::from_raw_os_error(errno));
                launch(start, &[])
            }
            launched => launched,
        };
        let placement = cgroup.placement();
        match launched {
            Ok(pid) => {
                // Also of one that has exited already: only we reap it.
                let start_ticks = Relative::read(pid).map_or(0, |relative| relative.start_ticks);
                self.main = Some(pid);
                self.main_status = None;
                self.phase = Phase::Running;
                self.say(&Reply::Started { pid, start_ticks, placement })
            }
            Err(LaunchError { step, errno }) => self.say(&Reply::StartFailed { step, errno }),
        }
    }

    fn stop(&mut self, signal: i32, grace_ms: u64) -> io::Result<()> {
        match self.phase {
            Phase::Empty => return self.gone(StopTook::Nothing),
            Phase::Running | Phase::Asked => {}
            Phase::Killing { .. } => return Ok(()),
        }
        let named = Signal::from_named_raw(signal).unwrap_or(Signal::TERM);
        for process in self.family() {
            // Not permitted: it changed its user. It is looked at again when the others are killed.
            let _ = process.signal(named);
            // A stopped process does not see the signal before it goes on.
            let _ = process.signal(Signal::CONT);
        }
        // Also if it was asked before: what counts is the last word. A timer set to zero would be switched off.
        self.phase = Phase::Asked;
        self.set_timer(grace_ms.max(1))
    }

    fn on_timer(&mut self) -> io::Result<()> {
        let mut expirations = [0_u8; 8];
        match rustix::io::read(&self.timer, &mut expirations) {
            Ok(_) => {}
            // Set anew since it ran out.
            Err(Errno::AGAIN) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        match self.phase {
            Phase::Asked => self.kill(StopTook::Kill),
            Phase::Killing { .. } => self.kill_round(),
            Phase::Empty | Phase::Running => Ok(()),
        }
    }

    fn kill(&mut self, took: StopTook) -> io::Result<()> {
        match self.phase {
            Phase::Empty => self.gone(StopTook::Nothing),
            Phase::Killing { .. } => Ok(()),
            Phase::Running | Phase::Asked => {
                let left = self.family();
                self.killed = left.iter().take(NAMED_PROCESSES).map(Leftover::from).collect();
                self.phase = Phase::Killing { took, rounds: 0 };
                self.kill_round()
            }
        }
    }

    /// Kills all that can be seen now.
    fn kill_round(&mut self) -> io::Result<()> {
        let Phase::Killing { took, rounds } = self.phase else { return Ok(()) };
        if let Some(cgroup) = &self.cgroup {
            cgroup.kill();
        }
        let left = self.family();
        for process in &left {
            let _ = process.signal(Signal::KILL);
        }
        if rounds == ROUNDS_UNTIL_TOLD {
            self.say(&Reply::Still { left: left.iter().take(NAMED_PROCESSES).map(Leftover::from).collect() })?;
        }
        self.phase = Phase::Killing { took, rounds: rounds.saturating_add(1) };
        self.set_timer(KILL_ROUND_MS)
    }

    /// Takes the status of all that has exited.
    fn reap(&mut self) -> io::Result<()> {
        let mut drained = [0_u8; 64];
        while matches!(rustix::io::read(&self.children, &mut drained), Ok(length) if length > 0) {}
        loop {
            match rustix::process::wait(WaitOptions::NOHANG) {
                Ok(Some((pid, status))) => self.on_exit(pid.as_raw_nonzero().get(), status)?,
                Ok(None) => return Ok(()),
                Err(Errno::INTR) => {}
                // No child is left, and with it no descendant: what a child leaves behind becomes ours.
                Err(Errno::CHILD) => return self.none_left(),
                Err(error) => return Err(error.into()),
            }
        }
    }

    fn on_exit(&mut self, pid: i32, status: WaitStatus) -> io::Result<()> {
        let Some(pid) = self.main.take_if(|main| i64::from(*main) == i64::from(pid)) else { return Ok(()) };
        let status = match (status.exit_status(), status.terminating_signal()) {
            (Some(code), _) => ExitStatus::Code(code),
            (None, Some(signal)) => ExitStatus::Signal(signal),
            (None, None) => ExitStatus::Unknown,
        };
        if self.phase != Phase::Running {
            self.main_status = Some(status);
            return Ok(());
        }
        let left = self.family().iter().filter(|process| !process.has_ended()).count();
        let left_running_count = u32::try_from(left).unwrap_or(u32::MAX);
        self.say(&Reply::Exited { pid, status, left_running_count })
    }

    fn none_left(&mut self) -> io::Result<()> {
        match self.phase {
            Phase::Empty => Ok(()),
            Phase::Running => self.gone(StopTook::Nothing),
            Phase::Asked => self.gone(StopTook::Signal),
            Phase::Killing { took, .. } => self.gone(took),
        }
    }

    fn gone(&mut self, took: StopTook) -> io::Result<()> {
        self.phase = Phase::Empty;
        self.set_timer(0)?;
        let killed = std::mem::take(&mut self.killed);
        let status = self.main_status.take();
        self.say(&Reply::Gone { took, killed, status })
    }

    fn family(&self) -> Vec<Relative> {
        descendants_of(std::process::id())
    }

    /// Sets the timer off after this time; 0 stops it.
    fn set_timer(&self, after_ms: u64) -> io::Result<()> {
        let seconds = i64::try_from(after_ms / 1000).unwrap_or(i64::MAX);
        let nanoseconds = i64::try_from(after_ms % 1000 * 1_000_000).unwrap_or(0);
        let never = Timespec { tv_sec: 0, tv_nsec: 0 };
        let after = Timespec { tv_sec: seconds, tv_nsec: nanoseconds };
        let setting = Itimerspec { it_interval: never, it_value: after };
        rustix::time::timerfd_settime(&self.timer, TimerfdTimerFlags::empty(), &setting)?;
        Ok(())
    }

    /// Tells soakd. That it does not listen any more will be seen when it is listened to.
    fn say(&self, reply: &Reply) -> io::Result<()> {
        if !self.soakd_is_there {
            return Ok(());
        }
        let frame = encode(reply)?;
        let mut rest = &frame[..];
        while !rest.is_empty() {
            match rustix::net::send(self.soakd.as_fd(), rest, SendFlags::NOSIGNAL) {
                Ok(sent) => rest = &rest[sent..],
                Err(Errno::INTR) => {}
                Err(_) => return Ok(()),
            }
        }
        Ok(())
    }
}
