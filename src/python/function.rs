//! The public functions, called as fast as CPython can.
//!
//! A call for three classes takes less time than a Python frame with its keywords. So a public function is a C function that gets its
//! arguments as they lie on the interpreter's stack, and what is not given costs nothing. Its name, signature and docstring are those
//! of a Python function without a body, from which `klrs._calls.verb` makes it; a call that does not fit the
//! signature is handed back to `klrs._calls.explain`, which says what would.

#![expect(unsafe_code, reason = "PyO3 has no functions whose docstrings are known at run time only")]

use core::ffi::c_char;
use std::ffi::CString;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::null_mut;
use std::sync::OnceLock;

use numpy::PyUntypedArray;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyDict, PyInt, PyList, PyString, PyTuple};

use super::{arguments, arrays, bug, reduce_rows};
use crate::verb::{Parameters, Verb};

/// The parameters that a function can have, operands first.
#[derive(Clone, Copy)]
pub(super) enum Parameter {
    P,
    Q,
    Axis,
    Base,
    KeepDims,
    Where,
    Out,
    Normalize,
    Weights,
    Alpha,
    Lambda,
    Skew,
}

/// Their names, in that order.
const PARAMETERS: [&str; 12] =
    ["p", "q", "axis", "base", "keepdims", "where", "out", "normalize", "weights", "alpha", "lambda_", "skew"];

/// The arguments of a call; `None` for what was not given.
#[derive(Clone, Copy)]
pub(super) struct Arguments<'a, 'py> {
    given: [Option<Borrowed<'a, 'py, PyAny>>; PARAMETERS.len()],
    q_is_optional: bool,
}

impl<'a, 'py> Arguments<'a, 'py> {
    /// Those of a dict, which has nothing else.
    pub(super) fn named(items: &'a [(Bound<'py, PyAny>, Bound<'py, PyAny>)]) -> PyResult<Self> {
        let mut given = [None; PARAMETERS.len()];
        for (name, argument) in items {
            let place = place(name)?.ok_or_else(|| PyValueError::new_err(format!("{name} is no parameter")))?;
            given[place] = Some(argument.as_borrowed());
        }
        Ok(Self { given, q_is_optional: true })
    }

    /// What was given.
    #[inline]
    pub(super) fn get(&self, parameter: Parameter) -> Option<Borrowed<'a, 'py, PyAny>> {
        self.given[parameter as usize]
    }

    /// What was given, unless it is Python's `None`, which stands for the default.
    #[inline]
    pub(super) fn get_some(&self, parameter: Parameter) -> Option<Borrowed<'a, 'py, PyAny>> {
        self.get(parameter).filter(|argument| !argument.is_none())
    }

    /// A parameter that is a flag.
    #[inline]
    pub(super) fn flag(&self, parameter: Parameter) -> PyResult<bool> {
        self.get(parameter).map_or(Ok(false), |flag| arguments::flag(&flag, PARAMETERS[parameter as usize]))
    }

    /// The parameters of the formula.
    #[inline(always)]
    pub(super) fn parameters(&self, verb: Verb) -> PyResult<Parameters> {
        let mut parameters = Parameters { alone: self.get_some(Parameter::Q).is_none(), ..Parameters::default() };
        if let Some(weights) = self.get_some(Parameter::Weights) {
            parameters.weights = arguments::weights(&weights)?;
        }
        if let Some(domain) = verb.domain() {
            for parameter in [Parameter::Alpha, Parameter::Lambda, Parameter::Skew] {
                if let Some(number) = self.get(parameter) {
                    parameters.number = arguments::number(&number, PARAMETERS[parameter as usize], domain)?;
                }
            }
        }
        Ok(parameters)
    }

    /// A parameter that is an array.
    #[inline(always)]
    pub(super) fn array(&self, parameter: Parameter) -> PyResult<Option<Bound<'py, PyUntypedArray>>> {
        let given = match parameter {
            Parameter::P => self.get(parameter),
            Parameter::Q if !self.q_is_optional => self.get(parameter),
            _ => self.get_some(parameter),
        };
        match given {
            Some(argument) => arrays::array(&argument, PARAMETERS[parameter as usize]).map(Some),
            None => Ok(None),
        }
    }
}

/// What a public function is made of; CPython keeps pointers into it.
struct Definition {
    operands: usize,
    /// The parameters that it has, and those that must be given: a bit each.
    has: u16,
    requires: u16,
    name: CString,
    doc: CString,
    method: OnceLock<Method>,
}

struct Method(ffi::PyMethodDef);

// SAFETY: CPython only reads it, and its pointers are to strings that live as long.
unsafe impl Send for Method {}
// SAFETY: as above.
unsafe impl Sync for Method {}

const VERBS: usize = Verb::ALL.len();

static DEFINITIONS: [OnceLock<Definition>; VERBS] = [const { OnceLock::new() }; VERBS];

macro_rules! entries {
    ($($verb:literal)*) => { &[$(entry::<$verb>),*] };
}

/// The C function of each verb: there is nothing in a call that says which function was called.
const ENTRIES: &[ffi::PyCFunctionFastWithKeywords] = entries!(
    0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30 31
    32 33 34 35 36 37 38 39 40 41 42 43 44 45 46 47 48 49 50 51 52 53 54 55 56 57 58 59 60 61 62 63
);

const _: () = assert!(VERBS <= ENTRIES.len());

/// Makes the public function of a verb. `doc` begins with the signature, as CPython has it for its own functions.
#[pyfunction]
#[expect(clippy::needless_pass_by_value, reason = "arguments from Python are owned")]
pub(super) fn function<'py>(
    py: Python<'py>,
    name: &str,
    doc: &str,
    parameters: Vec<String>,
    required: Vec<String>,
) -> PyResult<Bound<'py, PyAny>> {
    let Some(verb) = Verb::ALL.iter().position(|verb| verb.name() == name) else {
        let known: Vec<_> = Verb::ALL.iter().map(|verb| verb.name()).collect();
        return Err(PyValueError::new_err(format!("name: {name:?}, expected one of {known:?}")));
    };
    if let Some(unknown) = parameters.iter().find(|name| !PARAMETERS.contains(&name.as_str())) {
        return Err(PyValueError::new_err(format!("parameters: {unknown:?}, expected some of {PARAMETERS:?}")));
    }
    let [has, requires] = [&parameters, &required].map(|names| {
        let places = names.iter().filter_map(|name| PARAMETERS.iter().position(|parameter| parameter == name));
        places.fold(0, |bits, place| bits | 1 << place)
    });
    let definition = DEFINITIONS[verb].get_or_init(|| Definition {
        operands: [Parameter::P, Parameter::Q].into_iter().filter(|&operand| has >> operand as u16 & 1 == 1).count(),
        has,
        requires,
        name: CString::new(name).unwrap_or_default(),
        doc: CString::new(doc).unwrap_or_default(),
        method: OnceLock::new(),
    });
    let Method(method) = definition.method.get_or_init(|| {
        Method(ffi::PyMethodDef {
            ml_name: definition.name.as_ptr().cast::<c_char>(),
            ml_meth: ffi::PyMethodDefPointer { PyCFunctionFastWithKeywords: ENTRIES[verb] },
            ml_flags: ffi::METH_FASTCALL | ffi::METH_KEYWORDS,
            ml_doc: definition.doc.as_ptr().cast::<c_char>(),
        })
    });
    let module = PyString::new(py, "klrs");
    // SAFETY: the definition is static, its flags are those of the function, and nothing writes it; a new reference comes back, or none
    // with an exception set.
    unsafe {
        let function = ffi::PyCFunction_NewEx(core::ptr::from_ref(method).cast_mut(), null_mut(), module.as_ptr());
        Bound::from_owned_ptr_or_err(py, function)
    }
}

/// What CPython calls: arguments by position, then those by keyword, whose names are in `names`.
///
/// # Safety
///
/// To be called from an attached thread, with pointers as CPython's vectorcall protocol has them.
unsafe extern "C" fn entry<const VERB: usize>(
    _module: *mut ffi::PyObject,
    arguments: *const *mut ffi::PyObject,
    positional: ffi::Py_ssize_t,
    names: *mut ffi::PyObject,
) -> *mut ffi::PyObject {
    // SAFETY: CPython calls functions from attached threads only, and nothing that is lent here outlives the call. PyO3 keeps
    // references (not `Bound` ones) that are dropped like this until it attaches by itself: of a call that succeeds there are none.
    let py = unsafe { Python::assume_attached() };
    let outcome = catch_unwind(AssertUnwindSafe(|| {
        // SAFETY: a tuple of strings or null, as the protocol has it, which the caller holds until this returns.
        let names = unsafe { Borrowed::from_ptr_or_opt(py, names).map(|names| names.cast_unchecked::<PyTuple>()) };
        let count = positional.unsigned_abs() + names.map_or(0, |names| names.len());
        let arguments = if count == 0 {
            &[]
        } else {
            // SAFETY: as many objects, which the caller holds until this returns; a reference to one has the layout of a pointer.
            unsafe { core::slice::from_raw_parts(arguments.cast::<Borrowed<'_, '_, PyAny>>(), count) }
        };
        call(py, VERB, arguments, positional.unsigned_abs(), names.as_deref())
    }));
    match outcome.unwrap_or_else(|panic| Err(bug(panic.as_ref()))) {
        Ok(value) => value.into_ptr(),
        Err(error) => {
            Python::attach(|py| error.restore(py));
            null_mut()
        }
    }
}

fn call<'py>(
    py: Python<'py>,
    verb: usize,
    arguments: &[Borrowed<'_, 'py, PyAny>],
    positional: usize,
    names: Option<&Bound<'py, PyTuple>>,
) -> PyResult<Bound<'py, PyAny>> {
    static CALL: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let definition = DEFINITIONS[verb].get().expect("functions have a definition");
    let q_is_optional = definition.requires >> Parameter::Q as u16 & 1 == 0;
    let mut given = Arguments { given: [None; PARAMETERS.len()], q_is_optional };
    let places = &mut given.given;
    let mut fits = positional <= definition.operands;
    if fits {
        // One by one: they are two at most, for which a call of `memcpy` takes longer.
        for operand in [Parameter::P, Parameter::Q] {
            if (operand as usize) < positional {
                places[operand as usize] = Some(arguments[operand as usize]);
            }
        }
        let mut missing = definition.requires >> positional << positional;
        let known = names.and_then(|names| known_places(py, names));
        for (index, &argument) in arguments[positional..].iter().enumerate() {
            let Some(names) = names else { break };
            let place = match known {
                Some(known) => Some(known[index]),
                None => place_of(names, index)?,
            };
            match place {
                Some(place) if definition.has >> place & 1 == 1 && places[place].is_none() => {
                    places[place] = Some(argument);
                    missing &= !(1 << place);
                }
                _ => fits = false,
            }
        }
        fits &= missing == 0;
    }
    if fits && places[..2].iter().flatten().any(|operand| is_foreign(operand)) {
        let (by_position, by_name) = taken_apart(py, arguments, positional, names)?;
        let call = CALL.import(py, "klrs._adapters", "call")?;
        return call.call1((Verb::ALL[verb].name(), by_position, by_name));
    }
    if fits { reduce_rows(py, Verb::ALL[verb], &given) } else { Err(explain(py, verb, arguments, positional, names)) }
}

/// An int that is nothing but one, and fits: what most people write, which is to be read at once beside a call for three classes. The
/// smallest are known by their address, as CPython has each of them once.
#[inline(always)]
pub(super) fn plain_int(given: &Bound<'_, PyAny>) -> Option<isize> {
    static SMALLEST: PyOnceLock<[Py<PyInt>; 4]> = PyOnceLock::new();
    let first = -1;
    let smallest = SMALLEST
        .get_or_init(given.py(), || core::array::from_fn(|index| PyInt::new(given.py(), first + index.cast_signed()).unbind()));
    if let Some(index) = smallest.iter().position(|int| int.is(given)) {
        return Some(first + index.cast_signed());
    }
    if !given.is_exact_instance_of::<PyInt>() {
        return None;
    }
    let mut overflow = 0;
    // SAFETY: of a living int; nothing is raised for one, however large.
    let number = unsafe { ffi::PyLong_AsLongAndOverflow(given.as_ptr(), &raw mut overflow) };
    if overflow == 0 { isize::try_from(number).ok() } else { None }
}

/// The names of the parameters as they are in source code, where names are interned: nearly all are found by their address.
#[inline]
fn interned(py: Python<'_>) -> &[Py<PyString>; PARAMETERS.len()] {
    static INTERNED: PyOnceLock<[Py<PyString>; PARAMETERS.len()]> = PyOnceLock::new();
    INTERNED.get_or_init(py, || PARAMETERS.map(|parameter| PyString::intern(py, parameter).unbind()))
}

/// Names of keywords, and where the arguments go that have them.
struct Keywords {
    names: Py<PyTuple>,
    places: Vec<usize>,
}

/// Places of the arguments with these names, if they are known by the address of the tuple: a call in source code comes with the same one
/// each time. The first of each address is kept, as long as the process lives; to read three names takes a tenth of a short call.
#[inline]
fn known_places(py: Python<'_>, names: &Bound<'_, PyTuple>) -> Option<&'static [usize]> {
    static KNOWN: [PyOnceLock<Keywords>; 64] = [const { PyOnceLock::new() }; 64];
    let slot = &KNOWN[names.as_ptr().addr() / align_of::<ffi::PyObject>() / 2 % KNOWN.len()];
    let known = if let Some(known) = slot.get(py) {
        known
    } else {
        let keywords = keywords(names)?;
        slot.get_or_init(py, || keywords)
    };
    known.names.is(names).then_some(&*known.places)
}

/// What is kept of names, unless one is unknown.
#[cold]
fn keywords(names: &Bound<'_, PyTuple>) -> Option<Keywords> {
    let places = (0..names.len()).map(|index| place_of(names, index).ok().flatten()).collect::<Option<_>>()?;
    Some(Keywords { names: names.clone().unbind(), places })
}

/// The parameter that has the name with that index.
fn place_of(names: &Bound<'_, PyTuple>, index: usize) -> PyResult<Option<usize>> {
    // SAFETY: the tuple, which the caller holds, has a name for each of the arguments.
    let name = unsafe { Borrowed::from_ptr(names.py(), ffi::PyTuple_GetItem(names.as_ptr(), index.cast_signed())) };
    match interned(names.py()).iter().position(|parameter| parameter.is(name)) {
        Some(place) => Ok(Some(place)),
        None => place(&name),
    }
}

/// The parameter that has a name, by its text.
fn place(name: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
    let name = name.cast::<PyString>()?.to_str()?;
    Ok(PARAMETERS.iter().position(|&parameter| parameter == name))
}

/// Whether an operand belongs to a library whose arrays come back as what they were: `klrs._adapters` knows how.
#[inline]
fn is_foreign(operand: &Bound<'_, PyAny>) -> bool {
    if operand.cast_exact::<PyUntypedArray>().is_ok() || operand.cast_exact::<PyList>().is_ok() {
        return false;
    }
    let module = operand.get_type().module();
    module.is_ok_and(|module| {
        module.to_str().is_ok_and(|module| matches!(module.split('.').next(), Some("torch" | "jax" | "jaxlib")))
    })
}

/// The arguments of a call as Python has them: a tuple and a dict.
fn taken_apart<'py>(
    py: Python<'py>,
    arguments: &[Borrowed<'_, 'py, PyAny>],
    positional: usize,
    names: Option<&Bound<'py, PyTuple>>,
) -> PyResult<(Bound<'py, PyTuple>, Bound<'py, PyDict>)> {
    let by_name = PyDict::new(py);
    for (name, argument) in names.into_iter().flatten().zip(&arguments[positional..]) {
        by_name.set_item(name, argument)?;
    }
    Ok((PyTuple::new(py, &arguments[..positional])?, by_name))
}

/// The error of a call that does not fit.
#[cold]
fn explain(
    py: Python<'_>,
    verb: usize,
    arguments: &[Borrowed<'_, '_, PyAny>],
    positional: usize,
    names: Option<&Bound<'_, PyTuple>>,
) -> PyErr {
    static EXPLAIN: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let explanation = || {
        let (by_position, by_name) = taken_apart(py, arguments, positional, names)?;
        EXPLAIN.import(py, "klrs._calls", "explain")?.call1((Verb::ALL[verb].name(), by_position, by_name))?.extract::<String>()
    };
    explanation().map_or_else(|error| error, PyTypeError::new_err)
}
