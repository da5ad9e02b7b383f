//! Clients that disconnect: generation stops after a token or two.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use amaas_engine::{InvalidInput, TaskError};
use amaas_generate::{Generate, bundle};
use amaas_model::publish::Publication;
use amaas_model::task::{TaskContext, TextGenerator};
use amaas_serve::Limits;
use amaas_store::live;
use tokio::sync::Mutex;
use tokio::time::{sleep, timeout};

use crate::service::Service;

/// The committed model's task, which is slow for each token, counts tokens, and never ends a text.
pub(crate) struct SlowGenerator(Generate);

impl TextGenerator for SlowGenerator {
    const NAME: &'static str = "slow";
    const EXAMPLE: &'static str = Generate::EXAMPLE;

    fn load(context: &TaskContext) -> Result<Self, TaskError> {
        Generate::load(context).map(Self)
    }

    fn encode(&self, text: &str) -> Result<Vec<i64>, InvalidInput> {
        self.0.encode(text)
    }

    fn decode(&self, tokens: &[i64]) -> Result<String, TaskError> {
        self.0.decode(tokens)
    }

    fn is_end(&self, _: i64) -> bool {
        MADE.fetch_add(1, Ordering::SeqCst);
        std::thread::sleep(A_TOKEN);
        false
    }

    fn context_length(&self) -> usize {
        self.0.context_length()
    }
}

/// Serialises the tests that count tokens and those that generate them.
static COUNTING: Mutex<()> = Mutex::const_new(());
static MADE: AtomicUsize = AtomicUsize::new(0);
const A_TOKEN: Duration = Duration::from_millis(25);

fn made() -> usize {
    MADE.load(Ordering::SeqCst)
}

/// The number of tokens generated from now until generation stops.
async fn made_from_now_on() -> usize {
    let begun = made();
    let mut last = begun;
    loop {
        sleep(A_TOKEN * 8).await;
        if made() == last {
            return last - begun;
        }
        last = made();
    }
}

#[tokio::test]
async fn a_text_ends_with_its_caller() {
    let _counting = COUNTING.lock().await;
    let publication = bundle(live()).expect("committed");
    let (model, task) = ("slow".parse().expect("a name"), Some(SlowGenerator::NAME.to_owned()));
    let service = Service::with(vec![Publication { model, task, ..publication }]).await;
    for stream in [true, false] {
        let body = serde_json::json!({ "model": "slow", "prompt": "ROMEO:", "max_tokens": 150, "stream": stream });
        let post = reqwest::Client::new().post(format!("{}/v1/completions", service.endpoint));
        let post = post.bearer_auth(service.key.expose()).json(&body);
        let before = made();
        if stream {
            let mut answer = post.send().await.expect("an answer");
            answer.chunk().await.expect("it is open").expect("a first piece");
            drop(answer);
        } else {
            assert!(timeout(A_TOKEN * 8, post.send()).await.is_err(), "it has 150 tokens to make");
        }
        assert!(made() > before, "it had begun");
        // The token in progress, and one while the connection closes. A stream generates one more: the server notices the disconnect by the
        // reset that answers its next event, because a half-closed client still reads.
        let more = made_from_now_on().await;
        assert!(more <= 2 + usize::from(stream), "{more} tokens after the client had gone, streamed: {stream}");
    }
    // Both are charged for the generated tokens, whether or not the client received them.
    let usage = reqwest::Client::new().get(format!("{}/v1/usage", service.endpoint));
    let usage = usage.bearer_auth(service.key.expose()).send().await.expect("an answer");
    let usage: serde_json::Value = usage.json().await.expect("JSON");
    let (calls, tokens) = (&usage["total"]["calls"], usage["total"]["tokens"].as_u64().expect("a number"));
    assert!(*calls == 2 && (6..300).contains(&tokens), "{usage}");
}

/// The event reader is that of `OpenAI`'s own client, in `openai.rs`; the rules are those of the HTML Standard.
#[tokio::test]
async fn a_stream_that_is_slow_says_that_it_is_alive() {
    let _counting = COUNTING.lock().await;
    let publication = bundle(live()).expect("committed");
    let (model, task) = ("slow".parse().expect("a name"), Some(SlowGenerator::NAME.to_owned()));
    let limits = Limits { keep_alive: A_TOKEN / 5, ..Limits::default() };
    let service = Service::with_limits(vec![Publication { model, task, ..publication }], limits).await;
    let body = serde_json::json!({ "model": "slow", "prompt": "ROMEO:", "max_tokens": 8, "stream": true });
    let post = reqwest::Client::new().post(format!("{}/v1/completions", service.endpoint));
    let answer = post.bearer_auth(service.key.expose()).json(&body).send().await.expect("an answer");
    for (name, value) in
        [("content-type", "text/event-stream"), ("cache-control", "no-cache"), ("x-accel-buffering", "no")]
    {
        assert_eq!(answer.headers()[name], value);
    }
    let text = answer.text().await.expect("whole");
    let alive = text.matches(": keep-alive\n\n").count();
    assert!(alive >= 4, "{alive} in {text}");
    let others: Vec<_> = text.split_terminator("\n\n").filter(|event| *event != ": keep-alive").collect();
    let (last, events) = others.split_last().expect("some");
    assert!(last.starts_with(": amaas-receipt "), "{last}");
    assert!(events.iter().all(|event| event.starts_with("data: ")) && events.last() == Some(&"data: [DONE]"), "{text}");
    // The receipt covers everything before it.
    let (content, receipt) = amaas_wire::receipt::split_comment(text.as_bytes()).expect("a receipt");
    assert!(content.ends_with(b"data: [DONE]\n\n") && receipt.starts_with('{'));
}
