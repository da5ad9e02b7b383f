//! Finding H4: more silent connections than the process may open files, some that stop within the preface of HTTP/2 (L1).

use std::time::Duration;

use super::Seen;
use super::place::{Place, send};

/// Runs it.
#[tokio::main]
pub(crate) async fn run() -> Seen {
    let place = Place::with_files(300).await;
    let address = place.address;
    let client = place.client();
    // The store and the ledger are files and sockets of the same process.
    let call = || async {
        let fresh = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client");
        let live = fresh.get(format!("http://{address}/v2/health/live")).send().await.expect("an answer");
        assert_eq!(live.status(), 200);
        place.call(&client).await;
    };
    let attack = async move {
        let mut silent = Vec::new();
        for index in 0..CONNECTIONS {
            let begun = ["", "PRI * HTTP/2.0\r\n"][index % 2];
            silent.extend(send(address, begun, b"").await.ok());
        }
        assert!(silent.len() > 300, "{} connections", silent.len());
        tokio::time::sleep(HELD).await;
    };
    place.seen(BOUND_MIB, call, attack).await
}

const CONNECTIONS: usize = 600;
/// While they are silent the bystander makes connections of its own.
const HELD: Duration = Duration::from_secs(5);
const BOUND_MIB: u64 = 24;
