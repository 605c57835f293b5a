//! The list of the verbs: the names that Python has for the formulas, and what each asks of the masses of its rows.

use crate::divergence::{CrossEntropy, JensenShannon, KullbackLeibler};
use crate::kernel::{Compiled, Kernel};
use crate::lanes::Real;

/// What is asked of the masses of the rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Masses {
    /// They are 1, up to rounding; checked.
    One,
    /// Anything positive; the value is that of the quotients by the sums.
    Normalize,
    /// Anything; the value is that of the measures.
    Any,
}

/// Parameters of the verbs that have some.
#[derive(Clone, Copy, Debug)]
pub struct Parameters {
    /// Weights of p and q in the mixture of the Jensen-Shannon divergence.
    pub weights: [f64; 2],
}

impl Default for Parameters {
    fn default() -> Self {
        Self { weights: [0.5, 0.5] }
    }
}

macro_rules! registry {
    ($($variant:ident = $name:literal, $masses:ident, |$parameters:pat_param| $divergence:expr;)*) => {
        /// The verbs, by the names that Python has for them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Verb { $(#[doc = $name] $variant),* }

        impl Verb {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// The name in Python.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name),* }
            }

            /// What the verb asks of the masses unless told to normalise.
            #[must_use]
            pub const fn masses(self) -> Masses {
                match self { $(Self::$variant => Masses::$masses),* }
            }

            /// The formula, compiled for a compute type.
            #[must_use]
            pub fn kernel<T: Real>(self, parameters: Parameters) -> Box<dyn Kernel<T>> {
                match self { $(Self::$variant => { let $parameters = parameters; Box::new(Compiled($divergence)) })* }
            }
        }
    };
}

registry! {
    Entropy = "entropy", One, |_| CrossEntropy { with_itself: true };
    CrossEntropy = "cross_entropy", One, |_| CrossEntropy { with_itself: false };
    KlDivergence = "kl_divergence", One, |_| KullbackLeibler;
    GeneralizedKlDivergence = "generalized_kl_divergence", Any, |_| KullbackLeibler;
    JsDivergence = "js_divergence", One, |Parameters { weights }| JensenShannon::divergence(weights);
    JsDistance = "js_distance", One, |Parameters { weights }| JensenShannon::distance(weights);
}
