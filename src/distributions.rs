//! Parametric distributions: what a family says of itself, and how different two of them are.
//!
//! A formula takes the numbers of one element and gives one number; [`find`] knows it by the name of the verb and the families. Python
//! checks the parameters and broadcasts; here nothing is checked, and NaN in gives NaN out. Formulas are scalar and use `libm` alone, so the
//! bits are the same on every platform and CPU.

#![expect(clippy::float_cmp, reason = "0, 1, infinities and equal parameters are special where they are exactly so")]

mod cross;
mod discrete;
mod gamma;
mod gradients;
mod integrands;
mod location_scale;
mod logarithms;
mod polygamma;
mod renyi;
mod shares;
mod special;
mod von_mises;
mod wide;

/// A formula with its name.
pub struct Formula {
    /// The verb, then the families it is for.
    name: &'static str,
    /// How many numbers it takes; None for a family that has as many as it has categories.
    arguments: Option<usize>,
    value: fn(&[f64]) -> f64,
}

impl Formula {
    /// How many numbers it takes; None for any.
    #[must_use]
    pub fn arguments(&self) -> Option<usize> {
        self.arguments
    }

    /// The value for these numbers, in nats where it is a logarithm; NaN if there are not as many as it takes.
    #[must_use]
    pub fn value(&self, numbers: &[f64]) -> f64 {
        (self.value)(numbers)
    }
}

/// The formula of a name such as `kl_divergence normal laplace`.
#[must_use]
pub fn find(name: &str) -> Option<&'static Formula> {
    FORMULAS.iter().chain(ROWS).find(|formula| formula.name == name)
}

/// The names of all formulas.
pub fn names() -> impl Iterator<Item = &'static str> {
    FORMULAS.iter().chain(ROWS).map(|formula| formula.name)
}

macro_rules! formulas {
    ($($name:literal ($($x:ident)*) $value:expr;)*) => {
        &[$(Formula {
            name: $name,
            arguments: Some(<[&str]>::len(&[$(stringify!($x)),*])),
            value: |numbers| match numbers {
                &[$($x),*] => $value($($x),*),
                _ => f64::NAN,
            },
        }),*]
    };
}

/// A verb and the families of p and q, with the numbers that the formula takes. Families with a probability or a logit have two names. A rate
/// comes with what it lacks of the inverse of a scale, if it was given as that.
static FORMULAS: &[Formula] = formulas! {
    "atan2" (y x) libm::atan2;
    "between bernoulli" (p q alpha) discrete::bernoulli::between;
    "between poisson" (rate1 rate2 alpha) discrete::poisson::between;
    "cos" (x) libm::cos;
    "entropy bernoulli" (p) discrete::bernoulli::entropy;
    "entropy bernoulli_logits" (z) discrete::bernoulli::entropy_of_logit;
    "entropy beta" (a b) gamma::beta_entropy;
    "entropy binomial" (n p) discrete::binomial::entropy;
    "entropy binomial_logits" (n z) discrete::binomial::entropy_of_logit;
    "entropy cauchy" (m s) location_scale::cauchy::entropy;
    "entropy exponential" (rate low) location_scale::exponential::entropy;
    "entropy gamma" (a rate low) (|a, rate, _: f64| gamma::entropy(a, rate));
    "entropy geometric" (p) discrete::geometric::entropy;
    "entropy geometric_logits" (z) discrete::geometric::entropy_of_logit;
    "entropy gumbel" (m s) location_scale::gumbel::entropy;
    "entropy half_normal" (s) location_scale::half_normal::entropy;
    "entropy inverse_gamma" (a rate) gamma::inverse_entropy;
    "entropy laplace" (m s) location_scale::laplace::entropy;
    "entropy log_normal" (m s) location_scale::log_normal::entropy;
    "entropy negative_binomial" (n p) discrete::negative_binomial::entropy;
    "entropy negative_binomial_logits" (n z) discrete::negative_binomial::entropy_of_logit;
    "entropy normal" (m s) location_scale::normal::entropy;
    "entropy pareto" (scale a) location_scale::pareto::entropy;
    "entropy poisson" (rate) discrete::poisson::entropy;
    "entropy uniform" (low high) location_scale::uniform::entropy;
    "entropy von_mises" (mean kappa) (|_: f64, kappa| von_mises::entropy(kappa));
    "entropy weibull" (scale k) location_scale::weibull::entropy;
    "exp" (x) libm::exp;
    "expm1" (x) libm::expm1;
    "gradient bernoulli first" (p q) gradients::bernoulli_first;
    "gradient bernoulli second" (p q) gradients::bernoulli_second;
    "gradient bernoulli_logits first" (z1 z2) gradients::bernoulli_first_logit;
    "gradient bernoulli_logits second" (z1 z2) gradients::bernoulli_second_logit;
    "gradient dirichlet first" (a b rest rest_d) gradients::dirichlet_first;
    "gradient dirichlet second" (a b rest rest_b rest_d) gradients::dirichlet_second;
    "gradient gamma first concentration" (a1 rate1 low1 a2 rate2 low2) gradients::gamma_first_concentration;
    "gradient gamma first rate" (a1 rate1 low1 a2 rate2 low2) gradients::gamma_first_rate;
    "gradient gamma second concentration" (a1 rate1 low1 a2 rate2 low2) gradients::gamma_second_concentration;
    "gradient gamma second rate" (a1 rate1 low1 a2 rate2 low2) gradients::gamma_second_rate;
    "gradient normal first scale" (s1 s2) gradients::normal_first_scale;
    "gradient normal loc" (m1 m2 s2) gradients::normal_loc;
    "gradient normal second scale" (m1 s1 m2 s2) gradients::normal_second_scale;
    "hypot" (x y) libm::hypot;
    "integrand cross_entropy" (log_p log_q) integrands::cross_entropy;
    "integrand js_divergence" (log_p log_q) integrands::js;
    "integrand kl_divergence" (log_p log_q) integrands::kl;
    "integrand renyi_divergence" (log_p log_q alpha) integrands::power;
    "kl_divergence bernoulli bernoulli" (p1 p2) discrete::bernoulli::kl;
    "kl_divergence bernoulli poisson" (p rate) cross::bernoulli_poisson;
    "kl_divergence bernoulli_logits bernoulli_logits" (z1 z2) discrete::bernoulli::kl_of_logits;
    "kl_divergence beta beta" (a1 b1 a2 b2) gamma::beta_kl;
    "kl_divergence beta exponential" (a b rate low) (|a, b, rate, _: f64| cross::beta_exponential(a, b, rate));
    "kl_divergence beta gamma" (a b shape rate low) (|a, b, shape, rate, _: f64| cross::beta_gamma(a, b, shape, rate));
    "kl_divergence beta normal" (a b m s) cross::beta_normal;
    "kl_divergence beta uniform" (a b low high) cross::beta_uniform;
    "kl_divergence binomial binomial" (n1 p1 n2 p2) discrete::binomial::kl;
    "kl_divergence binomial_logits binomial_logits" (n1 z1 n2 z2) discrete::binomial::kl_of_logits;
    "kl_divergence cauchy cauchy" (m1 s1 m2 s2) location_scale::cauchy::kl;
    "kl_divergence exponential exponential" (rate1 low1 rate2 low2) location_scale::exponential::kl;
    "kl_divergence exponential gumbel" (rate low m b) (|rate, _: f64, m, b| cross::exponential_gumbel(rate, m, b));
    "kl_divergence exponential half_normal" (rate low s) (|rate, _: f64, s| cross::exponential_half_normal(rate, s));
    "kl_divergence exponential normal" (rate low m s) (|rate, _: f64, m, s| cross::exponential_normal(rate, m, s));
    "kl_divergence exponential weibull" (rate low scale k) location_scale::weibull::from_exponential;
    "kl_divergence gamma gamma" (a1 rate1 low1 a2 rate2 low2) gamma::kl;
    "kl_divergence gamma gumbel" (a rate low m b) (|a, rate, _: f64, m, b| cross::gamma_gumbel(a, rate, m, b));
    "kl_divergence gamma normal" (a rate low m s) (|a, rate, _: f64, m, s| cross::gamma_normal(a, rate, m, s));
    "kl_divergence geometric geometric" (p1 p2) discrete::geometric::kl;
    "kl_divergence geometric negative_binomial" (p n q) discrete::negative_binomial::from_geometric;
    "kl_divergence geometric_logits geometric_logits" (z1 z2) discrete::geometric::kl_of_logits;
    "kl_divergence gumbel gumbel" (m1 s1 m2 s2) location_scale::gumbel::kl;
    "kl_divergence gumbel normal" (m1 b m2 s) cross::gumbel_normal;
    "kl_divergence half_normal half_normal" (s1 s2) location_scale::half_normal::kl;
    "kl_divergence half_normal normal" (s1 m s2) cross::half_normal_normal;
    "kl_divergence inverse_gamma inverse_gamma" (a1 rate1 a2 rate2) (|a1, rate1, a2, rate2| gamma::kl(a1, rate1, 0.0, a2, rate2, 0.0));
    "kl_divergence laplace laplace" (m1 s1 m2 s2) location_scale::laplace::kl;
    "kl_divergence laplace normal" (m1 b m2 s) cross::laplace_normal;
    "kl_divergence log_normal log_normal" (m1 s1 m2 s2) location_scale::normal::kl;
    "kl_divergence negative_binomial geometric" (n p q) discrete::negative_binomial::to_geometric;
    "kl_divergence negative_binomial negative_binomial" (n1 p1 n2 p2) discrete::negative_binomial::kl;
    "kl_divergence negative_binomial_logits negative_binomial_logits" (n1 z1 n2 z2) discrete::negative_binomial::kl_of_logits;
    "kl_divergence normal gumbel" (m1 s m2 b) cross::normal_gumbel;
    "kl_divergence normal laplace" (m1 s m2 b) cross::normal_laplace;
    "kl_divergence normal normal" (m1 s1 m2 s2) location_scale::normal::kl;
    "kl_divergence pareto exponential" (scale a rate low) (|scale, a, rate, _: f64| cross::pareto_exponential(scale, a, rate));
    "kl_divergence pareto gamma" (scale a shape rate low) (|scale, a, shape, rate, _: f64| cross::pareto_gamma(scale, a, shape, rate));
    "kl_divergence pareto normal" (scale a m s) cross::pareto_normal;
    "kl_divergence pareto pareto" (scale1 a1 scale2 a2) location_scale::pareto::kl;
    "kl_divergence poisson binomial" (rate n q) cross::poisson_binomial;
    "kl_divergence poisson binomial_logits" (rate n z) cross::poisson_binomial_of_logit;
    "kl_divergence poisson poisson" (rate1 rate2) discrete::poisson::kl;
    "kl_divergence uniform beta" (low high a b) cross::uniform_beta;
    "kl_divergence uniform exponential" (low high rate rest) (|low, high, rate, _: f64| cross::uniform_exponential(low, high, rate));
    "kl_divergence uniform gamma" (low high shape rate rest) (|low, high, shape, rate, _: f64| cross::uniform_gamma(low, high, shape, rate));
    "kl_divergence uniform gumbel" (low high m b) cross::uniform_gumbel;
    "kl_divergence uniform normal" (low high m s) cross::uniform_normal;
    "kl_divergence uniform pareto" (low high scale a) cross::uniform_pareto;
    "kl_divergence uniform uniform" (low1 high1 low2 high2) location_scale::uniform::kl;
    "kl_divergence von_mises von_mises" (mean1 kappa1 mean2 kappa2) von_mises::kl;
    "kl_divergence weibull exponential" (scale k rate low) location_scale::weibull::to_exponential;
    "kl_divergence weibull weibull" (scale1 k1 scale2 k2) location_scale::weibull::kl;
    "log" (x) libm::log;
    "log1p" (x) libm::log1p;
    "log1p_excess" (x) special::log1p_excess;
    "log_gamma" (x) special::ln_gamma;
    "log_prob bernoulli" (x p) discrete::bernoulli::log_prob;
    "log_prob bernoulli_logits" (x z) discrete::bernoulli::log_prob_of_logit;
    "log_prob beta" (x a b) gamma::beta_log_prob;
    "log_prob_between beta" (x rest a b) gamma::beta_log_prob_between;
    "log_prob binomial" (x n p) discrete::binomial::log_prob;
    "log_prob binomial_logits" (x n z) discrete::binomial::log_prob_of_logit;
    "log_prob cauchy" (x m s) location_scale::cauchy::log_prob;
    "log_prob exponential" (x rate low) location_scale::exponential::log_prob;
    "log_prob gamma" (x a rate low) gamma::log_prob;
    "log_prob geometric" (x p) discrete::geometric::log_prob;
    "log_prob geometric_logits" (x z) discrete::geometric::log_prob_of_logit;
    "log_prob gumbel" (x m s) location_scale::gumbel::log_prob;
    "log_prob half_normal" (x s) location_scale::half_normal::log_prob;
    "log_prob inverse_gamma" (x a rate) gamma::inverse_log_prob;
    "log_prob laplace" (x m s) location_scale::laplace::log_prob;
    "log_prob log_normal" (x m s) location_scale::log_normal::log_prob;
    "log_prob negative_binomial" (x n p) discrete::negative_binomial::log_prob;
    "log_prob negative_binomial_logits" (x n z) discrete::negative_binomial::log_prob_of_logit;
    "log_prob normal" (x m s) location_scale::normal::log_prob;
    "log_prob pareto" (x scale a) location_scale::pareto::log_prob;
    "log_prob poisson" (x rate) discrete::poisson::log_prob;
    "log_prob uniform" (x low high) location_scale::uniform::log_prob;
    "log_prob von_mises" (x mean kappa) von_mises::log_prob;
    "log_prob weibull" (x scale k) location_scale::weibull::log_prob;
    "logit" (p) special::logit;
    "mean gumbel" (m b) location_scale::gumbel::mean;
    "mean half_normal" (s) location_scale::half_normal::mean;
    "mean inverse_gamma" (a rate) gamma::inverse_mean;
    "mean log_normal" (m s) location_scale::log_normal::mean;
    "mean pareto" (scale a) location_scale::pareto::mean;
    "mean uniform" (low high) location_scale::uniform::mean;
    "mean weibull" (scale k) location_scale::weibull::mean;
    "rate_low" (scale) location_scale::exponential::rate_low;
    "renyi_divergence geometric geometric" (p q alpha) renyi::geometric;
    "renyi_divergence geometric_logits geometric_logits" (z1 z2 alpha) renyi::geometric_of_logits;
    "renyi_divergence negative_binomial negative_binomial" (n p q alpha) renyi::negative_binomial;
    "renyi_divergence negative_binomial_logits negative_binomial_logits" (n z1 z2 alpha) renyi::negative_binomial_of_logits;
    "renyi_divergence uniform uniform" (low1 high1 low2 high2 alpha) location_scale::uniform::renyi;
    "renyi_divergence weibull weibull" (scale1 k scale2 alpha) renyi::weibull;
    "sigmoid" (z) special::sigmoid;
    "sin" (x) libm::sin;
    "square_ratio_excess" (a b d) special::square_ratio_excess;
    "variance beta" (a b) gamma::beta_variance;
    "variance gumbel" (m b) location_scale::gumbel::variance;
    "variance half_normal" (s) location_scale::half_normal::variance;
    "variance inverse_gamma" (a rate) gamma::inverse_variance;
    "variance log_normal" (m s) location_scale::log_normal::variance;
    "variance pareto" (scale a) location_scale::pareto::variance;
    "variance uniform" (low high) location_scale::uniform::variance;
    "variance von_mises" (mean kappa) (|_: f64, kappa| von_mises::circular_variance(kappa));
    "variance weibull" (scale k) location_scale::weibull::variance;
    "wasserstein_1 cauchy cauchy" (m1 g1 m2 g2) location_scale::cauchy::wasserstein;
    "wasserstein_1 exponential exponential" (rate1 low1 rate2 low2) location_scale::exponential::wasserstein_1;
    "wasserstein_1 half_normal half_normal" (s1 s2) location_scale::one_sided::half_normal_wasserstein_1;
    "wasserstein_1 laplace laplace" (m1 b1 m2 b2) location_scale::laplace::wasserstein_1;
    "wasserstein_1 normal normal" (m1 s1 m2 s2) location_scale::normal::wasserstein_1;
    "wasserstein_1 uniform uniform" (low1 high1 low2 high2) location_scale::uniform::wasserstein_1;
    "wasserstein_2 cauchy cauchy" (m1 g1 m2 g2) location_scale::cauchy::wasserstein;
    "wasserstein_2 exponential exponential" (rate1 low1 rate2 low2) location_scale::exponential::wasserstein_2;
    "wasserstein_1 gumbel gumbel" (m1 b1 m2 b2) location_scale::gumbel::wasserstein_1;
    "wasserstein_2 gumbel gumbel" (m1 b1 m2 b2) location_scale::gumbel::wasserstein_2;
    "wasserstein_2 half_normal half_normal" (s1 s2) location_scale::one_sided::half_normal_wasserstein_2;
    "wasserstein_2 laplace laplace" (m1 b1 m2 b2) location_scale::laplace::wasserstein_2;
    "wasserstein_2 normal normal" (m1 s1 m2 s2) location_scale::normal::wasserstein_2;
    "wasserstein_2 uniform uniform" (low1 high1 low2 high2) location_scale::uniform::wasserstein_2;
};

/// Families with as many parameters as they have categories: numbers of p, then of q.
static ROWS: &[Formula] = &[
    Formula { name: "entropy dirichlet", arguments: None, value: gamma::dirichlet_entropy },
    Formula { name: "kl_divergence dirichlet dirichlet", arguments: None, value: gamma::dirichlet_kl },
    Formula { name: "log_prob dirichlet", arguments: None, value: gamma::dirichlet_log_prob },
];

#[cfg(test)]
mod tests {
    use super::{find, names};

    #[test]
    fn names_are_unique_and_found() {
        let mut sorted: Vec<_> = names().collect();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), names().count());
        assert!(sorted.iter().all(|name| find(name).is_some()));
        assert!(find("kl_divergence normal").is_none());
    }

    #[test]
    fn other_numbers_than_a_formula_takes_give_nan() {
        for formula in names().filter_map(find) {
            if let Some(count) = formula.arguments() {
                assert!(formula.value(&vec![0.5; count + 1]).is_nan());
            }
        }
    }
}
