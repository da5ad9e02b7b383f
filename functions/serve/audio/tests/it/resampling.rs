//! Sines at another sampling rate, against the sines themselves.

use std::f64::consts::TAU;

use amaas_audio::{AudioDecodeError, Sound};

/// A second of a sine of `frequency` at `rate`.
#[allow(clippy::cast_possible_truncation)]
fn sine(frequency: f64, rate: u32) -> Vec<f32> {
    (0..rate).map(|place| (TAU * frequency * f64::from(place) / f64::from(rate)).sin() as f32).collect()
}

/// The largest difference, 100 ms from either end.
fn largest_error(got: &[f32], expected: &[f32], rate: u32) -> f32 {
    let edge = usize::try_from(rate / 10).expect("small");
    let inner = edge..expected.len() - edge;
    got[inner.clone()].iter().zip(&expected[inner]).map(|(got, expected)| (got - expected).abs()).fold(0.0, f32::max)
}

#[test]
fn a_sine_keeps_its_place_and_level() {
    for from in [8000, 11_025, 22_050, 32_000, 44_100, 44_101, 48_000, 96_000] {
        for frequency in [100.0, 1000.0, 3000.0] {
            let sound = Sound::new(sine(frequency, from), from).expect("a sine").resampled(16_000).expect("resampled");
            assert_eq!((sound.rate(), sound.samples().len()), (16_000, 16_000), "{from} Hz");
            let error = largest_error(sound.samples(), &sine(frequency, 16_000), 16_000);
            assert!(error < 1e-4, "{frequency} Hz from {from} Hz: differs by {error}");
        }
    }
}

#[test]
fn what_the_lower_rate_cannot_hold_is_removed() {
    let sound = Sound::new(sine(9000.0, 44_100), 44_100).expect("a sine").resampled(16_000).expect("resampled");
    let error = largest_error(sound.samples(), &vec![0.0; 16_000], 16_000);
    assert!(error < 1e-4, "left {error}");
}

#[test]
fn short_sounds_keep_their_duration() {
    for (count, from, expected) in [(1, 48_000, 1), (1, 8000, 2), (3, 48_000, 1), (4, 48_000, 2), (441, 44_100, 160)] {
        let sound = Sound::new(vec![0.1; count], from).expect("a sound").resampled(16_000).expect("resampled");
        assert_eq!(sound.samples().len(), expected, "{count} at {from} Hz");
    }
    let sound = Sound::new(vec![0.1], 16_000).expect("a sound");
    assert_eq!(sound.clone().resampled(16_000), Ok(sound.clone()));
    assert_eq!(sound.resampled(7), Err(AudioDecodeError::Rate(7)));
}
