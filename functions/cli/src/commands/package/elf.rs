//! An ELF reader: the dynamic loader's requirements of a program or library, which are an interpreter, libraries, and versions of
//! their symbols. A missing one would otherwise be noticed only when the function starts.
//!
//! It is written by hand because it reads segments, as the loader does: `object` and `goblin` find symbol versions through
//! sections, which may be stripped. Every offset is checked against the file's length, since a file may be cut off anywhere.

use std::collections::BTreeSet;

use crate::architecture::Architecture;

/// A program or library.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ElfInfo {
    pub(super) architecture: Architecture,
    /// The loader, for a program that has one.
    pub(super) interpreter: Option<String>,
    /// The libraries that it needs, by the names that the loader looks for.
    pub(super) needed: Vec<String>,
    /// The versions without which the loader refuses to start it.
    pub(super) requires: Vec<VersionRequirement>,
    /// The versions that it defines for others.
    pub(super) defines: BTreeSet<String>,
}

/// A version of a library's symbols, such as `GLIBC_2.34` of `libc.so.6`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VersionRequirement {
    pub(super) library: String,
    pub(super) version: String,
}

impl ElfInfo {
    /// Parses the bytes of a file. The error names what the file is instead.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        let file = ElfBytes(bytes);
        if !bytes.starts_with(b"\x7fELF\x02\x01") {
            return Err("not a 64-bit Linux program or library".to_owned());
        }
        let machine = file.u16(18).ok_or_else(cut_off)?;
        let architecture =
            Architecture::of_elf(machine).ok_or_else(|| format!("ELF machine {machine} is not one that Lambda has"))?;
        let segments = file.segments().ok_or_else(cut_off)?;
        // A file that is cut off may still have everything that is read here.
        if segments.iter().any(|segment| file.bytes(segment.offset, segment.size).is_none()) {
            return Err(cut_off());
        }
        let mut elf = Self {
            architecture,
            interpreter: None,
            needed: Vec::new(),
            requires: Vec::new(),
            defines: BTreeSet::new(),
        };
        if let Some(segment) = segments.iter().find(|segment| segment.kind == PT_INTERP) {
            elf.interpreter = Some(file.text(segment.offset, segment.size).ok_or_else(malformed)?);
        }
        if let Some(segment) = segments.iter().find(|segment| segment.kind == PT_DYNAMIC) {
            let dynamic = DynamicSection::read(file, segment, &segments).ok_or_else(malformed)?;
            elf.needed = dynamic.needed(file).ok_or_else(malformed)?;
            elf.requires = dynamic.requires(file).ok_or_else(malformed)?;
            elf.defines = dynamic.defines(file).ok_or_else(malformed)?;
        }
        Ok(elf)
    }
}

/// The bytes of a file, little-endian.
#[derive(Clone, Copy)]
struct ElfBytes<'a>(&'a [u8]);

impl<'a> ElfBytes<'a> {
    fn bytes(self, offset: u64, length: u64) -> Option<&'a [u8]> {
        let end = offset.checked_add(length)?;
        self.0.get(usize::try_from(offset).ok()?..usize::try_from(end).ok()?)
    }

    fn array<const N: usize>(self, offset: u64) -> Option<[u8; N]> {
        self.bytes(offset, N as u64)?.try_into().ok()
    }

    fn u16(self, offset: u64) -> Option<u16> {
        self.array(offset).map(u16::from_le_bytes)
    }

    fn u32(self, offset: u64) -> Option<u32> {
        self.array(offset).map(u32::from_le_bytes)
    }

    fn u64(self, offset: u64) -> Option<u64> {
        self.array(offset).map(u64::from_le_bytes)
    }

    /// The text at `offset`, which ends with a zero within `longest` bytes.
    fn text(self, offset: u64, longest: u64) -> Option<String> {
        let bytes = self.bytes(offset, longest)?;
        let length = bytes.iter().position(|&byte| byte == 0)?;
        String::from_utf8(bytes[..length].to_vec()).ok()
    }

    /// `Elf64_Ehdr`'s `e_phoff`, `e_phentsize` and `e_phnum`, and the `Elf64_Phdr` entries that they describe.
    fn segments(self) -> Option<Vec<ElfSegment>> {
        let (table, size, count) = (self.u64(32)?, self.u16(54)?, self.u16(56)?);
        let segment = |index: u16| {
            let at = table.checked_add(u64::from(index) * u64::from(size))?;
            Some(ElfSegment {
                kind: self.u32(at)?,
                offset: self.u64(at.checked_add(8)?)?,
                address: self.u64(at.checked_add(16)?)?,
                size: self.u64(at.checked_add(32)?)?,
            })
        };
        (0..count).map(segment).collect()
    }
}

/// A program header: a segment that is loaded, or information for the loader.
struct ElfSegment {
    kind: u32,
    offset: u64,
    address: u64,
    size: u64,
}

/// The entries of the dynamic section that are read here, with addresses as file offsets.
#[derive(Default)]
struct DynamicSection {
    needed: Vec<u64>,
    strings: u64,
    strings_size: u64,
    verneed: Option<u64>,
    verdef: Option<u64>,
}

impl DynamicSection {
    fn read(file: ElfBytes<'_>, segment: &ElfSegment, segments: &[ElfSegment]) -> Option<Self> {
        let place = |address: u64| {
            let loaded = segments.iter().filter(|segment| segment.kind == PT_LOAD);
            loaded
                .filter_map(|segment| Some((segment, address.checked_sub(segment.address)?)))
                .find(|(segment, within)| *within < segment.size)
                .and_then(|(segment, within)| segment.offset.checked_add(within))
        };
        let mut dynamic = Self::default();
        for entry in file.bytes(segment.offset, segment.size)?.chunks_exact(16) {
            let (tag, value) = (ElfBytes(entry).u64(0)?, ElfBytes(entry).u64(8)?);
            match tag {
                DT_NULL => break,
                DT_NEEDED => dynamic.needed.push(value),
                DT_STRTAB => dynamic.strings = place(value)?,
                DT_STRSZ => dynamic.strings_size = value,
                DT_VERNEED => dynamic.verneed = Some(place(value)?),
                DT_VERDEF => dynamic.verdef = Some(place(value)?),
                _ => {}
            }
        }
        Some(dynamic)
    }

    fn string(&self, file: ElfBytes<'_>, offset: u64) -> Option<String> {
        file.text(self.strings.checked_add(offset)?, self.strings_size.checked_sub(offset)?)
    }

    fn needed(&self, file: ElfBytes<'_>) -> Option<Vec<String>> {
        self.needed.iter().map(|&offset| self.string(file, offset)).collect()
    }

    /// `Elf64_Verneed`: for each library a chain of `Elf64_Vernaux`.
    fn requires(&self, file: ElfBytes<'_>) -> Option<Vec<VersionRequirement>> {
        let mut requires = Vec::new();
        for library in chain(file, self.verneed, 12)? {
            let name = self.string(file, file.u32(library.checked_add(4)?)?.into())?;
            let first = library.checked_add(file.u32(library.checked_add(8)?)?.into())?;
            for version in chain(file, Some(first), 12)? {
                // A version that only weak symbols need is not required: the program runs without it.
                if file.u16(version.checked_add(4)?)? & VER_FLG_WEAK == 0 {
                    let version = self.string(file, file.u32(version.checked_add(8)?)?.into())?;
                    requires.push(VersionRequirement { library: name.clone(), version });
                }
            }
        }
        Some(requires)
    }

    /// `Elf64_Verdef`: its first `Elf64_Verdaux` has the version's own name.
    fn defines(&self, file: ElfBytes<'_>) -> Option<BTreeSet<String>> {
        let mut defines = BTreeSet::new();
        for version in chain(file, self.verdef, 16)? {
            let first = version.checked_add(file.u32(version.checked_add(12)?)?.into())?;
            defines.insert(self.string(file, file.u32(first)?.into())?);
        }
        Some(defines)
    }
}

/// The offsets of a list's entries. Each entry has at `next` the distance to the next one.
fn chain(file: ElfBytes<'_>, first: Option<u64>, next: u64) -> Option<Vec<u64>> {
    let mut places = Vec::new();
    let Some(mut place) = first else { return Some(places) };
    loop {
        places.push(place);
        match file.u32(place.checked_add(next)?)? {
            0 => return Some(places),
            _ if places.len() == MAX_NAME_BYTES => return None,
            step => place = place.checked_add(step.into())?,
        }
    }
}

fn cut_off() -> String {
    "the file is cut off".to_owned()
}

fn malformed() -> String {
    "the file's dynamic section is malformed".to_owned()
}

/// Entries of a list. glibc, which keeps every version that it ever had, defines some 40.
const MAX_NAME_BYTES: usize = 4096;

// From the System V ABI's ELF chapter and, for versions, the Linux Standard Base's.
const PT_LOAD: u32 = 1;
const PT_DYNAMIC: u32 = 2;
const PT_INTERP: u32 = 3;
const DT_NULL: u64 = 0;
const DT_NEEDED: u64 = 1;
const DT_STRTAB: u64 = 5;
const DT_STRSZ: u64 = 10;
const DT_VERDEF: u64 = 0x6fff_fffc;
const DT_VERNEED: u64 = 0x6fff_fffe;
const VER_FLG_WEAK: u16 = 2;

#[cfg(test)]
#[path = "../../../tests/it/sample.rs"]
mod sample;

#[cfg(test)]
mod tests {
    use super::sample::{ARM, Sample, X86};
    use super::*;

    fn sample() -> Sample {
        let mut sample = Sample::program(ARM)
            .needing("libstdc++.so.6", &["GLIBCXX_3.4.22", "CXXABI_1.3"])
            .defining(&["libown.so", "OWN_1.0"]);
        sample.requires.push(("libc.so.6", "GLIBC_2.39", true));
        sample
    }

    #[test]
    fn it_says_what_the_loader_will_ask_for() {
        let elf = ElfInfo::parse(&sample().bytes()).expect("whole");
        assert_eq!(elf.architecture, Architecture::Arm64);
        assert_eq!(elf.interpreter.as_deref(), Some("/lib/ld-linux-aarch64.so.1"));
        assert_eq!(elf.needed, ["libc.so.6", "libstdc++.so.6"]);
        let requires: Vec<_> = elf.requires.iter().map(|of| (of.library.as_str(), of.version.as_str())).collect();
        let expected = [
            ("libc.so.6", "GLIBC_2.17"),
            ("libc.so.6", "GLIBC_2.34"),
            ("libstdc++.so.6", "GLIBCXX_3.4.22"),
            ("libstdc++.so.6", "CXXABI_1.3"),
        ];
        assert_eq!(requires, expected);
        assert_eq!(elf.defines, ["OWN_1.0", "libown.so"].map(str::to_owned).into());
        let library = ElfInfo::parse(&Sample::library(X86).bytes()).expect("whole");
        assert_eq!((library.architecture, library.interpreter), (Architecture::X86_64, None));
    }

    #[test]
    fn a_file_that_is_cut_off_anywhere_is_refused() {
        let whole = sample().bytes();
        for length in 0..whole.len() {
            let error = ElfInfo::parse(&whole[..length]).expect_err("cut off");
            let expected = if length < 6 { "not a 64-bit Linux program or library" } else { "the file is cut off" };
            assert_eq!(error, expected, "{length}");
        }
    }

    /// The result may no longer be an ELF file.
    #[test]
    fn any_byte_may_be_another_one() {
        let whole = sample().bytes();
        let mut refused = 0;
        for place in 0..whole.len() {
            for byte in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bytes = whole.clone();
                bytes[place] = byte;
                refused += usize::from(ElfInfo::parse(&bytes).is_err());
            }
        }
        assert!(refused > whole.len() / 4, "{refused} of {}", whole.len() * 5);
    }

    #[test]
    fn a_list_without_an_end_ends() {
        let mut bytes = sample().bytes();
        // Zeros, in which every entry says that the next one is four bytes on.
        bytes.extend([4_u32, 4, 4, 4].iter().cycle().take(80_000).flat_map(|step| step.to_le_bytes()));
        assert_eq!(chain(ElfBytes(&bytes), Some(bytes.len() as u64 - 300_000), 12), None);
    }
}
