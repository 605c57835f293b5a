//! Transport on the line: what `klrs._transport_calls` asks for.

use numpy::{PyReadonlyArrayDyn, PyUntypedArray};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::arrays::{self, New, Scalar};
use super::{arguments, compute, vec_of};
use crate::error::Error;
use crate::lanes::Level;
use crate::parallel::Team;
use crate::transport::{self, Distance, Histograms, Sample, Samples, Wanted};
use crate::view::{Axes, Few, Plan, View};

/// A call with histograms, as `klrs._transport_calls` writes it down.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct OfHistograms<'py> {
    p: Bound<'py, PyUntypedArray>,
    q: Bound<'py, PyUntypedArray>,
    #[pyo3(item("where"))]
    mask: Option<Bound<'py, PyUntypedArray>>,
    axis: Bound<'py, PyAny>,
    normalize: Bound<'py, PyAny>,
    /// Ascending and finite; None for 0, 1, 2, …
    support: Option<PyReadonlyArrayDyn<'py, f64>>,
    order: f64,
    /// In C order, with the axes of the distributions last, of the dtype that is computed in.
    out: [Option<Bound<'py, PyUntypedArray>>; 2],
    /// What the gradients of each row are multiplied with.
    factors: Option<PyReadonlyArrayDyn<'py, f64>>,
}

/// A call with samples, which run along the last axis of arrays that have one shape but for that.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct OfSamples<'py> {
    x: Bound<'py, PyUntypedArray>,
    y: Bound<'py, PyUntypedArray>,
    x_weights: Option<Bound<'py, PyUntypedArray>>,
    y_weights: Option<Bound<'py, PyUntypedArray>>,
    order: f64,
    /// As above.
    out: [Option<Bound<'py, PyUntypedArray>>; 2],
    factors: Option<PyReadonlyArrayDyn<'py, f64>>,
}

/// The distance of each pair of histograms.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "arguments from Python are owned")]
pub(super) fn transport_of_histograms<'py>(py: Python<'py>, name: &str, call: OfHistograms<'py>) -> PyResult<Bound<'py, PyAny>> {
    let (view_p, view_q) = (arrays::view(&call.p, "p")?, arrays::view(&call.q, "q")?);
    let view_mask = call.mask.as_ref().map(|mask| arrays::view(mask, "where")).transpose()?;
    let plan = Plan::in_order(&view_p, Some(&view_q), view_mask.as_ref(), &arguments::axes(&call.axis)?)?;
    let mut positions: Vec<f64>;
    let support = if let Some(support) = &call.support {
        support.as_slice().map_err(not_contiguous)?
    } else {
        positions = vec_of(plan.length)?;
        positions.iter_mut().enumerate().for_each(|(index, position)| *position = index as f64);
        &positions
    };
    let factors = factors(call.factors.as_ref(), plan.rows)?;
    if support.len() != plan.length {
        return Err(PyValueError::new_err(format!(
            "support: {} positions, expected {}, one for each entry of a distribution",
            support.len(),
            plan.length
        )));
    }
    let job = Histograms {
        plan: &plan,
        distance: distance(name, call.order)?,
        support,
        normalize: arguments::flag(&call.normalize, "normalize")?,
        tolerances: [&view_p, &view_q].map(|view| view.dtype().tolerance(plan.length)),
        level: Level::new(),
        team: Team::alone(),
    };
    let fits_f32 = view_p.dtype().fits_f32() && view_q.dtype().fits_f32();
    let answer = if fits_f32 { answer_of_histograms::<f32> } else { answer_of_histograms::<f64> };
    answer(py, &job, &call.out, factors)
}

/// The distance of each pair of rows of samples.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "arguments from Python are owned")]
pub(super) fn transport_of_samples<'py>(py: Python<'py>, name: &str, call: OfSamples<'py>) -> PyResult<Bound<'py, PyAny>> {
    let names = [["x", "x_weights"], ["y", "y_weights"]];
    let views = [arrays::view(&call.x, names[0][0])?, arrays::view(&call.y, names[1][0])?];
    let weights = [(&call.x_weights, names[0][1]), (&call.y_weights, names[1][1])];
    let [of_x, of_y] = weights.map(|(array, name)| array.as_ref().map(|array| arrays::view(array, name)).transpose());
    let weights = [of_x?, of_y?];
    let plan = |view, name| Plan::in_order(view, None, None, &Axes::One(-1)).map_err(|error| named(error, name));
    let plans = [plan(&views[0], names[0][0])?, plan(&views[1], names[1][0])?];
    let plan_of = |which: usize| weights[which].as_ref().map(|view: &View| plan(view, names[which][1])).transpose();
    let weights = [plan_of(0)?, plan_of(1)?];
    let rows = plans[0].rows;
    let fits = |which: usize| {
        let length = plans[which].length;
        plans[which].rows == rows && weights[which].as_ref().is_none_or(|it| it.rows == rows && it.length == length)
    };
    if !fits(0) || !fits(1) {
        return Err(PyValueError::new_err("x, y and their weights have not as many rows or samples"));
    }
    let sample = |which: usize| Sample { plan: &plans[which], weights: weights[which].as_ref(), names: names[which] };
    let job = Samples { of: [sample(0), sample(1)], distance: distance(name, call.order)?, team: Team::alone() };
    let factors = factors(call.factors.as_ref(), rows)?;
    let fits_f32 = views.iter().all(|view| view.dtype().fits_f32());
    let answer = if fits_f32 { answer_of_samples::<f32> } else { answer_of_samples::<f64> };
    answer(py, &job, &call.out, factors)
}

fn distance(name: &str, order: f64) -> PyResult<Distance> {
    match name {
        "wasserstein_distance" => Ok(Distance::Wasserstein(order)),
        "cramer_distance" => Ok(Distance::Cumulative(1.0)),
        "energy_distance" => Ok(Distance::Cumulative(2.0)),
        name => Err(PyValueError::new_err(format!("name: {name:?} is no distance"))),
    }
}

fn factors<'a>(given: Option<&'a PyReadonlyArrayDyn<'_, f64>>, rows: usize) -> PyResult<Option<&'a [f64]>> {
    let factors = given.map(|factors| factors.as_slice()).transpose().map_err(not_contiguous)?;
    if factors.is_some_and(|factors| factors.len() != rows) {
        return Err(PyValueError::new_err("factors are not as many as there are rows"));
    }
    Ok(factors)
}

/// An error of a plan, whose operand is p, with the name that it has here.
fn named(error: Error, name: &'static str) -> Error {
    match error {
        Error::ZeroDimensional { .. } => Error::ZeroDimensional { name },
        Error::Empty { axis, shape, .. } => Error::Empty { name, axis, shape },
        error => error,
    }
}

fn not_contiguous(error: impl core::fmt::Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}

fn answer_of_histograms<'py, T: Scalar>(
    py: Python<'py>,
    job: &Histograms,
    out: &[Option<Bound<'py, PyUntypedArray>>; 2],
    weights: Option<&[f64]>,
) -> PyResult<Bound<'py, PyAny>> {
    let wanted = Wanted { out: places::<T>(out, [job.plan.length; 2], job.plan.rows)?, weights };
    with_values(py, job.plan, |team, values| transport::histograms(&Histograms { team, ..*job }, values, wanted))
}

fn answer_of_samples<'py, T: Scalar>(
    py: Python<'py>,
    job: &Samples,
    out: &[Option<Bound<'py, PyUntypedArray>>; 2],
    weights: Option<&[f64]>,
) -> PyResult<Bound<'py, PyAny>> {
    let lengths = job.of.map(|sample| sample.plan.length);
    let wanted = Wanted { out: places::<T>(out, lengths, job.of[0].plan.rows)?, weights };
    let longer = &job.of[usize::from(lengths[1] > lengths[0])];
    with_values(py, longer.plan, |team, values| transport::samples(&Samples { team, ..*job }, values, wanted))
}

fn places<'a, T: Scalar>(
    out: &'a [Option<Bound<'_, PyUntypedArray>>; 2],
    lengths: [usize; 2],
    rows: usize,
) -> PyResult<[Option<&'a mut [T]>; 2]> {
    let place = |which: usize| {
        let elements = rows.saturating_mul(lengths[which]);
        out[which].as_ref().map(|array| arrays::contiguous_mut::<T>(array, elements)).transpose()
    };
    Ok([place(0)?, place(1)?])
}

/// The values of rows: a scalar or a new array.
fn with_values<'py, T: Scalar>(
    py: Python<'py>,
    plan: &Plan,
    does: impl FnOnce(Team, &mut [T]) -> Result<(), Error> + Send,
) -> PyResult<Bound<'py, PyAny>> {
    let shape: Few<usize> = plan.result_shape(false);
    if shape.is_empty() {
        let mut value = vec_of::<T>(1)?;
        compute(py, plan, |team| does(team, &mut value))?;
        return value[0].scalar(py);
    }
    let mut new = New::<T>::empty(py, &shape)?;
    let values = new.elements_mut();
    compute(py, plan, |team| does(team, values))?;
    Ok(new.into_array())
}
