//! The data folder of `dev`: keys, ledger and models. Only this user may read it.

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::Path;

use amaas_env::EnvFileLookup;

use super::error::DevError;

/// Makes the folder, which only this user may read, and keeps a new one out of the Git repository around it: it will hold keys. An
/// existing folder has to be `named` by the user, or made by an earlier `dev` of this user: a repository may bring its own, with keys
/// that others know.
pub(super) fn prepare(data: &Path, named: bool, lookup: &EnvFileLookup) -> Result<(), DevError> {
    let failed = |error: std::io::Error| DevError::file(data, &error);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data).map_err(failed)?;
    let metadata = std::fs::metadata(data).map_err(failed)?;
    if metadata.mode() & 0o022 != 0 {
        return Err(DevError::usage(format!("{}: others can write this folder, which will hold keys", data.display()))
            .with_hint(format!("chmod go-w {}", data.display())));
    }
    let is_new = std::fs::read_dir(data).map_err(failed)?.next().is_none();
    if !is_new {
        trusted(data, named, lookup)?;
    }
    if is_new {
        // A folder with other files in it may be a repository of the user.
        std::fs::write(data.join(".gitignore"), "*\n").map_err(failed)?;
    }
    if !lookup.is_recorded(data) {
        // The error is reported when the file `env` is written.
        let _ = lookup.record_folder(data);
    }
    Ok(())
}

/// Refuses a folder that neither the user named nor an earlier `dev` of this user made.
pub(super) fn trusted(data: &Path, named: bool, lookup: &EnvFileLookup) -> Result<(), DevError> {
    if named || lookup.is_recorded(data) {
        return Ok(());
    }
    let data = data.display();
    Err(DevError::usage(format!("{data} is not of `amaas dev` of this user: it may have come with the repository"))
        .with_hint(format!("delete it, or `--data {data}` if you trust what is in it")))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_folder_of_another_user_is_refused() {
        let (root, state) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        let lookup = EnvFileLookup::in_folders(None, Some(state.path()));
        let data = root.path().join(".amaas");
        let refused = |named| prepare(&data, named, &lookup).err().map(|error| error.to_string());

        assert_eq!(refused(false), None);
        assert_eq!(std::fs::metadata(&data).expect("it is there").mode() & 0o777, 0o700);
        assert!(data.join(".gitignore").is_file());
        assert_eq!(refused(false), None, "it is of the first time");
        let strangers = EnvFileLookup::in_folders(None, Some(root.path()));
        let error = prepare(&data, false, &strangers).expect_err("it is not recorded there").to_string();
        assert!(error.contains("may have come with the repository"), "{error}");
        assert!(prepare(&data, true, &strangers).is_ok(), "it was named");
        std::fs::set_permissions(&data, PermissionsExt::from_mode(0o775)).expect("a mode");
        assert!(refused(true).is_some_and(|error| error.contains("others can write")));
    }
}
