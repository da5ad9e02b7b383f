//! Fetches blobs from the store: segments in parallel, into one buffer, each verified and decrypted in place.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::task::{JoinSet, spawn_blocking};

use super::source::DataKeyFuture;
use crate::at_rest::{BlobRole, SegmentTag};
use crate::load::LoadError;
use crate::manifest::Blob;
use amaas_engine::onnx::zeroed;
use amaas_engine::pages;
use amaas_store::{Store, StoreError, blob_key};
use amaas_wire::{Digest, DigestHasher};

/// Fetches the bytes of `blob`, decrypted if it is sealed.
///
/// The buffer is allocated once and each segment is read into its own part of it, so that no byte is copied twice.
pub(super) async fn fetch(store: &Store, blob: &Blob, sealed: Option<UnsealContext>) -> Result<Bytes, LoadError> {
    let (size, segment_size) = sizes(store, blob)?;
    let mut rest = BytesMut::zeroed(size);
    pages::advise_huge_pages(&mut rest);
    let mut fetched: Vec<Option<BytesMut>> = blob.segments.iter().map(|_| None).collect();
    let part = |_| rest.split_to(segment_size.min(rest.len()));
    segments(store, blob, sealed, part, |index, part| fetched[index] = Some(part)).await?;
    // The parts are adjacent in memory, so joining them copies nothing.
    let mut whole = BytesMut::new();
    for part in fetched.into_iter().flatten() {
        whole.unsplit(part);
    }
    Ok(whole.freeze())
}

/// The same, into memory that ONNX Runtime can share.
///
/// An `Arc<[u8]>` cannot be split among tasks, so each segment is read into its own buffer and copied: 8 MiB at a time, which
/// takes half a millisecond. The whole blob is never in memory twice.
pub(super) async fn fetch_shared(
    store: &Store,
    blob: &Blob,
    sealed: Option<UnsealContext>,
) -> Result<Arc<[u8]>, LoadError> {
    let (size, segment_size) = sizes(store, blob)?;
    let mut whole = spawn_blocking(move || zeroed(size)).await.map_err(|_| LoadError::Panicked)?;
    let buffer = Arc::get_mut(&mut whole).expect("the `Arc` was made on the line above and is not shared yet");
    let from = |index: usize| index.saturating_mul(segment_size);
    let part = |index| BytesMut::zeroed(segment_size.min(size.saturating_sub(from(index))));
    let store_part = |index, part: BytesMut| buffer[from(index)..from(index) + part.len()].copy_from_slice(&part);
    segments(store, blob, sealed, part, store_part).await?;
    Ok(whole)
}

/// The size of the blob, and of each segment but the last.
fn sizes(store: &Store, blob: &Blob) -> Result<(usize, usize), LoadError> {
    let too_large = |_| StoreError::Unreachable {
        store: store.to_string(),
        key: blob_key(&blob.digest),
        cause: "the blob is larger than this machine's memory".to_owned(),
    };
    Ok((usize::try_from(blob.size).map_err(too_large)?, usize::try_from(blob.segment_size).map_err(too_large)?))
}

/// Fetches all segments, a few at a time, each into the buffer that `part` returns for it, and passes them to `store_part` in any order.
async fn segments(
    store: &Store,
    blob: &Blob,
    sealed: Option<UnsealContext>,
    mut part: impl FnMut(usize) -> BytesMut,
    mut store_part: impl FnMut(usize, BytesMut),
) -> Result<(), LoadError> {
    let mut waiting = blob.segments.iter().enumerate().map(|(index, expected)| SegmentFetch {
        store: store.clone(),
        blob: blob.digest,
        index,
        offset: index as u64 * blob.segment_size,
        expected: *expected,
        part: part(index),
        tagged: sealed.clone().zip(blob.tags.get(index).copied()),
    });
    let mut running = JoinSet::new();
    running.extend(waiting.by_ref().take(MAX_SEGMENT_FETCHES).map(SegmentFetch::fetch));
    while let Some(segment) = running.join_next().await {
        let (index, part) = segment.map_err(|error| {
            let (store, key, cause) = (store.to_string(), blob_key(&blob.digest), error.to_string());
            StoreError::Unreachable { store, key, cause }
        })??;
        store_part(index, part);
        running.extend(waiting.next().map(SegmentFetch::fetch));
    }
    Ok(())
}

/// The key and context that a sealed blob is decrypted with.
#[derive(Clone)]
pub(super) struct UnsealContext {
    pub(super) key: DataKeyFuture,
    pub(super) role: BlobRole,
    pub(super) identity: Digest,
}

struct SegmentFetch {
    store: Store,
    blob: Digest,
    index: usize,
    offset: u64,
    expected: Digest,
    part: BytesMut,
    tagged: Option<(UnsealContext, SegmentTag)>,
}

impl SegmentFetch {
    async fn fetch(self) -> Result<(usize, BytesMut), LoadError> {
        let Self { store, blob, index, offset, expected, mut part, tagged } = self;
        let key = blob_key(&blob);
        let mut attempt = 1;
        let got = loop {
            let mut hasher = DigestHasher::default();
            match store.read_range(&key, offset, &mut part, |piece| hasher.update(piece)).await {
                Ok(()) => break hasher.finish(),
                // After a truncated body, only this segment is fetched again, not the whole blob.
                Err(error) if error.is_retryable() && attempt < MAX_ATTEMPTS => {
                    tracing::warn!(%error, attempt, "fetching a segment again");
                    attempt += 1;
                }
                Err(error) => return Err(error.into()),
            }
        };
        if got != expected {
            return Err(LoadError::Digest { blob, segment: index, expected, got });
        }
        let Some((UnsealContext { key, role, identity }, tag)) = tagged else { return Ok((index, part)) };
        let key = key.await?;
        // Decrypting 8 MiB takes a millisecond, which is too long for a thread of the async runtime.
        let opened = spawn_blocking(move || {
            let opened = key.open_segment(&role, identity, index as u64, &mut part, tag);
            opened.map(|()| part)
        });
        let part = opened.await.map_err(|_| LoadError::Panicked)?;
        Ok((index, part.ok_or(LoadError::Tag { blob, segment: index })?))
    }
}

/// One connection reaches 50 to 90 MB/s in a Lambda function; eight saturate its network.
const MAX_SEGMENT_FETCHES: usize = 8;
const MAX_ATTEMPTS: u32 = 3;

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;
    use crate::at_rest::DataKey;
    use crate::manifest::SEGMENT_SIZE;
    use amaas_store::WriteCondition;

    async fn stored(bytes: &[u8]) -> (tempfile::TempDir, Store, Blob) {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let store = Store::folder(folder.path());
        let blob = Blob::of(bytes);
        let key = blob_key(&blob.digest);
        store.write(&key, Bytes::copy_from_slice(bytes), WriteCondition::Any).await.expect("written");
        (folder, store, blob)
    }

    #[tokio::test]
    async fn blobs_come_back_whole() {
        for size in [0, 1, SEGMENT_SIZE, SEGMENT_SIZE + 1] {
            let bytes: Vec<u8> = (0..size).map(|index| u8::try_from(index % 251).expect("below 256")).collect();
            let (_folder, store, blob) = stored(&bytes).await;
            assert_eq!(fetch(&store, &blob, None).await.expect("fetched"), bytes, "{size}");
            assert_eq!(*fetch_shared(&store, &blob, None).await.expect("fetched"), *bytes, "{size}");
        }
    }

    #[tokio::test]
    async fn every_flip_and_every_cut_of_a_sealed_blob_is_refused() {
        let (key, _) = DataKey::generate().expect("random");
        let (role, identity, plain) =
            (BlobRole::Network, Digest::of(b"manifest"), b"a small network, sealed".as_slice());
        let mut bytes = plain.to_vec();
        let tag = key.seal(&role, identity, 0, &mut bytes).expect("sealed");
        let (folder, store, blob) = stored(&bytes).await;
        let blob = Blob { tags: vec![tag], ..blob };
        let key: DataKeyFuture = std::future::ready(Ok(std::sync::Arc::new(key))).boxed().shared();
        let sealed = |identity| Some(UnsealContext { key: key.clone(), role: role.clone(), identity });
        assert_eq!(fetch(&store, &blob, sealed(identity)).await.expect("opened"), plain);
        let other = sealed(Digest::of(b"another manifest"));
        assert!(matches!(fetch(&store, &blob, other).await, Err(LoadError::Tag { segment: 0, .. })));

        let path = folder.path().join(blob_key(&blob.digest));
        for index in 0..bytes.len() {
            for bit in 0..8 {
                let mut altered = bytes.clone();
                altered[index] ^= 1 << bit;
                std::fs::write(&path, &altered).expect("written");
                assert!(matches!(fetch(&store, &blob, sealed(identity)).await, Err(LoadError::Digest { .. })));
                // A signed digest of altered bytes is not enough: the tag does not match.
                let signed = Blob { digest: blob.digest, tags: blob.tags.clone(), ..Blob::of(&altered) };
                assert!(matches!(fetch(&store, &signed, sealed(identity)).await, Err(LoadError::Tag { .. })));
            }
            std::fs::write(&path, &bytes[..index]).expect("written");
            assert!(fetch(&store, &blob, sealed(identity)).await.is_err(), "cut off at {index}");
        }
    }

    #[tokio::test]
    async fn altered_and_truncated_blobs_are_refused() {
        let (folder, store, blob) = stored(&vec![7; SEGMENT_SIZE + 10]).await;
        let path = folder.path().join(blob_key(&blob.digest));
        let mut bytes = vec![7; SEGMENT_SIZE + 10];
        bytes[SEGMENT_SIZE + 3] = 8;
        std::fs::write(&path, &bytes).expect("written");
        assert!(matches!(fetch(&store, &blob, None).await, Err(LoadError::Digest { segment: 1, .. })));
        std::fs::write(&path, &bytes[..SEGMENT_SIZE + 3]).expect("written");
        let error = fetch(&store, &blob, None).await.expect_err("truncated");
        assert!(error.to_string().contains("truncated: expected 10 bytes from 8388608, got 3"), "{error}");
        std::fs::remove_file(&path).expect("removed");
        assert!(
            fetch(&store, &blob, None).await.expect_err("gone").to_string().contains("has no object blobs/sha256/")
        );
    }
}
