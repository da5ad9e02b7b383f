use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use bytes::Bytes;

use super::*;
use amaas_wire::Classify;

use crate::quota::QuotaError;
use amaas_ledger::{Count, Counted, Entry, Inserted, Key, LedgerError, Listed, Memory, Revision, Write};

/// A ledger that counts how often it is asked, and can be down.
#[derive(Debug, Default)]
struct Watched {
    ledger: Memory,
    counts: AtomicUsize,
    down: AtomicBool,
    /// Whether each count takes a second.
    slow: AtomicBool,
}

#[async_trait]
impl Ledger for Watched {
    async fn read(&self, key: &Key) -> Result<Option<Entry>, LedgerError> {
        self.ledger.read(key).await
    }
    async fn insert(&self, key: &Key, value: Bytes, lives: Duration) -> Result<Inserted, LedgerError> {
        self.ledger.insert(key, value, lives).await
    }
    async fn replace(
        &self,
        key: &Key,
        is: Revision,
        to: Bytes,
        lives: Duration,
    ) -> Result<Option<Revision>, LedgerError> {
        self.ledger.replace(key, is, to, lives).await
    }
    async fn extend(&self, key: &Key, revision: Revision, lives: Duration) -> Result<bool, LedgerError> {
        self.ledger.extend(key, revision, lives).await
    }
    async fn remove(&self, key: &Key, revision: Revision) -> Result<bool, LedgerError> {
        self.ledger.remove(key, revision).await
    }
    async fn write(&self, writes: &[Write]) -> Result<(), LedgerError> {
        self.ledger.write(writes).await
    }
    async fn list(&self, partition: &str, after: &str, limit: usize) -> Result<Vec<Listed>, LedgerError> {
        self.ledger.list(partition, after, limit).await
    }
    async fn count(&self, key: &Key, count: Count) -> Result<Counted, LedgerError> {
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
    time: Arc<Mutex<Duration>>,
}

impl Place {
    fn new() -> Self {
        // Long enough before the end of a month: 2027-01-15T08:00:00Z.
        let time = Arc::new(Mutex::new(Duration::from_hours(500_000)));
        Self { ledger: Arc::default(), time }
    }

    fn process(&self) -> Quotas {
        let time = Arc::clone(&self.time);
        let clock = Clock::new(move || *time.lock().expect("not poisoned"));
        Quotas::new(Arc::clone(&self.ledger) as Arc<dyn Ledger>, clock)
    }

    async fn pass(&self, time: Duration) {
        *self.time.lock().expect("not poisoned") += time;
        tokio::time::advance(time).await;
    }

    fn asked(&self) -> usize {
        self.ledger.counts.load(Ordering::SeqCst)
    }
}

fn measure(most: u64, time: Time) -> Measure {
    Measure { name: "acme/*/requests".to_owned(), most, time, kind: Kind::Requests }
}

/// How many of `tries` calls are let in.
async fn let_in(allowance: &Arc<Allowance>, tries: u64) -> u64 {
    let mut taken = 0;
    for _ in 0..tries {
        taken += u64::from(allowance.take(1).await.is_ok());
    }
    taken
}

#[tokio::test(start_paused = true)]
async fn all_processes_together_never_pass_a_limit() {
    for time in [Time::Minute, Time::Month] {
        let place = Place::new();
        let processes: Vec<_> = (0..7).map(|_| place.process().of(measure(1000, time))).collect();
        let mut taken = 0;
        for round in 0..40 {
            for (index, process) in processes.iter().enumerate() {
                taken += let_in(process, (index as u64 + round) % 11).await;
            }
        }
        assert!(taken <= 1000, "{taken}");
        // Nothing was put aside that nobody may use any more: those who call have all but the leases of the others.
        let rest = let_in(&processes[0], 1000).await;
        assert!(taken + rest > 1000 - 7 * 16 && taken + rest <= 1000, "{taken} and {rest}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_ledger_is_asked_less_than_once_a_call_where_there_are_many() {
    let place = Place::new();
    let allowance = place.process().of(measure(100_000, Time::Minute));
    assert_eq!(let_in(&allowance, 10_000).await, 10_000);
    assert!(place.asked() < 40, "{} times for 10,000 calls", place.asked());
    let (slow, place) = (place.process(), place);
    let asked = place.asked();
    let slow = slow.of(measure(100_000, Time::Minute));
    for _ in 0..10 {
        place.pass(Duration::from_secs(2)).await;
        assert_eq!(let_in(&slow, 1).await, 1);
    }
    assert_eq!(place.asked() - asked, 10, "who calls now and then puts nothing aside");
}

#[tokio::test(start_paused = true)]
async fn a_minute_fills_evenly_and_says_when() {
    let place = Place::new();
    let allowance = place.process().of(measure(60, Time::Minute));
    assert_eq!(let_in(&allowance, 100).await, 60);
    let Err(QuotaError::RateLimited { limit, wait }) = allowance.take(1).await else { panic!("it is empty") };
    assert_eq!((limit.as_str(), wait), ("60 requests a minute", Duration::from_millis(1001)));
    place.pass(wait).await;
    assert_eq!(let_in(&allowance, 10).await, 1);
    place.pass(Duration::from_secs(30)).await;
    assert_eq!(let_in(&allowance, 100).await, 30);
    place.pass(Duration::from_mins(5)).await;
    assert_eq!(let_in(&allowance, 100).await, 60, "no more than a minute's worth");
    assert!(matches!(allowance.take(61).await, Err(QuotaError::OverLimit { .. })), "that is never there");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_alone_passes_a_limit_is_refused_by_what_the_limit_is_of() {
    let process = Place::new().process();
    for (kind, status, slug) in [
        (Kind::Requests, 413, "over-limit"),
        (Kind::Units, 413, "over-limit"),
        (Kind::Budget, 402, "budget-exhausted"),
        (Kind::MaxCost, 402, "key-budget-exhausted"),
    ] {
        let allowance = process.of(Measure { kind, ..measure(5, Time::Month) });
        let error = allowance.take(6).await.expect_err("there is never so much");
        let classified = error.classify();
        let class = classified.class;
        assert_eq!((class.status, class.slug, classified.retry_after), (status, slug, None), "{kind:?}");
        assert!(error.to_string().contains("the call alone") && !class.is_retryable, "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_month_ends_with_the_calendar() {
    let place = Place::new();
    let allowance = place.process().of(measure(5, Time::Month));
    assert_eq!(let_in(&allowance, 9).await, 5);
    let Err(QuotaError::QuotaExhausted { wait, .. }) = allowance.take(1).await else { panic!("it is spent") };
    assert_eq!(wait, Duration::from_hours(400), "2027-02-01");
    place.pass(wait.saturating_sub(Duration::from_secs(1))).await;
    assert_eq!(let_in(&allowance, 9).await, 0);
    place.pass(Duration::from_secs(1)).await;
    assert_eq!(let_in(&allowance, 9).await, 5);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_used_is_given_back() {
    let place = Place::new();
    let (one, other) = (place.process(), place.process());
    let (mine, others) = (one.of(measure(1000, Time::Month)), other.of(measure(1000, Time::Month)));
    let_in(&mine, 100).await;
    one.give_back(IDLE).await;
    place.pass(IDLE).await;
    one.give_back(IDLE).await;
    assert_eq!(let_in(&others, 2000).await, 900);
}

#[tokio::test(start_paused = true)]
async fn while_the_ledger_is_down_a_process_lends_itself_a_64th_and_no_more() {
    let place = Place::new();
    let processes: Vec<_> = (0..3).map(|_| place.process().of(measure(6400, Time::Month))).collect();
    assert_eq!(let_in(&processes[0], 6000).await, 6000);
    place.ledger.down.store(true, Ordering::SeqCst);
    let mut lent = 0;
    for process in &processes {
        let taken = let_in(process, 1000).await;
        lent += taken;
        assert!(matches!(process.take(1).await, Err(QuotaError::LimitsUnavailable { .. })));
    }
    // A 64th each; the first has what is left of its lease besides.
    assert!((300..=400).contains(&lent), "{lent}");
    place.ledger.down.store(false, Ordering::SeqCst);
    let mut after = 0;
    for process in &processes {
        place.pass(Duration::from_secs(2)).await;
        after += let_in(process, 1000).await;
    }
    let all = 6000 + lent + after;
    assert!(all <= 6400 + 3 * 100, "passed by {} of a stated 300", all.saturating_sub(6400));
}

#[tokio::test(start_paused = true)]
async fn a_ledger_that_comes_and_goes_lets_nobody_pass_by_more() {
    for spent in [0, 6400] {
        let place = Place::new();
        let process = place.process();
        let allowance = process.of(measure(6400, Time::Month));
        let mut taken = let_in(&allowance, spent).await;
        assert_eq!(allowance.take(1).await.is_err(), spent > 0);
        taken += u64::from(spent == 0);
        for turn in 0..4000 {
            place.ledger.down.store(turn % 2 == 0, Ordering::SeqCst);
            taken += let_in(&allowance, 3).await;
            place.pass(Duration::from_secs(2)).await;
        }
        assert!(taken <= 6400 + if spent > 0 { 0 } else { 100 }, "{taken}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_was_lent_is_counted_though_nobody_calls_again() {
    let place = Place::new();
    let (one, other) = (place.process(), place.process());
    let (mine, others) = (one.of(measure(6400, Time::Month)), other.of(measure(6400, Time::Month)));
    assert_eq!(let_in(&mine, 1).await, 1);
    place.ledger.down.store(true, Ordering::SeqCst);
    let lent = let_in(&mine, 1000).await;
    one.give_back(Duration::ZERO).await;
    place.ledger.down.store(false, Ordering::SeqCst);
    one.give_back(Duration::ZERO).await;
    assert_eq!(let_in(&others, 10_000).await, 6400 - 1 - lent);
}

#[tokio::test(start_paused = true)]
async fn who_goes_away_while_the_ledger_is_asked_loses_nothing_of_the_limit() {
    let place = Place::new();
    let allowance = place.process().of(measure(100, Time::Month));
    place.ledger.slow.store(true, Ordering::SeqCst);
    let mut gone = 0;
    for amount in 1..50 {
        // More each time, so that what came back of the last is not enough.
        match tokio::time::timeout(Duration::from_millis(10), allowance.take(amount)).await {
            Ok(taken) => allowance.put_back(amount, taken.expect("there is room")),
            Err(_) => gone += 1,
        }
        tokio::time::sleep(Duration::from_secs(5)).await;
    }
    assert_eq!(gone, 49);
    place.ledger.slow.store(false, Ordering::SeqCst);
    assert_eq!(let_in(&allowance, 1000).await, 100);
}

#[tokio::test(start_paused = true)]
async fn a_month_that_ends_while_the_ledger_is_asked_takes_nothing_along() {
    let place = Place::new();
    let allowance = place.process().of(measure(6400, Time::Month));
    place.ledger.down.store(true, Ordering::SeqCst);
    assert_eq!(let_in(&allowance, 50).await, 50, "lent");
    place.ledger.down.store(false, Ordering::SeqCst);
    place.ledger.slow.store(true, Ordering::SeqCst);
    let asking = Arc::clone(&allowance);
    let old = tokio::spawn(async move { asking.take(20).await });
    tokio::task::yield_now().await;
    *place.time.lock().expect("not poisoned") += Duration::from_hours(400);
    // It settles what was lent in a month that is over by now, and gets a lease of it.
    assert!(old.await.expect("no panic").is_ok());
    place.ledger.slow.store(false, Ordering::SeqCst);
    assert_eq!(let_in(&allowance, 10_000).await, 6400, "all of the new month, and no more");
}

#[tokio::test(start_paused = true)]
async fn of_several_limits_none_is_charged_where_one_is_reached() {
    let place = Place::new();
    let process = place.process();
    let limits = [
        process.of(measure(10, Time::Month)),
        process.of(Measure { name: "other".to_owned(), ..measure(3, Time::Month) }),
    ];
    let mut taken = Taken::default();
    assert!(taken.take(&limits, 2).await.is_ok());
    assert!(taken.take(&limits, 2).await.is_err());
    drop(taken);
    let mut taken = Taken::default();
    assert!(taken.take(&limits, 3).await.is_ok(), "the call was not answered, so all of it came back");
    taken.settle(Kind::Requests, 1);
    taken.keep();
    assert_eq!((let_in(&limits[0], 20).await, let_in(&limits[1], 20).await), (9, 2));
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_month_is_no_part_of_the_next() {
    let place = Place::new();
    let (one, other) = (place.process(), place.process());
    let (mine, others) = (one.of(measure(1000, Time::Month)), other.of(measure(1000, Time::Month)));
    let_in(&mine, 300).await;
    let mut taken = Taken::default();
    assert!(taken.take(&[Arc::clone(&mine)], 5).await.is_ok());
    place.pass(Duration::from_hours(400)).await;
    // The lease of the old month, and what a call had taken in it.
    one.give_back(IDLE).await;
    assert_eq!(let_in(&mine, 1).await, 1);
    drop(taken);
    let (rest, theirs) = (let_in(&mine, 2000).await, let_in(&others, 2000).await);
    assert!(1 + rest + theirs <= 1000, "{rest} and {theirs}");
}

#[tokio::test(start_paused = true)]
async fn those_who_take_while_another_asks_take_nothing_twice() {
    let place = Place::new();
    let allowance = place.process().of(measure(1000, Time::Month));
    let calls = (0..400).map(|index| {
        let allowance = Arc::clone(&allowance);
        tokio::spawn(async move {
            let amount = 1 + index % 7;
            allowance.take(amount).await.map_or(0, |_| amount)
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
    let allowance = place.process().of(measure(600, Time::Minute));
    for used in 1..=100 {
        assert_eq!(let_in(&allowance, 1).await, 1);
        let left = allowance.left();
        assert_eq!((left.most, left.remaining), (600, 600 - used));
    }
    assert_eq!(allowance.left().reset, Duration::from_millis(10_001));
}
