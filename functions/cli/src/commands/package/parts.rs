//! What is packaged: a program and the libraries that it loads, all for one processor.

use std::path::{Path, PathBuf};

use super::elf::Elf;
use crate::architecture::Architecture;
use crate::failure::Failure;

/// The program and its libraries.
pub(super) struct Parts {
    pub(super) architecture: Architecture,
    pub(super) bootstrap: Part,
    /// ONNX Runtime first.
    pub(super) libraries: Vec<Part>,
}

/// A file of the package.
pub(super) struct Part {
    /// Where it lies in the package.
    pub(super) name: String,
    pub(super) bytes: Vec<u8>,
    pub(super) elf: Elf,
}

impl Parts {
    /// Reads what stands at the paths, which must all be for `asked`, or for what the binary is for where nothing is asked.
    pub(super) fn read(
        asked: Option<Architecture>,
        binary: &Path,
        library: impl FnOnce(Architecture) -> Result<PathBuf, Failure>,
        includes: &[PathBuf],
    ) -> Result<Self, Failure> {
        let bootstrap = Part::read("bootstrap".to_owned(), binary)?;
        let (architecture, is) = (asked.unwrap_or(bootstrap.elf.architecture), bootstrap.elf.architecture);
        if is != architecture {
            return Err(Failure::file(binary, &format!("it is for {is}, and --arch asks for {architecture}"))
                .try_this(format!("--arch {is}, or a binary that was built for {}", architecture.target())));
        }
        if bootstrap.elf.interpreter.is_none() {
            return Err(Failure::file(binary, &"a static program or a library, which cannot load ONNX Runtime")
                .try_this(format!("a program that was built for {}", architecture.target())));
        }
        let mut parts = Self { architecture, bootstrap, libraries: Vec::new() };
        parts.add("libonnxruntime.so", &library(architecture)?)?;
        for path in includes {
            parts.add(name(path)?, path)?;
        }
        Ok(parts)
    }

    /// All of them, the program first.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Part> {
        std::iter::once(&self.bootstrap).chain(&self.libraries)
    }

    /// The library of this name, where the package brings it.
    pub(super) fn library(&self, name: &str) -> Option<&Part> {
        self.libraries.iter().find(|library| library.name.strip_prefix(LIBRARIES) == Some(name))
    }

    /// How many bytes they have.
    pub(super) fn size(&self) -> usize {
        self.iter().map(|part| part.bytes.len()).sum()
    }

    fn add(&mut self, name: &str, path: &Path) -> Result<(), Failure> {
        if self.library(name).is_some() {
            return Err(Failure::file(path, &format!("the package has a {name} already")));
        }
        let part = Part::read(format!("{LIBRARIES}{name}"), path)?;
        let (is, expected) = (part.elf.architecture, self.architecture);
        if is != expected {
            return Err(Failure::file(path, &format!("it is for {is}, and the binary for {expected}")).try_this(
                "a library for the same architecture; --library takes what ORT_DYLIB_PATH names where it is not given",
            ));
        }
        self.libraries.push(part);
        Ok(())
    }
}

impl Part {
    /// Reads what stands at `path`.
    pub(super) fn read(name: String, path: &Path) -> Result<Self, Failure> {
        let bytes = std::fs::read(path).map_err(|error| Failure::file(path, &error))?;
        let elf = Elf::parse(&bytes).map_err(|error| Failure::file(path, &error))?;
        Ok(Self { name, bytes, elf })
    }
}

/// The name that a library at `path` has in a package.
pub(super) fn name(path: &Path) -> Result<&str, Failure> {
    let name = path.file_name().and_then(|name| name.to_str());
    name.ok_or_else(|| Failure::file(path, &"a library needs a file name that is UTF-8"))
}

/// The folder of libraries in a package.
const LIBRARIES: &str = "lib/";
