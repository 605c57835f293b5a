//! The door to Python: arguments become views, results become NumPy, errors become exceptions.
//!
//! The public functions come from [`function`], and all of them end in [`reduce_rows`]; `python/klrs/_divergences.py` has what they say.
//! Mistakes in the arguments are found before the first element is read. New results are written where they belong; into a caller's
//! `out` they are copied when all is known to be well, so it is untouched after any error and may overlap the inputs.

use core::f64::consts::LN_2;
use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};

use pyo3::exceptions::{PyKeyboardInterrupt, PyMemoryError, PyRuntimeError, PyRuntimeWarning, PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyModule, PyType};

use crate::error::Error;
use crate::lanes::Level;
use crate::parallel::{self, Team};
use crate::reduce::{self, Job};
use crate::verb::{Compute, Masses, Verb};
use crate::view::{Axes, Plan, View};

mod arguments;
mod arrays;
mod distributions;
mod draws;
mod each;
mod function;
mod gaussian;
mod logits;
mod transport;

use function::{Arguments, Parameter};

/// Most axes that NumPy gives an array.
const MOST_AXES: usize = 64;

/// The functions behind the package.
#[pymodule(gil_used = false)]
fn _klrs(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    module.add_function(wrap_pyfunction!(verbs, module)?)?;
    module.add_function(wrap_pyfunction!(level, module)?)?;
    module.add_function(wrap_pyfunction!(build, module)?)?;
    module.add_function(wrap_pyfunction!(available_threads, module)?)?;
    module.add_function(wrap_pyfunction!(each::each, module)?)?;
    module.add_function(wrap_pyfunction!(logits::logits, module)?)?;
    module.add_function(wrap_pyfunction!(logits::exponentials, module)?)?;
    module.add_function(wrap_pyfunction!(gaussian::kl_to_standard_normal, module)?)?;
    module.add_function(wrap_pyfunction!(draws::estimates, module)?)?;
    module.add_function(wrap_pyfunction!(distributions::distribution, module)?)?;
    module.add_function(wrap_pyfunction!(distributions::distribution_names, module)?)?;
    module.add_function(wrap_pyfunction!(transport::transport_of_histograms, module)?)?;
    module.add_function(wrap_pyfunction!(transport::transport_of_samples, module)?)?;
    module.add_function(wrap_pyfunction!(function::function, module)?)
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
    let name = name.split('(').next().unwrap_or_default();
    #[cfg(target_arch = "x86_64")]
    if name != "Avx512" && std::arch::is_x86_feature_detected!("avx512f") {
        return format!("{name} (the AVX-512 of this CPU lacks what Ice Lake has)");
    }
    name.to_owned()
}

/// The compiler and the target.
#[pyfunction]
fn build() -> &'static str {
    env!("KLRS_BUILD")
}

/// How many threads this process may use: its affinity and its cgroup's quota are respected.
#[pyfunction]
fn available_threads() -> usize {
    parallel::available()
}

/// One number for each distribution: a call of a verb.
fn reduce_rows<'py>(py: Python<'py>, verb: Verb, arguments: &Arguments<'_, 'py>) -> PyResult<Bound<'py, PyAny>> {
    let keepdims = arguments.flag(Parameter::KeepDims)?;
    let out = arguments.get_some(Parameter::Out);
    with_job(verb, arguments, false, |job, fits_f32| {
        if fits_f32 { answer::<f32>(py, job, keepdims, out.as_deref()) } else { answer::<f64>(py, job, keepdims, out.as_deref()) }
    })
}

/// Does something with a call, once its arguments are understood, and with whether it is computed in `f32`. Rows are in the order in
/// which they lie in memory, or in that of the result.
#[inline(always)]
fn with_job<R>(
    verb: Verb,
    arguments: &Arguments<'_, '_>,
    in_order: bool,
    then: impl FnOnce(&Job, bool) -> PyResult<R>,
) -> PyResult<R> {
    let normalize = arguments.flag(Parameter::Normalize)?;
    let parameters = arguments.parameters(verb)?;
    let log_base = match arguments.get_some(Parameter::Base) {
        None => None,
        Some(base) if function::plain_int(&base) == Some(2) => Some(LN_2),
        Some(base) => Some(arguments::log_base(&base)?),
    };
    let axes = match arguments.get(Parameter::Axis) {
        None => Axes::One(-1),
        Some(axis) => match function::plain_int(&axis) {
            Some(axis) => Axes::One(axis),
            None => arguments::axes(&axis)?,
        },
    };
    let Some(p) = arguments.array(Parameter::P)? else { return Err(PyTypeError::new_err("p is missing")) };
    let q = arguments.array(Parameter::Q)?;
    let mask = arguments.array(Parameter::Where)?;
    let view_p = arrays::view(&p, "p")?;
    let view_q = q.as_ref().map(|q| arrays::view(q, "q")).transpose()?;
    let view_mask = mask.as_ref().map(|mask| arrays::view(mask, "where")).transpose()?;
    let fits_f32 = |view: Option<&View>| view.is_none_or(|view| view.dtype().fits_f32());
    let fits_f32 = fits_f32(Some(&view_p)) && fits_f32(view_q.as_ref());
    let masses = if normalize { Masses::Normalize } else { verb.masses() };
    Plan::with(&view_p, view_q.as_ref(), view_mask.as_ref(), &axes, !in_order, |plan| {
        let job = Job { plan, verb, parameters, masses, log_base, level: Level::new(), team: Team::alone() };
        then(&job, fits_f32)
    })
}

/// Runs a job and returns its values: a scalar, a new array, or `out`.
fn answer<'py, T: Compute + arrays::Scalar>(
    py: Python<'py>,
    job: &Job,
    keepdims: bool,
    out: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let plan = job.plan;
    if out.is_none() && plan.has_no_batch_axes() {
        return one_value::<T>(py, job, keepdims);
    }
    let shape = plan.result_shape(keepdims);
    if let Some(out) = out {
        let mut view = arrays::out::<T>(out, &shape)?;
        let mut values = vec_of::<T>(plan.rows)?;
        run(py, job, &mut values)?;
        view.write(plan, &values);
        return Ok(out.clone());
    }
    let mut new = arrays::New::<T>::empty(py, &shape)?;
    if plan.in_result_order() {
        run(py, job, new.elements_mut())?;
        return Ok(new.into_array());
    }
    let mut values = vec_of::<T>(plan.rows)?;
    run(py, job, &mut values)?;
    let new = new.into_array();
    arrays::out::<T>(&new, &shape)?.write(plan, &values);
    Ok(new)
}

/// The only value of a job: a scalar, or an array whose axes have the length 1.
#[inline(always)]
fn one_value<'py, T: Compute + arrays::Scalar>(py: Python<'py>, job: &Job, keepdims: bool) -> PyResult<Bound<'py, PyAny>> {
    if keepdims {
        let mut new = arrays::New::<T>::empty(py, &[1; MOST_AXES][..job.plan.axes()])?;
        run(py, job, new.elements_mut())?;
        return Ok(new.into_array());
    }
    let mut value = [T::default()];
    run(py, job, &mut value)?;
    value[0].scalar(py)
}

fn run<T: Compute>(py: Python<'_>, job: &Job, values: &mut [T]) -> PyResult<()> {
    compute(py, job.plan, |team| reduce::reduce(&Job { team, ..*job }, values))
}

/// Computes: a little at once, and more without the GIL, with the threads that the caller may have and until Ctrl-C is pressed.
fn compute(py: Python<'_>, plan: &Plan, does: impl FnOnce(Team) -> Result<(), Error> + Send) -> PyResult<()> {
    static THREADS: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    if plan.rows.saturating_mul(plan.length) < parallel::INLINE {
        return outcome(catch_unwind(AssertUnwindSafe(|| does(Team::alone()))));
    }
    let threads = THREADS.import(py, "klrs._threads", "get_num_threads")?.call0()?.extract()?;
    let signal = Mutex::new(None);
    let is_interrupted = || {
        let raised = Python::attach(|py| py.check_signals().err());
        let stop = raised.is_some();
        if stop {
            *signal.lock().unwrap_or_else(PoisonError::into_inner) = raised;
        }
        stop
    };
    let team = Team { threads, is_interrupted: &is_interrupted };
    let result = py.detach(|| catch_unwind(AssertUnwindSafe(|| does(team))));
    if let Some(raised) = signal.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(raised);
    }
    if parallel::take_failure() {
        let text = c"klrs could not start threads (is there a limit on processes or memory?) and computes with one from now on; \
                     call klrs.set_num_threads(1) to say that this is meant";
        PyErr::warn(py, &py.get_type::<PyRuntimeWarning>(), text, 1)?;
    }
    outcome(result)
}

fn outcome(result: std::thread::Result<Result<(), Error>>) -> PyResult<()> {
    Ok(result.map_err(|panic| bug(panic.as_ref()))??)
}

/// A panic, which would be a bug, as an exception.
fn bug(panic: &(dyn Any + Send)) -> PyErr {
    let what = panic.downcast_ref::<&str>().map(ToString::to_string);
    let what = what.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
    let version = env!("CARGO_PKG_VERSION");
    PyRuntimeError::new_err(format!("klrs {version} has a bug: {what}; please report it with the call that led here"))
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
            Error::Interrupted => PyKeyboardInterrupt::new_err(text),
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
