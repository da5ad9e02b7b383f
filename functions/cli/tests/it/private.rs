//! A whole session beside `amaas dev`, with a recorder of every byte between clients and the function.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::thread::spawn;

use amaas_env::EnvVariables;

use crate::program::{Dev, command};

const NETWORK: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../functions/sentiment/model/sentiment.onnx");
/// Secrets that only the function may see: words that occur nowhere else.
const CANARY: &str = "zyxomma qwertle wonderful vrblint";

#[test]
fn nobody_on_the_way_sees_texts_keys_or_answers() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    let log = std::fs::File::create(here.join("log")).expect("made");
    let dev = Dev::start_with(here, |command| command.env("AMAAS_LOG", "debug").stderr(Stdio::from(log)));
    let env = EnvVariables::load(&here.join(".amaas/env")).expect("written by dev");
    let key = env.get("AMAAS_API_KEY").expect("set");
    let wire = Recorder::before(env.get("AMAAS_ENDPOINT").expect("set"));
    let amaas = |arguments: &[&str]| {
        let mut command = command(here, &[&["--json"], arguments].concat());
        for name in ["AMAAS_API_KEY", "AMAAS_SIGNERS"] {
            command.env(name, env.get(name).expect("dev writes it"));
        }
        let output = command.env("AMAAS_ENDPOINT", wire.endpoint()).output().expect("run");
        assert!(output.status.success(), "{arguments:?}: {output:?}");
        String::from_utf8(output.stdout).expect("JSON")
    };

    let answer = amaas(&["predict", "sentiment", CANARY]);
    let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
    let prediction = &answer["predictions"][0];
    let probability = prediction["probability"].to_string();
    let data = vec!["431"; 256].join(",");
    let tensors = here.join("request.json");
    let body = format!(r#"{{"inputs":[{{"name":"input_ids","datatype":"INT64","shape":[1,256],"data":[{data}]}}]}}"#);
    std::fs::write(&tensors, body).expect("written");
    amaas(&["infer", "sentiment", tensors.to_str().expect("UTF-8")]);
    assert!(amaas(&["models"]).contains("sentiment"));

    let secrets = [CANARY, key, &probability, "\"positive\"", "\"predictions\"", "input_ids", "431,431", "\"rows\""];
    let recorded = wire.recorded();
    assert!(contains(&recorded, "message/ohttp-chunked-req") && contains(&recorded, "message/ohttp-chunked-res"));
    for secret in secrets {
        assert_eq!(seen(&recorded, secret), None, "between callers and function");
    }

    // The recorder does see plain calls.
    let plain = format!("{{\"inputs\":[{CANARY:?}]}}");
    let mut call = TcpStream::connect(wire.address).expect("it listens");
    write!(
        call,
        "POST /v1/models/sentiment/predict HTTP/1.1\r\nHost: amaas\r\nx-api-key: {key}\r\nConnection: close\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{plain}",
        plain.len()
    )
    .expect("sent");
    call.read_to_end(&mut Vec::new()).expect("answered");
    let recorded = wire.recorded();
    for secret in [CANARY, key, &probability, "\"positive\"", "\"predictions\""] {
        assert!(contains(&recorded, secret), "{secret}");
    }

    assert!(dev.stop());
    let log = std::fs::read(here.join("log")).expect("written");
    assert!(contains(&log, "sentiment"), "{}", String::from_utf8_lossy(&log));
    for secret in [CANARY, key, &probability, "431,431"] {
        assert_eq!(seen(&log, secret), None, "in the log");
    }
    at_rest(here, key);
}

/// The object store shows neither the key nor the model, and the ledger neither the key nor a text.
fn at_rest(here: &Path, key: &str) {
    let parts = ["", "-wal"].map(|part| here.join(format!(".amaas/ledger.sqlite{part}")));
    let ledger = parts.map(|part| std::fs::read(part).unwrap_or_default()).concat();
    assert!(contains(&ledger, "sentiment"), "what was called is counted");
    for secret in ["zyxomma", "vrblint", &key["amaas_dev_".len()..]] {
        assert!(!contains(&ledger, secret), "in the ledger");
    }
    let network = std::fs::read(NETWORK).expect("committed");
    let (mut folders, mut files) = (vec![here.join(".amaas/s3")], 0);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("listed") {
            let path = entry.expect("listed").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            files += 1;
            let bytes = std::fs::read(&path).expect("read");
            assert_eq!(seen(&bytes, key), None, "{}", path.display());
            for piece in network.chunks_exact(32).step_by(97).filter(|piece| piece.iter().any(|byte| *byte != piece[0]))
            {
                assert!(!bytes.windows(piece.len()).any(|window| window == piece), "{}", path.display());
            }
        }
    }
    assert!(files > 4, "the model, its manifest, its alias and the keys lie there");
}

/// A piece of `secret` that occurs in `bytes`: eight bytes of it, or all of a shorter one.
fn seen<'a>(bytes: &[u8], secret: &'a str) -> Option<&'a str> {
    let length = secret.len().min(8);
    let pieces = (0..=secret.len() - length).map(|from| &secret[from..from + length]);
    // The environment that a key names is no secret.
    pieces.filter(|piece| !"amaas_dev_".contains(piece)).find(|piece| contains(bytes, piece))
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

/// A proxy between clients and a function that records everything.
struct Recorder {
    address: SocketAddr,
    bytes: Arc<Mutex<Vec<u8>>>,
}

impl Recorder {
    fn before(endpoint: &str) -> Self {
        let behind = endpoint.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let (address, bytes) = (listener.local_addr().expect("bound"), Arc::<Mutex<Vec<u8>>>::default());
        let kept = Arc::clone(&bytes);
        spawn(move || {
            for near in listener.incoming().map_while(Result::ok) {
                let far = TcpStream::connect(&behind).expect("the function listens");
                for (from, to) in [(near.try_clone(), far.try_clone()), (Ok(far), Ok(near))] {
                    let (from, to, kept) = (from.expect("open"), to.expect("open"), Arc::clone(&kept));
                    spawn(move || pass_on(from, to, &kept));
                }
            }
        });
        Self { address, bytes }
    }

    fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All recorded bytes, in both directions.
    fn recorded(&self) -> Vec<u8> {
        self.bytes.lock().expect("not poisoned").clone()
    }
}

fn pass_on(mut from: TcpStream, mut to: TcpStream, kept: &Mutex<Vec<u8>>) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        kept.lock().expect("not poisoned").extend_from_slice(&buffer[..length]);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}
