//! What is packaged: a program and the libraries that it loads, all for one processor.

use std::path::{Path, PathBuf};

use super::elf::Elf;
use crate::architecture::Architecture;
use crate::error::CliError;

/// The program and its libraries.
pub(super) struct Contents {
    pub(super) architecture: Architecture,
    pub(super) bootstrap: ElfFile,
    /// ONNX Runtime first.
    pub(super) libraries: Vec<ElfFile>,
}

/// A file of the package.
pub(super) struct ElfFile {
    /// Where it lies in the package.
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) elf: Elf,
}

impl Contents {
    /// Reads what stands at the paths, which must all be for `asked`, or for what the binary is for where nothing is asked.
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

    /// All of them, the program first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &ElfFile> {
        std::iter::once(&self.bootstrap).chain(&self.libraries)
    }

    /// The library of this name, where the package brings it.
    pub(super) fn library(&self, name: &str) -> Option<&ElfFile> {
        self.libraries.iter().find(|library| library.name.strip_prefix(LIBRARIES) == Some(name))
    }

    /// How many bytes they have.
    pub(super) fn size(&self) -> usize {
        self.iter().map(|file| file.bytes.len()).sum()
    }

    fn add(&mut self, name: &str, path: &Path) -> Result<(), CliError> {
        if self.library(name).is_some() {
            return Err(CliError::file(path, &format!("the package has a {name} already")));
        }
        let file = ElfFile::read(format!("{LIBRARIES}{name}"), path)?;
        let (is, expected) = (file.elf.architecture, self.architecture);
        if is != expected {
            return Err(CliError::file(path, &format!("it is for {is}, and the binary for {expected}")).hint(
                "a library for the same architecture; --library takes what ORT_DYLIB_PATH names where it is not given",
            ));
        }
        self.libraries.push(file);
        Ok(())
    }
}

impl ElfFile {
    /// Reads what stands at `path`.
    pub(super) fn read(name: String, path: &Path) -> Result<Self, CliError> {
        let bytes = std::fs::read(path).map_err(|error| CliError::file(path, &error))?;
        let elf = Elf::parse(&bytes).map_err(|error| CliError::file(path, &error))?;
        Ok(Self { name, bytes, elf })
    }
}

/// The name that a library at `path` has in a package.
pub(super) fn name(path: &Path) -> Result<&str, CliError> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.ok_or_else(|| CliError::file(path, &"a library needs a file name that is UTF-8"))
}

/// The folder of libraries in a package.
const LIBRARIES: &str = "lib/";
