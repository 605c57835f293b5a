//! The power family: Cressie and Read's divergences, which are Amari's, and on them Tsallis' and Rényi's.

use super::{Chain, Divergence, Log, Overflow, Pair, Partials, Rows, Sums};
use crate::lanes::{Lanes, exp, ln};

/// What is made of the sum.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Of {
    /// D_a, or a D_a: the sum itself.
    Powers,
    /// Rényi's divergence, a logarithm of it.
    Logarithm,
}

/// Arguments x below which ln(1 + x) is x.
const SMALL: f64 = 1e-17;
/// Arguments above which it is not computed.
const LARGE: f64 = 1e300;

/// D_a(p, q) = (Σ p^a q^(1-a) - a p - (1-a) q) / (a (a-1)), whose terms are non-negative, and what is made of it.
///
/// Near a = 0 and a = 1 and near equality this is a difference of nearly equal numbers over a small one. With a >= 1/2 (else p and q
/// are swapped, and a becomes 1 - a), e = a - 1, L = ln(p/q) and φ(x) = (e^x - 1 - x)/x,
///
/// ```text
/// (1 + e) D_a = Σ [p ln(p/q) - p + q] + p L φ(e L)
/// ```
///
/// has no difference at all for e >= 0, and one that costs at most a factor of 3 in accuracy for e in [-1/2, 0). At e = 0 it is the
/// Kullback-Leibler divergence. The error of L is multiplied by a L in the power, which is what the bound says.
///
/// Zeros have the limits: p = 0 adds q/(1+e); q = 0 < p adds p/(-e) for e < 0, else +inf. Rényi's and Tsallis' divergences are made of
/// a D_a, which is finite for any small a. Rényi: ln(1 + a (a-1) D_a)/(a - 1), and for a < 1 and little overlap from Σ p^a q^(1-a), which
/// is then the smaller number; for a < 1 both are relative to a Σp + (1-a) Σq. Normalised, large orders see the rounding of Σp/Σq to first
/// order, so that factor is made exact.
///
/// N. Cressie and T. R. C. Read, "Multinomial goodness-of-fit tests", J. R. Statist. Soc. B 46 (1984); S. Amari,
/// "Differential-Geometrical Methods in Statistics" (1985); C. Tsallis, "Possible generalization of Boltzmann-Gibbs statistics",
/// J. Stat. Phys. 52 (1988); A. Rényi, "On measures of entropy and information", Proc. 4th Berkeley Symp. Math. Statist. Prob. 1 (1961).
#[derive(Clone, Copy)]
pub(crate) struct Power {
    /// a - 1, at least -1/2, of the operands as they are swapped.
    e: f64,
    swapped: bool,
    /// What (1 + e) D_a is multiplied with.
    factor: f64,
    /// What p adds, relative to it, where q = 0.
    without_q: f64,
    /// Weight of D_a in the value: 1, or a.
    weight: f64,
    of: Of,
}

impl Power {
    /// By λ = a - 1.
    pub(crate) fn cressie_read(lambda: f64) -> Self {
        Self::new(lambda, -(lambda + 1.0), 1.0, Of::Powers)
    }

    /// By Amari's α, with a = (1 - α)/2.
    pub(crate) fn amari(alpha: f64) -> Self {
        // Halves first: 1 + α of the largest numbers is infinite.
        Self::new(-0.5 - 0.5 * alpha, 0.5 * alpha - 0.5, 1.0, Of::Powers)
    }

    /// a D_a for a >= 0.
    pub(crate) fn tsallis(a: f64) -> Self {
        Self::new(a - 1.0, -a, a, Of::Powers)
    }

    /// Rényi's divergence of an order that is positive and finite.
    pub(crate) fn renyi(a: f64) -> Self {
        Self { of: Of::Logarithm, ..Self::tsallis(a) }
    }

    /// `e` = a - 1 and `reverse` = -a are given both, since each is exact where it is small.
    fn new(e: f64, reverse: f64, weight: f64, of: Of) -> Self {
        let swapped = e < -0.5;
        let e = if swapped { reverse } else { e };
        let factor = weight / (1.0 + e);
        let without_q = if e < 0.0 { weight / -e } else { f64::INFINITY };
        Self { e, swapped, factor, without_q, weight, of }
    }

    /// The divergence of a sum of powers that is beyond floats, relative to e^(e L) of the largest L.
    pub(crate) fn relative(self, largest: f64) -> RelativePower {
        RelativePower { power: self, largest }
    }

    /// a and a - 1, of the operands as they are given.
    #[inline(always)]
    fn orders(&self) -> [f64; 2] {
        if self.swapped { [-self.e, -1.0 - self.e] } else { [1.0 + self.e, self.e] }
    }

    /// Whether the largest ratio is that of p to q, or of q to p.
    pub(crate) fn is_swapped(self) -> bool {
        self.swapped
    }

    /// Whether powers may be beyond floats.
    pub(crate) fn can_overflow(self) -> bool {
        self.e > 0.0
    }

    /// Whether an infinite ratio makes it infinite.
    pub(crate) fn sees_infinity(self) -> bool {
        self.e >= 0.0
    }

    /// p^a q^(1-a) e^-shift of a pair of logits, which is in range where p or q are not.
    #[inline(always)]
    fn power_of_logits<V: Lanes>(&self, log: Log<V>, shift: V) -> V {
        let [_, less_one] = self.orders();
        let power = exp::exp(log.ratio.fma(shift.constant(less_one), log.of_p) - shift);
        V::select(log.ratio.abs().equals(shift.constant(f64::INFINITY)), shift.constant(0.0), power)
    }

    #[inline(always)]
    fn terms_of_logits<V: Lanes>(&self, x: Pair<V>, log: Log<V>) -> [V; 2] {
        let (zero, infinity) = (x.p.constant(0.0), x.p.constant(f64::INFINITY));
        let (p, q, ratio, excess) = if self.swapped {
            (x.q, x.p, -log.ratio, x.d.times(-log.ratio) - log.excess)
        } else {
            (x.p, x.q, log.ratio, log.excess)
        };
        let factor = p.constant(self.factor);
        let exponent = ratio * p.constant(self.e);
        let near = (p * ratio).fma(exp::rest_over(exponent), excess);
        // Far away p L φ(e L) and the excess take p L from each other, and the power may be in range where p is not.
        let power = self.power_of_logits(log, zero);
        let far = (power * x.unit - p) / p.constant(self.e) - p + q;
        let is_far = if self.e == 0.0 { zero } else { exponent.abs() }.exceeds(p.constant(1.0));
        let term = factor * V::select(is_far, far, near);
        let term = V::select(ratio.equals(infinity), p.times(p.constant(self.without_q)), term);
        let term = V::select(ratio.equals(-infinity), factor * q, term);
        [term, V::select(power.equals(infinity), zero, power * x.unit)]
    }

    /// Of Rényi's divergence, the moments less their mean: a/(a-1) (w - p) and q - w, with w = p^a q^(1-a) over its sum.
    #[inline(always)]
    fn partials_of_logits<V: Lanes>(&self, x: Pair<V>, log: Log<V>, within: V) -> Partials<V> {
        let constant = |value: f64| within.constant(value);
        let (zero, one, infinity) = (constant(0.0), constant(1.0), constant(f64::INFINITY));
        let ([a, less_one], [p, q]) = (self.orders(), x.shares());
        if less_one == 0.0 {
            return Partials { by: [zero; 2], moments: [p.times(log.ratio - within), x.d / x.unit] };
        }
        let shift = within * constant(less_one);
        let power = self.power_of_logits(log, shift);
        let apart = log.ratio - within;
        let exponent = apart * constant(less_one);
        let near = p * constant(a) * apart * exp::expm1_over(exponent);
        let is_far = V::select(log.ratio.abs().equals(infinity), one, exponent.abs()).exceeds(constant(0.5));
        let by_p = V::select(is_far, constant(a / less_one) * (power - p), near);
        let exponent = log.ratio.fma(constant(a), -shift);
        let is_far = V::select(log.ratio.abs().equals(infinity), one, exponent.abs()).exceeds(constant(0.5));
        let by_q = V::select(is_far, q - power, -(q * exp::expm1(exponent)));
        Partials { by: [zero; 2], moments: [by_p, by_q] }
    }

    #[inline(always)]
    fn operands<V: Lanes>(&self, x: Pair<V>) -> (V, V, Option<V>) {
        let (p, q, d) = if self.swapped { (x.q, x.p, -x.d) } else { (x.p, x.q, x.d) };
        (p, q, x.normalizing.then_some(d))
    }
}

/// What derivatives are where one of the two is 0.
#[derive(Clone, Copy)]
struct Limits<M> {
    no_p: M,
    no_q: M,
}

impl<M: Copy> Limits<M> {
    #[inline(always)]
    fn or<V: Lanes<Mask = M>>(&self, inner: V, [without_p, without_q]: [f64; 2]) -> V {
        let [without_p, without_q] = [inner.constant(without_p), inner.constant(without_q)];
        V::select(self.no_p, without_p, V::select(self.no_q, without_q, inner))
    }
}

impl Divergence<2> for Power {
    const OVERFLOW: Overflow = Overflow::Relative;
    const EXACT_SCALE: bool = true;
    const GRADIENT: bool = true;
    const ROWS: Rows = Rows::BothWide;

    #[inline(always)]
    fn terms<V: Lanes>(&self, x: Pair<V>) -> [V; 2] {
        if let Some(log) = x.log {
            return self.terms_of_logits(x, log);
        }
        let (p, q, d) = self.operands(x);
        let (log, excess) = ln::log_and_excess(p, q, d);
        let exponent = log * p.constant(self.e);
        let factor = p.constant(self.factor);
        let term = factor * (p * log).fma(exp::rest_over(exponent), excess);
        let power = if self.of == Of::Logarithm { p * exp::exp(exponent) } else { p };
        if x.positive {
            return [term, power];
        }
        let zero = p.constant(0.0);
        let (no_p, no_q) = (p.equals(zero), q.equals(zero));
        let term = V::select(no_q, p * p.constant(self.without_q), term);
        [V::select(no_p, V::select(no_q, zero, factor * q), term), V::select(no_p | no_q, zero, power)]
    }

    #[inline(always)]
    fn value<V: Lanes>(&self, sums: Sums<V, 2>) -> V {
        let [terms, powers] = sums.terms;
        let constant = |value: f64| terms.constant(value);
        let value = (terms / sums.total).non_negative();
        if self.of == Of::Powers {
            return value;
        }
        let [order, less_one] = self.orders();
        if less_one >= 0.0 {
            let apart = value * constant(less_one);
            let log = V::select(constant(SMALL).exceeds(apart), value, ln::log1p(apart) / constant(less_one));
            // 1 + x of the largest floats is no number to take a logarithm of; the row is computed as one that is beyond.
            let infinite = constant(f64::INFINITY);
            let is_beyond = value.equals(infinite) | apart.exceeds(constant(LARGE));
            return sums.in_units(V::select(is_beyond, infinite, log));
        }
        let mean = (constant(order) * sums.masses[0] + constant(1.0 - order) * sums.masses[1]) / sums.total;
        let apart = value * constant(less_one) / mean;
        let zero = constant(0.0);
        let overlap = powers / sums.total;
        let far =
            V::select(overlap.equals(zero), constant(f64::INFINITY), ln::log_ratio(overlap, mean, None) / constant(-less_one));
        let near = ln::log1p(apart) / constant(less_one);
        let near = V::select(constant(SMALL).exceeds(apart.abs()), value / mean, near);
        let log = V::select(apart.exceeds(constant(-0.5)), near, far).non_negative();
        sums.in_units(V::select(value.equals(constant(f64::INFINITY)), value, log))
    }

    /// For Rényi's divergence ln Σ p^a q^(1-a); when normalizing, the value itself.
    #[inline(always)]
    fn chain<V: Lanes>(&self, sums: Sums<V, 2>, value: V) -> Chain<V> {
        let one = value.constant(1.0);
        let nats = sums.in_nats(value);
        if self.of == Of::Powers || sums.normalizing {
            return Chain { factor: one, within: nats };
        }
        // Σ p^a q^(1-a) = a Σp + (1-a) Σq + (a-1) a D_a: near 1, only the difference from 1 is known well enough.
        let [a, less_one] = self.orders().map(|order| value.constant(order));
        let mean = (a * sums.masses[0] - less_one * sums.masses[1]) / sums.total - one;
        let [terms, powers] = sums.terms;
        let apart = (less_one * terms / sums.total) + mean;
        let near = value.constant(0.5).exceeds(apart.abs());
        let log = V::select(near, ln::log1p(apart), ln::log_ratio(sums.total, powers, None));
        let infinity = value.constant(f64::INFINITY);
        let infinite = powers.equals(infinity) | value.equals(infinity);
        Chain { factor: one, within: V::select(infinite, nats * less_one, log) }
    }

    #[inline(always)]
    fn partials<V: Lanes>(&self, x: Pair<V>, within: V) -> Partials<V> {
        if let Some(log) = x.log {
            return self.partials_of_logits(x, log, within);
        }
        let (p, q, zero) = (x.p, x.q, x.p.constant(0.0));
        let log = ln::log_ratio(q, p, x.normalizing.then_some(-x.d));
        let [a, less_one] = self.orders();
        let [of_a, of_less_one] = [a, less_one].map(|order| p.constant(order));
        let (no_p, no_q) = (p.equals(zero), q.equals(zero));
        // `inner` where both are positive, and the limits for p = 0 and for q = 0.
        let limits = Limits { no_p, no_q };
        let (inf, weight) = (f64::INFINITY, self.weight);
        if self.of == Of::Powers || less_one == 0.0 {
            // (r^c - 1)/c of r = p/q, at r = 0 and at infinity.
            let ends = |c: f64| [if c > 0.0 { -1.0 / c } else { -inf }, if c < 0.0 { -1.0 / c } else { inf }];
            let weights = p.constant(weight);
            let growth_p = weights * log * exp::expm1_over(of_less_one * log);
            let growth_q = weights * log * exp::expm1_over(of_a * log);
            let by_p = limits.or(growth_p, ends(less_one).map(|end| weight * end));
            let by_q = limits.or(-growth_q, ends(a).map(|end| -weight * end));
            let [share_p, share_q] = x.shares();
            // Limits of p and q times the derivatives, p r^(a-1) - p and q r^a - q.
            let at_no_p = match a {
                a if a > 0.0 => zero,
                a if a < 0.0 => p.constant(-inf),
                _ => -(weights * share_q),
            };
            let at_no_q = match less_one {
                c if c < 0.0 => zero,
                c if c > 0.0 => p.constant(-inf),
                _ => -(weights * share_p),
            };
            // Rényi's of order 1 is the Kullback-Leibler divergence by its textbook formula.
            let by_p = if self.of == Of::Logarithm { by_p + p.constant(1.0) } else { by_p };
            let by_q = if self.of == Of::Logarithm { by_q - p.constant(1.0) } else { by_q };
            // Where a power of r is beyond floats, that times the share is not: p r^(a-1) = q r^a.
            let one = p.constant(1.0);
            let far_p = (share_q * exp::exp(of_a * log) - share_p) * p.constant(weight / less_one);
            let far_q = (share_q - share_p * exp::exp(of_less_one * log)) * p.constant(weight / a);
            let [far_p, far_q] = if self.of == Of::Logarithm { [far_p + share_p, far_q - share_q] } else { [far_p, far_q] };
            let moment_p = share_p * by_p;
            let moment_p = if less_one < 0.0 { V::select((of_less_one * log).exceeds(one), far_p, moment_p) } else { moment_p };
            let moment_q = share_q * by_q;
            let moment_q = if a > 0.0 { V::select((of_a * log).exceeds(one), far_q, moment_q) } else { moment_q };
            return Partials {
                by: [by_p, by_q],
                moments: [
                    V::select(no_p, at_no_p, V::select(no_q, share_p * by_p, moment_p)),
                    V::select(no_q, at_no_q, V::select(no_p, share_q * by_q, moment_q)),
                ],
            };
        }
        if x.normalizing {
            // What all entries share, a/(a-1) and -1, is left out, and with it the moments: within is the value, ln S/(a-1).
            let apart = log - within;
            let exponent = of_less_one * apart;
            let far = exp::expm1(exponent) / of_less_one;
            let growth = V::select(exponent.abs().exceeds(p.constant(1.0)), far, apart * exp::expm1_over(exponent));
            let end = -a / less_one;
            let by_p = limits.or(of_a * growth, if less_one > 0.0 { [end, inf] } else { [-inf, end] });
            let by_q = limits.or(-exp::expm1(of_a.fma(log, -(of_less_one * within))), [1.0, -inf]);
            return Partials { by: [by_p, by_q], moments: [zero; 2] };
        }
        let by_p = p.constant(a / less_one) * exp::exp(of_less_one.fma(log, -within));
        let by_p = limits.or(by_p, if less_one > 0.0 { [0.0, inf] } else { [-inf, 0.0] });
        let by_q = limits.or(-exp::exp(of_a.fma(log, -within)), [0.0, -inf]);
        Partials { by: [by_p, by_q], moments: [zero; 2] }
    }
}

/// A [`Power`] for rows whose powers are beyond floats, from Σ p e^(e (L - largest L)), which is between the smallest probability and 1.
pub(crate) struct RelativePower {
    power: Power,
    largest: f64,
}

impl Divergence<1> for RelativePower {
    const EXACT_SCALE: bool = true;

    #[inline(always)]
    fn terms<V: Lanes>(&self, x: Pair<V>) -> [V; 1] {
        let (p, q, d) = self.power.operands(x);
        let exponent = (ln::log_ratio(q, p, d.map(|d| -d)) - p.constant(self.largest)) * p.constant(self.power.e);
        let zero = p.constant(0.0);
        [V::select(p.equals(zero) | q.equals(zero), zero, p * exp::exp(exponent))]
    }

    #[inline(always)]
    fn value<V: Lanes>(&self, sums: Sums<V, 1>) -> V {
        let [powers] = sums.terms;
        let Power { e, factor, of, .. } = self.power;
        let log = ln::log_ratio(sums.total, powers, None);
        if of == Of::Logarithm {
            return sums.in_units((log / log.constant(e) + log.constant(self.largest)).non_negative());
        }
        // The rest of D_a is too small beside the powers to be seen.
        exp::exp(log + log.constant(e * self.largest + ln::ln(factor) - ln::ln(e)))
    }
}

/// The largest ln p^a q^(1-a) of a row of logits, for sums of powers that are beyond floats.
///
/// A maximum is one of positive numbers: at first 1 + x of an x >= 0 and 1/(1 - x) of others, which tell about where it is; then the
/// difference from a number just below it, which is exact. 0 stands for a row that has none, infinity for an infinite one.
pub(crate) struct LargestPower {
    pub(crate) power: Power,
    pub(crate) base: Option<f64>,
}

impl LargestPower {
    /// A number just below the largest, from what the first of the two sweeps found.
    pub(crate) fn base(found: f64) -> f64 {
        let about = if found >= 1.0 { found - 1.0 } else { 1.0 - 1.0 / found };
        about - (about.abs() * 1e-14 + 1e-12)
    }
}

impl Divergence<1> for LargestPower {
    const MAXIMA: usize = 1;
    const ROWS: Rows = Rows::LogitsWide;

    #[inline(always)]
    fn terms<V: Lanes>(&self, x: Pair<V>) -> [V; 1] {
        let Some(log) = x.log else { unreachable!("{OF_LOGITS}") };
        let [_, less_one] = self.power.orders();
        let (zero, one, infinity) = (x.p.constant(0.0), x.p.constant(1.0), x.p.constant(f64::INFINITY));
        let exponent = log.ratio.fma(x.p.constant(less_one), log.of_p);
        let found = match self.base {
            None => V::select(exponent.exceeds(zero), one + exponent, one / (one + exponent.abs())),
            Some(base) => exponent - x.p.constant(base),
        };
        let without_q = if less_one < 0.0 { zero } else { infinity };
        let found = V::select(log.ratio.equals(infinity), without_q, found);
        [V::select(log.ratio.equals(-infinity), zero, found * x.unit)]
    }

    #[inline(always)]
    fn value<V: Lanes>(&self, sums: Sums<V, 1>) -> V {
        sums.terms[0]
    }
}

const OF_LOGITS: &str = "it is made of logits";

/// A Rényi divergence of logits from Σ p^a q^(1-a) e^-shift, which is in range.
pub(crate) struct ShiftedPower {
    pub(crate) power: Power,
    pub(crate) shift: f64,
}

impl Divergence<1> for ShiftedPower {
    const ROWS: Rows = Rows::LogitsWide;
    const GRADIENT: bool = true;

    #[inline(always)]
    fn terms<V: Lanes>(&self, x: Pair<V>) -> [V; 1] {
        let Some(log) = x.log else { unreachable!("{OF_LOGITS}") };
        [self.power.power_of_logits(log, x.p.constant(self.shift)) * x.unit]
    }

    #[inline(always)]
    fn value<V: Lanes>(&self, sums: Sums<V, 1>) -> V {
        let [powers] = sums.terms;
        let [_, less_one] = self.power.orders();
        let log = ln::log_ratio(sums.total, powers, None) + powers.constant(self.shift);
        sums.in_units((log / log.constant(less_one)).non_negative())
    }

    /// The moments are not relative to their means, a/(a-1) p and q, which the sums of the moments are for.
    #[inline(always)]
    fn chain<V: Lanes>(&self, sums: Sums<V, 1>, value: V) -> Chain<V> {
        Chain { factor: sums.total / sums.terms[0], within: value }
    }

    #[inline(always)]
    fn partials<V: Lanes>(&self, x: Pair<V>, _within: V) -> Partials<V> {
        let Some(log) = x.log else { unreachable!("{OF_LOGITS}") };
        let [a, less_one] = self.power.orders();
        let power = self.power.power_of_logits(log, x.p.constant(self.shift));
        Partials { by: [power; 2], moments: [power * power.constant(a / less_one), -power] }
    }
}
