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
//! The driver sees a [`Kernel`] as an object and hands it slices, so that only what is in this file and the formula is compiled
//! once per divergence, type and level.

use crate::divergence::{Divergence, Pair, Sums};
use crate::lanes::half::{BF16, F16};
use crate::lanes::turn::LONGEST;
use crate::lanes::{Lanes, Level, Real, Simd, WIDE, Wide, dispatch, prefetch};

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
/// Most terms that a divergence has.
pub const MAX_TERMS: usize = 3;
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

/// What the entries of a row are multiplied with, and what that makes of 1.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scale<T> {
    /// Factor of p, a power of two.
    pub p: T,
    /// Factor of q: a power of two, times Σp/Σq when normalising.
    pub q: T,
    /// See [`Pair::unit`].
    pub unit: T,
    /// See [`Pair::dominant`].
    pub dominant: T,
}

/// The sums of 8 rows, of which some lanes may be unused: the terms, Σp and Σ(q - p) in units of the rows' factors.
#[derive(Clone, Copy, Debug, Default)]
pub struct RowSums {
    /// Σp.
    pub p: [f64; WIDE],
    /// Σ(q - p).
    pub d: [f64; WIDE],
    /// Σ of the terms.
    pub terms: [[f64; WIDE]; MAX_TERMS],
    /// Rows with an entry whose sign bit is set.
    pub signs: u8,
}

/// The state of a row that is being summed, between two slices of it.
#[derive(Clone, Debug, Default)]
pub struct Accumulator {
    superblock: [[f64; WIDE]; MAX_SUMS],
    chunk: [[f64; WIDE]; MAX_SUMS],
    blocks: usize,
    signs: u64,
}

/// The sums of a row or a chunk of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Partial {
    /// Σp, Σ(q - p), then the terms.
    pub sums: [f64; MAX_SUMS],
    /// Whether a sign bit was set.
    pub signed: bool,
}

impl Accumulator {
    /// Counts a block whose sums, so many, have been added to the superblock.
    #[inline(always)]
    fn next_block(&mut self, used: usize) {
        self.blocks += 1;
        if self.blocks.is_multiple_of(SUPERBLOCK) {
            for (chunk, superblock) in self.chunk.iter_mut().zip(&mut self.superblock).take(used) {
                for (sum, more) in chunk.iter_mut().zip(superblock) {
                    *sum += *more;
                    *more = 0.0;
                }
            }
        }
    }

    /// Adds the lanes up, for a divergence with so many terms, and makes ready for another row.
    pub fn finish(&mut self, terms: usize) -> Partial {
        let mut sums = [0.0; MAX_SUMS];
        for (sum, (chunk, superblock)) in sums.iter_mut().zip(self.chunk.iter_mut().zip(&mut self.superblock)).take(2 + terms) {
            let lane = |j: usize| chunk[j] + superblock[j];
            *sum = ((lane(0) + lane(4)) + (lane(2) + lane(6))) + ((lane(1) + lane(5)) + (lane(3) + lane(7)));
            *chunk = [0.0; WIDE];
            *superblock = [0.0; WIDE];
        }
        self.blocks = 0;
        Partial { sums, signed: core::mem::take(&mut self.signs) != 0 }
    }
}

/// The sums of a block of up to [`COLUMNS`] rows whose entries come side by side: lanes are rows here, and each of the places that
/// an entry can have in a step has an accumulator, so that the additions are those of [`Kernel::sweep`].
#[derive(Clone, Debug)]
pub struct Columns<T> {
    /// Lane l of sum s of place i of vector v of rows at `((v * places + i) * used + s) * WIDTH + l`.
    sums: Vec<T>,
    /// How many sums a row has.
    used: usize,
    /// Sign bits of each row.
    signs: Vec<T>,
}

/// Most rows of [`Columns`].
pub const COLUMNS: usize = 128;

impl<T: Real> Columns<T> {
    /// Sums of 0, for a divergence with so many terms.
    #[must_use]
    pub fn new(terms: usize) -> Self {
        let used = 2 + terms;
        let sums = vec![T::default(); COLUMNS * 2 * T::WIDTH * used];
        Self { sums, used, signs: vec![T::default(); COLUMNS] }
    }

    /// Adds the sums to those of the rows, a block further.
    pub fn fold(&mut self, rows: &mut [Accumulator]) {
        for (vector, rows) in rows.chunks_mut(T::WIDTH).enumerate() {
            for sum in 0..self.used {
                let place = |i: usize| {
                    let first = ((vector * 2 * T::WIDTH + i) * self.used + sum) * T::WIDTH;
                    &self.sums[first..first + T::WIDTH]
                };
                for lane in 0..WIDE {
                    // As `Lanes::fold`: lane j of both accumulators, and for f32 lane j + 8 with it.
                    let (even, odd) = (place(lane), place(T::WIDTH + lane));
                    if T::WIDTH == WIDE {
                        for (row, (even, odd)) in rows.iter_mut().zip(even.iter().zip(odd)) {
                            row.superblock[sum][lane] += even.to_f64() + odd.to_f64();
                        }
                    } else {
                        let (even_high, odd_high) = (place(lane + WIDE), place(T::WIDTH + lane + WIDE));
                        let high = even_high.iter().zip(odd_high);
                        for (row, ((even, odd), (even_high, odd_high))) in rows.iter_mut().zip(even.iter().zip(odd).zip(high)) {
                            row.superblock[sum][lane] +=
                                (even.to_f64() + even_high.to_f64()) + (odd.to_f64() + odd_high.to_f64());
                        }
                    }
                }
            }
            for row in rows {
                row.next_block(self.used);
            }
        }
        for (row, sign) in rows.iter_mut().zip(&self.signs) {
            row.signs |= u64::from(sign.to_f64().is_sign_negative());
        }
        self.sums.fill(T::default());
    }
}

impl Partial {
    /// The sum of two neighbours.
    #[must_use]
    pub fn combine(&self, other: &Self) -> Self {
        let mut sums = self.sums;
        for (sum, &more) in sums.iter_mut().zip(&other.sums) {
            *sum += more;
        }
        Self { sums, signed: self.signed || other.signed }
    }
}

impl RowSums {
    /// Puts the sums of a row into a lane.
    pub fn set(&mut self, lane: usize, row: &Partial) {
        self.p[lane] = row.sums[0];
        self.d[lane] = row.sums[1];
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
    /// See [`Sums::residual`].
    pub residual: [f64; WIDE],
}

/// The next entries of p and q, as they are stored.
#[derive(Clone, Copy, Debug)]
pub enum Run<'a, T> {
    /// In the compute type.
    Real([&'a [T]; 2]),
    /// In half floats that are computed in `f32`.
    F16([&'a [F16]; 2]),
    /// The same.
    BF16([&'a [BF16]; 2]),
}

/// What a kernel reads as `T`.
trait Entry<T: Real>: Copy {
    /// A vector, or what there is of one and zeros.
    fn load<S: Simd>(simd: S, run: &[Self]) -> T::Lanes<S>;
}

impl<T: Real> Entry<T> for T {
    #[inline(always)]
    fn load<S: Simd>(simd: S, run: &[Self]) -> T::Lanes<S> {
        Lanes::load_some(simd, run)
    }
}

impl<T: Real> Entry<T> for F16 {
    #[inline(always)]
    fn load<S: Simd>(simd: S, run: &[Self]) -> T::Lanes<S> {
        Lanes::load_halves(simd, run)
    }
}

impl<T: Real> Entry<T> for BF16 {
    #[inline(always)]
    fn load<S: Simd>(simd: S, run: &[Self]) -> T::Lanes<S> {
        Lanes::load_halves(simd, run)
    }
}

/// A divergence, ready to be driven.
pub trait Kernel<T: Real>: Send + Sync {
    /// 1 for functions of p alone, which get p as q.
    fn operands(&self) -> usize;

    /// How many terms it has.
    fn terms(&self) -> usize;

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
}

/// What makes an object of a divergence with `N` terms.
///
/// A blanket implementation for all `Divergence<N>` would leave `N` unconstrained, so the formula travels in this.
pub(crate) struct Compiled<D, const N: usize>(pub(crate) D);

impl<T: Real, D: Divergence<N>, const N: usize> Kernel<T> for Compiled<D, N> {
    fn operands(&self) -> usize {
        self.0.operands()
    }

    fn terms(&self) -> usize {
        N
    }

    fn ceiling(&self, log_base: f64) -> f64 {
        self.0.ceiling(log_base)
    }

    fn sweep(&self, level: Level, row: &mut Accumulator, run: Run<T>, scale: Scale<T>) {
        dispatch!(level, simd => match run {
            Run::Real(entries) => sweep(simd, &self.0, row, entries, scale),
            Run::F16(entries) => sweep(simd, &self.0, row, entries, scale),
            Run::BF16(entries) => sweep(simd, &self.0, row, entries, scale),
        });
    }

    fn columns(&self, level: Level, columns: &mut Columns<T>, entries: [&[&[T]]; 2], ahead: [&[&[T]]; 2], scales: &[Scale<T>]) {
        dispatch!(level, simd => add_columns(simd, &self.0, columns, entries, ahead, scales));
    }

    fn short(&self, level: Level, length: usize, p: &[T], q: &[T], scales: &[Scale<T>], out: &mut [RowSums]) {
        dispatch!(level, simd => {
            let rows = p.chunks_exact(length * T::WIDTH).zip(q.chunks_exact(length * T::WIDTH));
            for (i, ((p, q), out)) in rows.zip(out.chunks_mut(T::WIDTH / WIDE)).enumerate() {
                let scales = if scales.len() == 1 { scales } else { &scales[i * T::WIDTH..][..T::WIDTH] };
                short(simd, &self.0, p, q, scales, out);
            }
        });
    }

    fn values(&self, level: Level, rows: &RowSums, finish: &Finish, log_base: Option<f64>) -> [f64; WIDE] {
        dispatch!(level, simd => values(simd, &self.0, rows, finish, log_base))
    }
}

/// `Scale` in lanes.
#[derive(Clone, Copy)]
struct Scales<V> {
    p: V,
    q: V,
    unit: V,
    dominant: V,
    normalizing: bool,
}

/// Sums of one vector's worth of entries: Σp, Σd and the terms, and the sign bits seen.
#[derive(Clone, Copy)]
struct Step<V, const N: usize> {
    p: V,
    d: V,
    terms: [V; N],
    signs: V,
}

impl<V: Lanes, const N: usize> Step<V, N> {
    #[inline(always)]
    fn zero(simd: V::Simd) -> Self {
        let zero = V::splat(simd, V::Scalar::default());
        Self { p: zero, d: zero, terms: [zero; N], signs: zero }
    }

    /// The sums as they were stored; no signs.
    #[inline(always)]
    fn load(simd: V::Simd, stored: &[V::Scalar]) -> Self {
        let mut step = Self::zero(simd);
        let (p, stored) = stored.split_at(V::Scalar::WIDTH);
        let (d, stored) = stored.split_at(V::Scalar::WIDTH);
        step.p = V::load(simd, p);
        step.d = V::load(simd, d);
        for (term, stored) in step.terms.iter_mut().zip(stored.chunks_exact(V::Scalar::WIDTH)) {
            *term = V::load(simd, stored);
        }
        step
    }

    /// Stores the sums.
    #[inline(always)]
    fn store(self, stored: &mut [V::Scalar]) {
        let (p, stored) = stored.split_at_mut(V::Scalar::WIDTH);
        let (d, stored) = stored.split_at_mut(V::Scalar::WIDTH);
        self.p.store(p);
        self.d.store(d);
        for (term, stored) in self.terms.into_iter().zip(stored.chunks_exact_mut(V::Scalar::WIDTH)) {
            term.store(stored);
        }
    }

    /// Adds the entries `p`, `q` as they were read.
    #[inline(always)]
    fn add<D: Divergence<N>>(&mut self, divergence: &D, p: V, q: V, scale: Scales<V>) {
        self.signs = self.signs.or_bits(p.or_bits(q));
        let p = p * scale.p;
        let d = q.fma(scale.q, -p);
        let q = q * scale.q;
        let terms =
            divergence.terms(Pair { p, q, d, unit: scale.unit, dominant: scale.dominant, normalizing: scale.normalizing });
        self.p = self.p + p;
        self.d = self.d + d;
        for (sum, term) in self.terms.iter_mut().zip(terms) {
            *sum = *sum + term;
        }
    }
}

#[inline(always)]
fn sweep<S: Simd, T: Real, E: Entry<T>, D: Divergence<N>, const N: usize>(
    simd: S,
    divergence: &D,
    row: &mut Accumulator,
    [p, q]: [&[E]; 2],
    scale: Scale<T>,
) {
    let scale = scales_of(simd, &[scale]);
    let mut signs = T::Lanes::splat(simd, T::default());
    for (p, q) in p.chunks(block::<T>()).zip(q.chunks(block::<T>())) {
        let mut even = Step::<T::Lanes<S>, N>::zero(simd);
        let mut odd = even;
        let (mut p_steps, mut q_steps) = (p.chunks_exact(2 * T::WIDTH), q.chunks_exact(2 * T::WIDTH));
        for (p, q) in (&mut p_steps).zip(&mut q_steps) {
            for entries in [p, q] {
                for line in (0..size_of_val(entries)).step_by(CACHE_LINE) {
                    prefetch(entries.as_ptr().wrapping_byte_add(PREFETCH + line));
                }
            }
            let (p_even, p_odd) = p.split_at(T::WIDTH);
            let (q_even, q_odd) = q.split_at(T::WIDTH);
            even.add(divergence, E::load(simd, p_even), E::load(simd, q_even), scale);
            odd.add(divergence, E::load(simd, p_odd), E::load(simd, q_odd), scale);
        }
        // What is left of a step: padding adds nothing, so a vector of nothing else is left out.
        let mut left = p_steps.remainder().chunks(T::WIDTH).zip(q_steps.remainder().chunks(T::WIDTH));
        for step in [&mut even, &mut odd] {
            if let Some((p, q)) = left.next() {
                step.add(divergence, E::load(simd, p), E::load(simd, q), scale);
            }
        }
        signs = signs.or_bits(even.signs.or_bits(odd.signs));
        add(simd, &mut row.superblock[0], even.p.fold(odd.p));
        add(simd, &mut row.superblock[1], even.d.fold(odd.d));
        for (sum, (even, odd)) in row.superblock[2..].iter_mut().zip(even.terms.into_iter().zip(odd.terms)) {
            add(simd, sum, even.fold(odd));
        }
        row.next_block(2 + N);
    }
    row.signs |= signs.signs();
}

#[inline(always)]
fn add<S: Simd>(simd: S, sum: &mut [f64; WIDE], more: Wide<S>) {
    (Wide::load(simd, sum) + more).store(sum);
}

#[inline(always)]
fn add_columns<S: Simd, T: Real, D: Divergence<N>, const N: usize>(
    simd: S,
    divergence: &D,
    columns: &mut Columns<T>,
    [p, q]: [&[&[T]]; 2],
    ahead: [&[&[T]]; 2],
    scales: &[Scale<T>],
) {
    let rows = p[0].len();
    for (vector, first) in (0..rows).step_by(T::WIDTH).enumerate() {
        let lanes = first..rows.min(first + T::WIDTH);
        let scale = scales_of(simd, if scales.len() > 1 { &scales[lanes.clone()] } else { scales });
        let size = (2 + N) * T::WIDTH;
        let places = columns.sums[vector * 2 * T::WIDTH * size..].chunks_mut(size);
        let mut signs = T::Lanes::<S>::load(simd, &columns.signs[first..first + T::WIDTH]);
        for (place, (sums, (p, q))) in places.zip(p.iter().zip(q)).enumerate() {
            for column in ahead.iter().filter_map(|ahead| ahead.get(place)) {
                prefetch(column.as_ptr().wrapping_add(first));
            }
            let mut step = Step::<T::Lanes<S>, N>::load(simd, sums);
            step.add(divergence, Lanes::load_some(simd, &p[lanes.clone()]), Lanes::load_some(simd, &q[lanes.clone()]), scale);
            step.store(sums);
            signs = Lanes::or_bits(signs, step.signs);
        }
        signs.store(&mut columns.signs[first..first + T::WIDTH]);
    }
}

/// The scales of as many rows as there are lanes, or of one for all.
#[inline(always)]
fn scales_of<S: Simd, T: Real>(simd: S, scales: &[Scale<T>]) -> Scales<T::Lanes<S>> {
    Scales {
        p: gather(simd, scales, |scale| scale.p),
        q: gather(simd, scales, |scale| scale.q),
        unit: gather(simd, scales, |scale| scale.unit),
        dominant: gather(simd, scales, |scale| scale.dominant),
        normalizing: scales.iter().any(|scale| scale.dominant.to_f64().is_finite()),
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
fn short<S: Simd, T: Real, D: Divergence<N>, const N: usize>(
    simd: S,
    divergence: &D,
    p: &[T],
    q: &[T],
    scales: &[Scale<T>],
    out: &mut [RowSums],
) {
    let scale = scales_of(simd, scales);
    let parts = T::Lanes::<S>::PARTS;
    let mut signs = 0;
    let mut wide = [[Wide::splat(simd, 0.0); MAX_SUMS]; 2];
    for (p, q) in p.chunks(STEPS * T::WIDTH).zip(q.chunks(STEPS * T::WIDTH)) {
        let mut step = Step::<T::Lanes<S>, N>::zero(simd);
        for (p, q) in p.chunks_exact(T::WIDTH).zip(q.chunks_exact(T::WIDTH)) {
            step.add(divergence, Lanes::load(simd, p), Lanes::load(simd, q), scale);
        }
        signs |= step.signs.signs();
        for (part, wide) in wide.iter_mut().enumerate().take(parts) {
            wide[0] += step.p.part(part);
            wide[1] += step.d.part(part);
            for (sum, term) in wide[2..].iter_mut().zip(step.terms) {
                *sum += term.part(part);
            }
        }
    }
    for (part, (rows, wide)) in out.iter_mut().zip(wide).enumerate().take(parts) {
        wide[0].store(&mut rows.p);
        wide[1].store(&mut rows.d);
        for (stored, sum) in rows.terms.iter_mut().zip(&wide[2..]).take(N) {
            sum.store(stored);
        }
        rows.signs = signs.to_le_bytes()[part];
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
    let mut terms = [Wide::splat(simd, 0.0); N];
    for (lanes, sums) in terms.iter_mut().zip(&rows.terms) {
        *lanes = Wide::load(simd, sums);
    }
    let mut values = [0.0; WIDE];
    let sums = Sums {
        terms,
        total: Wide::load(simd, &finish.total),
        residual: Wide::load(simd, &finish.residual),
        log_base: log_base.map(|log_base| Wide::splat(simd, log_base)),
    };
    divergence.value(sums).store(&mut values);
    values
}
