//! Where the ONNX Runtime library is, and how it gets there: one official build of one version, by digest.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::digest::Digest;

/// The ONNX Runtime version that is served with.
pub const VERSION: &str = "1.32.0";

/// The library: `configured` (`ORT_DYLIB_PATH`) wins, then `lib/` beside the program, then the user's cache.
///
/// # Errors
/// [`LibraryError::Missing`] lists where it was looked for.
pub fn find(configured: Option<&Path>) -> Result<PathBuf, LibraryError> {
    if let Some(path) = configured {
        let missing = || LibraryError::Missing { tried: vec![path.to_owned()] };
        return path.is_file().then(|| path.to_owned()).ok_or_else(missing);
    }
    let beside = std::env::current_exe().ok().and_then(|program| Some(program.parent()?.join("lib").join(NAME)));
    let tried: Vec<_> = beside.into_iter().chain(cached().ok()).collect();
    match tried.iter().find(|path| path.is_file()) {
        Some(path) => Ok(path.clone()),
        None => Err(LibraryError::Missing { tried }),
    }
}

/// The library as [`find`] finds it; where there is none it is fetched through pip into the user's cache. `tell` is
/// given a line for people before the fetch begins; pip shows its own progress on standard error.
///
/// # Errors
/// [`LibraryError`] says what failed and what to do instead.
pub fn find_or_fetch(configured: Option<&Path>, tell: impl FnOnce(&str)) -> Result<PathBuf, LibraryError> {
    match find(configured) {
        Err(LibraryError::Missing { .. }) if configured.is_none() => {}
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
    if library.is_file() { Ok(library) } else { download(wheel, library, tell) }
}

/// Fetches `wheel` and puts its library to `library`.
fn download(wheel: &Wheel, library: PathBuf, tell: impl FnOnce(&str)) -> Result<PathBuf, LibraryError> {
    let folder = library.parent().ok_or(LibraryError::NoCache)?;
    tell(&format!("fetching ONNX Runtime {VERSION} through pip, once, into {}", folder.display()));
    std::fs::create_dir_all(folder)?;
    let work = tempfile::Builder::new().prefix("fetch-").tempdir_in(folder)?;
    pip(&[
        "-m",
        "pip",
        "download",
        "--no-deps",
        "--only-binary=:all:",
        "--implementation",
        "cp",
        "--python-version",
        "3.12",
    ])
    .args(["--abi", "cp312", "--platform", wheel.platform, "--dest"])
    .arg(work.path())
    .arg(format!("onnxruntime=={VERSION}"))
    .finish()?;
    let file = std::fs::read_dir(work.path())?.next().ok_or(LibraryError::Wheel)??.path();
    let got = Digest::of(&std::fs::read(&file)?);
    if got.to_string() != wheel.sha256 {
        return Err(LibraryError::Digest { expected: wheel.sha256, got });
    }
    pip(&["-m", "zipfile", "-e"]).arg(&file).arg(work.path()).finish()?;
    // Whoever else fetches at the same time puts the same bytes there.
    std::fs::rename(work.path().join("onnxruntime/capi").join(wheel.library), &library)?;
    Ok(library)
}

/// Why there is no library.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // the fields are what the message says
pub enum LibraryError {
    /// It is nowhere.
    #[error(
        "no ONNX Runtime library at {}; run `amaas dev` once, which fetches it, or set ORT_DYLIB_PATH",
        tried.iter().map(|path| path.display().to_string()).collect::<Vec<_>>().join(" or ")
    )]
    Missing { tried: Vec<PathBuf> },
    /// There is no pinned build for this machine.
    #[error("no pinned ONNX Runtime build for this platform; install version {VERSION} and set ORT_DYLIB_PATH to it")]
    Platform,
    /// Nowhere to keep it.
    #[error("neither XDG_CACHE_HOME nor HOME is set; set one, or ORT_DYLIB_PATH to a library")]
    NoCache,
    /// pip failed.
    #[error(
        "pip could not fetch ONNX Runtime ({cause}); is python3 with pip there, and a package index reachable? Otherwise set ORT_DYLIB_PATH to libonnxruntime.so of version {VERSION}"
    )]
    Pip { cause: String },
    /// pip answered well, but there is no wheel.
    #[error("pip fetched no wheel")]
    Wheel,
    /// The wheel is not the pinned one.
    #[error("the fetched wheel is not the pinned one: expected SHA-256 {expected}, got {got}")]
    Digest { expected: &'static str, got: Digest },
    /// The cache could not be written.
    #[error("the cache of ONNX Runtime could not be written: {0}")]
    Io(#[from] io::Error),
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

/// Where this machine's library is kept.
fn cached() -> Result<PathBuf, LibraryError> {
    Ok(cache()?.join(format!("onnxruntime-{VERSION}-cpu")).join(NAME))
}

/// Where libraries are kept.
fn cache() -> Result<PathBuf, LibraryError> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let cache = variable("XDG_CACHE_HOME").or_else(|| Some(variable("HOME")?.join(".cache")));
    Ok(cache.ok_or(LibraryError::NoCache)?.join("amaas"))
}

/// Python with these arguments. Its output goes to standard error: standard output belongs to the program's own answer.
fn pip(arguments: &[&str]) -> Python {
    let mut command = Command::new("python3");
    command.args(arguments).stdin(Stdio::null()).stdout(io::stderr());
    Python(command)
}

struct Python(Command);

impl Python {
    fn args<'a>(mut self, arguments: impl IntoIterator<Item = &'a str>) -> Self {
        self.0.args(arguments);
        self
    }

    fn arg(mut self, argument: impl AsRef<std::ffi::OsStr>) -> Self {
        self.0.arg(argument);
        self
    }

    fn finish(mut self) -> Result<(), LibraryError> {
        match self.0.status() {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(LibraryError::Pip { cause: status.to_string() }),
            Err(error) => Err(LibraryError::Pip { cause: format!("python3: {error}") }),
        }
    }
}

const NAME: &str = "libonnxruntime.so";
