//! What is written for each entry: derivatives, and terms.

use super::{Scale, add, scales_of};
use crate::divergence::{Divergence, Partials};
use crate::lanes::{Lanes, Real, Simd, WIDE, Wide};

/// What is written entry by entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Each {
    /// The first term.
    Terms,
    /// The derivatives.
    Partials,
}

/// Where it goes.
#[derive(Debug)]
pub enum Output<'o, T> {
    /// To the entry's place, for p and for q as far as it is wanted.
    Entries([Option<&'o mut [T]>; 2]),
    /// Into the sums of the moments.
    Moments(&'o mut [[f64; WIDE]; 2]),
}

/// What [`Kernel::each`] needs to know of a row.
#[derive(Clone, Copy, Debug)]
pub struct EachRow {
    /// What is written.
    pub each: Each,
    /// See [`Chain::within`].
    pub within: f64,
    /// What is taken from the derivatives with respect to p and to q,
    pub means: [f64; 2],
    /// and what they are multiplied with then.
    pub factors: [f64; 2],
}

#[inline(always)]
pub(super) fn partials<S: Simd, T: Real, D: Divergence<N>, const N: usize>(
    simd: S,
    divergence: &D,
    [p, q]: [&[T]; 2],
    scale: Scale<T>,
    row: &EachRow,
    output: Output<T>,
) {
    let splat = |value: f64| T::Lanes::<S>::splat(simd, T::from_f64(value));
    let (within, means, factors) = (splat(row.within), row.means.map(splat), row.factors.map(splat));
    let scale = scales_of(simd, &[scale], scale.is_normalizing());
    let (mut out, sums) = match output {
        Output::Entries(out) => (out, None),
        Output::Moments(sums) => ([None, None], Some(sums)),
    };
    let mut wide = [Wide::splat(simd, 0.0); 2];
    for (i, (p, q)) in p.chunks(T::WIDTH).zip(q.chunks(T::WIDTH)).enumerate() {
        let x = scale.pair::<D, N>(Lanes::load_some(simd, p), Lanes::load_some(simd, q));
        let Partials { by, moments } = divergence.partials(x, within);
        let zero = x.p.constant(0.0);
        // Entries that are 0 in both operands, where there are two, have nothing to say.
        let nothing = if divergence.operands() == 1 { x.p.constant(-1.0) } else { zero };
        let nothing = x.p.equals(nothing) & x.q.equals(nothing);
        if sums.is_some() {
            for (sum, moment) in wide.iter_mut().zip(moments) {
                let moment = Lanes::select(nothing, zero, moment);
                for part in 0..T::Lanes::<S>::PARTS {
                    *sum += moment.part(part);
                }
            }
        }
        for (which, out) in out.iter_mut().enumerate() {
            let Some(out) = out else { continue };
            // An infinite derivative stays so, also beside an infinite mean.
            let is_infinite = by[which].abs().equals(x.p.constant(f64::INFINITY));
            let less = Lanes::select(is_infinite, by[which], by[which] - means[which]);
            Lanes::select(nothing, zero, less.times(factors[which])).store_some(&mut out[i * T::WIDTH..][..p.len()]);
        }
    }
    if let Some(sums) = sums {
        for (sums, wide) in sums.iter_mut().zip(wide) {
            add(simd, sums, wide);
        }
    }
}

#[inline(always)]
pub(super) fn terms<S: Simd, T: Real, D: Divergence<N>, const N: usize>(
    simd: S,
    divergence: &D,
    [p, q]: [&[T]; 2],
    scale: Scale<T>,
    row: &EachRow,
    output: Output<T>,
) {
    let Output::Entries([Some(out), _]) = output else { return };
    let factor = T::Lanes::<S>::splat(simd, T::from_f64(row.factors[0]));
    let scale = scales_of(simd, &[scale], scale.is_normalizing());
    for ((p, q), out) in p.chunks(T::WIDTH).zip(q.chunks(T::WIDTH)).zip(out.chunks_mut(T::WIDTH)) {
        let (p, q) = (<T::Lanes<S> as Lanes>::load_some(simd, p), <T::Lanes<S> as Lanes>::load_some(simd, q));
        let mut x = scale.pair::<D, N>(p, q);
        if !D::EXACT_SCALE && scale.normalizing {
            // A term sees the rounding of the factor to first order, where the sum of all does not.
            x.d = q.fma(scale.q_low, x.d);
        }
        if let Some(&term) = divergence.terms(x).first() {
            (term / x.unit * factor).store_some(out);
        }
    }
}
