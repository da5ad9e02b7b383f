//! `POST /v1/completions`, in `OpenAI`'s shape, for models whose task is a [`Generator`](amaas_model::task::Generator); and what
//! `predict` answers for them.
//!
//! A streamed answer begins with its first piece, so that what fails before it has a status of its own; what fails later is told in
//! the place of the next event. Whoever hangs up drops the body, and with it the call. A streamed answer is kept for no repeat.
//!
//! Proxies give up an answer of which nothing comes for a minute or so, and some hold it back until it is whole; so a comment goes out
//! where no event comes, as the HTML Standard §9.2.7 advises, and nginx is told not to hold it.

use std::sync::Arc;
use std::time::Instant;

use amaas_wire::openai::{
    CompletionChoice, CompletionUsage, CompletionsRequest, CompletionsResponse, Delivery, StreamedUsage, TokenLogprobs,
};
use amaas_wire::predict::Usage;
use amaas_wire::task::{FinishReason, Generation, Prompt};
use axum::body::Body;
use axum::extract::{Request, State};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Response, header};
use tokio::time::timeout;

use super::query::NoQuery;
use crate::admission::Admission;
use crate::error::Error;
use crate::reply::{Counted, UNBUFFERED, completions_response, error_event, predict_response};
use crate::request::{Call, Caller, Running};
use crate::state::Host;
use amaas_access::now;
use amaas_engine::cpu::{QUICK, Working};
use amaas_engine::generate;
use amaas_engine::generate::{Event, Events, Generate, Telling, Told};
use amaas_model::load::Model;
use amaas_model::task::{QUICK_TEXT, inputs};
use amaas_wire::DigestHasher;

/// The route.
pub(super) async fn completions(
    State(host): State<Host>,
    caller: Caller,
    _: NoQuery,
    request: Request,
) -> Result<Response<Body>, Error> {
    let caller = caller.admitted(&host)?;
    let (parts, body) = request.into_parts();
    let mut admission = Admission::of(host.gate(), caller.tenant(), None);
    let body = admission.read(&parts.headers, body, host.limits().body_bytes).await?;
    let (size, content) = (body.len(), body.clone());
    let request = admission.work(QUICK, size, move |_| Ok(CompletionsRequest::from_json(&body)?)).await?;
    let slot = host.slot(&request.model)?;
    let mut call = Call::enter(&host, caller, &slot, &parts.headers, &parts.extensions).await?;
    call.came(&content).await?;
    drop((content, admission));
    let model = host.model(&slot, None).await?;
    let begun = Instant::now();
    let CompletionsRequest { prompt, logprobs, echo, delivery, .. } = request;
    let echo = if echo { prompt.prompt.clone() } else { String::new() };
    let telling = if delivery == Delivery::Whole { Telling::AtTheEnd } else { Telling::AsItComes };
    let asked = Asked { prompts: vec![prompt], logprobs, telling, size };
    let mut events = begin(&mut call, (&model, begun), asked).await?;
    let events = events.pop().ok_or_else(|| Error::internal("a call has no events"))?;
    let under_way = UnderWay { call, begun, made: 0, bytes: 0, hasher: DigestHasher::default(), counted: true };
    let answer = Answer { id: id()?, created: now(), model, events, echo, logprobs, delivery, under_way };
    if delivery == Delivery::Whole { answer.whole().await } else { answer.stream().await }
}

/// The answer of `predict` to `body`.
pub(super) async fn predict(
    mut call: Call,
    model: &Arc<Model>,
    generate: &Generate,
    body: Bytes,
    begun: Instant,
) -> Result<Response<Body>, Error> {
    let (size, limit) = (body.len(), call.limits().rows.min(generate.places()));
    let read = move |_: &_| inputs::<Prompt>(&body, limit);
    let prompts = call.prepare((model, begun), (QUICK, size, 0), read).await?;
    let asked = Asked { prompts, logprobs: None, telling: Telling::AtTheEnd, size };
    let mut all = begin(&mut call, (model, begun), asked).await?;
    let (running, mut tokens) = (running(&all), 0);
    let making = async {
        let mut generations = Vec::with_capacity(all.len());
        for events in &mut all {
            let (text, _, ended) = whole(events).await?;
            let usage = ended.usage(events);
            tokens += usage.total_tokens;
            let CompletionUsage { prompt_tokens, completion_tokens, .. } = usage;
            generations.push(Generation { text, finish_reason: ended.reason, prompt_tokens, completion_tokens });
        }
        Ok::<_, Error>(generations)
    };
    let generations = call.run((model, begun), running, making).await?;
    let counted = Counted { rows: generations.len(), tokens: Some(tokens), begun };
    let predictions =
        serde_json::value::to_raw_value(&generations).map_err(|error| Error::internal(error.to_string()))?;
    call.answered(model, predict_response(model, predictions, counted)?).await
}

/// What a call asks for.
struct Asked {
    prompts: Vec<Prompt>,
    logprobs: Option<usize>,
    telling: Telling,
    /// Bytes of the body that the prompts come of.
    size: usize,
}

/// Begins a text for each prompt. What they can come to at most is charged first.
async fn begin(call: &mut Call, of: (&Arc<Model>, Instant), asked: Asked) -> Result<Vec<Events>, Error> {
    let Asked { prompts, logprobs, telling, size } = asked;
    let (reading, tenant) = (Arc::clone(of.0), call.tenant().clone());
    let calls = move |working: &Working| {
        let generate = reading.generate()?;
        let of = |prompt| Ok(generate.call(working, prompt, logprobs)?.told(telling).of(tenant.as_str()));
        prompts.iter().map(of).collect::<Result<Vec<_>, Error>>()
    };
    let calls = call.prepare(of, (QUICK_TEXT, size, 0), calls).await?;
    let at_most = calls.iter().map(generate::Call::tokens_at_most).sum();
    call.charge(of, &Running::new(calls.len(), Some(at_most))).await?;
    Ok(of.0.generate()?.begin(calls)?)
}

/// What is run for `texts`.
fn running(texts: &[Events]) -> Running {
    let prompts: usize = texts.iter().map(Events::prompt_tokens).sum();
    let made = texts.iter().map(Events::counter).collect();
    Running { made, ..Running::new(texts.len(), Some(prompts as u64)) }
}

/// An answer on its way.
struct Answer {
    id: String,
    created: u64,
    model: Arc<Model>,
    events: Events,
    /// What stands before the text.
    echo: String,
    logprobs: Option<usize>,
    delivery: Delivery,
    under_way: UnderWay,
}

/// What an answer is counted as, while it is made: its call is counted once, at its end or where its caller goes away.
struct UnderWay {
    call: Call,
    begun: Instant,
    made: usize,
    /// Bytes that left, and what their digest comes to.
    bytes: u64,
    hasher: DigestHasher,
    /// Whether it was counted, or there is nothing to count yet.
    counted: bool,
}

/// How a text ended.
#[derive(Clone, Copy)]
struct Ended {
    reason: FinishReason,
    made: usize,
}

impl Ended {
    fn usage(self, events: &Events) -> CompletionUsage {
        let (prompt_tokens, completion_tokens) = (events.prompt_tokens() as u64, self.made as u64);
        CompletionUsage { prompt_tokens, completion_tokens, total_tokens: prompt_tokens + completion_tokens }
    }
}

impl Answer {
    async fn whole(mut self) -> Result<Response<Body>, Error> {
        let running = running(std::slice::from_ref(&self.events));
        let (call, of) = (&mut self.under_way.call, (&self.model, self.under_way.begun));
        let (text, tokens, ended) = call.run(of, running, whole(&mut self.events)).await?;
        let usage = ended.usage(&self.events);
        let text = std::mem::take(&mut self.echo) + &text;
        let body = self.body(Some(self.choice(text, tokens, Some(ended.reason))), StreamedUsage::Whole(usage));
        let counted = Counted { rows: 1, tokens: Some(usage.total_tokens), begun: self.under_way.begun };
        let response = completions_response(&self.model, &body, counted)?;
        let model = Arc::clone(&self.model);
        self.under_way.call.answered(&model, response).await
    }

    async fn stream(mut self) -> Result<Response<Body>, Error> {
        // A text that ends before it has begun is not counted.
        let running = running(std::slice::from_ref(&self.events));
        let (call, of) = (&mut self.under_way.call, (&self.model, self.under_way.begun));
        let first = call.run(of, running, self.events.next()).await?;
        self.under_way.counted = false;
        self.under_way.call.is_not_kept();
        let mut limits = HeaderMap::new();
        self.under_way.call.left(&mut limits);
        let next = async |state: Option<(Self, Option<Event>)>| {
            let Some((mut answer, waiting)) = state else { return Ok::<_, std::convert::Infallible>(None) };
            let event = match waiting {
                Some(event) => Some(Ok(event)),
                None => timeout(answer.under_way.call.limits().keep_alive, answer.events.next()).await.ok(),
            };
            let whole = matches!(event, Some(Ok(Event::End { .. })));
            let (mut written, goes_on) = match event {
                Some(event) => answer.written(event.map_err(Error::from)),
                None => (Bytes::from_static(KEEP_ALIVE), true),
            };
            answer.under_way.bytes += written.len() as u64;
            answer.under_way.hasher.update(&written);
            if !goes_on {
                let usage = answer.count();
                if whole && let Some(receipt) = answer.receipt(usage).await {
                    written = [written, receipt.into()].concat().into();
                }
            }
            Ok(Some((written, goes_on.then_some((answer, None)))))
        };
        let mut response = Response::new(Body::from_stream(stream::try_unfold(Some((self, Some(first))), next)));
        let headers = response.headers_mut();
        headers.extend(limits);
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(UNBUFFERED.0, UNBUFFERED.1);
        Ok(response)
    }

    /// `event` as server-sent events, and whether there are more.
    fn written(&mut self, event: Result<Event, Error>) -> (Bytes, bool) {
        let echo = std::mem::take(&mut self.echo);
        let so_far = match self.delivery {
            Delivery::StreamWithUsage => StreamedUsage::Later,
            Delivery::Whole | Delivery::Stream => StreamedUsage::Omitted,
        };
        match event {
            Ok(Event::Piece { text, tokens, made }) => {
                self.under_way.made = made;
                (sse(&self.body(Some(self.choice(echo + &text, tokens, None)), so_far)).into(), true)
            }
            Ok(Event::End { reason, made }) => {
                self.under_way.made = made;
                let mut last = sse(&self.body(Some(self.choice(echo, Vec::new(), Some(reason))), so_far));
                if self.delivery == Delivery::StreamWithUsage {
                    let usage = Ended { reason, made }.usage(&self.events);
                    last += &sse(&self.body(None, StreamedUsage::Whole(usage)));
                }
                ((last + "data: [DONE]\n\n").into(), false)
            }
            Ok(Event::Failed(error)) => (sse(&error_event(&error.into())).into(), false),
            Err(error) => (sse(&error_event(&error)).into(), false),
        }
    }

    /// Counts what was made, once.
    fn count(&mut self) -> Usage {
        let under_way = &mut self.under_way;
        let tokens = (self.events.prompt_tokens() + under_way.made) as u64;
        let usage = Counted { rows: 1, tokens: Some(tokens), begun: under_way.begun }.usage();
        if !std::mem::replace(&mut under_way.counted, true) {
            under_way.call.record(&self.model, usage, under_way.bytes);
        }
        usage
    }

    /// The receipt of what was streamed, as a comment that no reader of events is told of.
    async fn receipt(&mut self, usage: Usage) -> Option<String> {
        let output = std::mem::replace(&mut self.under_way.hasher, DigestHasher::default()).finish();
        let receipt = self.under_way.call.receipt(&self.model, usage, output).await;
        receipt.map(|receipt| amaas_wire::receipt::comment(&receipt))
    }

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

    fn choice(&self, text: String, tokens: Vec<Told>, finish_reason: Option<FinishReason>) -> CompletionChoice {
        let logprobs = self.logprobs.map(|_| logprobs(tokens));
        CompletionChoice { text, index: 0, logprobs, finish_reason }
    }
}

impl Drop for Answer {
    /// Whoever goes away in the middle of a text has had what was made of it.
    fn drop(&mut self) {
        self.count();
    }
}

/// All of a text.
async fn whole(events: &mut Events) -> Result<(String, Vec<Told>, Ended), Error> {
    let (mut text, mut tokens) = (String::new(), Vec::new());
    loop {
        match events.next().await? {
            Event::Piece { text: more, tokens: of_it, .. } => {
                text += &more;
                tokens.extend(of_it);
            }
            Event::End { reason, made } => return Ok((text, tokens, Ended { reason, made })),
            Event::Failed(error) => return Err(error.into()),
        }
    }
}

fn logprobs(tokens: Vec<Told>) -> TokenLogprobs {
    let mut all = TokenLogprobs::default();
    for Told { name, offset, logprob, top, .. } in tokens {
        all.tokens.push(name);
        all.text_offset.push(offset);
        all.token_logprobs.push(logprob);
        all.top_logprobs.push(top.into_iter().collect());
    }
    all
}

/// A comment, which is no event.
const KEEP_ALIVE: &[u8] = b": keep-alive\n\n";

fn sse(event: &impl serde::Serialize) -> String {
    // Text, numbers and names only, so that there is nothing that JSON has no form for.
    format!("data: {}\n\n", serde_json::to_string(event).unwrap_or_default())
}

fn id() -> Result<String, Error> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| Error::internal("the operating system gave no randomness"))?;
    Ok(format!("cmpl-{:032x}", u128::from_be_bytes(bytes)))
}
