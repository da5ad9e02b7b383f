//! A prefix of an S3 bucket as an object store.

mod parts;

use std::fmt;
use std::time::{Duration, SystemTime};

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region};
use aws_sdk_s3::Client;
use aws_sdk_s3::config::{Credentials, RequestChecksumCalculation, ResponseChecksumValidation};
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_s3::operation::RequestId;
use aws_sdk_s3::primitives::{ByteStream, DateTime};
use bytes::{Bytes, BytesMut};

use crate::error::StoreError;
use crate::object::{MAX_DOCUMENT_BYTES, ObjectStat, StoredObject, WriteCondition};

/// How S3 is reached. The default uses the environment, as the AWS SDK does.
#[derive(Clone, Debug, Default)]
pub struct S3Options {
    /// Another endpoint than AWS, with its credentials: the object store of `amaas dev` or of a test.
    pub endpoint: Option<S3Endpoint>,
}

/// An endpoint that speaks S3 but is not AWS.
#[derive(Clone)]
pub struct S3Endpoint {
    /// Such as `http://127.0.0.1:9000`.
    pub url: String,
    /// Access key id.
    pub access_key_id: String,
    /// Secret access key; not shown by `Debug`.
    pub secret_access_key: String,
}

impl fmt::Debug for S3Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("S3Endpoint").field("url", &self.url).finish_non_exhaustive()
    }
}

#[derive(Clone, Debug)]
pub(super) struct S3Store {
    client: Client,
    bucket: String,
    /// Empty, or ends with `/`.
    prefix: String,
}

impl S3Store {
    /// `location` is the part after `s3://`.
    pub(super) async fn open(location: &str, options: &S3Options) -> Result<Self, StoreError> {
        let (bucket, prefix) = location.split_once('/').unwrap_or((location, ""));
        if bucket.is_empty() {
            return Err(StoreError::Uri { uri: format!("s3://{location}") });
        }
        let prefix = match prefix.trim_matches('/') {
            "" => String::new(),
            prefix => format!("{prefix}/"),
        };
        Ok(Self { client: client(options).await, bucket: bucket.to_owned(), prefix })
    }

    pub(super) async fn read(&self, key: &str) -> Result<StoredObject, StoreError> {
        let answer = self.client.get_object().bucket(&self.bucket).key(self.key(key)).send().await;
        let mut answer = answer.map_err(|error| self.error(key, &error))?;
        let tag = answer.e_tag().unwrap_or_default().to_owned();
        let mut bytes = BytesMut::new();
        while let Some(piece) = answer.body.next().await {
            let piece = piece.map_err(|error| self.unreachable(key, &error))?;
            if bytes.len() + piece.len() > MAX_DOCUMENT_BYTES {
                let (store, key) = (self.to_string(), key.to_owned());
                return Err(StoreError::TooLarge { store, key, limit: MAX_DOCUMENT_BYTES });
            }
            bytes.extend_from_slice(&piece);
        }
        Ok(StoredObject { bytes: bytes.freeze(), tag })
    }

    pub(super) async fn read_range(
        &self,
        key: &str,
        offset: u64,
        into: &mut BytesMut,
        mut landed: impl FnMut(&[u8]) + Send,
    ) -> Result<(), StoreError> {
        if into.is_empty() {
            return Ok(());
        }
        let range = format!("bytes={offset}-{}", offset + into.len() as u64 - 1);
        let get = self.client.get_object().bucket(&self.bucket).key(self.key(key)).range(range);
        let mut answer = match get.send().await {
            // The object ends before the range begins.
            Err(error) if status(&error) == Some(416) => return Err(self.truncated(key, offset, into.len(), 0)),
            answer => answer.map_err(|error| self.error(key, &error))?,
        };
        let mut filled = 0;
        while let Some(piece) = answer.body.next().await {
            let piece = piece.map_err(|error| self.unreachable(key, &error))?;
            let Some(place) = into.get_mut(filled..filled + piece.len()) else {
                return Err(self.unreachable(key, &RangeIgnored));
            };
            place.copy_from_slice(&piece);
            landed(&piece);
            filled += piece.len();
        }
        if filled < into.len() {
            return Err(self.truncated(key, offset, into.len(), filled));
        }
        Ok(())
    }

    pub(super) async fn stat(&self, key: &str) -> Result<Option<ObjectStat>, StoreError> {
        match self.client.head_object().bucket(&self.bucket).key(self.key(key)).send().await {
            Ok(answer) => Ok(Some(stat(answer.content_length(), answer.last_modified()))),
            Err(error) if status(&error) == Some(404) => Ok(None),
            Err(error) => Err(self.error(key, &error)),
        }
    }

    pub(super) async fn delete(&self, key: &str) -> Result<(), StoreError> {
        match self.client.delete_object().bucket(&self.bucket).key(self.key(key)).send().await {
            Err(error) if status(&error) != Some(404) => Err(self.error(key, &error)),
            _ => Ok(()),
        }
    }

    pub(super) async fn objects(&self, prefix: &str) -> Result<Vec<(String, ObjectStat)>, StoreError> {
        let below = self.key(prefix);
        let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(&below).delimiter("/");
        let mut pages = list.into_paginator().send();
        let mut objects = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.error(prefix, &error))?;
            objects.extend(page.contents().iter().filter_map(|object| {
                let key = object.key()?.strip_prefix(&self.prefix)?;
                Some((key.to_owned(), stat(object.size(), object.last_modified())))
            }));
        }
        objects.sort_unstable_by(|(one, _), (other, _)| one.cmp(other));
        Ok(objects)
    }

    pub(super) async fn write(&self, key: &str, bytes: Bytes, condition: WriteCondition) -> Result<(), StoreError> {
        if matches!(condition, WriteCondition::Any) && parts::is_large(bytes.len()) {
            return self.write_in_parts(key, bytes).await;
        }
        let put = self.client.put_object().bucket(&self.bucket).key(self.key(key)).body(ByteStream::from(bytes));
        let put = match condition {
            WriteCondition::Any => put,
            WriteCondition::Absent => put.if_none_match("*"),
            WriteCondition::Unchanged(tag) => put.if_match(tag),
        };
        put.send().await.map_err(|error| self.error(key, &error))?;
        Ok(())
    }

    pub(super) async fn list(&self, prefix: &str) -> Result<Vec<String>, StoreError> {
        let prefix = self.key(prefix);
        let list = self.client.list_objects_v2().bucket(&self.bucket).prefix(&prefix).delimiter("/");
        let mut pages = list.into_paginator().send();
        let mut names = Vec::new();
        while let Some(page) = pages.next().await {
            let page = page.map_err(|error| self.error(&prefix, &error))?;
            let folders = page.common_prefixes().iter().filter_map(|folder| folder.prefix());
            let objects = page.contents().iter().filter_map(|object| object.key());
            let below = folders.chain(objects).filter_map(|key| key.strip_prefix(&prefix));
            names.extend(below.map(|name| name.trim_end_matches('/').to_owned()).filter(|name| !name.is_empty()));
        }
        names.sort();
        Ok(names)
    }

    fn key(&self, key: &str) -> String {
        format!("{}{key}", self.prefix)
    }

    fn truncated(&self, key: &str, offset: u64, expected: usize, got: usize) -> StoreError {
        let (store, key) = (self.to_string(), key.to_owned());
        StoreError::Truncated { store, key, offset, expected: expected as u64, got: got as u64 }
    }

    fn unreachable(&self, key: &str, error: &dyn std::error::Error) -> StoreError {
        let cause = chain(error);
        StoreError::Unreachable { store: self.to_string(), key: key.to_owned(), cause }
    }

    fn error<E>(&self, key: &str, error: &SdkError<E>) -> StoreError
    where
        E: std::error::Error + ProvideErrorMetadata + 'static,
    {
        let (store, key) = (self.to_string(), key.to_owned());
        if let Some(cause) = self.misconfigured(error) {
            return StoreError::Misconfigured { store, cause };
        }
        match (status(error), error.code()) {
            // A missing bucket is not a missing object: the operator has to learn of it.
            (_, Some("NoSuchBucket")) => StoreError::Denied { store, key, cause: "there is no such bucket".to_owned() },
            (Some(404), _) => StoreError::NotFound { store, key },
            (Some(409 | 412), _) => StoreError::Conflict { store, key },
            (Some(401 | 403), code) => {
                // The message names accounts and roles, which clients need not know.
                tracing::warn!(%store, key, message = error.message(), "model store access denied");
                StoreError::Denied { store, key, cause: code.unwrap_or("access denied").to_owned() }
            }
            (Some(status), code) => {
                let (code, id) = (code.unwrap_or_default(), error.request_id().unwrap_or("none"));
                let cause = format!("HTTP {status} {code} (request {id})");
                StoreError::Unreachable { store, key, cause }
            }
            (None, _) => StoreError::Unreachable { store, key, cause: chain(error) },
        }
    }
}

/// An object's metadata. One without a date counts as written now, so that it does not look old.
fn stat(size: Option<i64>, modified: Option<&DateTime>) -> ObjectStat {
    let modified = modified.and_then(|&modified| SystemTime::try_from(modified).ok());
    let size = size.and_then(|size| u64::try_from(size).ok()).unwrap_or_default();
    ObjectStat { size, modified: modified.unwrap_or_else(SystemTime::now) }
}

impl S3Store {
    /// What the operator has to configure differently, if that is the cause of `error`.
    fn misconfigured<E: ProvideErrorMetadata>(&self, error: &SdkError<E>) -> Option<String> {
        let response = error.raw_response()?;
        let region = response.headers().get("x-amz-bucket-region");
        let ours = self.client.config().region().map(Region::as_ref);
        match (response.status().as_u16(), region, error.code()) {
            // S3 redirects to the bucket's region, or says that the signature is for another region.
            (301 | 307 | 400, Some(region), _) if Some(region) != ours => Some(format!(
                "S3 says that it is in the region {region}, and it was asked for in {}; set AWS_REGION={region}",
                ours.unwrap_or("none")
            )),
            (301 | 307, ..) => Some(format!(
                "it was asked for in {}, and is in another region or behind another endpoint; set AWS_REGION, or AWS_ENDPOINT_URL_S3",
                ours.unwrap_or("no region")
            )),
            (_, _, Some("InvalidBucketName")) => {
                Some("S3 does not allow this bucket name; expected 3 to 63 of a-z, 0-9, \".\" and \"-\"".to_owned())
            }
            _ => None,
        }
    }
}

impl fmt::Display for S3Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bucket {}", self.bucket)
    }
}

/// The server returned more than the requested range.
#[derive(Debug, thiserror::Error)]
#[error("the server sent more bytes than the requested range")]
struct RangeIgnored;

/// The messages of an error and its sources.
fn chain(error: &dyn std::error::Error) -> String {
    let mut texts = vec![error.to_string()];
    let mut below = error.source();
    while let Some(error) = below {
        let text = error.to_string();
        // Some layers repeat their source's message.
        if texts.iter().all(|known| !known.contains(&text)) {
            texts.push(text);
        }
        below = error.source();
    }
    texts.join(": ")
}

fn status<E>(error: &SdkError<E>) -> Option<u16> {
    error.raw_response().map(|response| response.status().as_u16())
}

async fn client(options: &S3Options) -> Client {
    // The loader retries too, segment by segment, so that a broken body costs one segment and not the whole blob.
    let retry = RetryConfig::standard().with_max_attempts(3).with_initial_backoff(Duration::from_millis(100));
    let timeouts =
        TimeoutConfig::builder().connect_timeout(Duration::from_secs(2)).read_timeout(Duration::from_secs(10)).build();
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).retry_config(retry).timeout_config(timeouts);
    if let Some(endpoint) = &options.endpoint {
        let S3Endpoint { url, access_key_id, secret_access_key } = endpoint;
        loader = loader
            .endpoint_url(url)
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new(access_key_id, secret_access_key, None, None, "endpoint"));
    }
    let config = loader.load().await;
    // Every blob is verified against the manifest, which is stronger than S3's own checksums and costs once, not twice.
    let s3 = aws_sdk_s3::config::Builder::from(&config)
        .force_path_style(config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some())
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .response_checksum_validation(ResponseChecksumValidation::WhenRequired);
    Client::from_conf(s3.build())
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

    use super::*;
    use crate::store::Store;

    /// What a store makes of a server that answers everything so.
    async fn error_of(status: u16, headers: &'static [(&'static str, &'static str)], code: &str) -> [StoreError; 2] {
        let status = StatusCode::from_u16(status).expect("a status");
        let body = format!("<Error><Code>{code}</Code><Message>m</Message></Error>");
        let answer = move || {
            let lines =
                headers.iter().map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            std::future::ready((status, lines.collect::<HeaderMap>(), body.clone()))
        };
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let router = axum::Router::new().fallback(answer);
        tokio::spawn(async move { axum::serve(listener, router).await });
        let (access_key_id, secret_access_key) = ("id".to_owned(), "secret".to_owned());
        let options = S3Options { endpoint: Some(S3Endpoint { url, access_key_id, secret_access_key }) };
        let store = Store::open("s3://bucket", &options).await.expect("a store");
        [store.read("a").await.expect_err("an error"), store.size("a").await.expect_err("an error")]
    }

    #[tokio::test]
    async fn what_an_operator_has_to_set_is_said_and_not_tried_again() {
        let elsewhere = &[("x-amz-bucket-region", "eu-west-1")][..];
        let (region, other) =
            ("S3 says that it is in the region eu-west-1, and it was asked for in us-east-1", "another region");
        for (status, headers, code, expected) in [
            (301, elsewhere, "PermanentRedirect", region),
            (400, elsewhere, "AuthorizationHeaderMalformed", region),
            (301, &[], "PermanentRedirect", other),
        ] {
            for error in error_of(status, headers, code).await {
                let text = error.to_string();
                assert!(
                    text.starts_with("bucket bucket cannot be used as it is configured: "),
                    "{status} {code}: {text}"
                );
                assert!(text.contains(expected) && !error.is_retryable(), "{status} {code}: {text}");
            }
        }
        let [error, _] = error_of(400, &[], "InvalidBucketName").await;
        assert!(error.to_string().contains("does not allow this bucket name") && !error.is_retryable(), "{error}");
        let [error, _] = error_of(400, &[("x-amz-bucket-region", "us-east-1")], "Other").await;
        assert!(matches!(error, StoreError::Unreachable { .. }), "its own region: {error}");
    }
}
