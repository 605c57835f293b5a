//! The difference of two cumulative distribution functions, D_k = Σ_{i≤k} (p_i/Σp - q_i/Σq), and sums of it over a row.
//!
//! D is a sum that cancels: where the two functions meet it is as small as the differences of the rows. So it is kept in two floats,
//! and made of differences from the start: with r = (Σp - Σq) / Σq, D_k Σp = Σ (p - q) - r q. Each of these is exact to some 104
//! bits, and equal rows have r = 0 and D = 0 exactly. Where the sums are not alike, r would lose what they differ by, and it is
//! Σ p - (1 + r) q ([`Ratio`]). Where the ratio is no float, rows in proportion leave some of its rounding: what is no more than that
//! counts as 0.
//!
//! Lanes hold rows, 8 at a time, of which 8 entries are turned into columns as the walk gets there; or one row each, for rows that
//! are too long or too few. What a lane does is the same, and so are the bits. Terms of 8 steps are added in one float, such sums in two.

use super::{Double, Ratio};
use crate::lanes::turn::turn_eight;
use crate::lanes::{Lanes, Level, Simd, WIDE, Wide, dispatch, prefetch};

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
    /// Σp and Σq.
    pub(super) sums: [[Double; WIDE]; 2],
    /// Σp - Σq, which has digits that they have not where they are alike.
    pub(super) excess: [Double; WIDE],
    /// A bit for each row that has a negative entry, or a -0.0.
    pub(super) signs: u64,
}

impl Totals {
    /// Takes those of a row alone for one of some rows.
    pub(super) fn put(&mut self, lane: usize, alone: &Self) {
        for (sums, alone) in self.sums.iter_mut().zip(&alone.sums) {
            sums[lane] = alone[0];
        }
        self.excess[lane] = alone.excess[0];
        self.signs |= (alone.signs & 1) << lane;
    }

    /// Σp and Σq.
    pub(super) fn masses(&self, lane: usize) -> [f64; 2] {
        self.sums.map(|sums| sums[lane].to_f64())
    }

    /// Σp/Σq.
    pub(super) fn ratio(&self, lane: usize) -> Ratio {
        Ratio::new(self.sums.map(|sums| sums[lane]), self.excess[lane])
    }
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
            totals.put(row, &totals_of(simd, [p, q]));
        }
    });
    totals
}

/// The sums over all steps of the support, for D Σp times `lift`.
pub(super) fn sums(level: Level, rows: Rows, totals: &Totals, steps: &[f64], norm: Norm, lift: f64) -> [f64; WIDE] {
    match norm {
        Norm::Absolute => sums_for::<false>(level, rows, totals, steps, lift),
        Norm::Square => sums_for::<true>(level, rows, totals, steps, lift),
    }
}

/// The same, of absolute values or of squares.
fn sums_for<const SQUARE: bool>(level: Level, rows: Rows, totals: &Totals, steps: &[f64], lift: f64) -> [f64; WIDE] {
    dispatch!(level, simd => match rows {
        Rows::Together(rows) => sums_of::<_, SQUARE>(simd, &Together::new(rows, steps.len() + 1), totals, steps, lift),
        Rows::One(rows) => sums_of::<_, SQUARE>(simd, &One(rows), totals, steps, lift),
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
            potentials_of(simd, &Together::new(rows, length), totals, steps, norm, factors, out)
        }
        Rows::One(rows) => {
            out.resize(length, 0.0);
            potentials_of(simd, &One(rows), totals, steps, norm, factors, out)
        }
    })
}

/// Where lanes come from.
pub(super) trait Source<S: Simd> {
    /// Rows.
    const COUNT: usize;

    /// The next entries of p and of q, as many as there are lanes.
    fn eight(&self, simd: S, first: usize) -> [[Wide<S>; WIDE]; 2];
    /// The last entries, which are fewer, and zeros.
    fn rest(&self, simd: S, first: usize) -> [[Wide<S>; WIDE]; 2];

    /// The next entries, of which there are so many.
    #[inline(always)]
    fn some(&self, simd: S, first: usize, count: usize) -> [[Wide<S>; WIDE]; 2] {
        if count >= WIDE { self.eight(simd, first) } else { self.rest(simd, first) }
    }
}

/// Who walks along rows.
pub(super) trait Walker<S: Simd> {
    /// Adds the next entries of p and of q.
    fn add(&mut self, p: Wide<S>, q: Wide<S>);
    /// Goes a step of the support.
    fn step(&mut self, step: Wide<S>);
    /// Ends what belongs together, 8 steps.
    fn end(&mut self);
}

/// All entries, and the steps between them.
#[inline(always)]
pub(super) fn walk_along<S: Simd>(simd: S, source: &impl Source<S>, steps: &[f64], walker: &mut impl Walker<S>) {
    let (eights, rest) = steps.as_chunks::<WIDE>();
    for (index, steps) in eights.iter().enumerate() {
        let [p, q] = source.eight(simd, index * WIDE);
        for ((&p, &q), &step) in p.iter().zip(&q).zip(steps) {
            walker.add(p, q);
            walker.step(Wide::splat(simd, step));
        }
        walker.end();
    }
    let [p, q] = source.some(simd, steps.len() - rest.len(), rest.len() + 1);
    for ((&p, &q), &step) in p.iter().zip(&q).zip(rest) {
        walker.add(p, q);
        walker.step(Wide::splat(simd, step));
    }
    walker.end();
    walker.add(p[rest.len()], q[rest.len()]);
}

/// As many rows as there are lanes.
pub(super) struct Together<'r>([[&'r [f64]; WIDE]; 2]);

impl<'r> Together<'r> {
    #[inline(always)]
    pub(super) fn new(rows: [&'r [f64]; 2], length: usize) -> Self {
        // No closure: all slices have one length then, which is compared once.
        let mut of: [[&[f64]; WIDE]; 2] = Default::default();
        for (of, rows) in of.iter_mut().zip(rows) {
            for (row, of) in of.iter_mut().enumerate() {
                *of = &rows[row * length..][..length];
            }
        }
        Self(of)
    }
}

impl<S: Simd> Source<S> for Together<'_> {
    const COUNT: usize = WIDE;

    #[inline(always)]
    fn eight(&self, simd: S, first: usize) -> [[Wide<S>; WIDE]; 2] {
        let Self([p, q]) = self;
        // After the last entries come the first of the rows after these.
        let ahead = first + AHEAD;
        let ahead = if ahead < p[0].len() { ahead } else { ahead + (WIDE - 1) * p[0].len() };
        for (p, q) in p.iter().zip(q) {
            prefetch(p.as_ptr().wrapping_add(ahead));
            prefetch(q.as_ptr().wrapping_add(ahead));
        }
        [turn_eight(simd, p, first), turn_eight(simd, q, first)]
    }

    #[inline(always)]
    fn rest(&self, simd: S, first: usize) -> [[Wide<S>; WIDE]; 2] {
        let mut columns = [[Wide::splat(simd, 0.0); WIDE]; 2];
        for (rows, columns) in self.0.iter().zip(&mut columns) {
            for (entry, column) in (first..rows[0].len()).zip(columns) {
                let mut lanes = [0.0; WIDE];
                for (lane, row) in lanes.iter_mut().zip(rows) {
                    *lane = row[entry];
                }
                *column = Wide::load(simd, &lanes);
            }
        }
        columns
    }
}

/// One row, in all lanes.
pub(super) struct One<'r>(pub(super) [&'r [f64]; 2]);

impl<S: Simd> Source<S> for One<'_> {
    const COUNT: usize = 1;

    #[inline(always)]
    fn eight(&self, simd: S, first: usize) -> [[Wide<S>; WIDE]; 2] {
        self.rest(simd, first)
    }

    #[inline(always)]
    fn rest(&self, simd: S, first: usize) -> [[Wide<S>; WIDE]; 2] {
        let mut columns = [[Wide::splat(simd, 0.0); WIDE]; 2];
        for (row, columns) in self.0.iter().zip(&mut columns) {
            for (&entry, column) in row[first..].iter().zip(columns) {
                *column = Wide::splat(simd, entry);
            }
        }
        columns
    }
}

/// The way of D along a row.
struct Walk<S: Simd> {
    one: Wide<S>,
    ratio: [Wide<S>; 2],
    tie: Wide<S>,
    sum: [Wide<S>; 2],
}

impl<S: Simd> Walk<S> {
    #[inline(always)]
    fn new(simd: S, totals: &Totals, length: usize) -> Self {
        let ratios: [Ratio; WIDE] = core::array::from_fn(|lane| totals.ratio(lane));
        Self {
            one: Wide::load(simd, &ratios.map(|it| it.one)),
            ratio: [Wide::load(simd, &ratios.map(|it| it.rest.high)), Wide::load(simd, &ratios.map(|it| it.rest.low))],
            tie: Wide::load(simd, &ratios.map(|it| it.tie(length))),
            sum: [Wide::splat(simd, 0.0); 2],
        }
    }

    #[inline(always)]
    fn step(&mut self, p: Wide<S>, q: Wide<S>) -> Wide<S> {
        let [high, low] = self.ratio;
        let [difference, lost] = p.two_sum(-(self.one * q));
        let share = high * q;
        let rest = low.fma(q, high.fma(q, -share));
        let [difference, less] = difference.two_sum(-share);
        let [sum, least] = self.sum[0].two_sum(difference);
        self.sum = [sum, self.sum[1] + (least + (less + (lost - rest)))];
        let both = self.sum[0] + self.sum[1];
        Lanes::select(both.abs().exceeds(self.tie), both, both.constant(0.0))
    }
}

/// The totals of one row, whose entries are in the lanes here: for the first lane.
#[inline(always)]
fn totals_of<S: Simd>(simd: S, rows: [&[f64]; 2]) -> Totals {
    let zero = Wide::splat(simd, 0.0);
    let (mut sums, mut excess, mut signs) = ([[zero; 2]; 2], [zero; 2], zero);
    for (p, q) in rows[0].chunks(WIDE).zip(rows[1].chunks(WIDE)) {
        prefetch(p.as_ptr().wrapping_add(AHEAD));
        prefetch(q.as_ptr().wrapping_add(AHEAD));
        let (p, q) = (Wide::load_some(simd, p), Wide::load_some(simd, q));
        for (sums, entries) in sums.iter_mut().zip([p, q]) {
            let [sum, lost] = sums[0].two_sum(entries);
            *sums = [sum, sums[1] + lost];
        }
        let [difference, lost] = p.two_sum(-q);
        let [sum, less] = excess[0].two_sum(difference);
        excess = [sum, excess[1] + (less + lost)];
        signs = signs.or_bits(p.or_bits(q));
    }
    let total =
        |[high, low]: [Wide<S>; 2]| (0..WIDE).fold(Double::default(), |sum, lane| sum + Double::new(high[lane], low[lane]));
    let mut totals = Totals::default();
    for (which, sums) in sums.into_iter().enumerate() {
        totals.sums[which][0] = total(sums);
    }
    totals.excess[0] = total(excess);
    totals.signs = u64::from(signs.signs() != 0);
    totals
}

/// What is summed over steps.
struct Terms<S: Simd, const SQUARE: bool> {
    walk: Walk<S>,
    difference: Wide<S>,
    lift: Wide<S>,
    /// Over the last steps, and over those before them in two floats.
    some: Wide<S>,
    sums: [Wide<S>; 2],
}

impl<S: Simd, const SQUARE: bool> Walker<S> for Terms<S, SQUARE> {
    #[inline(always)]
    fn add(&mut self, p: Wide<S>, q: Wide<S>) {
        self.difference = self.walk.step(p, q);
    }

    #[inline(always)]
    fn step(&mut self, step: Wide<S>) {
        // The step between the factors: it may be as small as the lift is large.
        let lifted = self.difference * self.lift;
        self.some = if SQUARE { (lifted * step).fma(lifted, self.some) } else { self.difference.abs().fma(step, self.some) };
    }

    #[inline(always)]
    fn end(&mut self) {
        let [sum, lost] = self.sums[0].two_sum(self.some);
        self.sums = [sum, self.sums[1] + lost];
        self.some = sum.constant(0.0);
    }
}

#[inline(always)]
fn sums_of<S: Simd, const SQUARE: bool>(
    simd: S,
    source: &impl Source<S>,
    totals: &Totals,
    steps: &[f64],
    lift: f64,
) -> [f64; WIDE] {
    let zero = Wide::splat(simd, 0.0);
    let walk = Walk::new(simd, totals, steps.len() + 1);
    let mut terms = Terms::<S, SQUARE> { walk, difference: zero, lift: Wide::splat(simd, lift), some: zero, sums: [zero; 2] };
    walk_along(simd, source, steps, &mut terms);
    core::array::from_fn(|lane| terms.sums[0][lane] + terms.sums[1][lane])
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
    let mut walk = Walk::new(simd, totals, steps.len() + 1);
    let mut potential = zero;
    let mut sums = [[zero; 2]; 2];
    for (index, out) in out.chunks_mut(WIDE * R::COUNT).enumerate() {
        let [p, q] = source.some(simd, index * WIDE, out.len() / R::COUNT);
        for (within, out) in out.chunks_exact_mut(R::COUNT).enumerate() {
            let (p, q) = (p[within], q[within]);
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
            let step = Wide::splat(simd, steps.get(index * WIDE + within).copied().unwrap_or_default());
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
