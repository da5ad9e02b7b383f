//! The connection limit of the server, and the choice of the connection to close when it is reached.
//!
//! Only a connection that waits for its peer can be closed for another. A connection without any response yet is closed first, then the one
//! that has been longest without a complete request. A connection with a running call is never closed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Version;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::exchange::{ExchangeStage, HttpExchange};

/// The open connections, up to a limit.
pub(super) struct Connections {
    limit: usize,
    open: Arc<Mutex<HashMap<u64, Arc<Connection>>>>,
    next: u64,
}

impl Connections {
    /// At most `limit` connections.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, open: Arc::default(), next: 0 }
    }

    /// A permit for one more connection, possibly after closing another; `None` if all connections carry calls.
    pub(super) async fn acquire(&mut self) -> Option<ConnectionPermit> {
        if lock(&self.open).len() >= self.limit {
            let connection = self.longest_waiting()?;
            connection.close();
            timeout(CLOSE_TIMEOUT, connection.closed.notified()).await.ok()?;
        }
        let (id, connection) = (self.next, Arc::new(Connection::new()));
        self.next += 1;
        lock(&self.open).insert(id, Arc::clone(&connection));
        Some(ConnectionPermit { open: Arc::clone(&self.open), id, connection })
    }

    /// The connection to close for another, if there is one.
    fn longest_waiting(&self) -> Option<Arc<Connection>> {
        let (open, now) = (lock(&self.open), Instant::now());
        let waiting = open.values().filter_map(|connection| Some((connection.waits_since(now)?, connection)));
        waiting.min_by_key(|(since, _)| *since).map(|(_, connection)| Arc::clone(connection))
    }
}

/// The permit of one connection. It is released when it is dropped.
pub(super) struct ConnectionPermit {
    open: Arc<Mutex<HashMap<u64, Arc<Connection>>>>,
    id: u64,
    connection: Arc<Connection>,
}

impl ConnectionPermit {
    pub(super) fn connection(&self) -> &Arc<Connection> {
        &self.connection
    }
}

impl Drop for ConnectionPermit {
    fn drop(&mut self) {
        lock(&self.open).remove(&self.id);
        self.connection.closed.notify_one();
    }
}

/// The state of a connection, shared with its exchanges.
pub(super) struct Connection {
    accepted: Instant,
    state: Mutex<ConnectionState>,
    closing: Notify,
    closed: Notify,
}

struct ConnectionState {
    protocol: PeerProtocol,
    answered: bool,
    closing: bool,
    /// The last time that a complete request arrived or a response ended.
    since: Instant,
    next: u64,
    exchanges: HashMap<u64, Arc<Mutex<ExchangeStage>>>,
}

/// The protocol that the peer has shown to speak.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PeerProtocol {
    Nothing,
    Http,
    /// HTTP/1.1, so the peer accepts interim responses.
    Http11,
}

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseReason {
    /// The peer sent no complete head.
    Silent,
    /// The peer reads nothing of a response.
    Stalled,
    /// The connection limit is reached, and another connection replaces this one.
    Full,
}

/// What a half-closed peer may wait for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum AwaitedBytes {
    Nothing,
    /// The server to read a request, whose end may have arrived.
    Request,
    /// The rest of a response that was sent in part.
    Rest,
    /// A response that has not begun.
    Answer,
}

impl Connection {
    fn new() -> Self {
        let now = Instant::now();
        let state = ConnectionState {
            protocol: PeerProtocol::Nothing,
            answered: false,
            closing: false,
            since: now,
            next: 0,
            exchanges: HashMap::new(),
        };
        Self { accepted: now, state: Mutex::new(state), closing: Notify::new(), closed: Notify::new() }
    }

    /// Records that the peer speaks HTTP. From now on the timeout of a kept-alive connection applies.
    pub(super) fn record_http(&self) {
        let mut state = lock(&self.state);
        if state.protocol == PeerProtocol::Nothing {
            state.protocol = PeerProtocol::Http;
        }
    }

    /// Begins an exchange in `version`, when its head has arrived.
    pub(super) fn begin_exchange(self: &Arc<Self>, version: Version) -> Arc<HttpExchange> {
        let receiving = Arc::new(Mutex::new(ExchangeStage::ReceivingBody));
        let mut state = lock(&self.state);
        state.protocol = if version == Version::HTTP_11 { PeerProtocol::Http11 } else { PeerProtocol::Http };
        let id = state.next;
        state.next += 1;
        state.exchanges.insert(id, Arc::clone(&receiving));
        drop(state);
        Arc::new(HttpExchange::new(Arc::clone(self), id, receiving))
    }

    /// Records that a complete request arrived.
    pub(super) fn record_request(&self) {
        lock(&self.state).since = Instant::now();
    }

    /// Records the end of the exchange `id`.
    pub(super) fn end_exchange(&self, id: u64) {
        let mut state = lock(&self.state);
        state.exchanges.remove(&id);
        (state.since, state.answered) = (Instant::now(), true);
    }

    /// Waits until the connection has to be closed, and returns why.
    pub(super) async fn close_reason(&self, write_timeout: Duration) -> CloseReason {
        let silent = async {
            sleep_until(self.accepted + FIRST_HEAD_TIMEOUT).await;
            if lock(&self.state).protocol != PeerProtocol::Nothing {
                std::future::pending::<()>().await;
            }
        };
        let stalled = async {
            loop {
                sleep((write_timeout / 4).max(Duration::from_millis(50))).await;
                if self.is_stalled(write_timeout) {
                    return;
                }
            }
        };
        tokio::select! {
            () = self.closing.notified() => CloseReason::Full,
            () = silent => CloseReason::Silent,
            () = stalled => CloseReason::Stalled,
        }
    }

    fn is_stalled(&self, write_timeout: Duration) -> bool {
        let now = Instant::now();
        lock(&self.state)
            .exchanges
            .values()
            .any(|stage| lock(stage).blocked_for(now).is_some_and(|time| time >= write_timeout))
    }

    /// What a half-closed peer may wait for.
    pub(super) fn awaited_bytes(&self) -> AwaitedBytes {
        let state = lock(&self.state);
        let stages = state.exchanges.values().map(|stage| *lock(stage));
        let awaited = stages.filter(|_| state.protocol == PeerProtocol::Http11).map(|stage| match stage {
            ExchangeStage::Working => AwaitedBytes::Answer,
            ExchangeStage::SendingBody { request_complete: true, .. } => AwaitedBytes::Rest,
            ExchangeStage::ReceivingBody => AwaitedBytes::Request,
            // The rest of the request will not arrive.
            ExchangeStage::SendingBody { .. } => AwaitedBytes::Nothing,
        });
        awaited.max().unwrap_or(AwaitedBytes::Nothing)
    }

    fn close(&self) {
        lock(&self.state).closing = true;
        self.closing.notify_one();
    }

    /// If the connection waits for its peer: whether it ever had a response, and since when it waits.
    fn waits_since(&self, now: Instant) -> Option<(bool, Instant)> {
        let state = lock(&self.state);
        let waits = |stage: &ExchangeStage| match stage {
            ExchangeStage::ReceivingBody | ExchangeStage::SendingBody { notifies_only: true, .. } => true,
            ExchangeStage::Working => false,
            ExchangeStage::SendingBody { .. } => stage.blocked_for(now).is_some_and(|time| time >= STALL_TIMEOUT),
        };
        let all = !state.closing && state.exchanges.values().all(|stage| waits(&lock(stage)));
        all.then_some((state.answered, state.since))
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a new connection may take to send a complete head, or the preface of HTTP/2.
pub(super) const FIRST_HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// After so long without progress of its response, a connection may be closed for another.
const STALL_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection may take to close: its task only has to be woken.
const CLOSE_TIMEOUT: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    /// The task of a connection, without a socket.
    fn run(permit: ConnectionPermit) -> tokio::task::JoinHandle<CloseReason> {
        tokio::spawn(async move { permit.connection().close_reason(Duration::from_secs(30)).await })
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_that_waits_longest_goes_and_one_at_work_never() {
        let mut connections = Connections::new(3);
        let mut permits = Vec::new();
        for _ in 0..3 {
            permits.push(connections.acquire().await.expect("a permit"));
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        let [working, answered, silent] =
            <[ConnectionPermit; 3]>::try_from(permits).unwrap_or_else(|_| panic!("three"));
        let exchange = working.connection().begin_exchange(Version::HTTP_11);
        exchange.complete_request();
        drop(answered.connection().begin_exchange(Version::HTTP_11));
        let (working, answered, silent) = (run(working), run(answered), run(silent));
        let fourth = connections.acquire().await.expect("the silent connection is closed, though it is the newest");
        assert_eq!(silent.await.expect("the task ended"), CloseReason::Full);
        let receiving = fourth.connection().begin_exchange(Version::HTTP_11);
        let fourth = run(fourth);
        let fifth = connections
            .acquire()
            .await
            .expect("a connection without a response is closed first, though it sent a head");
        assert_eq!(fourth.await.expect("the task ended"), CloseReason::Full);
        drop(receiving);
        let fifth_exchange = fifth.connection().begin_exchange(Version::HTTP_11);
        fifth_exchange.complete_request();
        let fifth = run(fifth);
        let sixth = connections.acquire().await.expect("then a connection with a response");
        assert_eq!(answered.await.expect("the task ended"), CloseReason::Full);
        let sixth_exchange = sixth.connection().begin_exchange(Version::HTTP_11);
        sixth_exchange.complete_request();
        assert!(connections.acquire().await.is_none(), "all connections carry calls");
        assert!(!working.is_finished() && !fifth.is_finished());
        drop((exchange, working));
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_is_cut_and_one_that_greeted_is_not() {
        let mut connections = Connections::new(2);
        let begun = Instant::now();
        let (silent, greeted) =
            (connections.acquire().await.expect("a permit"), connections.acquire().await.expect("a permit"));
        greeted.connection().record_http();
        let greeted = run(greeted);
        assert_eq!(run(silent).await.expect("the task ended"), CloseReason::Silent);
        assert_eq!(begun.elapsed(), FIRST_HEAD_TIMEOUT);
        assert!(!greeted.is_finished());
    }
}
