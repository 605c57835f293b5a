//! Values of logits, and what there is for each entry: what `klrs.logits` is made of.

use numpy::{PyReadonlyArrayDyn, PyReadwriteArrayDyn, PyUntypedArray};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use super::arrays::{self, New};
use super::{arguments, compute, vec_of};
use crate::error::Error;
use crate::kernel::logits::{Binary, Part, Single};
use crate::lanes::{Level, exp};
use crate::logits::{Job, Labels, Of, Wanted};
use crate::parallel::Team;
use crate::verb::{Compute, Parameters, Verb};
use crate::view::Plan;

/// A call, as `klrs._logits` writes it down.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub(super) struct Call<'py> {
    /// Logits, of the only operand too; or the distributions that are the targets of a cross-entropy.
    p: Bound<'py, PyUntypedArray>,
    q: Option<Bound<'py, PyUntypedArray>>,
    #[pyo3(item("where"))]
    mask: Option<Bound<'py, PyUntypedArray>>,
    axis: Bound<'py, PyAny>,
    base: Option<Bound<'py, PyAny>>,
    temperature: f64,
    /// Weights of p and q in a mixture.
    weights: [f64; 2],
    /// Whether the caller's q comes as p, and p as q.
    swapped: bool,
    /// The order of Rényi's divergence.
    alpha: f64,
    /// Whether it is computed in `f64` whatever the dtype of the logits.
    wide: bool,
    /// One for each row, in C order.
    labels: Option<PyReadonlyArrayDyn<'py, i64>>,
    ignore_index: Option<i64>,
    label_smoothing: f64,
    class_weights: Option<PyReadonlyArrayDyn<'py, f64>>,
    /// `softmax` or `log_softmax`, or the `values` of two classes, where those are written instead of derivatives.
    written: Option<String>,
    /// In C order, with the axes of the distributions last, of the dtype that is computed in, or of half floats if that is float32.
    out: [Option<Bound<'py, PyUntypedArray>>; 2],
    /// What the derivatives of each row are multiplied with.
    factors: Option<PyReadonlyArrayDyn<'py, f64>>,
    /// What e is raised to to multiply those of a cross-entropy once more.
    lifts: Option<PyReadonlyArrayDyn<'py, f64>>,
}

/// The value of each row of logits.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "arguments from Python are owned")]
pub(super) fn logits<'py>(py: Python<'py>, name: &str, call: Call<'py>) -> PyResult<Bound<'py, PyAny>> {
    let names = match (name, &call.q) {
        ("cross_entropy" | "binary_cross_entropy", Some(_)) => ["targets", "logits"],
        (_, Some(_)) if call.swapped => ["q", "p"],
        (_, Some(_)) => ["p", "q"],
        (_, None) => ["logits"; 2],
    };
    let view_p = arrays::view(&call.p, names[0])?;
    let view_q = call.q.as_ref().map(|q| arrays::view(q, names[1])).transpose()?;
    let view_mask = call.mask.as_ref().map(|mask| arrays::view(mask, "where")).transpose()?;
    let plan = Plan::in_order(&view_p, view_q.as_ref(), view_mask.as_ref(), &arguments::axes(&call.axis)?);
    let plan = plan.map_err(|error| named(error, names))?;
    let part = if call.written.as_deref() == Some("values") { Part::Values } else { Part::Slopes };
    let of = match name {
        "entropy" => Of::Entropy,
        "cross_entropy" => Of::CrossEntropy,
        "logsumexp" => Of::LogSumExp,
        "binary_cross_entropy" => Of::Binary(Binary::CrossEntropy(call.class_weights.is_some()), part),
        "binary_kl_divergence" => Of::Binary(Binary::Logits, part),
        "binary_kl_divergence_of_probabilities" => Of::Binary(Binary::Probabilities, part),
        name => match Verb::ALL.iter().find(|verb| verb.name() == name) {
            Some(&verb) => {
                Of::Divergence(verb, Parameters { weights: call.weights, number: call.alpha, ..Parameters::default() })
            }
            None => return Err(PyValueError::new_err(format!("name: {name:?} is no verb"))),
        },
    };
    let softmax = match call.written.as_deref() {
        None | Some("values") => None,
        Some("softmax") => Some(Single::Softmax),
        Some("log_softmax") => Some(Single::LogSoftmax),
        Some(written) => return Err(PyValueError::new_err(format!("written: {written:?} is unknown"))),
    };
    let labels = call.labels.as_ref().map(|labels| labels.as_slice()).transpose().map_err(not_contiguous)?;
    let class_weights = call.class_weights.as_ref().map(|weights| weights.as_slice()).transpose().map_err(not_contiguous)?;
    let factors = call.factors.as_ref().map(|factors| factors.as_slice()).transpose().map_err(not_contiguous)?;
    let lifts = call.lifts.as_ref().map(|lifts| lifts.as_slice()).transpose().map_err(not_contiguous)?;
    let fits = |given: Option<usize>, expected: usize| given.is_none_or(|given| given == expected);
    if !fits(labels.map(<[_]>::len), plan.rows)
        || !fits(factors.map(<[_]>::len), plan.rows)
        || !fits(lifts.map(<[_]>::len), plan.rows)
        || !fits(class_weights.map(<[_]>::len), plan.length)
    {
        return Err(PyValueError::new_err("labels, factors or class_weights are not as many as there are rows or classes"));
    }
    let job = Job {
        plan: &plan,
        of,
        temperature: call.temperature,
        log_base: call.base.as_ref().map(arguments::log_base).transpose()?,
        labels: labels.map(|labels| Labels { labels, ignored: call.ignore_index }),
        class_weights,
        smoothing: call.label_smoothing,
        names,
        tolerance: view_p.dtype().tolerance(plan.length),
        level: Level::new(),
        team: Team::alone(),
    };
    if !call.wide && view_p.dtype().fits_f32() && view_q.as_ref().is_none_or(|q| q.dtype().fits_f32()) {
        answer::<f32>(py, &job, &call.out, [factors, lifts], softmax)
    } else {
        answer::<f64>(py, &job, &call.out, [factors, lifts], softmax)
    }
}

/// e to each of some numbers, in their place, with the same bits on every CPU.
#[pyfunction]
pub(super) fn exponentials(mut numbers: PyReadwriteArrayDyn<'_, f64>) -> PyResult<()> {
    exp::exp_all(numbers.as_slice_mut().map_err(not_contiguous)?);
    Ok(())
}

/// An error of a plan, whose operands are p and q, with the names that they have here.
pub(super) fn named(error: Error, names: [&'static str; 2]) -> Error {
    let of = |name| if name == "p" { names[0] } else { names[1] };
    match error {
        Error::NotBroadcastable { names: of_plan, p: q, q: p } if names == ["q", "p"] => {
            Error::NotBroadcastable { names: of_plan, p, q }
        }
        Error::LengthMismatch { names: of_plan, axis, p: q, q: p } if names == ["q", "p"] => {
            Error::LengthMismatch { names: of_plan, axis, p, q }
        }
        Error::ZeroDimensional { name } => Error::ZeroDimensional { name: of(name) },
        Error::NotBroadcastable { p, q, .. } => Error::NotBroadcastable { names, p, q },
        Error::LengthMismatch { axis, p, q, .. } => Error::LengthMismatch { names, axis, p, q },
        Error::Empty { name, axis, shape } => Error::Empty { name: of(name), axis, shape },
        error => error,
    }
}

pub(super) fn not_contiguous(error: impl core::fmt::Display) -> PyErr {
    PyValueError::new_err(error.to_string())
}

fn answer<'py, T: Compute + arrays::Scalar>(
    py: Python<'py>,
    job: &Job,
    out: &[Option<Bound<'py, PyUntypedArray>>; 2],
    [weights, lifts]: [Option<&[f64]>; 2],
    softmax: Option<Single>,
) -> PyResult<Bound<'py, PyAny>> {
    let plan = job.plan;
    let places = plan.rows.saturating_mul(plan.length);
    let [of_p, of_q] = out;
    let of_p = of_p.as_ref().map(|array| arrays::elements_mut::<T>(array, places)).transpose()?;
    let of_q = of_q.as_ref().map(|array| arrays::elements_mut::<T>(array, places)).transpose()?;
    let wanted = Wanted { out: [of_p, of_q], weights, lifts, softmax };
    let shape = plan.result_shape(false);
    if shape.is_empty() {
        let mut value = vec_of::<T>(1)?;
        compute(py, plan, |team| crate::logits::compute(&Job { team, ..*job }, &mut value, wanted))?;
        return value[0].scalar(py);
    }
    let mut new = New::<T>::empty(py, &shape)?;
    let values = new.elements_mut();
    compute(py, plan, |team| crate::logits::compute(&Job { team, ..*job }, values, wanted))?;
    Ok(new.into_array())
}
