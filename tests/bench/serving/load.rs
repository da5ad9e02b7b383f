//! A closed-loop load generator: each client waits for an answer before its next call, over keep-alive connections, in one thread with
//! HTTP/1.1.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::process::{ProcessTree, own_cpu};
use crate::spread::percentile;

/// An address, and the requests that clients send to it in turn.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    requests: Arc<[Bytes]>,
}

impl Target {
    /// A `POST` of `body`.
    pub(crate) fn post(address: SocketAddr, path: &str, headers: &str, body: &[u8]) -> Self {
        Self::posts(address, path, headers, &[body])
    }

    /// A `POST` of each of `bodies`, which are not empty.
    pub(crate) fn posts<Body: AsRef<[u8]>>(address: SocketAddr, path: &str, headers: &str, bodies: &[Body]) -> Self {
        let request = |body: &[u8]| {
            let length = body.len();
            let head = format!(
                "POST {path} HTTP/1.1\r\nhost: {address}\r\ncontent-type: application/json\r\n{headers}content-length: {length}\r\n\r\n"
            );
            Bytes::from([head.as_bytes(), body].concat())
        };
        Self { address, requests: bodies.iter().map(|body| request(body.as_ref())).collect() }
    }

    /// The first request on a connection of its own: the status and the body.
    pub(crate) async fn call(&self) -> std::io::Result<(u16, Vec<u8>)> {
        let mut connection = Connection::open(self.address).await?;
        let status = connection.call(self.request(0)).await?;
        Ok((status, connection.buffer.split_off(connection.body_at)))
    }

    /// The request of call `index`.
    fn request(&self, index: usize) -> &Bytes {
        &self.requests[index % self.requests.len()]
    }
}

/// Clients of one kind.
#[derive(Clone, Debug)]
pub(crate) struct ClientGroup {
    pub(crate) target: Target,
    pub(crate) callers: usize,
    /// The pause of a client after a 503.
    pub(crate) pause: Duration,
}

impl ClientGroup {
    /// `callers` clients of `target`.
    pub(crate) fn of(target: &Target, callers: usize) -> Self {
        Self { target: target.clone(), callers, pause: Duration::ZERO }
    }
}

/// The results of a group's clients during the measurement.
#[derive(Clone, Debug, Default)]
pub(crate) struct GroupResult {
    /// The latency of each answer with status 200, in microseconds.
    pub(crate) good: Vec<f64>,
    /// The number of these answers. A call that was only partly within the measurement counts by its share: calls that share a run end
    /// together, and counting the last run fully or not at all would be an error of a tenth.
    pub(crate) parts: f64,
    /// The latency of each 503, in microseconds.
    pub(crate) refused: Vec<f64>,
    /// Other answers by status; 0 for connections that broke.
    pub(crate) others: BTreeMap<u16, usize>,
}

impl GroupResult {
    /// A percentile of the latencies of good answers, in microseconds.
    pub(crate) fn at(&self, percent: f64) -> f64 {
        assert!(!self.good.is_empty(), "no call was answered with 200: {:?}", self.others);
        percentile(&self.good, percent)
    }

    /// Calls that were neither answered with 200 nor refused with 503.
    pub(crate) fn lost(&self) -> usize {
        self.others.values().sum()
    }
}

/// A measurement.
#[derive(Clone, Debug)]
pub(crate) struct LoadResult {
    /// By group, in order.
    pub(crate) seen: Vec<GroupResult>,
    pub(crate) time: Duration,
    /// The server's resource usage.
    pub(crate) server: Duration,
    /// The load generator's CPU time.
    pub(crate) own: Duration,
}

impl LoadResult {
    /// Good answers of the first group a second.
    pub(crate) fn rate(&self) -> f64 {
        self.seen[0].parts / self.time.as_secs_f64()
    }

    /// The server's processor time for each good answer of the first group, microseconds.
    pub(crate) fn cpu(&self) -> f64 {
        self.server.as_secs_f64() * 1e6 / self.seen[0].parts.max(1.0)
    }

    /// The load generator's share of one core.
    pub(crate) fn own_share(&self) -> f64 {
        self.own.as_secs_f64() / self.time.as_secs_f64()
    }
}

/// Makes `groups` call for `time`, after a warm-up of half of that, and measures the resource usage of `server`.
pub(crate) async fn load(groups: Vec<ClientGroup>, time: Duration, server: ProcessTree) -> LoadResult {
    let drive = move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(tokio::task::LocalSet::new().run_until(drive(groups, time, server)))
    };
    // A thread of its own, so that its CPU time can be separated from that of the rest.
    tokio::task::spawn_blocking(move || std::thread::spawn(drive).join().expect("the load generator does not panic"))
        .await
        .expect("it is waited for")
}

async fn drive(groups: Vec<ClientGroup>, time: Duration, server: ProcessTree) -> LoadResult {
    let course = Rc::new(LoadProgress::default());
    let callers: usize = groups.iter().map(|group| group.callers).sum();
    let mut tasks = Vec::with_capacity(groups.len());
    for group in &groups {
        let callers = (0..group.callers).map(|_| tokio::task::spawn_local(caller(group.clone(), Rc::clone(&course))));
        tasks.push(callers.collect::<Vec<_>>());
    }
    let begun = Instant::now();
    // Until every client had an answer, calls wait for fewer others than later, so their shares would be too large.
    while begun.elapsed() < time / 2 || (course.answered.get() < callers && begun.elapsed() < CALL_TIMEOUT) {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let end = Instant::now() + time;
    course.measured.set(Some((Instant::now(), end)));
    let (measured_from, server_from, own_from) = (Instant::now(), server.cpu(), own_cpu());
    tokio::time::sleep_until(end.into()).await;
    let (time, server, own) =
        (measured_from.elapsed(), server.cpu().saturating_sub(server_from), own_cpu().saturating_sub(own_from));
    let mut seen = Vec::with_capacity(tasks.len());
    for group in tasks {
        let mut all = GroupResult::default();
        for caller in group {
            let GroupResult { good, parts, refused, others } = caller.await.expect("a caller does not panic");
            all.good.extend(good);
            all.parts += parts;
            all.refused.extend(refused);
            for (status, count) in others {
                *all.others.entry(status).or_default() += count;
            }
        }
        seen.push(all);
    }
    LoadResult { seen, time, server, own }
}

/// The progress of a measurement.
#[derive(Default)]
struct LoadProgress {
    /// Calls that have begun, which take the requests in turn.
    begun: Cell<usize>,
    /// Clients that have had an answer.
    answered: Cell<usize>,
    /// Begin and end of the measurement, once they are known.
    measured: Cell<Option<(Instant, Instant)>>,
}

async fn caller(group: ClientGroup, course: Rc<LoadProgress>) -> GroupResult {
    let (mut seen, mut open, mut first) = (GroupResult::default(), None, true);
    while course.measured.get().is_none_or(|(_, end)| Instant::now() < end) {
        let request = group.target.request(course.begun.replace(course.begun.get() + 1));
        let begun = Instant::now();
        let status = tokio::time::timeout(CALL_TIMEOUT, call(&mut open, &group.target, request)).await.unwrap_or(0);
        let (now, took) = (Instant::now(), begun.elapsed().as_secs_f64() * 1e6);
        if status == 0 {
            open = None;
            // A server that accepts no connections is not retried without end.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        if std::mem::take(&mut first) {
            course.answered.set(course.answered.get() + 1);
        }
        let pause = if status == 503 { group.pause } else { Duration::ZERO };
        let Some((from, end)) = course.measured.get() else {
            if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
            continue;
        };
        if status == 200 {
            let measured = now.min(end).saturating_duration_since(begun.max(from));
            seen.parts += measured.as_secs_f64() * 1e6 / took;
        }
        let counts = (from..end).contains(&now) || (status == 0 && begun < end && now >= from);
        match status {
            200 if counts => seen.good.push(took),
            503 if counts => seen.refused.push(took),
            status if counts => *seen.others.entry(status).or_default() += 1,
            _ => {}
        }
        if !pause.is_zero() {
            tokio::time::sleep(pause).await;
        }
    }
    seen
}

/// The status of one call; 0 if the connection broke.
async fn call(open: &mut Option<Connection>, target: &Target, request: &[u8]) -> u16 {
    if open.is_none() {
        *open = Connection::open(target.address).await.ok();
    }
    let Some(connection) = open else { return 0 };
    let status = connection.call(request).await.unwrap_or(0);
    if !connection.stays {
        *open = None;
    }
    status
}

struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    body_at: usize,
    stays: bool,
}

impl Connection {
    async fn open(address: SocketAddr) -> std::io::Result<Self> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(4096), body_at: 0, stays: true })
    }

    async fn call(&mut self, request: &[u8]) -> std::io::Result<u16> {
        self.buffer.clear();
        self.stream.write_all(request).await?;
        let head = loop {
            self.more().await?;
            if let Some(head) = ResponseHead::of(&self.buffer) {
                break head;
            }
        };
        self.body_at = head.bytes;
        match head.length {
            Some(length) => {
                while self.buffer.len() < head.bytes + length {
                    self.more().await?;
                }
            }
            // Chunks: the last one is empty, and no server here sends trailers.
            None => {
                while !self.buffer[head.bytes..].ends_with(b"0\r\n\r\n") {
                    self.more().await?;
                }
            }
        }
        self.stays = head.stays;
        Ok(head.status)
    }

    async fn more(&mut self) -> std::io::Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            self.stays = false;
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        Ok(())
    }
}

/// The part of an answer's head that is needed to find its end.
struct ResponseHead {
    status: u16,
    bytes: usize,
    length: Option<usize>,
    stays: bool,
}

impl ResponseHead {
    fn of(buffer: &[u8]) -> Option<Self> {
        let bytes = buffer.windows(4).position(|four| four == b"\r\n\r\n")? + 4;
        let text = std::str::from_utf8(&buffer[..bytes]).ok()?;
        let status = text.get(9..12)?.parse().ok()?;
        let field = |name: &str| {
            let mut fields = text.lines().skip(1).filter_map(|line| line.split_once(':'));
            fields.find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
        };
        let length = field("content-length").and_then(|value| value.parse().ok());
        let length = if length.is_none() && field("transfer-encoding").is_none() { Some(0) } else { length };
        let stays = !field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
        Some(Self { status, bytes, length, stays })
    }
}

/// The timeout of a call.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);
