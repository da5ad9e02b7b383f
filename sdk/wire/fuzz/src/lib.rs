//! The bodies of the fuzz targets. Each takes any bytes, panics where an invariant is broken, and says whether the bytes
//! were accepted. Keys are fixed, so that a corpus stays what it is.

use amaas_ohttp::key_list::KeyList;
use amaas_ohttp::{PrivateKey, Suite};
use amaas_wire::Digest;
use amaas_wire::dsse::SigningKey;
use amaas_wire::keys::{Audience, KeyManifest, ManifestRequirement};
use amaas_wire::oip::{self, InferRequest, InferResponse, OutputEncodings};
use amaas_wire::openai::{CompletionsRequest, EmbeddingsRequest, RerankRequest};
use amaas_wire::predict::{NoParameters, PredictRequest, Usage};
use amaas_wire::receipt::{MeteredUsage, Receipt, ReceiptFormat, SignedReceipt};

#[path = "../../../env/src/shell.rs"]
mod shell;

/// A request to infer: the length of its JSON in two bytes, all ones for none, and the body. Accepted tensors are written as bytes
/// and read again, and are the same bit by bit.
pub fn oip_request(bytes: &[u8]) -> bool {
    let Some((length, body)) = bytes.split_first_chunk::<2>() else { return false };
    let header = u16::from_le_bytes(*length);
    let header = (header != u16::MAX).then_some(usize::from(header));
    let body = bytes::Bytes::copy_from_slice(body);
    let Ok((request, _)) = InferRequest::from_http(&body, header) else { return false };
    let (written, header) = request.to_http();
    let written = bytes::Bytes::from(written);
    let (again, _) = InferRequest::from_http(&written, Some(header)).expect("what was written can be read");
    assert_eq!(again.to_http(), (written.to_vec(), header));
    let response = |InferRequest { id, inputs, .. }: InferRequest| {
        let response = InferResponse { model_name: "m".to_owned(), model_version: None, id, outputs: inputs };
        response.into_http(&OutputEncodings::all(oip::TensorEncoding::Binary)).expect("bytes can carry any value")
    };
    let written = response(request);
    assert_eq!(response(again), written);
    let header = written.header_length();
    let again = InferResponse::from_http(&written.clone().into_body(), header).expect("what was written can be read");
    assert_eq!(again.into_http(&OutputEncodings::all(oip::TensorEncoding::Binary)).expect("as before"), written);
    true
}

/// Nothing is accepted but what the fixed signer signed.
pub fn key_manifest(bytes: &[u8]) -> bool {
    let (list, manifest) = manifest();
    let audience = manifest.audience().clone();
    let required = ManifestRequirement { audience, now: 1_500, least_serial: 7 };
    let verified = KeyManifest::verify(bytes, &list, &[signer().verifying_key()], &required);
    verified.is_ok_and(|(_, found)| {
        assert_eq!(found, manifest);
        true
    })
}

/// A receipt in its envelope is written and read again, and is accepted from the fixed signer only as that signed it.
pub fn receipt(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let Ok(parsed) = text.parse::<SignedReceipt>() else { return false };
    let again = parsed.to_string().parse::<SignedReceipt>().expect("what was written can be read");
    assert!(again == parsed);
    if let Ok(verified) = parsed.verify(&[signer().verifying_key()]) {
        assert_eq!(verified, &signed_receipt());
    }
    true
}

/// A request for a completion is within its own bounds, and is routed to the model that it names.
pub fn completions(bytes: &[u8]) -> bool {
    let Ok(request) = CompletionsRequest::from_json(bytes) else { return false };
    assert!(request.prompt.check().is_ok());
    assert_eq!(EmbeddingsRequest::model_of(bytes), Ok(request.model));
    true
}

/// A request to rank has as many documents as are allowed at most, and is routed to the model that it names.
pub fn rerank(bytes: &[u8]) -> bool {
    let Ok(request) = RerankRequest::from_json(bytes, MAX_INPUTS) else { return false };
    assert!(!request.documents.is_empty() && request.documents.len() <= MAX_INPUTS && request.top_n != Some(0));
    assert_eq!(EmbeddingsRequest::model_of(bytes), Ok(request.model));
    true
}

/// A request for embeddings has as many inputs as are allowed at most, and is routed to the model that it names.
pub fn embeddings(bytes: &[u8]) -> bool {
    let Ok(request) = EmbeddingsRequest::from_json(bytes, MAX_INPUTS) else { return false };
    assert!(request.input.len() <= MAX_INPUTS);
    assert_eq!(EmbeddingsRequest::model_of(bytes), Ok(request.model));
    true
}

/// A request to predict has the inputs that a parser without bounds finds in it.
pub fn predict(bytes: &[u8]) -> bool {
    let Ok(request) = PredictRequest::<String, NoParameters>::from_json(bytes, MAX_INPUTS) else { return false };
    assert!(request.inputs.len() <= MAX_INPUTS);
    // Members that are passed over may have numbers, or a depth, that it does not take.
    let Ok(whole) = serde_json::from_slice::<serde_json::Value>(bytes) else { return true };
    assert_eq!(whole["inputs"], serde_json::json!(request.inputs));
    true
}

/// A line of an env file: its value in single quotes is read again, and is the same.
pub fn env_line(bytes: &[u8]) -> bool {
    let Ok(line) = std::str::from_utf8(bytes) else { return false };
    let Ok(Some((name, value))) = shell::assignment(line) else { return false };
    let quoted = format!("{name}='{}'", value.replace('\'', r#"'"'"'"#));
    assert_eq!(shell::assignment(&quoted), Ok(Some((name, value))));
    true
}

/// What the fixed signer signed.
pub fn signed_receipt() -> Receipt {
    Receipt {
        format: ReceiptFormat::One,
        request_id: "id".to_owned(),
        time: 1_500,
        tenant: "acme".to_owned(),
        model: "sentiment".to_owned(),
        version: "3".to_owned(),
        digest: Digest::of(b"model"),
        usage: MeteredUsage { usage: Usage::new(1, 2), units: 1, unit: "rows".to_owned() },
        input: Digest::of(b"input"),
        output: Digest::of(b"output"),
    }
}

/// The fixed list, and its manifest.
pub fn manifest() -> (Vec<u8>, KeyManifest) {
    let list = KeyList::new([PrivateKey::derive(2, Suite::X25519, &[2; 32]).public_key()]).expect("one key").encode();
    let audience = Audience { model: "sentiment".to_owned(), version: "3".to_owned() };
    let manifest = KeyManifest::new(&list, audience, 1_000..=2_000, 7);
    (list, manifest)
}

/// The fixed signer.
pub fn signer() -> SigningKey {
    SigningKey::from_bytes(&[3; 32])
}

/// So few that a fuzzer reaches it.
const MAX_INPUTS: usize = 4;
