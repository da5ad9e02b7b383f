//! Writes an image layout: a folder of blobs and the index of its one image. It is written beside its destination and moved there
//! when it is complete.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use amaas_wire::Digest;
use oci_spec::image::{Descriptor, ImageIndex, MediaType};
use tar::{Builder, EntryType, Header};
use tempfile::TempDir;

use super::layer::{HashingStream, ImageLayer};
use super::oci::{descriptor, to_text};
use crate::error::CliError;

/// A layout that is not at its destination yet.
pub(super) struct LayoutWriter {
    folder: TempDir,
    path: PathBuf,
    time: u64,
}

impl LayoutWriter {
    /// Begins a layout for `path`: a folder, or a tar archive if the name ends in `.tar`. Every time stamp in it is `time`.
    pub(super) fn begin(path: &Path, time: u64) -> Result<Self, CliError> {
        check(path)?;
        let beside = beside(path);
        let folder = tempfile::Builder::new()
            .prefix(".amaas-image-")
            .tempdir_in(beside)
            .and_then(|folder| fs::create_dir_all(folder.path().join(BLOB_FOLDER)).map(|()| folder))
            .map_err(|error| CliError::file(beside, &error))?;
        Ok(Self { folder, path: path.to_owned(), time })
    }

    /// Writes a document.
    pub(super) fn document(
        &self,
        media_type: MediaType,
        document: &impl serde::Serialize,
    ) -> Result<Descriptor, CliError> {
        let text = to_text(document)?;
        let ((), descriptor) = self.blob(media_type, |blob| blob.write_all(&text))?;
        Ok(descriptor)
    }

    /// Writes a layer, and returns its descriptor and the digest of its uncompressed tar.
    pub(super) fn layer(&self, layer: &ImageLayer<'_>) -> Result<(Descriptor, Digest), CliError> {
        let (digest, descriptor) = self.blob(MediaType::ImageLayerGzip, |blob| layer.write(blob, self.time))?;
        Ok((descriptor, digest))
    }

    /// Takes over the blob in the file `from`, which matches `digest`.
    pub(super) fn copy(&self, from: &Path, digest: Digest) -> Result<(), CliError> {
        let to = self.folder.path().join(BLOB_FOLDER).join(digest.to_string());
        fs::copy(from, to).map(drop).map_err(|error| CliError::file(from, &error))
    }

    /// Moves the layout with the image `manifest` to its destination, and returns its size in bytes.
    pub(super) fn finish(self, manifest: Descriptor) -> Result<u64, CliError> {
        let mut index = ImageIndex::default();
        index.set_media_type(Some(MediaType::ImageIndex)).set_manifests(vec![manifest]);
        let index = to_text(&index)?;
        self.put(&index).map_err(|error| CliError::file(&self.path, &error))
    }

    fn blob<T>(
        &self,
        media_type: MediaType,
        write: impl FnOnce(&mut dyn Write) -> io::Result<T>,
    ) -> Result<(T, Descriptor), CliError> {
        let blobs = self.folder.path().join(BLOB_FOLDER);
        let write = || {
            let unnamed = blobs.join("unnamed");
            let mut blob = HashingStream::new(BufWriter::new(File::create(&unnamed)?));
            let written = write(&mut blob)?;
            let (mut file, digest, size) = blob.finish();
            file.flush()?;
            fs::rename(unnamed, blobs.join(digest.to_string()))?;
            Ok((written, digest, size))
        };
        let (written, digest, size) = write().map_err(|error: io::Error| CliError::file(&blobs, &error))?;
        Ok((written, descriptor(media_type, digest, size)?))
    }

    fn put(&self, index: &[u8]) -> io::Result<u64> {
        let folder = self.folder.path();
        fs::write(folder.join(LAYOUT_FILE), br#"{"imageLayoutVersion":"1.0.0"}"#)?;
        fs::write(folder.join("index.json"), index)?;
        let mut names = vec!["index.json".to_owned(), LAYOUT_FILE.to_owned()];
        for blob in fs::read_dir(folder.join(BLOB_FOLDER))? {
            names.push(format!("{BLOB_FOLDER}/{}", blob?.file_name().to_string_lossy()));
        }
        names.sort();
        let sizes = names.iter().map(|name| Ok(fs::metadata(folder.join(name))?.len()));
        let size = sizes.sum::<io::Result<u64>>()?;
        if is_archive(&self.path) {
            self.archive(&names)?;
        } else {
            // A temporary folder is readable by its owner only.
            fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
            if self.path.is_dir() {
                fs::remove_dir_all(&self.path)?;
            }
            fs::rename(folder, &self.path)?;
        }
        Ok(size)
    }

    fn archive(&self, names: &[String]) -> io::Result<()> {
        let folder = self.folder.path();
        let whole = folder.join("archive");
        let mut tar = Builder::new(BufWriter::new(File::create(&whole)?));
        for name in ["blobs", BLOB_FOLDER] {
            tar.append_data(&mut self.header(EntryType::Directory, 0o755, 0), format!("{name}/"), io::empty())?;
        }
        for name in names {
            let file = File::open(folder.join(name))?;
            let mut header = self.header(EntryType::Regular, 0o644, file.metadata()?.len());
            tar.append_data(&mut header, name, file)?;
        }
        tar.into_inner()?.flush()?;
        fs::rename(whole, &self.path)
    }

    fn header(&self, kind: EntryType, mode: u32, size: u64) -> Header {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(size);
        header.set_mtime(self.time);
        header.set_uid(0);
        header.set_gid(0);
        header
    }
}

/// Refuses to overwrite anything that is no layout.
pub(super) fn check(path: &Path) -> Result<(), CliError> {
    if path.is_dir() && !is_replaceable(path).map_err(|error| CliError::file(path, &error))? {
        return Err(CliError::file(path, &"a folder that is not an image layout is there")
            .hint("another folder with --output, or remove it"));
    }
    Ok(())
}

/// The parent folder of `path`.
pub(super) fn beside(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Whether a layout with this name is a tar archive.
pub(super) fn is_archive(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("tar"))
}

/// Whether the folder holds nothing that cannot be made again.
fn is_replaceable(folder: &Path) -> io::Result<bool> {
    Ok(folder.join(LAYOUT_FILE).is_file() || fs::read_dir(folder)?.next().is_none())
}

/// The file that marks a folder as a layout.
pub(super) const LAYOUT_FILE: &str = "oci-layout";
/// The folder of a layout's blobs, by digest.
pub(super) const BLOB_FOLDER: &str = "blobs/sha256";
