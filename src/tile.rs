//! Rows as contiguous slices of the compute type: borrowed when they are so already, else brought in a tile at a time.
//!
//! The one mechanism that serves half floats, integers, mixed dtypes, reversed bytes, misaligned data, any strides and `where`.
//! Arrays whose rows run along an outer axis are read in memory order, many rows at a time; what is read ends in a scratch
//! buffer that stays in the cache, and the kernels never know.

use core::ops::Range;

use crate::element::{Boolean, DType, Storage};
use crate::kernel::COLUMNS;
use crate::lanes::half::{BF16, F16};
use crate::lanes::turn::turn;
use crate::lanes::{Real, prefetch};
use crate::view::{MOST_COLUMNS, Rows};

/// Most rows of a tile.
pub const TILE_ROWS: usize = COLUMNS;
/// Bytes that memory is read by.
const CACHE_LINE: usize = 64;
/// Entries that are read at once when rows are brought in one by one.
const RUN: usize = 256;

/// An operand: its rows, and which of their elements count.
#[derive(Clone, Copy, Debug)]
pub struct Operand<'a> {
    /// The rows.
    pub rows: &'a Rows<'a>,
    /// Elements that are false here are left out.
    pub mask: Option<&'a Rows<'a>>,
    /// What is read for those: 0, or -inf for logits.
    pub left_out: f64,
    /// Whether somebody has asked for its memory already.
    pub is_asked_for: bool,
}

/// Where a tile goes in the scratch buffer: row `r`, entry `k` at `r * row + k * entry`.
#[derive(Clone, Copy, Debug)]
pub struct Steps {
    /// From one row to the next.
    pub row: usize,
    /// From one entry to the next.
    pub entry: usize,
}

impl<'a> Operand<'a> {
    /// Entries of a row as they lie in memory, if the kernels can take them like that.
    #[must_use]
    pub fn borrow<S: Storage>(&self, row: usize, entries: Range<usize>) -> Option<&'a [S]> {
        if self.mask.is_some() { None } else { self.rows.borrow(row, entries) }
    }

    /// Visits the entries of a row that are 0: those that a mask leaves out.
    pub fn for_each_zero(&self, row: usize, length: usize, mut visited: impl FnMut(usize)) {
        visit(self.rows, (&(row..row + 1), &(0..length)), |_, first, run: &[Boolean], _| {
            for (place, counts) in (first..).zip(run) {
                if counts.0 == 0 {
                    visited(place);
                }
            }
        });
    }

    /// Whether rows are read faster together than one by one.
    #[must_use]
    pub fn in_columns(&self) -> bool {
        self.rows.in_columns()
    }

    /// Brings whole rows in with lanes across them, as [`turn`] leaves them.
    pub fn bring_across<T: Real + Storage>(&self, rows: Range<usize>, length: usize, scratch: &mut [T]) {
        let together = if self.mask.is_some() { None } else { self.rows.borrow_rows::<T>(rows.clone()) };
        match together {
            Some(row) if rows.len() == 1 => {
                for (vector, &entry) in scratch.chunks_exact_mut(T::WIDTH).zip(row) {
                    let mut lanes = [T::default(); 16];
                    lanes[0] = entry;
                    vector.copy_from_slice(&lanes[..T::WIDTH]);
                }
                return;
            }
            Some(together) => return turn(together, length, scratch),
            None => {}
        }
        for (first, vectors) in rows.clone().step_by(T::WIDTH).zip(scratch.chunks_exact_mut(length * T::WIDTH)) {
            let rows = first..rows.end.min(first + T::WIDTH);
            if rows.len() < T::WIDTH {
                vectors.fill(T::default());
            }
            self.bring(rows, 0..length, vectors, Steps { row: 1, entry: T::WIDTH });
        }
    }

    /// One entry of some rows after another as they lie in memory, if the kernels can take them like that.
    #[must_use]
    pub fn borrow_columns<T: Real + Storage>(
        &self,
        rows: Range<usize>,
        entries: Range<usize>,
    ) -> Option<[&'a [T]; MOST_COLUMNS]> {
        if self.mask.is_some() { None } else { self.rows.borrow_columns(rows, entries) }
    }

    /// Brings a tile in: those entries of those rows.
    pub fn bring<T: Real + Storage>(&self, rows: Range<usize>, entries: Range<usize>, scratch: &mut [T], steps: Steps) {
        let (rows_of, tile) = (self.rows, (&rows, &entries));
        match rows_of.dtype() {
            DType::F64 => bring::<f64, T>(rows_of, tile, scratch, steps, self.is_asked_for),
            DType::F32 => bring::<f32, T>(rows_of, tile, scratch, steps, self.is_asked_for),
            DType::F16 => bring::<F16, T>(rows_of, tile, scratch, steps, self.is_asked_for),
            DType::BF16 => bring::<BF16, T>(rows_of, tile, scratch, steps, self.is_asked_for),
            DType::I8 => bring::<i8, T>(rows_of, tile, scratch, steps, self.is_asked_for),
            DType::I16 => bring::<i16, T>(rows_of, tile, scratch, steps, self.is_asked_for),
            DType::I32 => bring::<i32, T>(rows_of, tile, scratch, steps, self.is_asked_for),
            DType::I64 => bring::<i64, T>(rows_of, tile, scratch, steps, self.is_asked_for),
            DType::U8 => bring::<u8, T>(rows_of, tile, scratch, steps, self.is_asked_for),
            DType::U16 => bring::<u16, T>(rows_of, tile, scratch, steps, self.is_asked_for),
            DType::U32 => bring::<u32, T>(rows_of, tile, scratch, steps, self.is_asked_for),
            DType::U64 => bring::<u64, T>(rows_of, tile, scratch, steps, self.is_asked_for),
            DType::Bool => bring::<Boolean, T>(rows_of, tile, scratch, steps, self.is_asked_for),
        }
        if let Some(mask) = self.mask {
            let nothing = T::from_f64(self.left_out);
            let leave_out = |out: &mut T, counts: Boolean| {
                if counts.0 == 0 {
                    *out = nothing;
                }
            };
            visit(mask, (&rows, &entries), |row, entry, run: &[Boolean], along| {
                for (i, &counts) in run.iter().enumerate() {
                    let (row, entry) = if along { (row, entry + i) } else { (row + i, entry) };
                    leave_out(&mut scratch[row * steps.row + entry * steps.entry], counts);
                }
            });
        }
    }
}

/// Asks for what comes after a run in memory, as much again.
fn prefetch_next<S>(run: &[S]) {
    for line in (0..size_of_val(run)).step_by(CACHE_LINE) {
        prefetch(run.as_ptr().wrapping_byte_add(size_of_val(run) + line));
    }
}

/// Reads a tile in runs, along rows or across them as memory lies. `take` gets the row and entry within the tile where the run
/// starts, the run, and whether it goes along the row.
fn visit<S: Storage>(
    rows_of: &Rows,
    (rows, entries): (&Range<usize>, &Range<usize>),
    mut take: impl FnMut(usize, usize, &[S], bool),
) {
    let mut run = [S::default(); RUN];
    if rows_of.in_columns() && rows.len() > 1 {
        for (entry, k) in entries.clone().enumerate() {
            for first in rows.clone().step_by(RUN) {
                let run = &mut run[..RUN.min(rows.end - first)];
                rows_of.read_column(first, k, run);
                take(first - rows.start, entry, run, false);
            }
        }
    } else {
        for (row, r) in rows.clone().enumerate() {
            for first in entries.clone().step_by(RUN) {
                let run = &mut run[..RUN.min(entries.end - first)];
                rows_of.read_row(r, first, run);
                take(row, first - entries.start, run, true);
            }
        }
    }
}

fn bring<S: Storage, T: Real + Storage>(
    rows_of: &Rows,
    tile: (&Range<usize>, &Range<usize>),
    scratch: &mut [T],
    steps: Steps,
    is_asked_for: bool,
) {
    let (rows, entries) = tile;
    if steps.entry == 1
        && rows.len() == 1
        && let Some(run) = rows_of.borrow::<S>(rows.start, entries.clone())
    {
        if !is_asked_for {
            prefetch_next(run);
        }
        return S::convert(run, scratch);
    }
    let mut converted = [T::default(); RUN];
    visit(rows_of, tile, |row, entry, run: &[S], along| {
        let start = row * steps.row + entry * steps.entry;
        let step = if along { steps.entry } else { steps.row };
        if step == 1 {
            S::convert(run, &mut scratch[start..start + run.len()]);
        } else {
            let converted = &mut converted[..run.len()];
            S::convert(run, converted);
            for (out, &value) in scratch[start..].iter_mut().step_by(step).zip(converted.iter()) {
                *out = value;
            }
        }
    });
}
