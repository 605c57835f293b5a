//! The scale of a row: powers of two that keep formulas away from subnormals and overflow, and Σp/Σq when normalising.
//!
//! A checked row has entries of at most about 1 and is multiplied by 2^[`LIFT`](Real::LIFT), which makes its smallest subnormal
//! normal. A row with another mass is multiplied by what brings its mass there, as far as that is a factor between 1 and
//! 2^[`MAX_FACTOR`](Real::MAX_FACTOR). Masses beyond (sums of subnormals beside large ones, sums above 1e180) are rare enough to be
//! slow: `f32` rows are done once more in `f64`, `f64` rows are shifted to about 1 first, entry by entry, in scratch.

use super::{Driver, Operands, Pass};
use crate::divergence::{Divergence, Pair, Sums};
use crate::error::Error;
use crate::kernel::{Compiled, Scale};
use crate::lanes::{Lanes, Real, exponent_of, power_of_two, times_power_of_two};
use crate::tile::Operand;
use crate::verb::{Compute, Masses};

/// The shift under which no sum of finite values overflows, as an exponent.
const OVERFLOW: i32 = -64;

/// Σp alone, for the masses of rows.
struct TotalMass;

impl Divergence<0> for TotalMass {
    fn operands(&self) -> usize {
        1
    }

    #[inline(always)]
    fn terms<V: Lanes>(&self, _x: Pair<V>) -> [V; 0] {
        []
    }
    #[inline(always)]
    fn value<V: Lanes>(&self, sums: Sums<V, 0>) -> V {
        sums.total
    }
}

/// The share of a row's mass that only one of its entries can exceed, also when both halves of a row are rounded up.
const MOST: f64 = 0.5625;

/// What a row is multiplied with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lift<T> {
    pub(super) scale: Scale<T>,
    /// Exponents by which p and q are shifted when they are brought in, before anything else.
    pub(super) shifts: [i32; 2],
    /// What the sums of terms are divided by, unless by Σp.
    pub(super) total: f64,
    /// False where the mass is none that a row can have, to be looked at.
    pub(super) is_regular: bool,
    /// Whether the row needs the range of `f64`.
    pub(super) is_wide: bool,
}

/// The sum of a row as `sum` times 2^`exponent`.
#[derive(Clone, Copy, Debug)]
struct Mass {
    sum: f64,
    exponent: i32,
}

impl Mass {
    fn new(sum: f64, exponent: i32) -> Self {
        Self { sum, exponent }
    }

    /// Exponent of the whole: the mass is in [2^e, 2^(e+1)).
    fn magnitude(self) -> i32 {
        exponent_of(self.sum) + self.exponent
    }

    /// The sum after the row was shifted.
    fn shifted(self, by: i32) -> f64 {
        times_power_of_two(self.sum, self.exponent + by)
    }

    fn is_positive(self) -> bool {
        self.sum > 0.0 && self.sum.is_finite()
    }
}

impl<T: Real> Lift<T> {
    /// For rows of mass 1.
    pub(super) fn checked() -> Self {
        let unit = T::from_f64(power_of_two(T::LIFT));
        let dominant = T::from_f64(f64::INFINITY);
        Self {
            scale: Scale { p: unit, q: unit, unit, dominant, ..Scale::default() },
            shifts: [0, 0],
            total: unit.to_f64(),
            is_regular: true,
            is_wide: false,
        }
    }

    /// The same without the power of two: for values beyond what lifted terms can be.
    pub(super) fn unlifted(&self) -> Self {
        let down = power_of_two(-T::LIFT);
        let less = |value: T| T::from_f64(value.to_f64() * down);
        let Scale { p, q, q_low, unit, dominant } = self.scale;
        let scale = Scale { p: less(p), q: less(q), q_low: less(q_low), unit: less(unit), dominant: less(dominant) };
        Self { scale, total: self.total * down, ..*self }
    }

    /// For the sum of the entries as they are, or shifted.
    fn plain(by: i32) -> Self {
        let one = T::from_f64(1.0);
        Self {
            scale: Scale { p: one, q: one, unit: one, dominant: T::from_f64(f64::INFINITY), ..Scale::default() },
            shifts: [by, by],
            total: 1.0,
            is_regular: true,
            is_wide: false,
        }
    }

    /// For rows of these masses.
    fn of(masses: Masses, p: Mass, q: Option<Mass>) -> Self {
        let q = q.unwrap_or(p);
        match masses {
            Masses::One => Self::checked(),
            Masses::Normalize => {
                if p.is_positive() && q.is_positive() {
                    Self::normalizing(p, q)
                } else {
                    Self { is_regular: false, ..Self::plain(0) }
                }
            }
            Masses::Any => {
                let larger = if q.magnitude() > p.magnitude() { q } else { p };
                let regular = [p, q].iter().all(|mass| mass.is_positive());
                let measured = if larger.is_positive() { Self::measuring(larger) } else { Self::plain(0) };
                Self { is_regular: regular, ..measured }
            }
        }
    }

    fn normalizing(p: Mass, q: Mass) -> Self {
        let (of_p, of_q) = (p.magnitude(), q.magnitude());
        let target = T::LIFT.min(T::MAX_FACTOR + of_p).min(T::MAX_FACTOR + of_q);
        let within = |magnitude: i32| (0..=T::MAX_FACTOR).contains(&(target - magnitude - 1));
        let direct = within(of_p) && within(of_q) && p.exponent == 0 && q.exponent == 0;
        let (target, shifts) = if direct { (target, [0, 0]) } else { (T::LIFT, [-of_p, -of_q]) };
        let (sum_p, sum_q) = (p.shifted(shifts[0]), q.shifted(shifts[1]));
        let factor = power_of_two(target - exponent_of(sum_p));
        let mass = sum_p * factor;
        Self {
            scale: Scale {
                p: T::from_f64(factor),
                q: T::from_f64(mass / sum_q),
                q_low: T::default(),
                unit: T::from_f64(mass),
                dominant: T::from_f64(mass * MOST),
            },
            shifts,
            total: mass,
            is_regular: true,
            is_wide: !direct,
        }
    }

    fn measuring(larger: Mass) -> Self {
        // As high as sums of logarithms' products cannot overflow: the smallest entries may be anything.
        let target = T::HIGH.min(T::MAX_FACTOR + larger.magnitude());
        let factor = target - larger.magnitude();
        let direct = factor >= T::SUBNORMAL_BITS && larger.exponent == 0;
        let (factor, shift) = if direct { (factor, 0) } else { (0, factor) };
        let unit = T::from_f64(power_of_two(factor));
        Self {
            scale: Scale { p: unit, q: unit, unit, dominant: T::from_f64(f64::INFINITY), ..Scale::default() },
            shifts: [shift, shift],
            total: power_of_two(factor + shift),
            is_regular: true,
            is_wide: !direct,
        }
    }
}

impl<'a, T: Compute> Driver<'a, T> {
    /// Gives every row its scale. `sum` makes a pass and puts Σp of each row and its other sum into its last argument.
    pub(super) fn lift(
        &self,
        lifts: &mut [Lift<T>],
        mut sum: impl FnMut(Pass<'_, 'a, T>, &[Lift<T>], &mut [[f64; 2]]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        if self.job.masses == Masses::One {
            return Ok(());
        }
        self.scale(lifts, &mut sum)?;
        if self.job.masses == Masses::Normalize && self.kernel.needs_exact_scale() {
            // The differences from p show what the rounding of q's factor took away: they are hardly rounded themselves.
            let mut sums = vec![[0.0; 2]; lifts.len()];
            sum(self.pass(), lifts, &mut sums)?;
            for (lift, [p, d]) in lifts.iter_mut().zip(sums) {
                lift.scale.q_low = T::from_f64(-lift.scale.q.to_f64() * (d / (p + d)));
            }
        }
        Ok(())
    }

    fn scale(
        &self,
        lifts: &mut [Lift<T>],
        sum: &mut impl FnMut(Pass<'_, 'a, T>, &[Lift<T>], &mut [[f64; 2]]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut sum = |operand: Operand<'a>, lift: Lift<T>| -> Result<Vec<f64>, Error> {
            let pass = Pass { kernel: &Compiled(TotalMass), operands: Operands { p: operand, q: None } };
            let mut sums = vec![[0.0; 2]; lifts.len()];
            sum(pass, &vec![lift; lifts.len()], &mut sums)?;
            Ok(sums.into_iter().map(|[p, _]| p).collect())
        };
        let mut masses = |operand: Operand<'a>| -> Result<Vec<Mass>, Error> {
            let plain = sum(operand, Lift::plain(0))?;
            // Finite entries may have an infinite sum: such rows are summed once more, shifted down.
            let is_infinite = plain.iter().any(|sum| sum.is_infinite());
            let shifted = if is_infinite { sum(operand, Lift::plain(OVERFLOW))? } else { vec![] };
            let mass = |(row, &sum): (usize, &f64)| {
                if sum.is_infinite() { Mass::new(shifted[row], -OVERFLOW) } else { Mass::new(sum, 0) }
            };
            Ok(plain.iter().enumerate().map(mass).collect())
        };
        let of_p = masses(self.operands.p)?;
        let of_q = self.operands.q.map(masses).transpose()?;
        for (row, lift) in lifts.iter_mut().enumerate() {
            *lift = Lift::of(self.job.masses, of_p[row], of_q.as_ref().map(|of_q| of_q[row]));
        }
        Ok(())
    }
}

/// Multiplies values by a power of two; what is positive stays positive.
pub(super) fn shift<'v, T: Real>(values: impl IntoIterator<Item = &'v mut T>, by: i32) {
    if by == 0 {
        return;
    }
    for value in values {
        let shifted = T::from_f64(times_power_of_two(value.to_f64(), by));
        *value = if value.to_f64() > 0.0 && shifted < T::MIN_POSITIVE { T::MIN_POSITIVE } else { shifted };
    }
}
