//! A scripted server for your own tests (feature `testing`).
//!
//! [`TestServer`] listens on 127.0.0.1 and uses the real format. It answers each request with the first queued [`ScriptedReply`] for
//! the request's model, and records the requests. It has its own keys, and accepts sealed and plain calls. It runs no model, checks
//! no credentials and no clock, and remembers no idempotency key; it only follows the script.
//!
//! ```
//! use amaas::task::TextClassification;
//! use amaas::testing::TestServer;
//! use amaas::{Answer, ErrorKind};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = TestServer::start().await?;
//! let model = server.client()?.model("sentiment");
//!
//! // The service is busy at first, and answers when it is asked again.
//! server.problem(503, "queue-full", "the queue is full").retry_after(0);
//! server.predict("sentiment", [TextClassification::of([("positive".to_owned(), 0.9), ("negative".to_owned(), 0.1)])]);
//! let answer: Answer<TextClassification> = model.predict("what a lovely day").await?;
//! assert_eq!(answer.prediction().label, "positive");
//! assert_eq!(answer.attempts(), 2);
//!
//! // Both attempts sent the same, with one idempotency key.
//! let requests = server.requests();
//! assert_eq!(requests[0].path(), "/v1/models/sentiment/predict");
//! assert_eq!(requests[0].json()?, serde_json::json!({"inputs": ["what a lovely day"]}));
//! assert_eq!(requests[0].header("idempotency-key"), requests[1].header("idempotency-key"));
//!
//! // Errors come as your program will see them.
//! server.problem(422, "invalid-input", "inputs[0] is longer than 512 tokens");
//! let error = model.predict::<TextClassification>("…").await.unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::InvalidInput);
//! assert_eq!(error.detail(), Some("inputs[0] is longer than 512 tokens"));
//! # Ok(())
//! # }
//! ```

mod host;
mod receipt;
mod recorded_request;
mod reply;
mod script;
mod sealed;
mod server;
mod server_keys;

pub use receipt::ReceiptOf;
pub use recorded_request::RecordedRequest;
pub use reply::ScriptedReply;
pub use server::TestServer;
pub use server_keys::KeyOffer;
