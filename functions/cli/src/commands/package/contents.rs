//! The content of a package: a program and the libraries that it loads, all for one processor.

use std::path::{Path, PathBuf};

use super::elf::ElfInfo;
use crate::architecture::Architecture;
use crate::error::CliError;

/// The program and its libraries.
pub(super) struct PackageContents {
    pub(super) architecture: Architecture,
    pub(super) bootstrap: ElfFile,
    /// ONNX Runtime first.
    pub(super) libraries: Vec<ElfFile>,
}

/// A file of the package.
pub(super) struct ElfFile {
    /// Its path in the package.
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) elf: ElfInfo,
}

impl PackageContents {
    /// Reads the files. All must be for `asked`, or for the architecture of the binary if `asked` is `None`.
    pub(super) fn read(
        asked: Option<Architecture>,
        binary: &Path,
        library: impl FnOnce(Architecture) -> Result<PathBuf, CliError>,
        includes: &[PathBuf],
    ) -> Result<Self, CliError> {
        let bootstrap = ElfFile::read("bootstrap".to_owned(), binary)?;
        let (architecture, is) = (asked.unwrap_or(bootstrap.elf.architecture), bootstrap.elf.architecture);
        if is != architecture {
            return Err(CliError::file(binary, &format!("it is for {is}, and --arch asks for {architecture}"))
                .hint(format!("--arch {is}, or a binary that was built for {}", architecture.target())));
        }
        if bootstrap.elf.interpreter.is_none() {
            return Err(CliError::file(binary, &"a static program or a library, which cannot load ONNX Runtime")
                .hint(format!("a program that was built for {}", architecture.target())));
        }
        let mut contents = Self { architecture, bootstrap, libraries: Vec::new() };
        contents.add("libonnxruntime.so", &library(architecture)?)?;
        for path in includes {
            contents.add(name(path)?, path)?;
        }
        Ok(contents)
    }

    /// All files, the program first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &ElfFile> {
        std::iter::once(&self.bootstrap).chain(&self.libraries)
    }

    /// The library of this name, if the package has it.
    pub(super) fn library(&self, name: &str) -> Option<&ElfFile> {
        self.libraries.iter().find(|library| library.name.strip_prefix(LIBRARY_FOLDER) == Some(name))
    }

    /// The sum of the files' sizes.
    pub(super) fn size(&self) -> usize {
        self.iter().map(|file| file.bytes.len()).sum()
    }

    fn add(&mut self, name: &str, path: &Path) -> Result<(), CliError> {
        if self.library(name).is_some() {
            return Err(CliError::file(path, &format!("the package has a {name} already")));
        }
        let file = ElfFile::read(format!("{LIBRARY_FOLDER}{name}"), path)?;
        let (is, expected) = (file.elf.architecture, self.architecture);
        if is != expected {
            return Err(CliError::file(path, &format!("it is for {is}, and the binary for {expected}"))
                .hint("a library for the same architecture; without --library, ORT_DYLIB_PATH names it"));
        }
        self.libraries.push(file);
        Ok(())
    }
}

impl ElfFile {
    /// Reads the file at `path`.
    pub(super) fn read(name: String, path: &Path) -> Result<Self, CliError> {
        let bytes = std::fs::read(path).map_err(|error| CliError::file(path, &error))?;
        let elf = ElfInfo::parse(&bytes).map_err(|error| CliError::file(path, &error))?;
        Ok(Self { name, bytes, elf })
    }
}

/// The name in the package of a library at `path`.
pub(super) fn name(path: &Path) -> Result<&str, CliError> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.ok_or_else(|| CliError::file(path, &"a library needs a file name that is UTF-8"))
}

/// The folder of libraries in a package.
const LIBRARY_FOLDER: &str = "lib/";
