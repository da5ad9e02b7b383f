//! Finding H1: sealed calls without a key, whose content is millions of chunks of a byte, several at once.

use super::Seen;
use super::place::{Place, of_tiny_chunks, sealed_head, send};
use std::time::Duration;
use tokio::io::AsyncReadExt;

/// Runs it.
#[tokio::main]
pub(crate) async fn run() -> Seen {
    let place = Place::with(|launch| launch).await;
    let (client, address) = (place.client(), place.address);
    let body = of_tiny_chunks(&place.key().await, CHUNKS);
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
    place.seen(BOUND_MIB, || place.call(&client), attack).await
}

/// Two megabytes on the wire each. Each chunk once took some 150 bytes of memory.
const CHUNKS: usize = 1_000_000;
const CALLERS: usize = 4;
const ROUNDS: usize = 5;
/// The bodies of all, what is being opened, and the allocator's slack. It was a gigabyte.
const BOUND_MIB: u64 = 48;
