//! The size of the codebooks in a Vorbis setup header (Vorbis I specification, section 3.2.1).
//!
//! Some bytes can describe a codebook of terabytes, which `lewton` would allocate.

/// Checks that the codebooks of the setup header `packet` are of bounded size together; `None` if they are larger or cannot be read.
pub(crate) fn check_codebooks(packet: &[u8]) -> Option<()> {
    let mut bits = Bits { bytes: packet.strip_prefix(b"\x05vorbis")?, position: 0 };
    let codebooks = bits.read(8)? + 1;
    let (mut all_entries, mut all_values) = (0_u64, 0_u64);
    for _ in 0..codebooks {
        let (entries, values) = skip_codebook(&mut bits)?;
        all_entries += entries;
        all_values += values;
        if all_entries > MAX_ENTRIES || all_values > MAX_VALUES {
            return None;
        }
    }
    Some(())
}

/// Reads over one codebook, and returns its entries, and the values of its vectors.
fn skip_codebook(bits: &mut Bits) -> Option<(u64, u64)> {
    if bits.read(24)? != CODEBOOK_SYNC {
        return None;
    }
    let (dimensions, entries) = (u64::from(bits.read(16)?), u64::from(bits.read(24)?));
    if entries > MAX_ENTRIES {
        return None;
    }
    if bits.read(1)? == 1 {
        skip_ordered_lengths(bits, entries)?;
    } else {
        skip_lengths(bits, entries)?;
    }
    let lookup = bits.read(4)?;
    if lookup == 0 {
        return Some((entries, 0));
    }
    bits.skip(64)?;
    let width = u64::from(bits.read(4)?) + 1;
    bits.skip(1)?;
    let values = entries.checked_mul(dimensions).filter(|values| *values <= MAX_VALUES)?;
    let multiplicands = match lookup {
        1 => largest_root(entries, dimensions)?,
        2 => values,
        _ => return None,
    };
    bits.skip(multiplicands * width)?;
    Some((entries, values))
}

fn skip_lengths(bits: &mut Bits, entries: u64) -> Option<()> {
    let is_sparse = bits.read(1)? == 1;
    for _ in 0..entries {
        if !is_sparse || bits.read(1)? == 1 {
            bits.skip(5)?;
        }
    }
    Some(())
}

fn skip_ordered_lengths(bits: &mut Bits, entries: u64) -> Option<()> {
    bits.skip(5)?;
    let mut seen = 0;
    // A length of no entries takes a bit, so this ends with the packet.
    while seen < entries {
        seen += u64::from(bits.read(u64::BITS - (entries - seen).leading_zeros())?);
    }
    (seen == entries).then_some(())
}

/// The largest number whose power to `dimensions` is at most `entries`.
fn largest_root(entries: u64, dimensions: u64) -> Option<u64> {
    let dimensions = u32::try_from(dimensions).ok().filter(|dimensions| *dimensions > 0)?;
    let fits = |root: u64| root.checked_pow(dimensions).is_some_and(|power| power <= entries);
    // The root of one dimension is the number of entries itself.
    if dimensions == 1 { Some(entries) } else { (0..=entries).take_while(|root| fits(*root)).last() }
}

/// Reads bits, the least significant of each byte first.
struct Bits<'a> {
    bytes: &'a [u8],
    /// In bits.
    position: u64,
}

impl Bits<'_> {
    /// The next `count` bits, at most 32.
    fn read(&mut self, count: u32) -> Option<u32> {
        let mut value = 0;
        for bit in 0..count {
            let byte = self.bytes.get(usize::try_from(self.position / 8).ok()?)?;
            value |= u32::from(byte >> (self.position % 8) & 1) << bit;
            self.position += 1;
        }
        Some(value)
    }

    fn skip(&mut self, count: u64) -> Option<()> {
        self.position += count;
        (self.position <= 8 * self.bytes.len() as u64).then_some(())
    }
}

const CODEBOOK_SYNC: u32 = 0x56_4342;
/// libvorbis's own codebooks have some 30,000 entries together.
const MAX_ENTRIES: u64 = 1 << 18;
/// Values of four bytes.
const MAX_VALUES: u64 = 1 << 22;
