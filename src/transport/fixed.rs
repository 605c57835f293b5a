//! The sums of [`super::cumulative`] for rows of `f64` whose entries sum to 1 already, in fixed point and in one sweep: at a third of
//! the cost.
//!
//! Cumulative sums of such rows are no more than 1, so that a number c of their size keeps all of c + sum in one binade, whose floats
//! are a grid: an addition loses what it loses exactly once, less than half a step of the grid, and three instructions know it. What
//! is lost is summed beside, L, and folded into the grid after every 8 entries: so it is at most 2^-47.
//!
//! The walk needs r = (Σp - Σq) / Σq, which the end of the rows tells. But it is as small as the rounding of sums, and where
//! A_k = Σ_{i≤k} (p_i - q_i) is further from 0 than r Q_k, Q_k = Σ_{i≤k} q_i, D Σp = A - r Q has the sign of A:
//!
//! ```text
//! absolute   Σ |D| Δ = Σ sign(A) Δ A - r Σ sign(A) Δ Q
//! squares    Σ D² Δ  = Σ A Δ A - 2 r Σ A Δ Q + r² Σ Q² Δ       the last is nothing beside the first
//! ```
//!
//! So one sweep gets all sums for r = 0, and what r changes is put in at the end. Where A may be that small (an end of the row that is
//! empty in both, rows that are nearly equal) a second one has r from the start, as L takes -r q with p.
//!
//! Each of three additions to L costs 2^-53 of it, and no D is wrong by more than
//!
//! ```text
//! E = 2^-53 ((n + 32) 2^-43 + 64 |r|)
//! ```
//!
//! for rows of n entries, with what the totals lose, the rounding of r, and of what takes it, times 2^-44. The sum is known if E is
//! 2^-58 of it at most, a thirtieth of what rounding it takes. It is not for rows that are equal, or nearly: those are left to the exact
//! sums, as are all with an entry that is no number from 0 to 1. So the bits depend on the row alone. Lanes hold rows as there.

use super::Double;
use super::cumulative::{Norm, One, Source, Together, Totals, Walker, walk_along};
use crate::lanes::{Lanes, Level, Simd, WIDE, Wide, dispatch};

/// c, at the beginning of a binade and not at its edge: sums from almost 0 to 1 stay in it, and what is folded in.
const BEFORE: f64 = 4.5;
/// The greatest r that is put in at the end.
const SMALL: f64 = 1.0 / (1_u64 << 44) as f64;
/// E for each entry, what it has as if for so many more, and for all of r, over what the error of a sum may be of it.
const OF_ENTRY: f64 = 1.0 / (1_u64 << 38) as f64;
const MORE: f64 = 32.0;
const OF_RATIO: f64 = (1_u64 << 11) as f64;
/// How many times r² may be in a mean square for r² to be nothing beside it, rooted.
const BESIDE: f64 = (1_u64 << 29) as f64;

/// The totals of rows one after another, and their sums over all steps of the support, for D Σp; NaN where the exact one is needed.
pub(super) fn sums(level: Level, rows: [&[f64]; 2], steps: &[f64], span: f64, norm: Norm) -> (Totals, [f64; WIDE]) {
    match norm {
        Norm::Absolute => sums_for::<false>(level, rows, steps, span),
        Norm::Square => sums_for::<true>(level, rows, steps, span),
    }
}

/// The same, of squares or of absolute values.
fn sums_for<const SQUARE: bool>(level: Level, rows: [&[f64]; 2], steps: &[f64], span: f64) -> (Totals, [f64; WIDE]) {
    let length = steps.len() + 1;
    dispatch!(level, simd => {
        if rows[0].len() == WIDE * length {
            return sums_of::<_, SQUARE>(simd, &Together::new(rows, length), steps, span);
        }
        let (mut totals, mut sums) = (Totals::default(), [f64::NAN; WIDE]);
        for lane in 0..rows[0].len() / length {
            let row = rows.map(|rows| &rows[lane * length..][..length]);
            let (of_row, sums_of_row) = sums_of::<_, SQUARE>(simd, &One(row), steps, span);
            (totals.excess[lane], totals.of_q[lane]) = (of_row.excess[0], of_row.of_q[0]);
            totals.signs |= (of_row.signs & 1) << lane;
            sums[lane] = sums_of_row[0];
        }
        (totals, sums)
    })
}

/// The same for rows that are in the lanes.
#[inline(always)]
fn sums_of<S: Simd, const SQUARE: bool>(simd: S, source: &impl Source<S>, steps: &[f64], span: f64) -> (Totals, [f64; WIDE]) {
    let walk = Walk::<S, SQUARE>::along(simd, source, &[0.0; WIDE], steps);
    let totals = walk.totals();
    let ratios: [f64; WIDE] = core::array::from_fn(|lane| totals.excess[lane].high / totals.of_q[lane].high);
    let least = |rough: f64| span * if SQUARE { rough * rough } else { rough };
    let mut sums = [f64::NAN; WIDE];
    let mut is_missing = false;
    for (lane, &ratio) in ratios.iter().enumerate() {
        let of_ratio = ratio * walk.shares[lane];
        let sum = walk.sums[0][lane] + (walk.sums[1][lane] - if SQUARE { 2.0 * of_ratio } else { of_ratio });
        let is_small = if SQUARE { least(ratio * BESIDE) <= sum } else { walk.margin[lane] >= 0.0 };
        if is_small && ratio.abs() <= SMALL {
            sums[lane] = sum;
        } else {
            is_missing = true;
        }
    }
    if is_missing {
        let again = Walk::<S, SQUARE>::along(simd, source, &ratios, steps);
        for (lane, sum) in sums.iter_mut().enumerate().filter(|(_, sum)| sum.is_nan()) {
            *sum = again.sums[0][lane] + again.sums[1][lane];
        }
    }
    for (sum, ratio) in sums.iter_mut().zip(ratios) {
        let rough = (steps.len() as f64 + MORE) * OF_ENTRY + ratio.abs() * OF_RATIO;
        *sum = if least(rough) <= *sum { *sum } else { f64::NAN };
    }
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

    /// What is on the grid.
    #[inline(always)]
    fn whole(&self) -> Wide<S> {
        self.on_grid - self.on_grid.constant(BEFORE)
    }
}

/// What is summed along rows.
struct Walk<S: Simd, const SQUARE: bool> {
    minus_ratio: Wide<S>,
    of_p: Fixed<S>,
    of_q: Fixed<S>,
    /// The bits of all entries.
    bits: Wide<S>,
    /// Σ over the last steps; over those before, in two floats; and what takes r of all.
    some: Wide<S>,
    sums: [Wide<S>; 2],
    shares: Wide<S>,
    /// The least of |A| - 2^-44 Q.
    margin: Wide<S>,
}

impl<S: Simd, const SQUARE: bool> Walk<S, SQUARE> {
    /// Along all entries.
    #[inline(always)]
    fn along(simd: S, source: &impl Source<S>, ratios: &[f64; WIDE], steps: &[f64]) -> Self {
        let zero = Wide::splat(simd, 0.0);
        let mut walk = Self {
            minus_ratio: -Wide::load(simd, ratios),
            of_p: Fixed::new(simd),
            of_q: Fixed::new(simd),
            bits: zero,
            some: zero,
            sums: [zero; 2],
            shares: zero,
            margin: Wide::splat(simd, 1.0),
        };
        walk_along(simd, source, steps, &mut walk);
        walk
    }

    fn totals(&self) -> Totals {
        let [p, q] = [self.of_p, self.of_q].map(|sum| (sum.whole(), sum.rest));
        let of_q: [Double; WIDE] = core::array::from_fn(|lane| Double::new(q.0[lane], q.1[lane]));
        Totals {
            excess: core::array::from_fn(|lane| Double::new(p.0[lane], p.1[lane]) - of_q[lane]),
            of_q,
            signs: self.bits.signs(),
        }
    }
}

impl<S: Simd, const SQUARE: bool> Walker<S> for Walk<S, SQUARE> {
    #[inline(always)]
    fn add(&mut self, p: Wide<S>, q: Wide<S>) {
        let lost = self.of_p.add(p);
        self.of_p.rest += self.minus_ratio.fma(q, lost);
        let lost = self.of_q.add(q);
        self.of_q.rest += lost;
        self.bits = self.bits.or_bits(p.or_bits(q));
    }

    #[inline(always)]
    fn step(&mut self, step: Wide<S>) {
        let difference = (self.of_p.on_grid - self.of_q.on_grid) + (self.of_p.rest - self.of_q.rest);
        let of_q = self.of_q.whole();
        let weight = if SQUARE { difference * step } else { step.with_sign_of(difference) };
        self.some = difference.fma(weight, self.some);
        self.shares = of_q.fma(weight, self.shares);
        self.margin = self.margin.least(of_q.fma(of_q.constant(-SMALL), difference.abs()));
    }

    #[inline(always)]
    fn end(&mut self) {
        self.of_p.fold();
        self.of_q.fold();
        let [sum, lost] = self.sums[0].two_sum(self.some);
        self.sums = [sum, self.sums[1] + lost];
        self.some = sum.constant(0.0);
    }
}
