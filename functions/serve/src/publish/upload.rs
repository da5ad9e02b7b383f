//! Blobs, then the manifest, then the alias: whoever reads at any moment sees a whole version.

use std::collections::BTreeMap;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::check::Checked;
use super::{Publication, PublishError, Published};
use crate::digest::Digest;
use crate::manifest::{Blob, FORMAT, Golden, GoldenBlob, Manifest};
use crate::store::{Alias, Condition, ModelName, Store, StoreError, Version, alias_key, blob_key, manifest_key};

pub(super) async fn upload(store: &Store, checked: Checked) -> Result<Published, PublishError> {
    let Checked { publication, inputs, outputs, batching, batching_because, warning } = checked;
    let mut files = vec![publication.network.clone()];
    files.extend(publication.assets.values().cloned());
    let golden = publication.golden.as_ref().map(self_check);
    files.extend(golden.clone());
    let (network, golden) =
        (Blob::of(&publication.network), golden.map(|golden| GoldenBlob { blob: Blob::of(&golden) }));
    let assets = publication.assets.iter().map(|(name, bytes)| (name.clone(), Blob::of(bytes))).collect();
    let draft = Manifest {
        format: FORMAT.to_owned(),
        model: publication.model,
        // Takes its place only where nobody chose one and none is there yet.
        version: publication.version.clone().unwrap_or_else(first_version),
        task: publication.task,
        network,
        assets,
        inputs,
        outputs,
        batching,
        golden,
    };
    upload_blobs(store, files).await?;
    let (manifest, is_new) = match &publication.version {
        Some(_) => write_version(store, draft).await?,
        None => write_next_version(store, draft).await?,
    };
    move_alias(store, &manifest.model, &publication.alias, &manifest.version).await?;
    Ok(Published { manifest, is_new, batching_because, warning })
}

pub(super) async fn is_published(store: &Store, publication: &Publication) -> Result<bool, PublishError> {
    let network = Digest::of(&publication.network);
    let assets: BTreeMap<_, _> = publication.assets.iter().map(|(name, bytes)| (name, Digest::of(bytes))).collect();
    for name in store.list(&format!("models/{}/", publication.model)).await? {
        let Ok(version) = name.parse() else { continue };
        let Some(there) = read(store, &manifest_key(&publication.model, &version)).await? else { continue };
        if there.network.digest == network
            && there.task == publication.task
            && there
                .assets
                .iter()
                .map(|(name, blob)| (name, blob.digest))
                .eq(assets.iter().map(|(name, it)| (*name, *it)))
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The cases that a function runs when it loads the model: enough to see a wrong file or library, few enough to cost
/// nothing.
fn self_check(golden: &Golden) -> Bytes {
    let few = Golden { cases: golden.cases.iter().take(SELF_CHECK).cloned().collect(), ..golden.clone() };
    serde_json::to_vec(&few).unwrap_or_default().into()
}

async fn upload_blobs(store: &Store, files: Vec<Bytes>) -> Result<(), StoreError> {
    let upload = |file: Bytes| async move {
        let key = blob_key(&Digest::of(&file));
        // Equal blobs are stored once. One that was cut off does not count as there.
        if store.size(&key).await? == Some(file.len() as u64) {
            return Ok(());
        }
        store.write(&key, file, Condition::Any).await
    };
    stream::iter(files).map(upload).buffer_unordered(IN_FLIGHT).try_collect().await
}

async fn write_version(store: &Store, manifest: Manifest) -> Result<(Manifest, bool), PublishError> {
    let key = manifest_key(&manifest.model, &manifest.version);
    if let Some(there) = read(store, &key).await? {
        return if there == manifest { Ok((there, false)) } else { Err(taken(&manifest)) };
    }
    if write_new(store, &key, &manifest).await? { Ok((manifest, true)) } else { Err(taken(&manifest)) }
}

/// Writes the number after the highest, unless the highest is this very model.
async fn write_next_version(store: &Store, mut manifest: Manifest) -> Result<(Manifest, bool), PublishError> {
    for _ in 0..ATTEMPTS {
        let names = store.list(&format!("models/{}/", manifest.model)).await?;
        let newest = names.iter().filter_map(|name| name.parse::<u64>().ok()).max();
        if let Some(newest) = newest {
            manifest.version = numbered(newest);
            let there = read(store, &manifest_key(&manifest.model, &manifest.version)).await?;
            if there.as_ref() == Some(&manifest) {
                return Ok((manifest, false));
            }
            manifest.version = numbered(newest.saturating_add(1));
        }
        let key = manifest_key(&manifest.model, &manifest.version);
        if write_new(store, &key, &manifest).await? {
            return Ok((manifest, true));
        }
        // Somebody else took the number meanwhile.
    }
    Err(PublishError::Contended { model: manifest.model.to_string() })
}

/// Writes `manifest` under `key`, where there is nothing yet; whether it is there now.
async fn write_new(store: &Store, key: &str, manifest: &Manifest) -> Result<bool, StoreError> {
    match store.write(key, manifest.to_json().into(), Condition::Absent).await {
        Ok(()) => Ok(true),
        // It may be our own: S3's client puts again where no answer came, and the first put may have landed.
        Err(StoreError::Conflict { .. }) => Ok(read(store, key).await?.as_ref() == Some(manifest)),
        Err(error) => Err(error),
    }
}

fn first_version() -> Version {
    numbered(1)
}

fn numbered(number: u64) -> Version {
    number.to_string().parse().expect("a number has at most 20 characters, all of them digits")
}

pub(super) async fn point(
    store: &Store,
    model: &ModelName,
    alias: &Alias,
    version: &Version,
) -> Result<(), PublishError> {
    if read(store, &manifest_key(model, version)).await?.is_none() {
        return Err(PublishError::NoVersion { model: model.to_string(), version: version.to_string() });
    }
    move_alias(store, model, alias, version).await
}

async fn move_alias(store: &Store, model: &ModelName, alias: &Alias, version: &Version) -> Result<(), PublishError> {
    let key = alias_key(model, alias);
    for _ in 0..ATTEMPTS {
        let condition = match store.read(&key).await {
            Ok(object) if object.bytes == version.as_str() => return Ok(()),
            Ok(object) => Condition::Unchanged(object.tag),
            Err(error) if error.is_not_found() => Condition::Absent,
            Err(error) => return Err(error.into()),
        };
        match store.write(&key, version.to_string().into(), condition).await {
            Ok(()) => return Ok(()),
            Err(StoreError::Conflict { .. }) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(PublishError::Contended { model: model.to_string() })
}

/// The manifest under `key`; `None` where there is none that can be read.
async fn read(store: &Store, key: &str) -> Result<Option<Manifest>, StoreError> {
    match store.read(key).await {
        Ok(object) => Ok(Manifest::from_json(&object.bytes).ok()),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

fn taken(manifest: &Manifest) -> PublishError {
    PublishError::VersionTaken { model: manifest.model.to_string(), version: manifest.version.to_string() }
}

const SELF_CHECK: usize = 4;
const IN_FLIGHT: usize = 4;
const ATTEMPTS: u32 = 5;

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::sync::{Arc, Mutex};

    use axum::Router;
    use axum::extract::State;
    use http::{Method, Request, StatusCode};

    use super::*;
    use crate::manifest::Batching;
    use crate::store::{S3Endpoint, S3Options};

    #[tokio::test]
    async fn a_put_that_landed_without_an_answer_is_ours() {
        let store = forgetful_store().await;
        let named = manifest("7");
        assert_eq!(write_version(&store, named.clone()).await.expect("written"), (named.clone(), true));
        assert_eq!(write_version(&store, named.clone()).await.expect("there"), (named.clone(), false));
        let other = Manifest { task: Some("other".to_owned()), ..named };
        assert!(matches!(write_version(&store, other.clone()).await, Err(PublishError::VersionTaken { .. })));

        let other = Manifest { version: first_version(), ..other };
        assert_eq!(write_next_version(&store, other.clone()).await.expect("written"), (other, true));
    }

    #[tokio::test]
    async fn what_somebody_else_put_is_not_ours() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::folder(folder.path());
        assert!(write_new(&store, "m", &manifest("1")).await.expect("written"));
        assert!(!write_new(&store, "m", &manifest("2")).await.expect("read"));
    }

    fn manifest(version: &str) -> Manifest {
        Manifest {
            format: FORMAT.to_owned(),
            model: "m".parse().expect("a name"),
            version: version.parse().expect("a version"),
            task: None,
            network: Blob::of(b"network"),
            assets: BTreeMap::new(),
            inputs: Vec::new(),
            outputs: Vec::new(),
            batching: Batching::None,
            golden: None,
        }
    }

    /// A bucket that keeps what is put, but answers a first put with an error; what is listed is nothing.
    async fn forgetful_store() -> Store {
        type Objects = Arc<Mutex<HashMap<String, Bytes>>>;
        async fn answer(State(objects): State<Objects>, request: Request<axum::body::Body>) -> (StatusCode, Bytes) {
            let key = request.uri().path().to_owned();
            let (method, listed) =
                (request.method().clone(), request.uri().query().is_some_and(|it| it.contains("list")));
            let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.expect("a body");
            let mut objects = objects.lock().expect("not poisoned");
            match (method, objects.get(&key)) {
                (Method::GET, _) if listed => (StatusCode::OK, "<ListBucketResult></ListBucketResult>".into()),
                (Method::GET, Some(object)) => (StatusCode::OK, object.clone()),
                (Method::GET, None) => (StatusCode::NOT_FOUND, Bytes::new()),
                (_, Some(_)) => (StatusCode::PRECONDITION_FAILED, Bytes::new()),
                (_, None) => {
                    objects.insert(key, body);
                    (StatusCode::INTERNAL_SERVER_ERROR, Bytes::new())
                }
            }
        }
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let router = Router::new().fallback(answer).with_state(Objects::default());
        tokio::spawn(async move { axum::serve(listener, router).await });
        let (access_key_id, secret_access_key) = ("id".to_owned(), "secret".to_owned());
        let endpoint = Some(S3Endpoint { url, access_key_id, secret_access_key });
        Store::open("s3://bucket", &S3Options { endpoint }).await.expect("opened")
    }
}
