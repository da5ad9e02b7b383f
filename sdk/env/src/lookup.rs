//! Finds env files, and decides whether one is used.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use amaas_wire::Digest;

use crate::error::EnvError;
use crate::owned_file::{self, SymlinkPolicy};
use crate::record::{EnvFileRecord, RecordStore};
use crate::variables::EnvVariables;

/// Finds env files by the rules of the [crate](crate).
///
/// ```no_run
/// use amaas_env::EnvFileLookup;
///
/// if let Some(found) = EnvFileLookup::from_env().find(None, &std::env::current_dir()?)? {
///     println!("{}: {:?}", found.path.display(), found.variables.get("AMAAS_ENDPOINT"));
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct EnvFileLookup {
    home: Option<PathBuf>,
    records: Option<RecordStore>,
}

/// An env file that is used.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FoundEnvFile {
    /// The absolute path.
    pub path: PathBuf,
    /// Its variables.
    pub variables: EnvVariables,
}

impl EnvFileLookup {
    /// With the home folder and the state folder of the environment: `HOME`, and `XDG_STATE_HOME` or `~/.local/state`.
    pub fn from_env() -> Self {
        let folder = |name| std::env::var_os(name).map(PathBuf::from).filter(|folder| folder.is_absolute());
        let home = folder("HOME");
        let state = folder("XDG_STATE_HOME").or_else(|| Some(home.as_ref()?.join(".local/state")));
        Self::in_folders(home, state.as_deref())
    }

    /// With these folders in place of the environment's.
    pub fn in_folders(home: Option<PathBuf>, state: Option<&Path>) -> Self {
        let home = home.map(|home| home.canonicalize().unwrap_or(home));
        Self { home, records: state.map(RecordStore::in_state_folder) }
    }

    /// The file that is used in the folder `start`: the one in `data`, the value of `AMAAS_DATA`, if it is set, else the one in the
    /// nearest folder `.amaas`. `None` if there is none.
    ///
    /// # Errors
    /// [`EnvError`] for a file that must not be used, or cannot be read or parsed. It has the remedy.
    pub fn find(&self, data: Option<&Path>, start: &Path) -> Result<Option<FoundEnvFile>, EnvError> {
        match data {
            Some(data) if data.is_absolute() => self.named(data),
            Some(data) => match start.join(data).canonicalize() {
                Ok(folder) => self.recorded(&folder),
                Err(_) => Ok(None),
            },
            None => {
                let start = start.canonicalize().unwrap_or_else(|_| start.to_owned());
                for folder in self.within_bounds(&start) {
                    if let Some(found) = self.recorded(&folder.join(DATA_FOLDER))? {
                        return Ok(Some(found));
                    }
                }
                Ok(None)
            }
        }
    }

    /// The file in a `folder` that the user named, as with `amaas --data`; it needs no record. `None` if there is none.
    ///
    /// # Errors
    /// As [`find`](Self::find).
    #[allow(clippy::unused_self)] // files are read through a lookup only
    pub fn named(&self, folder: &Path) -> Result<Option<FoundEnvFile>, EnvError> {
        let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
        let path = folder.join(FILE_NAME);
        let Some(text) = owned_file::read(&folder, OsStr::new(FILE_NAME), SymlinkPolicy::Followed)? else {
            return Ok(None);
        };
        Ok(Some(FoundEnvFile { variables: EnvVariables::parse_at(&path, &text)?, path }))
    }

    /// Records that `amaas dev` keeps its data in `folder`. [`record_content`](Self::record_content) records the content of the env
    /// file.
    ///
    /// # Errors
    /// [`EnvError`] if the record cannot be written.
    pub fn record_folder(&self, folder: &Path) -> Result<(), EnvError> {
        self.put(folder, EnvFileRecord { digest: None })
    }

    /// Records that `amaas dev` wrote `text` into the env file in `folder`.
    ///
    /// # Errors
    /// As [`record_folder`](Self::record_folder).
    pub fn record_content(&self, folder: &Path, text: &str) -> Result<(), EnvError> {
        self.put(folder, EnvFileRecord { digest: Some(Digest::of(text.as_bytes())) })
    }

    /// Whether `amaas dev` of this user created the folder.
    pub fn is_recorded(&self, folder: &Path) -> bool {
        let path = folder.canonicalize().map(|folder| folder.join(FILE_NAME));
        path.is_ok_and(|path| self.record(&path).is_some())
    }

    /// The file in a folder that the user did not name.
    fn recorded(&self, folder: &Path) -> Result<Option<FoundEnvFile>, EnvError> {
        let path = folder.join(FILE_NAME);
        let Some(text) = owned_file::read(folder, OsStr::new(FILE_NAME), SymlinkPolicy::Refused)? else {
            return Ok(None);
        };
        if self.record(&path) != Some(EnvFileRecord { digest: Some(Digest::of(text.as_bytes())) }) {
            return Err(owned_file::refused(&path, &unrecorded(folder)));
        }
        Ok(Some(FoundEnvFile { variables: EnvVariables::parse_at(&path, &text)?, path }))
    }

    fn record(&self, path: &Path) -> Option<EnvFileRecord> {
        self.records.as_ref()?.of(path)
    }

    fn put(&self, folder: &Path, record: EnvFileRecord) -> Result<(), EnvError> {
        let none = || EnvError::new("there is no state folder: neither HOME nor XDG_STATE_HOME is an absolute path");
        let records = self.records.as_ref().ok_or_else(none)?;
        let folder = folder.canonicalize();
        let failed = |source| EnvError::new("the data folder cannot be read").with_source(source);
        records.put(&folder.map_err(failed)?.join(FILE_NAME), record)
    }

    /// `start` and its parents up to the root of the repository or the home folder; only `start` outside both.
    fn within_bounds<'a>(&self, start: &'a Path) -> impl Iterator<Item = &'a Path> {
        let ends =
            |folder: &&Path| self.home.as_deref() == Some(*folder) || folder.join(".git").symlink_metadata().is_ok();
        let end = start.ancestors().position(|folder| ends(&folder)).unwrap_or(0);
        start.ancestors().take(end + 1)
    }
}

/// Why a file without a record is not used, and the remedy.
fn unrecorded(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        "`amaas dev` of this user did not write it as it is, so it may have come with the repository; if you trust it, name its \
         folder: AMAAS_DATA={folder}, or `amaas --data {folder}`; else delete it, and run `amaas dev`"
    )
}

const DATA_FOLDER: &str = ".amaas";
const FILE_NAME: &str = "env";

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "A=b\n";

    /// A home folder with a repository and another folder in it, and a folder beside it.
    struct Tree {
        root: tempfile::TempDir,
        lookup: EnvFileLookup,
    }

    impl Tree {
        fn new() -> Self {
            let root = tempfile::tempdir().expect("a folder");
            for folder in ["home/repo/.git", "home/repo/a/b", "home/plain/a", "beside/a"] {
                std::fs::create_dir_all(root.path().join(folder)).expect("a folder");
            }
            let lookup = EnvFileLookup::in_folders(Some(root.path().join("home")), Some(&root.path().join("state")));
            Self { root, lookup }
        }

        fn at(&self, path: &str) -> PathBuf {
            self.root.path().canonicalize().expect("it is there").join(path)
        }

        /// An env file in the folder `data`, as `amaas dev` writes it.
        fn write(&self, data: &str, text: &str) {
            std::fs::create_dir_all(self.at(data)).expect("a folder");
            std::fs::write(self.at(data).join("env"), text).expect("a file");
        }

        fn find(&self, data: Option<&str>, start: &str) -> Result<Option<String>, String> {
            let found = self.lookup.find(data.map(Path::new), &self.at(start)).map_err(|error| error.to_string())?;
            Ok(found.map(|found| found.path.strip_prefix(self.at("")).expect("in it").display().to_string()))
        }
    }

    #[test]
    fn the_way_up_ends_at_the_repository_or_at_home() {
        for (data, start, found) in [
            ("home/repo/a/b/.amaas", "home/repo/a/b", true),
            ("home/repo/a/.amaas", "home/repo/a/b", true),
            ("home/repo/.amaas", "home/repo/a/b", true),
            ("home/.amaas", "home/repo/a/b", false),
            ("home/.amaas", "home/repo", false),
            ("home/.amaas", "home/plain/a", true),
            ("home/.amaas", "home", true),
            (".amaas", "home", false),
            (".amaas", "home/plain/a", false),
            ("beside/.amaas", "beside", true),
            ("beside/.amaas", "beside/a", false),
            (".amaas", "beside", false),
        ] {
            let tree = Tree::new();
            tree.write(data, TEXT);
            tree.lookup.record_content(&tree.at(data), TEXT).expect("recorded");
            let expected = found.then(|| format!("{data}/env"));
            assert_eq!(tree.find(None, start), Ok(expected), "{data} from {start}");
        }
        // A worktree or submodule has a file `.git`, and of two files the nearer is used.
        let tree = Tree::new();
        std::fs::write(tree.at("home/repo/a/.git"), "gitdir: x").expect("a file");
        for data in ["home/repo/.amaas", "home/repo/a/.amaas"] {
            assert_eq!(tree.find(None, "home/repo/a/b"), Ok(None));
            tree.write(data, TEXT);
            tree.lookup.record_content(&tree.at(data), TEXT).expect("recorded");
        }
        assert_eq!(tree.find(None, "home/repo/a/b"), Ok(Some("home/repo/a/.amaas/env".to_owned())));
    }

    #[test]
    fn a_file_that_came_with_a_clone_is_refused_until_it_is_named() {
        let tree = Tree::new();
        tree.write("home/repo/.amaas", TEXT);
        let data = tree.at("home/repo/.amaas");
        let refused = |of: Option<&str>| {
            let error = tree.find(of, "home/repo/a").expect_err("it is not ours");
            let name = format!("AMAAS_DATA={}, or `amaas --data", data.display());
            assert!(
                error.starts_with(&format!("{} is not used: `amaas dev` of", data.join("env").display())),
                "{error}"
            );
            assert!(error.contains(&name), "{error}");
        };
        refused(None);
        // A relative path means another file in each folder.
        refused(Some("../.amaas"));
        let found = Ok(Some("home/repo/.amaas/env".to_owned()));
        assert_eq!(tree.find(data.to_str(), "home/repo/a"), found);

        tree.lookup.record_folder(&data).expect("recorded");
        assert!(tree.lookup.is_recorded(&data) && !tree.lookup.is_recorded(&tree.at("home")));
        refused(None);
        tree.lookup.record_content(&data, TEXT).expect("recorded");
        assert_eq!(tree.find(None, "home/repo/a"), found);
        assert_eq!(tree.find(Some("../.amaas"), "home/repo/a"), found);
        // A `git checkout` writes over a file that is ignored.
        tree.write("home/repo/.amaas", "A=c\n");
        refused(None);
        // Without a state folder there are no records.
        let nowhere = EnvFileLookup::in_folders(None, None);
        assert!(nowhere.find(None, &tree.at("home/repo")).is_err());
        assert!(nowhere.record_content(&data, TEXT).is_err());
    }

    #[test]
    fn a_bad_file_is_an_error_and_not_skipped() {
        let tree = Tree::new();
        for data in ["home/repo/.amaas", "home/repo/a/.amaas"] {
            tree.write(data, TEXT);
            tree.lookup.record_content(&tree.at(data), TEXT).expect("recorded");
        }
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let mode = PermissionsExt::from_mode(0o777);
            std::fs::set_permissions(tree.at("home/repo/a/.amaas"), mode).expect("a mode");
            let error = tree.find(None, "home/repo/a/b").expect_err("others can write it");
            assert!(error.contains("others can write it") && error.contains("chmod go-w"), "{error}");
            // Nor is one that is named.
            let data = tree.at("home/repo/a/.amaas");
            assert!(tree.find(data.to_str(), "home").expect_err("as before").contains("others can write it"));
            std::fs::remove_dir_all(&data).expect("removed");
            std::os::unix::fs::symlink(tree.at("home/repo/.amaas"), &data).expect("a link");
            let error = tree.find(None, "home/repo/a/b").expect_err("a link");
            assert!(error.contains("it is a symbolic link"), "{error}");
        }
    }
}
