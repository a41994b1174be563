//! The measures, each with its table and its picture.

mod cold;
mod configuration;
mod durability;
mod handler;
mod latency;
mod neighbours;
mod size;
mod slopes;

use crate::Effort;

/// Runs all measures, or the one of this name.
pub(crate) async fn run(effort: &Effort, only: Option<&str>) {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{cores} cores; load average before: {}", load.split(' ').next().unwrap_or_default());
    let wanted = |name: &str| {
        let yes = only.is_none_or(|only| only == name);
        if yes {
            println!("\n[{name}]");
        }
        yes
    };
    if wanted("handler") {
        handler::measure(effort).await;
    }
    if wanted("durability") {
        durability::measure(effort).await;
    }
    if wanted("events") {
        slopes::events(effort).await;
    }
    if wanted("profile") {
        slopes::profile(effort).await;
    }
    if wanted("segments") {
        slopes::segments(effort).await;
    }
    if wanted("rules") {
        slopes::rules(effort).await;
    }
    if wanted("cold") {
        cold::measure(effort).await;
    }
    if wanted("latency") {
        latency::measure(effort).await;
    }
    if wanted("neighbours") {
        neighbours::measure(effort).await;
    }
    if wanted("configuration") {
        configuration::measure();
    }
    if wanted("size") {
        size::measure(effort).await;
    }
}

/// The median of several rounds, with the lowest and the highest.
#[derive(Clone, Copy)]
pub(crate) struct Spread {
    pub(crate) low: f64,
    pub(crate) median: f64,
    pub(crate) high: f64,
}

impl Spread {
    pub(crate) fn of(mut values: Vec<f64>) -> Self {
        values.sort_by(f64::total_cmp);
        Self { low: values[0], median: values[values.len() / 2], high: values[values.len() - 1] }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = usize::from(self.high < 100.0);
        write!(f, "{:.digits$} ({:.digits$}-{:.digits$})", self.median, self.low, self.high)
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
