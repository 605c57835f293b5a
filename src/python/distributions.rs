//! Formulas of parametric distributions: what `klrs.distributions` is made of.

use numpy::{PyArray1, PyReadonlyArray1};
use pyo3::exceptions::{PyMemoryError, PyValueError};
use pyo3::prelude::*;

use crate::distributions;

/// A formula, by its name, for each element of arrays of equal length.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "arguments from Python are owned")]
pub(super) fn distribution<'py>(
    py: Python<'py>,
    name: &str,
    arrays: Vec<PyReadonlyArray1<'py, f64>>,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let Some(formula) = distributions::find(name) else {
        return Err(PyValueError::new_err(format!("name: {name:?} is no formula")));
    };
    let slices: Vec<&[f64]> = arrays.iter().map(|array| array.as_slice()).collect::<Result<_, _>>()?;
    let length = slices.first().map_or(0, |slice| slice.len());
    if slices.iter().any(|slice| slice.len() != length) || formula.arguments().is_some_and(|expected| expected != slices.len()) {
        return Err(PyValueError::new_err(format!("arrays: {} of them do not fit {name:?}", slices.len())));
    }
    let mut values = Vec::new();
    let bytes = length.saturating_mul(size_of::<f64>());
    values
        .try_reserve_exact(length)
        .map_err(|_| PyMemoryError::new_err(format!("could not allocate {bytes} bytes for the results")))?;
    py.detach(|| {
        let mut numbers = vec![0.0; slices.len()];
        values.extend((0..length).map(|i| {
            for (number, slice) in numbers.iter_mut().zip(&slices) {
                *number = slice[i];
            }
            formula.value(&numbers)
        }));
    });
    Ok(PyArray1::from_vec(py, values))
}

/// The names of all formulas.
#[pyfunction]
pub(super) fn distribution_names() -> Vec<&'static str> {
    distributions::names().collect()
}
