//! Mel filter banks: triangular filters, evenly spaced on the mel scale.

/// A mel scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MelScale {
    /// Logarithmic, as in Kaldi. Filters are triangles on this scale.
    Kaldi,
    /// Linear below 1000 Hz and logarithmic above, as in Slaney's Auditory Toolbox. Filters are triangles of equal area in hertz.
    Slaney,
}

impl MelScale {
    fn mel(self, hertz: f64) -> f64 {
        match self {
            Self::Kaldi => 1127.0 * (hertz / 700.0).ln_1p(),
            Self::Slaney if hertz < SLANEY_BREAK_HERTZ => hertz / SLANEY_HERTZ_PER_MEL,
            Self::Slaney => SLANEY_BREAK_MEL + (hertz / SLANEY_BREAK_HERTZ).ln() / slaney_step(),
        }
    }

    fn hertz(self, mel: f64) -> f64 {
        match self {
            Self::Kaldi => 700.0 * (mel / 1127.0).exp_m1(),
            Self::Slaney if mel < SLANEY_BREAK_MEL => mel * SLANEY_HERTZ_PER_MEL,
            Self::Slaney => SLANEY_BREAK_HERTZ * ((mel - SLANEY_BREAK_MEL) * slaney_step()).exp(),
        }
    }
}

/// A bank of mel filters, for power spectra with a bin at each of the frequencies that it was made for.
#[derive(Clone, Debug)]
pub(super) struct MelFilterBank(Vec<MelFilter>);

/// The weights of a filter that are not 0, from the bin `first` on.
#[derive(Clone, Debug)]
struct MelFilter {
    first: usize,
    weights: Vec<f64>,
}

impl MelFilterBank {
    /// `filters` filters between the frequencies `range` in hertz, for spectra with `bins` bins that are `bin_hertz` apart.
    pub(super) fn new(scale: MelScale, filters: usize, range: (f64, f64), (bins, bin_hertz): (usize, f64)) -> Self {
        let (low, high) = (scale.mel(range.0), scale.mel(range.1));
        let step = (high - low) / as_f64(filters + 1);
        let edge = |index: usize| low + step * as_f64(index);
        let filter = |index: usize| {
            let edges = [edge(index), edge(index + 1), edge(index + 2)];
            let (edges, height) = match scale {
                MelScale::Kaldi => (edges, 1.0),
                MelScale::Slaney => {
                    let edges = edges.map(|edge| scale.hertz(edge));
                    (edges, 2.0 / (edges[2] - edges[0]))
                }
            };
            MelFilter::new((0..bins).map(|bin| {
                let hertz = bin_hertz * as_f64(bin);
                let place = if scale == MelScale::Kaldi { scale.mel(hertz) } else { hertz };
                height * triangle(place, edges)
            }))
        };
        Self((0..filters).map(filter).collect())
    }

    /// The number of filters.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    /// The power that each filter lets through.
    pub(super) fn apply<'f>(&'f self, power: &'f [f64]) -> impl Iterator<Item = f64> + 'f {
        self.0.iter().map(|filter| {
            let bins = power.iter().skip(filter.first);
            filter.weights.iter().zip(bins).map(|(weight, power)| weight * power).sum()
        })
    }
}

impl MelFilter {
    fn new(weights: impl Iterator<Item = f64>) -> Self {
        let weights: Vec<f64> = weights.collect();
        let first = weights.iter().position(|weight| *weight > 0.0).unwrap_or(0);
        let end = weights.iter().rposition(|weight| *weight > 0.0).map_or(first, |last| last + 1);
        Self { first, weights: weights[first..end].to_vec() }
    }
}

/// The height at `place` of a triangle over the edges, whose tip is 1.
fn triangle(place: f64, [left, tip, right]: [f64; 3]) -> f64 {
    ((place - left) / (tip - left)).min((right - place) / (right - tip)).max(0.0)
}

#[allow(clippy::cast_precision_loss)] // counts of bins
fn as_f64(count: usize) -> f64 {
    count as f64
}

/// The logarithm of the ratio of frequencies that are a mel apart.
fn slaney_step() -> f64 {
    6.4_f64.ln() / 27.0
}

const SLANEY_BREAK_HERTZ: f64 = 1000.0;
const SLANEY_BREAK_MEL: f64 = 15.0;
const SLANEY_HERTZ_PER_MEL: f64 = 200.0 / 3.0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scales_invert() {
        for scale in [MelScale::Kaldi, MelScale::Slaney] {
            for hertz in [0.0, 20.0, 999.0, 1000.0, 8000.0] {
                assert!((scale.hertz(scale.mel(hertz)) - hertz).abs() < 1e-9, "{scale:?} {hertz}");
            }
        }
    }

    #[test]
    fn filters_pass_what_is_between_their_edges() {
        let bank = MelFilterBank::new(MelScale::Slaney, 80, (0.0, 8000.0), (201, 40.0));
        assert_eq!(bank.len(), 80);
        let mut power = vec![0.0; 201];
        power[100] = 1.0;
        let passed: Vec<usize> =
            bank.apply(&power).enumerate().filter(|(_, power)| *power > 0.0).map(|(i, _)| i).collect();
        assert!(passed.len() == 2 && passed[1] == passed[0] + 1, "{passed:?}");
    }
}
