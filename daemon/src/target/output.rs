//! What the target prints: read, kept, and looked at line by line.
//!
//! One thread for each target reads both of its streams, so that neither a slow disk nor a busy run holds up anything
//! but that thread. Every line is looked at once, there and then: nothing is queued, so nothing can grow and no count
//! can miss a line.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use regex::bytes::Regex;
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use tokio::sync::{mpsc, oneshot};

use super::event::TargetEvent;
use super::output_lines::{LineCutter, Piece};
use super::output_log::OutputLog;
use super::printed::Printed;

/// How many of the last lines are kept for messages, and how long each may be.
const TAIL_LINES: usize = 20;
const TAIL_LINE_BYTES: usize = 500;
/// How long the streams may stay open after the last process of the target has ended.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Which stream a line came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Errors,
}

/// A line of output, without its end; the first 64 KiB of a longer one. Any bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutputLine<'a> {
    /// Where it came from.
    pub stream: Stream,
    /// What it says.
    pub bytes: &'a [u8],
}

/// Whether a watcher wants to see more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    /// It does.
    GoOn,
    /// It has seen enough.
    Done,
}

type Watcher = Box<dyn FnMut(OutputLine<'_>) -> Watch + Send>;

/// Counts the lines that match, from the first line on: an operation counter.
#[derive(Debug, Clone)]
pub struct LineCounter {
    regex: Regex,
    stream: Option<Stream>,
    count: Arc<AtomicU64>,
}

impl LineCounter {
    /// One that has counted nothing yet. Put it into [`SpawnSpec::counters`](super::SpawnSpec::counters), and ask a
    /// clone of it.
    #[must_use]
    pub fn new(regex: Regex) -> Self {
        Self { regex, stream: None, count: Arc::default() }
    }

    /// The same, for lines of one stream.
    #[must_use]
    pub fn only(mut self, stream: Stream) -> Self {
        self.stream = Some(stream);
        self
    }

    /// Lines that have matched so far, over all restarts.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    fn look(&self, line: OutputLine<'_>) {
        if self.stream.is_none_or(|stream| stream == line.stream) && self.regex.is_match(line.bytes) {
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }
}

/// The output of a spawned target. Clones are the same.
#[derive(Clone)]
pub struct Output {
    shared: Arc<Mutex<Shared>>,
    progress: Arc<Progress>,
}

/// Lets others see that all that was printed has been read.
#[derive(Debug, Default)]
struct Progress {
    /// Whether the reader has dealt with all that it has read, and waits for more.
    waits: AtomicBool,
    /// More of the descriptors that it reads, while it does.
    streams: Mutex<Option<[OwnedFd; 2]>>,
}

#[derive(Default)]
struct Shared {
    tail: VecDeque<String>,
    counters: Vec<LineCounter>,
    printed: Option<Printed>,
    watchers: Vec<Watcher>,
}

impl std::fmt::Debug for Output {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Output").finish_non_exhaustive()
    }
}

impl Output {
    pub(super) fn new(counters: Vec<LineCounter>, printed: Option<Printed>) -> Self {
        let shared = Shared { counters, printed, ..Shared::default() };
        Self { shared: Arc::new(Mutex::new(shared)), progress: Arc::default() }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The last lines, the oldest first, at most 20 of at most 500 bytes each; what is not UTF-8 is replaced.
    #[must_use]
    pub fn last_lines(&self) -> Vec<String> {
        self.lock().tail.iter().cloned().collect()
    }

    /// Calls `watcher` with every line from now on, until it is [`Watch::Done`]. The target waits meanwhile: it has to
    /// be quick, and must not use this output.
    pub fn watch(&self, watcher: impl FnMut(OutputLine<'_>) -> Watch + Send + 'static) {
        self.lock().watchers.push(Box::new(watcher));
    }

    /// Resolves at the next line that matches; fails when the output ends without one.
    pub(super) fn next_match(&self, regex: Regex) -> oneshot::Receiver<()> {
        let (found, wait) = oneshot::channel();
        let mut found = Some(found);
        self.watch(move |line| {
            let is_wanted = found.as_ref().is_some_and(|found| !found.is_closed());
            if !is_wanted {
                return Watch::Done;
            }
            if !regex.is_match(line.bytes) {
                return Watch::GoOn;
            }
            if let Some(found) = found.take() {
                let _ = found.send(());
            }
            Watch::Done
        });
        wait
    }

    /// Waits until every line has been seen that was printed before this was called, or a second has passed.
    pub(super) async fn settled(&self) {
        let all_seen = async {
            while !self.has_seen_all() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_secs(1), all_seen).await;
    }

    fn has_seen_all(&self) -> bool {
        let streams = self.progress.streams.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(streams) = &*streams else { return true };
        // In this order: the reader stops waiting before it empties a pipe, so that one that is found empty and a
        // reader that is found waiting after that mean that it has dealt with what was in it.
        let is_empty = streams.iter().all(|stream| rustix::io::ioctl_fionread(stream).is_ok_and(|bytes| bytes == 0));
        is_empty && self.progress.waits.load(Ordering::SeqCst)
    }

    fn see(&self, line: OutputLine<'_>) {
        let mut shared = self.lock();
        if shared.tail.len() == TAIL_LINES {
            shared.tail.pop_front();
        }
        let start = &line.bytes[..line.bytes.len().min(TAIL_LINE_BYTES)];
        shared.tail.push_back(String::from_utf8_lossy(start).into_owned());
        for counter in &shared.counters {
            counter.look(line);
        }
        if let Some(printed) = &shared.printed {
            printed.look(line);
        }
        shared.watchers.retain_mut(|watcher| watcher(line) == Watch::GoOn);
    }

    /// Starts to read both streams.
    ///
    /// # Errors
    /// When no thread can be started.
    pub(super) fn read(
        &self,
        streams: [OwnedFd; 2],
        log: Option<(PathBuf, OutputLog)>,
        events: mpsc::UnboundedSender<TargetEvent>,
    ) -> io::Result<Reader> {
        let [out, err] = &streams;
        let more = [out.try_clone()?, err.try_clone()?];
        *self.progress.streams.lock().unwrap_or_else(PoisonError::into_inner) = Some(more);
        let (stop, stopped) = io::pipe()?;
        let (done, wait) = oneshot::channel();
        let reading = Reading {
            output: self.clone(),
            streams: streams.map(|stream| Some(File::from(stream))),
            cutters: Default::default(),
            log,
            truncation_told: false,
            events,
        };
        thread::Builder::new().name("target-output".to_owned()).stack_size(256 * 1024).spawn(move || {
            let progress = Arc::clone(&reading.output.progress);
            reading.run(&stop);
            // Whoever prints there from now on is to see that nobody reads.
            *progress.streams.lock().unwrap_or_else(PoisonError::into_inner) = None;
            let _ = done.send(());
        })?;
        Ok(Reader { stop: Some(stopped), done: wait })
    }
}

/// The thread that reads.
#[derive(Debug)]
pub(super) struct Reader {
    /// Closed to end it.
    stop: Option<io::PipeWriter>,
    done: oneshot::Receiver<()>,
}

impl Reader {
    /// Waits until both streams have ended and the log is complete. A process outside of the target to which the
    /// target has handed its streams cannot hold this up for long.
    pub(super) async fn finish(mut self) {
        if tokio::time::timeout(LAST_WORDS, &mut self.done).await.is_err() {
            drop(self.stop.take());
            let _ = self.done.await;
        }
    }
}

struct Reading {
    output: Output,
    streams: [Option<File>; 2],
    cutters: [LineCutter; 2],
    log: Option<(PathBuf, OutputLog)>,
    truncation_told: bool,
    events: mpsc::UnboundedSender<TargetEvent>,
}

impl Reading {
    fn run(mut self, stop: &io::PipeReader) {
        let mut buffer = vec![0; 64 * 1024];
        while self.streams.iter().any(Option::is_some) {
            self.output.progress.waits.store(true, Ordering::SeqCst);
            let waited = self.wait(stop);
            self.output.progress.waits.store(false, Ordering::SeqCst);
            match waited {
                Ok(None) => break,
                Ok(Some(ready)) => {
                    for (index, _) in ready.iter().enumerate().filter(|(_, ready)| **ready) {
                        self.take(index, &mut buffer);
                    }
                }
                Err(_) => break,
            }
        }
        for (index, stream) in [Stream::Output, Stream::Errors].into_iter().enumerate() {
            let mut cutter = std::mem::take(&mut self.cutters[index]);
            cutter.finish(|piece| self.keep(stream, piece));
        }
        if let Some((path, log)) = self.log.take()
            && let Err(error) = log.finish()
        {
            let _ = self.events.send(TargetEvent::OutputFailed { file: path, reason: error });
        }
    }

    /// Which streams have something; `None` when it is time to end.
    fn wait(&self, stop: &io::PipeReader) -> io::Result<Option<[bool; 2]>> {
        let mut waiting = vec![PollFd::new(stop, PollFlags::IN)];
        waiting.extend(self.streams.iter().flatten().map(|stream| PollFd::new(stream, PollFlags::IN)));
        match rustix::event::poll(&mut waiting, None) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(Some([false; 2])),
            Err(error) => return Err(error.into()),
        }
        let mut happened = waiting.iter().map(|waited| !waited.revents().is_empty());
        if happened.next() == Some(true) {
            return Ok(None);
        }
        let mut ready = [false; 2];
        for (ready, _) in ready.iter_mut().zip(&self.streams).filter(|(_, stream)| stream.is_some()) {
            *ready = happened.next().unwrap_or(false);
        }
        Ok(Some(ready))
    }

    fn take(&mut self, index: usize, buffer: &mut [u8]) {
        let Some(stream) = &mut self.streams[index] else { return };
        match stream.read(buffer) {
            Ok(0) => self.streams[index] = None,
            Ok(length) => {
                let from = if index == 0 { Stream::Output } else { Stream::Errors };
                let mut cutter = std::mem::take(&mut self.cutters[index]);
                cutter.push(&buffer[..length], |piece| self.keep(from, piece));
                self.cutters[index] = cutter;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => self.streams[index] = None,
        }
    }

    fn keep(&mut self, stream: Stream, piece: Piece<'_>) {
        if piece.begins {
            let bytes = piece.bytes.strip_suffix(b"\n").unwrap_or(piece.bytes);
            let bytes = bytes.strip_suffix(b"\r").unwrap_or(bytes);
            self.output.see(OutputLine { stream, bytes });
        }
        let Some((path, log)) = &mut self.log else { return };
        match log.write(piece.bytes) {
            Ok(()) if log.has_dropped() && !self.truncation_told => {
                self.truncation_told = true;
                let _ = self.events.send(TargetEvent::OutputTruncated { file: path.clone() });
            }
            Ok(()) => {}
            Err(error) => {
                let _ = self.events.send(TargetEvent::OutputFailed { file: path.clone(), reason: error });
                self.log = None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn reading(counters: Vec<LineCounter>) -> (Output, Reader, io::PipeWriter, io::PipeWriter) {
        let output = Output::new(counters, None);
        let ((out, write_out), (err, write_err)) = (io::pipe().unwrap(), io::pipe().unwrap());
        let (events, _) = mpsc::unbounded_channel();
        let reader = output.read([out.into(), err.into()], None, events).unwrap();
        (output, reader, write_out, write_err)
    }

    #[tokio::test]
    async fn every_line_of_both_streams_is_counted() {
        let counter = LineCounter::new(Regex::new("^done").unwrap());
        let (_output, reader, mut out, mut err) = reading(vec![counter.clone()]);
        let writer = thread::spawn(move || {
            for line in 0..50_000 {
                writeln!(out, "done {line}").unwrap();
                writeln!(err, "not done\r\ndone").unwrap();
            }
        });
        // A reader that is to finish waits a while only, and a busy host may write for longer.
        tokio::task::spawn_blocking(move || writer.join().unwrap()).await.unwrap();
        reader.finish().await;
        assert_eq!(counter.count(), 100_000);
    }

    #[tokio::test]
    async fn the_last_lines_are_kept_whatever_they_are() {
        let (output, reader, mut out, err) = reading(Vec::new());
        drop(err);
        for line in 0..100 {
            writeln!(out, "line {line}").unwrap();
        }
        out.write_all(b"\xff\xfe, without an end").unwrap();
        drop(out);
        reader.finish().await;
        let lines = output.last_lines();
        assert_eq!(lines.len(), TAIL_LINES);
        assert_eq!(lines[TAIL_LINES - 2], "line 99");
        assert_eq!(lines[TAIL_LINES - 1], "\u{fffd}\u{fffd}, without an end");
    }

    #[tokio::test]
    async fn a_match_is_told_and_the_end_without_one_too() {
        let (output, reader, mut out, err) = reading(Vec::new());
        let found = output.next_match(Regex::new("listening on [0-9]+").unwrap());
        let never = output.next_match(Regex::new("never said").unwrap());
        writeln!(out, "starting\nlistening on 80").unwrap();
        found.await.unwrap();
        drop((out, err));
        reader.finish().await;
        drop(output);
        assert!(never.await.is_err());
    }

    #[tokio::test]
    async fn streams_that_somebody_else_keeps_open_hold_nothing_up() {
        let (_output, reader, _out, _err) = reading(Vec::new());
        // With the deadline of the test harness: this would hang.
        reader.finish().await;
    }
}
