//! Server-sent events, read piece by piece.
//!
//! As in the HTML standard, less what the daemon does not send: ids, and lines that end with a lone carriage return.

/// The longest event that is kept; what is longer is left out.
const LONGEST_BYTES: usize = 64 << 20;

/// One event.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct SentEvent {
    /// What sort of event it is.
    pub(super) event: String,
    /// What it holds: JSON.
    pub(super) data: String,
}

/// Makes events of pieces of a stream.
#[derive(Debug, Default)]
pub(super) struct SentEvents {
    line: Vec<u8>,
    event: SentEvent,
}

impl SentEvents {
    /// The events that are whole with this piece.
    pub(super) fn push(&mut self, piece: &[u8]) -> Vec<SentEvent> {
        let mut whole = Vec::new();
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            if self.line.len() + self.event.data.len() + part.len() <= LONGEST_BYTES {
                self.line.extend_from_slice(part);
            }
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                whole.extend(self.take(&String::from_utf8_lossy(&line)));
            }
        }
        whole
    }

    fn take(&mut self, line: &str) -> Option<SentEvent> {
        let line = line.trim_end_matches(['\r', '\n']);
        if line.is_empty() {
            let event = std::mem::take(&mut self.event);
            return (!event.data.is_empty()).then_some(event);
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.event.event),
            "data" => {
                if !self.event.data.is_empty() {
                    self.event.data.push('\n');
                }
                self.event.data.push_str(value);
            }
            // Comments have no name; other fields mean nothing here.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const STREAM: &[u8] = b"retry: 2000\nevent: status\ndata: {}\n\n: still here\n\nevent: job\r\ndata: 1\r\ndata:2\r\n\r\nevent: none\n\n";

    fn events() -> Vec<SentEvent> {
        let event = |event: &str, data: &str| SentEvent { event: event.to_owned(), data: data.to_owned() };
        vec![event("status", "{}"), event("job", "1\n2")]
    }

    proptest! {
        #[test]
        fn events_are_the_same_however_they_are_cut(cuts in proptest::collection::vec(0..STREAM.len(), 0..10)) {
            let mut cuts = cuts;
            cuts.extend([0, STREAM.len()]);
            cuts.sort_unstable();
            let mut reader = SentEvents::default();
            let found: Vec<_> = cuts.windows(2).flat_map(|cut| reader.push(&STREAM[cut[0]..cut[1]])).collect();
            prop_assert_eq!(found, events());
        }

        #[test]
        fn no_bytes_whatever_make_a_panic(bytes: Vec<u8>) {
            SentEvents::default().push(&bytes);
        }
    }
}
