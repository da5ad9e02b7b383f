//! Stop texts of 15 MiB each: 15 KB on the wire. Every one was searched for after each token.

use amaas_e2e::Program;
use amaas_generate::{Generate, bundle};
use amaas_model::task::{Tasks, TextGeneration};
use amaas_store::live;
use serde_json::json;

use crate::AttackResult;
use crate::tenants::{TwoTenantServer, gzip, run};

/// Eight attackers; the bystander generates 20 tokens.
pub(crate) fn long_stops() -> AttackResult {
    run(async {
        let tasks = Tasks::default().with::<TextGeneration<Generate>>();
        let server = TwoTenantServer::start(Program::Generate, bundle(live()).expect("committed"), &tasks).await;
        let stop = [json!("q".repeat(15 << 20))];
        let attack = json!({ "model": "generate", "prompt": "ROMEO:", "max_tokens": 20, "stop": stop, "seed": 1 });
        let attack = gzip(attack.to_string().as_bytes());
        let call = json!({ "model": "generate", "prompt": "ROMEO:", "max_tokens": 20, "seed": 1 });
        let path = "/v1/completions";
        let attack = || async {
            if let Some(answer) = server.attack(path, &attack).await {
                assert!(!answer.status().is_success(), "it is refused");
            }
        };
        // One body is expanded and read for each attack, and one waits for each of its calls.
        server.measure(|| server.call(path, &call), (8, attack), 256).await
    })
}
