//! A formula compiled for a compute type and every level, and the one order in which its terms are added.
//!
//! The order is a function of the row's length and the compute type, nothing else:
//!
//! * **Short rows** (up to [`SHORT`] entries): one row per lane; [`STEPS`] entries are added in index order, then the sums of
//!   those, widened to `f64`.
//! * **Longer rows**: lanes run along the row. A *step* is one vector for each of two accumulators; a *block* is [`STEPS`]
//!   steps, after which the two are folded into one vector of 8 `f64` lanes; 8 blocks are added in order to a *superblock*,
//!   superblocks in order to a *chunk* of [`CHUNK_BLOCKS`] blocks, and the lanes of a chunk by the tree
//!   ((0+4)+(2+6))+((1+5)+(3+7)).
//! * **Long rows**, of more than one chunk: chunk sums are combined pairwise by index (in `reduce.rs`).
//!
//! No sum has more than 46 additions after another plus the logarithm of the number of chunks. The last step is padded with
//! (0, 0), whose terms are exactly 0. `f32` terms are never added more than [`STEPS`] deep in `f32`.
//!
//! Some terms are combined by their maximum instead of their sum, by the same tree.
//!
//! The driver sees a [`Kernel`] as an object and hands it slices, so that only what is in this file and the formula is compiled
//! once per divergence, type and level.

use core::ops::Range;

use crate::divergence::{Chain, Divergence, Overflow, Pair, Sums};
use crate::element::Elements;
use crate::lanes::half::{BF16, F16, Half};
use crate::lanes::turn::LONGEST;
use crate::lanes::{Lanes, Level, Real, Simd, WIDE, Wide, dispatch, is_slow, power_of_two, prefetch};

mod columns;
pub mod draws;
mod each;
pub mod gaussian;
pub mod logits;

pub use columns::{COLUMNS, Columns};
pub use each::{Each, EachRow, Output};

use columns::add_columns;
use each::{partials, terms};
use logits::{LogitRow, Tile, divergence_slopes, divergence_sums};

/// Entries up to which a row is short.
pub const SHORT: usize = LONGEST;
/// Steps of a block.
pub const STEPS: usize = 8;
/// Blocks of a superblock.
const SUPERBLOCK: usize = 8;
/// Blocks of a chunk.
pub const CHUNK_BLOCKS: usize = 128;
/// Bytes that memory is read by.
const CACHE_LINE: usize = 64;
/// How far ahead memory is asked for, in bytes.
const PREFETCH: usize = 64 * CACHE_LINE;
/// Said of kernels that are compiled for logits only.
const OF_LOGITS: &str = "this kernel is for logits";
/// Most terms that a divergence has.
pub const MAX_TERMS: usize = 4;
/// Most sums of a row: Σp, Σd and the terms.
const MAX_SUMS: usize = 2 + MAX_TERMS;

/// Entries of a block: 128 of `f64`, 256 of `f32`.
#[must_use]
pub const fn block<T: Real>() -> usize {
    2 * STEPS * T::WIDTH
}

/// Entries of a chunk: 16 384 of `f64`, 32 768 of `f32`.
#[must_use]
pub const fn chunk<T: Real>() -> usize {
    CHUNK_BLOCKS * block::<T>()
}

/// What is kept of a row: Σp, the other sum, and the terms of a divergence, of which the first may be maxima.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shape {
    /// How many terms there are.
    pub terms: usize,
    /// How many of them are combined by their maximum instead of their sum.
    pub maxima: usize,
}

impl Shape {
    /// Σp, the other sum and the terms.
    fn used(self) -> usize {
        2 + self.terms
    }

    /// Whether the sum in that place is a maximum.
    #[inline(always)]
    fn is_maximum(self, place: usize) -> bool {
        (2..2 + self.maxima).contains(&place)
    }

    /// What comes of two parts of the row, in the place that the sum has.
    #[inline(always)]
    fn combine(self, place: usize, one: f64, other: f64) -> f64 {
        match self.is_maximum(place) {
            true if other > one => other,
            true => one,
            false => one + other,
        }
    }
}

/// What the entries of a row are multiplied with, and what that makes of 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scale<T> {
    /// Factor of p, a power of two.
    pub p: T,
    /// Factor of q: that of p, times Σp/Σq when normalising.
    pub q: T,
    /// What rounding took from that factor, for divergences that see it: see [`Divergence::EXACT_SCALE`].
    pub q_low: T,
    /// See [`Pair::unit`].
    pub unit: T,
    /// See [`Pair::dominant`].
    pub dominant: T,
}

impl<T: Real> Scale<T> {
    /// Whether the row is divided by its sum, so that q is a rounded product.
    fn is_normalizing(&self) -> bool {
        self.dominant.to_f64().is_finite()
    }
}

/// The sums of 8 rows, of which some lanes may be unused, in units of the rows' factors.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowSums {
    /// Σp.
    pub p: [f64; WIDE],
    /// Σ(q - p) when normalizing, where that is what rounding left; Σq otherwise.
    pub other: [f64; WIDE],
    /// Σ of the terms.
    pub terms: [[f64; WIDE]; MAX_TERMS],
    /// Rows with an entry whose sign bit is set.
    pub signs: u8,
}

/// The state of a row that is being summed, between two slices of it.
#[derive(Clone, Debug)]
pub struct Accumulator {
    superblock: [[f64; WIDE]; MAX_SUMS],
    chunk: [[f64; WIDE]; MAX_SUMS],
    blocks: usize,
    signs: u64,
}

/// The sums of a row or a chunk of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Partial {
    /// Σp, the other sum (see [`RowSums::other`]), then the terms.
    pub sums: [f64; MAX_SUMS],
    /// Whether a sign bit was set.
    pub signed: bool,
}

impl Default for Accumulator {
    // As derived, but for how it is compiled: not as a copy of zeros.
    #[inline(always)]
    fn default() -> Self {
        Self { superblock: [[0.0; WIDE]; MAX_SUMS], chunk: [[0.0; WIDE]; MAX_SUMS], blocks: 0, signs: 0 }
    }
}

impl Accumulator {
    /// Counts a block whose sums have been added to the superblock.
    #[inline(always)]
    fn next_block(&mut self, shape: Shape) {
        self.blocks += 1;
        if self.blocks.is_multiple_of(SUPERBLOCK) {
            for (place, (chunk, superblock)) in self.chunk.iter_mut().zip(&mut self.superblock).take(shape.used()).enumerate() {
                if shape.is_maximum(place) {
                    chunk.iter_mut().zip(&*superblock).for_each(|(sum, &more)| *sum = shape.combine(place, *sum, more));
                } else {
                    chunk.iter_mut().zip(&*superblock).for_each(|(sum, more)| *sum += more);
                }
                *superblock = [0.0; WIDE];
            }
        }
    }

    /// Combines the lanes and makes ready for another row.
    #[inline]
    pub fn finish(&mut self, shape: Shape) -> Partial {
        let mut sums = [0.0; MAX_SUMS];
        // By index: zipped, it took 20 ns of a call.
        #[expect(clippy::needless_range_loop, reason = "see above")]
        for place in 0..shape.used().min(MAX_SUMS) {
            let (chunk, superblock) = (&mut self.chunk[place], &mut self.superblock[place]);
            sums[place] = if shape.is_maximum(place) {
                combined(chunk, superblock, |one, other| if other > one { other } else { one })
            } else {
                combined(chunk, superblock, |one, other| one + other)
            };
            *chunk = [0.0; WIDE];
            *superblock = [0.0; WIDE];
        }
        self.blocks = 0;
        Partial { sums, signed: core::mem::take(&mut self.signs) != 0 }
    }
}

/// The lanes of a chunk and its last superblock, combined by the tree.
#[inline(always)]
fn combined(chunk: &[f64; WIDE], superblock: &[f64; WIDE], two: impl Fn(f64, f64) -> f64) -> f64 {
    let lane = |j: usize| two(chunk[j], superblock[j]);
    let half = |j: usize| two(two(lane(j), lane(j + 4)), two(lane(j + 2), lane(j + 6)));
    two(half(0), half(1))
}

impl Partial {
    /// What comes of two neighbours.
    #[must_use]
    pub fn combine(&self, other: &Self, shape: Shape) -> Self {
        let mut sums = self.sums;
        for (place, (sum, &more)) in sums.iter_mut().zip(&other.sums).enumerate() {
            *sum = shape.combine(place, *sum, more);
        }
        Self { sums, signed: self.signed || other.signed }
    }
}

impl RowSums {
    /// Puts the sums of a row into a lane.
    pub fn set(&mut self, lane: usize, row: &Partial) {
        self.p[lane] = row.sums[0];
        self.other[lane] = row.sums[1];
        for (terms, &sum) in self.terms.iter_mut().zip(&row.sums[2..]) {
            terms[lane] = sum;
        }
        self.signs |= u8::from(row.signed) << lane;
    }
}

/// What [`Kernel::values`] needs beside the sums, for 8 rows.
#[derive(Clone, Copy, Debug, Default)]
pub struct Finish {
    /// See [`Sums::total`].
    pub total: [f64; WIDE],
    /// See [`Sums::masses`].
    pub masses: [[f64; WIDE]; 2],
    /// See [`Sums::residual`].
    pub residual: [f64; WIDE],
    /// See [`Sums::normalizing`].
    pub normalizing: bool,
}

impl Finish {
    /// For rows that are divided by their sums, of which Σq is known by its difference from Σp.
    #[must_use]
    pub fn normalizing(sums: &RowSums) -> Self {
        let mut finish = Self { total: sums.p, masses: [sums.p; 2], normalizing: true, ..Self::default() };
        for (lane, (p, d)) in sums.p.iter().zip(&sums.other).enumerate() {
            finish.masses[1][lane] += d;
            finish.residual[lane] = d / p;
        }
        finish
    }
}

/// The next entries of `N` operands, p and q mostly, as they are stored.
#[derive(Clone, Copy, Debug)]
pub enum Run<'a, T, const N: usize = 2> {
    /// In the compute type.
    Real([&'a [T]; N]),
    /// In half floats that are computed in `f32`.
    F16([&'a [F16]; N]),
    /// The same.
    BF16([&'a [BF16]; N]),
}

impl<T: Real, const N: usize> Run<'_, T, N> {
    /// The first entries of each, or what there is.
    #[must_use]
    pub fn first(self, count: usize) -> Self {
        match self {
            Self::Real(operands) => Self::Real(operands.map(|entries| first(entries, count))),
            Self::F16(operands) => Self::F16(operands.map(|entries| first(entries, count))),
            Self::BF16(operands) => Self::BF16(operands.map(|entries| first(entries, count))),
        }
    }

    /// One entry.
    #[must_use]
    pub fn at(&self, operand: usize, place: usize) -> T {
        let mut entry = [T::default()];
        match self {
            Self::Real(operands) => entry[0] = operands[operand][place],
            Self::F16(operands) => T::from_halves(Level::new(), &operands[operand][place..=place], &mut entry),
            Self::BF16(operands) => T::from_halves(Level::new(), &operands[operand][place..=place], &mut entry),
        }
        entry[0]
    }
}

fn first<E>(entries: &[E], count: usize) -> &[E] {
    &entries[..entries.len().min(count)]
}

/// What a kernel reads as `T`.
trait Entry<T: Real>: Copy + Default {
    /// A vector, or what there is of one and zeros.
    fn load<S: Simd>(simd: S, run: &[Self]) -> T::Lanes<S>;

    /// One of the two vectors of a run, in an order of their own.
    fn load_part<S: Simd>(simd: S, run: &[Self], part: usize) -> T::Lanes<S>;

    /// Two vectors of what was made of those, in the order of the run.
    fn in_order<S: Simd>(parts: [T::Lanes<S>; 2]) -> [T::Lanes<S>; 2];

    /// 0 or -inf, to fill a vector up with.
    fn padding(value: f64) -> Self;

    /// Takes what was written elsewhere in the order of those vectors, for whole pairs of them.
    fn round(level: Level, parts: &[T], places: Range<usize>, out: &mut Elements<T>);
}

impl<T: Real> Entry<T> for T {
    #[inline(always)]
    fn load<S: Simd>(simd: S, run: &[Self]) -> T::Lanes<S> {
        Lanes::load_some(simd, run)
    }

    #[inline(always)]
    fn load_part<S: Simd>(simd: S, run: &[Self], part: usize) -> T::Lanes<S> {
        Lanes::load(simd, &run[part * T::WIDTH..][..T::WIDTH])
    }

    #[inline(always)]
    fn in_order<S: Simd>(parts: [T::Lanes<S>; 2]) -> [T::Lanes<S>; 2] {
        parts
    }

    #[inline(always)]
    fn padding(value: f64) -> Self {
        T::from_f64(value)
    }

    #[inline(always)]
    fn round(level: Level, parts: &[T], places: Range<usize>, out: &mut Elements<T>) {
        out.round(level, places, parts);
    }
}

macro_rules! half_entry {
    ($($type:ident)*) => {$(
        impl<T: Real> Entry<T> for $type {
            #[inline(always)]
            fn load<S: Simd>(simd: S, run: &[Self]) -> T::Lanes<S> {
                Lanes::load_halves(simd, run)
            }

            #[inline(always)]
            fn load_part<S: Simd>(simd: S, run: &[Self], part: usize) -> T::Lanes<S> {
                Lanes::load_part(simd, run, part)
            }

            #[inline(always)]
            fn in_order<S: Simd>(parts: [T::Lanes<S>; 2]) -> [T::Lanes<S>; 2] {
                Lanes::in_order::<Self>(parts)
            }

            #[inline(always)]
            fn padding(value: f64) -> Self {
                Half::round(<f32 as Real>::from_f64(value))
            }

            #[inline(always)]
            fn round(level: Level, parts: &[T], places: Range<usize>, out: &mut Elements<T>) {
                let Elements::$type(out) = out else { unreachable!("what is made of half floats is written as these") };
                T::parts_to_halves(level, parts, &mut out[places]);
            }
        }
    )*};
}

half_entry! { F16 BF16 }

/// A divergence, ready to be driven.
pub trait Kernel<T: Real>: Send + Sync {
    /// 1 for functions of p alone, which get p as q.
    fn operands(&self) -> usize;

    /// What it keeps of a row.
    fn shape(&self) -> Shape;

    /// Whether it sweeps over half floats.
    fn reads_halves(&self) -> bool;

    /// See [`Divergence::EXACT_SCALE`].
    fn needs_exact_scale(&self) -> bool;

    /// See [`Divergence::OVERFLOW`].
    fn overflow(&self) -> Overflow;

    /// See [`Divergence::FREE_SCALE`].
    fn has_free_scale(&self) -> bool;

    /// See [`Divergence::sums_of_moments`].
    fn sums_of_moments(&self, nats: f64) -> Option<[f64; 2]>;

    /// The largest value there is.
    fn ceiling(&self, log_base: f64) -> f64;

    /// Adds the terms of the next entries of a row, of which all slices but the last have whole blocks.
    fn sweep(&self, level: Level, row: &mut Accumulator, run: Run<T>, scale: Scale<T>);

    /// Adds the terms of the next entries of up to [`COLUMNS`] rows, at most a step: `p[k]` and `q[k]` are the kth of each row. The
    /// entries `ahead` will be wanted soon. Rows have a scale each, or one for all.
    fn columns(&self, level: Level, columns: &mut Columns<T>, entries: [&[&[T]]; 2], ahead: [&[&[T]]; 2], scales: &[Scale<T>]);

    /// The sums of short rows of that length, with a scale each or one for all: entry k of row j is at `k * WIDTH + j` of the vectors of
    /// the WIDTH rows that it is among.
    fn short(&self, level: Level, length: usize, p: &[T], q: &[T], scales: &[Scale<T>], out: &mut [RowSums]);

    /// The values of 8 rows.
    fn values(&self, level: Level, rows: &RowSums, finish: &Finish, log_base: Option<f64>) -> [f64; WIDE];

    /// Whether it has a gradient.
    fn has_gradient(&self) -> bool;

    /// What the derivatives of 8 rows with those values have in common: factors, and numbers within (see [`Chain`]).
    fn chains(
        &self,
        level: Level,
        rows: &RowSums,
        finish: &Finish,
        log_base: Option<f64>,
        values: &[f64; WIDE],
    ) -> [[f64; WIDE]; 2];

    /// What there is for each of the next entries of a row, of which all slices but the last have whole vectors.
    fn each(&self, level: Level, entries: [&[T]; 2], scale: Scale<T>, row: &EachRow, output: Output<T>);

    /// The sums of each row of a tile of logits; or the sums of its moments, for the means that derivatives are relative to.
    fn logit_sums(&self, level: Level, moments: bool, temperature: f64, tile: Tile<T>, rows: &[LogitRow], out: &mut [Partial]);

    /// The derivatives with respect to the logits of a tile, row after row.
    fn logit_slopes(&self, level: Level, temperature: f64, tile: Tile<T>, rows: &[LogitRow], out: [Option<Elements<T>>; 2]);
}

/// What makes an object of a divergence with `N` terms.
///
/// A blanket implementation for all `Divergence<N>` would leave `N` unconstrained, so the formula travels in this.
pub(crate) struct Compiled<D, const N: usize>(pub(crate) D);

impl<T: Real, D: Divergence<N>, const N: usize> Kernel<T> for Compiled<D, N> {
    fn operands(&self) -> usize {
        self.0.operands()
    }

    fn shape(&self) -> Shape {
        Shape { terms: N, maxima: D::MAXIMA }
    }

    fn reads_halves(&self) -> bool {
        D::HALVES
    }

    fn needs_exact_scale(&self) -> bool {
        D::EXACT_SCALE
    }

    fn overflow(&self) -> Overflow {
        D::OVERFLOW
    }

    fn has_free_scale(&self) -> bool {
        D::FREE_SCALE
    }

    fn sums_of_moments(&self, nats: f64) -> Option<[f64; 2]> {
        self.0.sums_of_moments(nats)
    }

    fn ceiling(&self, log_base: f64) -> f64 {
        self.0.ceiling(log_base)
    }

    fn sweep(&self, level: Level, row: &mut Accumulator, run: Run<T>, scale: Scale<T>) {
        if !const { D::ROWS.have_probabilities() } {
            unreachable!("{OF_LOGITS}");
        }
        match run {
            Run::Real(entries) => dispatch!(level, simd => sweep(simd, &self.0, row, entries, scale)),
            Run::F16(entries) if D::HALVES => dispatch!(level, simd => sweep(simd, &self.0, row, entries, scale)),
            Run::BF16(entries) if D::HALVES => dispatch!(level, simd => sweep(simd, &self.0, row, entries, scale)),
            Run::F16(_) | Run::BF16(_) => unreachable!("this kernel is brought f32"),
        }
    }

    fn columns(&self, level: Level, columns: &mut Columns<T>, entries: [&[&[T]]; 2], ahead: [&[&[T]]; 2], scales: &[Scale<T>]) {
        if !const { D::ROWS.have_probabilities() } {
            unreachable!("{OF_LOGITS}");
        }
        dispatch!(level, simd => if scales.iter().any(Scale::is_normalizing) {
            add_columns::<_, _, _, N, true>(simd, &self.0, columns, entries, ahead, scales);
        } else {
            add_columns::<_, _, _, N, false>(simd, &self.0, columns, entries, ahead, scales);
        });
    }

    fn short(&self, level: Level, length: usize, p: &[T], q: &[T], scales: &[Scale<T>], out: &mut [RowSums]) {
        if !const { D::ROWS.have_probabilities() } {
            unreachable!("{OF_LOGITS}");
        }
        dispatch!(level, simd => {
            let rows = p.chunks_exact(length * T::WIDTH).zip(q.chunks_exact(length * T::WIDTH));
            for (i, ((p, q), out)) in rows.zip(out.chunks_mut(T::WIDTH / WIDE)).enumerate() {
                let scales = if scales.len() == 1 { scales } else { &scales[i * T::WIDTH..][..T::WIDTH] };
                if scales.iter().any(Scale::is_normalizing) {
                    short::<_, _, _, N, true>(simd, &self.0, p, q, scales, out);
                } else {
                    short::<_, _, _, N, false>(simd, &self.0, p, q, scales, out);
                }
            }
        });
    }

    fn values(&self, level: Level, rows: &RowSums, finish: &Finish, log_base: Option<f64>) -> [f64; WIDE] {
        dispatch!(level, simd => values(simd, &self.0, rows, finish, log_base))
    }

    fn has_gradient(&self) -> bool {
        self.0.has_gradient()
    }

    fn chains(
        &self,
        level: Level,
        rows: &RowSums,
        finish: &Finish,
        log_base: Option<f64>,
        values: &[f64; WIDE],
    ) -> [[f64; WIDE]; 2] {
        dispatch!(level, simd => chains(simd, &self.0, rows, finish, log_base, values))
    }

    fn each(&self, level: Level, entries: [&[T]; 2], scale: Scale<T>, row: &EachRow, output: Output<T>) {
        match row.each {
            Each::Partials if D::GRADIENT => dispatch!(level, simd => partials(simd, &self.0, entries, scale, row, output)),
            Each::Terms if D::CONTRIBUTIONS => dispatch!(level, simd => terms(simd, &self.0, entries, scale, row, output)),
            _ => unreachable!("asked for what the divergence has not"),
        }
    }

    fn logit_sums(&self, level: Level, moments: bool, temperature: f64, tile: Tile<T>, rows: &[LogitRow], out: &mut [Partial]) {
        divergence_sums::<T, D, N>(level, &self.0, moments, temperature, tile, rows, out);
    }

    fn logit_slopes(&self, level: Level, temperature: f64, tile: Tile<T>, rows: &[LogitRow], out: [Option<Elements<T>>; 2]) {
        divergence_slopes::<T, D, N>(level, &self.0, temperature, tile, rows, out);
    }
}

/// `Scale` in lanes.
#[derive(Clone, Copy)]
struct Scales<V> {
    p: V,
    q: V,
    q_low: V,
    unit: V,
    dominant: V,
    normalizing: bool,
    /// Whether the entries are taken as they are, and are to be watched for those that need a lift.
    plain: bool,
    /// Whether no entry is 0.
    positive: bool,
}

impl<V: Lanes> Scales<V> {
    /// Adding 0 turns -0.0, which divides to the wrong infinity, into 0.0.
    #[inline(always)]
    fn lift(&self, x: V, factor: V) -> V {
        if self.positive { x * factor } else { x.fma(factor, x.constant(0.0)) }
    }

    /// Entries as formulas see them.
    #[inline(always)]
    fn pair<D: Divergence<N>, const N: usize>(&self, p: V, q: V) -> Pair<V> {
        let (p, lifted_q) = (self.lift(p, self.p), self.lift(q, self.q));
        let mut d = q.fma(self.q, -p);
        if D::EXACT_SCALE && self.normalizing {
            d = q.fma(self.q_low, d);
        }
        Pair {
            p,
            q: lifted_q,
            d,
            unit: self.unit,
            dominant: self.dominant,
            normalizing: self.normalizing,
            positive: self.positive,
            log: None,
        }
    }
}

/// Sums of one vector's worth of entries: Σp, the other sum (see [`RowSums::other`]) and the terms.
#[derive(Clone, Copy)]
struct Step<V, const N: usize> {
    p: V,
    other: V,
    terms: [V; N],
}

impl<V: Lanes, const N: usize> Step<V, N> {
    #[inline(always)]
    fn zero(simd: V::Simd) -> Self {
        let zero = V::splat(simd, V::Scalar::default());
        Self { p: zero, other: zero, terms: [zero; N] }
    }

    /// The sums as they were stored.
    #[inline(always)]
    fn load(simd: V::Simd, stored: &[V::Scalar]) -> Self {
        let mut step = Self::zero(simd);
        let (p, stored) = stored.split_at(V::Scalar::WIDTH);
        let (other, stored) = stored.split_at(V::Scalar::WIDTH);
        step.p = V::load(simd, p);
        step.other = V::load(simd, other);
        for (term, stored) in step.terms.iter_mut().zip(stored.chunks_exact(V::Scalar::WIDTH)) {
            *term = V::load(simd, stored);
        }
        step
    }

    /// Stores the sums.
    #[inline(always)]
    fn store(self, stored: &mut [V::Scalar]) {
        let (p, stored) = stored.split_at_mut(V::Scalar::WIDTH);
        let (other, stored) = stored.split_at_mut(V::Scalar::WIDTH);
        self.p.store(p);
        self.other.store(other);
        for (term, stored) in self.terms.into_iter().zip(stored.chunks_exact_mut(V::Scalar::WIDTH)) {
            term.store(stored);
        }
    }

    /// Adds the entries `p`, `q` as they were read. `seen` collects their signs, or the least of them if they are taken as they are.
    #[inline(always)]
    fn add<D: Divergence<N>>(&mut self, divergence: &D, p: V, q: V, scale: Scales<V>, seen: &mut V) {
        if const { is_slow::<V::Simd>() } {
            self.add_by_call(divergence, p, q, &scale, seen);
        } else {
            self.add_here(divergence, p, q, scale, seen);
        }
    }

    #[inline(never)]
    fn add_by_call<D: Divergence<N>>(&mut self, divergence: &D, p: V, q: V, scale: &Scales<V>, seen: &mut V) {
        self.add_here(divergence, p, q, *scale, seen);
    }

    #[inline(always)]
    fn add_here<D: Divergence<N>>(&mut self, divergence: &D, p: V, q: V, scale: Scales<V>, seen: &mut V) {
        *seen = match (scale.plain, scale.positive) {
            (false, _) => seen.or_bits(p.or_bits(q)),
            (true, true) => seen.least(p.least(q)),
            (true, false) => seen.least(p.unless_zero(*seen).least(q.unless_zero(*seen))),
        };
        let x = scale.pair::<D, N>(p, q);
        let terms = divergence.terms(x);
        self.p = self.p + x.p;
        self.other = self.other + if scale.normalizing { x.d } else { x.q };
        for (i, (sum, term)) in self.terms.iter_mut().zip(terms).enumerate() {
            *sum = if i < D::MAXIMA { sum.greatest(term) } else { *sum + term };
        }
    }
}

#[inline(always)]
fn sweep<S: Simd, T: Real, E: Entry<T>, D: Divergence<N>, const N: usize>(
    simd: S,
    divergence: &D,
    row: &mut Accumulator,
    entries: [&[E]; 2],
    scale: Scale<T>,
) {
    if scale.is_normalizing() {
        sweep_blocks::<_, _, _, _, N, true>(simd, divergence, row, entries, scale);
    } else {
        sweep_blocks::<_, _, _, _, N, false>(simd, divergence, row, entries, scale);
    }
}

/// Adds entries of a row. Most blocks have nothing but entries that neither are 0 nor need a lift; so each is summed as if, watched, and
/// summed once more if not, after which the rest of the run is not tried: KL f64 of such blocks takes three quarters of the time, and
/// has the same bits, since a lift is a power of two.
#[inline(always)]
fn sweep_blocks<S: Simd, T: Real, E: Entry<T>, D: Divergence<N>, const N: usize, const NORMALIZING: bool>(
    simd: S,
    divergence: &D,
    row: &mut Accumulator,
    [p, q]: [&[E]; 2],
    scale: Scale<T>,
) {
    let splat = |value: f64| T::Lanes::<S>::splat(simd, T::from_f64(value));
    let lifted = scales_of(simd, &[scale], NORMALIZING);
    let one = splat(1.0);
    let plain = Scales { p: one, q: one, unit: one, plain: true, ..lifted };
    let ordinary = splat(power_of_two(T::ORDINARY));
    let lift = power_of_two(T::LIFT);
    let mut is_ordinary = !NORMALIZING && scale.p == T::from_f64(lift);
    let mut signs = splat(0.0);
    for (p, q) in p.chunks(block::<T>()).zip(q.chunks(block::<T>())) {
        if is_ordinary {
            let mut least = one;
            let sums = sum_block(simd, divergence, [p, q], plain, &mut least);
            is_ordinary = !least.any_below(ordinary);
            if is_ordinary {
                add_block::<_, _, D, N>(simd, row, sums, |sum| sum * Wide::splat(simd, lift));
                continue;
            }
        }
        let sums = sum_block(simd, divergence, [p, q], lifted, &mut signs);
        add_block::<_, _, D, N>(simd, row, sums, |sum| sum);
    }
    row.signs |= signs.signs();
}

/// The sums of the two accumulators of a block.
#[inline(always)]
fn sum_block<S: Simd, T: Real, E: Entry<T>, D: Divergence<N>, const N: usize>(
    simd: S,
    divergence: &D,
    [p, q]: [&[E]; 2],
    scale: Scales<T::Lanes<S>>,
    seen: &mut T::Lanes<S>,
) -> [Step<T::Lanes<S>, N>; 2] {
    let mut even = Step::<T::Lanes<S>, N>::zero(simd);
    let mut odd = even;
    let (mut p_steps, mut q_steps) = (p.chunks_exact(2 * T::WIDTH), q.chunks_exact(2 * T::WIDTH));
    let whole = Scales { positive: scale.plain, ..scale };
    for (p, q) in (&mut p_steps).zip(&mut q_steps) {
        for entries in [p, q] {
            for line in (0..size_of_val(entries)).step_by(CACHE_LINE) {
                prefetch(entries.as_ptr().wrapping_byte_add(PREFETCH + line));
            }
        }
        let (p_even, p_odd) = p.split_at(T::WIDTH);
        let (q_even, q_odd) = q.split_at(T::WIDTH);
        even.add(divergence, E::load(simd, p_even), E::load(simd, q_even), whole, seen);
        odd.add(divergence, E::load(simd, p_odd), E::load(simd, q_odd), whole, seen);
    }
    // What is left of a step: padding adds nothing, so a vector of nothing else is left out.
    let mut left = p_steps.remainder().chunks(T::WIDTH).zip(q_steps.remainder().chunks(T::WIDTH));
    for step in [&mut even, &mut odd] {
        if let Some((p, q)) = left.next() {
            step.add(divergence, E::load(simd, p), E::load(simd, q), scale, seen);
        }
    }
    [even, odd]
}

/// Adds the sums of a block to those of its row.
#[inline(always)]
fn add_block<S: Simd, V: Lanes<Simd = S>, D: Divergence<N>, const N: usize>(
    simd: S,
    row: &mut Accumulator,
    [even, odd]: [Step<V, N>; 2],
    scaled: impl Fn(Wide<S>) -> Wide<S>,
) {
    add(simd, &mut row.superblock[0], scaled(even.p.fold(odd.p)));
    add(simd, &mut row.superblock[1], scaled(even.other.fold(odd.other)));
    for (i, (sum, (even, odd))) in row.superblock[2..].iter_mut().zip(even.terms.into_iter().zip(odd.terms)).enumerate() {
        if i < D::MAXIMA {
            Wide::load(simd, sum).greatest(scaled(even.fold_greatest(odd))).store(sum);
        } else {
            add(simd, sum, scaled(even.fold(odd)));
        }
    }
    row.next_block(Shape { terms: N, maxima: D::MAXIMA });
}

#[inline(always)]
fn add<S: Simd>(simd: S, sum: &mut [f64; WIDE], more: Wide<S>) {
    (Wide::load(simd, sum) + more).store(sum);
}

/// The scales of as many rows as there are lanes, or of one for all. `normalizing` is known when the kernel is compiled: a branch on it
/// within the loop cost a tenth of the time.
#[inline(always)]
fn scales_of<S: Simd, T: Real>(simd: S, scales: &[Scale<T>], normalizing: bool) -> Scales<T::Lanes<S>> {
    let p = gather(simd, scales, |scale| scale.p);
    Scales {
        p,
        // Registers are scarce in the loop.
        q: if normalizing { gather(simd, scales, |scale| scale.q) } else { p },
        q_low: gather(simd, scales, |scale| scale.q_low),
        unit: gather(simd, scales, |scale| scale.unit),
        dominant: gather(simd, scales, |scale| scale.dominant),
        normalizing,
        plain: false,
        positive: false,
    }
}

/// A field of the scales of as many rows as there are lanes, or of the one scale that all have.
#[inline(always)]
fn gather<S: Simd, T: Real>(simd: S, scales: &[Scale<T>], field: fn(&Scale<T>) -> T) -> T::Lanes<S> {
    if let [scale] = scales {
        return Lanes::splat(simd, field(scale));
    }
    let mut lanes = [T::default(); 16];
    for (lane, scale) in lanes.iter_mut().zip(scales) {
        *lane = field(scale);
    }
    Lanes::load(simd, &lanes[..T::WIDTH])
}

#[inline(always)]
fn short<S: Simd, T: Real, D: Divergence<N>, const N: usize, const NORMALIZING: bool>(
    simd: S,
    divergence: &D,
    p: &[T],
    q: &[T],
    scales: &[Scale<T>],
    out: &mut [RowSums],
) {
    let scale = scales_of(simd, scales, NORMALIZING);
    let parts = T::Lanes::<S>::PARTS;
    let mut signs = T::Lanes::<S>::splat(simd, T::default());
    let mut wide = [[Wide::splat(simd, 0.0); MAX_SUMS]; 2];
    for (p, q) in p.chunks(STEPS * T::WIDTH).zip(q.chunks(STEPS * T::WIDTH)) {
        let mut step = Step::<T::Lanes<S>, N>::zero(simd);
        for (p, q) in p.chunks_exact(T::WIDTH).zip(q.chunks_exact(T::WIDTH)) {
            step.add(divergence, Lanes::load(simd, p), Lanes::load(simd, q), scale, &mut signs);
        }
        for (part, wide) in wide.iter_mut().enumerate().take(parts) {
            wide[0] += step.p.part(part);
            wide[1] += step.other.part(part);
            for (i, (sum, term)) in wide[2..].iter_mut().zip(step.terms).enumerate() {
                *sum = if i < D::MAXIMA { sum.greatest(term.part(part)) } else { *sum + term.part(part) };
            }
        }
    }
    for (part, (rows, wide)) in out.iter_mut().zip(wide).enumerate().take(parts) {
        wide[0].store(&mut rows.p);
        wide[1].store(&mut rows.other);
        for (stored, sum) in rows.terms.iter_mut().zip(&wide[2..]).take(N) {
            sum.store(stored);
        }
        rows.signs = signs.signs().to_le_bytes()[part];
    }
}

#[inline(always)]
fn values<S: Simd, D: Divergence<N>, const N: usize>(
    simd: S,
    divergence: &D,
    rows: &RowSums,
    finish: &Finish,
    log_base: Option<f64>,
) -> [f64; WIDE] {
    let mut values = [0.0; WIDE];
    divergence.value(sums(simd, rows, finish, log_base)).store(&mut values);
    values
}

#[inline(always)]
fn chains<S: Simd, D: Divergence<N>, const N: usize>(
    simd: S,
    divergence: &D,
    rows: &RowSums,
    finish: &Finish,
    log_base: Option<f64>,
    values: &[f64; WIDE],
) -> [[f64; WIDE]; 2] {
    let mut chains = [[0.0; WIDE]; 2];
    let Chain { factor, within } = divergence.chain(sums(simd, rows, finish, log_base), Wide::load(simd, values));
    factor.store(&mut chains[0]);
    within.store(&mut chains[1]);
    chains
}

#[inline(always)]
fn sums<S: Simd, const N: usize>(simd: S, rows: &RowSums, finish: &Finish, log_base: Option<f64>) -> Sums<Wide<S>, N> {
    let mut terms = [Wide::splat(simd, 0.0); N];
    for (lanes, sums) in terms.iter_mut().zip(&rows.terms) {
        *lanes = Wide::load(simd, sums);
    }
    Sums {
        terms,
        total: Wide::load(simd, &finish.total),
        masses: finish.masses.map(|masses| Wide::load(simd, &masses)),
        residual: Wide::load(simd, &finish.residual),
        log_base: log_base.map(|log_base| Wide::splat(simd, log_base)),
        normalizing: finish.normalizing,
    }
}
