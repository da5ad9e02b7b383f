//! Files that are refused, and why.

use amaas_audio::{AudioDecodeError as Error, MAX_FRAMES, MAX_SECONDS, decode};

use crate::{formats, wav};

#[test]
fn what_is_no_sound_is_refused_by_name() {
    let of = |beginning: &[u8]| {
        let mut file = beginning.to_vec();
        file.resize(600, 0);
        file
    };
    for (file, expected) in [
        (vec![], Error::Format),
        (b"hello".to_vec(), Error::Format),
        (of(b"\x89PNG\r\n\x1a\n"), Error::Format),
        (of(b"RIFF\0\0\0\0WEBP"), Error::Format),
        (b"RIFF\0\0\0\0WAVE".to_vec(), Error::Damaged("WAV")),
        (of(b"\0\0\0\x20ftypM4A "), Error::Unsupported("MP4 (AAC or ALAC)")),
        (of(b"\x1a\x45\xdf\xa3"), Error::Unsupported("WebM or Matroska")),
        (b"OggS".to_vec(), Error::Damaged("Ogg")),
        (b"fLaC".to_vec(), Error::Damaged("FLAC")),
        (formats::data("chirp.opus"), Error::Unsupported("Ogg Opus")),
    ] {
        assert_eq!(decode(&file), Err(expected));
    }
}

#[test]
fn a_header_out_of_bounds_is_refused() {
    let float = |value: f32| wav::file(3, 32, (1, 16_000), &value.to_le_bytes());
    for (name, file, expected) in [
        ("no samples", wav::of_samples(1, 16_000, &[]), Error::Empty),
        ("half a frame", wav::of_samples(2, 16_000, &[1]), Error::Empty),
        ("no rate", wav::of_samples(1, 0, &[1]), Error::Rate(0)),
        ("a low rate", wav::of_samples(1, 1999, &[1]), Error::Rate(1999)),
        ("a high rate", wav::of_samples(1, 400_000, &[1]), Error::Rate(400_000)),
        ("no channel", wav::of_samples(0, 16_000, &[1]), Error::Channels(0)),
        ("many channels", wav::of_samples(9, 16_000, &[1; 9]), Error::Channels(9)),
        ("not a number", float(f32::NAN), Error::NotFinite),
        ("infinite", float(f32::INFINITY), Error::NotFinite),
    ] {
        assert_eq!(decode(&file), Err(expected), "{name}");
    }
    let odd = decode(&wav::file(1, 12, (1, 16_000), &[0; 4])).expect_err("12 bits");
    assert!(odd.to_string().starts_with("expected WAV of 8, 16, 24 or 32 bits a sample"), "{odd}");
    let law = decode(&wav::file(7, 8, (1, 8000), &[0; 4])).expect_err("companded");
    assert!(matches!(law, Error::Encoding { .. }), "{law}");
}

#[test]
fn a_sound_that_is_too_long_is_refused() {
    let seconds = usize::try_from(MAX_SECONDS).expect("small");
    let longest = vec![0; 2000 * seconds];
    assert_eq!(decode(&wav::of_samples(1, 2000, &longest)).map(|sound| sound.samples().len()), Ok(longest.len()));
    assert_eq!(decode(&wav::of_samples(1, 2000, &vec![0; longest.len() + 1])), Err(Error::TooLong));
    assert!(seconds * 48_000 == MAX_FRAMES);
    // A FLAC file says how long it is: 36 bits from the 14th byte of the first block on.
    let mut flac = formats::data("chirp.flac");
    flac[21] |= 0x0f;
    assert_eq!(decode(&flac), Err(Error::TooLong));
}

#[test]
fn a_file_that_claims_more_than_it_has_is_refused() {
    let mut wav = wav::of_samples(1, 16_000, &[1, 2, 3]);
    let length = wav::length_of_data(&wav);
    wav[length] += 2;
    assert_eq!(decode(&wav), Err(Error::Damaged("WAV")));
    let mut flac = formats::data("chirp.flac");
    flac[25] = flac[25].wrapping_add(1);
    assert_eq!(decode(&flac), Err(Error::Damaged("FLAC")));
}

#[test]
fn a_codebook_of_terabytes_is_refused() {
    let mut file = formats::data("chirp.ogg");
    let setup = file.windows(7).position(|bytes| bytes == b"\x05vorbis").expect("a setup header");
    let page = file[..setup].windows(4).rposition(|bytes| bytes == b"OggS").expect("a page");
    fix_checksum(&mut file, page);
    assert!(decode(&file).is_ok(), "the checksum of a page that was not changed");
    // After the number of codebooks: their sync pattern, 16 bits of dimensions, 24 bits of entries.
    file[setup + 11..setup + 16].copy_from_slice(&[0xff; 5]);
    fix_checksum(&mut file, page);
    assert_eq!(decode(&file), Err(Error::Damaged("Ogg Vorbis")));
}

/// Writes the checksum of the Ogg page at `start`.
fn fix_checksum(file: &mut [u8], start: usize) {
    let segments = usize::from(file[start + 26]);
    let body: usize = file[start + 27..start + 27 + segments].iter().map(|length| usize::from(*length)).sum();
    let page = &mut file[start..start + 27 + segments + body];
    page[22..26].fill(0);
    let checksum = page.iter().fold(0_u32, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte) << 24, |crc, _| crc << 1 ^ if crc >> 31 == 1 { 0x04c1_1db7 } else { 0 })
    });
    page[22..26].copy_from_slice(&checksum.to_le_bytes());
}
