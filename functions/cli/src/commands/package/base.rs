//! The base image of a function's image, from a layout folder, with every blob verified.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::PathBuf;

use amaas_wire::Digest;
use flate2::bufread::MultiGzDecoder;
use oci_spec::image::{Descriptor, ImageConfiguration, MediaType};

use super::certificates;
use super::contents::PackageContents;
use super::elf::ElfInfo;
use super::images::{LayoutImages, blob, verified};
use super::layer::HashingStream;
use super::oci::media_type;
use super::system::is_of_the_driver;
use super::target::TargetSystem;
use crate::error::CliError;

/// A base image in a layout folder.
pub(super) struct OpenedBaseImage {
    folder: PathBuf,
    pub(super) digest: String,
    pub(super) layers: Vec<Descriptor>,
    pub(super) config: ImageConfiguration,
    index: LayerIndex,
}

/// The files found in the layers.
#[derive(Default)]
struct LayerIndex {
    /// Whether a layer has an unknown compression, so that files that were not found may exist.
    partial: bool,
    names: BTreeSet<String>,
    certificates: bool,
    /// The versions that libraries define, if the package needs some of them.
    versions: BTreeMap<String, BTreeSet<String>>,
}

impl OpenedBaseImage {
    /// Opens the image for the architecture of `contents` in the layout `folder`.
    pub(super) fn open(folder: PathBuf, contents: &PackageContents) -> Result<Self, CliError> {
        let (digest, manifest, config) = LayoutImages::open(&folder, contents.architecture)?.one()?;
        if config.rootfs().diff_ids().len() != manifest.layers().len() {
            return Err(CliError::file(&folder, &"the image's configuration is not of as many layers as it has"));
        }
        let mut base = Self { folder, digest, layers: Vec::new(), config, index: LayerIndex::default() };
        for (layer, index) in manifest.layers().iter().zip(0..) {
            base.look_into(layer, index, contents)?;
            let mut layer = layer.clone();
            layer.set_media_type(media_type(layer.media_type()));
            base.layers.push(layer);
        }
        Ok(base)
    }

    /// The file of a layer, and its digest.
    pub(super) fn blob(&self, layer: &Descriptor) -> Result<(PathBuf, Digest), CliError> {
        blob(&self.folder, layer)
    }

    /// Whether it has CA certificates at a path where programs look for them.
    pub(super) fn has_certificates(&self) -> bool {
        self.index.partial || self.index.certificates
    }

    /// Verifies a layer, and indexes its files.
    fn look_into(&mut self, layer: &Descriptor, index: usize, contents: &PackageContents) -> Result<(), CliError> {
        let (path, _) = verified(&self.folder, layer)?;
        let failed = |error: io::Error| CliError::file(&path, &format!("the layer could not be read: {error}"));
        let file = BufReader::new(File::open(&path).map_err(failed)?);
        let tar: Box<dyn Read> = match media_type(layer.media_type()) {
            MediaType::ImageLayer => Box::new(file),
            MediaType::ImageLayerGzip => Box::new(MultiGzDecoder::new(file)),
            _ => {
                self.index.partial = true;
                return Ok(());
            }
        };
        let mut tar = HashingStream::new(tar);
        self.index.read(&mut tar, contents).map_err(failed)?;
        let (_, digest, _) = tar.finish();
        let expected = &self.config.rootfs().diff_ids()[index];
        if *expected != format!("sha256:{digest}") {
            let what = format!("the layer unpacks to sha256:{digest}, where the image's configuration says {expected}");
            return Err(CliError::file(&path, &what));
        }
        Ok(())
    }
}

impl LayerIndex {
    fn read(&mut self, tar: &mut impl Read, contents: &PackageContents) -> io::Result<()> {
        let mut archive = tar::Archive::new(&mut *tar);
        for entry in archive.entries()? {
            let mut entry = entry?;
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let path = path.trim_start_matches("./").trim_start_matches('/');
            let kind = entry.header().entry_type();
            if !(kind.is_file() || kind.is_symlink() || kind.is_hard_link()) {
                continue;
            }
            self.certificates |= certificates::BUNDLE_PATHS.contains(&path);
            let name = path.rsplit('/').next().unwrap_or(path).to_owned();
            if kind.is_file() {
                self.note_versions(&name, &mut entry, contents)?;
            }
            self.names.insert(name);
        }
        // Bytes after the last entry belong to the layer's digest.
        io::copy(tar, &mut io::sink()).map(drop)
    }

    /// Records the versions that a library defines, if the package needs any. `libstdc++.so.6` is a link to `libstdc++.so.6.0.29`.
    fn note_versions(&mut self, name: &str, file: &mut impl Read, contents: &PackageContents) -> io::Result<()> {
        let mut asked = contents.iter().flat_map(|file| &file.elf.requires).map(|required| &required.library);
        let Some(library) = asked.find(|library| name.starts_with(library.as_str())) else { return Ok(()) };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        if let Ok(elf) = ElfInfo::parse(&bytes)
            && elf.architecture == contents.architecture
        {
            self.versions.entry(library.clone()).or_default().extend(elf.defines);
        }
        Ok(())
    }
}

impl TargetSystem for OpenedBaseImage {
    fn has(&self, library: &str) -> bool {
        self.index.partial || self.index.names.contains(library) || is_of_the_driver(library)
    }

    fn has_version(&self, library: &str, version: &str) -> bool {
        self.index.versions.get(library).is_none_or(|defined| defined.contains(version))
    }

    fn name(&self) -> String {
        format!("the base image {}", self.folder.display())
    }

    fn without_library(&self) -> String {
        "bring it with --include FILE, or take a base image that has it".to_owned()
    }

    fn without_version(&self) -> String {
        "take a newer base image, or build for an older glibc: `pip install cargo-zigbuild` and --arch".to_owned()
    }
}
