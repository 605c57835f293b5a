//! How different are two probability distributions? One number takes this way, and its gradient the same:
//!
//! ```text
//! python/klrs/_divergences.py   what the user reads
//!         |  p, q, axis, …
//! python        the only place that knows Python: arguments -> View, result -> NumPy, errors -> exceptions
//!         |  View (pointer, shape, byte strides, dtype)
//! view          an array as NumPy lays it out, and NumPy's broadcasting
//!         |  Rows
//! reduce        what is done with rows: one number each, and gradients (each); parallel hands pieces of them to threads
//! logits        the same with rows of logits, which become pairs of probabilities in kernel::logits and nowhere else
//! gaussian      the same with rows of means and log-variances, each entry by itself, in kernel::gaussian
//! draws         the same with rows of draws and their two log-densities, whose means have standard errors, in kernel::draws
//! distributions formulas of parametric families, one element at a time: a room of its own that nothing below knows
//! transport     the same with rows on a line, histograms and samples, of which mass is moved; it has formulas of its own
//!         |
//! tile          rows as contiguous slices of f64 or f32: borrowed, or brought in (element knows the dtypes)
//!         |  &[f64] or &[f32]
//! verb          the list of names, each with its formula
//!         |
//! kernel        a formula compiled for a level and a type, and the one order of additions
//!         |  Pair<V>
//! divergence    the formulas, on vectors that read like scalars
//!         |  Lanes
//! lanes         a vector of f64 or f32; mathematics on it
//! double        a number as the sum of two floats, for the formulas of distributions and transport
//! ```
//!
//! Imports go down this list only. The crate is the core of a Python package and makes no promise to other Rust programs yet.

pub mod distributions;
pub mod divergence;
mod double;
pub mod draws;
pub mod element;
pub mod error;
pub mod gaussian;
pub mod kernel;
pub mod lanes;
pub mod logits;
pub mod parallel;
#[cfg(feature = "python")]
mod python;
pub mod reduce;
pub mod tile;
pub mod transport;
pub mod verb;
pub mod view;
