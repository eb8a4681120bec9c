//! The rules that people use, as they are commonly written down. Each takes a series and answers `leak` or not; none
//! can say that it does not know.

/// What a rule may look at.
pub(crate) struct Input<'a> {
    /// Times in seconds.
    pub(crate) t_s: &'a [f64],
    /// Values.
    pub(crate) values: &'a [f64],
    /// Tolerated growth per second.
    pub(crate) tolerance_per_s: f64,
    /// A level that must not be reached.
    pub(crate) limit: f64,
}

/// One rule.
pub(crate) struct Rule {
    /// Its name.
    pub(crate) name: &'static str,
    /// Whether it calls the series a leak.
    pub(crate) leaks: fn(&Input<'_>) -> bool,
}

/// Every rule, from the plainest on.
pub(crate) static RULES: &[Rule] = &[
    Rule { name: "second half 5 % above first", leaks: halves },
    Rule { name: "end 10 % above start", leaks: start_end },
    Rule { name: "least squares, p < 0.05", leaks: |input| line(input).is_some_and(|line| line.t_value() > 1.96) },
    Rule {
        name: "slope > tolerance, R2 > 0.8",
        leaks: |input| line(input).is_some_and(|line| line.r2 > 0.8 && line.slope > input.tolerance_per_s),
    },
    Rule {
        name: "95 % of least squares > tolerance",
        leaks: |input| line(input).is_some_and(|line| line.slope - 1.96 * line.slope_error > input.tolerance_per_s),
    },
    Rule { name: "predict_linear, 4 runs ahead", leaks: predict_linear },
    Rule { name: "Theil-Sen > tolerance", leaks: |input| theil_sen(input) > input.tolerance_per_s },
    Rule { name: "Mann-Kendall, p < 0.05", leaks: |input| mann_kendall(input, Correction::None) > 1.96 },
    Rule { name: "Mann-Kendall, Hamed-Rao", leaks: |input| mann_kendall(input, Correction::HamedRao) > 1.96 },
    Rule { name: "Mann-Kendall, Yue-Wang", leaks: |input| mann_kendall(input, Correction::YueWang) > 1.96 },
    Rule { name: "Mann-Kendall, pre-whitened", leaks: |input| mann_kendall(input, Correction::PreWhitened) > 1.96 },
    Rule {
        name: "Hamed-Rao and Sen > tolerance",
        leaks: |input| mann_kendall(input, Correction::HamedRao) > 1.96 && theil_sen(input) > input.tolerance_per_s,
    },
    Rule { name: "growth in 10 windows in a row", leaks: ten_windows },
];

/// Rules that compare all pairs see block means of this many blocks, as their users have to do it.
const BLOCKS: usize = 200;

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

fn median(values: &mut [f64]) -> f64 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = values.len() / 2;
    *values.select_nth_unstable_by(middle, f64::total_cmp).1
}

fn halves(input: &Input<'_>) -> bool {
    let (first, second) = input.values.split_at(input.values.len() / 2);
    mean(second) > 1.05 * mean(first)
}

fn start_end(input: &Input<'_>) -> bool {
    match (input.values.first(), input.values.last()) {
        (Some(first), Some(last)) => *last > 1.1 * first,
        _ => false,
    }
}

struct Line {
    slope: f64,
    slope_error: f64,
    r2: f64,
}

impl Line {
    fn t_value(&self) -> f64 {
        if self.slope == 0.0 { 0.0 } else { self.slope / self.slope_error }
    }
}

fn fitted(t_s: &[f64], values: &[f64]) -> Option<Line> {
    let n = t_s.len() as f64;
    if t_s.len() < 3 {
        return None;
    }
    let (mean_t, mean_v) = (mean(t_s), mean(values));
    let (mut tt, mut tv, mut vv) = (0.0, 0.0, 0.0);
    for (t_s, value) in t_s.iter().zip(values) {
        tt += (t_s - mean_t) * (t_s - mean_t);
        tv += (t_s - mean_t) * (value - mean_v);
        vv += (value - mean_v) * (value - mean_v);
    }
    let slope = tv / tt;
    let rest = (vv - slope * tv).max(0.0);
    let r2 = if vv > 0.0 { 1.0 - rest / vv } else { 0.0 };
    Some(Line { slope, slope_error: (rest / (n - 2.0) / tt).sqrt(), r2 })
}

fn line(input: &Input<'_>) -> Option<Line> {
    fitted(input.t_s, input.values)
}

/// The alert of Prometheus: a line through the last quarter reaches the limit within four more runs.
fn predict_linear(input: &Input<'_>) -> bool {
    let from = input.t_s.len() - input.t_s.len() / 4;
    let (Some(start), Some(end), Some(line)) =
        (input.t_s.first(), input.t_s.last(), fitted(&input.t_s[from..], &input.values[from..]))
    else {
        return false;
    };
    let level = mean(&input.values[from..]) + line.slope * (end - mean(&input.t_s[from..]));
    level + line.slope * 4.0 * (end - start) > input.limit
}

/// Means of blocks of equal numbers of points.
fn blocks(input: &Input<'_>) -> (Vec<f64>, Vec<f64>) {
    let size = input.t_s.len().div_ceil(BLOCKS).max(1);
    (input.t_s.chunks(size).map(mean).collect(), input.values.chunks(size).map(mean).collect())
}

/// Theil (1950), Sen (1968): the median of the slopes of all pairs.
fn theil_sen(input: &Input<'_>) -> f64 {
    let (t_s, values) = blocks(input);
    sen_slope(&t_s, &values)
}

fn sen_slope(t_s: &[f64], values: &[f64]) -> f64 {
    let mut slopes = Vec::with_capacity(t_s.len() * t_s.len() / 2);
    for later in 1..t_s.len() {
        for earlier in 0..later {
            slopes.push((values[later] - values[earlier]) / (t_s[later] - t_s[earlier]));
        }
    }
    median(&mut slopes)
}

#[derive(Clone, Copy, PartialEq)]
enum Correction {
    None,
    /// Hamed and Rao (1998), J. Hydrology 204, 182–196: the variance grows with the significant autocorrelations of the
    /// ranks of the series without its Sen slope.
    HamedRao,
    /// Yue and Wang (2004), Water Resources Management 18, 201–218: the variance grows with the significant
    /// autocorrelations of the values without their Sen slope.
    YueWang,
    /// Von Storch (1995): the test on what is left of the values once a share of the one before is taken off, the share
    /// being their first autocorrelation where it is significant.
    PreWhitened,
}

/// The standardised statistic of Mann (1945) and Kendall (1975).
fn mann_kendall(input: &Input<'_>, correction: Correction) -> f64 {
    let (t_s, mut values) = blocks(input);
    if correction == Correction::PreWhitened {
        values = whitened(&values);
    }
    let n = values.len() as f64;
    let mut score = 0.0_f64;
    for later in 1..values.len() {
        for earlier in 0..later {
            score += match values[later].total_cmp(&values[earlier]) {
                std::cmp::Ordering::Greater => 1.0,
                std::cmp::Ordering::Less => -1.0,
                std::cmp::Ordering::Equal => 0.0,
            };
        }
    }
    let without_slope = || -> Vec<f64> {
        let slope = sen_slope(&t_s, &values);
        t_s.iter().zip(&values).map(|(t_s, value)| value - slope * t_s).collect()
    };
    let factor = match correction {
        Correction::None | Correction::PreWhitened => 1.0,
        Correction::HamedRao => {
            let weighted = |lag: usize, correlation: f64| {
                let left = n - lag as f64;
                left * (left - 1.0) * (left - 2.0) * correlation
            };
            1.0 + 2.0 / (n * (n - 1.0) * (n - 2.0)) * significant(&ranks(&without_slope()), weighted)
        }
        Correction::YueWang => {
            1.0 + 2.0 * significant(&without_slope(), |lag, correlation| (1.0 - lag as f64 / n) * correlation)
        }
    };
    let variance = n * (n - 1.0) * (2.0 * n + 5.0) / 18.0 * factor.max(0.01);
    if variance > 0.0 { (score.abs() - 1.0).max(0.0).copysign(score) / variance.sqrt() } else { 0.0 }
}

/// The ranks of `values`, from 0.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut ranks = vec![0.0; values.len()];
    for (rank, index) in order.into_iter().enumerate() {
        ranks[index] = rank as f64;
    }
    ranks
}

/// The autocorrelation of `values` about their mean at `lag`; 0 for a constant.
fn autocorrelation(values: &[f64], lag: usize) -> f64 {
    let middle = mean(values);
    let product = |pairs: &[f64]| values.iter().zip(pairs).map(|(a, b)| (a - middle) * (b - middle)).sum::<f64>();
    let power = product(values);
    if power > 0.0 { product(values.get(lag..).unwrap_or_default()) / power } else { 0.0 }
}

/// The sum over all lags of what `weighted` makes of the autocorrelations that are beyond chance at 95 %.
fn significant(values: &[f64], weighted: impl Fn(usize, f64) -> f64) -> f64 {
    let edge = 1.96 / (values.len() as f64).sqrt();
    (1..values.len().saturating_sub(2))
        .map(|lag| (lag, autocorrelation(values, lag)))
        .filter(|(_, correlation)| correlation.abs() > edge)
        .map(|(lag, correlation)| weighted(lag, correlation))
        .sum()
}

fn whitened(values: &[f64]) -> Vec<f64> {
    let share = autocorrelation(values, 1);
    if share.abs() <= 1.96 / (values.len() as f64).sqrt() {
        return values.to_vec();
    }
    values.windows(2).map(|pair| pair[1] - share * pair[0]).collect()
}

/// Ten windows of equal length, each higher on average than the one before.
fn ten_windows(input: &Input<'_>) -> bool {
    let size = input.values.len() / 10;
    if size == 0 {
        return false;
    }
    let means: Vec<f64> = input.values.chunks(size).take(10).map(mean).collect();
    means.windows(2).all(|pair| pair[1] > pair[0])
}
