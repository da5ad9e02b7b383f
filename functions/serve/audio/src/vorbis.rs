//! Decoding Ogg Vorbis, with `lewton`.
//!
//! `lewton` reserves what a file claims for its comments and codebooks. So comments are not parsed, and codebooks are measured first.

use std::io::Cursor;

use lewton::audio::{PreviousWindowRight, read_audio_packet_generic};
use lewton::header::{IdentHeader, SetupHeader, read_header_ident, read_header_setup};
use lewton::samples::InterleavedSamples;

use crate::mono::MonoMixer;
use crate::vorbis_setup::check_codebooks;
use crate::{AudioDecodeError, Sound};

/// Decodes the only logical stream of `file`.
pub(crate) fn decode(file: &[u8]) -> Result<Sound, AudioDecodeError> {
    let mut packets = Packets::new(file);
    let (ident, setup) = headers(&mut packets)?;
    let mut mixer = MonoMixer::new(u32::from(ident.audio_channels), ident.audio_sample_rate)?;
    let mut window = PreviousWindowRight::new();
    let mut packet_count = 0;
    while let Some(packet) = packets.next()? {
        let mut decoded: InterleavedSamples<f32> =
            read_audio_packet_generic(&ident, &setup, &packet.data, &mut window).map_err(|_| DAMAGED)?;
        if packet.is_last {
            // The last page says where the sound ends within its last packet.
            let rest = packet.end.saturating_sub(mixer.frames() as u64);
            decoded.samples.truncate(usize::try_from(rest).unwrap_or(usize::MAX).saturating_mul(decoded.channel_count));
        }
        for sample in decoded.samples {
            mixer.push(sample)?;
        }
        packet_count += 1;
    }
    if packet_count == 0 { Err(AudioDecodeError::Empty) } else { mixer.finish() }
}

fn headers(packets: &mut Packets) -> Result<(IdentHeader, SetupHeader), AudioDecodeError> {
    let ident = packets.next()?.ok_or(DAMAGED)?;
    let ident = read_header_ident(&ident.data).map_err(|_| DAMAGED)?;
    MonoMixer::new(u32::from(ident.audio_channels), ident.audio_sample_rate)?;
    let comment = packets.next()?.ok_or(DAMAGED)?;
    if !comment.data.starts_with(b"\x03vorbis") {
        return Err(DAMAGED);
    }
    let setup = packets.next()?.ok_or(DAMAGED)?;
    check_codebooks(&setup.data).ok_or(DAMAGED)?;
    let blocks = (ident.blocksize_0, ident.blocksize_1);
    let setup = read_header_setup(&setup.data, ident.audio_channels, blocks).map_err(|_| DAMAGED)?;
    Ok((ident, setup))
}

struct Packets<'a> {
    reader: ogg::PacketReader<Cursor<&'a [u8]>>,
    serial: Option<u32>,
}

struct Packet {
    data: Vec<u8>,
    is_last: bool,
    /// Samples a channel up to the end of the packet's page.
    end: u64,
}

impl<'a> Packets<'a> {
    fn new(file: &'a [u8]) -> Self {
        Self { reader: ogg::PacketReader::new(Cursor::new(file)), serial: None }
    }

    fn next(&mut self) -> Result<Option<Packet>, AudioDecodeError> {
        let Some(packet) = self.reader.read_packet().map_err(|_| DAMAGED)? else { return Ok(None) };
        let serial = packet.stream_serial();
        if *self.serial.get_or_insert(serial) != serial {
            return Err(AudioDecodeError::Unsupported("an Ogg file of several streams"));
        }
        let (is_last, end) = (packet.last_in_stream(), packet.absgp_page());
        Ok(Some(Packet { data: packet.data, is_last, end }))
    }
}

const DAMAGED: AudioDecodeError = AudioDecodeError::Damaged("Ogg Vorbis");
