//! A public network with another tokenizer: stories260K. The tests are skipped without its files, which are not committed.

use std::path::PathBuf;

use amaas::task::{FinishReason, Prompt};
use amaas_engine::Batching;
use amaas_generate::{Generate, bundle};
use amaas_model::publish::Publication;
use amaas_store::live;
use bytes::Bytes;
use serde_json::{Value, json};

use crate::service::{Service, skip};

#[tokio::test]
async fn two_hundred_tokens_are_the_reference_programs_own() {
    let Some((publication, expected)) = stories() else { return };
    let service = Service::with(vec![publication]).await;
    assert_eq!(service.batching, Batching::Rows);
    // An empty prompt is the begin token.
    let answer = service.client().model("stories").complete(Prompt::new("").max_tokens(200).temperature(0.0)).await;
    let answer = answer.expect("an answer");
    let made = answer.prediction();
    assert_eq!(made.text.as_bytes(), expected.as_slice());
    assert_eq!((made.finish_reason, made.prompt_tokens, made.completion_tokens), (FinishReason::Length, 1, 200));
}

/// stories260K as a publication, and its greedy text.
fn stories() -> Option<(Publication, Vec<u8>)> {
    let folder = PathBuf::from(std::env::var_os("AMAAS_TEST_DATA").unwrap_or_default()).join("stories260k");
    let read = |name: &str| std::fs::read(folder.join(name));
    let files = [read("stories260K.onnx"), read("tok512.bin"), read("expected_greedy_200.txt")];
    let [Ok(network), Ok(tokens), Ok(mut expected)] = files else {
        skip(
            "AMAAS_TEST_DATA is not set to a folder with stories260k/: functions/generate/model/README.md names its source",
        );
        return None;
    };
    // The program that wrote it ends its output with a line feed.
    expected.pop();
    let publication = Publication {
        model: "stories".parse().expect("a name"),
        network: network.into(),
        assets: [
            (Generate::TOKENIZER.to_owned(), Bytes::from(tokenizer(&tokens).to_string())),
            (Generate::SETTINGS.to_owned(), Bytes::from_static(br#"{"context":512,"ends":[1,2]}"#)),
        ]
        .into(),
        golden: None,
        ..bundle(live()).expect("committed")
    };
    Some((publication, expected))
}

/// `llama2.c`'s vocabulary as a `tokenizer.json`: after the longest length, each token's score and text. Its encoder merges the pair
/// with the best score, so merges are ranked by the score of their result.
fn tokenizer(file: &[u8]) -> Value {
    let (mut rest, mut tokens) = (&file[4..], Vec::new());
    while let Some((head, tail)) = rest.split_at_checked(8) {
        let score = f32::from_le_bytes(head[..4].try_into().expect("four bytes"));
        let length = usize::try_from(u32::from_le_bytes(head[4..].try_into().expect("four bytes"))).expect("small");
        let text = String::from_utf8(tail[..length].to_vec()).expect("UTF-8").replace(' ', "▁");
        tokens.push((text, score));
        rest = &tail[length..];
    }
    for (token, name) in tokens.iter_mut().zip(["<unk>", "<s>", "</s>"]) {
        name.clone_into(&mut token.0);
    }
    let id = |text: &str| tokens.iter().position(|(token, _)| token == text);
    let mut merges = Vec::new();
    for (text, score) in &tokens[259..] {
        let splits = text.char_indices().skip(1).map(|(at, _)| text.split_at(at));
        merges.extend(splits.filter(|(a, b)| id(a).is_some() && id(b).is_some()).map(|pair| (*score, pair)));
    }
    merges.sort_by(|a, b| b.0.total_cmp(&a.0));
    let merges: Vec<_> = merges.iter().map(|(_, (a, b))| json!([a, b])).collect();
    let vocabulary: serde_json::Map<_, _> =
        tokens.iter().enumerate().map(|(id, (text, _))| (text.clone(), id.into())).collect();
    let special = |id: usize, content: &str| {
        json!({"id": id, "content": content, "special": true, "single_word": false, "lstrip": false, "rstrip": false,
            "normalized": false})
    };
    json!({
        "version": "1.0",
        "added_tokens": [special(0, "<unk>"), special(1, "<s>"), special(2, "</s>")],
        "normalizer": {"type": "Sequence", "normalizers": [
            {"type": "Prepend", "prepend": "▁"},
            {"type": "Replace", "pattern": {"String": " "}, "content": "▁"},
        ]},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}},
        },
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": "▁"}, "content": " "},
            {"type": "ByteFallback"},
            {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0},
        ]},
        "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true, "vocab": vocabulary,
            "merges": merges},
    })
}
