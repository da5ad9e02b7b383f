//! Reads files that only this user can write.
//!
//! Owner and mode are checked on the open descriptors, so that an attacker cannot swap the file after the check.

use std::ffi::OsStr;
use std::path::Path;

use zeroize::Zeroizing;

use crate::error::EnvError;

/// Whether the folder may be a symbolic link. The file itself must not be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SymlinkPolicy {
    Followed,
    Refused,
}

/// The text of the file `name` in `folder`; `None` if there is none.
///
/// # Errors
/// [`EnvError`] names what others can write, or why the file cannot be read.
#[cfg(unix)]
pub(crate) fn read(folder: &Path, name: &OsStr, links: SymlinkPolicy) -> Result<Option<Zeroizing<String>>, EnvError> {
    use rustix::fs::{CWD, Mode, OFlags};

    let path = folder.join(name);
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let follow = if links == SymlinkPolicy::Refused { OFlags::NOFOLLOW } else { OFlags::empty() };
    let opened = rustix::fs::openat(CWD, folder, flags | OFlags::DIRECTORY | follow, Mode::empty());
    let Some(directory) = there(folder, opened)? else { return Ok(None) };
    // A FIFO would block until it is written to.
    let flags = flags | OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let opened = rustix::fs::openat(&directory, name, flags, Mode::empty());
    let Some(file) = there(&path, opened)? else { return Ok(None) };

    own(folder, &std::fs::File::from(directory))?;
    let file = std::fs::File::from(file);
    own(&path, &file)?;
    text(&path, file).map(Some)
}

/// The result of opening `path`; `None` if there is nothing.
#[cfg(unix)]
fn there<T>(path: &Path, opened: rustix::io::Result<T>) -> Result<Option<T>, EnvError> {
    use rustix::io::Errno;

    match opened {
        Ok(opened) => Ok(Some(opened)),
        // Systems differ in the error for a folder that is a link.
        Err(Errno::LOOP | Errno::NOTDIR) if path.is_symlink() => Err(refused(
            path,
            "it is a symbolic link; name the folder that it leads to, with AMAAS_DATA or `amaas --data`",
        )),
        Err(Errno::NOENT | Errno::NOTDIR) => Ok(None),
        Err(error) => Err(EnvError::new(format!("{} cannot be read", path.display())).with_source(error)),
    }
}

/// Checks that only this user and root can write the open file.
#[cfg(unix)]
fn own(path: &Path, file: &std::fs::File) -> Result<(), EnvError> {
    use std::os::unix::fs::MetadataExt;

    let failed = |source| EnvError::new(format!("{} cannot be read", path.display())).with_source(source);
    let metadata = file.metadata().map_err(failed)?;
    judge(path, metadata.uid(), metadata.mode(), rustix::process::geteuid().as_raw())
}

/// Checks the owner and the mode of `path` for the user `me`.
#[cfg(unix)]
fn judge(path: &Path, owner: u32, mode: u32, me: u32) -> Result<(), EnvError> {
    if owner != me && owner != 0 {
        return Err(refused(
            path,
            &format!(
                "it belongs to user {owner}, and this process runs as user {me}; copy it, or set AMAAS_ENDPOINT and \
                 AMAAS_API_KEY in the environment"
            ),
        ));
    }
    if mode & 0o022 != 0 {
        let why =
            format!("others can write it (mode {:03o}); `chmod go-w {}` mends that", mode & 0o777, path.display());
        return Err(refused(path, &why));
    }
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn read(folder: &Path, name: &OsStr, _: SymlinkPolicy) -> Result<Option<Zeroizing<String>>, EnvError> {
    let path = folder.join(name);
    match std::fs::File::open(&path) {
        Ok(file) => text(&path, file).map(Some),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(EnvError::new(format!("{} cannot be read", path.display())).with_source(error)),
    }
}

fn text(path: &Path, file: std::fs::File) -> Result<Zeroizing<String>, EnvError> {
    use std::io::Read;

    let failed = |source| EnvError::new(format!("{} cannot be read", path.display())).with_source(source);
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(refused(path, "it is not a regular file"));
    }
    let mut text = Zeroizing::new(String::new());
    file.take(MAX_FILE_LEN + 1).read_to_string(&mut text).map_err(failed)?;
    if text.len() as u64 > MAX_FILE_LEN {
        return Err(refused(path, &format!("it has more than {MAX_FILE_LEN} bytes")));
    }
    Ok(text)
}

/// The error for a file that is not used.
pub(crate) fn refused(path: &Path, why: &str) -> EnvError {
    EnvError::new(format!("{} is not used: {why}", path.display()))
}

/// The largest file, in bytes: about a hundred times what `amaas dev` writes.
const MAX_FILE_LEN: u64 = 128 * 1024;

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn only_this_user_and_root_may_be_able_to_write() {
        for (owner, mode, me, expected) in [
            (1000, 0o100_600, 1000, None),
            (1000, 0o100_644, 1000, None),
            (0, 0o100_644, 1000, None),
            (0, 0o040_755, 0, None),
            (1000, 0o040_700, 1000, None),
            (1000, 0o100_660, 1000, Some("others can write it (mode 660); `chmod go-w /f`")),
            (1000, 0o100_602, 1000, Some("others can write it (mode 602)")),
            (1000, 0o040_777, 1000, Some("others can write it (mode 777)")),
            (0, 0o100_666, 1000, Some("others can write it")),
            (65_534, 0o100_600, 1000, Some("it belongs to user 65534, and this process runs as user 1000")),
            // The case of CVE-2022-24765, and root is not spared from it.
            (1000, 0o100_600, 0, Some("it belongs to user 1000, and this process runs as user 0")),
        ] {
            let judged = judge(Path::new("/f"), owner, mode, me).map_err(|error| error.to_string());
            match (judged, expected) {
                (Ok(()), None) => {}
                (Err(error), Some(part)) => {
                    assert!(error.starts_with("/f is not used: ") && error.contains(part), "{error}");
                }
                (judged, expected) => panic!("{owner} {mode:o} {me}: {judged:?}, expected {expected:?}"),
            }
        }
    }

    #[test]
    fn what_is_no_plain_file_of_ones_own_is_refused_or_not_there() {
        let folder = tempfile::tempdir().expect("a folder");
        let at = |name: &str| folder.path().join(name);
        let read = |data: &str, links| read(&at(data), OsStr::new("env"), links);
        for name in ["good", "open", "file-open", "linked", "fifo", "folder/env", "large", "latin", "empty"] {
            std::fs::create_dir_all(at(name)).expect("a folder");
        }
        for name in ["good", "open", "file-open", "elsewhere"] {
            let file = if name == "elsewhere" { at(name) } else { at(name).join("env") };
            std::fs::write(file, "A=b").expect("a file");
        }
        let mode = |name: &str, mode| std::fs::set_permissions(at(name), PermissionsExt::from_mode(mode));
        mode("open", 0o777).expect("a mode");
        mode("file-open/env", 0o666).expect("a mode");
        symlink(at("elsewhere"), at("linked/env")).expect("a link");
        symlink(at("good"), at("to-good")).expect("a link");
        std::fs::write(at("plain"), "").expect("a file");
        assert!(std::process::Command::new("mkfifo").arg(at("fifo/env")).status().expect("run").success());
        std::fs::write(at("large/env"), "#".repeat(128 * 1024 + 1)).expect("a file");
        std::fs::write(at("latin/env"), b"A=\xe4").expect("a file");

        let (followed, refused) = (SymlinkPolicy::Followed, SymlinkPolicy::Refused);
        for (data, links, expected) in [
            ("good", refused, Ok(Some("A=b"))),
            ("to-good", followed, Ok(Some("A=b"))),
            ("empty", refused, Ok(None)),
            ("absent", refused, Ok(None)),
            ("plain", refused, Ok(None)),
            ("to-good", refused, Err("to-good is not used: it is a symbolic link")),
            ("linked", followed, Err("linked/env is not used: it is a symbolic link")),
            ("open", followed, Err("open is not used: others can write it")),
            ("file-open", followed, Err("file-open/env is not used: others can write it")),
            ("fifo", followed, Err("fifo/env is not used: it is not a regular file")),
            ("folder", followed, Err("folder/env is not used: it is not a regular file")),
            ("large", followed, Err("large/env is not used: it has more than 131072 bytes")),
            ("latin", followed, Err("latin/env cannot be read")),
        ] {
            let text = read(data, links).map_err(|error| error.to_string());
            match (&text, expected) {
                (Ok(text), Ok(expected)) => assert_eq!(text.as_ref().map(|text| text.as_str()), expected, "{data}"),
                (Err(error), Err(part)) => assert!(error.contains(part), "{data}: {error}"),
                _ => panic!("{data}: {text:?}, expected {expected:?}"),
            }
        }
    }
}
