//! What arrays store (`f64`, half floats, integers, …), and how a run of it becomes the compute type.
//!
//! Conversions are exact, but for integers beyond 2^53, which are read as the nearest `f64`.

use core::ops::Range;

use crate::lanes::half::{BF16, F16};
use crate::lanes::{Level, Real};

/// The dtype of an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum DType {
    F64,
    F32,
    F16,
    BF16,
    I8,
    I16,
    I32,
    I64,
    U8,
    U16,
    U32,
    U64,
    Bool,
}

impl DType {
    /// Bytes of an element.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 | Self::U64 => 8,
            Self::F32 | Self::I32 | Self::U32 => 4,
            Self::F16 | Self::BF16 | Self::I16 | Self::U16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
        }
    }

    /// Whether it is computed in `f32`; everything that `f32` cannot hold is computed in `f64`.
    #[must_use]
    pub const fn fits_f32(self) -> bool {
        matches!(self, Self::F32 | Self::F16 | Self::BF16)
    }

    /// Half the distance from 1 to the next value.
    #[must_use]
    pub const fn unit_roundoff(self) -> f64 {
        const fn negative_power_of_two(exponent: u32) -> f64 {
            1.0 / (1_u64 << exponent) as f64
        }
        match self {
            Self::F32 => negative_power_of_two(24),
            Self::F16 => negative_power_of_two(11),
            Self::BF16 => negative_power_of_two(8),
            _ => negative_power_of_two(53),
        }
    }

    /// By how much a row of `length` entries may miss a sum of 1: what rounding every entry of a distribution does to its sum.
    #[must_use]
    pub fn tolerance(self, length: usize) -> f64 {
        let u = self.unit_roundoff();
        let each = if self.fits_f32() { u.max(DType::F32.unit_roundoff()) } else { u };
        (16.0 * u + length as f64 * each).clamp(1e-6, 0.02)
    }
}

/// Elements to write to: of the compute type, or half floats, to which what is computed in `f32` is rounded a block at a time.
#[derive(Debug)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Elements<'a, T> {
    Real(&'a mut [T]),
    F16(&'a mut [F16]),
    BF16(&'a mut [BF16]),
}

impl<T: Real + Storage> Elements<'_, T> {
    /// Their dtype.
    #[must_use]
    pub const fn dtype(&self) -> DType {
        match self {
            Self::Real(_) => T::DTYPE,
            Self::F16(_) => DType::F16,
            Self::BF16(_) => DType::BF16,
        }
    }
}

impl<T: Real> Elements<'_, T> {
    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        match self {
            Self::Real(elements) => elements.len(),
            Self::F16(elements) => elements.len(),
            Self::BF16(elements) => elements.len(),
        }
    }

    /// Takes the first elements away, or what there is.
    #[must_use]
    pub fn take_first(&mut self, count: usize) -> Self {
        let count = count.min(self.count());
        match self {
            Self::Real(elements) => Self::Real(elements.split_off_mut(..count).unwrap_or_default()),
            Self::F16(elements) => Self::F16(elements.split_off_mut(..count).unwrap_or_default()),
            Self::BF16(elements) => Self::BF16(elements.split_off_mut(..count).unwrap_or_default()),
        }
    }

    /// Some of them.
    #[must_use]
    pub fn part(&mut self, places: Range<usize>) -> Elements<'_, T> {
        match self {
            Self::Real(elements) => Elements::Real(&mut elements[places]),
            Self::F16(elements) => Elements::F16(&mut elements[places]),
            Self::BF16(elements) => Elements::BF16(&mut elements[places]),
        }
    }

    /// All of them, for a while.
    #[must_use]
    pub fn all(&mut self) -> Elements<'_, T> {
        let places = 0..self.count();
        self.part(places)
    }

    /// Some of them to write to, or as much room elsewhere if they are half floats.
    #[inline(always)]
    pub fn lend<'l>(&'l mut self, places: Range<usize>, elsewhere: &'l mut [T]) -> &'l mut [T] {
        match self {
            Self::Real(elements) => &mut elements[places],
            Self::F16(_) | Self::BF16(_) => &mut elsewhere[..places.len()],
        }
    }

    /// Takes what was written elsewhere.
    #[inline(always)]
    pub fn round(&mut self, level: Level, places: Range<usize>, elsewhere: &[T]) {
        match self {
            Self::Real(_) => {}
            Self::F16(elements) => T::to_halves(level, &elsewhere[..places.len()], &mut elements[places]),
            Self::BF16(elements) => T::to_halves(level, &elsewhere[..places.len()], &mut elements[places]),
        }
    }

    /// Writes one of them.
    pub fn set(&mut self, place: usize, value: T) {
        match self {
            Self::Real(elements) => elements[place] = value,
            Self::F16(elements) => T::to_halves(Level::new(), &[value], &mut elements[place..=place]),
            Self::BF16(elements) => T::to_halves(Level::new(), &[value], &mut elements[place..=place]),
        }
    }

    /// Writes the same to some of them.
    pub fn fill(&mut self, places: Range<usize>, value: T) {
        let mut one = [F16::default()];
        let mut other = [BF16::default()];
        match self {
            Self::Real(elements) => elements[places].fill(value),
            Self::F16(elements) => {
                T::to_halves(Level::new(), &[value], &mut one);
                elements[places].fill(one[0]);
            }
            Self::BF16(elements) => {
                T::to_halves(Level::new(), &[value], &mut other);
                elements[places].fill(other[0]);
            }
        }
    }
}

/// Some of what there is to write to for p and for q.
pub fn parts<'l, T: Real>(out: &'l mut [Option<Elements<T>>; 2], places: &Range<usize>) -> [Option<Elements<'l, T>>; 2] {
    out.each_mut().map(|out| out.as_mut().map(|out| out.part(places.clone())))
}

/// All of it, for a while.
pub fn all<'l, T: Real>(out: &'l mut [Option<Elements<T>>; 2]) -> [Option<Elements<'l, T>>; 2] {
    out.each_mut().map(|out| out.as_mut().map(Elements::all))
}

/// A type that arrays store.
pub trait Storage: Copy + Default + 'static {
    /// Its dtype.
    const DTYPE: DType;

    /// The value with its bytes reversed.
    #[must_use]
    fn swap(self) -> Self;

    /// Converts a run.
    fn convert<T: Real>(run: &[Self], out: &mut [T]);
}

macro_rules! storage {
    ($($type:ty, $dtype:ident, |$x:ident| $value:expr;)*) => {$(
        impl Storage for $type {
            const DTYPE: DType = DType::$dtype;

            #[inline]
            fn swap(self) -> Self {
                let mut bytes = self.to_ne_bytes();
                bytes.reverse();
                Self::from_ne_bytes(bytes)
            }

            #[inline]
            fn convert<T: Real>(run: &[Self], out: &mut [T]) {
                for (out, &$x) in out.iter_mut().zip(run) {
                    *out = T::from_f64($value);
                }
            }
        }
    )*};
}

storage! {
    f64, F64, |x| x;
    f32, F32, |x| f64::from(x);
    i8, I8, |x| f64::from(x);
    i16, I16, |x| f64::from(x);
    i32, I32, |x| f64::from(x);
    i64, I64, |x| x as f64;
    u8, U8, |x| f64::from(x);
    u16, U16, |x| f64::from(x);
    u32, U32, |x| f64::from(x);
    u64, U64, |x| x as f64;
}

macro_rules! half_storage {
    ($($type:ident)*) => {$(
        impl Storage for $type {
            const DTYPE: DType = DType::$type;

            fn swap(self) -> Self {
                Self(self.0.swap_bytes())
            }

            fn convert<T: Real>(run: &[Self], out: &mut [T]) {
                T::from_halves(Level::new(), run, out);
            }
        }
    )*};
}

half_storage! { F16 BF16 }

/// A `bool` of NumPy: one byte, true unless 0.
#[derive(Clone, Copy, Default)]
pub struct Boolean(pub u8);

impl Storage for Boolean {
    const DTYPE: DType = DType::Bool;

    fn swap(self) -> Self {
        self
    }

    fn convert<T: Real>(run: &[Self], out: &mut [T]) {
        for (out, &x) in out.iter_mut().zip(run) {
            *out = T::from_f64(f64::from(u8::from(x.0 != 0)));
        }
    }
}
