//! Calls that name the model in their body. The body is read and parsed once, and the key's scope is checked before anything else. So a
//! repeat gets a stored response only if its key may use the model.

use axum::body::Body;
use axum::extract::Request;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::request::Parts;
use http::{Response, header};

use amaas_engine::cpu::MAX_INLINE_BYTES;

use crate::admission::Admission;
use crate::body::AcceptedMedia;
use crate::error::Error;
use crate::idempotency;
use crate::request::{ActiveCall, AnsweredCall, AuthorisedModel, Caller};
use crate::state::AppState;

/// A body that names its model.
pub(super) trait NamesModel: Sized + Send + 'static {
    /// Reads a body of at most `max_rows` inputs.
    fn read(body: &[u8], max_rows: usize) -> Result<Self, Error>;

    /// The name of the model.
    fn model(&self) -> &str;
}

/// A call to the model that its body names.
pub(super) struct NamedCall<T> {
    authorised: AuthorisedModel,
    parts: Parts,
    content: Bytes,
    request: T,
}

impl<T: NamesModel> NamedCall<T> {
    /// Collects and parses the body, and checks that `caller` may use the model.
    pub(super) async fn read(state: &AppState, caller: Caller, request: Request) -> Result<Self, Error> {
        let caller = caller.admit(state)?;
        let (mut parts, body) = request.into_parts();
        let mut admission = Admission::new(state.gate(), caller.tenant(), None);
        AcceptedMedia::Json.check(&parts.headers)?;
        let content = admission.read(&parts.headers, body, state.limits().body_bytes).await?;
        let (read, rows) = (content.clone(), state.limits().rows);
        let work = move |_: &_| Ok::<_, Error>(T::read(&read, rows).map_err(|error| (error, read_model_name(&read))));
        let request = match admission.run(MAX_INLINE_BYTES, content.len(), work).await? {
            Ok(request) => request,
            Err((error, model)) => {
                // Report an unknown model first: the members of a body depend on the model.
                if let Some(model) = model {
                    AuthorisedModel::of(state, caller, &model)?;
                }
                return Err(error);
            }
        };
        // The body is expanded, and must not be expanded again.
        parts.headers.remove(header::CONTENT_ENCODING);
        parts.headers.insert(header::CONTENT_LENGTH, content.len().into());
        let authorised = AuthorisedModel::of(state, caller, request.model())?;
        Ok(Self { authorised, parts, content, request })
    }

    /// Calls `answer`, or replays the stored response to a repeat.
    pub(super) async fn answer_once<F>(self, answer: impl FnOnce(Self) -> F) -> Result<Response<Body>, Error>
    where
        F: Future<Output = Result<AnsweredCall, Error>>,
    {
        if !idempotency::runs_once(&self.parts.method, &self.parts.headers) {
            return answer(self).await.map(IntoResponse::into_response);
        }
        let Self { authorised, parts, content, request } = self;
        let (state, caller) = (authorised.host().clone(), authorised.caller().clone());
        let reservation = idempotency::reserve_request(&state, &caller, Some(authorised.slot().name())).await?;
        let run = async |parts, content| {
            let answered = answer(Self { authorised, parts, content, request }).await;
            answered.map_or_else(IntoResponse::into_response, IntoResponse::into_response)
        };
        idempotency::run_once(&state, &caller, reservation, (parts, content), run).await
    }

    /// Takes a request from the caller's limits, and waits for the model.
    pub(super) async fn begin(self) -> Result<(ActiveCall, T), Error> {
        let Self { authorised, parts, content, request } = self;
        let call = authorised.admit(&parts).await?.with_content(&content).await?.start(None).await?;
        Ok((call, request))
    }
}

/// The model that a body names, if the rest of the body is malformed.
fn read_model_name(body: &[u8]) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Named {
        model: String,
    }
    serde_json::from_slice::<Named>(body).ok().map(|body| body.model)
}
