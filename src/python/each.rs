//! Gradients and terms: what `klrs._gradients` and `klrs._classes` are made of.

use numpy::PyUntypedArray;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::arrays::{self, New};
use super::function::Arguments;
use super::{compute, vec_of, with_job};
use crate::kernel;
use crate::reduce::{Job, Wanted};
use crate::verb::{Compute, Masses, Verb};

/// Values of a verb, and its derivatives or terms written to arrays.
///
/// `arguments` are the verb's, by name. `out` are arrays for p and for q, or None: in C order, with the axes of the distributions last,
/// of the dtype that is computed in, for terms of normalised rows `float64`. `weights` are float64 numbers, one for each row in C order.
#[pyfunction]
#[pyo3(signature = (name, arguments, terms, out, weights))]
#[expect(clippy::needless_pass_by_value, reason = "arguments from Python are owned")]
pub(super) fn each<'py>(
    py: Python<'py>,
    name: &str,
    arguments: &Bound<'py, PyDict>,
    terms: bool,
    out: [Option<Bound<'py, PyUntypedArray>>; 2],
    weights: Option<Bound<'py, PyUntypedArray>>,
) -> PyResult<Bound<'py, PyAny>> {
    let Some(&verb) = Verb::ALL.iter().find(|verb| verb.name() == name) else {
        return Err(PyValueError::new_err(format!("name: {name:?} is no verb")));
    };
    let items: Vec<_> = arguments.iter().collect();
    let arguments = Arguments::named(&items)?;
    let each = if terms { kernel::Each::Terms } else { kernel::Each::Partials };
    with_job(verb, &arguments, true, |job, fits_f32| {
        // Beside equal shares a term of a normalised row is the square of a difference that `f32` does not hold.
        if fits_f32 && !(terms && job.masses == Masses::Normalize) {
            answer::<f32>(py, job, each, &out, weights.as_ref())
        } else {
            answer::<f64>(py, job, each, &out, weights.as_ref())
        }
    })
}

fn answer<'a, 'py, T: Compute + arrays::Scalar>(
    py: Python<'py>,
    job: &Job,
    each: kernel::Each,
    out: &'a [Option<Bound<'py, PyUntypedArray>>; 2],
    weights: Option<&'a Bound<'py, PyUntypedArray>>,
) -> PyResult<Bound<'py, PyAny>> {
    let plan = job.plan;
    let kernel = T::kernel(job.verb, job.parameters);
    if each == kernel::Each::Partials && !kernel.has_gradient() {
        let name = job.verb.name();
        let number = job.verb.domain().map_or(String::new(), |_| format!(" with the parameter {}", job.parameters.number));
        return Err(PyValueError::new_err(format!("verb: {name}{number} has no gradient")));
    }
    let places = plan.rows.saturating_mul(plan.length);
    let view = |array: &'a Option<Bound<'py, PyUntypedArray>>| {
        array.as_ref().map(|array| arrays::contiguous_mut::<T>(array, places)).transpose()
    };
    let out = [view(&out[0])?, view(&out[1])?];
    let weights = weights.map(|weights| arrays::contiguous_mut::<f64>(weights, plan.rows)).transpose()?;
    let wanted = Wanted { each, out, weights: weights.as_deref() };
    let shape = plan.result_shape(false);
    if shape.is_empty() {
        let mut value = vec_of::<T>(1)?;
        compute(py, plan, |team| crate::reduce::each(&Job { team, ..*job }, &mut value, wanted))?;
        return value[0].scalar(py);
    }
    let mut new = New::<T>::empty(py, &shape)?;
    let values = new.elements_mut();
    compute(py, plan, |team| crate::reduce::each(&Job { team, ..*job }, values, wanted))?;
    Ok(new.into_array())
}
