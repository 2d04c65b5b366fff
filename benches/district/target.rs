//! What a job should take, and whether it does. A target that is missed is said, and nothing more:
//! how long something takes on a machine that others use too is no reason for a failure.

use std::fmt;

/// An upper or lower bound for a figure.
#[derive(Clone)]
pub(crate) struct Target {
    bound: Bound,
    /// What the bound is counted in: ` × import`, ` MiB`.
    unit: &'static str,
    found: Option<f64>,
}

#[derive(Clone, Copy)]
enum Bound {
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    pub(crate) fn at_most(bound: f64, unit: &'static str, found: Option<f64>) -> Self {
        Self { bound: Bound::AtMost(bound), unit, found }
    }

    pub(crate) fn at_least(bound: f64, unit: &'static str, found: Option<f64>) -> Self {
        Self { bound: Bound::AtLeast(bound), unit, found }
    }
}

impl fmt::Display for Target {
    /// `≤ 0.35 × import: missed by 8% (0.38)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, bound) = match self.bound {
            Bound::AtMost(bound) => ("≤", bound),
            Bound::AtLeast(bound) => ("≥", bound),
        };
        write!(f, "{sign} {bound}{}: ", self.unit)?;
        let Some(found) = self.found else { return f.write_str("nothing to compare with") };
        // How many times too much, or too little.
        let excess = match self.bound {
            Bound::AtMost(bound) => found / bound,
            Bound::AtLeast(bound) => bound / found,
        };
        let digits = if found < 10.0 { 2 } else { 0 };
        if excess <= 1.0 {
            write!(f, "met ({found:.digits$})")
        } else if excess < 2.0 {
            write!(f, "**missed by {:.0}%** ({found:.digits$})", ((excess - 1.0) * 100.0).ceil())
        } else {
            write!(f, "**missed {excess:.1}-fold** ({found:.digits$})")
        }
    }
}
