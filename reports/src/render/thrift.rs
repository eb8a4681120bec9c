//! Thrift's compact protocol, as far as the footer of a Parquet file needs it. Fields are added in growing order.

/// Kinds of whole numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    I32 = 5,
    I64 = 6,
}

const BINARY: u8 = 8;
const LIST: u8 = 9;
const STRUCT: u8 = 12;
const STOP: u8 = 0;

/// A struct that is being written.
#[derive(Debug, Default)]
pub(crate) struct Struct {
    bytes: Vec<u8>,
    last: u8,
}

impl Struct {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// The head of field `id`: its distance from the one before and its kind in one byte. Ids lie less than 16 apart.
    fn field(&mut self, id: u8, kind: u8) {
        self.bytes.push((id - self.last) << 4 | kind);
        self.last = id;
    }

    pub(crate) fn int(&mut self, id: u8, kind: Kind, value: i64) {
        self.field(id, kind as u8);
        push_zigzag(&mut self.bytes, value);
    }

    pub(crate) fn bytes(&mut self, id: u8, value: &[u8]) {
        self.field(id, BINARY);
        push_bytes(&mut self.bytes, value);
    }

    pub(crate) fn text(&mut self, id: u8, value: &str) {
        self.bytes(id, value.as_bytes());
    }

    pub(crate) fn inner(&mut self, id: u8, value: Self) {
        self.field(id, STRUCT);
        self.bytes.extend_from_slice(&value.finish());
    }

    fn list_head(&mut self, id: u8, kind: u8, count: usize) {
        self.field(id, LIST);
        match u8::try_from(count) {
            Ok(count) if count < 15 => self.bytes.push(count << 4 | kind),
            _ => {
                self.bytes.push(0xf0 | kind);
                push_varint(&mut self.bytes, count as u64);
            }
        }
    }

    pub(crate) fn list(&mut self, id: u8, values: Vec<Self>) {
        self.list_head(id, STRUCT, values.len());
        for value in values {
            self.bytes.extend_from_slice(&value.finish());
        }
    }

    pub(crate) fn ints(&mut self, id: u8, values: &[i64]) {
        self.list_head(id, Kind::I32 as u8, values.len());
        for value in values {
            push_zigzag(&mut self.bytes, *value);
        }
    }

    pub(crate) fn texts(&mut self, id: u8, values: &[&str]) {
        self.list_head(id, BINARY, values.len());
        for value in values {
            push_bytes(&mut self.bytes, value.as_bytes());
        }
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.bytes.push(STOP);
        self.bytes
    }
}

fn push_bytes(bytes: &mut Vec<u8>, value: &[u8]) {
    push_varint(bytes, value.len() as u64);
    bytes.extend_from_slice(value);
}

/// Signs go into the lowest bit, so that small numbers of either sign are short.
fn push_zigzag(bytes: &mut Vec<u8>, value: i64) {
    push_varint(bytes, ((value << 1) ^ (value >> 63)).cast_unsigned());
}

/// Seven bits to a byte, lowest first; all but the last have the eighth set.
pub(crate) fn push_varint(bytes: &mut Vec<u8>, mut value: u64) {
    loop {
        let low = value.to_le_bytes()[0] & 0x7f;
        value >>= 7;
        if value == 0 {
            bytes.push(low);
            return;
        }
        bytes.push(low | 0x80);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_the_protocol_says() {
        let varint = |value| {
            let mut bytes = Vec::new();
            push_varint(&mut bytes, value);
            bytes
        };
        assert_eq!(varint(0), [0]);
        assert_eq!(varint(127), [127]);
        assert_eq!(varint(300), [0xac, 0x02]);
        let mut fields = Struct::new();
        fields.int(1, Kind::I32, -1);
        fields.text(4, "ab");
        assert_eq!(fields.finish(), [0x15, 0x01, 0x38, 0x02, b'a', b'b', 0x00]);
    }

    #[test]
    fn long_lists_have_their_length_apart() {
        let mut fields = Struct::new();
        fields.ints(1, &[0; 15]);
        assert_eq!(fields.finish()[..3], [0x19, 0xf5, 15]);
    }
}
