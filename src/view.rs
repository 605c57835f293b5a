//! Arrays as NumPy lays them out, broadcasting, and the rows that the drivers walk: the only file that reads somebody else's memory.
//!
//! A [`View`] is an array's header. [`Plan::new`] broadcasts the operands, takes the axes apart into batch axes and axes along which
//! the distributions run, and puts the batch axes into the order in which memory is walked. What the drivers get are [`Rows`]: row
//! `r`, entry `k`, wherever that is.
//!
//! Safety rests on one invariant: every element of a view lies inside the array that it was made from ([`View::from_raw`]). All
//! offsets are computed here, from a row and an entry that are asserted to be in range.

#![expect(unsafe_code, reason = "elements are read through strides that only NumPy knows to be right")]

use core::marker::PhantomData;
use core::ops::Range;
use std::borrow::Cow;

use smallvec::SmallVec;

use crate::element::{DType, Storage};
use crate::error::{Error, Index};
use crate::lanes::Real;

/// Most entries that [`Rows::borrow_columns`] lends at once.
pub const MOST_COLUMNS: usize = 32;

/// As many as an array has axes. Nothing is allocated for up to two of them, and more would cost a short call more to move about.
pub type Few<T> = SmallVec<[T; 2]>;

/// The header of an array.
#[derive(Clone, Debug)]
pub struct View<'a> {
    data: *const u8,
    dtype: DType,
    swapped: bool,
    shape: &'a [usize],
    strides: Cow<'a, [isize]>,
    array: PhantomData<&'a [u8]>,
}

// SAFETY: a view only reads, and the array outlives it; that nobody writes meanwhile is the caller's duty, as it is in NumPy.
unsafe impl Send for View<'_> {}
// SAFETY: as above.
unsafe impl Sync for View<'_> {}

impl<'a> View<'a> {
    /// A view of the array at `data`.
    ///
    /// # Safety
    ///
    /// For every index within `shape`, the element at `data` plus the index times `strides` (in bytes) must be readable for `'a`
    /// as a value of `dtype`, of any alignment, in reversed byte order if `swapped`.
    ///
    /// # Panics
    ///
    /// If there is not one stride for each axis.
    #[must_use]
    #[inline]
    pub unsafe fn from_raw(
        data: *const u8,
        dtype: DType,
        swapped: bool,
        shape: &'a [usize],
        strides: impl Into<Cow<'a, [isize]>>,
    ) -> Self {
        let strides = strides.into();
        assert_eq!(shape.len(), strides.len());
        Self { data, dtype, swapped, shape, strides, array: PhantomData }
    }

    /// A view of a slice in C order.
    ///
    /// # Panics
    ///
    /// If the shape does not hold as many elements as the slice.
    #[must_use]
    pub fn from_slice<S: Storage>(slice: &'a [S], shape: &'a [usize]) -> Self {
        assert_eq!(Some(slice.len()), elements(shape));
        let mut strides = vec![0; shape.len()];
        let mut stride = size_of::<S>().cast_signed();
        for (axis, &length) in shape.iter().enumerate().rev() {
            strides[axis] = stride;
            stride *= length.cast_signed();
        }
        // SAFETY: C order over a slice with as many elements as the shape stays inside the slice.
        unsafe { Self::from_raw(slice.as_ptr().cast(), S::DTYPE, false, shape, strides) }
    }

    /// The dtype.
    #[must_use]
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The shape.
    #[must_use]
    pub fn shape(&self) -> &[usize] {
        self.shape
    }

    /// Stride along an axis of the broadcast shape: 0 where this array is stretched.
    #[inline]
    fn stride(&self, axis: usize, dimensions: usize) -> isize {
        match (axis + self.shape.len()).checked_sub(dimensions) {
            Some(own) if self.shape[own] != 1 => self.strides[own],
            _ => 0,
        }
    }

    /// Length along an axis of the broadcast shape.
    #[inline]
    fn length(&self, axis: usize, dimensions: usize) -> usize {
        (axis + self.shape.len()).checked_sub(dimensions).map_or(1, |own| self.shape[own])
    }
}

/// Along which axes the distributions run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Axes {
    /// All of them.
    All,
    /// One, negative from the end.
    One(isize),
    /// Several.
    Several(Vec<isize>),
}

impl Axes {
    /// The axes in ascending order, each from the start and as it was named.
    fn resolve(&self, dimensions: usize) -> Result<Few<(usize, isize)>, Error> {
        let named = match self {
            Self::All => return Ok((0..dimensions).map(|axis| (axis, axis.cast_signed())).collect()),
            Self::One(axis) => core::slice::from_ref(axis),
            Self::Several(axes) => axes,
        };
        if named.is_empty() {
            return Err(Error::NoAxis);
        }
        let mut axes = Few::with_capacity(named.len());
        for &axis in named {
            let from_start = if axis < 0 { axis + dimensions.cast_signed() } else { axis };
            match usize::try_from(from_start) {
                Ok(from_start) if from_start < dimensions => axes.push((from_start, axis)),
                _ => return Err(Error::AxisOutOfBounds { axis, dimensions }),
            }
        }
        axes.sort_unstable();
        if axes.windows(2).any(|pair| pair[0].0 == pair[1].0) {
            return Err(Error::AxisRepeated { axes: named.to_vec() });
        }
        Ok(axes)
    }
}

/// An axis of several arrays at once: its length, and the stride of each.
#[derive(Clone, Debug)]
struct Dimension {
    length: usize,
    /// Of p, q and the mask; and of the place in the result.
    strides: [isize; 4],
}

/// Leaves out axes of length 1 and joins neighbours that all arrays walk as one.
fn merge(dimensions: impl IntoIterator<Item = Dimension>) -> Few<Dimension> {
    let mut merged: Few<Dimension> = Few::new();
    for inner in dimensions.into_iter().filter(|dimension| dimension.length != 1) {
        if let Some(outer) = merged.last_mut() {
            let steps = inner.length.cast_signed();
            if outer.strides.iter().zip(&inner.strides).all(|(&outer, &inner)| Some(outer) == inner.checked_mul(steps)) {
                *outer = Dimension { length: outer.length * inner.length, strides: inner.strides };
                continue;
            }
        }
        merged.push(inner);
    }
    merged
}

/// One array's way through some merged axes: the innermost, as nearly all have no other, and those around it.
#[derive(Clone, Debug)]
struct Walk {
    /// Length and stride; 1 and 0 where there is no axis at all.
    inner: (usize, isize),
    outer: Vec<(usize, isize)>,
}

impl Walk {
    /// Through no axes.
    const POINT: Self = Self { inner: (1, 0), outer: Vec::new() };

    #[inline]
    fn new(dimensions: &[Dimension], array: usize) -> Self {
        let axis = |dimension: &Dimension| (dimension.length, dimension.strides[array]);
        match dimensions {
            [] => Self::POINT,
            [one] => Self { inner: axis(one), outer: Vec::new() },
            [outer @ .., inner] => Self { inner: axis(inner), outer: outer.iter().map(axis).collect() },
        }
    }

    #[inline]
    fn count(&self) -> usize {
        self.outer.iter().map(|&(length, _)| length).product::<usize>() * self.inner.0
    }

    /// Offset of the element with a flat index.
    #[inline]
    fn offset(&self, index: usize) -> isize {
        let (length, stride) = self.inner;
        if self.outer.is_empty() {
            return index.cast_signed() * stride;
        }
        let (mut rest, mut offset) = (index / length, (index % length).cast_signed() * stride);
        for &(length, stride) in self.outer.iter().rev() {
            offset += (rest % length).cast_signed() * stride;
            rest /= length;
        }
        offset
    }

    /// Whether elements with consecutive indices are `step` apart.
    #[inline]
    fn is_run(&self, step: isize) -> bool {
        self.outer.is_empty() && (self.inner.0 == 1 || self.inner.1 == step)
    }
}

/// One operand's distributions: row `r`, entry `k`.
#[derive(Clone, Debug)]
pub struct Rows<'a> {
    data: *const u8,
    dtype: DType,
    swapped: bool,
    /// A power of two that every row's address is a multiple of.
    alignment: usize,
    batch: Walk,
    entries: Walk,
    array: PhantomData<&'a [u8]>,
}

// SAFETY: as for `View`.
unsafe impl Send for Rows<'_> {}
// SAFETY: as for `View`.
unsafe impl Sync for Rows<'_> {}

impl<'a> Rows<'a> {
    #[inline]
    fn new(view: &View<'a>, batch: &[Dimension], entries: &[Dimension], array: usize) -> Self {
        let strides = batch.iter().map(|dimension| dimension.strides[array].cast_unsigned());
        let address = strides.fold(view.data.addr(), |bits, stride| bits | stride);
        Self {
            alignment: alignment(address),
            data: view.data,
            dtype: view.dtype,
            swapped: view.swapped,
            batch: Walk::new(batch, array),
            entries: Walk::new(entries, array),
            array: PhantomData,
        }
    }

    /// One distribution, along the only axis.
    #[inline(always)]
    fn one(view: &View<'a>, length: usize) -> Self {
        Self {
            alignment: alignment(view.data.addr()),
            data: view.data,
            dtype: view.dtype,
            swapped: view.swapped,
            batch: Walk::POINT,
            entries: Walk { inner: (length, view.strides[0]), outer: Vec::new() },
            array: PhantomData,
        }
    }

    /// The dtype.
    #[must_use]
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Whether neighbouring rows lie closer together than neighbouring entries, so that reading a row alone would touch memory
    /// that belongs to others.
    #[must_use]
    #[inline]
    pub fn in_columns(&self) -> bool {
        let (_, across) = self.batch.inner;
        let (_, along) = self.entries.inner;
        across != 0 && across.unsigned_abs() < along.unsigned_abs()
    }

    /// Entries of a row as they lie in memory, if they are of type `T`, native and contiguous, and aligned in every row: what is lent of
    /// one row is lent of all.
    ///
    /// # Panics
    ///
    /// If the row or an entry does not exist.
    #[must_use]
    #[inline]
    pub fn borrow<T: Storage>(&self, row: usize, entries: Range<usize>) -> Option<&'a [T]> {
        self.check(row..row + 1, &entries);
        let size = size_of::<T>();
        let is_aligned = self.alignment >= align_of::<T>();
        if !is_aligned || !self.entries.is_run(size.cast_signed()) || self.dtype != T::DTYPE || self.swapped {
            return None;
        }
        let start = self.at(self.batch.offset(row) + (entries.start * size).cast_signed()).cast::<T>();
        // SAFETY: the entries exist and lie one after another; as the address of every row, and the size, are multiples of the alignment
        // of T, they are aligned values of that type.
        Some(unsafe { core::slice::from_raw_parts(start, entries.len()) })
    }

    /// Where a row begins in memory, and how many bytes it takes to the next entry, to ask for it early; any row, also one that is not.
    #[must_use]
    pub fn address(&self, row: usize) -> (*const u8, usize) {
        let size = self.dtype.size();
        let step = if self.entries.is_run(size.cast_signed()) { size } else { 0 };
        if row < self.batch.count() { (self.at(self.batch.offset(row)), step) } else { (core::ptr::null(), 0) }
    }

    /// Whole rows as they lie in memory, one after another, under the conditions of [`Rows::borrow`].
    ///
    /// # Panics
    ///
    /// If a row does not exist.
    #[must_use]
    #[inline]
    pub fn borrow_rows<T: Storage>(&self, rows: Range<usize>) -> Option<&'a [T]> {
        let length = self.entries.count();
        self.check(rows.clone(), &(0..length));
        let first = self.borrow::<T>(rows.start, 0..length)?;
        if rows.len() == 1 {
            return Some(first);
        }
        let (run, stride) = self.batch.inner;
        if stride != size_of_val(first).cast_signed() || rows.start % run + rows.len() > run {
            return None;
        }
        // SAFETY: the rows exist and each begins where the one before it ends, so they are one run of aligned values of type T.
        Some(unsafe { core::slice::from_raw_parts(first.as_ptr(), rows.len() * length) })
    }

    /// One entry of several rows after another as they lie in memory, if they are of type `T`, native, aligned and contiguous.
    ///
    /// # Panics
    ///
    /// If a row or an entry does not exist.
    #[must_use]
    pub fn borrow_columns<T: Storage>(&self, rows: Range<usize>, entries: Range<usize>) -> Option<[&'a [T]; MOST_COLUMNS]> {
        self.check(rows.clone(), &entries);
        let (run, stride) = self.batch.inner;
        let contiguous = stride == size_of::<T>().cast_signed() && rows.start % run + rows.len() <= run;
        if !contiguous || self.dtype != T::DTYPE || self.swapped {
            return None;
        }
        let base = self.at(self.batch.offset(rows.start));
        let mut columns: [&[T]; MOST_COLUMNS] = [&[]; MOST_COLUMNS];
        for (column, entry) in columns.iter_mut().zip(entries) {
            let start = base.wrapping_offset(self.entries.offset(entry)).cast::<T>();
            if !start.is_aligned() {
                return None;
            }
            // SAFETY: the rows have this entry, one after another, as aligned values of type T.
            *column = unsafe { core::slice::from_raw_parts(start, rows.len()) };
        }
        Some(columns)
    }

    /// Reads entries of one row, as they are stored but in native byte order.
    ///
    /// # Panics
    ///
    /// If the type is not the dtype's, or the row or an entry does not exist.
    pub fn read_row<S: Storage>(&self, row: usize, first: usize, out: &mut [S]) {
        self.check(row..row + 1, &(first..first + out.len()));
        let base = self.batch.offset(row);
        let (length, stride) = self.entries.inner;
        let mut done = 0;
        while done < out.len() {
            // A run along the innermost axis.
            let entry = first + done;
            let run = (length - entry % length).min(out.len() - done);
            self.read_run(base + self.entries.offset(entry), stride, &mut out[done..done + run]);
            done += run;
        }
    }

    /// Reads one entry of several rows, as they are stored but in native byte order.
    ///
    /// # Panics
    ///
    /// If the type is not the dtype's, or a row or the entry does not exist.
    pub fn read_column<S: Storage>(&self, first: usize, entry: usize, out: &mut [S]) {
        self.check(first..first + out.len(), &(entry..entry + 1));
        let base = self.entries.offset(entry);
        let (length, stride) = self.batch.inner;
        let mut done = 0;
        while done < out.len() {
            let row = first + done;
            let run = (length - row % length).min(out.len() - done);
            self.read_run(base + self.batch.offset(row), stride, &mut out[done..done + run]);
            done += run;
        }
    }

    #[inline]
    fn check(&self, rows: Range<usize>, entries: &Range<usize>) {
        // A start beyond the end is one whose end was too large for a number.
        let within = |range: &Range<usize>, count: usize| range.start <= range.end && range.end <= count;
        assert!(within(&rows, self.batch.count()) && within(entries, self.entries.count()), "no such row or entry");
    }

    #[inline]
    fn at(&self, offset: isize) -> *const u8 {
        self.data.wrapping_offset(offset)
    }

    /// Reads elements at `offset`, `offset + stride`, … that the caller has checked to be in range.
    #[inline]
    fn read_run<S: Storage>(&self, offset: isize, stride: isize, out: &mut [S]) {
        assert_eq!(self.dtype, S::DTYPE, "read as another dtype");
        let start = self.at(offset);
        if stride == size_of::<S>().cast_signed() {
            // SAFETY: these elements are in range and lie one after another; `out` is a Rust slice, which no array overlaps.
            unsafe { core::ptr::copy_nonoverlapping(start, out.as_mut_ptr().cast::<u8>(), size_of_val(out)) };
        } else {
            for (i, out) in out.iter_mut().enumerate() {
                let element = start.wrapping_offset(i.cast_signed() * stride);
                // SAFETY: the element is in range; any bits are a value of a storage type, at any alignment.
                *out = unsafe { element.cast::<S>().read_unaligned() };
            }
        }
        if self.swapped {
            for out in out {
                *out = out.swap();
            }
        }
    }
}

/// The operands of a call, broadcast against each other, as rows in the order in which memory is walked.
#[derive(Clone, Debug)]
pub struct Plan<'a> {
    /// The reference distributions.
    pub p: Rows<'a>,
    /// The approximations; p's rows for functions of p alone.
    pub q: Rows<'a>,
    /// Which elements count.
    pub mask: Option<Rows<'a>>,
    /// Number of rows.
    pub rows: usize,
    /// Entries of a row.
    pub length: usize,
    /// The broadcast shape.
    shape: Few<usize>,
    /// The axes along which the distributions run, ascending.
    axes: Few<usize>,
    /// Position in the result, in C order, of each row.
    places: Walk,
}

impl<'a> Plan<'a> {
    /// Broadcasts the operands and takes the axes apart. Nothing is read.
    #[inline(always)]
    pub fn new(p: &View<'a>, q: Option<&View<'a>>, mask: Option<&View<'a>>, axes: &Axes) -> Result<Self, Error> {
        Self::sorted(p, q, mask, axes, true)
    }

    /// The same with the rows in the order of the result, wherever they lie.
    #[inline(always)]
    pub fn in_order(p: &View<'a>, q: Option<&View<'a>>, mask: Option<&View<'a>>, axes: &Axes) -> Result<Self, Error> {
        Self::sorted(p, q, mask, axes, false)
    }

    #[inline(always)]
    fn sorted(p: &View<'a>, q: Option<&View<'a>>, mask: Option<&View<'a>>, axes: &Axes, by_memory: bool) -> Result<Self, Error> {
        match Self::length_of_one(p, q, mask, axes) {
            Some(length) => Ok(Self::of_one(p, q.unwrap_or(p), length)),
            None => Self::of_many(p, q, mask, axes, by_memory),
        }
    }

    /// Does something with the plan that [`Plan::new`] or [`Plan::in_order`] would make. That of one distribution is made where it
    /// stays: to move it about takes as long as to sum thirty entries.
    #[inline(always)]
    pub fn with<R, E: From<Error>>(
        p: &View<'a>,
        q: Option<&View<'a>>,
        mask: Option<&View<'a>>,
        axes: &Axes,
        by_memory: bool,
        then: impl FnOnce(&Self) -> Result<R, E>,
    ) -> Result<R, E> {
        let (one, many);
        let plan = if let Some(length) = Self::length_of_one(p, q, mask, axes) {
            one = Self::of_one(p, q.unwrap_or(p), length);
            &one
        } else {
            many = Self::of_many(p, q, mask, axes, by_memory)?;
            &many
        };
        then(plan)
    }

    /// The length of the rows, if there is one of each: nothing to broadcast, to sort or to merge.
    #[inline(always)]
    fn length_of_one(p: &View, q: Option<&View>, mask: Option<&View>, axes: &Axes) -> Option<usize> {
        match (mask, axes, p.shape, q.unwrap_or(p).shape) {
            (None, Axes::One(-1 | 0) | Axes::All, &[length], &[in_q]) if length == in_q && length > 1 => Some(length),
            _ => None,
        }
    }

    fn of_many(p: &View<'a>, q: Option<&View<'a>>, mask: Option<&View<'a>>, axes: &Axes, by_memory: bool) -> Result<Self, Error> {
        for (name, view) in [("p", Some(p)), ("q", q)] {
            if view.is_some_and(|view| view.shape.is_empty()) {
                return Err(Error::ZeroDimensional { name });
            }
        }
        let other = q.unwrap_or(p);
        let dimensions = p.shape.len().max(other.shape.len());
        let named = axes.resolve(dimensions)?;
        let shape = broadcast(p, other, &named, dimensions)?;
        if elements(&shape).is_none() {
            return Err(Error::TooLarge { shape: shape.to_vec() });
        }
        let axes: Few<usize> = named.iter().map(|&(axis, _)| axis).collect();
        if let Some(mask) = mask {
            let fits = mask.shape.len() <= dimensions
                && (0..dimensions).all(|axis| matches!(mask.length(axis, dimensions), n if n == 1 || n == shape[axis]));
            if !fits {
                return Err(Error::WhereShape { given: mask.shape.to_vec(), expected: shape.to_vec() });
            }
        }

        let dimension = |axis: usize, place: isize| {
            let stride = |view: &View| view.stride(axis, dimensions);
            Dimension { length: shape[axis], strides: [stride(p), stride(other), mask.map_or(0, stride), place] }
        };
        let entries = merge(axes.iter().map(|&axis| dimension(axis, 0)));
        let mut place = 1;
        let mut batch: Few<Dimension> = Few::new();
        for axis in (0..dimensions).filter(|axis| !axes.contains(axis)).rev() {
            batch.push(dimension(axis, place));
            place *= shape[axis].cast_signed();
        }
        batch.reverse();
        if by_memory {
            // The outermost axis is the one with the largest stride; ties keep C order.
            batch.sort_by_key(|dimension| {
                let [p, q, ..] = dimension.strides;
                core::cmp::Reverse(p.unsigned_abs().max(q.unsigned_abs()))
            });
        }
        let batch = merge(batch);
        let (rows, length) = (Walk::new(&batch, 0).count(), Walk::new(&entries, 0).count());
        Ok(Self {
            p: Rows::new(p, &batch, &entries, 0),
            q: Rows::new(other, &batch, &entries, 1),
            mask: mask.map(|mask| Rows::new(mask, &batch, &entries, 2)),
            rows,
            length,
            shape,
            axes,
            places: Walk::new(&batch, 3),
        })
    }

    /// One distribution each. What [`Plan::of_many`] does would take a fifth of a call for a few entries.
    #[inline(always)]
    fn of_one(p: &View<'a>, q: &View<'a>, length: usize) -> Self {
        Self {
            p: Rows::one(p, length),
            q: Rows::one(q, length),
            mask: None,
            rows: 1,
            length,
            // Not by the macro, which pushes.
            shape: Few::from_buf_and_len([length, 0], 1),
            axes: Few::from_buf_and_len([0, 0], 1),
            places: Walk::POINT,
        }
    }

    /// Number of axes of the broadcast shape.
    #[must_use]
    #[inline]
    pub fn axes(&self) -> usize {
        self.shape.len()
    }

    /// Whether the distributions run along all axes, so that there is one row.
    #[must_use]
    #[inline]
    pub fn has_no_batch_axes(&self) -> bool {
        self.axes.len() == self.shape.len()
    }

    /// Shape of the result: the batch axes, and the reduced ones with length 1 if those are kept.
    #[must_use]
    pub fn result_shape(&self, keepdims: bool) -> Few<usize> {
        let kept = |(axis, &length)| match (self.axes.contains(&axis), keepdims) {
            (false, _) => Some(length),
            (true, true) => Some(1),
            (true, false) => None,
        };
        self.shape.iter().enumerate().filter_map(kept).collect()
    }

    /// Position in the result, in C order, of a row.
    #[must_use]
    pub fn place(&self, row: usize) -> usize {
        self.places.offset(row).unsigned_abs()
    }

    /// Whether rows are walked in the order of the result.
    #[must_use]
    pub fn in_result_order(&self) -> bool {
        self.places.is_run(1)
    }

    /// The index along the batch axes of a place in the result.
    #[must_use]
    pub fn row_index(&self, place: usize) -> Index {
        unravel(place, &self.result_shape(false))
    }

    /// The index in the broadcast shape of an entry of the row with a place in the result.
    #[must_use]
    pub fn index(&self, place: usize, entry: usize) -> Index {
        let (Index(row), Index(entry)) = (self.row_index(place), self.entry_index(entry));
        let (mut row, mut entry) = (row.into_iter(), entry.into_iter());
        let axes = (0..self.shape.len()).map(|axis| if self.axes.contains(&axis) { entry.next() } else { row.next() });
        Index(axes.flatten().collect())
    }

    /// The index along the distribution axes of an entry.
    #[must_use]
    pub fn entry_index(&self, entry: usize) -> Index {
        let shape: Few<usize> = self.axes.iter().map(|&axis| self.shape[axis]).collect();
        unravel(entry, &shape)
    }
}

/// The largest power of two that what was or-ed to this is a multiple of; 0 for 0.
#[inline]
fn alignment(addresses: usize) -> usize {
    addresses & addresses.wrapping_neg()
}

/// How many elements an array of that shape has, if they can be counted.
fn elements(shape: &[usize]) -> Option<usize> {
    let lengths = shape.iter().filter(|&&length| length != 0);
    let most = lengths.copied().map(isize::try_from).try_fold(1_isize, |count, length| count.checked_mul(length.ok()?))?;
    Some(if shape.contains(&0) { 0 } else { most.unsigned_abs() })
}

fn unravel(mut flat: usize, shape: &[usize]) -> Index {
    let mut index = vec![0; shape.len()];
    for (index, &length) in index.iter_mut().zip(shape).rev() {
        *index = flat % length;
        flat /= length;
    }
    Index(index)
}

/// The common shape of two arrays; distribution axes must agree and not be empty.
fn broadcast(p: &View, q: &View, axes: &[(usize, isize)], dimensions: usize) -> Result<Few<usize>, Error> {
    let mut shape = Few::with_capacity(dimensions);
    for axis in 0..dimensions {
        let (in_p, in_q) = (p.length(axis, dimensions), q.length(axis, dimensions));
        let named = axes.iter().find(|(distribution, _)| *distribution == axis);
        shape.push(match (in_p, in_q, named) {
            (0, 0, Some(&(_, axis))) => return Err(Error::Empty { name: "p", axis, shape: p.shape.to_vec() }),
            (n, m, _) if n == m => n,
            (p, q, Some(&(_, axis))) => return Err(Error::LengthMismatch { names: ["p", "q"], axis, p, q }),
            (1, n, None) | (n, 1, None) => n,
            _ => return Err(Error::NotBroadcastable { names: ["p", "q"], p: p.shape.to_vec(), q: q.shape.to_vec() }),
        });
    }
    Ok(shape)
}
/// An array that results are written to.
#[derive(Debug)]
pub struct ViewMut<'a> {
    data: *mut u8,
    double: bool,
    swapped: bool,
    walk: Walk,
    array: PhantomData<&'a mut [u8]>,
}

impl ViewMut<'_> {
    /// A view of the array at `data`, of `f64` if `double`, else of `f32`.
    ///
    /// # Safety
    ///
    /// For every index within `shape`, the element at `data` plus the index times `strides` (in bytes) must be writable.
    #[must_use]
    pub unsafe fn from_raw(data: *mut u8, double: bool, swapped: bool, shape: &[usize], strides: &[isize]) -> Self {
        let mut axes: Vec<_> = shape.iter().copied().zip(strides.iter().copied()).collect();
        let walk = Walk { inner: axes.pop().unwrap_or((1, 0)), outer: axes };
        Self { data, double, swapped, walk, array: PhantomData }
    }

    /// Writes the value of each row to its place.
    ///
    /// # Panics
    ///
    /// If there are not as many values as elements, or `f64` values for an array of `f32`.
    pub fn write<T: Real + Storage>(&mut self, plan: &Plan, values: &[T]) {
        assert_eq!(values.len(), self.walk.count());
        assert!(self.double || T::DTYPE == DType::F32, "the array is too narrow");
        for (row, &value) in values.iter().enumerate() {
            let element = self.data.wrapping_offset(self.walk.offset(plan.place(row)));
            if self.double {
                // SAFETY: the place exists, since there are as many values as elements; any alignment will do.
                unsafe { self.put(element, value.to_f64()) };
            } else {
                // SAFETY: as above.
                unsafe { self.put(element, value) };
            }
        }
    }

    /// # Safety
    ///
    /// `element` must be writable.
    unsafe fn put<T: Storage>(&mut self, element: *mut u8, value: T) {
        let value = if self.swapped { value.swap() } else { value };
        // SAFETY: the caller's promise.
        unsafe { element.cast::<T>().write_unaligned(value) };
    }
}
