//! Two classes, of which one number says everything: a logit, or a probability.
//!
//! A logit x stands for the probability σ(x) of the class that is asked for; the other one has σ(-x). Softplus, ln(1 + e^x), is
//! max(x, 0) + ln(1 + e^-|x|), without cancellation, and -ln σ(x) is that of -x.
//!
//! The divergence of logits y and x is softplus(x) - softplus(y) - P h, with P = σ(y) and h = x - y. Near equality that cancels. With
//! the classes swapped where P is more than 1/2, and g = P (e^h - 1),
//!
//! ```text
//! P (e^h - 1 - h) - (g - ln(1 + g))
//! ```
//!
//! is a difference that costs a factor of 3 at most, and 7 at g = 2, beyond which the first form has what digits there are.

use super::{State, Tile, Written, difference, write};
use crate::element::{Elements, all};
use crate::kernel::logits::LogitRow;
use crate::lanes::{Lanes, Level, Real, dispatch, exp, ln, power_of_two};

/// A function of two classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Binary {
    /// The cross-entropy of targets and logits; whether the targets have weights.
    CrossEntropy(bool),
    /// The divergence of two logits.
    Logits,
    /// The divergence of two probabilities.
    Probabilities,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The values.
    Values,
    /// The derivatives with respect to both operands.
    Slopes,
}

/// Ratios of q to p, less 1 and times p, up to which the form for neighbours is used; and their logarithms.
const NEIGHBOURS: [f64; 2] = [2.0, 40.0];

struct OfTwo {
    of: Binary,
    part: Part,
}

impl Written for OfTwo {
    const PADDING: [f64; 3] = [0.0; 3];
    const HALVES: bool = false;

    #[inline(always)]
    fn of<V: Lanes>(&self, [p, q, weight]: [V; 3], row: &State<V>, _wanted: [bool; 2]) -> [V; 2] {
        let values = match (self.of, self.part) {
            (Binary::CrossEntropy(weighted), part) => {
                let positive = if weighted { p * weight } else { p };
                [cross_entropy(positive, p.constant(1.0) - p, q, part, row); 2]
            }
            (Binary::Logits, Part::Values) => [of_logits(p, q, row); 2],
            (Binary::Logits, Part::Slopes) => slopes_of_logits(p, q, row),
            (Binary::Probabilities, Part::Values) => [of_probabilities(p, q); 2],
            (Binary::Probabilities, Part::Slopes) => slopes_of_probabilities(p, q),
        };
        let nan = p.constant(f64::NAN);
        values.map(|value| {
            let value = value.times(row.factors[1]);
            V::select(value.equals(value), value, nan)
        })
    }
}

/// e^-|x|/T.
#[inline(always)]
fn decay<V: Lanes>(x: V, row: &State<V>) -> V {
    let (scaled, lost) = row.over_temperature(x.abs());
    let lost = V::select(x.abs().equals(x.constant(f64::INFINITY)), x.constant(0.0), lost);
    exp::exp(-scaled).times(x.constant(1.0) - lost)
}

/// ln(1 + e^(x/T)), given e^-|x|/T.
#[inline(always)]
fn softplus<V: Lanes>(x: V, decay: V, row: &State<V>) -> V {
    let (scaled, _) = row.over_temperature(x);
    scaled.non_negative() + ln::log1p(decay)
}

#[inline(always)]
fn cross_entropy<V: Lanes>(positive: V, negative: V, x: V, part: Part, row: &State<V>) -> V {
    let (zero, one) = (x.constant(0.0), x.constant(1.0));
    let decay = decay(x, row);
    if part == Part::Values {
        return positive.times(softplus(-x, decay, row)) + negative.times(softplus(x, decay, row));
    }
    let (greater, smaller) = (one / (one + decay), decay / (one + decay));
    let is_positive = x.exceeds(zero);
    let share = V::select(is_positive, greater, smaller);
    let other = V::select(is_positive, smaller, greater);
    negative * share - positive * other
}

/// Two logits with the classes swapped where the first is likely: P, Q and their difference, and what the value is made of.
struct Two<V: Lanes> {
    /// Whether they were swapped.
    swapped: V::Mask,
    y: V,
    x: V,
    p: V,
    /// (x - y)/T.
    h: V,
    decays: [V; 2],
}

impl<V: Lanes> Two<V> {
    #[inline(always)]
    fn new(y: V, x: V, row: &State<V>) -> Self {
        let zero = y.constant(0.0);
        let decays = [decay(y, row), decay(x, row)];
        let swapped = y.exceeds(zero);
        let (y, x) = (V::select(swapped, -y, y), V::select(swapped, -x, x));
        let (apart, rest) = difference(x, y);
        let rest = V::select(apart.abs().equals(y.constant(f64::INFINITY)), zero, rest);
        let p = decays[0] / (y.constant(1.0) + decays[0]);
        Self { swapped, y, x, p, h: (apart + rest) * row.inverse[0], decays }
    }
}

#[inline(always)]
fn of_logits<V: Lanes>(y: V, x: V, row: &State<V>) -> V {
    let (zero, one, infinity) = (y.constant(0.0), y.constant(1.0), y.constant(f64::INFINITY));
    let two = Two::new(y, x, row);
    let [_, less_one, rest] = exp::growth(two.h);
    let growth = two.p.times(less_one);
    let [most, furthest] = NEIGHBOURS.map(|number| y.constant(number));
    let near = two.p.times(rest) - ln::excess_of_positive(one, one + growth, Some(growth));
    let plus = [softplus(two.y, two.decays[0], row), softplus(two.x, two.decays[1], row)];
    let far = plus[1] - plus[0] - two.p.times(two.h);
    let is_far = V::select(two.h.exceeds(furthest), infinity, growth).exceeds(most);
    let value = V::select(is_far, far, near).non_negative();
    // Classes that are left out have no share, and -inf is no number to compute with.
    let no_x = x.equals(-infinity);
    let no_y = y.equals(-infinity);
    let value = V::select(no_x, infinity, value);
    V::select(no_y, V::select(no_x, zero, plus[1]), value)
}

#[inline(always)]
fn slopes_of_logits<V: Lanes>(y: V, x: V, row: &State<V>) -> [V; 2] {
    let (zero, one, infinity) = (y.constant(0.0), y.constant(1.0), y.constant(f64::INFINITY));
    let two = Two::new(y, x, row);
    let [_, less_one, _] = exp::growth(two.h);
    let variance = two.p / (one + two.decays[0]);
    let decay = two.decays[1];
    let q = V::select(two.x.exceeds(zero), one, decay) / (one + decay);
    let near = variance * less_one / (one + two.p.times(less_one));
    let is_far = two.h.exceeds(y.constant(NEIGHBOURS[1]));
    let apart = V::select(is_far, q - two.p, near);
    let by_y = -variance.times(two.h);
    let by_y = V::select(two.swapped, -by_y, by_y);
    let by_x = V::select(two.swapped, -apart, apart);
    let nothing = y.equals(-infinity) & x.equals(-infinity);
    [V::select(nothing, zero, by_y), V::select(nothing, zero, by_x)]
}

/// p ln(p/q) - p + q of both classes.
#[inline(always)]
fn of_probabilities<V: Lanes>(p: V, q: V) -> V {
    let one = p.constant(1.0);
    // So that no positive one is subnormal.
    let lift = p.constant(power_of_two(V::Scalar::LIFT));
    let d = q - p;
    let of_one = ln::excess(p * lift, q * lift, Some(d * lift)) / lift;
    of_one + ln::excess(one - p, one - q, Some(-d))
}

#[inline(always)]
fn slopes_of_probabilities<V: Lanes>(p: V, q: V) -> [V; 2] {
    let (zero, one) = (p.constant(0.0), p.constant(1.0));
    let lift = p.constant(power_of_two(V::Scalar::LIFT));
    let d = q - p;
    let (other_p, other_q) = (one - p, one - q);
    let logs = [ln::log_of(p * lift, q * lift, Some(d * lift)), ln::log_of(other_p, other_q, Some(-d))];
    let no_first = p.equals(zero) & q.equals(zero);
    let no_second = other_p.equals(zero) & other_q.equals(zero);
    let [log, other] = [V::select(no_first, zero, logs[0]), V::select(no_second, zero, logs[1])];
    let by_q = d / (q * other_q);
    let by_q = V::select(p.equals(zero), one / other_q, by_q);
    let by_q = V::select(other_p.equals(zero), -(one / q), by_q);
    [log - other, by_q]
}

/// Writes a function of two classes for each entry of the rows of a tile.
pub fn write_binary<T: Real>(
    level: Level,
    (of, part): (Binary, Part),
    temperature: f64,
    tile: Tile<T>,
    rows: &[LogitRow],
    mut out: [Option<Elements<T>>; 2],
) {
    let written = OfTwo { of, part };
    dispatch!(level, simd => write(simd, &written, temperature, tile, rows, all(&mut out)));
}
