//! Judges a text: `cargo run -p amaas --example predict -- "what a lovely day"`.
//!
//! The endpoint and the key come from `AMAAS_ENDPOINT` and `AMAAS_API_KEY`, or from the file that `amaas dev` writes.

use amaas::task::TextClassification;
use amaas::{Answer, Client, Error};

#[tokio::main]
async fn main() -> Result<(), Error> {
    let text = std::env::args().nth(1).unwrap_or_else(|| "what a lovely day".to_owned());
    let model = Client::from_env()?.model("sentiment");

    let answer: Answer<TextClassification> = model.predict(&text).await?;

    let TextClassification { label, probability, .. } = answer.prediction();
    println!("{label} ({:.1} %)", probability * 100.0);
    println!("version {}, {} ms billed, request {}", answer.version(), answer.usage().billed_ms, answer.request_id());
    Ok(())
}
