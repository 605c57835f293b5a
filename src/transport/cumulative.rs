//! The difference of two cumulative distribution functions, D_k = Σ_{i≤k} (p_i/Σp - q_i/Σq), and sums of it over a row.
//!
//! D is a sum that cancels: where the two functions meet it is as small as the differences of the rows. So it is kept in two floats,
//! and made of differences from the start: with r = (Σp - Σq) / Σq, D_k Σp = Σ (p - q) - r q. Each of these is exact to some 104
//! bits, and equal rows have r = 0 and D = 0 exactly. Where r is no float, rows in proportion leave some of its rounding: what is no
//! more than that counts as 0.
//!
//! Lanes hold rows, 8 at a time, which are turned into columns block by block on the way; or one row each, for rows that are too
//! long for the cache or too few. What a lane does is the same, and so are the bits.

use core::ops::Range;

use super::Double;
use crate::lanes::turn::turn_eight;
use crate::lanes::{Lanes, Level, Simd, WIDE, Wide, dispatch, prefetch};

/// Entries of a block; sums of blocks are added in two floats.
pub(super) const BLOCK: usize = 64;
/// The relative rounding of a sum of two floats, and of what it is made of.
pub(super) const ROUNDING: f64 = 1.0 / (1_u128 << 104) as f64;
/// How many entries ahead memory is asked for.
const AHEAD: usize = 128;

/// Rows of p and of q, one after another.
#[derive(Clone, Copy)]
pub(super) enum Rows<'r> {
    /// As many as a vector has lanes.
    Together([&'r [f64]; 2]),
    /// One.
    One([&'r [f64]; 2]),
}

/// Sums of rows, one in each lane.
#[derive(Clone, Copy, Default)]
pub(super) struct Totals {
    /// Σp - Σq.
    pub(super) excess: [Double; WIDE],
    /// Σq.
    pub(super) of_q: [Double; WIDE],
    /// A bit for each row that has a negative entry, or a -0.0.
    pub(super) signs: u64,
}

impl Totals {
    /// Σp and Σq.
    pub(super) fn masses(&self, lane: usize) -> [f64; 2] {
        [(self.of_q[lane] + self.excess[lane]).to_f64(), self.of_q[lane].to_f64()]
    }

    /// r, of all lanes, and the rounding that D may have by it.
    fn ratios(&self, length: usize) -> [[f64; WIDE]; 3] {
        let ratios: [Double; WIDE] = core::array::from_fn(|lane| self.excess[lane].divided_by(self.of_q[lane]));
        [ratios.map(|it| it.high), ratios.map(|it| it.low), self.excess.map(|it| tie(it, length))]
    }
}

/// Differences of cumulative sums up to which they count as equal, for an excess of p over q.
pub(super) fn tie(excess: Double, entries: usize) -> f64 {
    excess.high.abs() * (entries as f64 * ROUNDING)
}

/// What is summed.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Norm {
    /// |D| Δ.
    Absolute,
    /// D² Δ.
    Square,
}

/// The totals of rows.
pub(super) fn totals(level: Level, rows: Rows, length: usize) -> Totals {
    let (rows, count) = match rows {
        Rows::Together(rows) => (rows, WIDE),
        Rows::One(rows) => (rows, 1),
    };
    let mut totals = Totals::default();
    dispatch!(level, simd => {
        for row in 0..count {
            let [p, q] = rows.map(|rows| &rows[row * length..][..length]);
            let (excess, of_q, signed) = totals_of(simd, [p, q]);
            (totals.excess[row], totals.of_q[row]) = (excess, of_q);
            totals.signs |= u64::from(signed) << row;
        }
    });
    totals
}

/// The sums over all steps of the support, for D Σp times `lift`.
pub(super) fn sums(level: Level, rows: Rows, totals: &Totals, steps: &[f64], norm: Norm, lift: f64) -> [f64; WIDE] {
    dispatch!(level, simd => match rows {
        Rows::Together(rows) => sums_of(simd, &Together(rows, steps.len() + 1), totals, steps, norm, lift),
        Rows::One(rows) => sums_of(simd, &One(rows), totals, steps, norm, lift),
    })
}

/// What mass that is added at an entry changes, the same for all entries but for a constant: -Σ s over the steps before it, with s = Δ
/// times the sign of D, or D Δ times the row's `factor`. Written to `out`, entry by entry for each row. Returns Σ of it times p and q.
pub(super) fn potentials(
    level: Level,
    rows: Rows,
    totals: &Totals,
    steps: &[f64],
    norm: Norm,
    factors: &[f64; WIDE],
    out: &mut Vec<f64>,
) -> [[f64; WIDE]; 2] {
    let length = steps.len() + 1;
    dispatch!(level, simd => match rows {
        Rows::Together(rows) => {
            out.resize(length * WIDE, 0.0);
            potentials_of(simd, &Together(rows, length), totals, steps, norm, factors, out)
        }
        Rows::One(rows) => {
            out.resize(length, 0.0);
            potentials_of(simd, &One(rows), totals, steps, norm, factors, out)
        }
    })
}

/// Where the lanes of a block come from.
pub(super) trait Source<S: Simd> {
    /// Rows.
    const COUNT: usize;

    /// Gets a block ready.
    fn turn(&self, simd: S, entries: Range<usize>, block: &mut [[f64; BLOCK * WIDE]; 2]);
    /// Entries of p and q.
    fn at(&self, simd: S, entry: usize, within: usize, block: &[[f64; BLOCK * WIDE]; 2]) -> [Wide<S>; 2];
}

pub(super) struct Together<'r>(pub(super) [&'r [f64]; 2], pub(super) usize);

impl<S: Simd> Source<S> for Together<'_> {
    const COUNT: usize = WIDE;

    #[inline(always)]
    fn turn(&self, simd: S, entries: Range<usize>, block: &mut [[f64; BLOCK * WIDE]; 2]) {
        let Self(operands, length) = *self;
        for (rows, block) in operands.iter().zip(block) {
            let rows = &rows[entries.start..];
            if entries.len() < WIDE {
                for (row, entry) in (0..WIDE).flat_map(|row| (0..entries.len()).map(move |entry| (row, entry))) {
                    block[entry * WIDE + row] = rows[row * length + entry];
                }
                continue;
            }
            for first in (0..entries.len()).step_by(WIDE) {
                // The last square may overlap the one before it.
                let first = first.min(entries.len() - WIDE);
                if let Some(columns) = block[first * WIDE..].first_chunk_mut() {
                    turn_eight(simd, &rows[first..], length, columns);
                }
                // The next rows are asked for while these, which are in the cache, are walked along.
                for row in WIDE..2 * WIDE {
                    prefetch(rows.as_ptr().wrapping_add(row * length + first));
                }
            }
        }
    }

    #[inline(always)]
    fn at(&self, simd: S, _entry: usize, within: usize, [p, q]: &[[f64; BLOCK * WIDE]; 2]) -> [Wide<S>; 2] {
        let lanes = within * WIDE..(within + 1) * WIDE;
        [Wide::load(simd, &p[lanes.clone()]), Wide::load(simd, &q[lanes])]
    }
}

pub(super) struct One<'r>(pub(super) [&'r [f64]; 2]);

impl<S: Simd> Source<S> for One<'_> {
    const COUNT: usize = 1;

    #[inline(always)]
    fn turn(&self, _simd: S, _entries: Range<usize>, _block: &mut [[f64; BLOCK * WIDE]; 2]) {}

    #[inline(always)]
    fn at(&self, simd: S, entry: usize, _within: usize, _block: &[[f64; BLOCK * WIDE]; 2]) -> [Wide<S>; 2] {
        [Wide::splat(simd, self.0[0][entry]), Wide::splat(simd, self.0[1][entry])]
    }
}

/// The way of D along a row.
struct Walk<S: Simd> {
    ratio: [Wide<S>; 2],
    tie: Wide<S>,
    sum: [Wide<S>; 2],
}

impl<S: Simd> Walk<S> {
    #[inline(always)]
    fn new(simd: S, totals: &Totals, length: usize) -> Self {
        let [high, low, tie] = totals.ratios(length).map(|lanes| Wide::load(simd, &lanes));
        Self { ratio: [high, low], tie, sum: [Wide::splat(simd, 0.0); 2] }
    }

    #[inline(always)]
    fn step(&mut self, p: Wide<S>, q: Wide<S>) -> Wide<S> {
        let [high, low] = self.ratio;
        let [difference, lost] = p.two_sum(-q);
        let share = high * q;
        let rest = low.fma(q, high.fma(q, -share));
        let [difference, less] = difference.two_sum(-share);
        let [sum, least] = self.sum[0].two_sum(difference);
        self.sum = [sum, self.sum[1] + (least + (less + (lost - rest)))];
        let both = self.sum[0] + self.sum[1];
        Lanes::select(both.abs().exceeds(self.tie), both, both.constant(0.0))
    }
}

/// The totals of one row, whose entries are in the lanes here.
#[inline(always)]
fn totals_of<S: Simd>(simd: S, rows: [&[f64]; 2]) -> (Double, Double, bool) {
    let zero = Wide::splat(simd, 0.0);
    let (mut excess, mut of_q, mut signs) = ([zero; 2], [zero; 2], zero);
    for (p, q) in rows[0].chunks(WIDE).zip(rows[1].chunks(WIDE)) {
        prefetch(p.as_ptr().wrapping_add(AHEAD));
        prefetch(q.as_ptr().wrapping_add(AHEAD));
        let (p, q) = (Wide::load_some(simd, p), Wide::load_some(simd, q));
        let [difference, lost] = p.two_sum(-q);
        let [sum, less] = excess[0].two_sum(difference);
        excess = [sum, excess[1] + (less + lost)];
        let [sum, less] = of_q[0].two_sum(q);
        of_q = [sum, of_q[1] + less];
        signs = signs.or_bits(p.or_bits(q));
    }
    let total =
        |[high, low]: [Wide<S>; 2]| (0..WIDE).fold(Double::default(), |sum, lane| sum + Double::new(high[lane], low[lane]));
    (total(excess), total(of_q), signs.signs() != 0)
}

#[inline(always)]
fn sums_of<S: Simd>(simd: S, source: &impl Source<S>, totals: &Totals, steps: &[f64], norm: Norm, lift: f64) -> [f64; WIDE] {
    let zero = Wide::splat(simd, 0.0);
    let lift = Wide::splat(simd, lift);
    let mut block = [[0.0; BLOCK * WIDE]; 2];
    let mut walk = Walk::new(simd, totals, steps.len() + 1);
    let mut sums = [zero; 2];
    for (index, steps) in steps.chunks(BLOCK).enumerate() {
        let start = index * BLOCK;
        source.turn(simd, start..start + steps.len(), &mut block);
        let mut of_block = zero;
        for (within, &step) in steps.iter().enumerate() {
            let [p, q] = source.at(simd, start + within, within, &block);
            let step = Wide::splat(simd, step);
            let difference = walk.step(p, q);
            of_block = match norm {
                Norm::Absolute => difference.abs().fma(step, of_block),
                Norm::Square => {
                    let lifted = difference * lift;
                    (lifted * lifted).fma(step, of_block)
                }
            };
        }
        let [sum, lost] = sums[0].two_sum(of_block);
        sums = [sum, sums[1] + lost];
    }
    core::array::from_fn(|lane| sums[0][lane] + sums[1][lane])
}

#[inline(always)]
fn potentials_of<S: Simd, R: Source<S>>(
    simd: S,
    source: &R,
    totals: &Totals,
    steps: &[f64],
    norm: Norm,
    factors: &[f64; WIDE],
    out: &mut [f64],
) -> [[f64; WIDE]; 2] {
    let (zero, factors) = (Wide::splat(simd, 0.0), Wide::load(simd, factors));
    let mut block = [[0.0; BLOCK * WIDE]; 2];
    let mut walk = Walk::new(simd, totals, steps.len() + 1);
    let mut potential = zero;
    let mut sums = [[zero; 2]; 2];
    for (index, out) in out.chunks_mut(BLOCK * R::COUNT).enumerate() {
        let start = index * BLOCK;
        let entries = start..start + out.len() / R::COUNT;
        source.turn(simd, entries.clone(), &mut block);
        for ((within, entry), out) in entries.enumerate().zip(out.chunks_exact_mut(R::COUNT)) {
            let [p, q] = source.at(simd, entry, within, &block);
            if R::COUNT == WIDE {
                potential.store(out);
            } else {
                out[0] = potential[0];
            }
            for (sums, entry) in sums.iter_mut().zip([p, q]) {
                let [sum, lost] = sums[0].two_sum(entry * potential);
                *sums = [sum, sums[1] + lost];
            }
            // There is no step after the last entry.
            let step = Wide::splat(simd, steps.get(entry).copied().unwrap_or_default());
            let difference = walk.step(p, q);
            let slope = match norm {
                Norm::Absolute => {
                    let falls = Lanes::select(zero.exceeds(difference), -step, zero);
                    Lanes::select(difference.exceeds(zero), step, falls)
                }
                Norm::Square => difference * factors * step,
            };
            potential -= slope;
        }
    }
    sums.map(|[high, low]| core::array::from_fn(|lane| high[lane] + low[lane]))
}
