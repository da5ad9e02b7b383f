//! Descriptions of the routes of sealing keys, if the host accepts sealed calls.

use amaas_ohttp::key_list::MEDIA_TYPE;
use amaas_wire::dsse::Envelope;

use super::builder::{DocumentBuilder, bytes};
use super::document::OperationObject;
use super::refusal::RefusalGroup::{self, Ready, Sealing, UnknownModel};
use super::tag;

pub(crate) fn list(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    public_keys(builder, "keys", "The keys to seal a call to.", &[Sealing])
}

pub(crate) fn gateway(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    public_keys(builder, "ohttp_gateway", "The same list, where RFC 9540 has clients look for it.", &[Sealing])
}

pub(crate) fn model_list(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    public_keys(builder, "model_keys", "The keys to seal a call to a model to.", &[UnknownModel, Sealing])
}

pub(crate) fn manifest(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    manifest_route(
        builder,
        "keys_manifest",
        "The signed manifest of the list of keys, for calls that name no model.",
        &[Sealing],
    )
}

pub(crate) fn model_manifest(builder: &mut DocumentBuilder) -> Option<OperationObject> {
    let refusals = [UnknownModel, Ready, Sealing];
    manifest_route(
        builder,
        "model_keys_manifest",
        "The signed manifest of the list of keys, for calls of a model.",
        &refusals,
    )
}

fn public_keys(
    builder: &mut DocumentBuilder,
    id: &str,
    summary: &str,
    refusals: &[RefusalGroup],
) -> Option<OperationObject> {
    let content = bytes(MEDIA_TYPE);
    keys_route(
        builder,
        id,
        summary,
        "Key configurations, each with its length before it (RFC 9458 §3).",
        content,
        refusals,
    )
}

fn manifest_route(
    builder: &mut DocumentBuilder,
    id: &str,
    summary: &str,
    refusals: &[RefusalGroup],
) -> Option<OperationObject> {
    let content = builder.json::<Envelope>();
    let description = "A DSSE envelope around the digest of the list, its audience, and its period of validity.";
    keys_route(builder, id, summary, description, content, refusals)
}

fn keys_route(
    builder: &mut DocumentBuilder,
    id: &str,
    summary: &str,
    description: &str,
    content: super::document::ContentObject,
    refusals: &[RefusalGroup],
) -> Option<OperationObject> {
    if !builder.seals() {
        return None;
    }
    let mut operation = builder.operation(id, tag::KEYS, summary);
    operation.security = Some(Vec::new());
    builder.response(&mut operation, 200, description, &[], content);
    builder.errors(&mut operation, refusals);
    Some(operation)
}
