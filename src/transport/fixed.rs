//! The sums of [`super::cumulative`] for rows of `f64` in fixed point: at less than half the cost.
//!
//! Sums along a row are no more than its total, so that a number c of its size keeps all of c + sum in one binade, whose floats are a
//! grid: an addition loses what it loses exactly once, less than half a step of the grid, and three instructions know it. What is lost
//! is summed beside, L, and folded into the grid after every 8 entries: so it is at most 2^-47 of the total.
//!
//! ```text
//! rows that sum to 1    one sweep: totals, and D as if both were equal
//! any rows              totals, along the rows; one sweep for D
//! ```
//!
//! D Σp = Σ (p - ρ q), with ρ = Σp / Σq in two floats, and each product in two. For rows that sum to 1 the totals come last. But then
//! r = ρ - 1 is as small as the rounding of sums, and where A_k = Σ_{i≤k} (p_i - q_i) is further from 0 than r Q_k,
//! Q_k = Σ_{i≤k} q_i, D Σp = A - r Q has the sign of A:
//!
//! ```text
//! absolute   Σ |D| Δ = Σ sign(A) Δ A - r Σ sign(A) Δ Q
//! squares    Σ D² Δ  = Σ A Δ A - 2 r Σ A Δ Q + r² Σ Q² Δ       the last is nothing beside the first
//! ```
//!
//! So what r changes is put in at the end. Where A may be that small (an end of the row that is empty in both, rows that are nearly
//! equal) the second way follows, from the cache.
//!
//! Each of three additions to L costs 2^-53 of it, and no D is wrong by more than
//!
//! ```text
//! E = 2^-53 (n + 32) 2^-43
//! ```
//!
//! of the total for rows of n entries, with what the totals lose, the rounding of ρ, and that of what r takes, times 2^-44. The sum is
//! known if E is 2^-58 of it at most, a thirtieth of what rounding it takes. It is not for rows that are nearly in proportion: those
//! are left to the exact sums, as are all with an entry that is no positive number. So the bits depend on the row alone. Lanes hold rows
//! as there.

use super::Double;
use super::cumulative::{Norm, One, Rows, Source, Together, Totals, Walker, totals, walk_along};
use crate::lanes::{Lanes, Level, Simd, WIDE, Wide, dispatch, exponent_of, power_of_two};

/// c over a power of two that is at most the total: at the beginning of a binade and not at its edge, so that sums from almost 0 to
/// twice the power stay in it, and what is folded in.
const BEFORE: f64 = 4.5;
/// The greatest r that is put in at the end.
const SMALL: f64 = 1.0 / (1_u64 << 44) as f64;
/// E for each entry, and what it has as if for so many more, over what the error of a sum may be of it.
const OF_ENTRY: f64 = 1.0 / (1_u64 << 38) as f64;
const MORE: f64 = 32.0;
/// How many times r² may be in a mean square for r² to be nothing beside it, rooted.
const BESIDE: f64 = (1_u64 << 29) as f64;

/// The steps of a support.
#[derive(Clone, Copy)]
pub(super) struct Steps<'s> {
    /// From each position to the next.
    pub(super) each: &'s [f64],
    /// The sum of all.
    pub(super) span: f64,
}

/// The totals of rows one after another, and their sums over all steps of the support, for D Σp; NaN where the exact one is needed.
pub(super) fn sums(level: Level, rows: [&[f64]; 2], steps: Steps, norm: Norm, is_any: bool) -> (Totals, [f64; WIDE]) {
    let length = steps.each.len() + 1;
    let count = rows[0].len() / length;
    let sums_of = |rows| match norm {
        Norm::Absolute => sums_for::<false>(level, rows, steps, is_any),
        Norm::Square => sums_for::<true>(level, rows, steps, is_any),
    };
    if count == WIDE {
        return sums_of(Rows::Together(rows));
    }
    let (mut totals, mut sums) = (Totals::default(), [f64::NAN; WIDE]);
    for lane in 0..count {
        let (of_row, sums_of_row) = sums_of(Rows::One(rows.map(|rows| &rows[lane * length..][..length])));
        totals.put(lane, &of_row);
        sums[lane] = sums_of_row[0];
    }
    (totals, sums)
}

/// The same for rows in the lanes, of squares or of absolute values.
fn sums_for<const SQUARE: bool>(level: Level, rows: Rows, steps: Steps, is_any: bool) -> (Totals, [f64; WIDE]) {
    let length = steps.each.len() + 1;
    let known = is_any.then(|| totals(level, rows, length));
    dispatch!(level, simd => match rows {
        Rows::Together(rows) => sums_of::<_, SQUARE>(simd, &Together::new(rows, length), steps, known),
        Rows::One(rows) => sums_of::<_, SQUARE>(simd, &One(rows), steps, known),
    })
}

#[inline(always)]
fn sums_of<S: Simd, const SQUARE: bool>(
    simd: S,
    source: &impl Source<S>,
    steps: Steps,
    known: Option<Totals>,
) -> (Totals, [f64; WIDE]) {
    let least = |rough: f64| steps.span * if SQUARE { rough * rough } else { rough };
    let mut sums = [f64::NAN; WIDE];
    let totals = if let Some(totals) = known {
        totals
    } else {
        let walk = Walk::<S, SQUARE, true>::along(simd, source, steps, None);
        let totals = walk.totals();
        for (lane, sum) in sums.iter_mut().enumerate() {
            let ratio = totals.excess[lane].high / totals.sums[1][lane].high;
            let of_ratio = ratio * walk.shares[lane] * if SQUARE { 2.0 } else { 1.0 };
            let whole = walk.sums[0][lane] + (walk.sums[1][lane] - of_ratio);
            let is_nothing = if SQUARE { least(ratio * BESIDE) <= whole } else { walk.margin[lane] >= 0.0 };
            if is_nothing && ratio.abs() <= SMALL {
                *sum = whole;
            }
        }
        totals
    };
    if sums.iter().any(|sum| sum.is_nan()) {
        let walk = Walk::<S, SQUARE, false>::along(simd, source, steps, Some(&totals));
        for (lane, sum) in sums.iter_mut().enumerate().filter(|(_, sum)| sum.is_nan()) {
            *sum = walk.sums[0][lane] + walk.sums[1][lane];
        }
    }
    for (lane, sum) in sums.iter_mut().enumerate() {
        let rough = (steps.each.len() as f64 + MORE) * OF_ENTRY * totals.masses(lane)[0];
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
    /// Nothing, on the grid of c.
    #[inline(always)]
    fn new(before: Wide<S>) -> Self {
        Self { on_grid: before, rest: before.constant(0.0) }
    }

    /// Adds a number of at most c to what is on the grid, and says what it loses.
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

/// What is summed along rows: in the first sweep with ρ = 1.
struct Walk<S: Simd, const SQUARE: bool, const FIRST: bool> {
    ratio: [Wide<S>; 2],
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

impl<S: Simd, const SQUARE: bool, const FIRST: bool> Walk<S, SQUARE, FIRST> {
    /// Along all entries.
    #[inline(always)]
    fn along(simd: S, source: &impl Source<S>, steps: Steps, totals: Option<&Totals>) -> Self {
        let (mut ratios, mut before) = ([[1.0; WIDE], [0.0; WIDE]], [BEFORE; WIDE]);
        if let Some(totals) = totals {
            for lane in 0..WIDE {
                let [of_p, of_q] = totals.sums.map(|sums| sums[lane]);
                let ratio = of_p.divided_by(of_q);
                (ratios[0][lane], ratios[1][lane]) = (ratio.high, ratio.low);
                before[lane] *= power_of_two(exponent_of(of_p.high));
            }
        }
        let (zero, before) = (Wide::splat(simd, 0.0), Wide::load(simd, &before));
        let mut walk = Self {
            ratio: [Wide::load(simd, &ratios[0]), Wide::load(simd, &ratios[1])],
            of_p: Fixed::new(before),
            of_q: Fixed::new(before),
            bits: zero,
            some: zero,
            sums: [zero; 2],
            shares: zero,
            margin: Wide::splat(simd, 1.0),
        };
        walk_along(simd, source, steps.each, &mut walk);
        walk
    }

    /// The totals, after the first sweep.
    fn totals(&self) -> Totals {
        let mut totals = Totals { signs: self.bits.signs(), ..Totals::default() };
        for (sums, of) in totals.sums.iter_mut().zip([self.of_p, self.of_q]) {
            let whole = of.on_grid - of.on_grid.constant(BEFORE);
            for (lane, sum) in sums.iter_mut().enumerate() {
                *sum = Double::new(whole[lane], of.rest[lane]);
            }
        }
        for (lane, excess) in totals.excess.iter_mut().enumerate() {
            *excess = totals.sums[0][lane] - totals.sums[1][lane];
        }
        totals
    }
}

impl<S: Simd, const SQUARE: bool, const FIRST: bool> Walker<S> for Walk<S, SQUARE, FIRST> {
    #[inline(always)]
    fn add(&mut self, p: Wide<S>, q: Wide<S>) {
        let lost = self.of_p.add(p);
        self.of_p.rest += lost;
        let mut share = q;
        if FIRST {
            self.bits = self.bits.or_bits(p.or_bits(q));
        } else {
            share = self.ratio[0] * q;
            self.of_q.rest += self.ratio[1].fma(q, self.ratio[0].fma(q, -share));
        }
        let lost = self.of_q.add(share);
        self.of_q.rest += lost;
    }

    #[inline(always)]
    fn step(&mut self, step: Wide<S>) {
        let difference = (self.of_p.on_grid - self.of_q.on_grid) + (self.of_p.rest - self.of_q.rest);
        let weight = if SQUARE { difference * step } else { step.with_sign_of(difference) };
        self.some = difference.fma(weight, self.some);
        if FIRST {
            let of_q = self.of_q.on_grid - step.constant(BEFORE);
            self.shares = of_q.fma(weight, self.shares);
            self.margin = self.margin.least(of_q.fma(step.constant(-SMALL), difference.abs()));
        }
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
