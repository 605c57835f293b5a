//! The plan that moves one distribution on the line onto another at the least cost, for every cost that is convex in the distance: in
//! ascending order, mass by mass. Its cells make a staircase from the first entries to the last.
//!
//! ```text
//! i, j = the first entries that have mass
//! repeat   the cell (i, j) gets what both have left
//!          whichever has nothing left goes on to its next entry with mass; both do if they are even
//! ```
//!
//! Where both are even, and only there, the potentials of the plan are not unique: what the cost changes by when mass moves across
//! is another thing for each direction. They are the means of the two extremes then.

use core::cmp::Ordering;

use super::Double;

/// An amount of mass.
pub(super) trait Mass: Copy {
    /// Whether there is any.
    fn is_positive(self) -> bool;
    /// Which of two is less, unless they are equal up to `tie`, and what the larger has more.
    fn compare(self, other: Self, tie: f64) -> (Ordering, Self);
    /// The nearest float.
    fn to_f64(self) -> f64;
}

impl Mass for Double {
    fn is_positive(self) -> bool {
        self.high > 0.0
    }

    fn compare(self, other: Self, tie: f64) -> (Ordering, Self) {
        let more = self - other;
        if more.high.abs() <= tie {
            (Ordering::Equal, Self::default())
        } else if more.high > 0.0 {
            (Ordering::Greater, more)
        } else {
            (Ordering::Less, Self { high: -more.high, low: -more.low })
        }
    }

    fn to_f64(self) -> f64 {
        Double::to_f64(self)
    }
}

impl Mass for usize {
    fn is_positive(self) -> bool {
        self > 0
    }

    fn compare(self, other: Self, _tie: f64) -> (Ordering, Self) {
        (self.cmp(&other), self.abs_diff(other))
    }

    fn to_f64(self) -> f64 {
        self as f64
    }
}

/// What each entry of two distributions has, of as much in all.
pub(super) struct Masses<P, Q> {
    /// Of the one and of the other.
    pub(super) of: (P, Q),
    /// How many entries they have.
    pub(super) lengths: [usize; 2],
    /// Differences of what they have up to some entry that count as none.
    pub(super) tie: f64,
}

/// A cell of the plan.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    /// Its entries.
    pub(super) at: [usize; 2],
    /// What moves between them.
    pub(super) mass: f64,
    /// The entries of the next cell; the length of a row that ends here.
    pub(super) next: [usize; 2],
}

impl<P, Q> Masses<P, Q> {
    /// Visits the cells in order.
    pub(super) fn walk<M: Mass>(&self, mut visit: impl FnMut(Cell))
    where
        P: Fn(usize) -> M,
        Q: Fn(usize) -> M,
    {
        let [n, m] = self.lengths;
        let (of_p, of_q) = &self.of;
        let next_of_p = |from: usize| (from..n).find(|&i| of_p(i).is_positive()).unwrap_or(n);
        let next_of_q = |from: usize| (from..m).find(|&j| of_q(j).is_positive()).unwrap_or(m);
        let [mut i, mut j] = [next_of_p(0), next_of_q(0)];
        if i == n || j == m {
            return;
        }
        let (mut left_of_p, mut left_of_q) = (of_p(i), of_q(j));
        loop {
            let (order, rest) = left_of_p.compare(left_of_q, self.tie);
            let mass = if order == Ordering::Greater { left_of_q } else { left_of_p };
            let next_i = if order == Ordering::Greater { i } else { next_of_p(i + 1) };
            let next_j = if order == Ordering::Less { j } else { next_of_q(j + 1) };
            visit(Cell { at: [i, j], mass: mass.to_f64(), next: [next_i, next_j] });
            if next_i == n || next_j == m {
                return;
            }
            left_of_p = if order == Ordering::Greater { rest } else { of_p(next_i) };
            left_of_q = if order == Ordering::Less { rest } else { of_q(next_j) };
            [i, j] = [next_i, next_j];
        }
    }
}

/// The potentials f and g of a plan, which are made along it: f_i + g_j is the cost of each of its cells, and of no other less. Those of
/// entries without mass are what it would cost to give them some.
pub(super) struct Potentials<'f, C> {
    of: [&'f mut [f64]; 2],
    cost: C,
    has_begun: bool,
}

impl<'f, C: Fn(usize, usize) -> f64> Potentials<'f, C> {
    /// To be written to `of`, for the cost of a cell.
    pub(super) fn new(of: [&'f mut [f64]; 2], cost: C) -> Self {
        Self { of, cost, has_begun: false }
    }

    /// Takes the next cell of the plan.
    pub(super) fn follow(&mut self, cell: &Cell) {
        let Self { of: [f, g], cost, .. } = self;
        let ([i, j], [next_i, next_j]) = (cell.at, cell.next);
        let [n, m] = [f.len(), g.len()];
        if !self.has_begun {
            self.has_begun = true;
            f[i] = 0.0;
            g[j] = cost(i, j);
            (0..i).for_each(|k| f[k] = cost(k, j) - g[j]);
            (0..j).for_each(|l| g[l] = cost(i, l) - f[i]);
        }
        if next_i == n || next_j == m {
            (i + 1..n).for_each(|k| f[k] = cost(k, j) - g[j]);
            (j + 1..m).for_each(|l| g[l] = cost(i, l) - f[i]);
        } else if next_j == j {
            (i + 1..=next_i).for_each(|k| f[k] = cost(k, j) - g[j]);
        } else if next_i == i {
            (j + 1..=next_j).for_each(|l| g[l] = cost(i, l) - f[i]);
        } else {
            // p goes on first, or q does.
            let (of_i, of_j) = (f[i], g[j]);
            let last_f = cost(next_i, j) - of_j;
            let last_g = cost(i, next_j) - of_i;
            (i + 1..=next_i).for_each(|k| f[k] = 0.5 * ((cost(k, j) - of_j) + (cost(k, next_j) - last_g)));
            (j + 1..=next_j).for_each(|l| g[l] = 0.5 * ((cost(i, l) - of_i) + (cost(next_i, l) - last_f)));
        }
    }
}
