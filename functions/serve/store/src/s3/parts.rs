//! Multipart uploads of large objects.
//!
//! S3 accepts 5 GiB in one request, but within a timeout of 10 s a request cannot send more than some hundred MB. A lost part is sent
//! again alone.

use std::time::Duration;

use aws_config::timeout::TimeoutConfig;
use aws_sdk_s3::config::Config;
use aws_sdk_s3::primitives::ByteStream;
use aws_sdk_s3::types::{CompletedMultipartUpload, CompletedPart};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt, stream};

use super::S3Store;
use crate::error::StoreError;

/// Whether an object of this size is uploaded in parts.
pub(super) fn is_large(size: usize) -> bool {
    size > PART_BYTES
}

impl S3Store {
    /// Writes `bytes` under `key` unconditionally. The object appears when the upload is complete.
    pub(super) async fn write_in_parts(&self, key: &str, bytes: Bytes) -> Result<(), StoreError> {
        let begin = self.client.create_multipart_upload().bucket(&self.bucket).key(self.key(key));
        let upload = begin.send().await.map_err(|error| self.error(key, &error))?;
        let upload = upload.upload_id().unwrap_or_default();
        let sent = self.send(key, upload, bytes).await;
        if sent.is_err() {
            // Parts that are left cost until the bucket's lifecycle rule removes them, so a failure here is ignored.
            let abort = self.client.abort_multipart_upload().bucket(&self.bucket).key(self.key(key));
            let _ = abort.upload_id(upload).send().await;
        }
        sent
    }

    async fn send(&self, key: &str, upload: &str, mut bytes: Bytes) -> Result<(), StoreError> {
        let size = bytes.len() as u64;
        let parts = (1..).map_while(|number: i32| {
            let part = bytes.split_to(PART_BYTES.min(bytes.len()));
            (!part.is_empty()).then_some((number, part))
        });
        let send = |(number, part): (i32, Bytes)| async move {
            let put = self.client.upload_part().bucket(&self.bucket).key(self.key(key)).upload_id(upload);
            let sent = put.part_number(number).body(ByteStream::from(part)).send().await;
            let sent = sent.map_err(|error| self.error(key, &error))?;
            Ok(CompletedPart::builder().part_number(number).set_e_tag(sent.e_tag().map(str::to_owned)).build())
        };
        let parts = stream::iter(parts).map(send).buffered(MAX_PARTS_IN_FLIGHT).try_collect().await?;
        let parts = CompletedMultipartUpload::builder().set_parts(Some(parts)).build();
        let end = self.client.complete_multipart_upload().bucket(&self.bucket).key(self.key(key));
        let end = end.upload_id(upload).multipart_upload(parts).customize();
        match end.config_override(Config::builder().timeout_config(completion_timeouts())).send().await {
            Ok(_) => Ok(()),
            // The first response may have been lost, and a repeat finds no upload to complete.
            Err(_) if self.stat(key).await?.is_some_and(|stat| stat.size == size) => Ok(()),
            Err(error) => Err(self.error(key, &error)),
        }
    }
}

/// A store may copy all parts before it answers.
fn completion_timeouts() -> TimeoutConfig {
    TimeoutConfig::builder().connect_timeout(Duration::from_secs(2)).read_timeout(Duration::from_mins(10)).build()
}

/// S3 accepts 10,000 parts: 78 GiB of this size, more than a blob has.
const PART_BYTES: usize = 8 << 20;
/// Bounds the parts in flight.
const MAX_PARTS_IN_FLIGHT: usize = 4;
