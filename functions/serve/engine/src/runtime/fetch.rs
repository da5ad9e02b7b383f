//! Fetches the pinned ONNX Runtime: the official wheel of `PyPI`, through pip, verified by digest.

use std::fs::{DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use amaas_wire::Digest;

use super::library::{LibraryError, NAME, VERSION, cache, cached, find, named, own};
use super::python::Python;

/// The library as [`find`] finds it; where there is none it is fetched through pip into the user's cache. `tell` is
/// given a line for people before the fetch begins; pip shows its own progress on standard error.
///
/// # Errors
/// [`LibraryError`] says what failed and what to do instead.
pub fn find_or_fetch(configured: Option<&Path>, tell: impl FnOnce(&str)) -> Result<PathBuf, LibraryError> {
    match find(configured) {
        Err(LibraryError::Missing { .. }) if named(configured).is_none() => {}
        found => return found,
    }
    let wheel = wheel(std::env::consts::OS, std::env::consts::ARCH).ok_or(LibraryError::Platform)?;
    download(wheel, cached()?, tell)
}

/// The library for Linux on another `architecture` than this machine's, in the words of [`std::env::consts::ARCH`]: to be
/// packaged here and loaded elsewhere. It is kept in the user's cache beside this machine's own, and fetched once, as
/// [`find_or_fetch`] does.
///
/// # Errors
/// [`LibraryError`] says what failed and what to do instead.
pub fn find_or_fetch_for(architecture: &str, tell: impl FnOnce(&str)) -> Result<PathBuf, LibraryError> {
    let wheel = wheel("linux", architecture).ok_or(LibraryError::Platform)?;
    let library = cache()?.join(format!("onnxruntime-{VERSION}-cpu-linux-{architecture}")).join(NAME);
    if !library.is_file() {
        return download(wheel, library, tell);
    }
    own(&library)?;
    Ok(library)
}

/// Fetches `wheel` and puts its library to `library`.
fn download(wheel: &Wheel, library: PathBuf, tell: impl FnOnce(&str)) -> Result<PathBuf, LibraryError> {
    let folder = library.parent().ok_or(LibraryError::NoCache)?;
    tell(&format!("fetching ONNX Runtime {VERSION} through pip, once, into {}", folder.display()));
    DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    // Whatever the umask let others do.
    std::fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    let work = tempfile::Builder::new().prefix("fetch-").tempdir_in(folder)?;
    let python = Python::in_folder(work.path());
    let requirement = format!("onnxruntime=={VERSION}");
    python.run(
        "pip",
        [
            "download",
            "--no-deps",
            "--only-binary=:all:",
            "--implementation",
            "cp",
            "--python-version",
            "3.12",
            "--abi",
            "cp312",
            "--platform",
            wheel.platform,
            "--dest",
            ".",
            &requirement,
        ],
    )?;
    let file = std::fs::read_dir(work.path())?.next().ok_or(LibraryError::Wheel)??.path();
    let got = Digest::of(&std::fs::read(&file)?);
    if got.to_string() != wheel.sha256 {
        return Err(LibraryError::Digest { expected: wheel.sha256, got });
    }
    python.run("zipfile", ["-e".as_ref(), file.as_os_str(), work.path().as_os_str()])?;
    let extracted = work.path().join("onnxruntime/capi").join(wheel.library);
    std::fs::set_permissions(&extracted, Permissions::from_mode(0o644))?;
    // Whoever else fetches at the same time puts the same bytes there.
    std::fs::rename(extracted, &library)?;
    Ok(library)
}

/// An official wheel and the library in it.
struct Wheel {
    os: &'static str,
    architecture: &'static str,
    platform: &'static str,
    sha256: &'static str,
    library: &'static str,
}

const WHEELS: [Wheel; 3] = [
    Wheel {
        os: "linux",
        architecture: "x86_64",
        platform: "manylinux_2_28_x86_64",
        sha256: "99e1074c4b2197accd5073052a465361be17b89c093b8ffb6e6bd8f986c52df8",
        library: "libonnxruntime.so.1.32.0",
    },
    Wheel {
        os: "linux",
        architecture: "aarch64",
        platform: "manylinux_2_28_aarch64",
        sha256: "e36c187006e7a7c8b8d6d57f1a209dd63f52430dca6c282b177718ad6b841054",
        library: "libonnxruntime.so.1.32.0",
    },
    Wheel {
        os: "macos",
        architecture: "aarch64",
        platform: "macosx_14_0_arm64",
        sha256: "d52510bbbcc880c13b826f7d75cdf33ac5cf0bb864d960000fc29ce73f0cb83e",
        library: "libonnxruntime.1.32.0.dylib",
    },
];

fn wheel(os: &str, architecture: &str) -> Option<&'static Wheel> {
    WHEELS.iter().find(|wheel| wheel.os == os && wheel.architecture == architecture)
}
