//! Receipts: verified offline, and written by `amaas predict`.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::process::{Output, Stdio};

use amaas::{Digest, MeteredUsage, Receipt, Usage};
use amaas_env::EnvFileLookup;
use amaas_wire::dsse::SigningKey;
use amaas_wire::receipt::{ReceiptFormat, comment};

use crate::program::{STATE, amaas, command, json, text};

const INPUT: &str = r#"{"inputs":["fine"]}"#;
const OUTPUT: &str =
    r#"{"predictions":[{"label":"positive"}],"model":"m","version":"3","usage":{"rows":1,"billed_ms":2}}"#;
const STREAM: &str = "data: {\"choices\":[]}\n\ndata: [DONE]\n\n";

fn signer(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

fn public(seed: u8) -> String {
    signer(seed).verifying_key().to_string()
}

fn receipt(input: &str, output: &str) -> String {
    let receipt = Receipt {
        format: ReceiptFormat::One,
        request_id: "4bf92f35".to_owned(),
        time: 1_767_225_600,
        tenant: "acme".to_owned(),
        model: "m".to_owned(),
        version: "3".to_owned(),
        digest: Digest::of(b"manifest"),
        usage: MeteredUsage { usage: Usage::new(1, 2).with_tokens(5), units: 5, unit: "tokens".to_owned() },
        input: Digest::of(input.as_bytes()),
        output: Digest::of(output.as_bytes()),
    };
    receipt.sign(&[&signer(1)])
}

/// A folder with a receipt by signer 1, its input and output, and the same for a stream.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).expect("written");
    write("receipt", &format!("{}\n", receipt(INPUT, OUTPUT)));
    write("input", INPUT);
    write("output", OUTPUT);
    write("stream", &format!("{STREAM}{}", comment(&receipt(INPUT, STREAM))));
    write("altered", &format!("data: more\n\n{STREAM}{}", comment(&receipt(INPUT, STREAM))));
    folder
}

fn failed(output: &Output, code: i32, expected: &str) {
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{error}");
    assert!(error.contains(expected), "{error}");
}

#[test]
fn what_a_receipt_says_is_shown() {
    let folder = folder();
    let here = folder.path();
    let verify = ["receipt", "verify", "receipt", "--signer", &public(1), "--input", "input", "--output", "output"];
    let shown = text(here, &verify);
    for line in [
        "4bf92f35",
        "2026-01-01T00:00:00Z",
        "acme",
        "m, version 3",
        &Digest::of(b"manifest").to_string(),
        "5 tokens",
        "1 rows, 5 tokens, 2 ms",
        &Digest::of(INPUT.as_bytes()).to_string(),
        &format!("verified with signer {}", public(1)),
        "fits the input and the output",
    ] {
        assert!(shown.contains(line), "{line}: {shown}");
    }
    let shown = json(here, &verify);
    assert_eq!(shown["signers"], serde_json::json!([public(1)]));
    assert_eq!(shown["fits"], serde_json::json!(["input", "output"]));
    assert_eq!(shown["receipt"]["format"], "amaas.receipt/1");
    assert_eq!(shown["receipt"]["usage"]["units"], 5);
}

#[test]
fn a_stream_is_held_against_its_own_receipt() {
    let folder = folder();
    let verify = |file: &str, more: &[&str]| {
        let key = public(1);
        amaas(folder.path(), &[&["receipt", "verify", file, "--signer", &key], more].concat())
    };
    let shown = verify("stream", &["--input", "input"]);
    assert!(String::from_utf8_lossy(&shown.stdout).contains("fits the input and the output"), "{shown:?}");
    assert!(verify("stream", &["--output", "stream"]).status.success());
    failed(&verify("altered", &[]), 1, "the receipt is for another output");
    failed(&verify("stream", &["--output", "altered"]), 1, "the receipt is for another output");
}

#[test]
fn what_does_not_hold_is_named() {
    let folder = folder();
    let both = format!("{},{}", public(2), public(1));
    let envelope = receipt(INPUT, OUTPUT);
    std::fs::write(folder.path().join("forged"), envelope.replace(r#""sig":""#, r#""sig":"AAAA"#)).expect("written");
    for (arguments, code, expected) in [
        (&["receipt", "--signer", &both][..], 0, "neither input nor output was compared with it"),
        (&["receipt", "--signer", &public(2)], 1, "no signature is by a known signer"),
        (&["receipt", "--signer", &public(1), "--input", "output"], 1, "the receipt is for another input"),
        (&["receipt", "--signer", &public(1), "--output", "input"], 1, "the receipt is for another output"),
        (&["forged", "--signer", &public(1)], 1, "a signature is invalid"),
        (&["input", "--signer", &public(1)], 1, "the document is not a DSSE envelope"),
        (&["missing", "--signer", &public(1)], 2, "missing: No such file"),
        (&["receipt", "--signer", "none"], 2, "invalid value 'none'"),
        (&["receipt"], 2, "no signer to verify with"),
        (&["-", "--signer", &public(1), "--input", "-"], 2, "standard input can be one of"),
    ] {
        let output = amaas(folder.path(), &[&["receipt", "verify"], arguments].concat());
        failed(&output, code, expected);
    }
}

#[test]
fn signers_come_from_where_callers_have_them() {
    let folder = folder();
    let here = folder.path();
    let verify = |variable: Option<&str>| {
        let mut command = command(here, &["receipt", "verify", "-"]);
        command.stdin(Stdio::from(std::fs::File::open(here.join("receipt")).expect("there")));
        variable.map(|keys| command.env("AMAAS_SIGNERS", keys));
        command.output().expect("run")
    };
    failed(&verify(Some(&public(2))), 1, "no signature is by a known signer");
    failed(&verify(Some("none")), 2, "AMAAS_SIGNERS: malformed");
    assert!(verify(Some(&format!("{}, {}", public(2), public(1)))).status.success());
    std::fs::create_dir(here.join(".amaas")).expect("made");
    let env = format!("AMAAS_SIGNERS={}\n", public(1));
    std::fs::write(here.join(".amaas/env"), &env).expect("written");
    failed(&verify(None), 2, "env is not used: `amaas dev` of this user did not write it");
    EnvFileLookup::in_folders(None, Some(STATE.as_ref())).record_content(&here.join(".amaas"), &env).expect("recorded");
    assert!(verify(None).status.success());
    failed(&verify(Some(&public(2))), 1, "no signature is by a known signer");
}

#[test]
fn predict_keeps_the_receipt() {
    let folder = folder();
    let here = folder.path();
    let predict = |receipt: bool| {
        let key = amaas::ApiKey::generate("test").expect("random");
        let mut command = command(here, &["predict", "m", "fine", "--receipt", "kept"]);
        command
            .env("AMAAS_ENDPOINT", answering(receipt))
            .env("AMAAS_API_KEY", key.expose())
            .env("AMAAS_SEALING", "off");
        command.output().expect("run")
    };
    let output = predict(false);
    failed(&output, 1, "the answer has no receipt");
    assert!(String::from_utf8_lossy(&output.stdout).contains("positive"), "the answer is not lost");
    assert!(!here.join("kept").exists());

    let output = predict(true);
    assert!(output.status.success(), "{output:?}");
    let files = ["--input", "input", "--output", "output"];
    text(here, &[&["receipt", "verify", "kept", "--signer", &public(1)], &files[..]].concat());
}

/// The endpoint of a service that answers one call, with a receipt or without.
fn answering(with_receipt: bool) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("bound");
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a call");
        let mut request = BufReader::new(stream.try_clone().expect("open"));
        let (mut line, mut length) = (String::new(), 0);
        while request.read_line(&mut line).expect("a line") > 2 {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a number");
            }
            line.clear();
        }
        let mut body = vec![0; length];
        request.read_exact(&mut body).expect("a body");
        let input = String::from_utf8(body).expect("JSON");
        let receipt =
            if with_receipt { format!("amaas-receipt: {}\r\n", receipt(&input, OUTPUT)) } else { String::new() };
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n{receipt}\r\n", OUTPUT.len());
        stream.write_all(&[head.as_bytes(), OUTPUT.as_bytes()].concat()).expect("sent");
    });
    format!("http://{address}")
}
