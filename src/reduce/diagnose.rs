//! What is wrong with a row whose sums were not as they should be: the cold path, which reads the row once more.

use crate::error::{Error, Index};
use crate::parallel::Patience;
use crate::tile::{Operand, Steps};
use crate::verb::{Compute, Masses};

use super::Driver;
use super::sums::BROUGHT;

/// What a row turned out to be.
pub(super) enum Verdict {
    /// A row like any other, with a -0.0 in it perhaps.
    Fine,
    /// It has a NaN.
    NotANumber,
    /// It is no distribution.
    Mistake(Error),
}

/// What was seen in one operand's row.
#[derive(Default)]
struct Seen {
    nan: bool,
    /// The first entry that is negative or infinite.
    impossible: Option<(usize, f64)>,
}

impl<T: Compute> Driver<'_, T> {
    /// Looks at a row; `sums` are those of its two operands, as far as they are known.
    #[cold]
    pub(super) fn diagnose(&self, row: usize, sums: [f64; 2]) -> Result<Verdict, Error> {
        let index = || self.job.plan.row_index(self.job.plan.place(row));
        if self.is_left_out(row)? {
            return Ok(Verdict::Mistake(Error::AllLeftOut { row: index() }));
        }
        let named = [("p", Some(self.operands.p)), ("q", self.operands.q)];
        let operands = || named.iter().filter_map(|&(name, operand)| Some((name, operand?)));
        let seen = operands().map(|(_, operand)| self.look(operand, row)).collect::<Result<Vec<Seen>, Error>>()?;
        let nan = seen.iter().any(|seen| seen.nan);
        for (which, (name, _)) in operands().enumerate() {
            if let Some((entry, value)) = seen[which].impossible {
                return Ok(Verdict::Mistake(impossible(name, index(), self.job.plan.entry_index(entry), value)));
            }
            let sum = sums[which];
            match self.job.masses {
                Masses::One if !nan && (sum - 1.0).abs() > self.tolerances[which] => {
                    return Ok(Verdict::Mistake(Error::Sum { name, row: index(), sum }));
                }
                Masses::Normalize if !nan && self.has_no_mass(which, row)? => {
                    return Ok(Verdict::Mistake(Error::NoMass { name, row: index() }));
                }
                _ => {}
            }
        }
        Ok(if nan { Verdict::NotANumber } else { Verdict::Fine })
    }

    fn operand(&self, which: usize) -> Operand<'_> {
        if which == 0 { self.operands.p } else { self.operands.q.unwrap_or(self.operands.p) }
    }

    /// Whether `where` leaves nothing of a row.
    fn is_left_out(&self, row: usize) -> Result<bool, Error> {
        let Some(mask) = &self.job.plan.mask else { return Ok(false) };
        let mut left_out = true;
        self.visit(Operand { rows: mask, mask: None, left_out: 0.0, is_asked_for: false }, row, |_, counts| {
            left_out &= counts == 0.0;
        })?;
        Ok(left_out)
    }

    fn has_no_mass(&self, which: usize, row: usize) -> Result<bool, Error> {
        let mut none = true;
        self.visit(self.operand(which), row, |_, value| none &= value == 0.0)?;
        Ok(none)
    }

    fn look(&self, operand: Operand, row: usize) -> Result<Seen, Error> {
        let mut seen = Seen::default();
        self.visit(operand, row, |entry, value| {
            seen.nan |= value.is_nan();
            if seen.impossible.is_none() && (value < 0.0 || value.is_infinite()) {
                seen.impossible = Some((entry, value));
            }
        })?;
        Ok(seen)
    }

    /// Shows every entry of a row.
    fn visit(&self, operand: Operand, row: usize, mut look: impl FnMut(usize, f64)) -> Result<(), Error> {
        let mut patience = Patience::of(&self.job.team);
        let length = self.job.plan.length;
        let mut scratch = [0.0_f64; BROUGHT];
        for start in (0..length).step_by(BROUGHT) {
            let run = start..length.min(start + BROUGHT);
            let entries = &mut scratch[..run.len()];
            operand.bring(row..row + 1, run, entries, Steps { row: 0, entry: 1 });
            for (i, &mut value) in entries.iter_mut().enumerate() {
                look(start + i, value);
            }
            patience.ask()?;
        }
        Ok(())
    }
}

fn impossible(name: &'static str, row: Index, position: Index, value: f64) -> Error {
    if value.is_infinite() {
        Error::Infinite { name, row, position, value }
    } else {
        Error::Negative { name, row, position, value }
    }
}
