//! Finding H1: concurrent sealed calls without a key, with millions of chunks of a byte.

use super::AttackResult;
use super::echo_server::{EchoServer, of_tiny_chunks, sealed_head, send};
use std::time::Duration;
use tokio::io::AsyncReadExt;

/// Runs the attack.
#[tokio::main]
pub(crate) async fn run() -> AttackResult {
    let server = EchoServer::with(|launch| launch).await;
    let (client, address) = (server.client(), server.address);
    let body = of_tiny_chunks(&server.key().await, CHUNKS);
    let attack = async move {
        let callers = (0..CALLERS).map(|_| {
            let body = body.clone();
            tokio::spawn(async move {
                for _ in 0..ROUNDS {
                    let mut connection = send(address, &sealed_head(body.len()), &body).await.expect("it listens");
                    let mut status = [0; 12];
                    connection.read_exact(&mut status).await.expect("an answer");
                    assert!(
                        status.ends_with(b"200") || status.ends_with(b"503"),
                        "{}",
                        String::from_utf8_lossy(&status)
                    );
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await.expect("it was answered");
        }
    };
    server.seen(BOUND_MIB, || server.call(&client), attack).await
}

/// Two megabytes on the wire each. Each chunk once took some 150 bytes of memory.
const CHUNKS: usize = 1_000_000;
const CALLERS: usize = 4;
const ROUNDS: usize = 5;
/// All bodies, the buffers of opening, and the allocator's slack. It was a gigabyte.
const BOUND_MIB: u64 = 48;
