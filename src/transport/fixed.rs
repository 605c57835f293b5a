//! The sums of [`super::cumulative`] for rows of `f64` whose entries sum to 1 already, in fixed point: at half the cost.
//!
//! Cumulative sums of such rows are no more than 1, so that a number c of their size keeps all of c + sum in one binade, whose floats
//! are a grid: an addition loses what it loses exactly once, less than half a step of the grid, and three instructions know it. So
//!
//! ```text
//! totals   c + Σp and c + Σq, 4 instructions an entry each instead of 12
//! walk     the same up to each entry, whose difference is D but for L: what the grid has no place for, and -r q, r being as small as
//!          the sums' distance from 1
//! ```
//!
//! L is folded into c + Σp after each block of entries, so it is at most 2^-44 and r times what the block has of q. Each of three
//! additions to it costs 2^-53 of that, and so no D is wrong by more than
//!
//! ```text
//! E = 2^-53 (n 2^-41 + 256 |r|)
//! ```
//!
//! for rows of n entries, with what the totals lose and the rounding of r. The sum is known if E is 2^-58 of it at most, a thirtieth of
//! what rounding it takes. It is not for rows that are equal, or nearly: those are left to the exact sums, as are all with an entry
//! that is no number from 0 to 1. So the bits depend on the row alone. Lanes hold rows as there.

use super::Double;
use super::cumulative::{BLOCK, Norm, One, Source, Together, Totals};
use crate::lanes::{Lanes, Level, Simd, WIDE, Wide, dispatch, prefetch};

/// c, at the beginning of a binade and not at its edge: sums from almost 0 to 1 stay in it, and what is folded in.
const BEFORE: f64 = 4.5;
/// How many entries ahead memory is asked for.
const AHEAD: usize = 128;
/// E for each entry, and for all of r, over what the error of a sum may be of it.
const OF_ENTRY: f64 = 1.0 / (1_u64 << 36) as f64;
const OF_RATIO: f64 = (1_u64 << 13) as f64;

/// The totals of rows one after another, and their sums over all steps of the support, for D Σp; NaN where the exact one is needed.
pub(super) fn sums(level: Level, rows: [&[f64]; 2], steps: &[f64], norm: Norm) -> (Totals, [f64; WIDE]) {
    let (mut totals, mut sums) = (Totals::default(), [f64::NAN; WIDE]);
    let length = steps.len() + 1;
    let count = rows[0].len() / length;
    let row = |row: usize| rows.map(|rows| &rows[row * length..][..length]);
    dispatch!(level, simd => {
        for lane in 0..count {
            let (of_p, of_q, signed) = totals_of(simd, row(lane));
            (totals.excess[lane], totals.of_q[lane]) = (of_p - of_q, of_q);
            totals.signs |= u64::from(signed) << lane;
        }
        let ratios: [f64; WIDE] = core::array::from_fn(|lane| totals.excess[lane].high / totals.of_q[lane].high);
        if count == WIDE {
            sums = sums_of(simd, &Together(rows, length), &ratios, steps, norm);
        } else {
            for lane in 0..count {
                sums[lane] = sums_of(simd, &One(row(lane)), &[ratios[lane]; WIDE], steps, norm)[0];
            }
        }
        let span: f64 = steps.iter().sum();
        for (sum, ratio) in sums.iter_mut().zip(ratios) {
            let rough = length as f64 * OF_ENTRY + ratio.abs() * OF_RATIO;
            let least = span * if norm == Norm::Square { rough * rough } else { rough };
            *sum = if least <= *sum { *sum } else { f64::NAN };
        }
    });
    (totals, sums)
}

/// A sum on the grid, and what it is short of.
#[derive(Clone, Copy)]
struct Fixed<S: Simd> {
    on_grid: Wide<S>,
    rest: Wide<S>,
}

impl<S: Simd> Fixed<S> {
    /// 0.
    #[inline(always)]
    fn new(simd: S) -> Self {
        Self { on_grid: Wide::splat(simd, BEFORE), rest: Wide::splat(simd, 0.0) }
    }

    /// Adds a number of at most 2 to what is on the grid, and says what it loses.
    #[inline(always)]
    fn add(&mut self, number: Wide<S>) -> Wide<S> {
        let sum = self.on_grid + number;
        let lost = number - (sum - self.on_grid);
        self.on_grid = sum;
        lost
    }

    /// Takes into the grid what has come to have a place on it.
    #[inline(always)]
    fn fold(&mut self) {
        self.rest = self.add(self.rest);
    }
}

/// The totals of one row, whose entries are in the lanes here, and whether there is a negative entry or a -0.0.
#[inline(always)]
fn totals_of<S: Simd>(simd: S, rows: [&[f64]; 2]) -> (Double, Double, bool) {
    let (mut of_p, mut of_q, mut signs) = (Fixed::new(simd), Fixed::new(simd), Wide::splat(simd, 0.0));
    for (p, q) in rows[0].chunks(BLOCK * WIDE).zip(rows[1].chunks(BLOCK * WIDE)) {
        for (p, q) in p.chunks(WIDE).zip(q.chunks(WIDE)) {
            prefetch(p.as_ptr().wrapping_add(AHEAD));
            prefetch(q.as_ptr().wrapping_add(AHEAD));
            let (p, q) = (Wide::load_some(simd, p), Wide::load_some(simd, q));
            let lost = of_p.add(p);
            of_p.rest += lost;
            let lost = of_q.add(q);
            of_q.rest += lost;
            signs = signs.or_bits(p.or_bits(q));
        }
        of_p.fold();
        of_q.fold();
    }
    (total(of_p), total(of_q), signs.signs() != 0)
}

#[inline(always)]
fn total<S: Simd>(sum: Fixed<S>) -> Double {
    let (whole, rest) = (sum.on_grid - sum.on_grid.constant(BEFORE), sum.rest);
    (0..WIDE).fold(Double::default(), |sum, lane| sum + Double::new(whole[lane], rest[lane]))
}

#[inline(always)]
fn sums_of<S: Simd>(simd: S, source: &impl Source<S>, ratios: &[f64; WIDE], steps: &[f64], norm: Norm) -> [f64; WIDE] {
    let zero = Wide::splat(simd, 0.0);
    let minus_ratio = -Wide::load(simd, ratios);
    let mut block = [[0.0; BLOCK * WIDE]; 2];
    let (mut of_p, mut of_q) = (Fixed::new(simd), Fixed::new(simd));
    let mut sums = [zero; 2];
    for (index, steps) in steps.chunks(BLOCK).enumerate() {
        let start = index * BLOCK;
        source.turn(simd, start..start + steps.len(), &mut block);
        let mut of_block = zero;
        for (within, &step) in steps.iter().enumerate() {
            let [p, q] = source.at(simd, start + within, within, &block);
            let lost = of_p.add(p) - of_q.add(q);
            of_p.rest += minus_ratio.fma(q, lost);
            let difference = (of_p.on_grid - of_q.on_grid) + of_p.rest;
            let term = if norm == Norm::Square { difference * difference } else { difference.abs() };
            of_block = term.fma(Wide::splat(simd, step), of_block);
        }
        of_p.fold();
        let [sum, lost] = sums[0].two_sum(of_block);
        sums = [sum, sums[1] + lost];
    }
    core::array::from_fn(|lane| sums[0][lane] + sums[1][lane])
}
