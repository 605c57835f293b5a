//! Means over draws with their standard errors: what `klrs._estimates` asks for.

use numpy::PyUntypedArray;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::arrays::{self, New, Scalar};
use super::{arguments, compute};
use crate::draws::{self, Job, Of};
use crate::lanes::Level;
use crate::parallel::Team;
use crate::view::Plan;

/// A call, as `klrs._estimates` writes it down: the operands fit each other.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct Call<'py> {
    log_densities: [Bound<'py, PyUntypedArray>; 2],
    #[pyo3(item("where"))]
    mask: Option<Bound<'py, PyUntypedArray>>,
    axis: Bound<'py, PyAny>,
    /// Whether the last axis is one that the caller does not know.
    single: bool,
    base: Option<Bound<'py, PyAny>>,
}

/// Estimates from draws: the values of the first for each row, its standard errors, the values of the next.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "arguments from Python are owned")]
pub(super) fn estimates<'py>(py: Python<'py>, name: &str, call: Call<'py>) -> PyResult<Bound<'py, PyAny>> {
    // The last is which density the draws are from.
    let (of, names, sampler) = match name {
        "evidence_lower_bound" => (Of::Ratio, ["log_joint", "log_q"], 1),
        "importance_weighted_bound" => (Of::Weights, ["log_joint", "log_q"], 1),
        "kl_estimators" => (Of::Estimators, ["log_prob_p", "log_prob_q"], 0),
        _ => return Err(PyValueError::new_err(format!("name: {name:?} is no estimate"))),
    };
    let [first, other] = &call.log_densities;
    let (first, other) = (arrays::view(first, names[0])?, arrays::view(other, names[1])?);
    let mask = call.mask.as_ref().map(|mask| arrays::view(mask, "where")).transpose()?;
    let plan = Plan::in_order(&first, Some(&other), mask.as_ref(), &arguments::axes(&call.axis)?)?;
    let log_base = call.base.as_ref().map(arguments::log_base).transpose()?;
    let (level, team) = (Level::new(), Team::alone());
    let job = Job { plan: &plan, of, names, sampler, single: call.single, log_base, level, team };
    let fits_f32 = first.dtype().fits_f32() && other.dtype().fits_f32();
    if fits_f32 { answer::<f32>(py, &job) } else { answer::<f64>(py, &job) }
}

fn answer<'py, T: Scalar>(py: Python<'py>, job: &Job) -> PyResult<Bound<'py, PyAny>> {
    let mut shape = job.plan.result_shape(false);
    shape.insert(0, 2 * job.of.count());
    let mut new = New::<T>::empty(py, &shape)?;
    let values = new.elements_mut();
    compute(py, job.plan, |team| draws::compute(&Job { team, ..*job }, values))?;
    Ok(new.into_array())
}
