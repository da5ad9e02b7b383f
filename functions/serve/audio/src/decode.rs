//! Decodes sound files, within bounds.
//!
//! Invariant: the number of samples is bounded while they are decoded, whatever the header says, so that a small file cannot exhaust
//! memory or CPU. An invalid file is an error, never a panic.

use crate::{AudioDecodeError, Sound, flac, mp3, vorbis, wav};

/// Decodes `file` to the mean of its channels, at its own sampling rate. The format is detected by its first bytes.
///
/// # Errors
/// [`AudioDecodeError`] says why it is refused.
pub fn decode(file: &[u8]) -> Result<Sound, AudioDecodeError> {
    match file {
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'A', b'V', b'E', ..] => wav::decode(file),
        [b'f', b'L', b'a', b'C', ..] => flac::decode(file),
        [b'O', b'g', b'g', b'S', ..] => decode_ogg(file),
        _ => match unsupported(file) {
            Some(name) => Err(AudioDecodeError::Unsupported(name)),
            None if nanomp3::detect(file) => mp3::decode(file),
            None => Err(AudioDecodeError::Format),
        },
    }
}

/// The codec of an Ogg file is in the first bytes of its first packet, which follows the segment table.
fn decode_ogg(file: &[u8]) -> Result<Sound, AudioDecodeError> {
    let packet = file.get(26).and_then(|segments| file.get(27 + usize::from(*segments)..)).unwrap_or_default();
    match packet {
        [1, b'v', b'o', b'r', b'b', b'i', b's', ..] => vorbis::decode(file),
        [b'O', b'p', b'u', b's', b'H', b'e', b'a', b'd', ..] => Err(AudioDecodeError::Unsupported("Ogg Opus")),
        [0x7f, b'F', b'L', b'A', b'C', ..] => Err(AudioDecodeError::Unsupported("FLAC in Ogg")),
        [b'S', b'p', b'e', b'e', b'x', ..] => Err(AudioDecodeError::Unsupported("Ogg Speex")),
        [] => Err(AudioDecodeError::Damaged("Ogg")),
        _ => Err(AudioDecodeError::Unsupported("an Ogg file of another codec")),
    }
}

/// The name of a format that clients may send, and which is not decoded.
fn unsupported(file: &[u8]) -> Option<&'static str> {
    match file {
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => Some("MP4 (AAC or ALAC)"),
        [0x1a, 0x45, 0xdf, 0xa3, ..] => Some("WebM or Matroska"),
        [b'F', b'O', b'R', b'M', _, _, _, _, b'A', b'I', b'F', ..] => Some("AIFF"),
        [b'R', b'F', b'6', b'4', ..] => Some("RF64"),
        [b'#', b'!', b'A', b'M', b'R', ..] => Some("AMR"),
        [0xff, 0xf0 | 0xf1 | 0xf8 | 0xf9, ..] => Some("AAC"),
        [b'M', b'T', b'h', b'd', ..] => Some("MIDI"),
        _ => None,
    }
}
