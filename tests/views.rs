//! Every element that is read through strides, or written through them, against a naive computation of its index: shapes, strides
//! (negative, zero, odd), offsets, broadcasting and axes as a small generator makes them, the same at every run.

#![expect(unsafe_code, reason = "views of arbitrary strides come from raw parts only")]
#![expect(clippy::float_cmp, reason = "what is read is what was stored")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use klrs::element::{Boolean, DType, Storage};
use klrs::lanes::Real;
use klrs::lanes::half::{BF16, F16};
use klrs::tile::{Operand, Steps};
use klrs::view::{Axes, MOST_COLUMNS, Plan, Rows, View, ViewMut};

/// Numbers that look random.
struct Generator(u64);

impl Generator {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end
    }

    fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    /// A range within `0..end`, often all of it, never empty.
    fn range(&mut self, end: usize) -> core::ops::Range<usize> {
        if self.below(3) == 0 {
            return 0..end;
        }
        let start = self.below(end);
        start..start + 1 + self.below(end - start)
    }
}

/// A storage type whose values can be made of bytes and compared.
trait Element: Storage {
    fn from_bytes(bytes: &[u8]) -> Self;
    fn bits(self) -> u64;
}

macro_rules! elements {
    ($($type:ty, |$bytes:ident| $from:expr, |$x:ident| $bits:expr;)*) => {$(
        impl Element for $type {
            fn from_bytes($bytes: &[u8]) -> Self {
                $from
            }
            fn bits(self) -> u64 {
                let $x = self;
                $bits
            }
        }
    )*};
}

elements! {
    f64, |bytes| f64::from_ne_bytes(bytes.try_into().unwrap()), |x| x.to_bits();
    f32, |bytes| f32::from_ne_bytes(bytes.try_into().unwrap()), |x| u64::from(x.to_bits());
    u64, |bytes| u64::from_ne_bytes(bytes.try_into().unwrap()), |x| x;
    i16, |bytes| i16::from_ne_bytes(bytes.try_into().unwrap()), |x| u64::from(x.cast_unsigned());
    u8, |bytes| bytes[0], |x| u64::from(x);
    F16, |bytes| F16(u16::from_ne_bytes(bytes.try_into().unwrap())), |x| u64::from(x.0);
    BF16, |bytes| BF16(u16::from_ne_bytes(bytes.try_into().unwrap())), |x| u64::from(x.0);
    Boolean, |bytes| Boolean(bytes[0]), |x| u64::from(x.0);
}

/// An array in memory of its own.
struct Array {
    bytes: Vec<u8>,
    /// Where the element with index 0 is.
    start: usize,
    dtype: DType,
    size: usize,
    swapped: bool,
    shape: Vec<usize>,
    strides: Vec<isize>,
}

impl Array {
    fn new<S: Element>(random: &mut Generator, shape: &[usize], plain: bool) -> Self {
        let size = size_of::<S>();
        let mut order: Vec<usize> = (0..shape.len()).rev().collect();
        if !plain {
            for i in (1..order.len()).rev() {
                order.swap(i, random.below(i + 1));
            }
        }
        let mut strides = vec![0; shape.len()];
        let mut step = size.cast_signed();
        for axis in order {
            let factor = if plain { 1 } else { random.one_of(&[1, 1, 1, 1, -1, -1, 2, -2, 0]) };
            let odd = if plain { 0 } else { random.one_of(&[0, 0, 0, 0, 0, 1, -1, 8, -3]) };
            strides[axis] = step * factor + odd;
            step = step.max(strides[axis].abs() * shape[axis].max(1).cast_signed());
        }
        let spans = || shape.iter().zip(&strides).map(|(&length, stride)| (length.max(1).cast_signed() - 1) * stride);
        let low: isize = spans().filter(|&span| span < 0).sum();
        let high: isize = spans().filter(|&span| span > 0).sum();
        let offset = if plain { 0 } else { random.one_of(&[0, 0, 0, 8, 1, 3, 16]) };
        let length = offset + (high - low).unsigned_abs() + size;
        // Aligned to 8 at least wherever the allocator is one for vectors of bytes as large as these; nothing depends on it.
        let bytes = (0..length).map(|_| u8::try_from(random.below(256)).unwrap()).collect();
        let start = offset + low.unsigned_abs();
        let swapped = !plain && random.below(5) == 0;
        Self { bytes, start, dtype: S::DTYPE, size, swapped, shape: shape.to_vec(), strides }
    }

    fn view(&self) -> View<'_> {
        let data = self.bytes.as_ptr().wrapping_add(self.start);
        // SAFETY: `new` has made the memory as large as the shape and the strides ask for.
        unsafe { View::from_raw(data, self.dtype, self.swapped, &self.shape, self.strides.as_slice()) }
    }

    /// Offset of the element with an index into the broadcast shape.
    fn offset(&self, index: &[usize]) -> usize {
        let own = &index[index.len() - self.shape.len()..];
        let steps = own.iter().zip(&self.shape).zip(&self.strides);
        let offset: isize = steps.map(|((&i, &length), stride)| if length == 1 { 0 } else { i.cast_signed() * stride }).sum();
        self.start.checked_add_signed(offset).unwrap()
    }

    fn element<S: Element>(&self, index: &[usize]) -> S {
        let start = self.offset(index);
        let mut bytes = self.bytes[start..start + self.size].to_vec();
        if self.swapped {
            bytes.reverse();
        }
        S::from_bytes(&bytes)
    }
}

/// The index of a place in C order.
fn unravel(mut flat: usize, shape: &[usize]) -> Vec<usize> {
    let mut index = vec![0; shape.len()];
    for (i, &length) in index.iter_mut().zip(shape).rev() {
        *i = flat % length;
        flat /= length;
    }
    index
}

/// Where row and entry are, naively.
struct Index<'a> {
    shape: &'a [usize],
    axes: &'a [usize],
}

impl Index<'_> {
    fn batch(&self) -> Vec<usize> {
        (0..self.shape.len()).filter(|axis| !self.axes.contains(axis)).collect()
    }

    fn lengths(&self, axes: &[usize]) -> Vec<usize> {
        axes.iter().map(|&axis| self.shape[axis]).collect()
    }

    fn of(&self, place: usize, entry: usize) -> Vec<usize> {
        let mut index = vec![0; self.shape.len()];
        for axes in [&self.batch()[..], self.axes] {
            let flat = if axes == self.axes { entry } else { place };
            for (&axis, i) in axes.iter().zip(unravel(flat, &self.lengths(axes))) {
                index[axis] = i;
            }
        }
        index
    }
}

/// How often memory could be lent, so that the test would notice if it never were.
#[derive(Debug, Default)]
struct Lent {
    rows: usize,
    many: usize,
    columns: usize,
}

/// Everything that can be read of one operand.
fn check_rows<S: Element>(random: &mut Generator, array: &Array, rows: &Rows, plan: &Plan, index: &Index, lent: &mut Lent) {
    let expected = |row: usize, entry: usize| array.element::<S>(&index.of(plan.place(row), entry)).bits();
    let garbage = S::default();
    for _ in 0..4 {
        let (some, run) = (random.range(plan.rows), random.range(plan.length));
        let row = some.start;
        let mut out = vec![garbage; run.len()];
        rows.read_row(row, run.start, &mut out);
        for (got, entry) in out.iter().zip(run.clone()) {
            assert_eq!(got.bits(), expected(row, entry), "read_row {row} {entry}");
        }
        let mut out = vec![garbage; some.len()];
        rows.read_column(some.start, run.start, &mut out);
        for (got, row) in out.iter().zip(some.clone()) {
            assert_eq!(got.bits(), expected(row, run.start), "read_column {row} {}", run.start);
        }
        if let Some(borrowed) = rows.borrow::<S>(row, run.clone()) {
            lent.rows += 1;
            assert_eq!(borrowed.len(), run.len());
            for (got, entry) in borrowed.iter().zip(run.clone()) {
                assert_eq!(got.bits(), expected(row, entry), "borrow {row} {entry}");
            }
        }
        let of_first = rows.borrow::<S>(0, run.clone());
        assert_eq!(rows.borrow::<S>(row, run.clone()).is_some(), of_first.is_some(), "borrow {row} but not 0, or 0 alone");
        if let Some(borrowed) = rows.borrow_rows::<S>(some.clone()) {
            lent.many += 1;
            assert_eq!(borrowed.len(), some.len() * plan.length);
            for (i, got) in borrowed.iter().enumerate() {
                assert_eq!(got.bits(), expected(some.start + i / plan.length, i % plan.length), "borrow_rows {some:?} {i}");
            }
        }
        let few = run.start..run.end.min(run.start + MOST_COLUMNS);
        if let Some(columns) = rows.borrow_columns::<S>(some.clone(), few.clone()) {
            lent.columns += 1;
            for (column, entry) in columns.iter().zip(few.clone()) {
                assert_eq!(column.len(), some.len());
                for (got, row) in column.iter().zip(some.clone()) {
                    assert_eq!(got.bits(), expected(row, entry), "borrow_columns {row} {entry}");
                }
            }
            assert!(columns[few.len()..].iter().all(|column| column.is_empty()));
        }
    }
    // Nothing is lent as another type, and nothing at all beyond the end.
    if S::DTYPE != DType::I32 {
        assert!(rows.borrow::<i32>(0, 0..plan.length).is_none());
        assert!(catch_unwind(AssertUnwindSafe(|| rows.read_row(0, 0, &mut [0_i32]))).is_err());
    }
}

/// Whether two values are the same, NaNs included.
fn same<T: Real>(a: T, b: T) -> bool {
    a.to_f64().to_bits() == b.to_f64().to_bits() || (a.to_f64().is_nan() && b.to_f64().is_nan())
}

/// Tiles of one operand, converted and with what `where` leaves out as 0.
fn check_tiles<S: Element, T: Real + Storage>(
    random: &mut Generator,
    array: &Array,
    mask: Option<&Array>,
    rows: &Rows,
    plan: &Plan,
    index: &Index,
) {
    let expected = |row: usize, entry: usize| {
        let index = index.of(plan.place(row), entry);
        let mut out = [T::default()];
        if mask.is_none_or(|mask| mask.element::<Boolean>(&index).0 != 0) {
            S::convert(&[array.element::<S>(&index)], &mut out);
        }
        out[0]
    };
    let operand = Operand { rows, mask: plan.mask.as_ref(), left_out: 0.0, is_asked_for: false };
    for _ in 0..3 {
        let (some, run) = (random.range(plan.rows), random.range(plan.length));
        for steps in [Steps { row: run.len(), entry: 1 }, Steps { row: 1, entry: some.len() }] {
            let mut scratch = vec![T::default(); some.len() * run.len()];
            operand.bring(some.clone(), run.clone(), &mut scratch, steps);
            for (i, row) in some.clone().enumerate() {
                for (k, entry) in run.clone().enumerate() {
                    let got = scratch[i * steps.row + k * steps.entry];
                    assert!(same(got, expected(row, entry)), "bring {row} {entry} {steps:?}");
                }
            }
        }
        if plan.length <= 32 {
            let some = some.start..some.end.min(some.start + 128);
            let mut scratch = vec![T::from_f64(7.0); some.len().next_multiple_of(T::WIDTH) * plan.length];
            operand.bring_across(some.clone(), plan.length, &mut scratch);
            for (i, got) in scratch.iter().enumerate() {
                let (vector, lane) = (i / T::WIDTH, i % T::WIDTH);
                let (row, entry) = (vector / plan.length * T::WIDTH + lane, vector % plan.length);
                let expected = if row < some.len() { expected(some.start + row, entry) } else { T::default() };
                assert!(same(*got, expected), "bring_across {row} {entry}");
            }
        }
    }
}

/// One row brought in alone, as the drivers ask for it: the step from row to row is none.
fn check_alone<S: Element>(random: &mut Generator, array: &Array, rows: &Rows, plan: &Plan, index: &Index) {
    let (row, run) = (random.below(plan.rows), random.range(plan.length));
    let mut scratch = vec![0.0_f64; run.len()];
    Operand { rows, mask: None, left_out: 0.0, is_asked_for: false }.bring(
        row..row + 1,
        run.clone(),
        &mut scratch,
        Steps { row: 0, entry: 1 },
    );
    for (&got, entry) in scratch.iter().zip(run) {
        let mut out = [0.0];
        S::convert(&[array.element::<S>(&index.of(plan.place(row), entry))], &mut out);
        assert!(same(got, out[0]), "alone {row} {entry}");
    }
}

/// Results through strides.
fn check_writing(random: &mut Generator, plan: &Plan) {
    let mut out = Array::new::<f64>(random, &plan.result_shape(false), false);
    // Overlaps would leave the last of several values.
    let places: Vec<usize> = (0..plan.rows).map(|place| out.offset(&unravel(place, &plan.result_shape(false)))).collect();
    let mut sorted = places.clone();
    sorted.sort_unstable();
    let overlaps = sorted.windows(2).any(|pair| pair[1] - pair[0] < 8);
    let before = out.bytes.clone();
    let values: Vec<f64> = (0..plan.rows).map(|row| row as f64 + 0.5).collect();
    let (data, double) = (out.bytes.as_mut_ptr().wrapping_add(out.start), true);
    // SAFETY: as in `Array::view`, and nobody else looks at this memory meanwhile.
    let mut view = unsafe { ViewMut::from_raw(data, double, out.swapped, &out.shape, &out.strides) };
    view.write(plan, &values);
    let mut expected = before;
    for (row, value) in values.iter().enumerate() {
        let mut bytes = value.to_ne_bytes();
        if out.swapped {
            bytes.reverse();
        }
        expected[places[plan.place(row)]..][..8].copy_from_slice(&bytes);
    }
    assert!(overlaps || expected == out.bytes, "written elsewhere");
}

/// Arrays for a call, broadcast against each other, and every choice of axes.
fn check_case<S: Element, Q: Element>(random: &mut Generator, lent: &mut Lent, alone: bool) {
    let dimensions = 1 + random.below(4);
    let mut shape: Vec<usize> = (0..dimensions).map(|_| random.one_of(&[1, 1, 2, 2, 3, 3, 4, 5, 0])).collect();
    if random.below(4) == 0 {
        let axis = random.below(dimensions);
        for length in &mut shape {
            *length = (*length).min(3);
        }
        shape[axis] = random.one_of(&[31, 33, 130, 300, 600]);
    }
    for chosen in 1..1_usize << dimensions {
        let axes: Vec<usize> = (0..dimensions).filter(|axis| chosen >> axis & 1 == 1).collect();
        if axes.iter().any(|&axis| shape[axis] == 0) {
            continue;
        }
        // Batch axes of either operand may be stretched, or missing where they are the first.
        let stretch = |random: &mut Generator, anywhere: bool| -> Vec<usize> {
            let mut own: Vec<usize> = (0..dimensions)
                .map(|axis| if (anywhere || !axes.contains(&axis)) && random.below(4) == 0 { 1 } else { shape[axis] })
                .collect();
            while own.len() > 1 && own[0] == 1 && shape[0] == 1 && random.below(2) == 0 {
                own.remove(0);
            }
            own
        };
        let (of_p, of_q, of_mask) = (shape.clone(), stretch(random, false), stretch(random, true));
        let plain = random.below(4) == 0;
        let (p, q) = (Array::new::<S>(random, &of_p, plain), Array::new::<Q>(random, &of_q, plain));
        let mut mask = Array::new::<Boolean>(random, &of_mask, plain);
        for byte in &mut mask.bytes {
            *byte = u8::from(*byte > 100);
        }
        let mask = (random.below(2) == 0).then_some(mask);
        let (view_p, view_q, view_mask) = (p.view(), q.view(), mask.as_ref().map(Array::view));
        let signed = |axis: usize, negative: bool| axis.cast_signed() - if negative { dimensions.cast_signed() } else { 0 };
        let named = match &axes[..] {
            _ if axes.len() == dimensions && random.below(2) == 0 => Axes::All,
            [axis] => Axes::One(signed(*axis, random.below(2) == 0)),
            axes => Axes::Several(axes.iter().rev().map(|&axis| signed(axis, random.below(2) == 0)).collect()),
        };
        let plan = Plan::new(&view_p, Some(&view_q), view_mask.as_ref(), &named).unwrap();
        let index = Index { shape: &shape, axes: &axes };
        let of_batch = index.lengths(&index.batch());
        assert_eq!(plan.rows, of_batch.iter().product::<usize>());
        assert_eq!(plan.length, index.lengths(&axes).iter().product::<usize>());
        assert_eq!(plan.result_shape(false)[..], of_batch[..]);
        let mut places: Vec<usize> = (0..plan.rows).map(|row| plan.place(row)).collect();
        assert!(!plan.in_result_order() || places.is_sorted());
        places.sort_unstable();
        assert!(places.into_iter().eq(0..plan.rows), "every place once");
        if plan.rows == 0 {
            continue;
        }
        let (place, entry) = (random.below(plan.rows), random.below(plan.length));
        assert_eq!(plan.row_index(place).0[..], unravel(place, &of_batch)[..]);
        assert_eq!(plan.entry_index(entry).0[..], unravel(entry, &index.lengths(&axes))[..]);
        if alone {
            check_alone::<S>(random, &p, &plan.p, &plan, &index);
            check_alone::<Q>(random, &q, &plan.q, &plan, &index);
            continue;
        }
        check_rows::<S>(random, &p, &plan.p, &plan, &index, lent);
        check_rows::<Q>(random, &q, &plan.q, &plan, &index, lent);
        if let (Some(mask), Some(rows)) = (&mask, &plan.mask) {
            check_rows::<Boolean>(random, mask, rows, &plan, &index, lent);
        }
        check_tiles::<S, f64>(random, &p, mask.as_ref(), &plan.p, &plan, &index);
        check_tiles::<Q, f32>(random, &q, mask.as_ref(), &plan.q, &plan, &index);
        check_writing(random, &plan);
    }
}

#[test]
fn every_element_is_where_its_index_says() {
    let (mut random, mut lent) = (Generator(1), Lent::default());
    for _ in 0..150 {
        check_case::<f64, f64>(&mut random, &mut lent, false);
        check_case::<f32, F16>(&mut random, &mut lent, false);
        check_case::<u64, f32>(&mut random, &mut lent, false);
        check_case::<BF16, i16>(&mut random, &mut lent, false);
        check_case::<u8, Boolean>(&mut random, &mut lent, false);
    }
    assert!(lent.rows > 1000 && lent.many > 1000 && lent.columns > 1000, "{lent:?}");
}

#[test]
fn a_row_is_brought_in_alone() {
    let (mut random, mut lent) = (Generator(2), Lent::default());
    for _ in 0..100 {
        check_case::<f64, i16>(&mut random, &mut lent, true);
    }
}

/// A view of one element, stretched by strides of 0.
fn stretched<'a>(value: &'a f64, shape: &'a [usize]) -> View<'a> {
    // SAFETY: every index leads to the one element.
    unsafe { View::from_raw(core::ptr::from_ref(value).cast(), DType::F64, false, shape, vec![0; shape.len()]) }
}

#[test]
fn more_elements_than_there_are_addresses_for_bytes() {
    let value = 0.5;
    let view = stretched(&value, &[1 << 62]);
    let plan = Plan::new(&view, None, None, &Axes::One(0)).unwrap();
    assert_eq!((plan.rows, plan.length), (1, 1 << 62));
    let mut out = [0.0; 3];
    plan.p.read_row(0, (1 << 62) - 3, &mut out);
    assert_eq!(out, [0.5; 3]);
    plan.p.read_column(0, (1 << 62) - 1, &mut out[..1]);
    assert!(plan.p.borrow::<f64>(0, (1 << 62) - 3..1 << 62).is_none());

    let view = stretched(&value, &[1 << 31, 1 << 30, 2]);
    let plan = Plan::new(&view, None, None, &Axes::One(-1)).unwrap();
    assert_eq!((plan.rows, plan.length), (1 << 61, 2));
    assert_eq!(plan.place((1 << 61) - 1), (1 << 61) - 1);
    assert_eq!(plan.row_index((1 << 61) - 1).0[..], [(1 << 31) - 1, (1 << 30) - 1]);
    plan.p.read_column((1 << 61) - 3, 1, &mut out);
    assert_eq!(out, [0.5; 3]);
    let mut scratch = [0.0; 6];
    let operand = Operand { rows: &plan.p, mask: None, left_out: 0.0, is_asked_for: false };
    operand.bring((1 << 61) - 3..1 << 61, 0..2, &mut scratch, Steps { row: 2, entry: 1 });
    assert_eq!(scratch, [0.5; 6]);

    let mut both = [stretched(&value, &[1 << 30, 1, 3]), stretched(&value, &[1, 1 << 31, 3])];
    for _ in 0..2 {
        let plan = Plan::new(&both[0], Some(&both[1]), None, &Axes::One(2)).unwrap();
        assert_eq!((plan.rows, plan.place((1 << 61) - 1)), (1 << 61, (1 << 61) - 1));
        both.swap(0, 1);
    }
}

#[test]
fn strides_of_axes_that_nobody_walks_may_be_anything() {
    let values = [1.0, 2.0];
    for stride in [isize::MIN, isize::MAX, -1, 1] {
        // SAFETY: an axis of length 1 has one index.
        let one = unsafe { View::from_raw(values.as_ptr().cast(), DType::F64, false, &[1, 2], vec![stride, 8]) };
        let plan = Plan::new(&one, Some(&one), None, &Axes::One(-1)).unwrap();
        assert_eq!(plan.p.borrow::<f64>(0, 0..2), Some(&values[..]));
        // SAFETY: an empty axis has no index.
        let none = unsafe { View::from_raw(values.as_ptr().cast(), DType::F64, false, &[0, 2, 2], vec![stride; 3]) };
        for axes in [Axes::One(1), Axes::One(2), Axes::Several(vec![1, 2])] {
            let plan = Plan::new(&none, Some(&none), None, &axes).unwrap();
            assert_eq!(plan.rows, 0);
        }
    }
}

/// Counts beyond `usize` are an error, not a shorter array. NumPy has no such arrays, but two of its arrays broadcast to one.
#[test]
fn counts_that_overflow_are_refused() {
    let value = 0.5;
    let check = |p: &[usize], q: &[usize], axes: &Axes, expected: (u128, u128)| {
        let (p, q) = (stretched(&value, p), stretched(&value, q));
        let planned = catch_unwind(|| Plan::new(&p, Some(&q), None, axes).map(|plan| (plan.rows as u128, plan.length as u128)));
        match planned.expect("no panic") {
            Ok(taken) => assert_eq!(taken, expected, "taken for {taken:?}: {:?} {:?} {axes:?}", p.shape(), q.shape()),
            Err(error) => assert!(expected.0 * expected.1 > 1 << 62, "{error}"),
        }
    };
    for shape in [[usize::MAX / 2, 3], [1 << 32, 1 << 32], [usize::MAX / 2, 2], [usize::MAX / 4, 1]] {
        let [a, b] = shape.map(|length| length as u128);
        check(&shape, &shape, &Axes::All, (1, a * b));
        check(&shape, &shape, &Axes::One(0), (b, a));
        check(&shape, &shape, &Axes::One(1), (a, b));
    }
    check(&[1 << 33, 1, 2], &[1, 1 << 33, 2], &Axes::One(2), (1 << 66, 2));
    check(&[1 << 32, 1 << 32, 2], &[2], &Axes::One(2), (1 << 64, 2));
}

#[test]
fn a_slice_is_not_taken_for_a_shape_whose_count_overflows() {
    let none: [f64; 0] = [];
    for shape in [&[1 << 32, 1 << 32][..], &[usize::MAX / 2 + 1, 2]] {
        assert!(catch_unwind(|| View::from_slice(&none, shape)).is_err(), "not refused: {shape:?}");
    }
}

#[test]
fn rows_and_entries_beyond_the_end_are_refused() {
    let values: Vec<f64> = (0..6).map(f64::from).collect();
    let view = View::from_slice(&values, &[2, 3]);
    let plan = Plan::new(&view, None, None, &Axes::One(-1)).unwrap();
    let rows = &plan.p;
    let refused = |read: &dyn Fn()| catch_unwind(AssertUnwindSafe(read)).is_err();
    assert!(refused(&|| rows.read_row(2, 0, &mut [0.0])));
    assert!(refused(&|| rows.read_row(0, 1, &mut [0.0; 3])));
    assert!(refused(&|| rows.read_column(1, 0, &mut [0.0; 2])));
    assert!(refused(&|| rows.read_column(0, 3, &mut [0.0])));
    assert!(refused(&|| _ = rows.borrow::<f64>(2, 0..1)));
    assert!(refused(&|| _ = rows.borrow::<f64>(0, 0..4)));
    assert!(refused(&|| _ = rows.borrow_rows::<f64>(1..3)));
    assert!(refused(&|| _ = rows.borrow_columns::<f64>(0..3, 0..1)));
    assert!(refused(&|| _ = rows.borrow_columns::<f64>(0..2, 2..4)));
}

#[test]
fn rows_and_entries_before_the_start_are_refused() {
    let values: Vec<f64> = (0..18).map(f64::from).collect();
    // SAFETY: six of the elements, with others before and after them that a mistake would read.
    let view = unsafe { View::from_raw(values[6..].as_ptr().cast(), DType::F64, false, &[2, 3], vec![24, 8]) };
    let plan = Plan::new(&view, None, None, &Axes::One(-1)).unwrap();
    let refused = |read: &dyn Fn()| catch_unwind(AssertUnwindSafe(read)).is_err();
    assert!(refused(&|| plan.p.read_row(0, usize::MAX, &mut [0.0])), "not refused: an entry");
    assert!(refused(&|| plan.p.read_row(usize::MAX, 0, &mut [0.0])), "not refused: a row");
    assert!(refused(&|| plan.p.read_column(usize::MAX, 0, &mut [0.0])), "not refused: the row of a column");
    assert!(refused(&|| plan.p.read_column(0, usize::MAX, &mut [0.0])), "not refused: a column");
    assert!(refused(&|| _ = plan.p.borrow::<f64>(usize::MAX, 0..1)), "not refused: a borrowed row");
}
