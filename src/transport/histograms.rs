//! Rows of histograms: their values, their gradients, and what is wrong with those that have none.

use core::ops::Range;

use super::cumulative::{Norm, Rows, Totals, potentials, sums, totals};
use super::staircase::{Cell, Masses, Potentials};
use super::{Cost, Distance, Double, Histograms, Piece, fixed, narrow, reserve};
use crate::double::Sum;
use crate::element::Storage;
use crate::error::{Error, Found};
use crate::lanes::{Real, WIDE, exponent_of, power_of_two, times_power_of_two};
use crate::tile::{Operand, Steps};

/// Exponents of masses between which products of them are far from the end of floats.
const ORDINARY: i32 = 200;
/// Exponents of supports that are scaled as a whole.
const WIDEST: i32 = 1000;
/// A sum of squares below which some of them may have been too small for floats, and what is squared is multiplied with then.
const LEAST: f64 = f64::from_bits((1023 - 900) << 52);
const LIFT: f64 = f64::from_bits((1023 + 600) << 52);

/// A call, and what is made of it once.
pub(super) struct Driver<'a> {
    job: &'a Histograms<'a>,
    operands: [Operand<'a>; 2],
    /// What each row's gradients are multiplied with.
    weights: Option<&'a [f64]>,
    /// What is summed, unless a plan is needed.
    norm: Option<Norm>,
    /// From each position to the next, in units of 2^`exponent`, an even number.
    steps: Vec<f64>,
    /// The sum of all.
    span: f64,
    /// The same for sums over rows of `f32`, or of what fits in.
    narrow: Option<narrow::Steps>,
    exponent: i32,
}

/// What a thread needs.
#[derive(Default)]
pub(super) struct Scratch {
    narrow: [Vec<f32>; 2],
    brought: [Vec<f64>; 2],
    /// The potentials of rows that are taken together.
    potentials: Vec<f64>,
    alone: Alone,
}

/// What it needs for a row.
#[derive(Default)]
struct Alone {
    potentials: [Vec<f64>; 2],
    /// What q has, as a share of what p has.
    masses: Vec<Double>,
    cells: Vec<Cell>,
}

/// What is known of the sums of rows, one in each lane.
struct Known {
    totals: Totals,
    values: [f64; WIDE],
    /// Σ of the potential times p and times q.
    moments: [[f64; WIDE]; 2],
}

impl<'a> Driver<'a> {
    pub(super) fn new(job: &'a Histograms<'a>, weights: Option<&'a [f64]>) -> Result<Self, Error> {
        let plan = job.plan;
        let operand = |rows| Operand { rows, mask: plan.mask.as_ref(), left_out: 0.0, is_asked_for: true };
        let norm = match job.distance {
            Distance::Wasserstein(1.0) => Some(Norm::Absolute),
            Distance::Wasserstein(_) => None,
            Distance::Cumulative(_) => Some(Norm::Square),
        };
        let span = job.support.last().zip(job.support.first()).map_or(0.0, |(last, first)| last - first);
        let exponent = if span > 0.0 { exponent_of(span).clamp(-WIDEST, WIDEST) & !1 } else { 0 };
        let unit = power_of_two(-exponent);
        let mut steps = Vec::new();
        reserve(&mut steps, job.support.len())?;
        steps.extend(job.support.windows(2).map(|pair| (pair[1] - pair[0]) * unit));
        let is_narrow = norm.is_some() && [&plan.p, &plan.q].iter().all(|rows| rows.dtype().fits_f32());
        let narrow = is_narrow.then(|| narrow::Steps::new(&steps)).transpose()?;
        let span = steps.iter().sum();
        Ok(Self { job, operands: [operand(&plan.p), operand(&plan.q)], weights, norm, steps, span, narrow, exponent })
    }

    /// Values and gradients of rows that are brought in together.
    pub(super) fn piece<T: Real>(&self, piece: &mut Piece<T>, scratch: &mut Scratch, found: &mut Option<Found>) {
        if let Err(error) = self.rows(piece, scratch, found) {
            Found::keep_first(found, Found { place: self.job.plan.place(piece.first), error });
        }
    }

    /// The same; the mistakes of single rows are in `found`.
    fn rows<T: Real>(&self, piece: &mut Piece<T>, scratch: &mut Scratch, found: &mut Option<Found>) -> Result<(), Error> {
        let length = self.job.plan.length;
        let rows = piece.rows();
        let wants = piece.out.iter().any(Option::is_some);
        let Scratch { narrow: [narrow_p, narrow_q], brought: [of_p, of_q], potentials, alone } = scratch;
        let mut quick = [f64::NAN; WIDE];
        if let Some((norm, steps)) = self.norm.zip(self.narrow.as_ref()) {
            let p = slab(self.operands[0], rows.clone(), length, narrow_p)?;
            let q = slab(self.operands[1], rows.clone(), length, narrow_q)?;
            quick = self.quick(narrow::sums(self.job.level, [p, q], length, steps, norm), norm);
            if take(&quick, piece) {
                return Ok(());
            }
        }
        let p = slab(self.operands[0], rows.clone(), length, of_p)?;
        let q = slab(self.operands[1], rows.clone(), length, of_q)?;
        if let Some(norm) = self.norm.filter(|_| self.narrow.is_none()) {
            let steps = fixed::Steps { each: &self.steps, span: self.span };
            quick = self.quick(fixed::sums(self.job.level, [p, q], steps, norm, self.job.normalize), norm);
            if take(&quick, piece) {
                return Ok(());
            }
        }
        let known = match self.norm {
            Some(norm) if rows.len() == WIDE => self.together([p, q], norm, wants, potentials)?,
            _ => None,
        };
        for (index, row) in rows.enumerate() {
            let entries = index * length..(index + 1) * length;
            let operands = [&p[entries.clone()], &q[entries]];
            let mut out = piece.out_of(index);
            let value = match &known {
                Some(known) if self.is_fine(&known.totals, index) => {
                    self.write_slopes(known, index, WIDE, potentials, self.weight(row), &mut out);
                    Ok(known.values[index])
                }
                _ => self.row(row, operands, &mut out, alone),
            };
            if let Some(mask) = &self.job.plan.mask {
                for out in out.iter_mut().flatten() {
                    Operand { rows: mask, mask: None, left_out: 0.0, is_asked_for: true }.for_each_zero(
                        row,
                        out.len(),
                        |place| out[place] = T::default(),
                    );
                }
            }
            match value.map(|value| if quick[index].is_nan() { value } else { quick[index] }) {
                Ok(value) => piece.values[index] = if value.is_nan() { T::NAN } else { T::from_f64(value) },
                Err(error) => Found::keep_first(found, Found { place: self.job.plan.place(row), error }),
            }
        }
        Ok(())
    }

    /// The values of rows by sums that are not exact; NaN where those are needed.
    fn quick(&self, (totals, sums): (Totals, [f64; WIDE]), norm: Norm) -> [f64; WIDE] {
        let value = |lane: usize| self.value(self.root(sums[lane], norm), &totals, lane);
        core::array::from_fn(|lane| if self.is_fine(&totals, lane) { value(lane) } else { f64::NAN })
    }

    /// What each row's gradients are multiplied with.
    fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[self.job.plan.place(row)])
    }

    /// What is known of rows, one in each lane, that are like any other.
    fn together(&self, rows: [&[f64]; 2], norm: Norm, wants: bool, out: &mut Vec<f64>) -> Result<Option<Known>, Error> {
        let rows = Rows::Together(rows);
        let totals = totals(self.job.level, rows, self.job.plan.length);
        (0..WIDE).any(|lane| self.is_fine(&totals, lane)).then(|| self.know(rows, &totals, norm, wants, out)).transpose()
    }

    fn know(&self, rows: Rows, totals: &Totals, norm: Norm, wants: bool, out: &mut Vec<f64>) -> Result<Known, Error> {
        let roots = self.roots(rows, totals, norm);
        let values = core::array::from_fn(|lane| self.value(roots[lane], totals, lane));
        let mut moments = [[0.0; WIDE]; 2];
        if wants {
            let count = if matches!(rows, Rows::Together(_)) { WIDE } else { 1 };
            reserve(out, self.job.plan.length * count)?;
            let factors = roots.map(|root| if root > 0.0 { self.factor() / root } else { 0.0 });
            moments = potentials(self.job.level, rows, totals, &self.steps, norm, &factors, out);
        }
        Ok(Known { totals: *totals, values, moments })
    }

    /// The gradients of a row among `count`, whose potentials lie entry by entry.
    fn write_slopes<T: Real>(
        &self,
        known: &Known,
        lane: usize,
        count: usize,
        potentials: &[f64],
        weight: f64,
        out: &mut [Option<&mut [T]>; 2],
    ) {
        let masses = known.totals.masses(lane);
        for (which, sign) in [1.0, -1.0].into_iter().enumerate() {
            let Some(out) = &mut out[which] else { continue };
            let mean = known.moments[which][lane] / masses[which];
            let factor = sign * self.unit() * weight / masses[which];
            for (out, potential) in out.iter_mut().zip(potentials.iter().skip(lane).step_by(count)) {
                // Adding 0 turns -0.0 into 0.0.
                *out = T::from_f64((potential - mean) * factor + 0.0);
            }
        }
    }

    fn is_fine(&self, totals: &Totals, lane: usize) -> bool {
        let masses = totals.masses(lane);
        let [least, most] = [-ORDINARY, ORDINARY].map(power_of_two);
        let fits = |(mass, tolerance): (f64, f64)| {
            if self.job.normalize { (least..=most).contains(&mass) } else { (mass - 1.0).abs() <= tolerance }
        };
        totals.signs >> lane & 1 == 0 && masses.into_iter().zip(self.job.tolerances).all(fits)
    }

    /// The sums, or the roots of the sums of squares.
    fn roots(&self, rows: Rows, totals: &Totals, norm: Norm) -> [f64; WIDE] {
        let sums_of = |lift| sums(self.job.level, rows, totals, &self.steps, norm, lift);
        let plain = sums_of(1.0);
        if norm == Norm::Absolute {
            return plain;
        }
        let lifted = if plain.iter().any(|&sum| sum < LEAST) { sums_of(LIFT) } else { plain };
        let root = |sum| self.root(sum, norm);
        core::array::from_fn(|lane| if plain[lane] < LEAST { root(lifted[lane]) / LIFT } else { root(plain[lane]) })
    }

    /// A sum, or the root of a sum of squares.
    fn root(&self, sum: f64, norm: Norm) -> f64 {
        if norm == Norm::Absolute { sum } else { (self.factor() * sum).sqrt() }
    }

    /// The distance of a row.
    fn value(&self, root: f64, totals: &Totals, lane: usize) -> f64 {
        root / totals.masses(lane)[0] * self.unit()
    }

    /// What a distance is multiplied with that was computed with steps in units.
    fn unit(&self) -> f64 {
        match self.job.distance {
            Distance::Wasserstein(_) => power_of_two(self.exponent),
            Distance::Cumulative(_) => power_of_two(self.exponent / 2),
        }
    }

    /// What squares are multiplied with.
    fn factor(&self) -> f64 {
        if let Distance::Cumulative(factor) = self.job.distance { factor } else { 1.0 }
    }

    /// Value and gradients of one row.
    fn row<T: Real>(
        &self,
        row: usize,
        rows: [&[f64]; 2],
        out: &mut [Option<&mut [T]>; 2],
        work: &mut Alone,
    ) -> Result<f64, Error> {
        let of = |rows: [&[f64]; 2]| totals(self.job.level, Rows::One(rows), self.job.plan.length);
        let totals = of(rows);
        let weight = self.weight(row);
        if self.is_fine(&totals, 0) {
            return self.measure(rows, &totals, weight, out, work);
        }
        if self.is_not_a_number(row, rows, totals.masses(0))? {
            out.iter_mut().flatten().for_each(|out| out.fill(T::NAN));
            return Ok(T::NAN.to_f64());
        }
        if !self.job.normalize {
            return self.measure(rows, &totals, weight, out, work);
        }
        let shifts = rows.map(|row| -exponent_of(row.iter().copied().fold(0.0, f64::max)));
        let mut shifted = [Vec::new(), Vec::new()];
        for ((shifted, row), shift) in shifted.iter_mut().zip(rows).zip(shifts) {
            reserve(shifted, row.len())?;
            shifted.extend(row.iter().map(|&entry| times_power_of_two(entry, shift)));
        }
        let rows = [shifted[0].as_slice(), &shifted[1]];
        let value = self.measure(rows, &of(rows), weight, out, work)?;
        for (out, shift) in out.iter_mut().zip(shifts) {
            for slope in out.iter_mut().flat_map(|out| out.iter_mut()) {
                *slope = T::from_f64(times_power_of_two(slope.to_f64(), shift));
            }
        }
        Ok(value)
    }

    /// The same of a row in the range in which products of its entries are floats.
    fn measure<T: Real>(
        &self,
        rows: [&[f64]; 2],
        totals: &Totals,
        weight: f64,
        out: &mut [Option<&mut [T]>; 2],
        work: &mut Alone,
    ) -> Result<f64, Error> {
        match (self.job.distance, self.norm) {
            (_, Some(norm)) => {
                let wants = out.iter().any(Option::is_some);
                let known = self.know(Rows::One(rows), totals, norm, wants, &mut work.potentials[0])?;
                self.write_slopes(&known, 0, 1, &work.potentials[0], weight, out);
                Ok(known.values[0])
            }
            (Distance::Wasserstein(order), None) => self.transport(rows, totals, order, weight, out, work),
            (Distance::Cumulative(_), None) => unreachable!("it is made of sums"),
        }
    }

    /// Value and gradients by the plan.
    fn transport<T: Real>(
        &self,
        [p, q]: [&[f64]; 2],
        totals: &Totals,
        order: f64,
        weight: f64,
        out: &mut [Option<&mut [T]>; 2],
        work: &mut Alone,
    ) -> Result<f64, Error> {
        let Alone { potentials: [f, g], masses: of_q, cells } = work;
        let (length, support) = (self.job.plan.length, self.job.support);
        let ratio = totals.ratio(0);
        of_q.clear();
        reserve(of_q, length)?;
        of_q.extend(q.iter().map(|&entry| ratio.times(entry)));
        let masses = Masses {
            of: (|i: usize| Double::new(p[i], 0.0), |j: usize| of_q[j]),
            lengths: [length; 2],
            tie: ratio.tie(2 * length),
        };
        let distance = |[i, j]: [usize; 2]| (support[i] - support[j]).abs();
        cells.clear();
        reserve(cells, 2 * length)?;
        let mut longest = 0.0_f64;
        masses.walk(|cell| {
            longest = longest.max(distance(cell.at));
            cells.push(cell);
        });
        if longest == 0.0 || order == f64::INFINITY {
            out.iter_mut().flatten().for_each(|out| out.fill(T::default()));
            return Ok(longest);
        }
        let cost = Cost::new(order, longest);
        let mut sum = Sum::default();
        for cell in &*cells {
            sum.add(cell.mass * cost.of(distance(cell.at)));
        }
        let totals = totals.masses(0);
        let mean = sum.value() / totals[0];
        if out.iter().any(Option::is_some) {
            for potentials in [&mut *f, g] {
                reserve(potentials, length)?;
                potentials.resize(length, 0.0);
            }
            let mut potentials = Potentials::new([f, g], |i, j| cost.of(distance([i, j])));
            for cell in &*cells {
                potentials.follow(cell);
            }
            let factor = cost.unit * cost.chain(mean) / order * weight;
            for ((out, row), (potential, total)) in out.iter_mut().zip([p, q]).zip([&*f, g].into_iter().zip(totals)) {
                let Some(out) = out else { continue };
                let mut moment = Sum::default();
                for (entry, potential) in row.iter().zip(potential) {
                    moment.add(entry * potential);
                }
                let (mean, factor) = (moment.value() / total, factor / total);
                for (out, potential) in out.iter_mut().zip(potential) {
                    *out = T::from_f64((potential - mean) * factor + 0.0);
                }
            }
        }
        Ok(cost.value(mean))
    }

    /// Whether a row has a NaN, or an error if it is no distribution.
    #[cold]
    fn is_not_a_number(&self, row: usize, rows: [&[f64]; 2], masses: [f64; 2]) -> Result<bool, Error> {
        let plan = self.job.plan;
        let index = || plan.row_index(plan.place(row));
        if let Some(mask) = &plan.mask {
            let counts = Operand { rows: mask, mask: None, left_out: 0.0, is_asked_for: true };
            let mut brought = Vec::new();
            reserve(&mut brought, plan.length)?;
            brought.resize(plan.length, 0.0);
            counts.bring(row..row + 1, 0..plan.length, &mut brought, Steps { row: 0, entry: 1 });
            if brought.iter().all(|&counts| counts == 0.0) {
                return Err(Error::AllLeftOut { row: index() });
            }
        }
        let nan = rows.iter().any(|row| row.iter().any(|entry| entry.is_nan()));
        for (which, name) in ["p", "q"].into_iter().enumerate() {
            let impossible = rows[which].iter().position(|&entry| entry < 0.0 || entry.is_infinite());
            if let Some(entry) = impossible {
                let (row, position, value) = (index(), plan.entry_index(entry), rows[which][entry]);
                return Err(if value.is_infinite() {
                    Error::Infinite { name, row, position, value }
                } else {
                    Error::Negative { name, row, position, value }
                });
            }
            let sum = masses[which];
            if nan {
            } else if !self.job.normalize && (sum - 1.0).abs() > self.job.tolerances[which] {
                return Err(Error::Sum { name, row: index(), sum });
            } else if self.job.normalize && rows[which].iter().all(|&entry| entry == 0.0) {
                return Err(Error::NoMass { name, row: index() });
            }
        }
        Ok(nan)
    }
}

/// Takes values if they are all that is wanted and none is missing.
fn take<T: Real>(quick: &[f64; WIDE], piece: &mut Piece<T>) -> bool {
    let quick = &quick[..piece.values.len()];
    let is_all = piece.out.iter().all(Option::is_none) && !quick.iter().any(|value| value.is_nan());
    if is_all {
        piece.values.iter_mut().zip(quick).for_each(|(value, &quick)| *value = T::from_f64(quick));
    }
    is_all
}

/// Whole rows one after another: as they lie in memory if they can be taken like that, else brought in.
fn slab<'s, T: Real + Storage>(
    operand: Operand<'s>,
    rows: Range<usize>,
    length: usize,
    scratch: &'s mut Vec<T>,
) -> Result<&'s [T], Error> {
    if operand.mask.is_none()
        && let Some(slab) = operand.rows.borrow_rows(rows.clone())
    {
        return Ok(slab);
    }
    reserve(scratch, rows.len() * length)?;
    scratch.resize(rows.len() * length, T::default());
    let steps = Steps { row: length, entry: 1 };
    if operand.in_columns() {
        operand.bring(rows, 0..length, scratch, steps);
    } else {
        rows.zip(scratch.chunks_exact_mut(length)).for_each(|(row, out)| operand.bring(row..row + 1, 0..length, out, steps));
    }
    Ok(scratch)
}
