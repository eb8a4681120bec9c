//! Least squares with few columns: orthogonalise and project.
//!
//! Modified Gram-Schmidt, twice (Björck 1967; "twice is enough", Giraud, Langou & Rozložník 2005). A column that the
//! ones before it explain is dropped, so a design that lacks rank has the minimum of its residuals all the same.

#![expect(clippy::needless_range_loop, reason = "matrices read best by index")]

/// A column counts as explained by those before it if less than this share of its length is left.
const DEPENDENT: f64 = 1e-9;

/// Sums that run beside each other in [`dot`]: one sum alone waits for every addition before it can begin the next.
const LANES: usize = 8;

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let count = a.len().min(b.len());
    let (a, b) = (&a[..count], &b[..count]);
    let mut lanes = [0.0; LANES];
    for (x, y) in a.chunks_exact(LANES).zip(b.chunks_exact(LANES)) {
        for i in 0..LANES {
            lanes[i] += x[i] * y[i];
        }
    }
    let whole = count - count % LANES;
    let rest: f64 = a[whole..].iter().zip(&b[whole..]).map(|(x, y)| x * y).sum();
    let [p, q, r, s, t, u, v, w] = lanes;
    ((p + t) + (q + u)) + ((r + v) + (s + w)) + rest
}

/// An orthonormal basis of some columns.
#[derive(Debug, Clone, Default)]
pub(crate) struct Space {
    basis: Vec<Vec<f64>>,
}

impl Space {
    pub(crate) fn of<'a>(columns: impl IntoIterator<Item = &'a [f64]>) -> Self {
        let mut space = Self::default();
        for column in columns {
            space.add(column);
        }
        space
    }

    /// Adds a column, and returns the length of what those before it do not explain; 0 where it is dropped.
    pub(crate) fn add(&mut self, column: &[f64]) -> f64 {
        let mut rest = column.to_vec();
        let before = dot(&rest, &rest).sqrt();
        self.remove_from(&mut rest);
        self.remove_from(&mut rest);
        let after = dot(&rest, &rest).sqrt();
        if after > DEPENDENT * before && after > 0.0 {
            for value in &mut rest {
                *value /= after;
            }
            self.basis.push(rest);
            return after;
        }
        0.0
    }

    /// Directions of length 1, at right angles to each other, that span the columns.
    pub(crate) fn directions(&self) -> impl Iterator<Item = &[f64]> {
        self.basis.iter().map(Vec::as_slice)
    }

    /// Takes from `values` what the columns explain.
    pub(crate) fn remove_from(&self, values: &mut [f64]) {
        for direction in &self.basis {
            let along = dot(direction, values);
            for (value, unit) in values.iter_mut().zip(direction) {
                *value -= along * unit;
            }
        }
    }

    /// What the columns leave of `values`.
    pub(crate) fn residual(&self, values: &[f64]) -> Vec<f64> {
        let mut rest = values.to_vec();
        self.remove_from(&mut rest);
        rest
    }
}

/// Coefficient of one column beside others, and what its standard error needs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Partial {
    pub(crate) coefficient: f64,
    /// Square of the length of the column less what the others explain: variance = noise variance / this.
    pub(crate) information: f64,
}

/// The coefficient of `column` in the regression of `values` on it and on `others` (Frisch-Waugh). `None` where the
/// others explain the column.
pub(crate) fn partial(others: &Space, column: &[f64], values: &[f64]) -> Option<Partial> {
    let whole = dot(column, column);
    let mut rest = others.residual(column);
    others.remove_from(&mut rest);
    let information = dot(&rest, &rest);
    (information > DEPENDENT * DEPENDENT * whole && information > 0.0)
        .then(|| Partial { coefficient: dot(&rest, values) / information, information })
}

/// Most columns of [`solve`].
pub(crate) const WIDEST: usize = 5;
type Square = [[f64; WIDEST]; WIDEST];

/// Eigenvalues below this share of the largest are taken as zero in [`pseudo_variance`].
const SMALLEST_EIGENVALUE: f64 = 1e-9;

/// Solves the normal equations of `count` columns; a trace of the diagonal is added so that equal columns do no harm.
pub(crate) fn solve(gram: &Square, right: &[f64; WIDEST], count: usize) -> [f64; WIDEST] {
    const RIDGE: f64 = 1e-11;
    let mut scale = [1.0; WIDEST];
    for i in 0..count {
        scale[i] = gram[i][i].max(1e-30).sqrt();
    }
    let mut lower = [[0.0; WIDEST]; WIDEST];
    for i in 0..count {
        for j in 0..=i {
            let mut sum = gram[i][j] / (scale[i] * scale[j]) + if i == j { RIDGE } else { 0.0 };
            for k in 0..j {
                sum -= lower[i][k] * lower[j][k];
            }
            lower[i][j] = if i == j { sum.max(RIDGE).sqrt() } else { sum / lower[j][j] };
        }
    }
    let mut out = [0.0; WIDEST];
    for i in 0..count {
        let mut sum = right[i] / scale[i];
        for k in 0..i {
            sum -= lower[i][k] * out[k];
        }
        out[i] = sum / lower[i][i];
    }
    for i in (0..count).rev() {
        let mut sum = out[i];
        for k in i + 1..count {
            sum -= lower[k][i] * out[k];
        }
        out[i] = sum / lower[i][i];
    }
    for i in 0..count {
        out[i] /= scale[i];
    }
    out
}

/// `gradient' gram⁺ gradient`: the variance of a combination of coefficients in units of the noise variance.
///
/// The pseudo-inverse is taken after scaling the columns to length 1, by Jacobi rotations. A direction that the data
/// do not determine is left out.
pub(crate) fn pseudo_variance(gram: &Square, gradient: &[f64; WIDEST], count: usize) -> f64 {
    let mut a = [[0.0; WIDEST]; WIDEST];
    let mut g = [0.0; WIDEST];
    let mut used = 0;
    let live: Vec<usize> = (0..count).filter(|&i| gram[i][i] > 0.0).collect();
    for (row, &i) in live.iter().enumerate() {
        for (column, &j) in live.iter().enumerate() {
            a[row][column] = gram[i][j] / (gram[i][i] * gram[j][j]).sqrt();
        }
        g[row] = gradient[i] / gram[i][i].sqrt();
        used = row + 1;
    }
    for _sweep in 0..30 {
        let mut off = 0.0;
        for p in 0..used {
            for q in p + 1..used {
                off += a[p][q] * a[p][q];
                if a[p][q].abs() < 1e-300 {
                    continue;
                }
                let theta = (a[q][q] - a[p][p]) / (2.0 * a[p][q]);
                let t = theta.signum() / (theta.abs() + (theta * theta + 1.0).sqrt());
                let t = if theta == 0.0 { 1.0 } else { t };
                let c = 1.0 / (t * t + 1.0).sqrt();
                let s = t * c;
                for k in 0..used {
                    let (x, y) = (a[k][p], a[k][q]);
                    a[k][p] = c * x - s * y;
                    a[k][q] = s * x + c * y;
                }
                for k in 0..used {
                    let (x, y) = (a[p][k], a[q][k]);
                    a[p][k] = c * x - s * y;
                    a[q][k] = s * x + c * y;
                }
                let (x, y) = (g[p], g[q]);
                g[p] = c * x - s * y;
                g[q] = s * x + c * y;
            }
        }
        if off < 1e-24 {
            break;
        }
    }
    let largest = (0..used).map(|i| a[i][i]).fold(0.0, f64::max);
    (0..used).filter(|&i| a[i][i] > SMALLEST_EIGENVALUE * largest).map(|i| g[i] * g[i] / a[i][i]).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Slope, its standard error and the residual standard deviation.
    fn fitted(others: &[&[f64]], x: &[f64], y: &[f64]) -> (f64, f64, f64) {
        let mut space = Space::of(others.iter().copied());
        let slope = partial(&space, x, y).unwrap();
        space.add(x);
        let rest = space.residual(y);
        let freedom = (y.len() - others.len() - 1) as f64;
        let variance = dot(&rest, &rest) / freedom;
        (slope.coefficient, (variance / slope.information).sqrt(), variance.sqrt())
    }

    fn close(found: f64, certified: f64) {
        assert!((found / certified - 1.0).abs() < 1e-9, "{found} instead of {certified}");
    }

    /// NIST StRD, linear regression, data set Norris (calibration of ozone monitors), 36 observations.
    #[test]
    fn a_line_agrees_with_the_certified_values_of_norris() {
        let data: [(f64, f64); 36] = [
            (0.1, 0.2),
            (338.8, 337.4),
            (118.1, 118.2),
            (888.0, 884.6),
            (9.2, 10.1),
            (228.1, 226.5),
            (668.5, 666.3),
            (998.5, 996.3),
            (449.1, 448.6),
            (778.9, 777.0),
            (559.2, 558.2),
            (0.3, 0.4),
            (0.1, 0.6),
            (778.1, 775.5),
            (668.8, 666.9),
            (339.3, 338.0),
            (448.9, 447.5),
            (10.8, 11.6),
            (557.7, 556.0),
            (228.3, 228.1),
            (998.0, 995.8),
            (888.8, 887.6),
            (119.6, 120.2),
            (0.3, 0.3),
            (0.6, 0.3),
            (557.6, 556.8),
            (339.3, 339.1),
            (888.0, 887.2),
            (998.5, 999.0),
            (778.9, 779.0),
            (10.2, 11.1),
            (117.6, 118.3),
            (228.9, 229.2),
            (668.4, 669.1),
            (449.2, 448.9),
            (0.2, 0.5),
        ];
        let (y, x): (Vec<f64>, Vec<f64>) = data.into_iter().unzip();
        let ones = vec![1.0; x.len()];
        let (slope, error, deviation) = fitted(&[&ones], &x, &y);
        close(slope, 1.002_116_818_020_45);
        close(error, 0.429_796_848_199_937e-3);
        close(deviation, 0.884_796_396_144_373);
    }

    /// NIST StRD, linear regression, data set NoInt1: no intercept, 11 observations.
    #[test]
    fn a_line_without_intercept_agrees_with_the_certified_values_of_noint1() {
        let x: Vec<f64> = (60..=70).map(f64::from).collect();
        let y: Vec<f64> = (130..=140).map(f64::from).collect();
        let (slope, error, deviation) = fitted(&[], &x, &y);
        close(slope, 2.074_380_165_289_26);
        close(error, 0.165_289_256_198_347e-1);
        close(deviation, 3.567_530_340_063_39);
    }

    #[test]
    fn the_normal_equations_and_the_projection_agree() {
        let columns: [Vec<f64>; 3] = [
            (0..20).map(f64::from).collect(),
            (0..20).map(|i| f64::from(i * i)).collect(),
            (0..20).map(|i| f64::from(i % 3)).collect(),
        ];
        let y: Vec<f64> = (0..20).map(|i| f64::from(i * 7 % 11)).collect();
        let (mut gram, mut right) = ([[0.0; WIDEST]; WIDEST], [0.0; WIDEST]);
        for i in 0..3 {
            right[i] = dot(&columns[i], &y);
            for j in 0..3 {
                gram[i][j] = dot(&columns[i], &columns[j]);
            }
        }
        let solved = solve(&gram, &right, 3);
        let others = Space::of([columns[0].as_slice(), columns[1].as_slice()]);
        let third = partial(&others, &columns[2], &y).unwrap();
        assert!((solved[2] - third.coefficient).abs() < 1e-6);
        let gradient = [0.0, 0.0, 1.0, 0.0, 0.0];
        assert!((pseudo_variance(&gram, &gradient, 3) * third.information - 1.0).abs() < 1e-6);
    }

    #[test]
    fn a_column_that_the_others_explain_is_dropped() {
        let line: Vec<f64> = (0..10).map(f64::from).collect();
        let twice: Vec<f64> = line.iter().map(|x| 2.0 * x).collect();
        assert!(partial(&Space::of([line.as_slice()]), &twice, &line).is_none());
        let both = Space::of([line.as_slice(), twice.as_slice()]);
        assert!(both.residual(&twice).iter().all(|rest| rest.abs() < 1e-9));
    }
}
