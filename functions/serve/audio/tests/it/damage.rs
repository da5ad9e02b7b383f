//! Files that are cut short or changed: each is answered, within the bounds.

use amaas_audio::{MAX_FRAMES, decode};
use proptest::prelude::*;

use crate::{formats, wav};

fn files() -> Vec<Vec<u8>> {
    let samples: Vec<i16> = (0..400).map(|sample| sample * 50).collect();
    let mut files = vec![wav::of_samples(2, 16_000, &samples)];
    files.extend(["chirp.flac", "chirp-24.flac", "chirp.ogg", "chirp.mp3", "chirp.opus"].map(formats::data));
    files
}

#[test]
fn a_file_that_is_cut_short_is_answered() {
    for file in files() {
        let whole = decode(&file).map_or(0, |sound| sound.samples().len());
        for length in (0..file.len()).step_by(7) {
            if let Ok(sound) = decode(&file[..length]) {
                assert!(sound.samples().len() <= whole, "{length} bytes");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn a_damaged_file_is_answered(
        file in prop::sample::select(files()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let mut file = file;
        for (place, byte) in changes {
            let place = place.index(file.len());
            file[place] = byte;
        }
        if let Ok(sound) = decode(&file) {
            prop_assert!(sound.samples().len() <= MAX_FRAMES);
            prop_assert!(sound.samples().iter().all(|sample| sample.is_finite()));
        }
    }

    #[test]
    fn any_bytes_behind_a_signature_are_answered(
        signature in prop::sample::select(vec![
            &b"RIFF\x40\0\0\0WAVEfmt "[..], b"fLaC\0\0\0\x22", b"OggS\0\x02", b"ID3\x03", b"\xff\xfb\x90\x64", b"",
        ]),
        rest in prop::collection::vec(any::<u8>(), 0..800),
    ) {
        if let Ok(sound) = decode(&[signature, &rest].concat()) {
            prop_assert!(sound.samples().len() <= MAX_FRAMES);
        }
    }
}
