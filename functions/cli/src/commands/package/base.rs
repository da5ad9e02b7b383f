//! The image that a function's image is built on, out of a layout folder, every blob of it verified.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::PathBuf;

use amaas_wire::Digest;
use flate2::bufread::MultiGzDecoder;
use oci_spec::image::{Descriptor, ImageConfiguration, MediaType};

use super::certificates;
use super::elf::Elf;
use super::images::{Images, blob, verified};
use super::layer::Hashing;
use super::oci::media_type;
use super::parts::Parts;
use super::surroundings::Surroundings;
use super::system::is_of_the_driver;
use crate::failure::Failure;

/// An image in a layout folder.
pub(super) struct Base {
    folder: PathBuf,
    pub(super) digest: String,
    pub(super) layers: Vec<Descriptor>,
    pub(super) config: ImageConfiguration,
    contents: Contents,
}

/// What was seen in the layers.
#[derive(Default)]
struct Contents {
    /// A layer's compression is one that is not read here, so what was not seen may be there.
    partial: bool,
    names: BTreeSet<String>,
    certificates: bool,
    /// The versions that libraries define, where they are asked for.
    versions: BTreeMap<String, BTreeSet<String>>,
}

impl Base {
    /// Opens the image for the architecture of `parts` in the layout `folder`.
    pub(super) fn open(folder: PathBuf, parts: &Parts) -> Result<Self, Failure> {
        let (digest, manifest, config) = Images::open(&folder, parts.architecture)?.one()?;
        if config.rootfs().diff_ids().len() != manifest.layers().len() {
            return Err(Failure::file(&folder, &"the image's configuration is not of as many layers as it has"));
        }
        let mut base = Self { folder, digest, layers: Vec::new(), config, contents: Contents::default() };
        for (layer, index) in manifest.layers().iter().zip(0..) {
            base.look_into(layer, index, parts)?;
            let mut layer = layer.clone();
            layer.set_media_type(media_type(layer.media_type()));
            base.layers.push(layer);
        }
        Ok(base)
    }

    /// The file of a layer, and its digest.
    pub(super) fn blob(&self, layer: &Descriptor) -> Result<(PathBuf, Digest), Failure> {
        blob(&self.folder, layer)
    }

    /// Whether certificates of authorities are in it where programs look for them.
    pub(super) fn has_certificates(&self) -> bool {
        self.contents.partial || self.contents.certificates
    }

    /// Verifies a layer, and sees what is in it.
    fn look_into(&mut self, layer: &Descriptor, index: usize, parts: &Parts) -> Result<(), Failure> {
        let (path, _) = verified(&self.folder, layer)?;
        let failed = |error: io::Error| Failure::file(&path, &format!("the layer could not be read: {error}"));
        let file = BufReader::new(File::open(&path).map_err(failed)?);
        let tar: Box<dyn Read> = match media_type(layer.media_type()) {
            MediaType::ImageLayer => Box::new(file),
            MediaType::ImageLayerGzip => Box::new(MultiGzDecoder::new(file)),
            _ => {
                self.contents.partial = true;
                return Ok(());
            }
        };
        let mut tar = Hashing::new(tar);
        self.contents.read(&mut tar, parts).map_err(failed)?;
        let (_, digest, _) = tar.finish();
        let expected = &self.config.rootfs().diff_ids()[index];
        if *expected != format!("sha256:{digest}") {
            let what = format!("the layer unpacks to sha256:{digest}, where the image's configuration says {expected}");
            return Err(Failure::file(&path, &what));
        }
        Ok(())
    }
}

impl Contents {
    fn read(&mut self, tar: &mut impl Read, parts: &Parts) -> io::Result<()> {
        let mut archive = tar::Archive::new(&mut *tar);
        for entry in archive.entries()? {
            let mut entry = entry?;
            let path = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
            let path = path.trim_start_matches("./").trim_start_matches('/');
            let kind = entry.header().entry_type();
            if !(kind.is_file() || kind.is_symlink() || kind.is_hard_link()) {
                continue;
            }
            self.certificates |= certificates::PLACES.contains(&path);
            let name = path.rsplit('/').next().unwrap_or(path).to_owned();
            if kind.is_file() {
                self.note_versions(&name, &mut entry, parts)?;
            }
            self.names.insert(name);
        }
        // What stands behind the last entry is part of the layer's digest.
        io::copy(tar, &mut io::sink()).map(drop)
    }

    /// Notes which versions a library defines that is asked for some. `libstdc++.so.6` is a link to `libstdc++.so.6.0.29`.
    fn note_versions(&mut self, name: &str, file: &mut impl Read, parts: &Parts) -> io::Result<()> {
        let mut asked = parts.iter().flat_map(|part| &part.elf.requires).map(|required| &required.library);
        let Some(library) = asked.find(|library| name.starts_with(library.as_str())) else { return Ok(()) };
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)?;
        if let Ok(elf) = Elf::parse(&bytes)
            && elf.architecture == parts.architecture
        {
            self.versions.entry(library.clone()).or_default().extend(elf.defines);
        }
        Ok(())
    }
}

impl Surroundings for Base {
    fn has(&self, library: &str) -> bool {
        self.contents.partial || self.contents.names.contains(library) || is_of_the_driver(library)
    }

    fn has_version(&self, library: &str, version: &str) -> bool {
        self.contents.versions.get(library).is_none_or(|defined| defined.contains(version))
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
