//! Sealed calls that were taken, in a ledger: so that none is taken again by another process.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;

use super::{Inserted, Key, Ledger};
use crate::error::Error;
use crate::seal::Seen;

/// Remembers in a ledger.
#[derive(Debug)]
pub(crate) struct SeenInLedger(pub(crate) Arc<dyn Ledger>);

#[async_trait]
impl Seen for SeenInLedger {
    async fn first(&self, id: &[u8; 32], ttl: Duration) -> Result<bool, Error> {
        let key = Key::new(format!("seen/{}", URL_SAFE_NO_PAD.encode(id)), "once");
        match self.0.insert(&key, Bytes::new(), ttl).await {
            Ok(inserted) => Ok(matches!(inserted, Inserted::New(_))),
            Err(error) => Err(Error::ReplaysUnavailable { internal: error.to_string() }),
        }
    }
}
