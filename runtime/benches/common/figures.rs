//! What a figure is worth: medians of rounds in turns, and lines through points.

#![allow(dead_code, reason = "each benchmark uses a part")]

/// How large the machine is, and what else it has to do.
pub(crate) fn machine() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = crate::cores::cores();
    format!("{cores} cores; load average before: {}", load.split(' ').next().unwrap_or_default())
}

/// A count as a figure.
#[expect(clippy::cast_precision_loss, reason = "counts stay far below 2^52")]
pub(crate) fn count(number: u64) -> f64 {
    number as f64
}

/// The median of several rounds, with the lowest and the highest.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
    /// The earlier half of the rounds told the same as the later one.
    steady: bool,
}

/// What marks a figure that is not to be believed.
pub(crate) const UNSTEADY: &str = "~";
/// Share of the median by which the halves of the rounds may differ.
pub(crate) const DRIFT: f64 = 0.15;

impl Spread {
    /// `values` in the order in which they were measured.
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        let half = values.len() / 2;
        let (earlier, later) = values.split_at_mut(half);
        let drift = if earlier.is_empty() { 0.0 } else { (middle(earlier) - middle(later)).abs() };
        let median = middle(&mut values);
        Self { low: values[0], median, high: values[values.len() - 1], steady: drift <= DRIFT * median }
    }
}

/// The median; sorts.
fn middle(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = usize::from(self.high < 100.0) + usize::from(self.high < 3.0);
        let mark = if self.steady { "" } else { UNSTEADY };
        write!(f, "{:.digits$} ({:.digits$}-{:.digits$}){mark}", self.median, self.low, self.high)
    }
}

/// The order of a round: forward, then backward, so that a drift of the machine hits all alike.
pub(crate) fn turn<T: Clone>(items: &[T], round: usize) -> Vec<(usize, T)> {
    let mut order: Vec<(usize, T)> = items.iter().cloned().enumerate().collect();
    if round % 2 == 1 {
        order.reverse();
    }
    order
}

/// Slope and intercept of the line that fits best, and how well it does (R², 1 is perfect).
pub(crate) fn fit(points: &[(f64, f64)]) -> (f64, f64, f64) {
    #[expect(clippy::cast_precision_loss, reason = "a handful")]
    let n = points.len() as f64;
    let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / n;
    let (x_mean, y_mean) = (mean(|point| point.0), mean(|point| point.1));
    let sum = |of: &dyn Fn(f64, f64) -> f64| points.iter().map(|(x, y)| of(x - x_mean, y - y_mean)).sum::<f64>();
    let (xx, xy, yy) = (sum(&|x, _| x * x), sum(&|x, y| x * y), sum(&|_, y| y * y));
    let slope = xy / xx;
    (slope, y_mean - slope * x_mean, xy * xy / (xx * yy))
}
