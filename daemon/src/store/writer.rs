//! The one thread that writes. It commits what has arrived in one transaction, so that it catches up when the disk
//! was slow, and it keeps what cannot be written in memory, up to a limit, until the disk takes it again.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::error::StoreError;
use super::insert::Inserts;
use super::owner::Owner;
use super::record::{Ending, Event, Gap, NewRun, Notice, RunKey, SeriesRecord};

/// Messages that may wait for the writer: ten seconds of samples at the fastest rate, 100 Hz.
const CHANNEL_MESSAGES: usize = 1024;

/// Most writes in one transaction. A transaction that fails is done again, so it must not be large.
const TRANSACTION_WRITES: usize = 1024;

/// What may wait in memory while the disk takes nothing: most of a day of 20 series at 1 s.
const MEMORY_BYTES: usize = 8 * 1024 * 1024;

/// How long to wait before trying again when no message comes.
const RETRY: Duration = Duration::from_secs(1);

/// A transaction begins no sooner than so long after the one before, unless somebody waits for an answer: a hundred runs would
/// have one each for every sample, and pay a hundred times for its locks.
const PAUSE: Duration = Duration::from_millis(50);

/// Kind of the events that the writer itself records.
const EVENT_KIND: &str = "store";

/// What the writer answers.
pub(super) type Reply<T> = SyncSender<Result<T, StoreError>>;

/// What is sent to the writer.
#[derive(Debug)]
pub(super) enum Message {
    /// A run begins. Not kept when it cannot be written: a run that has no place on disk should not start.
    Begin { run: Box<NewRun>, notices: Sender<Notice>, reply: Reply<RunKey> },
    /// A run that was cut off goes on. Takes the number that its next row of samples has.
    Resume { key: RunKey, notices: Sender<Notice>, reply: Reply<i64> },
    /// Something about a run.
    Write(RunKey, Write),
    /// Answered when everything before it is on disk, or cannot be written now.
    Barrier(Reply<()>),
}

/// What a row of readings is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RowKind {
    /// A sample of the target.
    Sample,
    /// What was read beside the samples, at a time of its own.
    Aside,
}

/// One thing to write about a run.
#[derive(Debug)]
pub(super) enum Write {
    Series(SeriesRecord),
    Sample {
        number: i64,
        t_s: f64,
        readings: Vec<u8>,
        kind: RowKind,
    },
    Event(Event),
    Gap(Gap),
    Look {
        t_s: f64,
        document: String,
    },
    Ending(Box<Ending>),
    /// The main process of the target.
    Target(Owner),
    /// The recorder was dropped in the middle of its run, or leaves it to be gone on with.
    Abandoned {
        why: String,
    },
}

impl Write {
    /// Memory it takes while it waits, roughly.
    fn size_bytes(&self) -> usize {
        let more = match self {
            Self::Sample { readings, .. } => readings.capacity(),
            Self::Event(event) => event.kind.len() + event.text.len(),
            Self::Gap(gap) => gap.why.len(),
            Self::Look { document, .. } => document.len(),
            Self::Abandoned { why } => why.len(),
            Self::Series(_) | Self::Ending(_) | Self::Target(_) => 0,
        };
        size_of::<(RunKey, Self)>() + more
    }
}

/// Starts the thread; it ends when the last sender is gone.
pub(super) fn spawn(file: &Path, connection: Connection, owner: Owner) -> Result<SyncSender<Message>, StoreError> {
    let (sender, receiver) = sync_channel(CHANNEL_MESSAGES);
    let (ready, is_ready) = sync_channel(1);
    let file = file.to_owned();
    thread::Builder::new()
        .name("soakd-store".to_owned())
        .spawn(move || match Inserts::prepare(&connection) {
            Ok(inserts) => {
                let _ = ready.send(Ok(()));
                Writer::new(file, inserts, owner).run(&receiver);
            }
            Err(error) => {
                let _ = ready.send(Err(StoreError::of(&file, error)));
            }
        })
        .map_err(StoreError::Thread)?;
    is_ready.recv().map_err(|_| StoreError::WriterGone)??;
    Ok(sender)
}

/// A run that is being recorded.
struct Live {
    notices: Sender<Notice>,
    last_t_s: f64,
}

/// Samples of one run that memory could not hold.
struct Lost {
    from_s: f64,
    to_s: f64,
    count: u64,
}

struct Writer<'connection> {
    file: PathBuf,
    inserts: Inserts<'connection>,
    owner: Owner,
    live: BTreeMap<RunKey, Live>,
    pending: VecDeque<(RunKey, Write)>,
    pending_bytes: usize,
    /// Whether the last try failed.
    failing: bool,
    lost: BTreeMap<RunKey, Lost>,
}

/// `first`, and what comes after it until `not_before`, or until somebody waits for an answer, or until a run has a second sample: no
/// more than one of each is ever in flight.
fn gather(first: Message, messages: &Receiver<Message>, not_before: Instant) -> Vec<Message> {
    let mut sampled = BTreeSet::new();
    let mut may_wait = |message: &Message| match message {
        Message::Write(key, Write::Sample { .. }) => sampled.insert(*key),
        Message::Write(..) => true,
        Message::Begin { .. } | Message::Resume { .. } | Message::Barrier(_) => false,
    };
    let mut gathered = vec![first];
    while gathered.len() < CHANNEL_MESSAGES && gathered.last().is_some_and(&mut may_wait) {
        match messages.recv_timeout(not_before.saturating_duration_since(Instant::now())) {
            Ok(message) => gathered.push(message),
            Err(_) => break,
        }
    }
    gathered
}

impl<'connection> Writer<'connection> {
    fn new(file: PathBuf, inserts: Inserts<'connection>, owner: Owner) -> Self {
        Self {
            file,
            inserts,
            owner,
            live: BTreeMap::new(),
            pending: VecDeque::new(),
            pending_bytes: 0,
            failing: false,
            lost: BTreeMap::new(),
        }
    }

    fn run(mut self, messages: &Receiver<Message>) {
        let mut not_before = Instant::now();
        loop {
            let first = if self.pending.is_empty() {
                messages.recv().map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                messages.recv_timeout(RETRY)
            };
            match first {
                Ok(message) => {
                    let gathered = gather(message, messages, not_before);
                    let mut waiting = gathered.into_iter().chain(messages.try_iter().take(CHANNEL_MESSAGES));
                    self.take(&mut waiting);
                    not_before = Instant::now() + PAUSE;
                }
                Err(RecvTimeoutError::Timeout) => {
                    let _ = self.write();
                }
                Err(RecvTimeoutError::Disconnected) => {
                    let _ = self.write();
                    return;
                }
            }
        }
    }

    /// Queues the messages up to one that wants an answer, writes, answers, and so on to the last.
    fn take(&mut self, messages: &mut dyn Iterator<Item = Message>) {
        for message in messages {
            match message {
                Message::Write(key, write) => self.queue(key, write),
                Message::Barrier(reply) => {
                    let _ = reply.send(self.write());
                }
                Message::Resume { key, notices, reply } => {
                    let _ = self.write();
                    let resumed = self.inserts.resume_run(key, &self.owner);
                    if let Ok(Some(_)) = resumed {
                        self.live.insert(key, Live { notices, last_t_s: 0.0 });
                    }
                    let _ = reply.send(match resumed {
                        Ok(Some(next)) => Ok(next),
                        Ok(None) => Err(StoreError::NotToBeResumed),
                        Err(error) => Err(StoreError::of(&self.file, error)),
                    });
                }
                Message::Begin { run, notices, reply } => {
                    // What came before has a first try; it stays queued where that fails.
                    let _ = self.write();
                    let begun = self.inserts.begin_run(&run, &self.owner);
                    if let Ok(key) = begun {
                        self.live.insert(key, Live { notices, last_t_s: 0.0 });
                    }
                    let _ = reply.send(begun.map_err(|error| match error.sqlite_error() {
                        Some(error) if error.extended_code == rusqlite::ffi::SQLITE_CONSTRAINT_UNIQUE => {
                            StoreError::RunExists(run.id.to_string())
                        }
                        _ => StoreError::of(&self.file, error),
                    }));
                }
            }
        }
        // The runs hear of a failure through their notices.
        let _ = self.write();
    }

    fn queue(&mut self, key: RunKey, write: Write) {
        if let (Write::Sample { t_s, .. }, Some(live)) = (&write, self.live.get_mut(&key)) {
            live.last_t_s = *t_s;
        }
        self.pending_bytes += write.size_bytes();
        self.pending.push_back((key, write));
        while self.pending_bytes > MEMORY_BYTES && self.lose_oldest_sample() {}
    }

    /// Whether there was one.
    fn lose_oldest_sample(&mut self) -> bool {
        let oldest = self.pending.iter().position(|(_, write)| matches!(write, Write::Sample { .. }));
        let Some((key, write)) = oldest.and_then(|index| self.pending.remove(index)) else {
            return false;
        };
        self.pending_bytes -= write.size_bytes();
        if let Write::Sample { t_s, .. } = write {
            let lost = self.lost.entry(key).or_insert(Lost { from_s: t_s, to_s: t_s, count: 0 });
            lost.to_s = t_s;
            lost.count += 1;
        }
        true
    }

    /// Writes all that is pending, and afterwards what there is to say about an earlier failure.
    fn write(&mut self) -> Result<(), StoreError> {
        let written = self.write_pending();
        match &written {
            Err(error) if !self.failing => self.note_failure(error),
            Ok(()) if self.failing => {
                self.note_recovery();
                return self.write();
            }
            _ => {}
        }
        written
    }

    fn write_pending(&mut self) -> Result<(), StoreError> {
        let mut most = TRANSACTION_WRITES;
        while !self.pending.is_empty() {
            let count = self.pending.len().min(most);
            let result = self.inserts.transaction(self.pending.iter().take(count));
            match result.map_err(|error| StoreError::of(&self.file, error)) {
                Ok(()) => self.written(count),
                // Not the disk but one of the writes is at fault: find it, leave it out, go on with the others.
                Err(StoreError::Sqlite { .. }) if count > 1 => most = 1,
                Err(error @ StoreError::Sqlite { .. }) => {
                    if let Some((key, _)) = self.pending.front() {
                        self.notify(*key, &error);
                    }
                    self.written(1);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// Forgets the first `count` pending writes.
    fn written(&mut self, count: usize) {
        for (key, write) in self.pending.drain(..count) {
            self.pending_bytes -= write.size_bytes();
            if matches!(write, Write::Ending(_) | Write::Abandoned { .. }) {
                self.live.remove(&key);
            }
        }
    }

    fn notify(&self, key: RunKey, error: &StoreError) {
        if let Some(live) = self.live.get(&key) {
            let _ = live.notices.send(Notice::WriteFailed { error: error.to_string(), hint: error.hint() });
        }
    }

    fn note_failure(&mut self, error: &StoreError) {
        self.failing = true;
        for key in self.live.keys().copied().collect::<Vec<_>>() {
            self.notify(key, error);
            self.event(key, &format!("writing failed: {error}; samples are kept in memory"));
        }
    }

    fn note_recovery(&mut self) {
        self.failing = false;
        let mut lost = std::mem::take(&mut self.lost);
        for key in self.live.keys().copied().collect::<Vec<_>>() {
            let count = lost.get(&key).map_or(0, |lost| lost.count);
            self.event(key, &format!("writing works again; {count} samples were lost"));
            if let Some(live) = self.live.get(&key) {
                let _ = live.notices.send(Notice::WriteResumed { lost_count: count });
            }
        }
        while let Some((key, Lost { from_s, to_s, count })) = lost.pop_first() {
            let why = format!("the store could not be written: {count} samples did not fit into memory");
            self.queue(key, Write::Gap(Gap { series: None, from_s, to_s, why }));
        }
    }

    fn event(&mut self, key: RunKey, text: &str) {
        let t_s = self.live.get(&key).map_or(0.0, |live| live.last_t_s);
        self.queue(key, Write::Event(Event { t_s, kind: EVENT_KIND.to_owned(), text: text.to_owned() }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(run: i64) -> Message {
        Message::Write(RunKey(run), Write::Sample { number: 0, t_s: 0.0, readings: Vec::new(), kind: RowKind::Sample })
    }

    #[test]
    fn samples_of_different_runs_wait_for_each_other_and_those_of_one_do_not() {
        let (sender, messages) = sync_channel(8);
        let far_off = Instant::now() + Duration::from_secs(3600);
        for run in [2, 3, 1, 4] {
            sender.send(sample(run)).expect("room");
        }
        assert_eq!(gather(sample(1), &messages, far_off).len(), 4, "up to the second of run 1");
        let (reply, _answer) = sync_channel(1);
        sender.send(Message::Barrier(reply)).expect("room");
        assert_eq!(gather(sample(1), &messages, far_off).len(), 3, "somebody waits for an answer");
        assert_eq!(gather(sample(1), &messages, Instant::now()).len(), 1, "its time has come");
    }
}
