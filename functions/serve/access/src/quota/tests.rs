use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;

use super::*;
use amaas_wire::Classify;

use crate::limit::LimitPeriod;
use crate::quota::QuotaError;
use amaas_ledger::{
    CounterOutcome, CounterUpdate, InsertOutcome, LedgerEntry, LedgerError, LedgerKey, LedgerWrite, ListedEntry,
    MemoryLedger, Revision,
};

/// A ledger that counts how often it is asked, and can be down.
#[derive(Debug, Default)]
struct Watched {
    ledger: MemoryLedger,
    counts: AtomicUsize,
    down: AtomicBool,
    /// Whether each count takes a second.
    slow: AtomicBool,
}

#[async_trait]
impl Ledger for Watched {
    async fn read(&self, key: &LedgerKey) -> Result<Option<LedgerEntry>, LedgerError> {
        self.ledger.read(key).await
    }
    async fn insert(&self, key: &LedgerKey, value: Bytes, ttl: Duration) -> Result<InsertOutcome, LedgerError> {
        self.ledger.insert(key, value, ttl).await
    }
    async fn replace(
        &self,
        key: &LedgerKey,
        is: Revision,
        to: Bytes,
        ttl: Duration,
    ) -> Result<Option<Revision>, LedgerError> {
        self.ledger.replace(key, is, to, ttl).await
    }
    async fn extend(&self, key: &LedgerKey, revision: Revision, ttl: Duration) -> Result<bool, LedgerError> {
        self.ledger.extend(key, revision, ttl).await
    }
    async fn remove(&self, key: &LedgerKey, revision: Revision) -> Result<bool, LedgerError> {
        self.ledger.remove(key, revision).await
    }
    async fn write(&self, writes: &[LedgerWrite]) -> Result<(), LedgerError> {
        self.ledger.write(writes).await
    }
    async fn list(&self, partition: &str, after: &str, limit: usize) -> Result<Vec<ListedEntry>, LedgerError> {
        self.ledger.list(partition, after, limit).await
    }
    async fn count(&self, key: &LedgerKey, count: CounterUpdate) -> Result<CounterOutcome, LedgerError> {
        self.counts.fetch_add(1, Ordering::SeqCst);
        if self.down.load(Ordering::SeqCst) {
            return Err(LedgerError::Unreachable { ledger: "l".to_owned(), cause: "down".to_owned() });
        }
        let counted = self.ledger.count(key, count).await;
        if self.slow.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        counted
    }
}

/// Processes that share a ledger, and the time of all of them.
struct Place {
    ledger: Arc<Watched>,
    period: Arc<Mutex<Duration>>,
}

impl Place {
    fn new() -> Self {
        // Long enough before the end of a month: 2027-01-15T08:00:00Z.
        let period = Arc::new(Mutex::new(Duration::from_hours(500_000)));
        Self { ledger: Arc::default(), period }
    }

    fn process(&self) -> Quotas {
        let period = Arc::clone(&self.period);
        let clock = Clock::new(move || *period.lock().expect("not poisoned"));
        Quotas::new(Arc::clone(&self.ledger) as Arc<dyn Ledger>, clock)
    }

    async fn pass(&self, period: Duration) {
        *self.period.lock().expect("not poisoned") += period;
        tokio::time::advance(period).await;
    }

    fn asked(&self) -> usize {
        self.ledger.counts.load(Ordering::SeqCst)
    }
}

fn counter(most: u64, period: LimitPeriod) -> LimitCounter {
    LimitCounter { name: "acme/*/requests".to_owned(), most, period, kind: LimitKind::Requests }
}

/// How many of `tries` calls are let in.
async fn let_in(limit: &Arc<LeasedLimit>, tries: u64) -> u64 {
    let mut taken = 0;
    for _ in 0..tries {
        taken += u64::from(limit.take(1).await.is_ok());
    }
    taken
}

#[tokio::test(start_paused = true)]
async fn all_processes_together_never_pass_a_limit() {
    for period in [LimitPeriod::Minute, LimitPeriod::Month] {
        let place = Place::new();
        let processes: Vec<_> = (0..7).map(|_| place.process().of(counter(1000, period))).collect();
        let mut taken = 0;
        for round in 0..40 {
            for (index, process) in processes.iter().enumerate() {
                taken += let_in(process, (index as u64 + round) % 11).await;
            }
        }
        assert!(taken <= 1000, "{taken}");
        // No amount is lost: the calling processes get everything but the leases of the others.
        let rest = let_in(&processes[0], 1000).await;
        assert!(taken + rest > 1000 - 7 * 16 && taken + rest <= 1000, "{taken} and {rest}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_ledger_is_asked_less_than_once_a_call_where_there_are_many() {
    let place = Place::new();
    let limit = place.process().of(counter(100_000, LimitPeriod::Minute));
    assert_eq!(let_in(&limit, 10_000).await, 10_000);
    assert!(place.asked() < 40, "{} times for 10,000 calls", place.asked());
    let (slow, place) = (place.process(), place);
    let asked = place.asked();
    let slow = slow.of(counter(100_000, LimitPeriod::Minute));
    for _ in 0..10 {
        place.pass(Duration::from_secs(2)).await;
        assert_eq!(let_in(&slow, 1).await, 1);
    }
    assert_eq!(place.asked() - asked, 10, "who calls now and then puts nothing aside");
}

#[tokio::test(start_paused = true)]
async fn a_minute_fills_evenly_and_says_when() {
    let place = Place::new();
    let limit = place.process().of(counter(60, LimitPeriod::Minute));
    assert_eq!(let_in(&limit, 100).await, 60);
    let Err(QuotaError::RateLimited { limit: text, wait }) = limit.take(1).await else { panic!("it is empty") };
    assert_eq!((text.as_str(), wait), ("60 requests a minute", Duration::from_millis(1001)));
    place.pass(wait).await;
    assert_eq!(let_in(&limit, 10).await, 1);
    place.pass(Duration::from_secs(30)).await;
    assert_eq!(let_in(&limit, 100).await, 30);
    place.pass(Duration::from_mins(5)).await;
    assert_eq!(let_in(&limit, 100).await, 60, "no more than a minute's worth");
    assert!(matches!(limit.take(61).await, Err(QuotaError::OverLimit { .. })), "that is never there");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_alone_passes_a_limit_is_refused_by_what_the_limit_is_of() {
    let process = Place::new().process();
    for (kind, status, slug) in [
        (LimitKind::Requests, 413, "over-limit"),
        (LimitKind::Units, 413, "over-limit"),
        (LimitKind::Budget, 402, "budget-exhausted"),
        (LimitKind::MaxCost, 402, "key-budget-exhausted"),
    ] {
        let limit = process.of(LimitCounter { kind, ..counter(5, LimitPeriod::Month) });
        let error = limit.take(6).await.expect_err("there is never so much");
        let classified = error.classify();
        let class = classified.class;
        assert_eq!((class.status, class.slug, classified.retry_after), (status, slug, None), "{kind:?}");
        assert!(error.to_string().contains("this call alone") && !class.is_retryable, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_month_ends_with_the_calendar() {
    let place = Place::new();
    let limit = place.process().of(counter(5, LimitPeriod::Month));
    assert_eq!(let_in(&limit, 9).await, 5);
    let Err(QuotaError::QuotaExhausted { wait, .. }) = limit.take(1).await else { panic!("it is spent") };
    assert_eq!(wait, Duration::from_hours(400), "2027-02-01");
    place.pass(wait.saturating_sub(Duration::from_secs(1))).await;
    assert_eq!(let_in(&limit, 9).await, 0);
    place.pass(Duration::from_secs(1)).await;
    assert_eq!(let_in(&limit, 9).await, 5);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_used_is_given_back() {
    let place = Place::new();
    let (one, other) = (place.process(), place.process());
    let (mine, others) = (one.of(counter(1000, LimitPeriod::Month)), other.of(counter(1000, LimitPeriod::Month)));
    let_in(&mine, 100).await;
    one.give_back(LEASE_IDLE_TIMEOUT).await;
    place.pass(LEASE_IDLE_TIMEOUT).await;
    one.give_back(LEASE_IDLE_TIMEOUT).await;
    assert_eq!(let_in(&others, 2000).await, 900);
}

#[tokio::test(start_paused = true)]
async fn while_the_ledger_is_down_a_process_lends_itself_a_64th_and_no_more() {
    let place = Place::new();
    let processes: Vec<_> = (0..3).map(|_| place.process().of(counter(6400, LimitPeriod::Month))).collect();
    assert_eq!(let_in(&processes[0], 6000).await, 6000);
    place.ledger.down.store(true, Ordering::SeqCst);
    let mut overdraft = 0;
    for process in &processes {
        let taken = let_in(process, 1000).await;
        overdraft += taken;
        assert!(matches!(process.take(1).await, Err(QuotaError::LimitsUnavailable { .. })));
    }
    // A 64th each; the first has what is left of its lease besides.
    assert!((300..=400).contains(&overdraft), "{overdraft}");
    place.ledger.down.store(false, Ordering::SeqCst);
    let mut after = 0;
    for process in &processes {
        place.pass(Duration::from_secs(2)).await;
        after += let_in(process, 1000).await;
    }
    let all = 6000 + overdraft + after;
    assert!(all <= 6400 + 3 * 100, "passed by {} of a stated 300", all.saturating_sub(6400));
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_comes_and_goes_lets_nobody_pass_by_more() {
    for spent in [0, 6400] {
        let place = Place::new();
        let process = place.process();
        let limit = process.of(counter(6400, LimitPeriod::Month));
        let mut taken = let_in(&limit, spent).await;
        assert_eq!(limit.take(1).await.is_err(), spent > 0);
        taken += u64::from(spent == 0);
        for turn in 0..4000 {
            place.ledger.down.store(turn % 2 == 0, Ordering::SeqCst);
            taken += let_in(&limit, 3).await;
            place.pass(Duration::from_secs(2)).await;
        }
        assert!(taken <= 6400 + if spent > 0 { 0 } else { 100 }, "{taken}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_lent_is_counted_though_nobody_calls_again() {
    let place = Place::new();
    let (one, other) = (place.process(), place.process());
    let (mine, others) = (one.of(counter(6400, LimitPeriod::Month)), other.of(counter(6400, LimitPeriod::Month)));
    assert_eq!(let_in(&mine, 1).await, 1);
    place.ledger.down.store(true, Ordering::SeqCst);
    let overdraft = let_in(&mine, 1000).await;
    one.give_back(Duration::ZERO).await;
    place.ledger.down.store(false, Ordering::SeqCst);
    one.give_back(Duration::ZERO).await;
    assert_eq!(let_in(&others, 10_000).await, 6400 - 1 - overdraft);
}

#[tokio::test(start_paused = true)]
async fn who_goes_away_while_the_ledger_is_asked_loses_nothing_of_the_limit() {
    let place = Place::new();
    let limit = place.process().of(counter(100, LimitPeriod::Month));
    place.ledger.slow.store(true, Ordering::SeqCst);
    let mut gone = 0;
    for amount in 1..50 {
        // More each time, so that what came back of the last is not enough.
        match tokio::time::timeout(Duration::from_millis(10), limit.take(amount)).await {
            Ok(taken) => limit.put_back(amount, taken.expect("there is room")),
            Err(_) => gone += 1,
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    assert_eq!(gone, 49);
    place.ledger.slow.store(false, Ordering::SeqCst);
    assert_eq!(let_in(&limit, 1000).await, 100);
}

#[tokio::test(start_paused = true)]
async fn a_month_that_ends_while_the_ledger_is_asked_takes_nothing_along() {
    let place = Place::new();
    let limit = place.process().of(counter(6400, LimitPeriod::Month));
    place.ledger.down.store(true, Ordering::SeqCst);
    assert_eq!(let_in(&limit, 50).await, 50, "lent");
    place.ledger.down.store(false, Ordering::SeqCst);
    place.ledger.slow.store(true, Ordering::SeqCst);
    let asking = Arc::clone(&limit);
    let old = tokio::spawn(async move { asking.take(20).await });
    tokio::task::yield_now().await;
    *place.period.lock().expect("not poisoned") += Duration::from_hours(400);
    // It settles what was lent in a month that is over by now, and gets a lease of it.
    assert!(old.await.expect("no panic").is_ok());
    place.ledger.slow.store(false, Ordering::SeqCst);
    assert_eq!(let_in(&limit, 10_000).await, 6400, "all of the new month, and no more");
}

#[tokio::test(start_paused = true)]
async fn of_several_limits_none_is_charged_where_one_is_reached() {
    let place = Place::new();
    let process = place.process();
    let limits = [
        process.of(counter(10, LimitPeriod::Month)),
        process.of(LimitCounter { name: "other".to_owned(), ..counter(3, LimitPeriod::Month) }),
    ];
    let mut taken = Reservation::default();
    assert!(taken.take(&limits, 2).await.is_ok());
    assert!(taken.take(&limits, 2).await.is_err());
    drop(taken);
    let mut taken = Reservation::default();
    assert!(taken.take(&limits, 3).await.is_ok(), "the call was not answered, so all of it came back");
    taken.settle(LimitKind::Requests, 1);
    taken.keep();
    assert_eq!((let_in(&limits[0], 20).await, let_in(&limits[1], 20).await), (9, 2));
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_month_is_no_part_of_the_next() {
    let place = Place::new();
    let (one, other) = (place.process(), place.process());
    let (mine, others) = (one.of(counter(1000, LimitPeriod::Month)), other.of(counter(1000, LimitPeriod::Month)));
    let_in(&mine, 300).await;
    let mut taken = Reservation::default();
    assert!(taken.take(&[Arc::clone(&mine)], 5).await.is_ok());
    place.pass(Duration::from_hours(400)).await;
    // The lease of the old month, and what a call had taken in it.
    one.give_back(LEASE_IDLE_TIMEOUT).await;
    assert_eq!(let_in(&mine, 1).await, 1);
    drop(taken);
    let (rest, theirs) = (let_in(&mine, 2000).await, let_in(&others, 2000).await);
    assert!(1 + rest + theirs <= 1000, "{rest} and {theirs}");
}

#[tokio::test(start_paused = true)]
async fn those_who_take_while_another_asks_take_nothing_twice() {
    let place = Place::new();
    let limit = place.process().of(counter(1000, LimitPeriod::Month));
    let calls = (0..400).map(|index| {
        let limit = Arc::clone(&limit);
        tokio::spawn(async move {
            let amount = 1 + index % 7;
            limit.take(amount).await.map_or(0, |_| amount)
        })
    });
    let mut taken = 0;
    for call in calls.collect::<Vec<_>>() {
        taken += call.await.expect("no panic");
    }
    assert!(taken <= 1000, "{taken}");
}

#[tokio::test(start_paused = true)]
async fn it_is_said_what_is_left() {
    let place = Place::new();
    let limit = place.process().of(counter(600, LimitPeriod::Minute));
    for used in 1..=100 {
        assert_eq!(let_in(&limit, 1).await, 1);
        let remaining = limit.remaining();
        assert_eq!((remaining.most, remaining.remaining), (600, 600 - used));
    }
    assert_eq!(limit.remaining().reset, Duration::from_millis(10_001));
}
