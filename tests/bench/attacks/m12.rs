//! Finding M12: sealed bodies of which all but the end comes, and then a byte now and then.

use std::time::Duration;

use super::Seen;
use super::place::{Place, sealed_head, send};
use tokio::io::AsyncWriteExt;

/// Runs it.
#[tokio::main]
pub(crate) async fn run() -> Seen {
    let place = Place::with(|launch| launch).await;
    let (client, address) = (place.client(), place.address);
    let body = vec![1; LENGTH];
    let attack = async move {
        let mut held = Vec::new();
        for _ in 0..BODIES {
            // One that is given up in the meantime breaks off.
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
    place.seen(BOUND_MIB, || place.call(&client), attack).await
}

const BODIES: usize = 40;
/// Of each body, close to the largest that is taken.
const LENGTH: usize = 17 << 20;
const DRIPS: usize = 5;
/// Between two bodies: it is memory that is attacked, not the line or the two cores of a test.
const PAUSE: Duration = Duration::from_millis(100);
/// The budget, `AMAAS_MAX_SEALED_BYTES`, and some 20 MiB for what was given up while it is given back.
const BOUND_MIB: u64 = 73 + 24;
