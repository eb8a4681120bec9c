//! The run's handle to the store: it hands readings to the writer and never waits for the disk.

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};

use soakd_analysis::Quantity;

use super::error::StoreError;
use super::owner::Owner;
use super::readings;
use super::record::{Ending, Event, Gap, Notice, RunKey, Scope, SeriesNumber, SeriesRecord};
use super::writer::{Message, RowKind, Write};

/// Why a run whose recorder was dropped has no ending.
const GIVEN_UP: &str = "soakd gave the run up without an ending";

/// Records one run. Made by [`Store::begin`](super::Store::begin).
///
/// Everything but [`Recorder::flush`] and [`Recorder::finish`] returns at once. What was handed over is committed
/// within 50 ms, so that a process that is killed loses no more than the sample in flight. Where writing fails or
/// falls behind, the run can go on: see [`Recorder::notices`].
///
/// A recorder that is dropped without [`Recorder::finish`] leaves its run marked as interrupted.
#[derive(Debug)]
pub struct Recorder {
    key: RunKey,
    writer: SyncSender<Message>,
    from_writer: Receiver<Notice>,
    notices: Vec<Notice>,
    series_count: u32,
    samples_count: i64,
    /// What did not fit into the channel and must not be lost. While there is any, samples are left out.
    unsent: VecDeque<Write>,
    left_out: Option<LeftOut>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Ended,
    WriterGone,
}

/// Samples that the writer had no room for.
#[derive(Debug)]
struct LeftOut {
    from_s: f64,
    to_s: f64,
    count: u64,
}

impl Recorder {
    /// A recorder for a run that has so many series and rows of samples already.
    pub(super) fn new(
        key: RunKey,
        writer: SyncSender<Message>,
        from_writer: Receiver<Notice>,
        series_count: u32,
        samples_count: i64,
    ) -> Self {
        Self {
            key,
            writer,
            from_writer,
            notices: Vec::new(),
            series_count,
            samples_count,
            unsent: VecDeque::new(),
            left_out: None,
            state: State::Open,
        }
    }

    /// The run's key in its store.
    #[must_use]
    pub fn key(&self) -> RunKey {
        self.key
    }

    /// Makes a series known and returns its number for [`Recorder::sample`].
    pub fn series(&mut self, metric: &str, scope: Scope, quantity: Quantity) -> SeriesNumber {
        let number = SeriesNumber(self.series_count);
        self.series_count += 1;
        self.send(Write::Series(SeriesRecord { number, metric: metric.to_owned(), scope, quantity }));
        number
    }

    /// Records what was read at `t_s` seconds from the start of the run; times grow from call to call, and each
    /// series occurs once at most.
    ///
    /// A reading that is not finite is left out and becomes a gap of its series.
    pub fn sample(&mut self, t_s: f64, readings: &[(SeriesNumber, f64)]) {
        self.row(RowKind::Sample, t_s, readings);
    }

    /// Records what was read beside the samples, at a time of its own, which may lie before the last sample; the times
    /// of each series grow. It counts as no sample.
    pub fn aside(&mut self, t_s: f64, readings: &[(SeriesNumber, f64)]) {
        self.row(RowKind::Aside, t_s, readings);
    }

    fn row(&mut self, kind: RowKind, t_s: f64, readings: &[(SeriesNumber, f64)]) {
        let mut bytes = Vec::with_capacity(readings.len() * 10);
        for &(series, value) in readings {
            if value.is_finite() {
                readings::push(&mut bytes, series, value);
            } else {
                let why = format!("the reading was {value}, not a finite number");
                self.gap(Gap { series: Some(series), from_s: t_s, to_s: t_s, why });
            }
        }
        if bytes.is_empty() {
            return;
        }
        let number = self.samples_count;
        self.samples_count += 1;
        self.catch_up();
        let refused = if self.unsent.is_empty() {
            self.try_send(Write::Sample { number, t_s, readings: bytes, kind }).is_some()
        } else {
            true
        };
        if refused && self.state != State::WriterGone {
            let left_out = self.left_out.get_or_insert(LeftOut { from_s: t_s, to_s: t_s, count: 0 });
            left_out.to_s = t_s;
            left_out.count += 1;
        }
    }

    /// Records that something happened.
    pub fn event(&mut self, t_s: f64, kind: &str, text: &str) {
        self.send(Write::Event(Event { t_s, kind: kind.to_owned(), text: text.to_owned() }));
    }

    /// Records a stretch without readings.
    pub fn gap(&mut self, gap: Gap) {
        self.send(Write::Gap(gap));
    }

    /// Records which process the target's main process is now.
    pub fn target(&mut self, process: Owner) {
        self.send(Write::Target(process));
    }

    /// Records a look at the target, as JSON.
    pub fn look(&mut self, t_s: f64, document: String) {
        self.send(Write::Look { t_s, document });
    }

    /// What became of writing since the last call: usually nothing. Worth a look after each sample.
    pub fn notices(&mut self) -> Vec<Notice> {
        self.notices.extend(self.from_writer.try_iter());
        std::mem::take(&mut self.notices)
    }

    /// Waits until everything handed over so far is committed.
    ///
    /// # Errors
    /// Why it could not be written. It is kept in memory and tried again with the next sample.
    pub fn flush(&mut self) -> Result<(), StoreError> {
        self.note_left_out();
        for write in std::mem::take(&mut self.unsent) {
            self.writer.send(Message::Write(self.key, write)).map_err(|_| StoreError::WriterGone)?;
        }
        let (reply, written) = sync_channel(1);
        self.writer.send(Message::Barrier(reply)).map_err(|_| StoreError::WriterGone)?;
        written.recv().map_err(|_| StoreError::WriterGone)?
    }

    /// Ends the run and waits until all of it has reached the disk, so that not even a power loss takes it.
    ///
    /// # Errors
    /// Why it could not be written. The run then stays marked as running while this process lives (the writer keeps
    /// trying) and counts as interrupted afterwards.
    pub fn finish(mut self, ending: Ending) -> Result<(), StoreError> {
        self.state = State::Ended;
        self.note_left_out();
        self.unsent.push_back(Write::Ending(Box::new(ending)));
        self.flush()
    }

    /// Leaves the run to be gone on with later: it counts as interrupted until then.
    ///
    /// # Errors
    /// As [`Recorder::finish`].
    pub fn suspend(mut self, why: &str) -> Result<(), StoreError> {
        self.state = State::Ended;
        self.note_left_out();
        self.unsent.push_back(Write::Abandoned { why: why.to_owned() });
        self.flush()
    }

    /// Hands over what must not be lost.
    fn send(&mut self, write: Write) {
        self.catch_up();
        if self.unsent.is_empty() {
            if let Some(write) = self.try_send(write) {
                self.unsent.push_back(write);
            }
        } else if self.state != State::WriterGone {
            self.unsent.push_back(write);
        }
    }

    /// Hands over what had to wait, in order, as far as there is room.
    fn catch_up(&mut self) {
        while let Some(write) = self.unsent.pop_front() {
            if let Some(write) = self.try_send(write) {
                self.unsent.push_front(write);
                return;
            }
        }
        self.note_left_out();
        if let Some(gap) = self.unsent.pop_front()
            && let Some(gap) = self.try_send(gap)
        {
            self.unsent.push_front(gap);
        }
    }

    /// Turns the samples that were left out into a gap and a notice.
    fn note_left_out(&mut self) {
        if let Some(LeftOut { from_s, to_s, count }) = self.left_out.take() {
            let why = format!("the store could not keep up: {count} samples were left out");
            self.unsent.push_back(Write::Gap(Gap { series: None, from_s, to_s, why }));
            self.notices.push(Notice::Behind { lost_count: count });
        }
    }

    /// `write` itself where the writer has no room for it; nothing where it was taken, or where there is no writer.
    fn try_send(&mut self, write: Write) -> Option<Write> {
        match self.writer.try_send(Message::Write(self.key, write)) {
            Ok(()) => None,
            Err(TrySendError::Full(Message::Write(_, write))) => Some(write),
            Err(TrySendError::Full(_) | TrySendError::Disconnected(_)) => {
                if self.state == State::Open {
                    self.state = State::WriterGone;
                    self.notices.push(Notice::WriteFailed { error: StoreError::WriterGone.to_string(), hint: None });
                }
                None
            }
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        if self.state == State::Open {
            self.send(Write::Abandoned { why: GIVEN_UP.to_owned() });
        }
    }
}
