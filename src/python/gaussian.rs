//! Gaussians beside the standard one: what `klrs.variational` asks for.

use numpy::{PyReadonlyArrayDyn, PyUntypedArray};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::arrays::{self, New, Scalar};
use super::logits::{named, not_contiguous};
use super::{arguments, compute, vec_of};
use crate::gaussian::{self, Job, Wanted};
use crate::lanes::Level;
use crate::parallel::Team;
use crate::view::Plan;

/// A call, as `klrs._variational` writes it down.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct Call<'py> {
    mean: Bound<'py, PyUntypedArray>,
    log_variance: Bound<'py, PyUntypedArray>,
    #[pyo3(item("where"))]
    mask: Option<Bound<'py, PyUntypedArray>>,
    axis: Bound<'py, PyAny>,
    base: Option<Bound<'py, PyAny>>,
    /// The least that each entry counts, in units of the base.
    free_bits: Option<f64>,
    /// In C order, with the axes that are summed over last, of the dtype that is computed in, or of half floats if that is float32.
    out: [Option<Bound<'py, PyUntypedArray>>; 2],
    /// What the derivatives of each row are multiplied with.
    factors: Option<PyReadonlyArrayDyn<'py, f64>>,
}

/// The divergence of each row of Gaussians from standard ones.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "arguments from Python are owned")]
pub(super) fn kl_to_standard_normal<'py>(py: Python<'py>, call: Call<'py>) -> PyResult<Bound<'py, PyAny>> {
    let names = ["mean", "log_variance"];
    let (mean, log_variance) = (arrays::view(&call.mean, names[0])?, arrays::view(&call.log_variance, names[1])?);
    let mask = call.mask.as_ref().map(|mask| arrays::view(mask, "where")).transpose()?;
    let plan = Plan::in_order(&mean, Some(&log_variance), mask.as_ref(), &arguments::axes(&call.axis)?);
    let plan = plan.map_err(|error| named(error, names))?;
    let factors = call.factors.as_ref().map(|factors| factors.as_slice()).transpose().map_err(not_contiguous)?;
    if factors.is_some_and(|factors| factors.len() != plan.rows) {
        return Err(PyValueError::new_err("factors are not as many as there are rows"));
    }
    let log_base = call.base.as_ref().map(arguments::log_base).transpose()?;
    let free = call.free_bits.map(|free| free * log_base.unwrap_or(1.0));
    let job = Job { plan: &plan, free, log_base, level: Level::new(), team: Team::alone() };
    let fits_f32 = mean.dtype().fits_f32() && log_variance.dtype().fits_f32();
    let answer = if fits_f32 { answer::<f32> } else { answer::<f64> };
    answer(py, &job, &call.out, factors)
}

fn answer<'py, T: Scalar>(
    py: Python<'py>,
    job: &Job,
    out: &[Option<Bound<'py, PyUntypedArray>>; 2],
    weights: Option<&[f64]>,
) -> PyResult<Bound<'py, PyAny>> {
    let plan = job.plan;
    let places = plan.rows.saturating_mul(plan.length);
    let [of_mean, of_variance] = out;
    let of_mean = of_mean.as_ref().map(|array| arrays::elements_mut::<T>(array, places)).transpose()?;
    let of_variance = of_variance.as_ref().map(|array| arrays::elements_mut::<T>(array, places)).transpose()?;
    let wanted = Wanted { out: [of_mean, of_variance], weights };
    let shape = plan.result_shape(false);
    if shape.is_empty() {
        let mut value = vec_of::<T>(1)?;
        compute(py, plan, |team| gaussian::compute(&Job { team, ..*job }, &mut value, wanted))?;
        return value[0].scalar(py);
    }
    let mut new = New::<T>::empty(py, &shape)?;
    let values = new.elements_mut();
    compute(py, plan, |team| gaussian::compute(&Job { team, ..*job }, values, wanted))?;
    Ok(new.into_array())
}
