//! Finding H4: more idle connections than the process may open files, some that stop within the preface of HTTP/2 (L1).

use std::time::Duration;

use super::AttackResult;
use super::echo_server::{EchoServer, send};

/// Runs the attack.
#[tokio::main]
pub(crate) async fn run() -> AttackResult {
    let server = EchoServer::with_files(300).await;
    let address = server.address;
    let client = server.client();
    // Store and ledger use file descriptors and sockets of the same process.
    let call = || async {
        let fresh = reqwest::Client::builder().pool_max_idle_per_host(0).build().expect("a client");
        let live = fresh.get(format!("http://{address}/v2/health/live")).send().await.expect("an answer");
        assert_eq!(live.status(), 200);
        server.call(&client).await;
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
    server.seen(BOUND_MIB, call, attack).await
}

const CONNECTIONS: usize = 600;
/// While they are idle, the bystander opens connections of its own.
const HELD: Duration = Duration::from_secs(5);
const BOUND_MIB: u64 = 24;
