//! A server to attack: a function that echoes its tensors, and a bystander with a key.

use std::ffi::OsString;
use std::future::Future;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use amaas::{Client, Datatype, Tensor};
use amaas_e2e::{Function, ProcessBuilder, Program, TestEnv, onnx};
use amaas_ohttp::bhttp::{Encoder, FieldSection, Padding, RequestHead};
use amaas_ohttp::key_list::KeyList;
use amaas_ohttp::{PublicKey, chunked};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::AttackResult;
use super::bystander::{Latencies, call_until};
use super::memory::{forget_peak, peak_mib, resident_mib};

/// The model's name, and its route.
pub(crate) const MODEL: &str = "echo";
pub(crate) const PATH: &str = "/v2/models/echo/infer";

/// A running server.
pub(crate) struct EchoServer {
    pub(crate) env: TestEnv,
    pub(crate) function: Function,
    pub(crate) address: SocketAddr,
}

impl EchoServer {
    /// Starts a server with these settings.
    pub(crate) async fn with(set: impl FnOnce(ProcessBuilder) -> ProcessBuilder) -> Self {
        let env = TestEnv::start().await;
        env.publish(MODEL, onnx::identity(&[Datatype::Fp32])).await;
        let function = set(env.launch(Program::Tensor, MODEL).await).start();
        let address = function.ready().await;
        Self { env, function, address }
    }

    /// Starts a server with this limit of open files.
    pub(crate) async fn with_files(files: u32) -> Self {
        let words = ["/bin/sh", "-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\"")].map(OsString::from);
        Self::with(|launch| launch.through(words)).await
    }

    /// A sealed call with a valid key.
    pub(crate) async fn call(&self, client: &Client) {
        let one = Tensor::new("FP32", vec![1, 1], vec![1_f32]).expect("one value");
        client.model(MODEL).infer(vec![one]).await.expect("an answer");
    }

    pub(crate) fn client(&self) -> Client {
        self.env.client(format!("http://{}", self.address))
    }

    /// The sealing key that unauthenticated clients use.
    pub(crate) async fn key(&self) -> PublicKey {
        let list = reqwest::get(format!("http://{}/v1/keys", self.address)).await.expect("an answer");
        let list = KeyList::decode(&list.bytes().await.expect("a list")).expect("keys");
        list.keys().last().expect("one at least").clone()
    }

    /// The bystander's latencies of `call` while `attack` runs, which may raise the server's memory by `bound_mib`.
    pub(crate) async fn seen<C, A>(&self, bound_mib: u64, mut call: impl FnMut() -> C, attack: A) -> AttackResult
    where
        C: Future<Output = ()>,
        A: Future<Output = ()> + Send + 'static,
    {
        call().await;
        let mut quiet = call_until(&mut call, tokio::time::sleep(QUIET)).await;
        let pid = self.function.pid();
        forget_peak(pid);
        let before_mib = resident_mib(pid);
        let attack = tokio::spawn(attack);
        let attacked = call_until(&mut call, async { attack.await.expect("the attack is made") }).await;
        let peak_mib = peak_mib(pid);
        quiet.extend(call_until(&mut call, tokio::time::sleep(QUIET)).await);
        AttackResult { quiet: Latencies::of(quiet), attacked: Latencies::of(attacked), before_mib, peak_mib, bound_mib }
    }
}

/// A sealed call without a key inside, with `count` chunks of a byte.
pub(crate) fn of_tiny_chunks(key: &PublicKey, count: usize) -> Vec<u8> {
    let head = RequestHead::new("POST", "https", "function", PATH).expect("a head");
    let mut message = Vec::with_capacity(2 * count);
    let mut encoder = Encoder::new(&head, &mut message);
    for _ in 0..count {
        encoder.chunk(b"x", &mut message);
    }
    encoder.end(&FieldSection::default(), Padding::Off, &mut message);
    chunked::seal_request(key, &message).expect("sealed").0
}

/// Sends `head` and `body` over a new connection, and keeps it open.
pub(crate) async fn send(address: SocketAddr, head: &str, body: &[u8]) -> std::io::Result<TcpStream> {
    let mut connection = TcpStream::connect(address).await?;
    connection.write_all(head.as_bytes()).await?;
    connection.write_all(body).await?;
    Ok(connection)
}

/// The head of a sealed call of `length` bytes.
pub(crate) fn sealed_head(length: usize) -> String {
    let media_type = chunked::REQUEST_MEDIA_TYPE;
    format!("POST {PATH} HTTP/1.1\r\nhost: x\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\n\r\n")
}

/// Whether the server closes `connection` within `patience`, after any answer.
pub(crate) async fn closes(mut connection: TcpStream, wait: Duration) -> bool {
    let (begun, mut buffer) = (Instant::now(), vec![0; 1 << 20]);
    loop {
        let left = wait.saturating_sub(begun.elapsed());
        match tokio::time::timeout(left, connection.read(&mut buffer)).await {
            Err(_) => return false,
            Ok(Ok(0) | Err(_)) => return true,
            Ok(Ok(_)) => {}
        }
    }
}

/// The duration of the phases before and after the attack.
const QUIET: Duration = Duration::from_secs(2);
