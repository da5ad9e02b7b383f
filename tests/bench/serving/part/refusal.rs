//! A body of 100 MB, above the limit: the time until it is refused, and the cost.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use amaas_e2e::Program;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::aim;
use crate::arguments::Measure;
use crate::bench_env::BenchEnv;
use crate::contestant::Contestant;
use crate::report::{Aim, Report};
use crate::workload::Workload;

pub(super) async fn refusal(env: &BenchEnv, measure: &Measure, report: &mut Report) {
    let ours = Contestant::ours(env, Program::Sentiment, Workload::Tiny).await;
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: bench\r\nx-api-key: {}\r\ncontent-type: application/json\r\n",
        Workload::Tiny.path(),
        env.key.expose()
    );
    let told = format!("{head}content-length: {BODY_BYTES}\r\n\r\n");
    let untold = format!("{head}transfer-encoding: chunked\r\n\r\n");
    let (mut soon, mut late) = (Vec::new(), Vec::new());
    refused(ours.target.address, &told, false).await;
    let before = ours.tree.memory();
    for _ in 0..measure.rounds * 5 {
        soon.push(refused(ours.target.address, &told, false).await);
    }
    let grown = (ours.tree.memory().saturating_sub(before)) as f64 / 1e6;
    for _ in 0..measure.rounds {
        late.push(refused(ours.target.address, &untold, true).await);
    }
    let bars = [("amaas, told by its length", &*soon), ("amaas, in chunks, at 16 MiB", &*late)];
    report.panel("100 MB body, 413 after", "ms", &bars);
    let limit = aim(measure, Aim::AtMost(5.0), Aim::AtMost(50.0));
    report.claim("100 MB body that says its length: 413 after", "ms", &soon, limit);
    report.claim("100 MB body that says its length: memory grown by", "MB", &[grown], Aim::AtMost(8.0));
}

/// Sends the body until the answer comes, which must be 413; milliseconds from the first byte to the answer's first.
async fn refused(address: SocketAddr, head: &str, chunked: bool) -> f64 {
    let stream = TcpStream::connect(address).await.expect("a connection");
    let (mut reader, mut writer) = stream.into_split();
    let begun = Instant::now();
    writer.write_all(head.as_bytes()).await.expect("the head is taken");
    let sending = tokio::spawn(async move {
        let piece = vec![b' '; CHUNK_BYTES];
        let frame = if chunked { [format!("{CHUNK_BYTES:x}\r\n").as_bytes(), &piece, b"\r\n"].concat() } else { piece };
        for _ in 0..BODY_BYTES / CHUNK_BYTES {
            // A server that refuses it need not read the rest.
            if writer.write_all(&frame).await.is_err() {
                break;
            }
        }
    });
    let mut answer = [0; 12];
    let read = tokio::time::timeout(Duration::from_secs(20), reader.read_exact(&mut answer)).await;
    let took = begun.elapsed().as_secs_f64() * 1e3;
    read.expect("an answer in time").expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 413");
    sending.abort();
    took
}

const BODY_BYTES: usize = 100_000_000;
const CHUNK_BYTES: usize = 1 << 16;
