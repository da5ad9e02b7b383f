//! Finding M6: clients with a key that request large answers and never read them.

use std::time::Duration;

use amaas::Tensor;
use amaas_wire::oip::InferRequest;

use super::AttackResult;
use super::echo_server::{EchoServer, PATH, closes, send};

/// Runs the attack.
#[tokio::main]
pub(crate) async fn run() -> AttackResult {
    let server = EchoServer::with(|launch| launch.set("AMAAS_WRITE_TIMEOUT_SECONDS", "2")).await;
    let (client, address, key) = (server.client(), server.address, server.env.key().expose().to_owned());
    let wide = Tensor::new("FP32", vec![1, VALUES], vec![1_f32; VALUES]).expect("so many values");
    let (body, json) = InferRequest { id: None, inputs: vec![wide], outputs: None }.to_http();
    let head = format!(
        "POST {PATH} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\ncontent-type: application/octet-stream\r\n\
         inference-header-content-length: {json}\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let attack = async move {
        let mut readers = Vec::new();
        for _ in 0..READERS {
            readers.push(send(address, &head, &body).await.expect("it is taken"));
            tokio::time::sleep(PAUSE).await;
        }
        tokio::time::sleep(HELD).await;
        for reader in readers {
            assert!(closes(reader, Duration::from_secs(5)).await, "a reader keeps its answer");
        }
    };
    server.seen(BOUND_MIB, || server.call(&client), attack).await
}

/// Of 4 bytes each: more than the socket buffers of an unread answer.
const VALUES: usize = 3 << 20;
const READERS: usize = 6;
/// The pause between two calls: the attack is on memory, not on the network's one thread.
const PAUSE: Duration = Duration::from_millis(300);
/// Longer than the write timeout.
const HELD: Duration = Duration::from_secs(6);
/// Body, tensor and answer of each.
const BOUND_MIB: u64 = 6 * 3 * 12 + 32;
