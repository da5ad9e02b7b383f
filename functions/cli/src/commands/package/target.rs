//! What a package finds where it is put: libraries, and which versions of them. Whatever is not there fails only when the
//! function is started, so it is looked for before.

use super::contents::{Contents, ElfFile};
use crate::error::CliError;

/// Where a package will run.
pub(super) trait TargetSystem {
    /// Whether there is a library of this name.
    fn has(&self, library: &str) -> bool;

    /// Whether that library has this version of its symbols.
    fn has_version(&self, library: &str, version: &str) -> bool;

    /// What it is, as in "… is not in it".
    fn name(&self) -> String;

    /// What helps where a library is not there.
    fn without_library(&self) -> String;

    /// What helps where a version is not there.
    fn without_version(&self) -> String;
}

/// Says what `contents` need that neither they nor `target` have.
pub(super) fn check(contents: &Contents, target: &dyn TargetSystem) -> Result<(), CliError> {
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

/// The versions that are not there, each with its library.
fn versions(file: &ElfFile, contents: &Contents, target: &dyn TargetSystem) -> Vec<String> {
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
