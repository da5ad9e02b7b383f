//! Downloads the pinned ONNX Runtime: the official wheel from `PyPI`, through pip, verified by digest.

use std::fs::{DirBuilder, Permissions};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use amaas_wire::Digest;

use super::library::{LIBRARY_NAME, LibraryError, VERSION, cache_folder, cached_library, check_owner, find, non_empty};
use super::python::IsolatedPython;

/// The library that [`find`] finds, or else one downloaded through pip into the user's cache. `notify` gets a line for
/// the user before the download; pip shows its progress on standard error.
///
/// # Errors
/// [`LibraryError`] says what failed and what to do instead.
pub fn find_or_fetch(configured: Option<&Path>, notify: impl FnOnce(&str)) -> Result<PathBuf, LibraryError> {
    match find(configured) {
        Err(LibraryError::Missing { .. }) if non_empty(configured).is_none() => {}
        found => return found,
    }
    let wheel = wheel(std::env::consts::OS, std::env::consts::ARCH).ok_or(LibraryError::Platform)?;
    download(wheel, cached_library()?, notify)
}

/// The library for Linux on another `architecture`, named as in [`std::env::consts::ARCH`], for packaging. It is
/// downloaded once, and kept in the user's cache beside this machine's own library.
///
/// # Errors
/// [`LibraryError`] says what failed and what to do instead.
pub fn find_or_fetch_for(architecture: &str, notify: impl FnOnce(&str)) -> Result<PathBuf, LibraryError> {
    let wheel = wheel("linux", architecture).ok_or(LibraryError::Platform)?;
    let library = cache_folder()?.join(format!("onnxruntime-{VERSION}-cpu-linux-{architecture}")).join(LIBRARY_NAME);
    if !library.is_file() {
        return download(wheel, library, notify);
    }
    check_owner(&library)?;
    Ok(library)
}

/// Downloads `wheel` and stores its library as `library`.
fn download(wheel: &OfficialWheel, library: PathBuf, notify: impl FnOnce(&str)) -> Result<PathBuf, LibraryError> {
    let folder = library.parent().ok_or(LibraryError::NoCache)?;
    notify(&format!("fetching ONNX Runtime {VERSION} through pip, once, into {}", folder.display()));
    DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    // Independent of the umask.
    std::fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    let work = tempfile::Builder::new().prefix("fetch-").tempdir_in(folder)?;
    let python = IsolatedPython::in_folder(work.path());
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
    // A concurrent download stores the same bytes.
    std::fs::rename(extracted, &library)?;
    Ok(library)
}

/// An official wheel and the library in it.
struct OfficialWheel {
    os: &'static str,
    architecture: &'static str,
    platform: &'static str,
    sha256: &'static str,
    library: &'static str,
}

const WHEELS: [OfficialWheel; 3] = [
    OfficialWheel {
        os: "linux",
        architecture: "x86_64",
        platform: "manylinux_2_28_x86_64",
        sha256: "99e1074c4b2197accd5073052a465361be17b89c093b8ffb6e6bd8f986c52df8",
        library: "libonnxruntime.so.1.32.0",
    },
    OfficialWheel {
        os: "linux",
        architecture: "aarch64",
        platform: "manylinux_2_28_aarch64",
        sha256: "e36c187006e7a7c8b8d6d57f1a209dd63f52430dca6c282b177718ad6b841054",
        library: "libonnxruntime.so.1.32.0",
    },
    OfficialWheel {
        os: "macos",
        architecture: "aarch64",
        platform: "macosx_14_0_arm64",
        sha256: "d52510bbbcc880c13b826f7d75cdf33ac5cf0bb864d960000fc29ce73f0cb83e",
        library: "libonnxruntime.1.32.0.dylib",
    },
];

fn wheel(os: &str, architecture: &str) -> Option<&'static OfficialWheel> {
    WHEELS.iter().find(|wheel| wheel.os == os && wheel.architecture == architecture)
}
