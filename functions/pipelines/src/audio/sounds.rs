//! Sound files of a call.

use amaas_audio::Sound;
use amaas_model::task::PredictError;
use amaas_wire::pipeline::Audio;
use bytes::Bytes;

/// The sound in `audio`, at `rate` hertz. An error is the client's.
pub(super) fn sound(audio: &Audio, rate: u32) -> Result<Sound, PredictError> {
    let sound = amaas_audio::decode(audio.as_bytes()).and_then(|sound| sound.resampled(rate));
    sound.map_err(|error| PredictError::invalid(error.to_string()))
}

/// The sound file of a body or a part of it. Its format is detected later, so that one that is not supported is refused by name.
pub(super) fn audio_of_file(file: Bytes, media_type: &str) -> Option<Audio> {
    let kind = media_type.split(';').next().unwrap_or_default().trim();
    let is_sound = kind.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("audio/"));
    (is_sound || kind.eq_ignore_ascii_case("application/ogg")).then(|| Audio::from(Vec::from(file)))
}

/// A tone of an eighth of a second, which falls in and out, as JSON: a WAV file of 8 bits a sample at 2 kHz.
pub(super) const EXAMPLE: &str = concat!(
    r#""UklGRiQBAABXQVZFZm10IBAAAAABAAEA0AcAANAHAAABAAgAZGF0YQABAACAgomRmZ2bkYBqVEA1NUJcgKbH3OTcx6aAWjkkHCQ5WoCmx9zk3MemgFo5JBwk"#,
    "OVqApsfc5NzHpoBaOSQcJDlagKbH3OTcx6aAWjkkHCQ5WoCmx9zk3MemgFo5JBwkOVqApsfc5NzHpoBaOSQcJDlagKbH3OTcx6aAWjkkHCQ5WoCmx9zk3Mem",
    "gFo5JBwkOVqApsfc5NzHpoBaOSQcJDlagKbH3OTcx6aAWjkkHCQ5WoCmx9zk3MemgFo5JBwkOVqApsfc5NzHpoBaOSQcJDlagKbH3OTcx6aAWjkkHCQ5WoCm",
    r#"x9zk3MemgFo5JBwkOVqApL7Ly8CsloBvZWNnb3d+""#
);
/// The most sounds of a call: one of the largest size takes seconds.
pub(super) const MAX_INPUTS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_is_a_sound() {
        let audio: Audio = serde_json::from_str(EXAMPLE).expect("base64");
        assert_eq!(sound(&audio, 16_000).expect("a sound").samples().len(), 2048);
    }

    #[test]
    fn files_are_sounds_by_their_media_type() {
        for (media_type, expected) in [
            ("audio/wav", true),
            ("Audio/MPEG", true),
            ("audio/ogg; codecs=vorbis", true),
            ("application/ogg", true),
            ("image/png", false),
            ("audio", false),
        ] {
            let audio = audio_of_file(Bytes::from_static(b"RIFF"), media_type);
            assert_eq!(audio.is_some_and(|audio| audio.as_bytes() == b"RIFF"), expected, "{media_type}");
        }
    }

    #[test]
    fn what_is_no_sound_is_the_client_s_error() {
        let error = sound(&Audio::from(b"hello".to_vec()), 16_000).expect_err("no sound");
        assert_eq!(error.to_string(), "expected a WAV, FLAC, MP3 or Ogg Vorbis file, got something else");
    }
}
