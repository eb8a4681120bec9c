//! Asks a HotSpot virtual machine what `jcmd` would ask, in the way that `jcmd` does, without starting a virtual machine for it.
//!
//! A socket in its `/tmp`, named after it, takes a question and gives the answer. The machine opens the socket when it finds a
//! file of a certain name after a SIGQUIT, which it catches; one that does not catch it is never sent any. The protocol is
//! that of OpenJDK's `attachListener_posix.cpp`, version 1, which OpenJDK 6 to 25 speak.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use soakd_sampler::{ProcRoot, ProcessId};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::failure::{SourceFailure, plain};

/// Longest answer that is read: a histogram has a line for each class.
const LONGEST_ANSWER_BYTES: usize = 16 * 1024 * 1024;
/// Between two looks for the socket.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// What the virtual machine `machine` answers to the `jcmd` question. The caller limits the time.
///
/// One that was sent the signal and opened no socket is among `signalled` and is sent none again: it prints the stacks of all
/// its threads for each.
///
/// # Errors
/// [`SourceFailure::JvmRefuses`] where it does not take the question or has no answer.
pub(super) async fn ask(
    root: &ProcRoot,
    machine: ProcessId,
    signalled: &mut BTreeSet<ProcessId>,
    question: &str,
) -> Result<String, SourceFailure> {
    let pid = machine.pid;
    let refuses = |why: String| SourceFailure::JvmRefuses { pid, why };
    let failed = |error: io::Error| refuses(plain(&error));
    let status = fs::read_to_string(root.process_file(pid, "status")).map_err(failed)?;
    // In a container it knows itself, and its `/tmp`, by other names.
    let own_pid = own_pid(&status).unwrap_or(pid);
    let folder = root.process_file(pid, "root/tmp");
    let socket = folder.join(format!(".java_pid{own_pid}"));
    if !socket.exists() {
        if signalled.contains(&machine) {
            return Err(refuses("it opens no socket for questions (-XX:+DisableAttachMechanism)".to_owned()));
        }
        check_quit(&status).map_err(|why| refuses(why.to_owned()))?;
        signalled.insert(machine);
        open_socket(root, pid, &folder.join(format!(".attach_pid{own_pid}")), &socket).await?;
    }
    let mut stream = UnixStream::connect(&socket).await.map_err(failed)?;
    // Version, command, and always three arguments.
    let request = format!("1\0jcmd\0{question}\0\0\0");
    stream.write_all(request.as_bytes()).await.map_err(failed)?;
    let mut answer = Vec::new();
    let most = LONGEST_ANSWER_BYTES as u64 + 1;
    stream.take(most).read_to_end(&mut answer).await.map_err(failed)?;
    if answer.len() > LONGEST_ANSWER_BYTES {
        return Err(SourceFailure::TooLong(LONGEST_ANSWER_BYTES));
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    match answer.split_once('\n') {
        Some(("0", text)) => Ok(text.to_owned()),
        Some((_, why)) => Err(refuses(format!("it answers {}", super::failure::beginning(why)))),
        None => Err(refuses(format!("it answers {}", super::failure::beginning(&answer)))),
    }
}

/// Has the virtual machine open its socket, and waits for it.
async fn open_socket(root: &ProcRoot, pid: u32, sign: &Path, socket: &Path) -> Result<(), SourceFailure> {
    let refuses = |why: &str| SourceFailure::JvmRefuses { pid, why: why.to_owned() };
    let failed = |error: io::Error| refuses(&plain(&error));
    let number = i32::try_from(pid).ok().and_then(Pid::from_raw).ok_or_else(|| refuses("it is gone"))?;
    // From here on it is this very process that is meant.
    let process = pidfd_open(number, PidfdFlags::empty()).map_err(|error| failed(error.into()))?;
    let status = fs::read_to_string(root.process_file(pid, "status")).map_err(failed)?;
    check_quit(&status).map_err(refuses)?;
    let _sign = Sign::put(sign, &root.process_file(pid, "")).map_err(failed)?;
    pidfd_send_signal(&process, Signal::QUIT).map_err(|error| failed(error.into()))?;
    while !socket.exists() {
        tokio::time::sleep(LOOK_EVERY).await;
    }
    Ok(())
}

/// The file that tells the machine to open its socket. It is gone when this is dropped.
struct Sign(PathBuf);

impl Sign {
    /// Puts it there for the owner of `process`, who alone is heeded.
    fn put(file: &Path, process: &Path) -> io::Result<Self> {
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o660).open(file)?;
        let sign = Self(file.to_owned());
        let owner = fs::metadata(process)?;
        if owner.uid() != rustix::process::geteuid().as_raw() {
            chown(file, Some(owner.uid()), Some(owner.gid()))?;
        }
        Ok(sign)
    }
}

impl Drop for Sign {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The pid by which a process knows itself.
fn own_pid(status: &str) -> Option<u32> {
    status.lines().find_map(|line| line.strip_prefix("NSpid:"))?.split_whitespace().next_back()?.parse().ok()
}

/// Refuses a process that the signal would end.
fn check_quit(status: &str) -> Result<(), &'static str> {
    if catches_quit(status) { Ok(()) } else { Err("it takes no questions yet: it has only just started") }
}

/// Whether a SIGQUIT is caught, rather than the end of the process.
fn catches_quit(status: &str) -> bool {
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    caught.is_some_and(|mask| mask & (1 << (Signal::QUIT.as_raw() - 1)) != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_in_a_container_knows_itself_by_another_pid() {
        assert_eq!(own_pid("Name:\tjava\nNSpid:\t4711\t7\n"), Some(7));
        assert_eq!(own_pid("Name:\tjava\nNSpid:\t4711\n"), Some(4711));
        assert_eq!(own_pid("Name:\tjava\n"), None);
    }

    #[test]
    fn only_who_catches_the_signal_may_be_sent_it() {
        assert!(catches_quit("SigIgn:\t0000000000000000\nSigCgt:\t2000000181005ccf\n"));
        assert!(!catches_quit("SigCgt:\t0000000180000002\n"));
        assert!(!catches_quit("SigCgt:\t\n") && !catches_quit(""));
    }

    /// A folder like `/proc` with one process that has a `/tmp` of its own, in which something answers.
    async fn answered(answer: &'static [u8]) -> Result<String, SourceFailure> {
        let folder = tempfile::tempdir().expect("a folder");
        let process = folder.path().join("4711");
        fs::create_dir_all(process.join("root/tmp")).expect("folders");
        fs::write(process.join("status"), "NSpid:\t4711\t7\nSigCgt:\t0000000000000000\n").expect("a file");
        let listener = tokio::net::UnixListener::bind(process.join("root/tmp/.java_pid7")).expect("a socket");
        tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.expect("a question");
            let mut question = [0; 64];
            let length = stream.read(&mut question).await.expect("a question");
            assert_eq!(&question[..length], b"1\0jcmd\0GC.heap_info\0\0\0");
            stream.write_all(answer).await.expect("it listens");
        });
        let machine = ProcessId { pid: 4711, start_ticks: 1 };
        ask(&ProcRoot::new(folder.path()), machine, &mut BTreeSet::new(), "GC.heap_info").await
    }

    #[tokio::test]
    async fn an_answer_comes_after_a_zero_and_a_refusal_after_another_number() {
        assert_eq!(answered(b"0\n garbage-first heap\n").await, Ok(" garbage-first heap\n".to_owned()));
        let refused = answered(b"101\nProtocol version\n").await.map_err(|failure| failure.to_string());
        assert_eq!(refused, Err("the virtual machine 4711 does not answer: it answers `Protocol version`".to_owned()));
        assert!(matches!(answered(b"").await, Err(SourceFailure::JvmRefuses { .. })));
    }

    #[tokio::test]
    async fn a_process_that_does_not_catch_the_signal_is_left_alone() {
        let root = ProcRoot::default();
        let mut child = std::process::Command::new("sleep").arg("600").spawn().expect("it starts");
        let machine = ProcessId::of(&root, child.id()).expect("it runs");
        let answer = ask(&root, machine, &mut BTreeSet::new(), "GC.heap_info").await;
        assert!(matches!(answer, Err(SourceFailure::JvmRefuses { .. })), "{answer:?}");
        assert!(child.try_wait().expect("it can be asked").is_none(), "it still runs");
        child.kill().and_then(|()| child.wait()).expect("it ends");
    }
}
