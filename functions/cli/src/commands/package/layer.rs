//! A layer of an image: files and folders as a compressed tar, reproducible byte for byte.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use amaas_wire::{Digest, DigestHasher};
use flate2::Compression;
use flate2::write::GzEncoder;
use tar::{Builder, EntryType, Header};

/// The files of a layer by path, without the leading slash. Everything belongs to root.
#[derive(Default)]
pub(super) struct ImageLayer<'a>(BTreeMap<String, LayerEntry<'a>>);

enum LayerEntry<'a> {
    Folder { mode: u32 },
    File { mode: u32, bytes: Cow<'a, [u8]> },
}

impl<'a> ImageLayer<'a> {
    /// Adds an executable or library.
    pub(super) fn program(&mut self, path: &str, bytes: impl Into<Cow<'a, [u8]>>) {
        self.put(path, LayerEntry::File { mode: 0o755, bytes: bytes.into() });
    }

    /// Adds a data file.
    pub(super) fn file(&mut self, path: &str, bytes: impl Into<Cow<'a, [u8]>>) {
        self.put(path, LayerEntry::File { mode: 0o644, bytes: bytes.into() });
    }

    /// Adds a folder in which every user may write.
    pub(super) fn shared_folder(&mut self, path: &str) {
        self.put(path, LayerEntry::Folder { mode: 0o1777 });
    }

    /// Writes the layer with `time` as every time stamp, and returns the digest of the uncompressed tar.
    pub(super) fn write(&self, to: impl Write, time: u64) -> io::Result<Digest> {
        // The gzip header has neither time nor file name.
        let mut tar = Builder::new(HashingStream::new(GzEncoder::new(to, Compression::default())));
        for (path, entry) in &self.0 {
            let mut header = Header::new_gnu();
            header.set_mtime(time);
            header.set_uid(0);
            header.set_gid(0);
            match entry {
                LayerEntry::Folder { mode } => {
                    header.set_entry_type(EntryType::Directory);
                    header.set_mode(*mode);
                    header.set_size(0);
                    tar.append_data(&mut header, format!("{path}/"), io::empty())?;
                }
                LayerEntry::File { mode, bytes } => {
                    header.set_entry_type(EntryType::Regular);
                    header.set_mode(*mode);
                    header.set_size(bytes.len() as u64);
                    tar.append_data(&mut header, path, bytes.as_ref())?;
                }
            }
        }
        let (compressed, digest, _) = tar.into_inner()?.finish();
        compressed.finish()?;
        Ok(digest)
    }

    fn put(&mut self, path: &str, entry: LayerEntry<'a>) {
        for (end, _) in path.match_indices('/') {
            self.0.entry(path[..end].to_owned()).or_insert(LayerEntry::Folder { mode: 0o755 });
        }
        self.0.insert(path.to_owned(), entry);
    }
}

/// Passes bytes through, read or written, and computes their digest and number.
pub(super) struct HashingStream<T> {
    inner: T,
    hasher: DigestHasher,
    bytes: u64,
}

impl<T> HashingStream<T> {
    pub(super) fn new(inner: T) -> Self {
        Self { inner, hasher: DigestHasher::default(), bytes: 0 }
    }

    /// The inner stream, the digest of the bytes, and their number.
    pub(super) fn finish(self) -> (T, Digest, u64) {
        (self.inner, self.hasher.finish(), self.bytes)
    }

    fn saw(&mut self, bytes: &[u8]) {
        self.hasher.update(bytes);
        self.bytes += bytes.len() as u64;
    }
}

impl<W: Write> Write for HashingStream<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.saw(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

impl<R: Read> Read for HashingStream<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(bytes)?;
        self.saw(&bytes[..read]);
        Ok(read)
    }
}
