//! Uploads blobs, then the manifest, then the alias, so that a reader always sees a complete version.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::alias::{move_alias, refuse_near};
use super::check::CheckedPublication;
use super::in_progress::InProgress;
use super::seal::{PackedVersion, VersionFiles, is_same, pack, sized_blob};
use super::sharing::{BatchingPolicy, SharingDecision};
use super::{Publication, PublishError, PublishOutcome, Publisher};
use crate::at_rest::BlobRole;
use crate::manifest::{AuxiliaryNetwork, Blob, FORMAT, GoldenBlob, GoldenCases, Manifest};
use crate::time::now;
use amaas_engine::onnx::NetworkFiles;
use amaas_engine::{Batching, ROWS_PROOF};
use amaas_store::{Store, StoreError, Version, WriteCondition, blob_key, manifest_key, removed_key};
use amaas_wire::Digest;

pub(super) async fn upload(
    store: &Store,
    checked: CheckedPublication,
    publisher: &Publisher,
) -> Result<PublishOutcome, PublishError> {
    let CheckedPublication { publication, prepared, inputs, outputs, shared, networks, .. } = checked;
    let SharingDecision { batching, rows_proof, reason: batching_reason } = shared;
    refuse_near(store, &publication.model, &publication.alias).await?;
    let (mut files, chosen, alias) =
        (publication_files(&publication), publication.version.clone(), publication.alias.clone());
    files.extend(prepared.into_iter().map(|(network, bytes)| (BlobRole::Prepared { network }, bytes)));
    let draft = Manifest { networks, inputs, outputs, batching, rows_proof, ..draft(publication) };
    let (manifest, is_new) = write(store, draft, files, chosen, publisher).await?;
    let alias = move_alias(store, (&manifest.model, &alias), &manifest.version, &publisher.signer).await?;
    let (networks_reason, prepared_reason) = (checked.auxiliary_reasons, checked.prepared_reason);
    Ok(PublishOutcome {
        manifest,
        is_new,
        alias,
        batching_reason,
        networks_reason,
        prepared_reason,
        warnings: checked.warnings,
    })
}

pub(super) async fn is_published(
    store: &Store,
    publication: &Publication,
    publisher: &Publisher,
) -> Result<bool, PublishError> {
    let (files, draft) = (publication_files(publication), draft(publication.clone()));
    for name in store.list(&format!("models/{}/", publication.model)).await? {
        let Ok(version) = name.parse::<Version>() else { continue };
        let Some(there) = read_own_manifest(store, &manifest_key(&publication.model, &version), publisher).await?
        else {
            continue;
        };
        if !matches_policy(&there, publication.batching) {
            continue;
        }
        // Inputs, outputs and the proof follow from the network's file, so they are copied, not compared.
        let networks = draft.networks.clone().into_iter().map(|(name, draft)| match there.networks.get(&name) {
            Some(AuxiliaryNetwork { inputs, outputs, batching, rows_proof, .. }) => {
                let (inputs, outputs) = (inputs.clone(), outputs.clone());
                (name, AuxiliaryNetwork { inputs, outputs, batching: *batching, rows_proof: *rows_proof, ..draft })
            }
            None => (name, draft),
        });
        let draft = Manifest {
            inputs: there.inputs.clone(),
            outputs: there.outputs.clone(),
            batching: there.batching,
            rows_proof: there.rows_proof,
            networks: networks.collect(),
            ..draft.clone()
        };
        if is_same(&there, &draft, &files, &publisher.protection).await? && missing_blob(store, &there).await?.is_none()
        {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether the batching of the published manifest `there` is what `policy` would decide now. A version with another policy or
/// an older analysis is published anew.
fn matches_policy(there: &Manifest, policy: BatchingPolicy) -> bool {
    let named = there.networks.values().map(|network| (network.batching, network.rows_proof));
    std::iter::once((there.batching, there.rows_proof)).chain(named).all(|(batching, proof)| match policy {
        BatchingPolicy::Auto => match batching {
            Batching::Rows => proof == Some(ROWS_PROOF),
            Batching::SameTenant => false,
            Batching::None => true,
        },
        BatchingPolicy::Off => batching == Batching::None,
        BatchingPolicy::SameTenant => batching == Batching::SameTenant,
    })
}

/// The files of a publication to store.
fn publication_files(publication: &Publication) -> VersionFiles {
    let mut files = network_files(BlobRole::Network, None, &publication.network);
    files.extend(publication.assets.iter().map(|(name, bytes)| (BlobRole::Asset(name.clone()), bytes.clone())));
    for (name, network) in &publication.networks {
        files.extend(network_files(BlobRole::Auxiliary(name.clone()), Some(name), network));
    }
    files.extend(publication.golden.as_ref().map(|golden| (BlobRole::Golden, load_cases(golden))));
    files
}

/// The files of one network.
fn network_files(role: BlobRole, name: Option<&String>, network: &NetworkFiles) -> VersionFiles {
    let external = network.external.iter().map(|(file, bytes)| {
        // A view; sealing copies it in any case.
        (BlobRole::External { network: name.cloned(), file: file.clone() }, Bytes::from_owner(Arc::clone(bytes)))
    });
    std::iter::once((role, network.file.clone())).chain(external).collect()
}

/// The manifest of a publication, with only the sizes of its blobs.
fn draft(publication: Publication) -> Manifest {
    let golden = publication.golden.as_ref().map(|golden| GoldenBlob { blob: sized_blob(&load_cases(golden)) });
    Manifest {
        format: FORMAT.to_owned(),
        // The default, if the publisher chose no version and none exists yet.
        version: publication.version.unwrap_or_else(first_version),
        serial: now(),
        sealing: None,
        network: sized_blob(&publication.network.file),
        external: external(&publication.network),
        prepared: None,
        assets: publication.assets.iter().map(|(name, bytes)| (name.clone(), sized_blob(bytes))).collect(),
        networks: publication
            .networks
            .iter()
            .map(|(name, network)| (name.clone(), undescribed_network(network)))
            .collect(),
        model: publication.model,
        task: publication.task,
        inputs: Vec::new(),
        outputs: Vec::new(),
        metadata: metadata(&publication.network),
        batching: Batching::None,
        rows_proof: None,
        golden,
    }
}

/// An auxiliary network with only the sizes of its files.
pub(super) fn undescribed_network(network: &NetworkFiles) -> AuxiliaryNetwork {
    let (blob, external) = (sized_blob(&network.file), external(network));
    let (inputs, outputs, batching) = (Vec::new(), Vec::new(), Batching::None);
    let metadata = metadata(network);
    AuxiliaryNetwork { blob, external, prepared: None, inputs, outputs, metadata, batching, rows_proof: None }
}

/// The metadata of the ONNX file; empty if it cannot be read, because creating its session fails then.
fn metadata(network: &NetworkFiles) -> BTreeMap<String, String> {
    amaas_engine::onnx::metadata(network).unwrap_or_default()
}

fn external(network: &NetworkFiles) -> BTreeMap<String, Blob> {
    network.external.iter().map(|(file, bytes)| (file.clone(), sized_blob(bytes))).collect()
}

/// The golden cases that a function runs when it loads the model: enough to detect a wrong file or library, few enough to be
/// cheap.
fn load_cases(golden: &GoldenCases) -> Bytes {
    let few = GoldenCases { cases: golden.cases.iter().take(MAX_LOAD_CASES).cloned().collect(), ..golden.clone() };
    serde_json::to_vec(&few).unwrap_or_default().into()
}

async fn upload_blobs(store: &Store, files: Vec<Bytes>) -> Result<(), StoreError> {
    // Existing blobs are written again: one may be damaged, and an old one may be pruned before a manifest refers to it.
    let upload =
        |file: Bytes| async move { store.write(&blob_key(&Digest::of(&file)), file, WriteCondition::Any).await };
    stream::iter(files).map(upload).buffer_unordered(MAX_UPLOADS).try_collect().await
}

/// The first blob of `manifest` that is missing from `store` or has another size.
pub(super) async fn missing_blob(store: &Store, manifest: &Manifest) -> Result<Option<String>, StoreError> {
    for (_, blob) in manifest.blobs() {
        let key = blob_key(&blob.digest);
        if store.size(&key).await? != Some(blob.size) {
            return Ok(Some(key));
        }
    }
    Ok(None)
}

/// Writes the chosen version, or else the next number, unless the newest version is the same model and complete. Returns whether it is new.
///
/// Blobs are sealed for their version, so they are sealed again if another publisher takes the number first.
async fn write(
    store: &Store,
    mut draft: Manifest,
    files: VersionFiles,
    chosen: Option<Version>,
    publisher: &Publisher,
) -> Result<(Manifest, bool), PublishError> {
    for _ in 0..MAX_ATTEMPTS {
        let newest = match &chosen {
            Some(version) => Some(version.clone()),
            None => newest_number(store, &draft).await?.map(numbered_version),
        };
        if let Some(newest) = newest {
            let key = manifest_key(&draft.model, &newest);
            if let Some(there) = read_own_manifest(store, &key, publisher).await?
                && is_same(&there, &draft, &files, &publisher.protection).await?
            {
                match missing_blob(store, &there).await? {
                    None => return Ok((there, false)),
                    Some(blob) if chosen.is_some() => {
                        let (model, version) = (there.model.to_string(), there.version.to_string());
                        return Err(PublishError::VersionDamaged { model, version, blob });
                    }
                    Some(_) => {}
                }
            }
            if chosen.is_none() {
                let number = newest.as_str().parse::<u64>().unwrap_or_default();
                draft.version = numbered_version(number.saturating_add(1));
            } else if store.size(&key).await?.is_some() {
                return Err(version_taken(&draft));
            } else if store.size(&removed_key(&draft.model, &newest)).await?.is_some() {
                let (model, version) = (draft.model.to_string(), newest.to_string());
                return Err(PublishError::VersionRemoved { model, version });
            }
        }
        let PackedVersion { manifest, blobs } = pack(draft.clone(), files.clone(), &publisher.protection).await?;
        let key = manifest_key(&manifest.model, &manifest.version);
        let document = manifest.sign(&publisher.signer).into();
        let write = async {
            upload_blobs(store, blobs).await?;
            write_new(store, &key, document).await
        };
        if Box::pin(InProgress::record_while(store, write)).await? {
            return Ok((manifest, true));
        }
        if chosen.is_some() {
            return Err(version_taken(&draft));
        }
        // Another publisher took the number meanwhile.
    }
    Err(PublishError::Contended { model: draft.model.to_string() })
}

/// The highest version that is a number.
async fn newest_number(store: &Store, draft: &Manifest) -> Result<Option<u64>, StoreError> {
    let names = store.list(&format!("models/{}/", draft.model)).await?;
    Ok(names.iter().filter_map(|name| name.parse().ok()).max())
}

/// Writes `document` under `key` if that does not exist; returns whether the object is `document` now.
async fn write_new(store: &Store, key: &str, document: Bytes) -> Result<bool, StoreError> {
    match store.write(key, document.clone(), WriteCondition::Absent).await {
        Ok(()) => Ok(true),
        // The conflict may be with our own write: S3's client retries after a timeout, and the first put may have succeeded.
        Err(StoreError::Conflict { .. }) => Ok(store.read(key).await?.bytes == document),
        Err(error) => Err(error),
    }
}

fn first_version() -> Version {
    numbered_version(1)
}

fn numbered_version(number: u64) -> Version {
    number.to_string().parse().expect("a number has at most 20 characters, all of them digits")
}

/// The manifest under `key`; `None` if there is none that this publisher signed.
async fn read_own_manifest(store: &Store, key: &str, publisher: &Publisher) -> Result<Option<Manifest>, StoreError> {
    match store.read(key).await {
        Ok(object) => Ok(Manifest::verify(&object.bytes, &[publisher.signer.verifying_key()]).ok()),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) => Err(error),
    }
}

fn version_taken(manifest: &Manifest) -> PublishError {
    PublishError::VersionTaken { model: manifest.model.to_string(), version: manifest.version.to_string() }
}

const MAX_LOAD_CASES: usize = 4;
const MAX_UPLOADS: usize = 4;
const MAX_ATTEMPTS: u32 = 5;

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::path::Path;
    use std::sync::Mutex;

    use amaas_wire::dsse::SigningKey;
    use axum::Router;
    use axum::extract::State;
    use http::{Method, Request, StatusCode};

    use super::*;
    use crate::publish::{BlobProtection, RemovalTarget, remove};
    use amaas_store::vault::{FileKey, Vault};
    use amaas_store::{S3Endpoint, S3Options};

    #[tokio::test]
    async fn a_put_that_landed_without_an_answer_is_ours() {
        let store = forgetful_store().await;
        let (files, publisher) = (files(), publisher());
        let write = async |draft: Manifest, files: &VersionFiles, version: Option<&str>| {
            let version = version.map(|version| version.parse().expect("a version"));
            write(&store, draft, files.clone(), version, &publisher).await
        };
        let (named, is_new) = write(manifest("7"), &files, Some("7")).await.expect("written");
        assert!(is_new);
        assert_eq!(write(manifest("7"), &files, Some("7")).await.expect("there"), (named, false));
        let other = Manifest { task: Some("other".to_owned()), ..manifest("7") };
        assert!(matches!(write(other, &files, Some("7")).await, Err(PublishError::VersionTaken { .. })));
        let altered = vec![(BlobRole::Network, Bytes::from_static(b"NETWORK"))];
        assert!(matches!(write(manifest("7"), &altered, Some("7")).await, Err(PublishError::VersionTaken { .. })));
        assert!(write(manifest("1"), &files, None).await.expect("written").1);
    }

    #[tokio::test]
    async fn versions_follow_one_another() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::folder(folder.path().join("store"));
        let vault = Vault::File(FileKey::create(&folder.path().join("kms.key")).expect("made"));
        let unsealed = publisher();
        let sealed = Publisher { protection: BlobProtection::Sealed(vault), ..publisher() };
        let mut seen = Vec::new();
        for publisher in [&sealed, &sealed, &unsealed, &unsealed, &sealed] {
            let (manifest, is_new) = write(&store, manifest("1"), files(), None, publisher).await.expect("written");
            seen.push((manifest.version.to_string(), is_new));
            let blob = std::fs::read(folder.path().join("store").join(blob_key(&manifest.network.digest)));
            assert_eq!(blob.expect("stored") == b"network", manifest.sealing.is_none());
        }
        let expected = [("1", true), ("1", false), ("2", true), ("2", false), ("3", true)];
        assert_eq!(seen, expected.map(|(version, is_new)| (version.to_owned(), is_new)));
    }

    #[tokio::test]
    async fn the_name_of_a_removed_version_is_never_used_again() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (store, publisher) = (Store::folder(folder.path()), publisher());
        let write = async |version: Option<&str>| {
            let chosen = version.map(|version| version.parse().expect("a version"));
            write(&store, manifest("1"), files(), chosen, &publisher).await.map(|(manifest, _)| manifest)
        };
        let first = write(None).await.expect("written");
        remove(&store, &first.model, &RemovalTarget::Model, false).await.expect("removed");
        assert_eq!(write(None).await.expect("written").version.as_str(), "2");
        let error = write(Some("1")).await.expect_err("it was removed");
        assert!(error.to_string().starts_with("version 1 of model m was removed"), "{error}");
    }

    #[tokio::test]
    async fn a_version_whose_blob_is_gone_or_cut_off_is_published_anew() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let (store, publisher) = (Store::folder(folder.path().join("store")), publisher());
        let vault = Vault::File(FileKey::create(&folder.path().join("kms.key")).expect("made"));
        let sealed = Publisher { protection: BlobProtection::Sealed(vault), signer: publisher.signer.clone() };
        for publisher in [&publisher, &sealed] {
            let write = async |version: Option<&str>| {
                let chosen = version.map(|version| version.parse().expect("a version"));
                write(&store, manifest("1"), files(), chosen, publisher).await
            };
            for damage in [|path: &Path| std::fs::remove_file(path), |path: &Path| std::fs::write(path, "cut")] {
                let (first, _) = write(None).await.expect("written");
                let blob = folder.path().join("store").join(blob_key(&first.network.digest));
                damage(&blob).expect("damaged");
                let error = write(Some(first.version.as_str())).await.expect_err("it is damaged");
                assert!(error.to_string().contains("is damaged: blobs/sha256/"), "{error}");
                let (second, is_new) = write(None).await.expect("written");
                assert!(is_new && second.version != first.version, "{second:?}");
                assert!(missing_blob(&store, &second).await.expect("asked").is_none());
            }
        }
        assert_eq!(store.list("uploads/").await.expect("listed"), Vec::<String>::new());
    }

    #[tokio::test]
    async fn what_was_published_before_there_was_a_proof_is_published_again() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::folder(folder.path());
        let mut seen = Vec::new();
        for rows_proof in [None, None, Some(ROWS_PROOF), Some(ROWS_PROOF)] {
            let draft = Manifest { batching: Batching::Rows, rows_proof, ..manifest("1") };
            let (manifest, is_new) = write(&store, draft, files(), None, &publisher()).await.expect("written");
            seen.push((manifest.version.to_string(), is_new));
        }
        let expected = [("1", true), ("1", false), ("2", true), ("2", false)];
        assert_eq!(seen, expected.map(|(version, is_new)| (version.to_owned(), is_new)));
    }

    #[test]
    fn what_is_there_is_looked_at_anew_where_another_policy_or_analysis_would_have_decided() {
        use Batching::{None as SoloSequence, Rows, SameTenant};
        use BatchingPolicy::{Auto, Off};
        let now = Some(ROWS_PROOF);
        for (policy, batching, rows_proof, expected) in [
            (Auto, Rows, now, true),
            (Auto, Rows, None, false),
            (Auto, Rows, Some(0), false),
            (Auto, SoloSequence, None, true),
            (Auto, SameTenant, None, false),
            (Off, SoloSequence, None, true),
            (Off, Rows, now, false),
            (BatchingPolicy::SameTenant, SameTenant, None, true),
            (BatchingPolicy::SameTenant, Rows, now, false),
        ] {
            let own = Manifest { batching, rows_proof, ..manifest("1") };
            assert_eq!(matches_policy(&own, policy), expected, "{policy:?} {batching:?} {rows_proof:?}");
            // The same for an auxiliary network.
            let named = AuxiliaryNetwork { batching, rows_proof, ..undescribed_network(&NetworkFiles::default()) };
            let networks = [("text".to_owned(), named)].into();
            let good = match policy {
                Auto => (Rows, now),
                Off => (SoloSequence, None),
                BatchingPolicy::SameTenant => (SameTenant, None),
            };
            let beside = Manifest { networks, batching: good.0, rows_proof: good.1, ..manifest("1") };
            assert_eq!(matches_policy(&beside, policy), expected, "beside: {policy:?} {batching:?} {rows_proof:?}");
        }
    }

    #[tokio::test]
    async fn what_somebody_else_put_is_not_ours() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::folder(folder.path());
        assert!(write_new(&store, "m", Bytes::from_static(b"1")).await.expect("written"));
        assert!(!write_new(&store, "m", Bytes::from_static(b"2")).await.expect("read"));
    }

    fn files() -> VersionFiles {
        vec![(BlobRole::Network, Bytes::from_static(b"network"))]
    }

    fn publisher() -> Publisher {
        Publisher { signer: SigningKey::from_bytes(&[1; 32]), protection: BlobProtection::Unsealed }
    }

    fn manifest(version: &str) -> Manifest {
        let version = version.parse().expect("a version");
        Manifest { version, network: sized_blob(b"network"), ..Manifest::bare() }
    }

    /// A bucket that stores each put, but answers the first one with an error; listings are empty.
    async fn forgetful_store() -> Store {
        type Objects = Arc<Mutex<HashMap<String, Bytes>>>;
        async fn answer(State(objects): State<Objects>, request: Request<axum::body::Body>) -> (StatusCode, Bytes) {
            let key = request.uri().path().to_owned();
            let conditional = request.headers().contains_key("if-none-match");
            let (method, listed) =
                (request.method().clone(), request.uri().query().is_some_and(|it| it.contains("list")));
            let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.expect("a body");
            let mut objects = objects.lock().expect("not poisoned");
            match (method, objects.get(&key)) {
                (Method::GET, _) if listed => (StatusCode::OK, "<ListBucketResult></ListBucketResult>".into()),
                (Method::GET | Method::HEAD, Some(object)) => (StatusCode::OK, object.clone()),
                (Method::GET | Method::HEAD, None) => (StatusCode::NOT_FOUND, Bytes::new()),
                (_, Some(_)) if !conditional => (StatusCode::OK, Bytes::new()),
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
