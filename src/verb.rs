//! The list of the verbs: the names that Python has for the formulas, and what each asks of the masses of its rows.

use core::ops::Deref;

use crate::divergence::{
    ChiSquare, CrossEntropy, Divergence, Hellinger, Jeffreys, JensenShannon, KullbackLeibler, LargestPower, MinEntropy, Overlap,
    Power, PowerEntropy, Relative, ShiftedPower, Skew, Support, TotalVariation, WorstRatio,
};
use crate::element::Storage;
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
    /// The number that a verb is a family by: `alpha`, `lambda_` or `skew`.
    pub number: f64,
    /// Whether there is no q where it may be left out.
    pub alone: bool,
}

impl Default for Parameters {
    fn default() -> Self {
        Self { weights: [0.5, 0.5], number: 0.5, alone: false }
    }
}

/// What the number of a family may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Domain {
    /// Any number.
    Finite,
    /// From 0 on.
    NonNegative,
    /// From 0 to infinity, which is included.
    Order,
    /// From 0 to 1.
    Share,
}

impl Domain {
    /// Whether a number is in it.
    #[must_use]
    pub fn contains(self, number: f64) -> bool {
        match self {
            Self::Finite => number.is_finite(),
            Self::NonNegative => number >= 0.0 && number.is_finite(),
            Self::Order => number >= 0.0,
            Self::Share => (0.0..=1.0).contains(&number),
        }
    }

    /// What it is, in words.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Finite => "a finite number",
            Self::NonNegative => "a finite number that is at least 0",
            Self::Order => "a number from 0 to infinity",
            Self::Share => "a number from 0 to 1",
        }
    }
}

macro_rules! registry {
    ($($variant:ident = $name:literal, $masses:ident, |$parameters:pat_param| $kernel:expr;)*) => {
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

        }

        fn kernel<T: Real>(verb: Verb, parameters: Parameters) -> Held<T> {
            match verb { $(Verb::$variant => { let $parameters = parameters; $kernel })* }
        }
    };
}

registry! {
    Entropy = "entropy", One, |_| Held::Fixed(&Compiled(CrossEntropy { with_itself: true, exponential: false }));
    CrossEntropy = "cross_entropy", One, |_| Held::Fixed(&Compiled(CrossEntropy { with_itself: false, exponential: false }));
    Perplexity = "perplexity", One, |x| boxed(CrossEntropy { with_itself: x.alone, exponential: true });
    KlDivergence = "kl_divergence", One, |_| Held::Fixed(&Compiled(KullbackLeibler { generalized: false }));
    GeneralizedKlDivergence = "generalized_kl_divergence", Any, |_| Held::Fixed(&Compiled(KullbackLeibler { generalized: true }));
    JsDivergence = "js_divergence", One, |x| boxed(JensenShannon::divergence(x.weights));
    JsDistance = "js_distance", One, |x| boxed(JensenShannon::distance(x.weights));
    JeffreysDivergence = "jeffreys_divergence", One, |_| Held::Fixed(&Compiled(Jeffreys));
    PopulationStabilityIndex = "population_stability_index", One, |_| Held::Fixed(&Compiled(Jeffreys));
    SkewDivergence = "skew_divergence", One, |x| boxed(Skew::new(x.number));
    KDivergence = "k_divergence", One, |_| boxed(Skew::new(0.5));
    TotalVariationDistance = "total_variation_distance", One, |_| Held::Fixed(&Compiled(TotalVariation));
    HellingerDistance = "hellinger_distance", One, |_| Held::Fixed(&Compiled(Hellinger(Overlap::Hellinger)));
    BhattacharyyaCoefficient = "bhattacharyya_coefficient", One, |_| Held::Fixed(&Compiled(Hellinger(Overlap::Coefficient)));
    BhattacharyyaDistance = "bhattacharyya_distance", One, |_| Held::Fixed(&Compiled(Hellinger(Overlap::Distance)));
    Chi2Divergence = "chi2_divergence", One, |_| boxed(ChiSquare::new(Relative::Pearson));
    NeymanChi2Divergence = "neyman_chi2_divergence", One, |_| boxed(ChiSquare::new(Relative::Neyman));
    TriangularDiscrimination = "triangular_discrimination", One, |_| boxed(ChiSquare::new(Relative::Triangular));
    PowerDivergence = "power_divergence", One, |x| boxed(Power::cressie_read(x.number));
    AlphaDivergence = "alpha_divergence", One, |x| boxed(Power::amari(x.number));
    TsallisDivergence = "tsallis_divergence", One, |x| match x.number {
        0.0 => boxed(Support { logarithm: false }),
        a => boxed(Power::tsallis(a)),
    };
    RenyiDivergence = "renyi_divergence", One, |x| match x.number {
        0.0 => boxed(Support { logarithm: true }),
        f64::INFINITY => boxed(WorstRatio { swapped: false }),
        a => boxed(Power::renyi(a)),
    };
    MinEntropy = "min_entropy", One, |_| Held::Fixed(&Compiled(MinEntropy));
    TsallisEntropy = "tsallis_entropy", One, |x| boxed(PowerEntropy::tsallis(x.number));
    RenyiEntropy = "renyi_entropy", One, |x| match x.number {
        f64::INFINITY => boxed(MinEntropy),
        a => boxed(PowerEntropy::renyi(a)),
    };
}

/// A kernel: one that all calls of its verb share, or one that was made for the parameters of this call. To make one takes longer than
/// to sum ten entries.
pub enum Held<T: Real> {
    /// Shared.
    Fixed(&'static dyn Kernel<T>),
    /// Made.
    Made(Box<dyn Kernel<T>>),
}

impl<T: Real> Deref for Held<T> {
    type Target = dyn Kernel<T>;

    fn deref(&self) -> &Self::Target {
        match self {
            Self::Fixed(kernel) => *kernel,
            Self::Made(kernel) => kernel.as_ref(),
        }
    }
}

fn boxed<T: Real, D: Divergence<N> + 'static, const N: usize>(divergence: D) -> Held<T> {
    Held::Made(Box::new(Compiled(divergence)))
}

impl Verb {
    /// What the number of a family may be; `None` for verbs that are none.
    #[must_use]
    pub const fn domain(self) -> Option<Domain> {
        Some(match self {
            Self::RenyiDivergence | Self::RenyiEntropy => Domain::Order,
            Self::TsallisDivergence | Self::TsallisEntropy => Domain::NonNegative,
            Self::AlphaDivergence | Self::PowerDivergence => Domain::Finite,
            Self::SkewDivergence => Domain::Share,
            _ => return None,
        })
    }

    /// Rényi's divergence as one of powers, unless its order is 1 or infinite.
    fn renyi(self, parameters: Parameters) -> Option<Power> {
        let number = parameters.number;
        let is_of_powers = number.is_finite() && !matches!(number, 1.0);
        (self == Self::RenyiDivergence && is_of_powers).then(|| Power::renyi(number))
    }

    fn power(self, parameters: Parameters) -> Option<Power> {
        Some(match self {
            Self::PowerDivergence => Power::cressie_read(parameters.number),
            Self::AlphaDivergence => Power::amari(parameters.number),
            Self::TsallisDivergence => Power::tsallis(parameters.number),
            Self::RenyiDivergence => Power::renyi(parameters.number),
            _ => return None,
        })
    }
}

/// A compute type. The formulas are compiled for it here, once, whoever uses them.
pub trait Compute: Real + Storage {
    /// The formula of a verb.
    fn kernel(verb: Verb, parameters: Parameters) -> Held<Self>;

    /// For rows whose value came out as infinite: the logarithm of the largest ratio, which is infinite where the value is, or less
    /// that of the largest probability.
    #[must_use]
    fn largest(_verb: Verb, _parameters: Parameters) -> Option<Held<Self>> {
        None
    }

    /// For rows of logits whose value came out as infinite: the logarithm of the largest power. A first sweep gets no `found`, a second
    /// one what the first has found; then the largest is that much above the number that comes with the kernel.
    #[must_use]
    fn largest_of_logits(_verb: Verb, _parameters: Parameters, _found: Option<f64>) -> Option<(Held<Self>, f64)> {
        None
    }

    /// The formula for such rows, relative to that largest one.
    #[must_use]
    fn relative_of_logits(_verb: Verb, _parameters: Parameters, _largest: f64) -> Option<Held<Self>> {
        None
    }

    /// The formula for rows whose terms are beyond the range of floats, relative to that largest one if it is made of powers.
    #[must_use]
    fn relative(_verb: Verb, _parameters: Parameters, _largest: f64) -> Option<Held<Self>> {
        None
    }
}

impl Compute for f32 {
    fn kernel(verb: Verb, parameters: Parameters) -> Held<Self> {
        kernel(verb, parameters)
    }
}

impl Compute for f64 {
    fn kernel(verb: Verb, parameters: Parameters) -> Held<Self> {
        kernel(verb, parameters)
    }

    fn largest(verb: Verb, parameters: Parameters) -> Option<Held<Self>> {
        let swapped = match verb {
            Verb::RenyiEntropy => return Some(boxed(MinEntropy)),
            Verb::Chi2Divergence => false,
            Verb::NeymanChi2Divergence => true,
            _ => verb.power(parameters).filter(|power| power.sees_infinity())?.is_swapped(),
        };
        Some(boxed(WorstRatio { swapped }))
    }

    fn largest_of_logits(verb: Verb, parameters: Parameters, found: Option<f64>) -> Option<(Held<Self>, f64)> {
        let (power, base) = (verb.renyi(parameters)?, found.map(LargestPower::base));
        Some((boxed(LargestPower { power, base }), base.unwrap_or_default()))
    }

    fn relative_of_logits(verb: Verb, parameters: Parameters, shift: f64) -> Option<Held<Self>> {
        Some(boxed(ShiftedPower { power: verb.renyi(parameters)?, shift }))
    }

    fn relative(verb: Verb, parameters: Parameters, largest: f64) -> Option<Held<Self>> {
        match verb {
            Verb::RenyiEntropy => Some(boxed(PowerEntropy::renyi(parameters.number).relative(-largest))),
            Verb::Chi2Divergence => Some(boxed(ChiSquare::lowered(Relative::Pearson))),
            Verb::NeymanChi2Divergence => Some(boxed(ChiSquare::lowered(Relative::Neyman))),
            _ => {
                let power = verb.power(parameters).filter(|power| power.can_overflow())?;
                Some(boxed(power.relative(largest)))
            }
        }
    }
}
