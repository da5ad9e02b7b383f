//! The connections of the server, counted, and which of them makes room for another.
//!
//! A connection that waits for its peer, and not its peer for it, is closed when all places are taken: the one that has gone longest
//! without a whole request, and those that never had an answer before the others. One whose call is being worked on is never closed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Version;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::exchange::{ExchangeStage, HttpExchange};

/// Places for connections.
pub(super) struct Connections {
    limit: usize,
    open: Arc<Mutex<HashMap<u64, Arc<Connection>>>>,
    next: u64,
}

impl Connections {
    /// Places for `limit` connections.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, open: Arc::default(), next: 0 }
    }

    /// A place for one more, for which another may have to go; none if all of them are at work.
    pub(super) async fn place(&mut self) -> Option<ConnectionPermit> {
        if lock(&self.open).len() >= self.limit {
            let connection = self.longest_waiting()?;
            connection.close();
            timeout(GOING, connection.gone.notified()).await.ok()?;
        }
        let (id, connection) = (self.next, Arc::new(Connection::new()));
        self.next += 1;
        lock(&self.open).insert(id, Arc::clone(&connection));
        Some(ConnectionPermit { open: Arc::clone(&self.open), id, connection })
    }

    /// The one that goes, if one can.
    fn longest_waiting(&self) -> Option<Arc<Connection>> {
        let (open, now) = (lock(&self.open), Instant::now());
        let waiting = open.values().filter_map(|connection| Some((connection.waits_since(now)?, connection)));
        waiting.min_by_key(|(since, _)| *since).map(|(_, connection)| Arc::clone(connection))
    }
}

/// The place of one connection, which is free again when it is dropped.
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
        self.connection.gone.notify_one();
    }
}

/// What is known of a connection.
pub(super) struct Connection {
    accepted: Instant,
    state: Mutex<ConnectionState>,
    closing: Notify,
    gone: Notify,
}

struct ConnectionState {
    speaks: PeerProtocol,
    answered: bool,
    closing: bool,
    /// When it last had a whole request, or the answer to one ended.
    since: Instant,
    next: u64,
    exchanges: HashMap<u64, Arc<Mutex<ExchangeStage>>>,
}

/// What the peer has shown of itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PeerProtocol {
    Nothing,
    Http,
    /// It may be sent an interim answer.
    Http11,
}

/// Why a connection is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CloseReason {
    /// No whole head came.
    Silent,
    /// Nothing of an answer was taken.
    Stalled,
    /// Another one takes its place.
    Full,
}

/// What a peer may wait for that sends no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum AwaitedBytes {
    Nothing,
    /// That a request is read, the end of which may have come.
    Request,
    /// The rest of an answer that has begun to leave.
    Rest,
    /// An answer of which nothing has left.
    Answer,
}

impl Connection {
    fn new() -> Self {
        let now = Instant::now();
        let state = ConnectionState {
            speaks: PeerProtocol::Nothing,
            answered: false,
            closing: false,
            since: now,
            next: 0,
            exchanges: HashMap::new(),
        };
        Self { accepted: now, state: Mutex::new(state), closing: Notify::new(), gone: Notify::new() }
    }

    /// The peer speaks HTTP: what comes next has the time of a connection that is kept.
    pub(super) fn greeted(&self) {
        let mut state = lock(&self.state);
        if state.speaks == PeerProtocol::Nothing {
            state.speaks = PeerProtocol::Http;
        }
    }

    /// Begins an exchange, whose head is there, in `version`.
    pub(super) fn exchange(self: &Arc<Self>, version: Version) -> Arc<HttpExchange> {
        let receiving = Arc::new(Mutex::new(ExchangeStage::ReceivingBody));
        let mut state = lock(&self.state);
        state.speaks = if version == Version::HTTP_11 { PeerProtocol::Http11 } else { PeerProtocol::Http };
        let id = state.next;
        state.next += 1;
        state.exchanges.insert(id, Arc::clone(&receiving));
        drop(state);
        Arc::new(HttpExchange::new(Arc::clone(self), id, receiving))
    }

    /// An exchange got a whole request.
    pub(super) fn asked(&self) {
        lock(&self.state).since = Instant::now();
    }

    /// The exchange `id` is over.
    pub(super) fn ended(&self, id: u64) {
        let mut state = lock(&self.state);
        state.exchanges.remove(&id);
        (state.since, state.answered) = (Instant::now(), true);
    }

    /// Done when the connection has to be closed.
    pub(super) async fn cut(&self, patience: Duration) -> CloseReason {
        let silent = async {
            sleep_until(self.accepted + FIRST_HEAD).await;
            if lock(&self.state).speaks != PeerProtocol::Nothing {
                std::future::pending::<()>().await;
            }
        };
        let stalled = async {
            loop {
                sleep((patience / 4).max(Duration::from_millis(50))).await;
                if self.stalled(patience) {
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

    fn stalled(&self, patience: Duration) -> bool {
        let now = Instant::now();
        lock(&self.state).exchanges.values().any(|stage| lock(stage).blocked(now).is_some_and(|time| time >= patience))
    }

    /// What a peer may wait for that sends no more.
    pub(super) fn awaited(&self) -> AwaitedBytes {
        let state = lock(&self.state);
        let stages = state.exchanges.values().map(|stage| *lock(stage));
        let awaited = stages.filter(|_| state.speaks == PeerProtocol::Http11).map(|stage| match stage {
            ExchangeStage::Working => AwaitedBytes::Answer,
            ExchangeStage::SendingBody { whole: true, .. } => AwaitedBytes::Rest,
            ExchangeStage::ReceivingBody => AwaitedBytes::Request,
            // What is missing will not come.
            ExchangeStage::SendingBody { .. } => AwaitedBytes::Nothing,
        });
        awaited.max().unwrap_or(AwaitedBytes::Nothing)
    }

    fn close(&self) {
        lock(&self.state).closing = true;
        self.closing.notify_one();
    }

    /// Whether it ever had an answer, and since when it waits for its peer, if it does.
    fn waits_since(&self, now: Instant) -> Option<(bool, Instant)> {
        let state = lock(&self.state);
        let waits = |stage: &ExchangeStage| match stage {
            ExchangeStage::ReceivingBody | ExchangeStage::SendingBody { idle: true, .. } => true,
            ExchangeStage::Working => false,
            ExchangeStage::SendingBody { .. } => stage.blocked(now).is_some_and(|time| time >= SLOW),
        };
        let all = !state.closing && state.exchanges.values().all(|stage| waits(&lock(stage)));
        all.then_some((state.answered, state.since))
    }
}

pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How long a new connection may go without a whole head, or without the preface of HTTP/2.
pub(super) const FIRST_HEAD: Duration = Duration::from_secs(10);
/// After how long without any progress of its answer a connection may go for another.
const SLOW: Duration = Duration::from_secs(5);
/// How long a connection may take to go: its task has but to be woken.
const GOING: Duration = Duration::from_millis(200);

#[cfg(test)]
mod tests {
    use super::*;

    /// What becomes of a connection's task, without the connection.
    fn run(place: ConnectionPermit) -> tokio::task::JoinHandle<CloseReason> {
        tokio::spawn(async move { place.connection().cut(Duration::from_secs(30)).await })
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_that_waits_longest_goes_and_one_at_work_never() {
        let mut connections = Connections::new(3);
        let mut places = Vec::new();
        for _ in 0..3 {
            places.push(connections.place().await.expect("a place"));
            tokio::time::advance(Duration::from_secs(1)).await;
        }
        let [working, answered, silent] = <[ConnectionPermit; 3]>::try_from(places).unwrap_or_else(|_| panic!("three"));
        let exchange = working.connection().exchange(Version::HTTP_11);
        exchange.received();
        drop(answered.connection().exchange(Version::HTTP_11));
        let (working, answered, silent) = (run(working), run(answered), run(silent));
        let fourth = connections.place().await.expect("the silent one goes, though it is the youngest");
        assert_eq!(silent.await.expect("it ended"), CloseReason::Full);
        let receiving = fourth.connection().exchange(Version::HTTP_11);
        let fourth = run(fourth);
        let fifth = connections.place().await.expect("one that never had an answer goes first, though its head came");
        assert_eq!(fourth.await.expect("it ended"), CloseReason::Full);
        drop(receiving);
        let fifth_exchange = fifth.connection().exchange(Version::HTTP_11);
        fifth_exchange.received();
        let fifth = run(fifth);
        let sixth = connections.place().await.expect("then one that had");
        assert_eq!(answered.await.expect("it ended"), CloseReason::Full);
        let sixth_exchange = sixth.connection().exchange(Version::HTTP_11);
        sixth_exchange.received();
        assert!(connections.place().await.is_none(), "all are at work");
        assert!(!working.is_finished() && !fifth.is_finished());
        drop((exchange, working));
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_is_cut_and_one_that_greeted_is_not() {
        let mut connections = Connections::new(2);
        let begun = Instant::now();
        let (silent, greeted) =
            (connections.place().await.expect("a place"), connections.place().await.expect("a place"));
        greeted.connection().greeted();
        let greeted = run(greeted);
        assert_eq!(run(silent).await.expect("it ended"), CloseReason::Silent);
        assert_eq!(begun.elapsed(), FIRST_HEAD);
        assert!(!greeted.is_finished());
    }
}
