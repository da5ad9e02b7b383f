//! `functions/docs/reference.md`, written from the tables of routes and of error classes.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use amaas_wire::ErrorClass;

use super::routes;
use crate::error::{Error, is_not_processed};
use crate::reply::{openai_code, problem_type};

#[test]
fn the_reference_lists_every_route_and_every_error() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/reference.md");
    let expected = reference();
    if std::env::var_os(UPDATE).is_some() {
        std::fs::write(&file, &expected).expect("the file can be written");
    }
    let got = std::fs::read_to_string(&file).expect("the file is committed");
    assert!(got == expected, "{} is out of date: run this test with {UPDATE}=1", file.display());
}

fn reference() -> String {
    let mut out = String::from(HEAD);
    for route in routes().iter().filter(|route| !route.path.ends_with('/')) {
        writeln!(out, "| `{}` | `{}` |", route.method, route.path).expect("memory");
    }
    out.push_str(ERRORS);
    for class in classes() {
        let ErrorClass { status, slug, title, .. } = class;
        let retry = match (class.is_retryable, is_not_processed(&class)) {
            (false, _) => "no",
            (true, false) => "yes",
            (true, true) => "yes, no work was done",
        };
        let (kind, code) = (problem_type(&class), openai_code(&class));
        writeln!(out, "| {status} | `{slug}` | {title} | `{kind}` | `{code}` | {retry} |").expect("memory");
    }
    out
}

/// All classes by status and slug. Errors of one slug differ at most in whether a retry can help.
fn classes() -> Vec<ErrorClass> {
    let mut classes = BTreeMap::new();
    for class in Error::GROUPS.concat() {
        let known = classes.entry((class.status, class.slug)).or_insert(class);
        known.is_retryable |= class.is_retryable;
    }
    classes.into_values().collect()
}

const UPDATE: &str = "AMAAS_UPDATE_GOLDEN";

const HEAD: &str = "\
# Routes and errors

This page is generated: `AMAAS_UPDATE_GOLDEN=1 cargo test --workspace the_reference` writes it from the tables that the code uses.
[Routes and protocols](protocols.md) says what each route is for. `GET /openapi.json` has the schemas.

## Routes
| method | path |
| --- | --- |
";
const ERRORS: &str = "
## Errors
`slug` is stable. Native routes answer with `type`, OpenAI routes with `code`, and the log has `kind`, the slug.
If a retry can help, the answer has `Retry-After`. If no work was done, it has `amaas-not-processed` as well.

| status | slug | title | `type` of a problem document | OpenAI `code` | retry |
| --- | --- | --- | --- | --- | --- |
";
