//! Receipts: what is signed, who may have signed it, and what they are refused for.

use amaas_wire::Digest;
use amaas_wire::dsse::{DsseError, Envelope, VerifyingKey};
use amaas_wire::keys::{KeyManifest, ManifestError};
use amaas_wire::predict::Usage;
use amaas_wire::receipt::{
    MAX_RECEIPT_LEN, MeteredUsage, PAYLOAD_TYPE, Receipt, ReceiptError, ReceiptFormat, SignedReceipt, comment,
    split_comment,
};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::keys::{manifest, requirement, signer, small_list};

const INPUT: &[u8] = br#"{"inputs":["fine"]}"#;
const OUTPUT: &[u8] = br#"{"predictions":["positive"]}"#;

pub(crate) fn receipt() -> Receipt {
    Receipt {
        format: ReceiptFormat::One,
        request_id: "4bf92f35".to_owned(),
        time: 1_767_225_600,
        tenant: "Zoë & söhne".to_owned(),
        model: "sentiment".to_owned(),
        version: "3".to_owned(),
        digest: Digest::of(b"manifest"),
        usage: MeteredUsage { usage: Usage::new(1, 2).with_tokens(5), units: 5, unit: "tokens".to_owned() },
        input: Digest::of(INPUT),
        output: Digest::of(OUTPUT),
    }
}

fn public(seeds: &[u8]) -> Vec<VerifyingKey> {
    seeds.iter().map(|seed| signer(*seed).verifying_key()).collect()
}

fn parse(text: &str) -> Result<SignedReceipt, ReceiptError> {
    text.parse()
}

/// An envelope of any payload, by a signer that is trusted.
fn signed(payload_type: &str, payload: &[u8]) -> String {
    Envelope::sign(payload_type, payload.to_vec(), &[&signer(1)]).to_string()
}

#[test]
fn a_receipt_comes_back_as_it_was_signed() {
    let text = receipt().sign(&[&signer(1), &signer(2)]);
    let signed = parse(&format!(" {text}\r\n")).expect("a receipt");
    assert_eq!(signed.unverified(), &receipt());
    for seeds in [&[1][..], &[2], &[1, 2], &[3, 2]] {
        assert_eq!(signed.verify(&public(seeds)), Ok(&receipt()));
    }
    for seeds in [&[3][..], &[]] {
        assert_eq!(signed.verify(&public(seeds)), Err(ReceiptError::Envelope(DsseError::UnknownSigner)));
    }
    assert_eq!((signed.to_string(), parse(&signed.to_string())), (text, Ok(signed)));
}

#[test]
fn it_can_be_the_value_of_a_header() {
    let text = receipt().sign(&[&signer(1), &signer(2)]);
    assert!(text.bytes().all(|byte| byte.is_ascii_graphic()), "{text}");
    let long = Receipt { tenant: "ä".repeat(1000), ..receipt() };
    assert!(parse(&long.sign(&[&signer(1), &signer(2)])).is_ok());
    assert!((800..1200).contains(&text.len()), "{}", text.len());
}

#[test]
fn what_is_signed_has_this_form() {
    let text = receipt().sign(&[&signer(1)]);
    let envelope: Value = serde_json::from_str(&text).expect("JSON");
    let payload = BASE64_STANDARD.decode(envelope["payload"].as_str().expect("text")).expect("base64");
    let payload: Value = serde_json::from_slice(&payload).expect("JSON");
    // `printf %s TEXT | sha256sum`
    let digest = |hex: &str| format!("sha256:{hex}");
    assert_eq!(
        payload,
        json!({
            "format": "amaas.receipt/1",
            "request_id": "4bf92f35",
            "time": 1_767_225_600,
            "tenant": "Zoë & söhne",
            "model": "sentiment",
            "version": "3",
            "digest": digest("05b3abf2579a5eb66403cd78be557fd860633a1fe2103c7642030defe32c657f"),
            "usage": { "rows": 1, "billed_ms": 2, "tokens": 5, "units": 5, "unit": "tokens" },
            "input": digest("ebc4fad1239cf13f60e874ca43c38c4e8f4e85c03b8246ab4555436a601b1cb4"),
            "output": digest("b042e720b99162ee21351490d3d4f691226c299011ae74adefa4f3acab23551d"),
        })
    );
}

/// The signature by another implementation, over an encoding that is written out here (DSSE v1.0.2, protocol).
#[test]
fn others_verify_it() {
    let text = receipt().sign(&[&signer(1)]);
    let envelope: Value = serde_json::from_str(&text).expect("JSON");
    let decode = |field: &Value| BASE64_STANDARD.decode(field.as_str().expect("text")).expect("base64");
    let (payload, signature) = (decode(&envelope["payload"]), decode(&envelope["signatures"][0]["sig"]));
    let kind = "application/vnd.amaas.receipt+json";
    assert_eq!(envelope["payloadType"], kind);
    let mut message = format!("DSSEv1 34 {kind} {} ", payload.len()).into_bytes();
    message.extend_from_slice(&payload);
    let key = UnparsedPublicKey::new(&ED25519, signer(1).verifying_key().to_bytes());
    assert!(key.verify(&message, &signature).is_ok());
    assert!(key.verify(&payload, &signature).is_err(), "the type is signed too");
    *message.last_mut().expect("long") ^= 1;
    assert!(key.verify(&message, &signature).is_err());
}

#[test]
fn a_receipt_is_of_one_call() {
    let receipt = receipt();
    assert_eq!(receipt.is_of(INPUT, OUTPUT), Ok(()));
    assert_eq!(receipt.is_of(b"other", OUTPUT), Err(ReceiptError::Input));
    assert_eq!(receipt.is_of(INPUT, b"other"), Err(ReceiptError::Output));
    assert_eq!(receipt.is_of_model("sentiment"), Ok(()));
    let error = receipt.is_of_model("names").expect_err("another");
    assert_eq!(error.to_string(), "the receipt is not for the model \"names\"");
}

#[test]
fn documents_of_other_kinds_are_not_receipts_nor_the_reverse() {
    let list = small_list();
    let keys = String::from_utf8(manifest(&list).sign(&[&signer(1)])).expect("text");
    assert_eq!(parse(&keys), Err(ReceiptError::Envelope(DsseError::PayloadType)));
    let text = receipt().sign(&[&signer(1)]);
    let verified = KeyManifest::verify(text.as_bytes(), &list, &public(&[1]), &requirement());
    assert_eq!(verified.map(|_| ()), Err(ManifestError::Envelope(DsseError::PayloadType)));
    // Whoever changes the type in the envelope has changed what is signed.
    let renamed = keys.replace(amaas_wire::keys::PAYLOAD_TYPE, PAYLOAD_TYPE);
    assert!(matches!(parse(&renamed), Err(ReceiptError::Malformed(_))));
    let payload = serde_json::to_vec(&receipt()).expect("JSON");
    let renamed = signed("text/plain", &payload).replace("text/plain", PAYLOAD_TYPE);
    let renamed = parse(&renamed).expect("well formed");
    assert_eq!(renamed.verify(&public(&[1])), Err(ReceiptError::Envelope(DsseError::Signature)));
}

#[test]
fn what_was_signed_is_no_receipt() {
    let with = |field: &str, value: Value| {
        let mut payload = serde_json::to_value(receipt()).expect("JSON");
        payload[field] = value;
        parse(&signed(PAYLOAD_TYPE, payload.to_string().as_bytes()))
    };
    for (field, value, expected) in [
        ("format", json!("amaas.receipt/2"), "format: expected \"amaas.receipt/1\", got another text, at line"),
        ("time", json!("SECRET"), "time: expected a whole number from 0 up, got a string, at line"),
        ("input", json!("SECRET"), "expected \"sha256:\" and 64 lower-case hexadecimal digits, at line"),
        ("usage", json!({"rows": 1, "billed_ms": 1, "units": 1}), "usage: missing member \"unit\", at line"),
    ] {
        let error = with(field, value).expect_err(field).to_string();
        assert!(error.starts_with("the signed document is not a receipt: ") && error.contains(expected), "{error}");
        assert!(!error.contains("SECRET"), "{error}");
    }
    assert_eq!(with("more", json!(1)).expect("passed over").verify(&public(&[1])), Ok(&receipt()));
    let long = Receipt { tenant: "x".repeat(MAX_RECEIPT_LEN), ..receipt() }.sign(&[]);
    assert_eq!(parse(&long), Err(ReceiptError::TooLong { expected: MAX_RECEIPT_LEN, got: long.len() }));
}

#[test]
fn a_stream_ends_with_its_receipt() {
    let content = "data: {\"text\":\"once\"}\n\ndata: [DONE]\n\n";
    let text = Receipt { output: Digest::of(content.as_bytes()), ..receipt() }.sign(&[&signer(1)]);
    let body = format!("{content}{}", comment(&text));
    for body in [&body[..], &body[..body.len() - 1], &body[..body.len() - 2]] {
        let (found, receipt) = split_comment(body.as_bytes()).expect("a receipt");
        assert_eq!((found, receipt), (content.as_bytes(), &text[..]));
        assert_eq!(parse(receipt).expect("a receipt").unverified().is_of_output(found), Ok(()));
    }
    assert_eq!(split_comment(comment(&text).as_bytes()), Some((&b""[..], &text[..])));
    for body in [
        "",
        "\n",
        content,
        &format!("{body}\n"),
        &format!("{body}data: more\n\n"),
        &format!("data: x{}", comment(&text)),
        ": amaas-receipt",
        ":amaas-receipt {}",
        ": amaas-receipts {}",
    ] {
        assert_eq!(split_comment(body.as_bytes()), None, "{body}");
    }
    assert_eq!(split_comment(b": amaas-receipt \xff\n"), None);
}

proptest! {
    #[test]
    fn any_bytes_are_a_receipt_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let text = String::from_utf8_lossy(&bytes);
        prop_assert!(parse(&text).is_err());
        prop_assert!(parse(&signed(PAYLOAD_TYPE, &bytes)).is_err());
        let _ = split_comment(&bytes);
        let _ = text.parse::<Digest>();
        let commented = [&b": amaas-receipt "[..], &bytes].concat();
        if let Some((content, receipt)) = split_comment(&commented) {
            prop_assert!(commented.starts_with(content) && commented.len() >= content.len() + receipt.len());
        }
    }

    #[test]
    fn any_receipt_comes_back(tenant in ".{0,40}", model in ".{0,40}", units in any::<u64>(), tokens in any::<Option<u64>>()) {
        let usage = tokens.map_or(Usage::new(units, 0), |tokens| Usage::new(units, 0).with_tokens(tokens));
        let usage = MeteredUsage { usage, units, unit: tenant.clone() };
        let receipt = Receipt { tenant, model, usage, ..receipt() };
        let text = receipt.sign(&[&signer(1)]);
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic()));
        let signed = parse(&text).expect("a receipt");
        prop_assert_eq!(signed.verify(&public(&[1])), Ok(&receipt));
    }
}
