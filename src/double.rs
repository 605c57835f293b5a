//! A number as the sum of two floats, which holds 106 bits: for sums that cancel.
//!
//! Method: T. J. Dekker, "A floating-point technique for extending the available precision", Numer. Math. 18 (1971). A sum or
//! difference has a relative error of at most 2^-104, as has a product, for numbers below 2^900; a quotient one of 2^-100.

use core::ops::{Add, Mul, Sub};

use crate::lanes::two_sum;

/// The number.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Double {
    /// Its nearest float.
    pub(crate) high: f64,
    /// The rest.
    pub(crate) low: f64,
}

impl Double {
    /// A sum of two floats.
    #[inline]
    pub(crate) fn new(one: f64, other: f64) -> Self {
        let (high, low) = two_sum(one, other);
        Self { high, low }
    }

    /// A product of two floats.
    #[inline]
    pub(crate) const fn product(one: f64, other: f64) -> Self {
        /// Two halves of a float, whose products are exact. (One FMA does it too, but not on every CPU.)
        const fn halves(x: f64) -> (f64, f64) {
            /// 2^27 + 1.
            const SPLIT: f64 = 134_217_729.0;
            let lifted = SPLIT * x;
            let high = lifted - (lifted - x);
            (high, x - high)
        }
        let ((a, b), (c, d)) = (halves(one), halves(other));
        let high = one * other;
        Self { high, low: ((a * c - high) + a * d + b * c) + b * d }
    }

    /// 1/x.
    pub(crate) const fn reciprocal(x: f64) -> Self {
        let high = 1.0 / x;
        let Self { high: one, low } = Self::product(high, x);
        Self { high, low: ((1.0 - one) - low) / x }
    }

    /// A product with a float.
    #[inline]
    pub(crate) fn times(self, factor: f64) -> Self {
        let Self { high, low } = Self::product(self.high, factor);
        Self::new(high, low + self.low * factor)
    }

    /// A quotient.
    #[inline]
    pub(crate) fn divided_by(self, divisor: Self) -> Self {
        let first = self.high / divisor.high;
        let rest = self - divisor.times(first);
        Self::new(first, rest.high / divisor.high)
    }

    /// The nearest float, or one beside it.
    #[inline]
    pub(crate) fn to_f64(self) -> f64 {
        self.high + self.low
    }
}

/// A sum of many floats, and of what rounding took from it: one addition after another, where that of a [`Double`] is ten.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Sum {
    high: f64,
    low: f64,
}

impl Sum {
    /// Adds a number.
    #[inline]
    pub(crate) fn add(&mut self, number: f64) {
        let (high, lost) = two_sum(self.high, number);
        self.high = high;
        self.low += lost;
    }

    /// The sum.
    #[inline]
    pub(crate) fn value(self) -> f64 {
        self.high + self.low
    }
}

impl From<f64> for Double {
    #[inline]
    fn from(high: f64) -> Self {
        Self { high, low: 0.0 }
    }
}

/// A sum of two floats of which the first is larger.
#[inline]
fn larger_first(one: f64, other: f64) -> Double {
    let high = one + other;
    Double { high, low: other - (high - one) }
}

impl Add for Double {
    type Output = Self;

    #[inline]
    fn add(self, other: Self) -> Self {
        let high = Self::new(self.high, other.high);
        let low = Self::new(self.low, other.low);
        let sum = larger_first(high.high, high.low + low.high);
        larger_first(sum.high, sum.low + low.low)
    }
}

impl Add<f64> for Double {
    type Output = Self;

    #[inline]
    fn add(self, other: f64) -> Self {
        let sum = Self::new(self.high, other);
        Self::new(sum.high, sum.low + self.low)
    }
}

impl Mul for Double {
    type Output = Self;

    #[inline]
    fn mul(self, other: Self) -> Self {
        let Self { high, low } = Self::product(self.high, other.high);
        larger_first(high, low + (self.high * other.low + self.low * other.high))
    }
}

impl Sub for Double {
    type Output = Self;

    #[inline]
    fn sub(self, other: Self) -> Self {
        self + Self { high: -other.high, low: -other.low }
    }
}
