//! What each format decodes to.

use amaas_audio::decode;
use serde::Deserialize;

use crate::wav;

/// What libsndfile reads from a file.
#[derive(Deserialize)]
struct Decoded {
    file: String,
    rate: u32,
    frames: usize,
    step: usize,
    samples: Vec<f32>,
}

pub(crate) fn data(name: &str) -> Vec<u8> {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    std::fs::read(path).unwrap_or_else(|error| panic!("{name}: {error}"))
}

#[test]
fn compressed_files_decode_as_libsndfile_decodes_them() {
    let cases: Vec<Decoded> = serde_json::from_slice(&data("decoded.json")).expect("the fixture");
    assert_eq!(cases.len(), 4);
    for case in cases {
        let sound = decode(&data(&case.file)).unwrap_or_else(|error| panic!("{}: {error}", case.file));
        assert_eq!((sound.rate(), sound.samples().len()), (case.rate, case.frames), "{}", case.file);
        let got = sound.samples().iter().step_by(case.step);
        let error = got.zip(&case.samples).map(|(got, expected)| (got - expected).abs()).fold(0.0, f32::max);
        assert!(error < 1e-5, "{}: differs by {error}", case.file);
    }
}

#[test]
fn every_wav_encoding_has_the_same_values() {
    let values = [0.0_f64, 0.5, -0.5, -1.0];
    let integers = |bits: u32| values.map(|value| (value * f64::from(2_u32.pow(bits - 1))).round());
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // the values fit
    let encoded: [(u16, u16, Vec<u8>); 6] = [
        (1, 8, integers(8).iter().map(|value| (value + 128.0) as u8).collect()),
        (1, 16, integers(16).iter().flat_map(|value| (*value as i16).to_le_bytes()).collect()),
        (1, 24, integers(24).iter().flat_map(|value| (*value as i32).to_le_bytes()[..3].to_vec()).collect()),
        (1, 32, integers(32).iter().flat_map(|value| (*value as i32).to_le_bytes()).collect()),
        (3, 32, values.iter().flat_map(|value| (*value as f32).to_le_bytes()).collect()),
        (3, 64, values.iter().flat_map(|value| value.to_le_bytes()).collect()),
    ];
    for (tag, bits, data) in encoded {
        let mono = decode(&wav::file(tag, bits, (1, 8000), &data)).expect("mono");
        assert_eq!((mono.rate(), mono.samples()), (8000, &[0.0, 0.5, -0.5, -1.0][..]), "{tag} {bits}");
        let stereo = decode(&wav::file(tag, bits, (2, 44_100), &data)).expect("stereo");
        assert_eq!((stereo.rate(), stereo.samples()), (44_100, &[0.25, -0.75][..]), "{tag} {bits}");
        // The same in the extensible form: size, valid bits, speakers, and the GUID, which begins with the tag.
        let plain = wav::file(0xfffe, bits, (1, 8000), &data);
        let guid = [&tag.to_le_bytes()[..], &[0, 0, 0, 0, 16, 0, 128, 0, 0, 170, 0, 56, 155, 113]].concat();
        let format = [&plain[20..36], &[22, 0], &bits.to_le_bytes(), &[4, 0, 0, 0], &guid].concat();
        assert_eq!(decode(&wav::with_format(&format, &data)).expect("extensible"), mono, "{tag} {bits}");
    }
}

#[test]
fn a_wav_of_a_pipe_ends_with_the_file() {
    let mut file = wav::of_samples(1, 16_000, &[1, 2, 3]);
    let length = wav::length_of_data(&file);
    file[length..length + 4].copy_from_slice(&[0xff; 4]);
    assert_eq!(decode(&file).expect("a sound").samples().len(), 3);
}

#[test]
fn channels_count_equally() {
    let sound = decode(&wav::of_samples(4, 16_000, &[8192, 16_384, 0, 8192, -4, 4, -8, 8])).expect("a sound");
    assert_eq!(sound.samples(), [0.25, 0.0]);
}
