//! NumPy's arrays: their headers as views, and new ones for results.
//!
//! rust-numpy's own read-only arrays refuse what users have (misaligned, byte-swapped, `ml_dtypes.bfloat16`), so the header is read
//! here, and [`View`] takes it from there. Whatever is not exactly a `numpy.ndarray` goes through `klrs._arrays.as_array` first.

#![expect(unsafe_code, reason = "the array's header is a C struct")]

use core::ffi::{c_int, c_void};
use core::marker::PhantomData;
use core::ptr::null_mut;
use std::sync::atomic::{AtomicI32, Ordering};

use numpy::npyffi::{NPY_ARRAY_WRITEABLE, NPY_TYPES, NpyTypes, PY_ARRAY_API, PyArrayObject, get_type_object, npy_intp};
use numpy::{Element, PyArrayDescr, PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;

use crate::element::{DType, Elements, Storage};
use crate::error::Error;
use crate::lanes::Real;
use crate::view::{View, ViewMut};

/// The NumPy array that an argument is.
#[inline(always)]
pub(super) fn array<'py>(argument: &Bound<'py, PyAny>, name: &'static str) -> PyResult<Bound<'py, PyUntypedArray>> {
    match argument.cast_exact::<PyUntypedArray>() {
        Ok(array) => Ok(array.clone()),
        Err(_) => converted(argument, name),
    }
}

/// The NumPy array that is made of an argument that is none.
#[cold]
fn converted<'py>(argument: &Bound<'py, PyAny>, name: &'static str) -> PyResult<Bound<'py, PyUntypedArray>> {
    static AS_ARRAY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let as_array = AS_ARRAY.import(argument.py(), "klrs._arrays", "as_array")?;
    Ok(as_array.call1((argument, name))?.cast_into::<PyUntypedArray>()?)
}

/// The header of an array.
#[inline(always)]
pub(super) fn view<'a>(array: &'a Bound<'_, PyUntypedArray>, name: &'static str) -> Result<View<'a>, Error> {
    // SAFETY: the array holds its dtype, and no Python code runs while it is looked at.
    let dtype = unsafe { Borrowed::from_ptr(array.py(), header(array).fields.descr.cast()).cast_unchecked::<PyArrayDescr>() };
    let (known, swapped) = (element_by_number(&dtype), is_swapped(&dtype));
    let element = match known {
        Some(element) if name != "where" => element,
        _ => unusual_element(array, name)?,
    };
    let (shape, strides) = (array.shape(), array.strides());
    // SAFETY: the header of a living array; NumPy vouches for its shape, strides and dtype, and the array is held for 'a.
    unsafe { Ok(View::from_raw(header(array).fields.data.cast::<u8>(), element, swapped, shape, strides)) }
}

/// The dtype of an array whose number does not tell, if it is one of ours.
fn unusual_element(array: &Bound<'_, PyUntypedArray>, name: &'static str) -> Result<DType, Error> {
    let dtype = array.dtype();
    match element(&dtype) {
        Some(element) if name != "where" || element == DType::Bool => Ok(element),
        _ => {
            let text = dtype.to_string();
            Err(match name {
                "where" => Error::WhereDType { dtype: text },
                _ => Error::DType { name, remedy: remedy(&dtype, &text), dtype: text },
            })
        }
    }
}

fn header<'a>(array: &'a Bound<'_, PyUntypedArray>) -> &'a PyArrayObject {
    // SAFETY: the pointer is that of a living array.
    unsafe { &*array.as_array_ptr() }
}

fn is_swapped(dtype: &Bound<'_, PyArrayDescr>) -> bool {
    dtype.byteorder() == if cfg!(target_endian = "little") { b'>' } else { b'<' }
}

/// The dtype, if its number tells: that of the two which nearly all have. It is the fastest to be had.
#[inline(always)]
fn element_by_number(dtype: &Bound<'_, PyArrayDescr>) -> Option<DType> {
    const DOUBLE: c_int = NPY_TYPES::NPY_DOUBLE as c_int;
    const FLOAT: c_int = NPY_TYPES::NPY_FLOAT as c_int;
    match dtype.num() {
        DOUBLE => Some(DType::F64),
        FLOAT => Some(DType::F32),
        _ => None,
    }
}

/// The dtype, by what the array itself says: kind and size; `ml_dtypes.bfloat16` has the kind of a plain void, so its name too.
fn element(dtype: &Bound<'_, PyArrayDescr>) -> Option<DType> {
    Some(match (dtype.kind(), dtype.itemsize()) {
        (b'f', 8) => DType::F64,
        (b'f', 4) => DType::F32,
        (b'f', 2) => DType::F16,
        (b'V', 2) if is_bfloat16(dtype) => DType::BF16,
        (b'i', 1) => DType::I8,
        (b'i', 2) => DType::I16,
        (b'i', 4) => DType::I32,
        (b'i', 8) => DType::I64,
        (b'u', 1) => DType::U8,
        (b'u', 2) => DType::U16,
        (b'u', 4) => DType::U32,
        (b'u', 8) => DType::U64,
        (b'b', 1) => DType::Bool,
        _ => return None,
    })
}

/// Asks the dtype's scalar type for its name, once: after that its number tells, and a name costs more than a thousand elements.
fn is_bfloat16(dtype: &Bound<'_, PyArrayDescr>) -> bool {
    static NUMBER: AtomicI32 = AtomicI32::new(-1);
    let known = NUMBER.load(Ordering::Relaxed) == dtype.num();
    if !known && dtype.typeobj().name().is_ok_and(|name| name == "bfloat16") {
        NUMBER.store(dtype.num(), Ordering::Relaxed);
        return true;
    }
    known
}

/// What to do about a dtype that is none of ours.
fn remedy(dtype: &Bound<'_, PyArrayDescr>, text: &str) -> &'static str {
    match dtype.kind() {
        b'c' => "take .real or abs() first",
        _ if text.starts_with("float8") => "convert with .astype(np.float32)",
        b'f' => "convert with .astype(np.float64)",
        b'O' => "convert with np.asarray(x, dtype=float)",
        b'U' | b'S' | b'M' | b'm' | b'T' => "convert to numbers first",
        _ => "",
    }
}

/// A view of the caller's `out`, if it has the shape and holds the results.
pub(super) fn out<'a, T: Scalar>(out: &'a Bound<'_, PyAny>, shape: &[usize]) -> PyResult<ViewMut<'a>> {
    let Ok(array) = out.cast::<PyUntypedArray>() else {
        let given = out.get_type().name()?;
        return Err(PyTypeError::new_err(format!("out: got {given}, expected a NumPy array")));
    };
    let dtype = array.dtype();
    let size = dtype.itemsize();
    if dtype.kind() != b'f' || !(size == 8 || (size == 4 && T::DTYPE == DType::F32)) {
        return Err(Error::OutDType { given: dtype.to_string(), expected: T::NAME }.into());
    }
    if array.shape() != shape {
        return Err(Error::OutShape { given: array.shape().to_vec(), expected: shape.to_vec() }.into());
    }
    let header = header(array);
    if header.fields.flags & NPY_ARRAY_WRITEABLE == 0 {
        return Err(Error::OutReadOnly.into());
    }
    // SAFETY: the header of a living, writable array of floats of this size.
    unsafe { Ok(ViewMut::from_raw(header.fields.data.cast(), size == 8, is_swapped(&dtype), shape, array.strides())) }
}

/// The elements of an array that klrs' own Python code has made or looked at: native, aligned, in C order, so many, and overlapping
/// neither an operand nor another such array.
#[expect(clippy::mut_from_ref, reason = "the array is Python's; who else has its memory, the caller knows")]
pub(super) fn contiguous_mut<'a, T: Storage>(array: &'a Bound<'_, PyUntypedArray>, length: usize) -> PyResult<&'a mut [T]> {
    let dtype = array.dtype();
    let header = header(array);
    let data = header.fields.data.cast::<T>();
    let fits = element(&dtype) == Some(T::DTYPE)
        && !is_swapped(&dtype)
        && array.is_c_contiguous()
        && array.len() == length
        && header.fields.flags & NPY_ARRAY_WRITEABLE != 0
        && data.is_aligned();
    if !fits {
        let (expected, shape) = (T::DTYPE, array.shape());
        return Err(PyTypeError::new_err(format!(
            "out: got {dtype} of shape {shape:?}, expected {length} {expected:?} in C order"
        )));
    }
    // SAFETY: a living, writable, contiguous array of as many values of T, held for 'a; that nothing else has it meanwhile is the
    // duty of the Python code that calls.
    Ok(unsafe { core::slice::from_raw_parts_mut(data, length) })
}

/// The same for derivatives, which may be half floats if they are computed in `f32`.
pub(super) fn elements_mut<'a, T: Scalar>(array: &'a Bound<'_, PyUntypedArray>, length: usize) -> PyResult<Elements<'a, T>> {
    match element(&array.dtype()) {
        Some(DType::F16) if T::DTYPE == DType::F32 => contiguous_mut(array, length).map(Elements::F16),
        Some(DType::BF16) if T::DTYPE == DType::F32 => contiguous_mut(array, length).map(Elements::BF16),
        _ => contiguous_mut(array, length).map(Elements::Real),
    }
}

/// A new array in C order, which nobody else has seen yet.
pub(super) struct New<'py, T> {
    array: Bound<'py, PyAny>,
    length: usize,
    element: PhantomData<T>,
}

impl<'py, T: Scalar> New<'py, T> {
    /// An array whose elements are anything.
    pub(super) fn empty(py: Python<'py>, shape: &[usize]) -> PyResult<Self> {
        let dtype = numpy::dtype::<T>(py);
        // SAFETY: NumPy reads as many lengths as it is told of, which are those of arrays and so no larger than a signed number, and
        // takes the reference to the dtype; a new reference comes back, or none with an exception set.
        let array = unsafe {
            let (axes, lengths) = (c_int::try_from(shape.len())?, shape.as_ptr().cast::<npy_intp>().cast_mut());
            let class = get_type_object(py, NpyTypes::PyArray_Type);
            let (strides, data) = (null_mut(), null_mut());
            let dtype = dtype.into_dtype_ptr();
            let array = PY_ARRAY_API.PyArray_NewFromDescr(py, class, dtype, axes, lengths, strides, data, 0, null_mut());
            Bound::from_owned_ptr_or_err(py, array)?
        };
        Ok(Self { array, length: shape.iter().product(), element: PhantomData })
    }

    /// The elements.
    pub(super) fn elements_mut(&mut self) -> &mut [T] {
        // SAFETY: it is an array that NumPy made, contiguous, of T and of this length. Its elements are not initialised, but any bits are
        // a float, and every one is written before the array is returned.
        unsafe {
            let data = (*self.array.as_ptr().cast::<PyArrayObject>()).fields.data.cast::<T>();
            core::slice::from_raw_parts_mut(data, self.length)
        }
    }

    /// The array.
    pub(super) fn into_array(self) -> Bound<'py, PyAny> {
        self.array
    }
}

/// A result type, as NumPy knows it.
pub(super) trait Scalar: Real + Storage + Element {
    /// Name of the dtype.
    const NAME: &'static str;

    /// The value as a NumPy scalar.
    fn scalar(mut self, py: Python<'_>) -> PyResult<Bound<'_, PyAny>> {
        let dtype = numpy::dtype::<Self>(py);
        let value = (&raw mut self).cast::<c_void>();
        // SAFETY: NumPy copies a value of that dtype; a new reference comes back, or none with an exception set.
        unsafe {
            let scalar = PY_ARRAY_API.PyArray_Scalar(py, value, dtype.as_dtype_ptr(), core::ptr::null_mut());
            Bound::from_owned_ptr_or_err(py, scalar)
        }
    }
}

impl Scalar for f64 {
    const NAME: &'static str = "float64";
}

impl Scalar for f32 {
    const NAME: &'static str = "float32";
}
