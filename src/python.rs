//! The door to Python: arguments become views, results become NumPy, errors become exceptions.
//!
//! A call is one function, [`reduce`], whose first argument names the verb; `python/klrs/_divergences.py` has the public functions.
//! Mistakes in the arguments are found before the first element is read. New results are written where they belong; into a caller's
//! `out` they are copied when all is known to be well, so it is untouched after any error and may overlap the inputs.

use std::panic::{AssertUnwindSafe, catch_unwind};

use pyo3::exceptions::{PyMemoryError, PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyModule, PyType};

use crate::element::Storage;
use crate::error::Error;
use crate::lanes::{Level, Real};
use crate::parallel;
use crate::reduce::{self, Job};
use crate::verb::{Masses, Verb};
use crate::view::{Plan, View};

mod arguments;
mod arrays;

/// The functions behind the package.
#[pymodule(gil_used = false)]
fn _klrs(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(verbs, module)?)?;
    module.add_function(wrap_pyfunction!(level, module)?)?;
    module.add_function(wrap_pyfunction!(reduce_rows, module)?)
}

/// Names of the verbs.
#[pyfunction]
fn verbs() -> Vec<&'static str> {
    Verb::ALL.iter().map(|verb| verb.name()).collect()
}

/// The instruction set in use.
#[pyfunction]
fn level() -> String {
    let name = format!("{:?}", Level::new());
    name.split('(').next().unwrap_or_default().to_owned()
}

/// One number for each distribution.
#[pyfunction(name = "reduce")]
#[pyo3(signature = (verb, p, q, axis, base, keepdims, mask, out, normalize, weights))]
#[expect(clippy::too_many_arguments, reason = "the keywords of the public functions")]
fn reduce_rows<'py>(
    py: Python<'py>,
    verb: &str,
    p: &Bound<'py, PyAny>,
    q: Option<&Bound<'py, PyAny>>,
    axis: &Bound<'py, PyAny>,
    base: Option<&Bound<'py, PyAny>>,
    keepdims: &Bound<'py, PyAny>,
    mask: Option<&Bound<'py, PyAny>>,
    out: Option<&Bound<'py, PyAny>>,
    normalize: &Bound<'py, PyAny>,
    weights: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let Some(&verb) = Verb::ALL.iter().find(|known| known.name() == verb) else {
        return Err(PyValueError::new_err(format!("verb: {verb:?}, expected one of {:?}", verbs())));
    };
    let keepdims = arguments::flag(keepdims, "keepdims")?;
    let normalize = arguments::flag(normalize, "normalize")?;
    let parameters = arguments::parameters(weights)?;
    let log_base = arguments::log_base(base)?;
    let axes = arguments::axes(axis)?;
    let p = arrays::array(p, "p")?;
    let q = q.map(|q| arrays::array(q, "q")).transpose()?;
    let mask = mask.map(|mask| arrays::array(mask, "where")).transpose()?;
    let view_p = arrays::view(&p, "p")?;
    let view_q = q.as_ref().map(|q| arrays::view(q, "q")).transpose()?;
    let view_mask = mask.as_ref().map(|mask| arrays::view(mask, "where")).transpose()?;
    let plan = Plan::new(&view_p, view_q.as_ref(), view_mask.as_ref(), &axes)?;
    let job = Job {
        plan: &plan,
        verb,
        parameters,
        masses: if normalize { Masses::Normalize } else { verb.masses() },
        log_base,
        level: Level::new(),
    };
    let fits_f32 = |view: Option<&View>| view.is_none_or(|view| view.dtype().fits_f32());
    if fits_f32(Some(&view_p)) && fits_f32(view_q.as_ref()) {
        answer::<f32>(py, &job, keepdims, out)
    } else {
        answer::<f64>(py, &job, keepdims, out)
    }
}

/// Runs a job and returns its values: a scalar, a new array, or `out`.
fn answer<'py, T: Real + Storage + arrays::Scalar>(
    py: Python<'py>,
    job: &Job,
    keepdims: bool,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let plan = job.plan;
    let shape = if keepdims { &plan.kept_shape } else { &plan.batch_shape };
    if let Some(out) = out {
        let mut view = arrays::out::<T>(out, shape)?;
        let mut values = vec_of::<T>(plan.rows)?;
        run(py, job, &mut values)?;
        view.write(plan, &values);
        return Ok(out.clone());
    }
    if shape.is_empty() {
        let mut value = [T::default()];
        run(py, job, &mut value)?;
        return value[0].scalar(py);
    }
    let mut new = arrays::empty::<T>(py, shape)?;
    if plan.in_result_order() {
        run(py, job, arrays::elements_mut::<T>(&mut new))?;
    } else {
        let mut values = vec_of::<T>(plan.rows)?;
        run(py, job, &mut values)?;
        arrays::out::<T>(&new, shape)?.write(plan, &values);
    }
    Ok(new)
}

/// Computes without the GIL, if it takes longer than letting go of it. A panic, which would be a bug, becomes an exception.
fn run<T: Real + Storage>(py: Python<'_>, job: &Job, values: &mut [T]) -> PyResult<()> {
    let elements = job.plan.rows.saturating_mul(job.plan.length);
    let mut compute = || catch_unwind(AssertUnwindSafe(|| reduce::reduce(job, values)));
    let outcome = if elements < parallel::INLINE { compute() } else { py.detach(compute) };
    match outcome {
        Ok(result) => Ok(result?),
        Err(panic) => {
            let what = panic.downcast_ref::<&str>().map(ToString::to_string);
            let what = what.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
            let version = env!("CARGO_PKG_VERSION");
            let text = format!("klrs {version} has a bug: {what}; please report it with the call that led here");
            Err(PyRuntimeError::new_err(text))
        }
    }
}

fn vec_of<T: Clone + Default>(length: usize) -> PyResult<Vec<T>> {
    let mut vector = Vec::new();
    let bytes = length.saturating_mul(size_of::<T>());
    vector.try_reserve_exact(length).map_err(|_| Error::OutOfMemory { bytes })?;
    vector.resize(length, T::default());
    Ok(vector)
}

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        match error {
            Error::DType { .. } | Error::WhereDType { .. } | Error::OutDType { .. } => PyTypeError::new_err(text),
            Error::AxisOutOfBounds { .. } => Python::attach(|py| axis_error(py, text)),
            Error::OutOfMemory { .. } => PyMemoryError::new_err(text),
            _ => PyValueError::new_err(text),
        }
    }
}

/// NumPy's exception for axes.
fn axis_error(py: Python<'_>, text: String) -> PyErr {
    static AXIS_ERROR: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    match AXIS_ERROR.import(py, "numpy.exceptions", "AxisError") {
        Ok(class) => PyErr::from_type(class.clone(), text),
        Err(error) => error,
    }
}
