//! Entropies of an order: Tsallis' and Rényi's.

use super::{Chain, Divergence, Overflow, Pair, Partials, Sums};
use crate::lanes::{Lanes, exp, ln};

/// Arguments x below which ln(1 + x) is x.
const SMALL: f64 = 1e-17;

/// T_a(p) = Σ (p^a - p)/(1 - a), the Tsallis entropy, and the Rényi entropy ln(1 + (1-a) T_a)/(1-a) that is made of it.
///
/// With l = ln p <= 0 and ψ(x) = (e^x - 1)/x, a term is -w l ψ(-|a-1| |l|), w being the smaller of p and p^a: a product, so that it keeps
/// its digits near p = 1 and near a = 1, where it is -p ln p.
///
/// For a > 1 the Rényi entropy of many classes is ln(Σp^a)/(1-a), from the second sum; relative to Σp, as T_a is. Where powers are below
/// the range of floats, they are summed relative to the largest. Normalised: an entry that holds most of the mass is left out, and enters
/// by what the others hold (see the cross-entropy).
///
/// A. Rényi, "On measures of entropy and information", Proc. 4th Berkeley Symp. Math. Statist. Prob. 1 (1961); C. Tsallis, "Possible
/// generalization of Boltzmann-Gibbs statistics", J. Stat. Phys. 52 (1988).
#[derive(Clone, Copy)]
pub(crate) struct PowerEntropy {
    /// a, finite and not negative.
    order: f64,
    /// Whether it is Rényi's.
    logarithm: bool,
}

impl PowerEntropy {
    pub(crate) fn tsallis(order: f64) -> Self {
        Self { order, logarithm: false }
    }

    pub(crate) fn renyi(order: f64) -> Self {
        Self { order, logarithm: true }
    }

    /// The entropy of powers that are beyond floats, relative to that of the largest probability, whose logarithm is `largest`.
    pub(crate) fn relative(self, largest: f64) -> RelativePowerEntropy {
        RelativePowerEntropy { order: self.order, largest }
    }

    /// T_a and p^a of a probability with that logarithm, which is p in units of `unit`.
    #[inline(always)]
    fn of_log<V: Lanes>(&self, p: V, log: V, unit: V) -> [V; 2] {
        let (zero, less_one) = (p.constant(0.0), p.constant(self.order - 1.0));
        let exponent = log * less_one;
        // The smaller exponent has the smaller error.
        let power = if self.order < 0.5 { unit * exp::exp(log * p.constant(self.order)) } else { p * exp::exp(exponent) };
        let (weight, exponent) = if self.order >= 1.0 { (p, exponent) } else { (power, -exponent) };
        let term = -(weight * log * exp::expm1_over(exponent));
        let none = p.equals(zero);
        [V::select(none, zero, term), V::select(none, zero, power)]
    }
}

impl Divergence<4> for PowerEntropy {
    const OVERFLOW: Overflow = Overflow::Relative;
    const GRADIENT: bool = true;

    fn operands(&self) -> usize {
        1
    }

    fn has_gradient(&self) -> bool {
        !(self.logarithm && self.order == 0.0)
    }

    #[inline(always)]
    fn terms<V: Lanes>(&self, x: Pair<V>) -> [V; 4] {
        let zero = x.p.constant(0.0);
        let [term, power] = self.of_log(x.q, ln::log_ratio(x.unit, x.q, None), x.unit);
        if !x.normalizing {
            return [term, zero, zero, power];
        }
        let dominant = x.q.exceeds(x.dominant);
        let (term, power) = (V::select(dominant, zero, term), V::select(dominant, zero, power));
        [term, V::select(dominant, zero, x.q), V::select(dominant, x.q, zero), power]
    }

    #[inline(always)]
    fn value<V: Lanes>(&self, sums: Sums<V, 4>) -> V {
        let [terms, others, dominant, powers] = sums.terms;
        let constant = |value: f64| terms.constant(value);
        let zero = constant(0.0);
        let share = V::select(dominant.exceeds(zero), others / sums.total, zero);
        let [term, power] = self.of_log(dominant, ln::log1p(-share), sums.total);
        let entropy = ((terms + term) / sums.total).non_negative();
        if !self.logarithm {
            return entropy;
        }
        let one_less = constant(1.0 - self.order);
        if self.order <= 1.0 {
            let apart = entropy * one_less;
            return sums.in_units(V::select(constant(SMALL).exceeds(apart), entropy, ln::log1p(apart) / one_less));
        }
        let apart = entropy * one_less * sums.total / sums.masses[0];
        let powers = powers + power;
        let far = ln::log_ratio(sums.masses[0], powers, None) / one_less;
        // Below the root of the lift, some powers may have been lost that count.
        let far = V::select(sums.total.sqrt().exceeds(powers), constant(f64::INFINITY), far);
        let near = ln::log1p(apart) / one_less;
        let near = V::select(constant(SMALL).exceeds(apart.abs()), entropy * sums.total / sums.masses[0], near);
        sums.in_units(V::select(apart.exceeds(constant(-0.5)), near, far).non_negative())
    }

    /// For Rényi's entropy ln Σ p^a; when normalizing, the value itself.
    #[inline(always)]
    fn chain<V: Lanes>(&self, sums: Sums<V, 4>, value: V) -> Chain<V> {
        let (factor, nats) = (value.constant(1.0), sums.in_nats(value));
        if sums.normalizing || !self.logarithm {
            return Chain { factor, within: nats };
        }
        let [terms, _, _, powers] = sums.terms;
        let one_less = value.constant(1.0 - self.order);
        let apart = one_less * terms / sums.total + (sums.masses[0] / sums.total - value.constant(1.0));
        let near = value.constant(0.5).exceeds(apart.abs());
        let log = V::select(near, ln::log1p(apart), ln::log_ratio(sums.total, powers, None));
        Chain { factor, within: V::select(sums.total.sqrt().exceeds(powers), nats * one_less, log) }
    }

    #[inline(always)]
    #[expect(clippy::float_cmp, reason = "the orders at which formulas change are meant")]
    fn partials<V: Lanes>(&self, x: Pair<V>, within: V) -> Partials<V> {
        let log = ln::log_of(x.q, x.unit, None);
        let (order, less_one) = (x.q.constant(self.order), x.q.constant(self.order - 1.0));
        let ([_, share], zero) = (x.shares(), x.q.constant(0.0));
        if self.order == 1.0 {
            let by = -log - x.q.constant(1.0);
            return Partials { by: [by; 2], moments: [share.times(by); 2] };
        }
        let none = x.q.equals(zero);
        if !x.normalizing {
            let exponent = less_one * log;
            let exponent = if self.logarithm { exponent - within } else { exponent };
            let by = -(order / less_one).times(exp::exp(exponent));
            return Partials { by: [by; 2], moments: [zero; 2] };
        }
        // What all entries share, a/(1-a), is left out.
        let apart = if self.logarithm { log + within } else { log };
        let exponent = less_one * apart;
        let by = -(order * apart * exp::expm1_over(exponent));
        // Where p^(a-1) is beyond floats, p p^(a-1) is not.
        let powers = exp::exp(exponent + log);
        let far = (share - powers) * (order / less_one);
        let moment = V::select(exponent.exceeds(x.q.constant(1.0)), far, share * by);
        let limit = match self.order {
            order if order > 1.0 => x.q.constant(order / (order - 1.0)),
            order if order > 0.0 => x.q.constant(f64::INFINITY),
            _ => zero,
        };
        Partials { by: [V::select(none, limit, by); 2], moments: [V::select(none, zero, moment); 2] }
    }
}

/// The Rényi entropy of rows whose powers are below the range of floats.
pub(crate) struct RelativePowerEntropy {
    order: f64,
    largest: f64,
}

impl Divergence<1> for RelativePowerEntropy {
    fn operands(&self) -> usize {
        1
    }

    #[inline(always)]
    fn terms<V: Lanes>(&self, x: Pair<V>) -> [V; 1] {
        let zero = x.p.constant(0.0);
        let exponent = (ln::log_ratio(x.unit, x.q, None) - x.p.constant(self.largest)) * x.p.constant(self.order - 1.0);
        [V::select(x.q.equals(zero), zero, x.q * exp::exp(exponent))]
    }

    #[inline(always)]
    fn value<V: Lanes>(&self, sums: Sums<V, 1>) -> V {
        let [powers] = sums.terms;
        let log = ln::log_ratio(sums.masses[0], powers, None);
        sums.in_units((log / log.constant(1.0 - self.order) - log.constant(self.largest)).non_negative())
    }
}
