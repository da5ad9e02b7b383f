//! Decoding FLAC, with `claxon`.

use claxon::{Block, Error, FlacReader, FlacReaderOptions};

use crate::mono::MonoMixer;
use crate::{AudioDecodeError, Sound};

pub(crate) fn decode(file: &[u8]) -> Result<Sound, AudioDecodeError> {
    // Tags are not read.
    let options = FlacReaderOptions { metadata_only: false, read_vorbis_comment: false };
    let mut reader = FlacReader::new_ext(file, options).map_err(|error| refused(&error))?;
    let info = reader.streaminfo();
    let mut mixer = MonoMixer::new(info.channels, info.sample_rate)?;
    mixer.expect(info.samples.unwrap_or(0))?;
    let scale = scale(info.bits_per_sample)?;
    let mut blocks = reader.blocks();
    let mut buffer = Vec::new();
    while let Some(block) = blocks.read_next_or_eof(buffer).map_err(|error| refused(&error))? {
        if block.channels() != info.channels {
            return Err(DAMAGED);
        }
        push(&mut mixer, &block, scale)?;
        buffer = block.into_buffer();
    }
    if info.samples.is_some_and(|samples| usize::try_from(samples) != Ok(mixer.frames())) {
        return Err(DAMAGED);
    }
    mixer.finish()
}

fn push(mixer: &mut MonoMixer, block: &Block, scale: f32) -> Result<(), AudioDecodeError> {
    for frame in 0..block.duration() {
        for channel in 0..block.channels() {
            #[allow(clippy::cast_precision_loss)] // up to 24 bits are exact
            mixer.push(block.sample(channel, frame) as f32 * scale)?;
        }
    }
    Ok(())
}

/// The value of the least significant bit of samples of `bits`.
fn scale(bits: u32) -> Result<f32, AudioDecodeError> {
    match bits {
        #[allow(clippy::cast_precision_loss)] // a power of two
        4..=32 => Ok(1.0 / (1_u64 << (bits - 1)) as f32),
        _ => Err(DAMAGED),
    }
}

fn refused(error: &Error) -> AudioDecodeError {
    match error {
        Error::Unsupported(_) => AudioDecodeError::Encoding { expected: "FLAC of up to 24 bits a sample" },
        _ => DAMAGED,
    }
}

const DAMAGED: AudioDecodeError = AudioDecodeError::Damaged("FLAC");
