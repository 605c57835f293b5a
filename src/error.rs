//! Every mistake a user can make, and what klrs says about it: the argument, what was given, what was expected, the remedy.

use core::fmt::{self, Display, Formatter};

/// A call that cannot be answered. The variants up to [`Error::Weights`] are mistakes in the arguments, found before
/// anything is read; the next ones are mistakes in the data, found while reading.
#[derive(Clone, Debug, PartialEq)]
#[expect(missing_docs, reason = "the fields are the words of the messages below")]
pub enum Error {
    /// A dtype that is no real number, or one that would have to be rounded.
    DType { name: &'static str, dtype: String, remedy: &'static str },
    /// `where` that is no truth value.
    WhereDType { dtype: String },
    /// An array without axes has no distribution axis.
    ZeroDimensional { name: &'static str },
    /// Batch axes that are neither equal nor 1.
    NotBroadcastable { names: [&'static str; 2], p: Vec<usize>, q: Vec<usize> },
    /// Distributions of different length.
    LengthMismatch { names: [&'static str; 2], axis: isize, p: usize, q: usize },
    /// More elements than can be counted.
    TooLarge { shape: Vec<usize> },
    /// `where` does not fit the operands.
    WhereShape { given: Vec<usize>, expected: Vec<usize> },
    /// An axis that the operands do not have.
    AxisOutOfBounds { axis: isize, dimensions: usize },
    /// An axis named twice.
    AxisRepeated { axes: Vec<isize> },
    /// `axis=()`.
    NoAxis,
    /// A distribution without entries.
    Empty { name: &'static str, axis: isize, shape: Vec<usize> },
    /// `out` of another shape.
    OutShape { given: Vec<usize>, expected: Vec<usize> },
    /// `out` of a dtype that loses digits.
    OutDType { given: String, expected: &'static str },
    /// `out` that cannot be written.
    OutReadOnly,
    /// A base that is not greater than 1.
    Base { given: f64 },
    /// A number that is none that the verb is defined for.
    Number { name: &'static str, given: f64, expected: &'static str },
    /// Weights that are no distribution.
    Weights { given: [f64; 2] },
    /// A row that is no distribution.
    Sum { name: &'static str, row: Index, sum: f64 },
    /// A target that is no distribution.
    TargetSum { row: Index, sum: f64 },
    /// A negative entry.
    Negative { name: &'static str, row: Index, position: Index, value: f64 },
    /// A probability above 1.
    AboveOne { name: &'static str, row: Index, position: Index, value: f64 },
    /// An infinite entry.
    Infinite { name: &'static str, row: Index, position: Index, value: f64 },
    /// A weight of a sample that is negative or infinite.
    Weight { name: &'static str, row: Index, position: Index, value: f64 },
    /// A row without mass that should be normalised.
    NoMass { name: &'static str, row: Index },
    /// Samples of which none has a weight.
    NoWeight { name: &'static str, row: Index },
    /// `where` leaves nothing of a row.
    AllLeftOut { row: Index },
    /// A row of logits that are all -inf.
    AllMasked { name: &'static str, row: Index },
    /// A class that does not exist.
    Label { row: Index, label: i64, classes: usize },
    /// Logits that are +inf.
    InfiniteLogit { name: &'static str, row: Index, position: Index },
    /// `where` leaves no draw of a row.
    NoDraw { row: Index },
    /// A draw that the density which it is from rules out.
    ImpossibleDraw { name: &'static str, place: Index },
    /// A log-density that is +inf.
    InfiniteLogDensity { name: &'static str, place: Index },
    /// No memory for scratch or results.
    OutOfMemory { bytes: usize },
    /// The calling thread was told to stop.
    Interrupted,
}

/// A mistake in the data, and the place of its row in the result.
pub(crate) struct Found {
    /// The place.
    pub(crate) place: usize,
    /// The mistake.
    pub(crate) error: Error,
}

impl Found {
    /// Keeps the one of two mistakes that comes first.
    pub(crate) fn keep_first(first: &mut Option<Self>, other: Self) {
        if first.as_ref().is_none_or(|first| other.place < first.place) {
            *first = Some(other);
        }
    }
}

/// An empty vector with room, or an error instead of an abort.
pub(crate) fn allocate<T>(length: usize) -> Result<Vec<T>, Error> {
    let mut vector = Vec::new();
    let bytes = length.saturating_mul(size_of::<T>());
    vector.try_reserve_exact(length).map_err(|_| Error::OutOfMemory { bytes })?;
    Ok(vector)
}

/// A place along some axes, shown as Python shows an index: `17`, or `(2, 5)`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Index(pub Vec<usize>);

impl Display for Index {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.as_slice() {
            [one] => write!(f, "{one}"),
            many => Tuple(many).fmt(f),
        }
    }
}

/// A shape or a list of axes as Python shows a tuple.
struct Tuple<'a, T>(&'a [T]);

impl<T: Display> Display for Tuple<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("(")?;
        for (i, item) in self.0.iter().enumerate() {
            write!(f, "{}{item}", if i > 0 { ", " } else { "" })?;
        }
        f.write_str(if self.0.len() == 1 { ",)" } else { ")" })
    }
}

/// `row 17 `, or nothing where there is only one distribution.
struct Row<'a>(&'a Index);

impl Display for Row<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.0.is_empty() { Ok(()) } else { write!(f, "row {} ", self.0) }
    }
}

/// ` at index 17`, or nothing where there is only one number.
struct At<'a>(&'a Index);

impl Display for At<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.0.is_empty() { Ok(()) } else { write!(f, " at index {}", self.0) }
    }
}

/// A number with six digits, or as many as it needs to differ from the 1 that was expected.
struct Short(f64);

impl Display for Short {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let rounded: f64 = format!("{:.5e}", self.0).parse().unwrap_or(self.0);
        #[expect(clippy::float_cmp, reason = "asks whether rounding has hidden the difference from 1")]
        let shown = if rounded == 1.0 { self.0 } else { rounded };
        let text = format!("{shown:?}");
        f.write_str(text.strip_suffix(".0").unwrap_or(&text))
    }
}

impl Display for Error {
    #[expect(clippy::too_many_lines, reason = "a message for each mistake")]
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::DType { name, dtype, remedy } => write!(
                f,
                "{name}: dtype {dtype} is not supported; expected real numbers (float64, float32, float16, bfloat16, integers \
                 or bool){}{remedy}",
                if remedy.is_empty() { "" } else { "; " }
            ),
            Self::WhereDType { dtype } => write!(f, "where: dtype {dtype}, expected bool"),
            Self::ZeroDimensional { name } => {
                write!(f, "{name}: got a scalar (0-d); expected an array with a distribution axis")
            }
            Self::NotBroadcastable { names: [one, other], p, q } => write!(
                f,
                "{one} and {other}: shapes {} and {} do not broadcast; every axis but the distribution axis must match or be 1",
                Tuple(p),
                Tuple(q)
            ),
            Self::LengthMismatch { names: [one, other], axis, p, q } => write!(
                f,
                "{one} and {other}: the distribution axis {axis} has length {p} in {one} and {q} in {other}; it is not stretched, so both must \
                 have the same length"
            ),
            Self::WhereShape { given, expected } => {
                write!(f, "where: shape {} does not broadcast to {}", Tuple(given), Tuple(expected))
            }
            Self::AxisOutOfBounds { axis, dimensions } => write!(
                f,
                "axis: {axis} is out of bounds for arrays with {dimensions} dimension{}",
                if *dimensions == 1 { "" } else { "s" }
            ),
            Self::AxisRepeated { axes } => {
                write!(f, "axis: {} names an axis twice; name each axis once", Tuple(axes))
            }
            Self::NoAxis => {
                write!(f, "axis: () names no axis; pass an int, a tuple of ints, or None for all axes")
            }
            Self::Empty { name, axis, shape } => write!(
                f,
                "{name}: the distribution axis {axis} is empty in shape {}; a distribution needs at least one entry",
                Tuple(shape)
            ),
            Self::OutShape { given, expected } => {
                write!(f, "out: shape {}, expected {}", Tuple(given), Tuple(expected))
            }
            Self::OutDType { given, expected } => {
                write!(f, "out: dtype {given} cannot hold {expected} results; pass a {expected} (or wider) float array")
            }
            Self::OutReadOnly => write!(f, "out: is read-only; pass a writable array"),
            Self::Base { given } => write!(
                f,
                "base: {}, expected a number greater than 1 (2 for bits, 10 for hartleys) or None for nats",
                Short(*given)
            ),
            Self::Number { name, given, expected } => write!(f, "{name}: {}, expected {expected}", Short(*given)),
            Self::Weights { given: [a, b] } => {
                write!(f, "weights: ({a:?}, {b:?}), expected two non-negative numbers that sum to 1")
            }
            Self::Sum { name, row, sum } => write!(
                f,
                "{name}: {}sums to {}, not 1; pass normalize=True to divide each row by its sum, or axis= if the \
                 distributions run along another axis",
                Row(row),
                Short(*sum)
            ),
            Self::TargetSum { row, sum } => write!(
                f,
                "targets: {}sums to {}, not 1; divide each row by its sum, or pass axis= if the classes run along another axis",
                Row(row),
                Short(*sum)
            ),
            Self::Negative { name, row, position, value } => write!(
                f,
                "{name}: {}has the negative value {} at position {position}; probabilities must be >= 0 \
                 (log-probabilities need np.exp first)",
                Row(row),
                Short(*value)
            ),
            Self::AboveOne { name, row, position, value } => write!(
                f,
                "{name}: {}has the value {} at position {position}; probabilities must be <= 1",
                Row(row),
                Short(*value)
            ),
            Self::Infinite { name, row, position, value } => write!(
                f,
                "{name}: {}has the infinite value {} at position {position}; expected finite values",
                Row(row),
                Short(*value)
            ),
            Self::Weight { name, row, position, value } => write!(
                f,
                "{name}: {}has {} at position {position}; expected finite numbers that are at least 0",
                Row(row),
                Short(*value)
            ),
            Self::NoMass { name, row } => write!(
                f,
                "{name}: {}sums to 0 and cannot be normalised; drop the row, or add a pseudocount to every entry",
                Row(row)
            ),
            Self::NoWeight { name, row } => {
                write!(f, "{name}: {}sums to 0; give at least one sample a weight above 0, or drop the row", Row(row))
            }
            Self::AllLeftOut { row } => write!(
                f,
                "where: leaves out every element{}; keep at least one element in each row, or drop the row",
                if row.0.is_empty() { String::new() } else { format!(" of row {row}") }
            ),
            Self::AllMasked { name, row } => write!(
                f,
                "{name}: {}has no class that is left: all logits are -inf or left out by where; keep at least one, or drop the row",
                Row(row)
            ),
            Self::Label { row, label, classes } => write!(
                f,
                "targets: {}has the label {label}, expected an index from 0 to {} (there are {classes} classes); rows to skip are \
                 named by ignore_index",
                Row(row),
                classes - 1
            ),
            Self::InfiniteLogit { name, row, position } => write!(
                f,
                "{name}: {}has the logit inf at position {position}; expected finite logits, or -inf for classes that are left out",
                Row(row)
            ),
            Self::NoDraw { row } => write!(
                f,
                "where: leaves no draw{}, expected at least one in each row; drop the row, or take the mean over all rows by axis=None",
                At(row)
            ),
            Self::ImpossibleDraw { name, place } => write!(
                f,
                "{name}: -inf{}, a draw from {} cannot have probability 0 there; pass the log-probabilities of what drew, or leave the \
                 draw out by where=",
                At(place),
                name.rsplit('_').next().unwrap_or(name)
            ),
            Self::InfiniteLogDensity { name, place } => {
                write!(f, "{name}: inf{}, expected a log-density below inf; drop the draw", At(place))
            }
            Self::OutOfMemory { bytes } => write!(f, "could not allocate {bytes} bytes"),
            Self::TooLarge { shape } => {
                write!(f, "p and q broadcast to {}, more elements than can be counted", Tuple(shape))
            }
            Self::Interrupted => write!(f, "interrupted"),
        }
    }
}

impl core::error::Error for Error {}
