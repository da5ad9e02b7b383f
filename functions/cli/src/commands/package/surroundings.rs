//! What a package finds where it is put: libraries, and which versions of them. Whatever is not there fails only when the
//! function is started, so it is looked for before.

use super::parts::{Part, Parts};
use crate::failure::Failure;

/// Where a package will run.
pub(super) trait Surroundings {
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

/// Says what `parts` need that neither they nor `surroundings` have.
pub(super) fn check(parts: &Parts, surroundings: &dyn Surroundings) -> Result<(), Failure> {
    for part in parts.iter() {
        let needed = part.elf.needed.iter();
        let missing: Vec<_> = needed
            .filter(|library| parts.library(library).is_none() && !surroundings.has(library))
            .map(String::as_str)
            .collect();
        if !missing.is_empty() {
            let what = format!("{} needs {}, not in {}", part.name, missing.join(", "), surroundings.name());
            return Err(Failure::usage(what).try_this(surroundings.without_library()));
        }
        let missing = versions(part, parts, surroundings);
        if !missing.is_empty() {
            let what = format!("{} needs {}, not in {}", part.name, missing.join(", "), surroundings.name());
            return Err(Failure::usage(what).try_this(surroundings.without_version()));
        }
    }
    Ok(())
}

/// The versions that are not there, each with its library.
fn versions(part: &Part, parts: &Parts, surroundings: &dyn Surroundings) -> Vec<String> {
    let is_missing = |library: &str, version: &str| match parts.library(library) {
        Some(brought) => !brought.elf.defines.contains(version),
        None => !surroundings.has_version(library, version),
    };
    let requires = part.elf.requires.iter();
    requires
        .filter(|required| is_missing(&required.library, &required.version))
        .map(|required| format!("{} of {}", required.version, required.library))
        .collect()
}
