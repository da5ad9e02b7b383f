//! Sines at another sampling rate, against the sines themselves.

use std::f64::consts::TAU;

use amaas_audio::{AudioDecodeError, Sound};
use serde::Deserialize;

use crate::formats::data;

/// A quarter of a second of a sine of 440 Hz, as torchaudio's algorithm resamples it.
#[derive(Deserialize)]
struct Resampled {
    from: u32,
    to: u32,
    count: usize,
    step: usize,
    samples: Vec<f32>,
}

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
fn a_sound_is_resampled_as_torchaudio_resamples_it() {
    let cases: Vec<Resampled> = serde_json::from_slice(&data("resampled.json")).expect("the fixture");
    assert_eq!(cases.len(), 7);
    for Resampled { from, to, count, step, samples } in cases {
        let sound = Sound::new(sine(440.0, from)[..usize::try_from(from / 4).expect("small")].to_vec(), from);
        let sound = sound.expect("a sine").resampled(to).expect("resampled");
        assert_eq!((sound.rate(), sound.samples().len()), (to, count), "{from} to {to}");
        let got = sound.samples().iter().step_by(step);
        let error = got.zip(&samples).map(|(got, expected)| (got - expected).abs()).fold(0.0, f32::max);
        assert!(error < 1e-6, "{from} to {to}: differs by {error}");
    }
}

#[test]
fn a_sine_keeps_its_place_and_level() {
    for from in [8000, 11_025, 22_050, 32_000, 44_100, 44_101, 48_000, 96_000] {
        for frequency in [100.0, 1000.0, 3000.0] {
            let sound = Sound::new(sine(frequency, from), from).expect("a sine").resampled(16_000).expect("resampled");
            assert_eq!((sound.rate(), sound.samples().len()), (16_000, 16_000), "{from} Hz");
            let error = largest_error(sound.samples(), &sine(frequency, 16_000), 16_000);
            assert!(error < 0.03, "{frequency} Hz from {from} Hz: differs by {error}");
        }
    }
}

#[test]
fn what_the_lower_rate_cannot_hold_is_attenuated() {
    let sound = Sound::new(sine(12_000.0, 44_100), 44_100).expect("a sine").resampled(16_000).expect("resampled");
    let error = largest_error(sound.samples(), &vec![0.0; 16_000], 16_000);
    assert!(error < 3e-3, "left {error}");
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
