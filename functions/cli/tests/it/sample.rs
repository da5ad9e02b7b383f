//! Sample programs and libraries: ELF files with everything that the loader reads, and no code.

/// An ELF file under construction.
#[derive(Clone)]
pub(crate) struct Sample {
    /// `e_machine`: 62 for x86-64, 183 for Arm's 64 bits.
    pub(crate) machine: u16,
    pub(crate) interpreter: Option<&'static str>,
    pub(crate) needed: Vec<&'static str>,
    /// Required versions: library, version, and whether only weak symbols need it.
    pub(crate) requires: Vec<(&'static str, &'static str, bool)>,
    pub(crate) defines: Vec<&'static str>,
}

impl Sample {
    /// A library that needs nothing.
    pub(crate) fn library(machine: u16) -> Self {
        Self { machine, interpreter: None, needed: Vec::new(), requires: Vec::new(), defines: Vec::new() }
    }

    /// A program that needs Lambda's glibc.
    pub(crate) fn program(machine: u16) -> Self {
        Self {
            interpreter: Some(if machine == X86 {
                "/lib64/ld-linux-x86-64.so.2"
            } else {
                "/lib/ld-linux-aarch64.so.1"
            }),
            ..Self::library(machine).needing("libc.so.6", &["GLIBC_2.17", "GLIBC_2.34"])
        }
    }

    /// Adds a required library, with these versions.
    pub(crate) fn needing(mut self, library: &'static str, versions: &[&'static str]) -> Self {
        self.needed.push(library);
        self.requires.extend(versions.iter().map(|version| (library, *version, false)));
        self
    }

    /// Adds versions that it defines.
    pub(crate) fn defining(mut self, versions: &[&'static str]) -> Self {
        self.defines.extend(versions);
        self
    }

    /// The file. As is common, addresses differ from file offsets.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut strings = Strings(vec![0]);
        let needed: Vec<_> = self.needed.iter().map(|name| (1, strings.put(name))).collect();
        let (verneed, verdef) = (self.verneed(&mut strings), self.verdef(&mut strings));
        let interpreter = self.interpreter.map(|path| [path.as_bytes(), &[0]].concat()).unwrap_or_default();

        let mut body = Body(vec![0; HEADERS]);
        let interpreter = body.put(&interpreter);
        let strings_size = strings.0.len() as u64;
        let strings = body.put(&strings.0);
        let (verneed_at, verdef_at) = (body.put(&verneed), body.put(&verdef));
        let mut entries = needed;
        entries.extend([(5, ADDRESS + strings.0), (10, strings_size)]);
        if !verneed.is_empty() {
            entries.push((0x6fff_fffe, ADDRESS + verneed_at.0));
        }
        if !verdef.is_empty() {
            entries.push((0x6fff_fffc, ADDRESS + verdef_at.0));
        }
        entries.push((0, 0));
        let entries: Vec<u8> = entries.iter().flat_map(|(tag, value)| words(&[*tag, *value])).collect();
        let dynamic = body.put(&entries);

        let whole = (0, body.0.len() as u64);
        let mut segments = vec![(1, whole), (2, dynamic)];
        if self.interpreter.is_some() {
            segments.push((3, interpreter));
        }
        let mut header = b"\x7fELF\x02\x01\x01".to_vec();
        header.resize(16, 0);
        header.extend([3_u16, self.machine].iter().flat_map(|word| word.to_le_bytes()));
        header.extend(1_u32.to_le_bytes());
        header.extend(words(&[0, 64, 0]));
        header.extend(0_u32.to_le_bytes());
        let counts: [u16; 6] = [64, 56, u16::try_from(segments.len()).expect("a few"), 64, 0, 0];
        header.extend(counts.iter().flat_map(|count| count.to_le_bytes()));
        for (kind, (at, size)) in segments {
            header.extend([kind, 4_u32].iter().flat_map(|word| word.to_le_bytes()));
            header.extend(words(&[at, ADDRESS + at, ADDRESS + at, size, size, 8]));
        }
        body.0[..header.len()].copy_from_slice(&header);
        body.0
    }

    fn verneed(&self, strings: &mut Strings) -> Vec<u8> {
        let mut table = Vec::new();
        for (index, (library, version, weak)) in self.requires.iter().enumerate() {
            let next = if index + 1 == self.requires.len() { 0 } else { 32_u32 };
            let (library, version) = (strings.put(library), strings.put(version));
            table.extend([1_u16, 1].iter().flat_map(|word| word.to_le_bytes()));
            table.extend([short(library), 16, next, 0].iter().flat_map(|word| word.to_le_bytes()));
            table.extend([if *weak { 2_u16 } else { 0 }, 2].iter().flat_map(|word| word.to_le_bytes()));
            table.extend([short(version), 0].iter().flat_map(|word| word.to_le_bytes()));
        }
        table
    }

    fn verdef(&self, strings: &mut Strings) -> Vec<u8> {
        let mut table = Vec::new();
        for (index, version) in self.defines.iter().enumerate() {
            let next = if index + 1 == self.defines.len() { 0 } else { 28_u32 };
            table.extend([1_u16, 0, 2, 1].iter().flat_map(|word| word.to_le_bytes()));
            table.extend([0, 20, next, short(strings.put(version)), 0].iter().flat_map(|word| word.to_le_bytes()));
        }
        table
    }
}

/// A table of strings.
struct Strings(Vec<u8>);

impl Strings {
    fn put(&mut self, text: &str) -> u64 {
        let at = self.0.len() as u64;
        self.0.extend(text.as_bytes());
        self.0.push(0);
        at
    }
}

/// The bytes after the headers.
struct Body(Vec<u8>);

impl Body {
    /// Appends bytes; returns their offset and length.
    fn put(&mut self, bytes: &[u8]) -> (u64, u64) {
        self.0.resize(self.0.len().next_multiple_of(8), 0);
        let at = self.0.len() as u64;
        self.0.extend(bytes);
        (at, bytes.len() as u64)
    }
}

fn words(words: &[u64]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_le_bytes()).collect()
}

fn short(offset: u64) -> u32 {
    offset.try_into().expect("small")
}

pub(crate) const X86: u16 = 62;
pub(crate) const ARM: u16 = 183;
/// `Elf64_Ehdr` and three `Elf64_Phdr`.
const HEADERS: usize = 64 + 3 * 56;
const ADDRESS: u64 = 0x10_000;
