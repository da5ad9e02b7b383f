//! `functions/docs/openai.md`, written from the tables of members of the requests.

use std::fmt::Write;
use std::path::Path;

use amaas_wire::openai::{CompletionsRequest, EmbeddingsRequest, Member, MemberEffect, RerankRequest};

#[test]
fn the_reference_lists_every_member() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/openai.md");
    let expected = members_reference();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&file, &expected).expect("the file can be written");
    }
    let got = std::fs::read_to_string(&file).expect("the file is committed");
    assert!(got == expected, "{} is out of date: run this test with {UPDATE}=1", file.display());
}

fn members_reference() -> String {
    let mut out = String::from(HEAD);
    for (title, members) in [
        ("`POST /v1/completions`", CompletionsRequest::MEMBERS),
        ("`POST /v1/embeddings`", EmbeddingsRequest::MEMBERS),
        ("`POST /v1/rerank` and `POST /v2/rerank`", RerankRequest::MEMBERS),
    ] {
        write!(out, "\n## {title}\n| member | effect | values |\n| --- | --- | --- |\n").expect("memory");
        for Member { name, effect, values, .. } in members {
            writeln!(out, "| `{name}` | {} | {values} |", effect_name(*effect)).expect("memory");
        }
    }
    out
}

fn effect_name(effect: MemberEffect) -> &'static str {
    match effect {
        MemberEffect::Required => "required",
        MemberEffect::Honoured => "honoured",
        MemberEffect::Fixed => "fixed",
        MemberEffect::None => "none",
        _ => unreachable!("the tables have no other effect"),
    }
}

const UPDATE: &str = "AMAAS_UPDATE_GOLDEN";

const HEAD: &str = "\
# Members of the OpenAI routes

This page is generated: `AMAAS_UPDATE_GOLDEN=1 cargo test --workspace the_reference` writes it from the tables that the code uses.
[Routes and protocols](protocols.md) says what each route is for. `GET /openapi.json` has the schemas.

A member that is not listed here is refused by name, and so is a value that is not. `null` has the meaning of an absent member.

| effect | meaning |
| --- | --- |
| required | the call needs it |
| honoured | the answer is as the member says |
| fixed | only the listed value is taken, since the route does that anyway |
| none | it describes the call, and does not change the answer |
";
