//! A call that was admitted, until its content has arrived.

use std::sync::Arc;

use amaas_model::load::ModelSlot;
use amaas_model::task::{InputFile, PredictBody};
use amaas_wire::Digest;
use axum::body::Body;
use bytes::Bytes;
use http::request::Parts;

use super::call::{ActiveCall, MAX_INLINE_HASH_BYTES};
use super::context::{CallContext, CallId};
use crate::admission::Admission;
use crate::body::{AcceptedMedia, BodyMedia, read_multipart};
use crate::error::Error;

/// An admitted call whose content has not arrived.
pub(crate) struct AdmittedCall {
    context: CallContext,
    slot: Arc<ModelSlot>,
    id: Option<CallId>,
    admission: Admission,
}

/// A call whose content has arrived.
pub(crate) struct ReceivedCall {
    admitted: AdmittedCall,
    bytes_in: u64,
    /// The digest of the content, if a receipt is to be signed.
    input: Option<Digest>,
}

impl AdmittedCall {
    pub(super) fn new(context: CallContext, slot: Arc<ModelSlot>, id: Option<CallId>, admission: Admission) -> Self {
        Self { context, slot, id, admission }
    }

    /// Reads the body of the call: JSON, or JSON and tensors.
    ///
    /// # Errors
    /// If the body does not arrive, is too large, has another media type, or cannot be expanded.
    pub(crate) async fn receive(self, parts: &Parts, body: Body) -> Result<(ReceivedCall, Bytes), Error> {
        AcceptedMedia::Json.check(&parts.headers)?;
        self.receive_media(parts, body).await
    }

    /// Reads the body of the call: JSON, or files that are inputs.
    ///
    /// # Errors
    /// As [`receive`](Self::receive), or if a multipart body is malformed.
    pub(crate) async fn receive_inputs(self, parts: &Parts, body: Body) -> Result<(ReceivedCall, PredictBody), Error> {
        let media = AcceptedMedia::JsonOrFiles.check(&parts.headers)?;
        let (received, bytes) = self.receive_media(parts, body).await?;
        let content = match media {
            BodyMedia::Json => PredictBody::Json(bytes),
            BodyMedia::File(media_type) => {
                let files = vec![InputFile { media_type, bytes }];
                PredictBody::Files { files, parameters: None, partial: false }
            }
            BodyMedia::Multipart(boundary) => read_multipart(bytes, boundary).await?,
        };
        Ok((received, content))
    }

    async fn receive_media(mut self, parts: &Parts, body: Body) -> Result<(ReceivedCall, Bytes), Error> {
        let content = self.admission.read(&parts.headers, body, self.context.state.limits().body_bytes).await?;
        Ok((self.with_content(&content).await?, content))
    }

    /// Continues with `content`, if it was already read to find the model.
    ///
    /// # Errors
    /// If admission refuses the computation of its digest.
    pub(crate) async fn with_content(mut self, content: &Bytes) -> Result<ReceivedCall, Error> {
        let mut input = None;
        if self.context.state.sealing().is_some() {
            let hashed = content.clone();
            let digest = self.admission.run(MAX_INLINE_HASH_BYTES, content.len(), move |_| Ok(Digest::of(&hashed)));
            input = Some(digest.await?);
        }
        Ok(ReceivedCall { admitted: self, bytes_in: content.len() as u64, input })
    }

    /// Continues with a message of `bytes` bytes, for which no receipt is signed.
    pub(crate) fn with_message(self, bytes: usize) -> ReceivedCall {
        ReceivedCall { admitted: self, bytes_in: bytes as u64, input: None }
    }
}

impl ReceivedCall {
    /// Begins the call to the version `version` of its model, which may still be loading.
    ///
    /// # Errors
    /// If the model is not ready, or has another version.
    pub(crate) async fn start(self, version: Option<&str>) -> Result<ActiveCall, Error> {
        let Self { admitted: AdmittedCall { context, slot, id, admission }, bytes_in, input } = self;
        let model = context.state.model(&slot, version).await?;
        Ok(ActiveCall::new(context, model, id, admission, (bytes_in, input)))
    }
}
