//! What the routes of the keys say of themselves, where sealed calls are taken.

use amaas_ohttp::key_list::MEDIA_TYPE;
use amaas_wire::dsse::Envelope;

use super::document::Operation;
use super::refusal::Refusal::{self, Ready, Sealing, UnknownModel};
use super::tag;
use super::writer::{Writer, bytes};

pub(crate) fn list(writer: &mut Writer) -> Option<Operation> {
    public_keys(writer, "keys", "The keys to seal a call to.", &[Sealing])
}

pub(crate) fn gateway(writer: &mut Writer) -> Option<Operation> {
    public_keys(writer, "ohttp_gateway", "The same list, where RFC 9540 has clients look for it.", &[Sealing])
}

pub(crate) fn of_model(writer: &mut Writer) -> Option<Operation> {
    public_keys(writer, "model_keys", "The keys to seal a call to a model to.", &[UnknownModel, Sealing])
}

pub(crate) fn manifest(writer: &mut Writer) -> Option<Operation> {
    signed(
        writer,
        "keys_manifest",
        "What the signers of the keys say of the list, to calls that name no model.",
        &[Sealing],
    )
}

pub(crate) fn manifest_of_model(writer: &mut Writer) -> Option<Operation> {
    let refusals = [UnknownModel, Ready, Sealing];
    signed(
        writer,
        "model_keys_manifest",
        "What the signers of the keys say of the list, to calls of a model.",
        &refusals,
    )
}

fn public_keys(writer: &mut Writer, id: &str, summary: &str, refusals: &[Refusal]) -> Option<Operation> {
    let content = bytes(MEDIA_TYPE);
    answer(writer, id, summary, "Key configurations, each with its length before it (RFC 9458 §3).", content, refusals)
}

fn signed(writer: &mut Writer, id: &str, summary: &str, refusals: &[Refusal]) -> Option<Operation> {
    let content = writer.json::<Envelope>();
    let description = "A DSSE envelope around the digest of the list, for whom it is, and from when to when it holds.";
    answer(writer, id, summary, description, content, refusals)
}

fn answer(
    writer: &mut Writer,
    id: &str,
    summary: &str,
    description: &str,
    content: super::document::Content,
    refusals: &[Refusal],
) -> Option<Operation> {
    if !writer.seals() {
        return None;
    }
    let mut operation = writer.operation(id, tag::KEYS, summary);
    operation.security = Some(Vec::new());
    writer.gives(&mut operation, 200, description, &[], content);
    writer.refuses(&mut operation, refusals);
    Some(operation)
}
