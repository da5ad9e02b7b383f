//! Texts that end a generated text, of 15 MiB each: 15 KB on the wire, each of which was searched for behind every token.

use amaas_e2e::Program;
use amaas_generate::{Generate, bundle};
use amaas_model::task::{Tasks, TextGeneration};
use amaas_store::live;
use serde_json::json;

use crate::Seen;
use crate::scene::{Scene, gzip, run};

/// Eight attackers; the bystander has 20 tokens made.
pub(crate) fn long_stops() -> Seen {
    run(async {
        let tasks = Tasks::default().with::<TextGeneration<Generate>>();
        let scene = Scene::start(Program::Generate, bundle(live()).expect("committed"), &tasks).await;
        let stop = [json!("q".repeat(15 << 20))];
        let attack = json!({ "model": "generate", "prompt": "ROMEO:", "max_tokens": 20, "stop": stop, "seed": 1 });
        let attack = gzip(attack.to_string().as_bytes());
        let call = json!({ "model": "generate", "prompt": "ROMEO:", "max_tokens": 20, "seed": 1 });
        let path = "/v1/completions";
        let attack = || async {
            if let Some(answer) = scene.attack(path, &attack).await {
                assert!(!answer.status().is_success(), "it is refused");
            }
        };
        // One body that is expanded, and read, for each turn of the attacker's, and one that waits for each of its calls.
        scene.measure(|| scene.call(path, &call), (8, attack), 256).await
    })
}
