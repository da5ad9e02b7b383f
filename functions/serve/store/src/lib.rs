//! The model store: one prefix of an S3 bucket, or a local folder. There is no other back end.
//!
//! Written by hand around `aws-sdk-s3`, which KMS and DynamoDB share credentials and TLS with. The crate `object_store` would bring a
//! second HTTP and credential stack, and it returns each range in a buffer of its own, where weights are read into place.
//!
//! The layout under it:
//! ```text
//! models/{model}/{version}/manifest.json
//! models/{model}/{version}/removed         if the version was removed: its name is never used again
//! models/{model}/aliases/{alias}          -> version, signed
//! blobs/sha256/{digest}
//! uploads/{id}                            while a publish uploads blobs
//! sealing/{model}.json
//! ```

mod error;
mod folder;
mod layout;
mod object;
mod s3;
mod store;
pub mod vault;

pub use self::error::StoreError;
pub use self::layout::{Alias, ModelName, NameError, StoreName, Version, VersionSelector};
pub use self::layout::{alias_key, blob_key, live, manifest_key, removed_key, sealing_key, upload_key};
pub use self::object::{MAX_DOCUMENT_BYTES, ObjectStat, StoredObject, WriteCondition};
pub use self::s3::{S3Endpoint, S3Options};
pub use self::store::{FolderLocation, S3Location, Store};
