//! `POST /v1/completions`, in the format of `OpenAI`, for models whose task has the interface
//! [`CompletionsInterface`](amaas_model::task::CompletionsInterface).
//!
//! A streamed response begins with its first event, so that an earlier failure has a status of its own. A later failure is an error event.
//! If the client disconnects, the body is dropped, and the call with it. Streamed responses are not stored for repeats.
//!
//! Proxies give up a response that pauses for about a minute. So a comment is sent if no event comes, as the HTML Standard §9.2.7
//! advises. Some proxies buffer the whole response; a header turns this off in nginx.

use std::sync::Arc;

use amaas_access::now;
use amaas_engine::generate::{EventStream, GenerateEvent, GeneratedText, TokenLogprob};
use amaas_model::load::Model;
use amaas_model::task::{CompletionPrompts, PredictError};
use amaas_wire::DigestHasher;
use amaas_wire::openai::{
    CompletionChoice, CompletionUsage, CompletionsRequest, CompletionsResponse, Delivery, StreamedUsage, TokenLogprobs,
};
use amaas_wire::predict::Usage;
use amaas_wire::task::FinishReason;
use axum::body::Body;
use axum::extract::{Request, State};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Response, header};
use tokio::time::timeout;

use super::body_model::{NamedCall, NamesModel};
use super::query::NoQuery;
use super::response_id::response_id;
use crate::error::Error;
use crate::reply::{Metering, UNBUFFERED_HEADER, completions_response, error_event};
use crate::request::{ActiveCall, AnsweredCall, Caller};
use crate::state::AppState;

impl NamesModel for CompletionsRequest {
    fn read(body: &[u8], _: usize) -> Result<Self, Error> {
        Ok(Self::from_json(body)?)
    }

    fn model(&self) -> &str {
        &self.model
    }
}

/// The route.
pub(super) async fn completions(
    State(state): State<AppState>,
    caller: Caller,
    _: NoQuery,
    request: Request,
) -> Result<Response<Body>, Error> {
    NamedCall::read(&state, caller, request).await?.answer_once(answer).await
}

async fn answer(call: NamedCall<CompletionsRequest>) -> Result<AnsweredCall, Error> {
    let (call, CompletionsRequest { prompt, logprobs, echo, delivery, .. }) = call.begin().await?;
    let completions = Arc::clone(call.model().completions()?);
    let echo = if echo { prompt.prompt.clone() } else { String::new() };
    let prompts = CompletionPrompts { prompts: vec![prompt], logprobs, streams: delivery != Delivery::Whole };
    let (begun, _) = call.run(|call| completions.begin(call, prompts)).await?;
    let events = begun.into_iter().next().ok_or_else(|| Error::internal("a call has no events"))?;
    let completion = CompletionEvents {
        id: response_id("cmpl")?,
        created: now(),
        model: Arc::clone(call.model()),
        echo,
        logprobs,
        delivery,
    };
    match delivery {
        Delivery::Whole => answer_whole(call, completion, events).await,
        Delivery::Stream | Delivery::StreamWithUsage => answer_stream(call, completion, events).await,
    }
}

/// Answers without streaming.
async fn answer_whole(
    call: ActiveCall,
    mut completion: CompletionEvents,
    mut events: EventStream,
) -> Result<AnsweredCall, Error> {
    let prompt_tokens = events.prompt_tokens();
    let run = async |_| events.collect().await.map_err(PredictError::from);
    let write = move |model: &Model, completed: GeneratedText, metering| {
        let usage = usage(prompt_tokens, completed.generated);
        let text = std::mem::take(&mut completion.echo) + &completed.text;
        let choice = completion.choice(text, completed.tokens, Some(completed.reason));
        completions_response(model, &completion.body(Some(choice), StreamedUsage::Whole(usage)), metering)
    };
    call.answer(run, write).await
}

/// Answers with server-sent events.
async fn answer_stream(
    call: ActiveCall,
    completion: CompletionEvents,
    mut events: EventStream,
) -> Result<AnsweredCall, Error> {
    // A completion that fails before its first event is not recorded.
    let (first, _) = call.run(async |_| events.next().await.map_err(PredictError::from)).await?;
    call.disable_replay();
    let mut limits = HeaderMap::new();
    call.write_limit_headers(&mut limits);
    let next = async |state: Option<(StreamedCompletion, Option<GenerateEvent>)>| {
        let Some((mut streamed, waiting)) = state else { return Ok::<_, std::convert::Infallible>(None) };
        let event = match waiting {
            Some(event) => Some(Ok(event)),
            None => timeout(streamed.call.limits().keep_alive, streamed.events.next()).await.ok(),
        };
        let whole = matches!(event, Some(Ok(GenerateEvent::End { .. })));
        let (mut written, continues) = match event {
            Some(event) => streamed.encode_event(event.map_err(Error::from)),
            None => (Bytes::from_static(KEEP_ALIVE_COMMENT), true),
        };
        streamed.bytes += written.len() as u64;
        streamed.hasher.update(&written);
        if !continues {
            let usage = streamed.count();
            if whole && let Some(receipt) = streamed.receipt(usage).await {
                written = [written, receipt.into()].concat().into();
            }
        }
        Ok(Some((written, continues.then_some((streamed, None)))))
    };
    Ok(call.stream(|call| {
        let hasher = DigestHasher::default();
        let streamed = StreamedCompletion { call, completion, events, generated: 0, bytes: 0, hasher, counted: false };
        let mut response = Response::new(Body::from_stream(stream::try_unfold(Some((streamed, Some(first))), next)));
        let headers = response.headers_mut();
        headers.extend(limits);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(UNBUFFERED_HEADER.0, UNBUFFERED_HEADER.1);
        response
    }))
}

/// The members that all events of a completion share.
struct CompletionEvents {
    id: String,
    created: u64,
    model: Arc<Model>,
    /// The prompt, if the client wants it before the text.
    echo: String,
    logprobs: Option<usize>,
    delivery: Delivery,
}

impl CompletionEvents {
    fn body(&self, choice: Option<CompletionChoice>, usage: StreamedUsage) -> CompletionsResponse<'_> {
        CompletionsResponse {
            id: &self.id,
            object: "text_completion",
            created: self.created,
            model: self.model.name().as_str(),
            choices: choice.into_iter().collect(),
            usage,
        }
    }

    fn choice(&self, text: String, tokens: Vec<TokenLogprob>, finish_reason: Option<FinishReason>) -> CompletionChoice {
        let logprobs = self.logprobs.map(|_| logprobs(tokens));
        CompletionChoice { text, index: 0, logprobs, finish_reason }
    }
}

/// A streamed response. Its call is recorded once, at its end or when the client disconnects.
struct StreamedCompletion {
    call: ActiveCall,
    completion: CompletionEvents,
    events: EventStream,
    generated: usize,
    /// Bytes that were sent, and their digest.
    bytes: u64,
    hasher: DigestHasher,
    counted: bool,
}

impl StreamedCompletion {
    /// Encodes `event` as server-sent events; true if more follow.
    fn encode_event(&mut self, event: Result<GenerateEvent, Error>) -> (Bytes, bool) {
        let echo = std::mem::take(&mut self.completion.echo);
        let so_far = match self.completion.delivery {
            Delivery::StreamWithUsage => StreamedUsage::Later,
            Delivery::Whole | Delivery::Stream => StreamedUsage::Omitted,
        };
        match event {
            Ok(GenerateEvent::Piece { text, tokens, generated }) => {
                self.generated = generated;
                (
                    sse(&self.completion.body(Some(self.completion.choice(echo + &text, tokens, None)), so_far)).into(),
                    true,
                )
            }
            Ok(GenerateEvent::End { reason, generated }) => {
                self.generated = generated;
                let mut last =
                    sse(&self.completion.body(Some(self.completion.choice(echo, Vec::new(), Some(reason))), so_far));
                if self.completion.delivery == Delivery::StreamWithUsage {
                    let usage = usage(self.events.prompt_tokens(), generated);
                    last += &sse(&self.completion.body(None, StreamedUsage::Whole(usage)));
                }
                ((last + "data: [DONE]\n\n").into(), false)
            }
            Ok(GenerateEvent::Failed(error)) => (sse(&error_event(&error.into())).into(), false),
            Err(error) => (sse(&error_event(&error)).into(), false),
        }
    }

    /// Records the generated tokens, once.
    fn count(&mut self) -> Usage {
        let tokens = (self.events.prompt_tokens() + self.generated) as u64;
        let usage = Metering { rows: 1, tokens: Some(tokens), begun: self.call.begun() }.usage();
        if !std::mem::replace(&mut self.counted, true) {
            self.call.record(usage, self.bytes);
        }
        usage
    }

    /// The receipt of the streamed response, as a comment, which readers of events ignore.
    async fn receipt(&mut self, usage: Usage) -> Option<String> {
        let output = std::mem::take(&mut self.hasher).finish();
        let receipt = self.call.receipt(usage, output).await;
        receipt.map(|receipt| amaas_wire::receipt::comment(&receipt))
    }
}

impl Drop for StreamedCompletion {
    /// A client that disconnects is charged for the tokens so far.
    fn drop(&mut self) {
        self.count();
    }
}

fn usage(prompt_tokens: usize, generated: usize) -> CompletionUsage {
    let (prompt_tokens, completion_tokens) = (prompt_tokens as u64, generated as u64);
    CompletionUsage { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens }
}

fn logprobs(tokens: Vec<TokenLogprob>) -> TokenLogprobs {
    let mut all = TokenLogprobs::default();
    for TokenLogprob { name, offset, logprob, top, .. } in tokens {
        all.tokens.push(name);
        all.text_offset.push(offset);
        all.token_logprobs.push(logprob);
        all.top_logprobs.push(top.into_iter().collect());
    }
    all
}

/// A comment of a stream of server-sent events, which is no event.
const KEEP_ALIVE_COMMENT: &[u8] = b": keep-alive\n\n";

fn sse(event: &impl serde::Serialize) -> String {
    // Events have text, numbers and names only, so they can always be written as JSON.
    format!("data: {}\n\n", serde_json::to_string(event).unwrap_or_default())
}
