//! The libraries of a package's target system, and their symbol versions. A missing one fails only when the function starts, so
//! it is checked before.

use super::contents::{ElfFile, PackageContents};
use crate::error::CliError;

/// A system on which a package will run.
pub(super) trait TargetSystem {
    /// Whether it has a library of this name.
    fn has(&self, library: &str) -> bool;

    /// Whether that library has this version of its symbols.
    fn has_version(&self, library: &str, version: &str) -> bool;

    /// Its name, as in "… is not in it".
    fn name(&self) -> String;

    /// The remedy for a missing library.
    fn without_library(&self) -> String;

    /// The remedy for a missing version.
    fn without_version(&self) -> String;
}

/// Refuses `contents` that need something neither they nor `target` have.
pub(super) fn check(contents: &PackageContents, target: &dyn TargetSystem) -> Result<(), CliError> {
    for file in contents.iter() {
        let needed = file.elf.needed.iter();
        let missing: Vec<_> = needed
            .filter(|library| contents.library(library).is_none() && !target.has(library))
            .map(String::as_str)
            .collect();
        if !missing.is_empty() {
            let what = format!("{} needs {}, not in {}", file.name, missing.join(", "), target.name());
            return Err(CliError::usage(what).hint(target.without_library()));
        }
        let missing = versions(file, contents, target);
        if !missing.is_empty() {
            let what = format!("{} needs {}, not in {}", file.name, missing.join(", "), target.name());
            return Err(CliError::usage(what).hint(target.without_version()));
        }
    }
    Ok(())
}

/// The missing versions, each with its library.
fn versions(file: &ElfFile, contents: &PackageContents, target: &dyn TargetSystem) -> Vec<String> {
    let is_missing = |library: &str, version: &str| match contents.library(library) {
        Some(brought) => !brought.elf.defines.contains(version),
        None => !target.has_version(library, version),
    };
    let requires = file.elf.requires.iter();
    requires
        .filter(|required| is_missing(&required.library, &required.version))
        .map(|required| format!("{} of {}", required.version, required.library))
        .collect()
}
