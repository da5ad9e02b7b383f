//! What the span of a call and its one event at the end tell.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};

use amaas::testing::TestServer;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

use crate::Result;

/// The fields of the last `amaas.call`, and the events of this crate above `TRACE` in calls, but for those of attempts.
#[derive(Clone, Default)]
struct Capture(Arc<Mutex<Captured>>);

#[derive(Default)]
struct Captured {
    span: Option<Id>,
    fields: BTreeMap<&'static str, String>,
    ends: Vec<(Level, String)>,
}

struct Fields<'a>(&'a mut BTreeMap<&'static str, String>);

impl Visit for Fields<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name(), format!("{value:?}").trim_matches('"').to_owned());
    }
}

impl<S: Subscriber> Layer<S> for Capture {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        if attributes.metadata().name() == "amaas.call" {
            let mut captured = self.0.lock().expect("no panic");
            *captured = Captured { span: Some(id.clone()), ..Captured::default() };
            attributes.record(&mut Fields(&mut captured.fields));
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut captured = self.0.lock().expect("no panic");
        if captured.span.as_ref() == Some(id) {
            values.record(&mut Fields(&mut captured.fields));
        }
    }

    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = BTreeMap::new();
        event.record(&mut Fields(&mut fields));
        let message = fields.remove("message").unwrap_or_default();
        if event.metadata().target().starts_with("amaas::call") && message.starts_with("call ") {
            let text = fields.into_iter().fold(message, |text, (name, value)| format!("{text} {name}={value}"));
            self.0.lock().expect("no panic").ends.push((*event.metadata().level(), text));
        }
    }
}

#[tokio::test]
async fn a_span_tells_how_its_call_came_out() -> Result {
    let capture = Capture::default();
    // Where there is one subscriber only, what threads without it trace first is switched off for it too.
    let _another = tracing::Dispatch::new(tracing_subscriber::registry());
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(capture.clone()));
    tracing::callsite::rebuild_interest_cache();
    let server = TestServer::start().await?;
    let client = server.client()?;
    let options = amaas::CallOptions::default().request_id("id-1");
    let model = client.model("m").with(options);

    let ended = |expected: &[(&str, &str)], absent: &[&str], level: Level, event: &str| {
        let captured = capture.0.lock().expect("no panic");
        for (name, value) in expected {
            assert_eq!(captured.fields.get(name).map(String::as_str), Some(*value), "{name}: {:?}", captured.fields);
        }
        for name in absent {
            assert!(!captured.fields.contains_key(name), "{name}: {:?}", captured.fields);
        }
        assert!(captured.fields["amaas.elapsed_ms"].parse::<u64>().is_ok());
        let ends: Vec<_> = captured.ends.iter().map(|(level, text)| (*level, text.as_str())).collect();
        assert_eq!(ends, [(level, event)], "one event at the end");
        let all = format!("{:?} {:?}", captured.fields, captured.ends);
        assert!(!all.contains("PAYLOAD") && !all.contains(&server.api_key().expose()["amaas_test_".len()..]), "{all}");
    };

    server.problem(503, "busy", "the queue is full").predict("m", ["PAYLOAD"]);
    model.predict::<String>("PAYLOAD").await?;
    ended(
        &[
            ("otel.kind", "client"),
            ("http.request.method", "POST"),
            ("server.address", "127.0.0.1"),
            ("url.path", "/v1/models/m/predict"),
            ("gen_ai.request.model", "m"),
            ("amaas.request_id", "id-1"),
            ("http.response.status_code", "200"),
            ("amaas.attempts", "2"),
            ("amaas.version", "1"),
            ("amaas.rows", "1"),
            ("amaas.billed_ms", "1"),
        ],
        &["error.type", "otel.status_code"],
        Level::DEBUG,
        "call answered",
    );

    server.json(
        200,
        &serde_json::json!({"predictions": [1], "model": "m", "version": "7",
            "usage": {"rows": 1, "billed_ms": 2, "tokens": 5}}),
    );
    model.predict::<u8>("PAYLOAD").await?;
    ended(&[("amaas.version", "7"), ("amaas.tokens", "5")], &["error.type"], Level::DEBUG, "call answered");

    server.problem(429, "rate-limited", "60 a minute").retry_after(3600);
    model.predict::<u8>("PAYLOAD").await.expect_err("an hour");
    ended(
        &[
            ("http.response.status_code", "429"),
            ("error.type", "rate_limited"),
            ("otel.status_code", "ERROR"),
            ("amaas.attempts", "1"),
        ],
        &["amaas.version", "amaas.rows"],
        Level::INFO,
        "call failed error=too many calls (429) after 1 attempt, try again in 60 min: 60 a minute error.type=rate_limited",
    );

    // An answer that turns out to be none fails too.
    server.predict("m", ["PAYLOAD"]);
    model.predict::<u8>("PAYLOAD").await.expect_err("text");
    ended(
        &[("error.type", "protocol"), ("http.response.status_code", "200")],
        &["amaas.version"],
        Level::INFO,
        "call failed error=the answer of type \"application/json\" cannot be read, predictions[0]: expected a whole number from \
         0 to 255, got a string, at line 1 column 25 (200) after 1 attempt error.type=protocol",
    );

    server.json(200, &serde_json::json!({"object": "list", "data": []}));
    client.models().await?;
    ended(&[("url.path", "/v1/models")], &["gen_ai.request.model"], Level::DEBUG, "call answered");
    Ok(())
}
