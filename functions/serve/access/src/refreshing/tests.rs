//! The cache on a paused clock, over a source that is scripted.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::advance;

use super::*;

/// What the source does.
#[derive(Clone)]
enum Answer {
    Holds(Option<u32>, Duration),
    Refuses,
    Hangs,
}

struct Source {
    answer: Arc<Mutex<Answer>>,
    reads: Arc<AtomicUsize>,
    cached: Arc<Refreshing<Option<u32>, String>>,
}

impl Source {
    fn new(answer: Answer) -> Self {
        let (answer, reads) = (Arc::new(Mutex::new(answer)), Arc::new(AtomicUsize::new(0)));
        let (answers, counted) = (Arc::clone(&answer), Arc::clone(&reads));
        let cached = Refreshing::new("test", POLICY, move |_| {
            counted.fetch_add(1, Ordering::SeqCst);
            let answer = answers.lock().expect("not poisoned").clone();
            async move {
                match answer {
                    Answer::Holds(value, took) => {
                        sleep(took).await;
                        Ok(value)
                    }
                    Answer::Refuses => Err("refused".to_owned()),
                    Answer::Hangs => std::future::pending().await,
                }
            }
        });
        Self { answer, reads, cached: Arc::new(cached) }
    }

    fn answers(&self, answer: Answer) {
        *self.answer.lock().expect("not poisoned") = answer;
    }

    fn reads(&self) -> usize {
        self.reads.load(Ordering::SeqCst)
    }

    /// What is found, and after how long.
    async fn find(&self) -> (Result<Option<u32>, String>, Duration) {
        let begun = Instant::now();
        (self.cached.find().await.map_err(|error| error.to_string()), begun.elapsed())
    }
}

const QUICK: Duration = Duration::from_millis(20);

const POLICY: RefreshPolicy = RefreshPolicy {
    max_age: Duration::from_mins(1),
    revalidate_after: Duration::from_secs(45),
    stale_if_error: Duration::from_mins(15),
    wait_when_stale: Duration::from_secs(1),
    wait_when_missing: Duration::from_secs(5),
    min_interval: Duration::from_millis(500),
    on_miss: OnMiss::Wait,
    fetch_timeout: Duration::from_secs(10),
    initial_backoff: Duration::from_secs(2),
    max_backoff: Duration::from_secs(30),
};

#[tokio::test(start_paused = true)]
async fn a_value_is_revalidated_in_the_background() {
    let source = Source::new(Answer::Holds(Some(7), QUICK));
    assert_eq!(source.find().await, (Ok(Some(7)), QUICK));
    source.answers(Answer::Holds(None, QUICK));
    advance(POLICY.revalidate_after).await;
    assert_eq!(source.find().await, (Ok(Some(7)), Duration::ZERO));
    sleep(QUICK * 2).await;
    assert_eq!(source.reads(), 2);
    assert_eq!(source.find().await.0, Ok(None), "revoked");
}

#[tokio::test(start_paused = true)]
async fn a_stale_value_is_fetched_first() {
    let source = Source::new(Answer::Holds(Some(7), QUICK));
    assert!(source.find().await.0.is_ok());
    source.answers(Answer::Holds(None, QUICK));
    advance(POLICY.max_age).await;
    assert_eq!(source.find().await, (Ok(None), QUICK));
}

#[tokio::test(start_paused = true)]
async fn a_stale_value_is_served_while_the_source_hangs() {
    let source = Source::new(Answer::Holds(Some(7), QUICK));
    assert!(source.find().await.0.is_ok());
    source.answers(Answer::Hangs);
    advance(POLICY.max_age * 2).await;
    let begun = Instant::now();
    let mut waited = Duration::ZERO;
    while begun.elapsed() < Duration::from_mins(5) {
        let (found, took) = source.find().await;
        assert_eq!(found, Ok(Some(7)));
        assert!(took <= POLICY.wait_when_stale, "{took:?}");
        waited += took;
        sleep(Duration::from_millis(500)).await;
    }
    // The first read's ten seconds, then one second a read.
    assert!(waited <= POLICY.fetch_timeout + POLICY.wait_when_stale * 16, "{waited:?}");
    assert!(source.reads() <= 16, "{}", source.reads());

    advance(POLICY.stale_if_error).await;
    assert!(source.find().await.0.is_err(), "it was not read for too long");

    source.answers(Answer::Holds(None, QUICK));
    advance(POLICY.max_backoff).await;
    sleep(POLICY.fetch_timeout).await;
    assert_eq!(source.find().await.0, Ok(None), "revoked meanwhile");
}

#[tokio::test(start_paused = true)]
async fn a_missing_value_reports_that_the_source_fails() {
    let source = Source::new(Answer::Hangs);
    let (found, took) = source.find().await;
    assert_eq!((found.is_err(), took), (true, POLICY.wait_when_missing));

    let source = Source::new(Answer::Refuses);
    for (after, reads) in [(0, 1), (1, 1), (1, 2), (3, 2), (1, 3), (8, 4), (16, 5), (29, 5), (1, 6), (30, 7)] {
        advance(Duration::from_secs(after)).await;
        let (found, took) = source.find().await;
        assert!(found.expect_err("refused").contains("refused"));
        assert_eq!((source.reads(), took), (reads, Duration::ZERO), "after {after} s more");
    }
}

#[tokio::test(start_paused = true)]
async fn callers_share_a_fetch_that_outlives_each_of_them() {
    let source = Source::new(Answer::Holds(Some(7), Duration::from_secs(2)));
    let cached = Arc::clone(&source.cached);
    let first = tokio::spawn(async move { cached.find().await });
    sleep(QUICK).await;
    first.abort();
    let others = futures_util::future::join_all((0..100).map(|_| source.find())).await;
    assert!(others.iter().all(|(found, _)| found.as_ref() == Ok(&Some(7))));
    // What it found is good for those who came meanwhile too.
    assert_eq!(source.reads(), 1);
}

#[tokio::test(start_paused = true)]
async fn misses_do_not_flood_the_source() {
    let source = Source::new(Answer::Holds(None, QUICK));
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(10) {
        assert_eq!(source.find().await.0, Ok(None));
    }
    assert!(source.reads() <= 21, "{}", source.reads());
}

#[tokio::test(start_paused = true)]
async fn a_forgotten_value_does_not_come_back_with_a_fetch_in_flight() {
    let source = Source::new(Answer::Holds(Some(7), Duration::from_secs(2)));
    let cached = Arc::clone(&source.cached);
    let first = tokio::spawn(async move { cached.find().await });
    sleep(QUICK).await;
    source.cached.forget();
    source.answers(Answer::Holds(Some(8), Duration::from_secs(3)));
    assert_eq!(source.find().await.0, Ok(Some(8)));
    assert_eq!(first.await.expect("no panic").expect("found"), Some(8));
    assert_eq!((source.reads(), source.cached.latest()), (2, Some(Some(8))));
}

#[tokio::test(start_paused = true)]
async fn a_miss_within_the_interval_keeps_the_value() {
    for (on_miss, fetches) in [(OnMiss::KeepAfterFetch, [1, 1, 2]), (OnMiss::KeepAfterRefetch, [2, 2, 3])] {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let policy = RefreshPolicy { on_miss, ..POLICY };
        let cached: Refreshing<usize, String> = Refreshing::new("test", policy, move |last| {
            let number = counted.fetch_add(1, Ordering::SeqCst) + 1;
            async move {
                assert_eq!(last.unwrap_or_default(), number - 1, "the last value is given to the fetch");
                Ok(number)
            }
        });
        assert_eq!(cached.get().await.expect("fetched"), 1);
        for (pause, expected) in [(1, fetches[0]), (1, fetches[1]), (500, fetches[2])] {
            advance(Duration::from_millis(pause)).await;
            assert_eq!(cached.refetch(cached.fetches()).await.expect("kept or fetched"), expected, "{on_miss:?}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_value_at_hand_is_served_at_any_age() {
    let source = Source::new(Answer::Holds(Some(7), QUICK));
    assert_eq!(source.cached.get_stale().await.expect("fetched"), Some(7), "there was none yet");
    source.answers(Answer::Refuses);
    advance(POLICY.stale_if_error * 2).await;
    let begun = Instant::now();
    assert_eq!((source.cached.get_stale().await.expect("stale"), begun.elapsed()), (Some(7), Duration::ZERO));
    sleep(QUICK).await;
    assert_eq!(source.reads(), 2, "it was due");
    assert!(source.cached.get().await.is_err(), "too old for a caller that needs it fresh");
}
