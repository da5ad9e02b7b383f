//! Finds the image for a platform in a layout folder made by another tool, and verifies every blob on the way to it.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};

use amaas_wire::Digest;
use oci_spec::image::{Arch, Descriptor, ImageConfiguration, ImageIndex, ImageManifest, MediaType, Os};
use serde::de::DeserializeOwned;

use super::layer::HashingStream;
use super::layout::{BLOB_FOLDER, LAYOUT_FILE};
use super::oci::media_type;
use crate::architecture::Architecture;
use crate::error::CliError;

/// The images of a layout.
pub(super) struct LayoutImages<'a> {
    folder: &'a Path,
    architecture: Architecture,
    /// The images for the architecture.
    found: Vec<(String, ImageManifest, ImageConfiguration)>,
    /// The platforms of the other images.
    others: Vec<String>,
}

impl<'a> LayoutImages<'a> {
    /// Reads the layout `folder`.
    pub(super) fn open(folder: &'a Path, architecture: Architecture) -> Result<Self, CliError> {
        is_layout(folder)?;
        let index = folder.join("index.json");
        let text = std::fs::read(&index).map_err(|error| CliError::file(&index, &error))?;
        let mut images = Self { folder, architecture, found: Vec::new(), others: Vec::new() };
        images.search(&document(&index, &text)?, MAX_INDEX_DEPTH)?;
        Ok(images)
    }

    /// The only image for the architecture: digest, manifest and configuration.
    pub(super) fn one(mut self) -> Result<(String, ImageManifest, ImageConfiguration), CliError> {
        let platform = format!("linux/{}", self.architecture.oci());
        match (self.found.len(), self.found.pop()) {
            (1, Some(image)) => Ok(image),
            (0, _) => {
                let others = if self.others.is_empty() { "none".to_owned() } else { self.others.join(", ") };
                let what = format!("it has no image for {platform}; what it has: {others}");
                Err(CliError::file(self.folder, &what)
                    .hint(format!("skopeo --override-arch {} copy docker://IMAGE oci:FOLDER", self.architecture.oci())))
            }
            (number, _) => Err(CliError::file(self.folder, &format!("it has {number} images for {platform}"))
                .hint("a layout with one: skopeo copy oci:FOLDER:TAG oci:OTHER")),
        }
    }

    fn search(&mut self, index: &ImageIndex, nested: u8) -> Result<(), CliError> {
        for descriptor in index.manifests() {
            match media_type(descriptor.media_type()) {
                MediaType::ImageIndex if nested > 0 => {
                    let index = read(self.folder, descriptor)?;
                    self.search(&index, nested - 1)?;
                }
                MediaType::ImageManifest => self.look_at(descriptor)?,
                _ => self.others.push(descriptor.media_type().to_string()),
            }
        }
        Ok(())
    }

    fn look_at(&mut self, descriptor: &Descriptor) -> Result<(), CliError> {
        // Blobs of other platforms are often absent.
        if let Some(platform) = descriptor.platform()
            && !self.fits(platform.os(), platform.architecture())
        {
            self.others.push(format!("{}/{}", platform.os(), platform.architecture()));
            return Ok(());
        }
        let manifest: ImageManifest = read(self.folder, descriptor)?;
        let config: ImageConfiguration = read(self.folder, manifest.config())?;
        let digest = descriptor.digest().to_string();
        if !self.fits(config.os(), config.architecture()) {
            self.others.push(format!("{}/{}", config.os(), config.architecture()));
        } else if self.found.iter().all(|(known, ..)| *known != digest) {
            self.found.push((digest, manifest, config));
        }
        Ok(())
    }

    fn fits(&self, os: &Os, architecture: &Arch) -> bool {
        *os == Os::Linux && *architecture == Arch::from(self.architecture.oci())
    }
}

/// Refuses a folder that is no layout.
fn is_layout(folder: &Path) -> Result<(), CliError> {
    if folder.join(LAYOUT_FILE).is_file() {
        return Ok(());
    }
    let what = if folder.is_dir() {
        "not an image layout: it has no file oci-layout"
    } else {
        "there is no such folder, where the layout of a base image is to be"
    };
    Err(CliError::file(folder, &what).hint("skopeo copy docker://IMAGE oci:FOLDER makes one"))
}

/// The document that `descriptor` describes.
fn read<T: DeserializeOwned>(folder: &Path, descriptor: &Descriptor) -> Result<T, CliError> {
    let (path, _) = verified(folder, descriptor)?;
    let text = std::fs::read(&path).map_err(|error| CliError::file(&path, &error))?;
    document(&path, &text)
}

fn document<T: DeserializeOwned>(path: &Path, text: &[u8]) -> Result<T, CliError> {
    serde_json::from_slice(text)
        .map_err(|error| CliError::file(path, &format!("not the document that an image layout has there: {error}")))
}

/// The blob that `descriptor` describes, with its size and digest verified.
pub(super) fn verified(folder: &Path, descriptor: &Descriptor) -> Result<(PathBuf, Digest), CliError> {
    let (path, expected) = blob(folder, descriptor)?;
    let failed = |error: io::Error| CliError::file(&path, &error);
    let mut file = HashingStream::new(File::open(&path).map_err(failed)?);
    io::copy(&mut file, &mut io::sink()).map_err(failed)?;
    let (_, digest, size) = file.finish();
    if digest != expected || size != descriptor.size() {
        let what = format!(
            "the blob is not what its image names: {size} bytes with sha256:{digest}, instead of {} with {}",
            descriptor.size(),
            descriptor.digest()
        );
        return Err(CliError::file(&path, &what).hint("copy the image again"));
    }
    Ok((path, digest))
}

/// The path of the blob that `descriptor` describes. An invalid digest could be a path to elsewhere.
pub(super) fn blob(folder: &Path, descriptor: &Descriptor) -> Result<(PathBuf, Digest), CliError> {
    let digest = descriptor.as_digest_sha256().and_then(|digest| digest.parse::<Digest>().ok());
    let digest = digest.ok_or_else(|| {
        let what =
            format!("expected a digest sha256:… of 64 lower-case hexadecimal digits, got {}", descriptor.digest());
        CliError::file(folder, &what)
    })?;
    Ok((folder.join(BLOB_FOLDER).join(digest.to_string()), digest))
}

/// The nesting of indexes: a layout has one for a tag, which has one for each platform.
const MAX_INDEX_DEPTH: u8 = 3;
