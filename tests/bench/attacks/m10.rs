//! Texts of a megabyte for a network of 128 tokens: 15 KB on the wire, 5.6 s of CPU time to tokenize, charged as 3 tokens each.

use amaas_e2e::Program;
use amaas_embed::{Embed, bundle};
use amaas_model::task::{Tasks, TextEmbedding};
use amaas_store::live;
use serde_json::json;

use crate::AttackResult;
use crate::tenants::{TwoTenantServer, gzip, run};

/// Twelve attackers; the bystander embeds a short text.
pub(crate) fn long_texts() -> AttackResult {
    run(async {
        let tasks = Tasks::default().with::<TextEmbedding<Embed>>();
        let server = TwoTenantServer::start(Program::Embed, bundle(live()).expect("committed"), &tasks).await;
        // One word, in a script without words in the tokenizer.
        let texts = vec!["ネコ".repeat(170_000); 15];
        let attack = gzip(json!({ "model": "embed", "input": texts }).to_string().as_bytes());
        let call = json!({ "model": "embed", "input": "The cat sleeps on the warm roof." });
        let path = "/v1/embeddings";
        let attack = || async {
            if let Some(answer) = server.attack(path, &attack).await {
                assert!(!answer.status().is_success(), "it is refused");
            }
        };
        server.measure(|| server.call(path, &call), (12, attack), 384).await
    })
}
