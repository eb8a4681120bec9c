//! Least squares with few columns: orthogonalise and project.
//!
//! Modified Gram-Schmidt, twice (Björck 1967; "twice is enough", Giraud, Langou & Rozložník 2005). A column that the
//! ones before it explain is dropped, so a design that lacks rank has the minimum of its residuals all the same.

#![expect(clippy::needless_range_loop, reason = "matrices read best by index")]

/// A column counts as explained by those before it if less than this share of its length is left.
const DEPENDENT: f64 = 1e-9;

pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
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

    pub(crate) fn add(&mut self, column: &[f64]) {
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
        }
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
