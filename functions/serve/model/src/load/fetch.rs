//! Blobs out of the store: segments in parallel, into one buffer, each verified and opened in place as it lands.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::task::{JoinSet, spawn_blocking};

use super::source::Unwrapping;
use crate::at_rest::{Role, Tag};
use crate::load::LoadError;
use crate::manifest::Blob;
use amaas_engine::onnx::zeroed;
use amaas_engine::pages;
use amaas_store::{Store, StoreError, blob_key};
use amaas_wire::{Digest, DigestHasher};

/// The bytes of `blob`, opened where it is sealed.
///
/// The buffer is allocated once and each segment is read into its own part of it, so that no byte is copied twice.
pub(super) async fn fetch(store: &Store, blob: &Blob, sealed: Option<Sealed>) -> Result<Bytes, LoadError> {
    let (size, segment_size) = sizes(store, blob)?;
    let mut rest = BytesMut::zeroed(size);
    pages::advise_huge_pages(&mut rest);
    let mut landed: Vec<Option<BytesMut>> = blob.segments.iter().map(|_| None).collect();
    let part = |_| rest.split_to(segment_size.min(rest.len()));
    segments(store, blob, sealed, part, |index, part| landed[index] = Some(part)).await?;
    // The parts lie side by side in memory, so joining them moves nothing.
    let mut whole = BytesMut::new();
    for part in landed.into_iter().flatten() {
        whole.unsplit(part);
    }
    Ok(whole.freeze())
}

/// The same in memory that ONNX Runtime can be given a share of.
///
/// Such memory cannot be lent to tasks in parts, so each segment lands in a buffer of its own and is copied from there: 8 MiB at
/// a time, which takes half a millisecond, and never the whole twice.
pub(super) async fn fetch_shared(store: &Store, blob: &Blob, sealed: Option<Sealed>) -> Result<Arc<[u8]>, LoadError> {
    let (size, segment_size) = sizes(store, blob)?;
    let mut whole = spawn_blocking(move || zeroed(size)).await.map_err(|_| LoadError::Panicked)?;
    let buffer = Arc::get_mut(&mut whole).expect("nobody else has what was made on the line above");
    let from = |index: usize| index.saturating_mul(segment_size);
    let part = |index| BytesMut::zeroed(segment_size.min(size.saturating_sub(from(index))));
    let land = |index, part: BytesMut| buffer[from(index)..from(index) + part.len()].copy_from_slice(&part);
    segments(store, blob, sealed, part, land).await?;
    Ok(whole)
}

/// Bytes of the blob, and of each of its segments but the last.
fn sizes(store: &Store, blob: &Blob) -> Result<(usize, usize), LoadError> {
    let too_large = |_| StoreError::Unreachable {
        store: store.to_string(),
        key: blob_key(&blob.digest),
        cause: "the blob is larger than this machine's memory".to_owned(),
    };
    Ok((usize::try_from(blob.size).map_err(too_large)?, usize::try_from(blob.segment_size).map_err(too_large)?))
}

/// Fetches all segments, a few at a time, each into what `part` gives for it, and hands them to `land` in any order.
async fn segments(
    store: &Store,
    blob: &Blob,
    sealed: Option<Sealed>,
    mut part: impl FnMut(usize) -> BytesMut,
    mut land: impl FnMut(usize, BytesMut),
) -> Result<(), LoadError> {
    let mut waiting = blob.segments.iter().enumerate().map(|(index, expected)| Segment {
        store: store.clone(),
        blob: blob.digest,
        index,
        offset: index as u64 * blob.segment_size,
        expected: *expected,
        part: part(index),
        tagged: sealed.clone().zip(blob.tags.get(index).copied()),
    });
    let mut running = JoinSet::new();
    running.extend(waiting.by_ref().take(IN_FLIGHT).map(Segment::fetch));
    while let Some(segment) = running.join_next().await {
        let (index, part) = segment.map_err(|error| {
            let (store, key, cause) = (store.to_string(), blob_key(&blob.digest), error.to_string());
            StoreError::Unreachable { store, key, cause }
        })??;
        land(index, part);
        running.extend(waiting.next().map(Segment::fetch));
    }
    Ok(())
}

/// What a sealed blob is opened with.
#[derive(Clone)]
pub(super) struct Sealed {
    pub(super) key: Unwrapping,
    pub(super) role: Role,
    pub(super) identity: Digest,
}

struct Segment {
    store: Store,
    blob: Digest,
    index: usize,
    offset: u64,
    expected: Digest,
    part: BytesMut,
    tagged: Option<(Sealed, Tag)>,
}

impl Segment {
    async fn fetch(self) -> Result<(usize, BytesMut), LoadError> {
        let Self { store, blob, index, offset, expected, mut part, tagged } = self;
        let key = blob_key(&blob);
        let mut attempt = 1;
        let got = loop {
            let mut hasher = DigestHasher::default();
            match store.read_range(&key, offset, &mut part, |piece| hasher.update(piece)).await {
                Ok(()) => break hasher.finish(),
                // A body that breaks off costs this segment again, not the whole blob.
                Err(error) if error.is_retryable() && attempt < ATTEMPTS => {
                    tracing::warn!(%error, attempt, "a segment is fetched again");
                    attempt += 1;
                }
                Err(error) => return Err(error.into()),
            }
        };
        if got != expected {
            return Err(LoadError::Digest { blob, segment: index, expected, got });
        }
        let Some((Sealed { key, role, identity }, tag)) = tagged else { return Ok((index, part)) };
        let key = key.await?;
        // 8 MiB take a millisecond, too long for a thread that others wait for.
        let opened = spawn_blocking(move || {
            let opened = key.open_segment(&role, identity, index as u64, &mut part, tag);
            opened.map(|()| part)
        });
        let part = opened.await.map_err(|_| LoadError::Panicked)?;
        Ok((index, part.ok_or(LoadError::Tag { blob, segment: index })?))
    }
}

/// One connection gives 50 to 90 MB/s in a Lambda function; eight fill its network.
const IN_FLIGHT: usize = 8;
const ATTEMPTS: u32 = 3;

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
        let (role, identity, plain) = (Role::Network, Digest::of(b"manifest"), b"a small network, sealed".as_slice());
        let mut bytes = plain.to_vec();
        let tag = key.seal(&role, identity, 0, &mut bytes).expect("sealed");
        let (folder, store, blob) = stored(&bytes).await;
        let blob = Blob { tags: vec![tag], ..blob };
        let key: Unwrapping = std::future::ready(Ok(std::sync::Arc::new(key))).boxed().shared();
        let sealed = |identity| Some(Sealed { key: key.clone(), role: role.clone(), identity });
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
                // Who could also sign another digest still has no tag for it.
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
