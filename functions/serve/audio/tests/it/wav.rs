//! WAV files for tests.

/// A WAV file of `data` in the encoding `tag` of `bits`, with a chunk of odd length before it.
pub(crate) fn file(tag: u16, bits: u16, (channels, rate): (u16, u32), data: &[u8]) -> Vec<u8> {
    let block = channels * bits.div_ceil(8);
    let format = [
        &tag.to_le_bytes()[..],
        &channels.to_le_bytes(),
        &rate.to_le_bytes(),
        &(rate.wrapping_mul(u32::from(block))).to_le_bytes(),
        &block.to_le_bytes(),
        &bits.to_le_bytes(),
    ];
    with_format(&format.concat(), data)
}

/// A WAV file of 16 bits a sample.
pub(crate) fn of_samples(channels: u16, rate: u32, samples: &[i16]) -> Vec<u8> {
    let data: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
    file(1, 16, (channels, rate), &data)
}

/// A WAV file of `data` with the `fmt ` chunk `format`.
pub(crate) fn with_format(format: &[u8], data: &[u8]) -> Vec<u8> {
    let chunk = |name: &[u8; 4], content: &[u8]| {
        let length = u32::try_from(content.len()).expect("a small chunk").to_le_bytes();
        [&name[..], &length, content, &vec![0; content.len() % 2]].concat()
    };
    let chunks = [b"WAVE".to_vec(), chunk(b"fmt ", format), chunk(b"LIST", b"odd"), chunk(b"data", data)].concat();
    [b"RIFF".to_vec(), u32::try_from(chunks.len()).expect("a small file").to_le_bytes().to_vec(), chunks].concat()
}

/// The place of the length of the `data` chunk.
pub(crate) fn length_of_data(file: &[u8]) -> usize {
    file.windows(4).position(|name| name == b"data").expect("a data chunk") + 4
}
