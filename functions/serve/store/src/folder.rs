//! A local folder as an object store, for single hosts and tests.

use std::fmt;
use std::io::{self, SeekFrom};
use std::path::PathBuf;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::fs;
use tokio::io::{AsyncReadExt, AsyncSeekExt, AsyncWriteExt};
use tokio::sync::Mutex;

use crate::error::StoreError;
use crate::object::{MAX_DOCUMENT_BYTES, ObjectStat, StoredObject, WriteCondition};
use amaas_wire::Digest;

/// The folder; its objects are files. A conditional put is atomic within one process only.
#[derive(Clone, Debug)]
pub(super) struct FolderStore {
    root: PathBuf,
    writer: Arc<Mutex<()>>,
}

impl FolderStore {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, writer: Arc::default() }
    }

    pub(super) async fn read(&self, key: &str) -> Result<StoredObject, StoreError> {
        let read = async {
            let mut bytes = Vec::new();
            let file = fs::File::open(self.root.join(key)).await?;
            file.take(MAX_DOCUMENT_BYTES as u64 + 1).read_to_end(&mut bytes).await?;
            Ok(bytes)
        };
        let bytes = read.await.map_err(|error| self.error(key, &error))?;
        if bytes.len() > MAX_DOCUMENT_BYTES {
            let (store, key) = (self.to_string(), key.to_owned());
            return Err(StoreError::TooLarge { store, key, limit: MAX_DOCUMENT_BYTES });
        }
        Ok(StoredObject { tag: Digest::of(&bytes).to_string(), bytes: bytes.into() })
    }

    pub(super) async fn read_range(
        &self,
        key: &str,
        offset: u64,
        into: &mut BytesMut,
        mut landed: impl FnMut(&[u8]) + Send,
    ) -> Result<(), StoreError> {
        let read = async {
            let mut file = fs::File::open(self.root.join(key)).await?;
            file.set_max_buf_size(1 << 20);
            file.seek(SeekFrom::Start(offset)).await?;
            let mut filled = 0;
            while filled < into.len() {
                let got = file.read(&mut into[filled..]).await?;
                if got == 0 {
                    break;
                }
                landed(&into[filled..filled + got]);
                filled += got;
            }
            Ok(filled)
        };
        let filled = read.await.map_err(|error| self.error(key, &error))?;
        if filled < into.len() {
            return Err(StoreError::Truncated {
                store: self.to_string(),
                key: key.to_owned(),
                offset,
                expected: into.len() as u64,
                got: filled as u64,
            });
        }
        Ok(())
    }

    pub(super) async fn stat(&self, key: &str) -> Result<Option<ObjectStat>, StoreError> {
        match fs::metadata(self.root.join(key)).await.and_then(|metadata| stat(&metadata)) {
            Ok(stat) => Ok(Some(stat)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.error(key, &error)),
        }
    }

    pub(super) async fn delete(&self, key: &str) -> Result<(), StoreError> {
        match fs::remove_file(self.root.join(key)).await {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(self.error(key, &error)),
            _ => Ok(()),
        }
    }

    pub(super) async fn objects(&self, prefix: &str) -> Result<Vec<(String, ObjectStat)>, StoreError> {
        let read = async {
            let mut objects = Vec::new();
            let mut entries = match fs::read_dir(self.root.join(prefix)).await {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(objects),
                entries => entries?,
            };
            while let Some(entry) = entries.next_entry().await? {
                let metadata = entry.metadata().await?;
                if let Some(name) = entry.file_name().to_str().filter(|_| metadata.is_file()) {
                    objects.push((format!("{prefix}{name}"), stat(&metadata)?));
                }
            }
            objects.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
            Ok(objects)
        };
        read.await.map_err(|error: io::Error| self.error(prefix, &error))
    }

    pub(super) async fn write(&self, key: &str, bytes: Bytes, condition: WriteCondition) -> Result<(), StoreError> {
        let _one_writer = self.writer.lock().await;
        let holds = match (condition, self.read(key).await) {
            (WriteCondition::Any, _) => true,
            (WriteCondition::Absent, Err(error)) => error.is_not_found(),
            (WriteCondition::Unchanged(tag), Ok(object)) => object.tag == tag,
            (WriteCondition::Absent, Ok(_)) | (WriteCondition::Unchanged(_), Err(_)) => false,
        };
        if !holds {
            return Err(StoreError::Conflict { store: self.to_string(), key: key.to_owned() });
        }
        let path = self.root.join(key);
        let partial = path.with_extension(format!("partial-{}", std::process::id()));
        let put = async {
            if let Some(folder) = path.parent() {
                fs::create_dir_all(folder).await?;
            }
            let mut file = fs::File::create(&partial).await?;
            file.write_all(&bytes).await?;
            file.sync_all().await?;
            fs::rename(&partial, &path).await
        };
        put.await.map_err(|error| self.error(key, &error))
    }

    pub(super) async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let list = async {
            let mut names = Vec::new();
            let mut entries = match fs::read_dir(self.root.join(prefix)).await {
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(names),
                entries => entries?,
            };
            while let Some(entry) = entries.next_entry().await? {
                names.extend(entry.file_name().into_string().ok().filter(|name| !name.contains(".partial-")));
            }
            names.sort();
            Ok(names)
        };
        list.await.map_err(|error: io::Error| self.error(prefix, &error))
    }

    /// Whether the folder exists. It is checked only after an object was not found.
    fn is_there(&self) -> bool {
        self.root.is_dir()
    }

    fn error(&self, key: &str, error: &io::Error) -> StoreError {
        let (store, key, cause) = (self.to_string(), key.to_owned(), error.to_string());
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory if !self.is_there() => {
                StoreError::NoStore { store, key }
            }
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => StoreError::NotFound { store, key },
            io::ErrorKind::PermissionDenied => StoreError::Denied { store, key, cause },
            _ => StoreError::Unreachable { store, key, cause },
        }
    }
}

fn stat(metadata: &std::fs::Metadata) -> io::Result<ObjectStat> {
    Ok(ObjectStat { size: metadata.len(), modified: metadata.modified()? })
}

impl fmt::Display for FolderStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The last component only: clients see this text too, and the operator knows the rest of the path.
        write!(f, "folder {}", self.root.file_name().unwrap_or_default().display())
    }
}

#[cfg(test)]
mod tests {
    use crate::error::StoreError;
    use crate::object::{MAX_DOCUMENT_BYTES, WriteCondition};
    use crate::store::Store;

    #[tokio::test]
    async fn documents_are_bounded() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::folder(folder.path());
        for size in [MAX_DOCUMENT_BYTES, MAX_DOCUMENT_BYTES + 1] {
            let file = std::fs::File::create(folder.path().join("a")).expect("made");
            file.set_len(size as u64).expect("a sparse file");
            match store.read("a").await {
                Ok(object) => assert_eq!((object.bytes.len(), size), (MAX_DOCUMENT_BYTES, MAX_DOCUMENT_BYTES)),
                Err(error) => assert!(matches!(error, StoreError::TooLarge { .. }) && size > MAX_DOCUMENT_BYTES),
            }
        }
    }

    #[tokio::test]
    async fn a_folder_that_is_not_there_is_told_from_an_empty_one() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(folder.path().join("file"), "").expect("written");
        for (path, expected) in [
            ("", "has no object models/m"),
            ("nowhere", "there is no folder nowhere, so it has no object models/m"),
            ("file", "there is no folder file, so it has no object models/m"),
        ] {
            let error = Store::folder(folder.path().join(path)).read("models/m").await.expect_err("there is none");
            assert!(error.to_string().contains(expected) && error.is_not_found(), "{error}");
        }
        let new = Store::folder(folder.path().join("new"));
        new.write("a", "1".into(), WriteCondition::Absent).await.expect("the folder is made");
    }

    #[tokio::test]
    async fn conditions_hold() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::folder(folder.path());
        store.write("a/b", "1".into(), WriteCondition::Absent).await.expect("there is none yet");
        assert!(store.write("a/b", "2".into(), WriteCondition::Absent).await.is_err());
        let object = store.read("a/b").await.expect("just written");
        store.write("a/b", "2".into(), WriteCondition::Unchanged(object.tag.clone())).await.expect("unchanged");
        assert!(store.write("a/b", "3".into(), WriteCondition::Unchanged(object.tag)).await.is_err());
        assert_eq!(store.read("a/b").await.expect("just written").bytes, "2");
        assert_eq!(store.list("a/").await.expect("listed"), ["b"]);
        assert_eq!(store.size("a/c").await.expect("asked"), None);
    }

    #[tokio::test]
    async fn objects_are_listed_with_their_age_and_deleted() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::folder(folder.path());
        assert_eq!(store.objects("a/").await.expect("there is no such folder"), []);
        for (key, text) in [("a/b", "1"), ("a/c", "23"), ("a/deep/d", "4")] {
            store.write(key, text.into(), WriteCondition::Any).await.expect("written");
        }
        // The partial file of a killed writer.
        std::fs::write(folder.path().join("a/e.partial-1"), "567").expect("written");
        let listed = store.objects("a/").await.expect("listed");
        let sizes: Vec<_> = listed.iter().map(|(key, stat)| (key.as_str(), stat.size)).collect();
        assert_eq!(sizes, [("a/b", 1), ("a/c", 2), ("a/e.partial-1", 3)]);
        for (_, stat) in &listed {
            assert!(stat.modified.elapsed().expect("in the past").as_secs() < 60);
        }
        for (key, _) in listed {
            store.delete(&key).await.expect("deleted");
            store.delete(&key).await.expect("there is none, which is what was asked for");
        }
        assert_eq!(store.list("a/").await.expect("listed"), ["deep"]);
        let error = store.delete("a/deep").await.expect_err("no object");
        assert!(!error.is_not_found(), "{error}");
    }
}
