//! The sentiment model, published once for all tests: the folder of an object store that each test copies.

use std::path::Path;

use amaas_local::object_store::{BUCKET, ObjectStore};
use amaas_model::publish::{BlobProtection, Publisher, publish};
use amaas_model::task::{Rows, Tasks};
use amaas_sentiment::{Sentiment, bundle};
use amaas_serve::sealing::KeySet;
use amaas_store::Store;
use amaas_store::live;
use amaas_store::vault::{FileKey, Vault};
use amaas_wire::ApiKey;
use amaas_wire::dsse::SigningKey;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::library;

/// A folder for an object store, and a key for its model.
pub(crate) struct PublishedModel {
    folder: TempDir,
    pub(crate) key: ApiKey,
    pub(crate) publisher: Publisher,
}

impl PublishedModel {
    /// The sentiment model and a key, published through S3.
    pub(crate) async fn sentiment() -> &'static Self {
        static PUBLISHED: OnceCell<PublishedModel> = OnceCell::const_new();
        PUBLISHED.get_or_init(Self::publish).await
    }

    /// A copy of it in `folder`.
    pub(crate) fn copy(&self, folder: &Path) {
        copy(self.folder.path(), folder).expect("the folder can be copied");
    }

    async fn publish() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let server = ObjectStore::start(folder.path()).await.expect("an object store");
        let store = Store::open(&format!("s3://{BUCKET}"), &server.options()).await.expect("a store's name");
        let publication = bundle(live()).expect("the committed model is whole");
        let vault = Vault::File(FileKey::create(&folder.path().join(KMS_KEY)).expect("a new file"));
        let sentiment = "sentiment".parse().expect("a model's name");
        KeySet::create(&store, &sentiment, &vault).await.expect("the keys can be kept");
        let signer = SigningKey::generate().expect("the system gives randomness");
        let publisher = Publisher { signer, protection: BlobProtection::Sealed(vault) };
        publish(&store, publication, &Tasks::default().with::<Rows<Sentiment>>(), library().await, &publisher)
            .await
            .expect("the committed model can be published");
        let key = ApiKey::generate("test").expect("the system gives randomness");
        Self { folder, key, publisher }
    }
}

fn copy(from: &Path, to: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let entry = entry?;
        let to = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &to)?;
        } else {
            std::fs::copy(entry.path(), to)?;
        }
    }
    Ok(())
}

/// The file of the key that wraps keys, beside the bucket.
pub(crate) const KMS_KEY: &str = "kms.key";
