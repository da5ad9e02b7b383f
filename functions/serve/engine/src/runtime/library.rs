//! The location of the ONNX Runtime library: one official build of one version, verified by digest.
//!
//! The wheel is verified when it is downloaded. After that, the cache is trusted only if no other user but root can
//! write it, which is checked each time: loading a library runs its code.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

#[cfg(feature = "publish")]
use amaas_wire::Digest;

#[cfg(feature = "publish")]
use super::python::PythonError;

/// The pinned ONNX Runtime version.
pub const VERSION: &str = "1.32.0";

/// Finds the library: `configured` (`ORT_DYLIB_PATH`), then `lib/` beside the program, then the user's cache.
///
/// # Errors
/// [`LibraryError::Missing`] lists the searched paths.
pub fn find(configured: Option<&Path>) -> Result<PathBuf, LibraryError> {
    let configured = non_empty(configured);
    if let Some(path) = configured {
        let missing = || LibraryError::Missing { tried: vec![path.to_owned()] };
        return path.is_file().then(|| path.to_owned()).ok_or_else(missing);
    }
    let beside =
        std::env::current_exe().ok().and_then(|program| Some(program.parent()?.join("lib").join(LIBRARY_NAME)));
    if let Some(path) = beside.iter().find(|path| path.is_file()) {
        return Ok(path.clone());
    }
    let cached = cached_library().ok();
    match cached.iter().find(|path| path.is_file()) {
        Some(path) => check_owner(path).map(|()| path.clone()),
        None => Err(LibraryError::Missing { tried: beside.into_iter().chain(cached).collect() }),
    }
}

/// The path, unless it is empty: an empty variable counts as not set.
pub(super) fn non_empty(configured: Option<&Path>) -> Option<&Path> {
    configured.filter(|path| !path.as_os_str().is_empty())
}

/// Checks that only this user and root can write a cached library and its folder.
pub(super) fn check_owner(library: &Path) -> Result<(), LibraryError> {
    let me = rustix::process::geteuid().as_raw();
    for path in library.ancestors().take(2) {
        let metadata = std::fs::metadata(path)?;
        if (metadata.uid() != me && metadata.uid() != 0) || metadata.mode() & 0o022 != 0 {
            return Err(LibraryError::Foreign { path: path.to_owned() });
        }
    }
    Ok(())
}

/// Why no library is available.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum LibraryError {
    /// No library was found.
    #[error(
        "no ONNX Runtime library at {}; run `amaas dev` once, which fetches it, or set ORT_DYLIB_PATH",
        tried.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" or ")
    )]
    Missing { tried: Vec<PathBuf> },
    /// The platform has no pinned build.
    #[cfg(feature = "publish")]
    #[error("no pinned ONNX Runtime build for this platform; install version {VERSION} and set ORT_DYLIB_PATH to it")]
    Platform,
    /// There is no cache folder.
    #[error("neither XDG_CACHE_HOME nor HOME is an absolute path; set one, or ORT_DYLIB_PATH to a library")]
    NoCache,
    /// pip failed.
    #[cfg(feature = "publish")]
    #[error(
        "pip could not fetch ONNX Runtime ({cause}); is python3 with pip there, and a package index reachable? Otherwise set ORT_DYLIB_PATH to libonnxruntime.so of version {VERSION}"
    )]
    Pip {
        #[from]
        cause: PythonError,
    },
    /// Other users can write the cache.
    #[error(
        "{path} is not used: others than this user can write it, and a library runs code when it is loaded; delete the folder, and \
         `amaas dev` fetches the library again, or set ORT_DYLIB_PATH"
    )]
    Foreign { path: PathBuf },
    /// pip succeeded without a wheel.
    #[cfg(feature = "publish")]
    #[error("pip fetched no wheel")]
    Wheel,
    /// The wheel is not the pinned one.
    #[cfg(feature = "publish")]
    #[error("the fetched wheel is not the pinned one: expected SHA-256 {expected}, got {got}")]
    Digest { expected: &'static str, got: Digest },
    /// The cache could not be written.
    #[error("the cache of ONNX Runtime could not be written: {0}")]
    Io(#[from] io::Error),
}

/// The cached library of this machine.
pub(super) fn cached_library() -> Result<PathBuf, LibraryError> {
    Ok(cache_folder()?.join(format!("onnxruntime-{VERSION}-cpu")).join(LIBRARY_NAME))
}

/// The cache folder. A relative path is ignored: it would depend on the current folder, such as a cloned repository
/// (and is invalid by the XDG Base Directory Specification).
pub(super) fn cache_folder() -> Result<PathBuf, LibraryError> {
    cache_folder_from(|name| std::env::var_os(name).map(PathBuf::from))
}

fn cache_folder_from(variable: impl Fn(&str) -> Option<PathBuf>) -> Result<PathBuf, LibraryError> {
    let variable = |name| variable(name).filter(|folder| folder.is_absolute());
    let cache = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    Ok(cache.ok_or(LibraryError::NoCache)?.join("amaas"))
}

pub(super) const LIBRARY_NAME: &str = "libonnxruntime.so";

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_cache_is_an_absolute_path() {
        for (cache, home, expected) in [
            (Some("/c"), Some("/h"), Some("/c/amaas")),
            (None, Some("/h"), Some("/h/.cache/amaas")),
            (Some(""), Some("/h"), Some("/h/.cache/amaas")),
            (Some("c"), Some("/h"), Some("/h/.cache/amaas")),
            (Some("./c"), None, None),
            (None, Some("h"), None),
            (None, None, None),
        ] {
            let of = |name: &str| if name == "HOME" { home } else { cache }.map(PathBuf::from);
            assert_eq!(cache_folder_from(of).ok(), expected.map(PathBuf::from), "{cache:?} {home:?}");
        }
    }

    #[test]
    fn an_empty_path_is_none() {
        let tried = |configured: &str| match find(Some(Path::new(configured))) {
            Err(LibraryError::Missing { tried }) => tried,
            found => found.into_iter().collect(),
        };
        assert_eq!(tried("/nowhere/libonnxruntime.so"), [PathBuf::from("/nowhere/libonnxruntime.so")]);
        assert!(!tried("").contains(&PathBuf::new()), "{:?}", tried(""));
    }

    #[test]
    fn a_library_that_others_can_write_is_refused() {
        let folder = tempfile::tempdir().expect("a folder");
        let library = folder.path().join(LIBRARY_NAME);
        std::fs::write(&library, "").expect("a file");
        let mode = |path: &Path, mode| std::fs::set_permissions(path, Permissions::from_mode(mode)).expect("a mode");
        for (of_folder, of_file, foreign) in [
            (0o755, 0o644, None),
            (0o700, 0o600, None),
            (0o755, 0o646, Some(&*library)),
            (0o755, 0o664, Some(&*library)),
            (0o777, 0o644, Some(folder.path())),
            (0o775, 0o644, Some(folder.path())),
        ] {
            mode(folder.path(), of_folder);
            mode(&library, of_file);
            match (check_owner(&library), foreign) {
                (Ok(()), None) => {}
                (Err(LibraryError::Foreign { path }), Some(foreign)) => assert_eq!(path, foreign),
                (judged, _) => panic!("{of_folder:o} {of_file:o}: {judged:?}"),
            }
        }
    }
}
