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
use crate::lanes::{Lanes, Level, Real, Simd, WIDE, Wide, dispatch};

/// Entries up to which a row is short.
pub const SHORT: usize = 32;
/// Steps of a block.
pub const STEPS: usize = 8;
/// Blocks of a superblock.
const SUPERBLOCK: usize = 8;
/// Blocks of a chunk.
pub const CHUNK_BLOCKS: usize = 128;
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
    /// Adds the lanes up.
    #[must_use]
    pub fn finish(&self) -> Partial {
        let mut sums = [0.0; MAX_SUMS];
        for (sum, (chunk, superblock)) in sums.iter_mut().zip(self.chunk.iter().zip(&self.superblock)) {
            let lane = |j: usize| chunk[j] + superblock[j];
            *sum = ((lane(0) + lane(4)) + (lane(2) + lane(6))) + ((lane(1) + lane(5)) + (lane(3) + lane(7)));
        }
        Partial { sums, signed: self.signs != 0 }
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

/// A divergence, ready to be driven.
pub trait Kernel<T: Real>: Send + Sync {
    /// 1 for functions of p alone, which get p as q.
    fn operands(&self) -> usize;

    /// The largest value there is.
    fn ceiling(&self, log_base: f64) -> f64;

    /// Adds the terms of the next entries of a row, of which all slices but the last have whole blocks.
    fn sweep(&self, level: Level, row: &mut Accumulator, p: &[T], q: &[T], scale: Scale<T>);

    /// The sums of as many short rows as a vector has lanes; entry k of row j at `[k * WIDTH + j]`.
    fn short(&self, level: Level, p: &[T], q: &[T], scales: &[Scale<T>], out: &mut [RowSums]);

    /// The values of 8 rows.
    fn values(&self, level: Level, rows: &RowSums, finish: &Finish, log_base: f64) -> [f64; WIDE];
}

/// What makes an object of a divergence with `N` terms.
///
/// A blanket implementation for all `Divergence<N>` would leave `N` unconstrained, so the formula travels in this.
pub(crate) struct Compiled<D, const N: usize>(pub(crate) D);

impl<T: Real, D: Divergence<N>, const N: usize> Kernel<T> for Compiled<D, N> {
    fn operands(&self) -> usize {
        self.0.operands()
    }

    fn ceiling(&self, log_base: f64) -> f64 {
        self.0.ceiling(log_base)
    }

    fn sweep(&self, level: Level, row: &mut Accumulator, p: &[T], q: &[T], scale: Scale<T>) {
        dispatch!(level, simd => sweep(simd, &self.0, row, p, q, scale));
    }

    fn short(&self, level: Level, p: &[T], q: &[T], scales: &[Scale<T>], out: &mut [RowSums]) {
        dispatch!(level, simd => short(simd, &self.0, p, q, scales, out));
    }

    fn values(&self, level: Level, rows: &RowSums, finish: &Finish, log_base: f64) -> [f64; WIDE] {
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

    /// Adds the entries `p`, `q` as they were read.
    #[inline(always)]
    fn add<D: Divergence<N>>(&mut self, divergence: &D, p: V, q: V, scale: Scales<V>) {
        self.signs = self.signs.or_bits(p.or_bits(q));
        let p = p * scale.p;
        let d = q.fma(scale.q, -p);
        let q = q * scale.q;
        let terms = divergence.terms(Pair { p, q, d, unit: scale.unit, dominant: scale.dominant });
        self.p = self.p + p;
        self.d = self.d + d;
        for (sum, term) in self.terms.iter_mut().zip(terms) {
            *sum = *sum + term;
        }
    }
}

#[inline(always)]
fn sweep<S: Simd, T: Real, D: Divergence<N>, const N: usize>(
    simd: S,
    divergence: &D,
    row: &mut Accumulator,
    p: &[T],
    q: &[T],
    scale: Scale<T>,
) {
    let scale = Scales {
        p: T::Lanes::splat(simd, scale.p),
        q: T::Lanes::splat(simd, scale.q),
        unit: T::Lanes::splat(simd, scale.unit),
        dominant: T::Lanes::splat(simd, scale.dominant),
    };
    let mut superblock = row.superblock.map(|lanes| Wide::load(simd, &lanes));
    let mut signs = T::Lanes::splat(simd, T::default());
    for (p, q) in p.chunks(block::<T>()).zip(q.chunks(block::<T>())) {
        let mut even = Step::<T::Lanes<S>, N>::zero(simd);
        let mut odd = even;
        let (mut p_steps, mut q_steps) = (p.chunks_exact(2 * T::WIDTH), q.chunks_exact(2 * T::WIDTH));
        for (p, q) in (&mut p_steps).zip(&mut q_steps) {
            let (p_even, p_odd) = p.split_at(T::WIDTH);
            let (q_even, q_odd) = q.split_at(T::WIDTH);
            even.add(divergence, Lanes::load(simd, p_even), Lanes::load(simd, q_even), scale);
            odd.add(divergence, Lanes::load(simd, p_odd), Lanes::load(simd, q_odd), scale);
        }
        let (p, q) = (p_steps.remainder(), q_steps.remainder());
        if !p.is_empty() {
            let mut padded = [[T::default(); 32]; 2];
            padded[0][..p.len()].copy_from_slice(p);
            padded[1][..q.len()].copy_from_slice(q);
            let [p, q] = &padded;
            even.add(divergence, Lanes::load(simd, &p[..T::WIDTH]), Lanes::load(simd, &q[..T::WIDTH]), scale);
            let odd_lanes = T::WIDTH..2 * T::WIDTH;
            odd.add(divergence, Lanes::load(simd, &p[odd_lanes.clone()]), Lanes::load(simd, &q[odd_lanes]), scale);
        }
        signs = signs.or_bits(even.signs.or_bits(odd.signs));
        superblock[0] += even.p.fold(odd.p);
        superblock[1] += even.d.fold(odd.d);
        for (i, (even, odd)) in even.terms.into_iter().zip(odd.terms).enumerate() {
            superblock[2 + i] += even.fold(odd);
        }
        row.blocks += 1;
        if row.blocks.is_multiple_of(SUPERBLOCK) {
            for (chunk, superblock) in row.chunk.iter_mut().zip(&mut superblock).take(2 + N) {
                (Wide::load(simd, chunk) + *superblock).store(chunk);
                *superblock = Wide::splat(simd, 0.0);
            }
        }
    }
    for (stored, superblock) in row.superblock.iter_mut().zip(superblock).take(2 + N) {
        superblock.store(stored);
    }
    row.signs |= signs.signs();
}

/// A field of the scales of as many rows as there are lanes.
#[inline(always)]
fn gather<S: Simd, T: Real>(simd: S, scales: &[Scale<T>], field: fn(&Scale<T>) -> T) -> T::Lanes<S> {
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
    let scale = Scales {
        p: gather(simd, scales, |scale| scale.p),
        q: gather(simd, scales, |scale| scale.q),
        unit: gather(simd, scales, |scale| scale.unit),
        dominant: gather(simd, scales, |scale| scale.dominant),
    };
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
    log_base: f64,
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
        log_base: Wide::splat(simd, log_base),
    };
    divergence.value(sums).store(&mut values);
    values
}
