//! Finding M12: sealed bodies that arrive except for their end, which is sent byte by byte.

use std::time::Duration;

use super::AttackResult;
use super::echo_server::{EchoServer, sealed_head, send};
use tokio::io::AsyncWriteExt;

/// Runs the attack.
#[tokio::main]
pub(crate) async fn run() -> AttackResult {
    let server = EchoServer::with(|launch| launch).await;
    let (client, address) = (server.client(), server.address);
    let body = vec![1; LENGTH];
    let attack = async move {
        let mut held = Vec::new();
        for _ in 0..BODIES {
            // The server may have given up a body meanwhile.
            held.extend(send(address, &sealed_head(LENGTH + 1000), &body).await.ok());
            tokio::time::sleep(PAUSE).await;
        }
        for _ in 0..DRIPS {
            tokio::time::sleep(Duration::from_secs(1)).await;
            for connection in &mut held {
                let _ = connection.write_all(&[1]).await;
            }
        }
    };
    server.seen(BOUND_MIB, || server.call(&client), attack).await
}

const BODIES: usize = 40;
/// The length of each body, close to the limit.
const LENGTH: usize = 17 << 20;
const DRIPS: usize = 5;
/// The pause between two bodies: the attack is on memory, not on the network or the two cores of a test.
const PAUSE: Duration = Duration::from_millis(100);
/// The budget, `AMAAS_MAX_SEALED_BYTES`, and some 20 MiB of abandoned bodies that are being freed.
const BOUND_MIB: u64 = 73 + 24;
