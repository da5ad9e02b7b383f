//! Decoding WAV: a RIFF file of PCM or IEEE float samples, in the plain and the extensible form.
//!
//! By hand rather than with `hound`, which refuses files that recorders and ffmpeg write: chunks of odd length, a length that is not
//! known yet (all bits set), and 64-bit floats.

use crate::mono::MonoMixer;
use crate::{AudioDecodeError, Sound};

pub(crate) fn decode(file: &[u8]) -> Result<Sound, AudioDecodeError> {
    let mut format = None;
    let mut rest = file.get(12..).ok_or(DAMAGED)?;
    loop {
        let (header, after) = rest.split_first_chunk::<8>().ok_or(DAMAGED)?;
        let [name @ .., a, b, c, d] = *header;
        let length = u32::from_le_bytes([a, b, c, d]);
        let chunk = after.get(..length as usize);
        match &name {
            b"fmt " => format = Some(WavFormat::parse(chunk.ok_or(DAMAGED)?)?),
            // A program that writes to a pipe does not know the length.
            b"data" if length == u32::MAX => return format.ok_or(DAMAGED)?.decode(after),
            b"data" => return format.ok_or(DAMAGED)?.decode(chunk.ok_or(DAMAGED)?),
            _ => {}
        }
        // Chunks of odd length are padded.
        let next = length as usize + length as usize % 2;
        rest = after.get(next..).ok_or(DAMAGED)?;
    }
}

struct WavFormat {
    encoding: Encoding,
    channels: u16,
    rate: u32,
}

/// Little-endian samples.
#[derive(Clone, Copy)]
enum Encoding {
    Unsigned8,
    Signed16,
    Signed24,
    Signed32,
    Float32,
    Float64,
}

impl WavFormat {
    /// Parses a `fmt ` chunk.
    fn parse(chunk: &[u8]) -> Result<Self, AudioDecodeError> {
        let u16_at = |place: usize| chunk.get(place..place + 2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
        let number = |place| u16_at(place).ok_or(DAMAGED);
        let (channels, block, bits) = (number(2)?, number(12)?, number(14)?);
        let rate = u32::from(number(4)?) | u32::from(number(6)?) << 16;
        // Of an extensible format, the first bytes of the subformat's GUID are the tag.
        let tag = if number(0)? == EXTENSIBLE { number(24)? } else { number(0)? };
        let encoding = match (tag, bits) {
            (PCM, 8) => Encoding::Unsigned8,
            (PCM, 16) => Encoding::Signed16,
            (PCM, 24) => Encoding::Signed24,
            (PCM, 32) => Encoding::Signed32,
            (IEEE_FLOAT, 32) => Encoding::Float32,
            (IEEE_FLOAT, 64) => Encoding::Float64,
            _ => return Err(ENCODING),
        };
        if usize::from(block) != encoding.size() * usize::from(channels) {
            return Err(if channels == 0 { AudioDecodeError::Channels(0) } else { ENCODING });
        }
        Ok(Self { encoding, channels, rate })
    }

    fn decode(&self, data: &[u8]) -> Result<Sound, AudioDecodeError> {
        let mut mixer = MonoMixer::new(u32::from(self.channels), self.rate)?;
        let size = self.encoding.size();
        mixer.expect((data.len() / size / usize::from(self.channels)) as u64)?;
        for sample in data.chunks_exact(size) {
            mixer.push(self.encoding.sample(sample))?;
        }
        mixer.finish()
    }
}

impl Encoding {
    /// Bytes a sample.
    fn size(self) -> usize {
        match self {
            Self::Unsigned8 => 1,
            Self::Signed16 => 2,
            Self::Signed24 => 3,
            Self::Signed32 | Self::Float32 => 4,
            Self::Float64 => 8,
        }
    }

    /// The value of [`Self::size`] bytes; integers are divided by the largest magnitude.
    #[allow(clippy::cast_precision_loss, clippy::cast_possible_truncation)] // rounded, as all samples
    fn sample(self, bytes: &[u8]) -> f32 {
        match (self, bytes) {
            (Self::Unsigned8, [a]) => (f32::from(*a) - 128.0) / 128.0,
            (Self::Signed16, [a, b]) => f32::from(i16::from_le_bytes([*a, *b])) / 32_768.0,
            (Self::Signed24, [a, b, c]) => i32::from_le_bytes([0, *a, *b, *c]) as f32 / 2_147_483_648.0,
            (Self::Signed32, [a, b, c, d]) => i32::from_le_bytes([*a, *b, *c, *d]) as f32 / 2_147_483_648.0,
            (Self::Float32, [a, b, c, d]) => f32::from_le_bytes([*a, *b, *c, *d]),
            (Self::Float64, bytes) => bytes.try_into().map_or(0.0, |bytes| f64::from_le_bytes(bytes) as f32),
            _ => 0.0,
        }
    }
}

const PCM: u16 = 1;
const IEEE_FLOAT: u16 = 3;
const EXTENSIBLE: u16 = 0xfffe;

const DAMAGED: AudioDecodeError = AudioDecodeError::Damaged("WAV");
const ENCODING: AudioDecodeError =
    AudioDecodeError::Encoding { expected: "WAV of 8, 16, 24 or 32 bits a sample, or of 32- or 64-bit floats" };
