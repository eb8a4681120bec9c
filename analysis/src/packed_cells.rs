//! Cells in a fraction of the memory that they take as numbers, given back bit for bit.
//!
//! A judged series keeps thousands of cells for as long as its run lasts, and looks at them a few hundred times. So they are kept
//! in blocks of [`BLOCK`], column by column: the bits of the numbers, without the zeros at their end that all of a block share,
//! as small differences to a line (Lemire & Boytsov 2015, doi:10.1002/spe.2203, call the rest *frame of reference*). The bits
//! of positive floats are in the order of the floats, so what grows evenly lies on a line, pages and counts end in many
//! zeros, and what stands still takes no bits at all. The mean of times or counters ends in no zeros: of it the nearest fraction that
//! it may have been before it was rounded is kept, and how far it is from that. Any bits survive; unruly ones take as much room as before.

use crate::digest::Cell;

/// Cells of one block; also the fixed point of [`Line::step`].
const BLOCK: usize = 64;
const BLOCK_BITS: u32 = BLOCK.ilog2();

/// Instead of a width: the column is the same as the one that it leans on.
const SAME: u8 = u8::MAX;

/// Resolution of the times that a clock gives, at best; counters are coarser.
const FINEST: f64 = 1.0 / (1 << 20) as f64;

/// What is known of the numbers of a column.
enum Kind {
    /// The value or the time of a sample.
    Sample,
    /// Mostly the same as another one of its cell, else of a sample.
    MostlyThe(fn(&Cell) -> f64),
    /// The mean of `3^level` times or counters.
    Mean,
}

/// A number of a cell.
struct Column {
    get: fn(&Cell) -> f64,
    set: fn(&mut Cell, f64),
    kind: Kind,
}

const COLUMNS: [Column; 6] = [
    Column { get: |cell| cell.t_s, set: |cell, t_s| cell.t_s = t_s, kind: Kind::Mean },
    Column { get: |cell| cell.low_t_s, set: |cell, t_s| cell.low_t_s = t_s, kind: Kind::MostlyThe(|cell| cell.t_s) },
    Column { get: |cell| cell.middle, set: |cell, value| cell.middle = value, kind: Kind::Sample },
    Column { get: |cell| cell.low, set: |cell, value| cell.low = value, kind: Kind::MostlyThe(|cell| cell.middle) },
    Column { get: |cell| cell.peak, set: |cell, value| cell.peak = value, kind: Kind::MostlyThe(|cell| cell.middle) },
    Column { get: |cell| cell.ops, set: |cell, ops| cell.ops = ops, kind: Kind::Mean },
];

/// Cells in the order in which they came.
#[derive(Debug, Clone, Default)]
pub(crate) struct PackedCells {
    blocks: Vec<Box<[u8]>>,
    /// Fewer than a block.
    last: Vec<Cell>,
}

impl PackedCells {
    pub(crate) fn len(&self) -> usize {
        self.blocks.len() * BLOCK + self.last.len()
    }

    /// Takes in a cell of `3^level` samples. O(1) on average.
    pub(crate) fn push(&mut self, cell: Cell, level: usize) {
        self.last.push(cell);
        if let Some((block, [])) = self.last.split_first_chunk() {
            self.blocks.push(pack(block, level));
            self.last.clear();
        }
    }

    /// Bytes on the heap.
    #[cfg(test)]
    pub(crate) fn bytes(&self) -> usize {
        let blocks: usize = self.blocks.iter().map(|block| block.len()).sum();
        blocks + self.blocks.capacity() * size_of::<Box<[u8]>>() + self.last.capacity() * size_of::<Cell>()
    }

    /// All of them. O(n).
    pub(crate) fn to_vec(&self) -> Vec<Cell> {
        let mut cells = Vec::with_capacity(self.len());
        for block in &self.blocks {
            cells.extend(unpack(block));
        }
        cells.extend(&self.last);
        cells
    }
}

/// The line that the numbers of a block lie close to; all arithmetic wraps, so that it can always be undone.
#[derive(Debug, Clone, Copy)]
struct Line {
    first: i64,
    /// From one to the next, times [`BLOCK`].
    step: i64,
}

impl Line {
    fn at(self, index: usize) -> i64 {
        self.first.wrapping_add(self.step.wrapping_mul(index as i64) >> BLOCK_BITS)
    }
}

/// How many parts of one the mean of `3^level` numbers may count in.
fn parts(level: u8) -> f64 {
    3.0_f64.powi(i32::from(level)) / FINEST
}

fn pack(cells: &[Cell; BLOCK], level: usize) -> Box<[u8]> {
    let level = u8::try_from(level).unwrap_or(u8::MAX);
    let mut bytes = vec![level];
    for column in &COLUMNS {
        let numbers = cells.map(|cell| (column.get)(&cell));
        let bits = numbers.map(|number| number.to_bits() as i64);
        match column.kind {
            Kind::Mean => {
                let fractions = numbers.map(|number| (number * parts(level)).round() as i64);
                let mut rounding = bits;
                for (rounding, fraction) in rounding.iter_mut().zip(fractions) {
                    *rounding = rounding.wrapping_sub(mean_bits(fraction, level));
                }
                pack_numbers(&fractions, &mut bytes);
                pack_numbers(&rounding, &mut bytes);
            }
            Kind::MostlyThe(other)
                if cells.iter().zip(bits).all(|(cell, bits)| other(cell).to_bits() as i64 == bits) =>
            {
                bytes.push(SAME);
            }
            Kind::Sample | Kind::MostlyThe(_) => pack_numbers(&bits, &mut bytes),
        }
    }
    bytes.into_boxed_slice()
}

fn unpack(block: &[u8]) -> [Cell; BLOCK] {
    let mut cells = [Cell::sample(0.0, 0.0, 0.0); BLOCK];
    let mut bytes = Bytes(block);
    let level = bytes.take();
    for column in &COLUMNS {
        let bits = match (&column.kind, bytes.take()) {
            (Kind::Mean, width) => {
                let fractions = unpack_numbers(width, &mut bytes);
                let mut bits = unpack_numbers(bytes.take(), &mut bytes);
                for (bits, fraction) in bits.iter_mut().zip(fractions) {
                    *bits = bits.wrapping_add(mean_bits(fraction, level));
                }
                bits
            }
            (Kind::MostlyThe(other), SAME) => cells.map(|cell| other(&cell).to_bits() as i64),
            (_, width) => unpack_numbers(width, &mut bytes),
        };
        for (cell, bits) in cells.iter_mut().zip(bits) {
            (column.set)(cell, f64::from_bits(bits as u64));
        }
    }
    cells
}

/// The bits of the number that has so many parts.
fn mean_bits(fraction: i64, level: u8) -> i64 {
    (fraction as f64 / parts(level)).to_bits() as i64
}

fn pack_numbers(numbers: &[i64; BLOCK], bytes: &mut Vec<u8>) {
    // Nothing but zeros has no last one.
    let shift = numbers.iter().fold(0, |all, number| all | number).trailing_zeros() % u64::BITS;
    let numbers = numbers.map(|number| (number as u64 >> shift) as i64);
    let (first, last) = (numbers[0], numbers[BLOCK - 1]);
    let step = last.wrapping_sub(first).wrapping_mul(BLOCK as i64) / (BLOCK as i64 - 1);
    let line = Line { first, step };
    let mut rests = numbers;
    for (index, rest) in rests.iter_mut().enumerate() {
        *rest = rest.wrapping_sub(line.at(index));
    }
    let least = rests.iter().copied().fold(i64::MAX, i64::min);
    let above = rests.map(|rest| rest.wrapping_sub(least) as u64);
    let width = u64::BITS - above.iter().fold(0, |all, above| all | above).leading_zeros();
    bytes.extend([width as u8, shift as u8]);
    for number in [first, step, least] {
        push_number(number, bytes);
    }
    let (mut held, mut held_bits) = (0_u128, 0);
    for above in above {
        held |= u128::from(above) << held_bits;
        held_bits += width;
        while held_bits >= u8::BITS {
            bytes.push(held as u8);
            held >>= u8::BITS;
            held_bits -= u8::BITS;
        }
    }
    if held_bits > 0 {
        bytes.push(held as u8);
    }
}

fn unpack_numbers(width: u8, bytes: &mut Bytes<'_>) -> [i64; BLOCK] {
    let width = u32::from(width).min(u64::BITS);
    let shift = u32::from(bytes.take());
    let line = Line { first: bytes.number(), step: bytes.number() };
    let least = bytes.number();
    let mask = u64::MAX.checked_shr(u64::BITS - width).unwrap_or(0);
    let (mut held, mut held_bits) = (0_u128, 0);
    let mut numbers = [0; BLOCK];
    for (index, number) in numbers.iter_mut().enumerate() {
        while held_bits < width {
            held |= u128::from(bytes.take()) << held_bits;
            held_bits += u8::BITS;
        }
        let above = held as u64 & mask;
        held >>= width;
        held_bits -= width;
        let rest = line.at(index).wrapping_add(least).wrapping_add(above as i64);
        *number = (rest as u64).wrapping_shl(shift) as i64;
    }
    numbers
}

/// Seven bits to a byte, the lowest first; small numbers of either sign are short.
fn push_number(number: i64, bytes: &mut Vec<u8>) {
    let mut rest = (number << 1 ^ number >> 63) as u64;
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
}

/// What is left of a block.
struct Bytes<'a>(&'a [u8]);

impl Bytes<'_> {
    fn take(&mut self) -> u8 {
        // A block is read only as far as it was written.
        let Some((byte, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *byte
    }

    fn number(&mut self) -> i64 {
        let (mut number, mut shift) = (0_u64, 0);
        loop {
            let byte = self.take();
            number |= u64::from(byte & 0x7f).wrapping_shl(shift);
            shift += 7;
            if byte < 0x80 {
                return (number >> 1) as i64 ^ -((number & 1) as i64);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn bits(cell: &Cell) -> [u64; 6] {
        COLUMNS.map(|column| (column.get)(cell).to_bits())
    }

    fn packed(cells: &[Cell], level: usize) -> PackedCells {
        let mut packed = PackedCells::default();
        cells.iter().for_each(|cell| packed.push(*cell, level));
        assert_eq!(packed.len(), cells.len());
        packed
    }

    fn assert_lossless(cells: &[Cell]) {
        // What it is told of the level is a hint.
        for level in [0, 1, 5, 300] {
            let back = packed(cells, level).to_vec();
            assert!(back.iter().map(bits).eq(cells.iter().map(bits)), "{cells:?}\n{back:?}");
        }
    }

    fn bytes_per_cell(cells: &[Cell], level: usize) -> f64 {
        packed(cells, level).blocks.iter().map(|block| block.len()).sum::<usize>() as f64 / cells.len() as f64
    }

    /// A thousand samples of memory in pages, read a little late each time.
    fn samples() -> Vec<Cell> {
        let late = |i: u32| f64::from(i * 7919 % 997) * 1.003e-7;
        let value = |i: u32| 3e8 + f64::from(i * 104_729 % 31) * 4096.0;
        (9_000..10_024).map(|i| Cell::sample(f64::from(i) + late(i), value(i), f64::from(i * 100))).collect()
    }

    #[test]
    fn samples_take_an_eighth_of_what_they_are() {
        assert_lossless(&samples());
        assert!(bytes_per_cell(&samples(), 0) < size_of::<Cell>() as f64 / 8.0, "{}", bytes_per_cell(&samples(), 0));
    }

    #[test]
    fn merged_cells_take_less_than_half_of_what_they_are() {
        let merged: Vec<Cell> = samples().chunks_exact(3).take(5 * BLOCK).map(Cell::merged).collect();
        assert_lossless(&merged);
        assert!(bytes_per_cell(&merged, 1) < size_of::<Cell>() as f64 / 2.0, "{}", bytes_per_cell(&merged, 1));
    }

    #[test]
    fn what_stands_still_takes_next_to_nothing() {
        let still: Vec<Cell> = (0..1024).map(|i| Cell::sample(4096.0 + f64::from(i), 7.0, 0.0)).collect();
        assert_lossless(&still);
        assert!(bytes_per_cell(&still, 0) < 1.0, "{}", bytes_per_cell(&still, 0));
    }

    #[test]
    fn less_than_a_block_is_kept_as_it_is() {
        for length in [0, 1, BLOCK - 1, BLOCK, BLOCK + 1] {
            assert_lossless(&samples()[..length]);
        }
    }

    proptest! {
        #[test]
        fn any_bits_survive(numbers in prop::collection::vec(prop::array::uniform6(any::<u64>()), 2 * BLOCK)) {
            let cells: Vec<Cell> = numbers
                .iter()
                .map(|numbers| {
                    let mut cell = Cell::sample(0.0, 0.0, 0.0);
                    COLUMNS.iter().zip(numbers).for_each(|(column, bits)| (column.set)(&mut cell, f64::from_bits(*bits)));
                    cell
                })
                .collect();
            assert_lossless(&cells);
        }

        #[test]
        fn numbers_of_any_size_survive(
            numbers in prop::collection::vec((any::<f64>(), -1e6..1e6_f64, 0_u32..4), BLOCK),
            scale in prop::sample::select(vec![0.0, -0.0, 1e-300, 1e-3, 1.0, 4096.0, 1e300]),
        ) {
            let cells: Vec<Cell> = numbers
                .iter()
                .map(|(wild, tame, kind)| {
                    let of = |kind: u32| if kind == 0 { *wild } else { f64::trunc(tame * scale) };
                    let mut cell = Cell::sample(of(*kind), of(kind / 2), of(kind % 2));
                    cell.peak = of(1);
                    cell
                })
                .collect();
            assert_lossless(&cells);
        }
    }
}
