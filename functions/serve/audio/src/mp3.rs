//! Decoding MP3 (and MPEG layers I and II), with `nanomp3`. Encoder delay and padding are removed if the file states them, as ffmpeg
//! does.

use nanomp3::{Options, SliceReader};

use crate::mono::MonoMixer;
use crate::{AudioDecodeError, Sound};

pub(crate) fn decode(file: &[u8]) -> Result<Sound, AudioDecodeError> {
    let mut reader: SliceReader<f32> = SliceReader::with_options(file, Options::default().skip_scan(true));
    let channels = reader.channels().ok_or(AudioDecodeError::Damaged("MP3"))?;
    let mut mixer = MonoMixer::new(u32::from(channels.num()), reader.sample_rate())?;
    let claimed = reader.total_samples().filter(|_| reader.has_vbr_tag());
    mixer.expect(claimed.unwrap_or(0))?;
    // A change of rate or channels within the file is an error.
    while let Some(samples) = reader.read_frame().map_err(|_| AudioDecodeError::Damaged("MP3"))? {
        for sample in samples {
            mixer.push(*sample)?;
        }
    }
    if claimed.is_some_and(|claimed| usize::try_from(claimed).is_ok_and(|claimed| mixer.frames() < claimed)) {
        return Err(AudioDecodeError::Damaged("MP3"));
    }
    mixer.finish()
}
