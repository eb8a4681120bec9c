//! Cuts what the target prints into lines, however long they are.

/// Longest piece that is handed on at once.
pub(super) const LONGEST_PIECE_BYTES: usize = 64 * 1024;

/// A line, or a part of one that is longer than [`LONGEST_PIECE_BYTES`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Piece<'a> {
    /// With the line end, if it has one.
    pub(super) bytes: &'a [u8],
    /// Whether it begins a line.
    pub(super) begins: bool,
}

/// Lines of one stream.
#[derive(Debug, Default)]
pub(super) struct LineCutter {
    held: Vec<u8>,
    inside: bool,
}

impl LineCutter {
    /// Takes what was read and hands on every piece that is complete.
    pub(super) fn push(&mut self, mut read: &[u8], mut each: impl FnMut(Piece<'_>)) {
        while !read.is_empty() {
            let space = LONGEST_PIECE_BYTES - self.held.len();
            let window = &read[..read.len().min(space)];
            let line_end = window.iter().position(|byte| *byte == b'\n');
            let (now, rest) = read.split_at(line_end.map_or(window.len(), |end| end + 1));
            read = rest;
            if line_end.is_none() && now.len() < space {
                self.held.extend_from_slice(now);
                return;
            }
            let begins = !self.inside;
            if self.held.is_empty() {
                each(Piece { bytes: now, begins });
            } else {
                self.held.extend_from_slice(now);
                each(Piece { bytes: &self.held, begins });
                self.held.clear();
            }
            self.inside = line_end.is_none();
        }
    }

    /// Hands on the last line, if it has no end.
    pub(super) fn finish(&mut self, mut each: impl FnMut(Piece<'_>)) {
        if !self.held.is_empty() {
            each(Piece { bytes: &self.held, begins: !self.inside });
            self.held.clear();
        }
        self.inside = false;
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(parts: &[&[u8]]) -> Vec<(Vec<u8>, bool)> {
        let mut cutter = LineCutter::default();
        let mut pieces = Vec::new();
        for part in parts {
            cutter.push(part, |piece| pieces.push((piece.bytes.to_vec(), piece.begins)));
        }
        cutter.finish(|piece| pieces.push((piece.bytes.to_vec(), piece.begins)));
        pieces
    }

    #[test]
    fn lines_come_whole_however_they_are_read() {
        let expected = [(b"one\n".to_vec(), true), (b"\n".to_vec(), true), (b"tw\xffo".to_vec(), true)];
        assert_eq!(cut(&[b"one\n\ntw\xffo"]), expected);
        assert_eq!(cut(&[b"o", b"ne", b"\n\n", b"tw", b"\xffo"]), expected);
    }

    #[test]
    fn a_long_line_comes_in_pieces_of_which_one_begins() {
        let long = vec![b'x'; 3 * LONGEST_PIECE_BYTES + 5];
        let pieces = cut(&[&long, b"\nnext\n"]);
        assert_eq!(pieces.iter().map(|piece| piece.1).collect::<Vec<_>>(), [true, false, false, false, true]);
        assert_eq!(pieces[4].0, b"next\n");
    }

    proptest! {
        #[test]
        fn no_byte_is_lost(parts in proptest::collection::vec(proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'a')], 0..40), 0..20)) {
            let parts: Vec<&[u8]> = parts.iter().map(Vec::as_slice).collect();
            let pieces = cut(&parts);
            let joined: Vec<u8> = pieces.iter().flat_map(|piece| piece.0.clone()).collect();
            prop_assert_eq!(&joined, &parts.concat());
            prop_assert!(pieces.iter().all(|piece| piece.1));
            let lines = joined.split_inclusive(|byte| *byte == b'\n').count();
            prop_assert_eq!(pieces.len(), lines);
        }
    }
}
