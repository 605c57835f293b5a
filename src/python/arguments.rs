//! The keywords that are not arrays.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyInt, PyTuple};

use crate::error::Error;
use crate::lanes::ln;
use crate::verb::Domain;
use crate::view::Axes;

/// How far weights may miss a sum of 1; they are divided by it.
const WEIGHTS_TOLERANCE: f64 = 1e-6;

/// `axis`, unless it is a plain int: a tuple of ints, or None, or what else is an int.
pub(super) fn axes(axis: &Bound<'_, PyAny>) -> PyResult<Axes> {
    if axis.is_none() {
        return Ok(Axes::All);
    }
    let one = |axis: &Bound<'_, PyAny>| if axis.is_instance_of::<PyBool>() { None } else { axis.extract::<isize>().ok() };
    let axes = match axis.cast::<PyTuple>() {
        Ok(axes) => axes.iter().map(|axis| one(&axis)).collect::<Option<_>>().map(Axes::Several),
        Err(_) => one(axis).map(Axes::One),
    };
    axes.ok_or_else(|| {
        let given = axis.repr().map(|text| text.to_string()).unwrap_or_default();
        PyTypeError::new_err(format!("axis: got {given}, expected an int, a tuple of ints, or None"))
    })
}

/// `keepdims` and `normalize`: a bool, Python's or NumPy's, or 0 or 1.
#[inline(always)]
pub(super) fn flag(flag: &Bound<'_, PyAny>, name: &str) -> PyResult<bool> {
    for known in [false, true] {
        if flag.is(&*PyBool::new(flag.py(), known)) {
            return Ok(known);
        }
    }
    unusual_flag(flag, name)
}

#[cold]
fn unusual_flag(flag: &Bound<'_, PyAny>, name: &str) -> PyResult<bool> {
    // No conversion is tried that fails for a flag: the errors of those would be kept (see `function::entry`).
    let given = if flag.is_instance_of::<PyInt>() {
        flag.extract::<u8>().ok().filter(|&number| number <= 1).map(|number| number == 1)
    } else {
        flag.extract::<bool>().ok()
    };
    given.ok_or_else(|| {
        let given = flag.repr().map(|text| text.to_string()).unwrap_or_default();
        PyTypeError::new_err(format!("{name}: got {given}, expected True or False"))
    })
}

/// `base`: the logarithm of it.
pub(super) fn log_base(base: &Bound<'_, PyAny>) -> PyResult<f64> {
    let Ok(given) = base.extract::<f64>() else {
        let given = base.repr()?;
        let text = format!("base: got {given}, expected a number greater than 1 (2 for bits, 10 for hartleys) or None for nats");
        return Err(PyTypeError::new_err(text));
    };
    if given > 1.0 && given.is_finite() { Ok(ln::ln(given)) } else { Err(Error::Base { given }.into()) }
}

/// `alpha`, `lambda_` and `skew`: the number that a verb is a family by.
pub(super) fn number(given: &Bound<'_, PyAny>, name: &'static str, domain: Domain) -> PyResult<f64> {
    let number = if given.is_instance_of::<PyBool>() { None } else { given.extract::<f64>().ok() };
    let Some(number) = number else {
        let given = given.repr()?;
        return Err(PyTypeError::new_err(format!("{name}: got {given}, expected {}", domain.description())));
    };
    if domain.contains(number) {
        Ok(number)
    } else {
        Err(Error::Number { name, given: number, expected: domain.description() }.into())
    }
}

/// `weights`: two non-negative numbers that sum to 1.
pub(super) fn weights(weights: &Bound<'_, PyAny>) -> PyResult<[f64; 2]> {
    let numbers = || weights.try_iter()?.take(3).map(|weight| weight?.extract::<f64>()).collect::<PyResult<Vec<_>>>();
    let given = numbers().ok().and_then(|numbers| <[f64; 2]>::try_from(numbers).ok());
    let Some([a, b]) = given else {
        let given = weights.repr()?;
        return Err(PyTypeError::new_err(format!("weights: got {given}, expected two non-negative numbers that sum to 1")));
    };
    let sum = a + b;
    if a >= 0.0 && b >= 0.0 && (sum - 1.0).abs() <= WEIGHTS_TOLERANCE {
        Ok([a / sum, b / sum])
    } else {
        Err(Error::Weights { given: [a, b] }.into())
    }
}
