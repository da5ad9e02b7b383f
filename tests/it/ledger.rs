//! Ledgers: one contract for each back end, and functions that share one.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use amaas_e2e::dynamodb::{self, DynamoDb};
use amaas_e2e::wait::until;
use amaas_e2e::{Function, ProcessBuilder, Program, TestEnv, onnx, skip};
use amaas_ledger::{
    Clock, CounterOutcome, CounterUpdate, InsertOutcome, Ledger, LedgerError, LedgerKey, LedgerWrite, MAX_VALUE_BYTES,
    MemoryLedger, NO_EXPIRY, Revision, SqliteLedger,
};
use bytes::Bytes;
use futures_util::future::join_all;
use reqwest::Response;
use serde_json::json;

/// A clock that the test sets.
#[derive(Clone, Default)]
struct ManualClock(Arc<Mutex<Duration>>);

impl ManualClock {
    fn clock(&self) -> Clock {
        let hand = self.clone();
        *self.0.lock().expect("not poisoned") = Duration::from_hours(24 * 365 * 56);
        Clock::new(move || *hand.0.lock().expect("not poisoned"))
    }

    fn turn(&self, by: Duration) {
        *self.0.lock().expect("not poisoned") += by;
    }
}

const MINUTE: Duration = Duration::from_mins(1);

async fn insert(ledger: &dyn Ledger, key: &LedgerKey, value: &str) -> Revision {
    let value = Bytes::copy_from_slice(value.as_bytes());
    match ledger.insert(key, value, MINUTE).await.expect("it can be reached") {
        InsertOutcome::New(revision) => revision,
        InsertOutcome::Exists(entry) => panic!("there is one: {entry:?}"),
    }
}

async fn value(ledger: &dyn Ledger, key: &LedgerKey) -> Option<Bytes> {
    ledger.read(key).await.expect("it can be reached").map(|entry| entry.value)
}

/// The contract of every ledger.
async fn behaves(ledger: Arc<dyn Ledger>, hand: ManualClock) {
    entries_are_told_apart(&*ledger).await;
    only_who_knows_the_revision_changes_an_entry(&*ledger).await;
    entries_end(&*ledger, &hand).await;
    any_bytes_come_back(&*ledger).await;
    of_many_at_once_one_has_its_way(&ledger).await;
    many_are_written_at_once(&*ledger, &hand).await;
    entries_are_listed_in_order(&*ledger, &hand).await;
    counters_keep_to_floor_and_ceiling(&*ledger, &hand).await;
    no_counter_passes_its_ceiling_however_many_add(&ledger).await;
}

async fn entries_are_told_apart(ledger: &dyn Ledger) {
    let keys =
        [("a", "b"), ("a", "c"), ("b", "b"), ("a/b", "b"), ("ä", "☃ 'x' \";--")].map(|(p, s)| LedgerKey::new(p, s));
    for key in &keys {
        assert_eq!(value(ledger, key).await, None);
        insert(ledger, key, &format!("{key:?}")).await;
    }
    for key in &keys {
        assert_eq!(value(ledger, key).await, Some(format!("{key:?}").into()));
    }
}

async fn only_who_knows_the_revision_changes_an_entry(ledger: &dyn Ledger) {
    let key = LedgerKey::new("owned", "x");
    let first = insert(ledger, &key, "first").await;
    let Ok(InsertOutcome::Exists(entry)) = ledger.insert(&key, Bytes::new(), MINUTE).await else {
        panic!("there is one")
    };
    assert_eq!((entry.value, entry.revision), (Bytes::from("first"), first));
    assert!(ledger.extend(&key, first, MINUTE).await.expect("reached"), "with the same revision");
    let second = ledger.replace(&key, first, "second".into(), MINUTE).await.expect("reached").expect("it is ours");
    assert_eq!(ledger.replace(&key, first, "x".into(), MINUTE).await.expect("reached"), None);
    assert!(!ledger.extend(&key, first, MINUTE).await.expect("reached"));
    assert!(!ledger.remove(&key, first).await.expect("reached"));
    assert_eq!(value(ledger, &key).await, Some("second".into()));
    assert!(ledger.remove(&key, second).await.expect("reached"));
    assert_eq!(value(ledger, &key).await, None);
    let third = insert(ledger, &key, "third").await;
    assert!(!ledger.remove(&key, second).await.expect("reached"), "one of another life");
    assert!(third != first && third != second);
    for missing in ["no", "such"] {
        let key = LedgerKey::new(missing, "x");
        assert_eq!(ledger.replace(&key, first, "x".into(), MINUTE).await.expect("reached"), None);
        assert!(!ledger.extend(&key, first, MINUTE).await.expect("reached"));
        assert!(!ledger.remove(&key, first).await.expect("reached"));
        assert_eq!(value(ledger, &key).await, None);
    }
}

async fn entries_end(ledger: &dyn Ledger, hand: &ManualClock) {
    let [ends, extended, replaced] = ["ends", "extended", "replaced"].map(|name| LedgerKey::new(name, "x"));
    let old = insert(ledger, &ends, "old").await;
    let long = insert(ledger, &extended, "long").await;
    let new = insert(ledger, &replaced, "short").await;
    hand.turn(MINUTE / 2);
    assert!(ledger.extend(&extended, long, MINUTE).await.expect("reached"));
    ledger.replace(&replaced, new, "long".into(), MINUTE).await.expect("reached").expect("it is ours");
    hand.turn(MINUTE * 3 / 4);
    assert_eq!(value(ledger, &ends).await, None);
    assert_eq!(value(ledger, &extended).await, Some("long".into()));
    assert_eq!(value(ledger, &replaced).await, Some("long".into()));
    assert_eq!(ledger.replace(&ends, old, "x".into(), MINUTE).await.expect("reached"), None);
    assert!(!ledger.extend(&ends, old, MINUTE).await.expect("reached"));
    assert!(!ledger.remove(&ends, old).await.expect("reached"));
    insert(ledger, &ends, "new").await;
    assert_eq!(value(ledger, &ends).await, Some("new".into()));
}

async fn any_bytes_come_back(ledger: &dyn Ledger) {
    let all: Vec<u8> = (0..=u8::MAX).collect();
    for (name, bytes) in [("empty", Vec::new()), ("all", all), ("largest", vec![7; MAX_VALUE_BYTES])] {
        let key = LedgerKey::new("bytes", name);
        let inserted = ledger.insert(&key, bytes.clone().into(), MINUTE).await.expect("reached");
        assert!(matches!(inserted, InsertOutcome::New(_)));
        assert_eq!(value(ledger, &key).await, Some(bytes.into()), "{name}");
    }
    let (key, larger) = (LedgerKey::new("bytes", "larger"), Bytes::from(vec![0; MAX_VALUE_BYTES + 1]));
    assert!(
        matches!(ledger.insert(&key, larger, MINUTE).await, Err(LedgerError::TooLarge { got }) if got == MAX_VALUE_BYTES + 1)
    );
    assert_eq!(value(ledger, &key).await, None);
}

async fn of_many_at_once_one_has_its_way(ledger: &Arc<dyn Ledger>) {
    let key = LedgerKey::new("raced", "x");
    let inserting = (0..16).map(|number: u8| {
        let (ledger, key) = (Arc::clone(ledger), key.clone());
        tokio::spawn(async move { ledger.insert(&key, vec![number].into(), MINUTE).await.expect("reached") })
    });
    let inserted: Vec<_> = join_all(inserting).await.into_iter().map(|done| done.expect("no panic")).collect();
    let new: Vec<_> =
        inserted.iter().filter_map(|one| if let InsertOutcome::New(new) = one { Some(*new) } else { None }).collect();
    let [revision] = new[..] else { panic!("{} had their way", new.len()) };
    let told = inserted.iter().filter(|one| matches!(one, InsertOutcome::Exists(entry) if entry.revision == revision));
    assert_eq!(told.count(), 15);
    let replacing = (0..16).map(|number: u8| {
        let (ledger, key) = (Arc::clone(ledger), key.clone());
        tokio::spawn(async move { ledger.replace(&key, revision, vec![number].into(), MINUTE).await.expect("reached") })
    });
    let replaced = join_all(replacing).await.into_iter().filter(|done| matches!(done, Ok(Some(_))));
    assert_eq!(replaced.count(), 1);
}

async fn many_are_written_at_once(ledger: &dyn Ledger, hand: &ManualClock) {
    let write = |name: &str, value: &str, ttl| LedgerWrite {
        key: LedgerKey::new("batch", name),
        value: value.to_owned().into(),
        ttl,
    };
    let names: Vec<_> = (0..60).map(|number| format!("{number:02}")).collect();
    let old = insert(ledger, &LedgerKey::new("batch", "00"), "old").await;
    let writes: Vec<_> = names.iter().map(|name| write(name, name, NO_EXPIRY)).collect();
    // Again, as after a lost answer; and one name twice, where the last value wins.
    for writes in [&writes[..], &writes, &[write("59", "no", MINUTE), write("59", "59", NO_EXPIRY)], &[]] {
        ledger.write(writes).await.expect("reached");
    }
    hand.turn(MINUTE * 2);
    for name in &names {
        assert_eq!(value(ledger, &LedgerKey::new("batch", name)).await, Some(name.clone().into()));
    }
    assert_eq!(ledger.replace(&LedgerKey::new("batch", "00"), old, "x".into(), MINUTE).await.expect("reached"), None);
    let larger = LedgerWrite { value: vec![0; MAX_VALUE_BYTES + 1].into(), ..write("larger", "", MINUTE) };
    assert!(matches!(ledger.write(&[write("beside", "", MINUTE), larger]).await, Err(LedgerError::TooLarge { .. })));
    let listed = ledger.list("batch", "", 100).await.expect("reached");
    assert_eq!(listed.iter().map(|listed| &listed.sort).collect::<Vec<_>>(), names.iter().collect::<Vec<_>>());
}

async fn entries_are_listed_in_order(ledger: &dyn Ledger, hand: &ManualClock) {
    insert(ledger, &LedgerKey::new("list", "ends"), "x").await;
    hand.turn(MINUTE);
    let lasting = |partition, sort, value: &str| LedgerWrite {
        key: LedgerKey::new(partition, sort),
        value: value.to_owned().into(),
        ttl: NO_EXPIRY,
    };
    let entries = [
        ("list", "b", "2"),
        ("list", "a", "1"),
        ("list", "é", "4"),
        ("list", "c", "3"),
        ("list/", "a", "x"),
        ("lis", "z", "x"),
    ];
    ledger.write(&entries.map(|(partition, sort, value)| lasting(partition, sort, value))).await.expect("reached");
    let list = async |after, limit| {
        let listed = ledger.list("list", after, limit).await.expect("reached");
        listed.iter().map(|listed| String::from_utf8_lossy(&listed.entry.value).into_owned()).collect::<String>()
    };
    assert_eq!(list("", 10).await, "1234");
    assert_eq!(list("", 2).await, "12");
    assert_eq!(list("b", 2).await, "34");
    assert_eq!(list("bb", 1).await, "3");
    assert_eq!(list("é", 10).await, "");
    assert_eq!(ledger.list("nothing", "", 10).await.expect("reached"), []);
    let b = ledger.list("list", "a", 1).await.expect("reached").remove(0).entry;
    assert!(
        ledger.remove(&LedgerKey::new("list", "b"), b.revision).await.expect("reached"),
        "with the revision that was listed"
    );
}

async fn counters_keep_to_floor_and_ceiling(ledger: &dyn Ledger, hand: &ManualClock) {
    let key = LedgerKey::new("counter", "x");
    let add = async |amount, floor, ceiling| {
        ledger.count(&key, CounterUpdate { amount, floor, ceiling, ttl: MINUTE }).await.expect("reached")
    };
    assert_eq!(add(11, 0, 10).await, CounterOutcome::Full(0), "and none is made");
    assert_eq!(add(4, 5, 10).await, CounterOutcome::Now(9), "from the floor up");
    assert_eq!(add(2, 5, 10).await, CounterOutcome::Full(9));
    assert_eq!(add(1, 5, 10).await, CounterOutcome::Now(10));
    assert_eq!(add(-3, 5, i64::MAX).await, CounterOutcome::Now(7));
    assert_eq!(add(0, 0, i64::MAX).await, CounterOutcome::Now(7), "it is looked at");
    assert_eq!(add(6, 20, 25).await, CounterOutcome::Full(20), "below its floor it counts from the floor");
    assert_eq!(add(5, 20, 25).await, CounterOutcome::Now(25));
    hand.turn(MINUTE / 2);
    assert_eq!(add(1, 0, 30).await, CounterOutcome::Now(26), "and lives on");
    hand.turn(MINUTE * 3 / 4);
    assert_eq!(add(1, 0, 30).await, CounterOutcome::Now(27));
    hand.turn(MINUTE);
    assert_eq!(add(1, 0, 30).await, CounterOutcome::Now(1), "it had ended");
    assert_eq!(add(i64::MAX, 0, i64::MAX).await, CounterOutcome::Full(1), "no number that there is");
}

async fn no_counter_passes_its_ceiling_however_many_add(ledger: &Arc<dyn Ledger>) {
    let key = LedgerKey::new("counter", "raced");
    for floor in [0, 1000] {
        let adding = (0..24).map(|_| {
            let (ledger, key) = (Arc::clone(ledger), key.clone());
            tokio::spawn(async move {
                ledger
                    .count(&key, CounterUpdate { amount: 7, floor, ceiling: floor + 100, ttl: MINUTE })
                    .await
                    .expect("reached")
            })
        });
        let counted: Vec<_> = join_all(adding).await.into_iter().map(|done| done.expect("no panic")).collect();
        let mut sums: Vec<_> = counted
            .iter()
            .filter_map(|one| if let CounterOutcome::Now(sum) = one { Some(*sum) } else { None })
            .collect();
        sums.sort_unstable();
        assert_eq!(sums, (1..=14).map(|times| floor + 7 * times).collect::<Vec<_>>());
    }
}

#[tokio::test]
async fn memory_behaves() {
    let hand = ManualClock::default();
    behaves(Arc::new(MemoryLedger::new(hand.clock())), hand).await;
}

#[tokio::test]
async fn sqlite_behaves() {
    let (hand, folder) = (ManualClock::default(), tempfile::tempdir().expect("a folder"));
    let ledger = SqliteLedger::open(&folder.path().join("ledger.sqlite"), hand.clock()).await.expect("opened");
    behaves(Arc::new(ledger), hand).await;
}

#[tokio::test]
async fn dynamodb_behaves() {
    let server = match DynamoDb::start().await {
        Ok(server) => server,
        Err(why) => return skip(&why),
    };
    let hand = ManualClock::default();
    behaves(Arc::new(amaas_ledger::DynamoDbLedger::new(server.client(), dynamodb::TABLE, hand.clock())), hand).await;
    let missing = amaas_ledger::DynamoDbLedger::new(server.client(), "missing", Clock::default());
    assert!(matches!(missing.read(&LedgerKey::new("a", "b")).await, Err(LedgerError::Denied { .. })));
}

const TEXT: &str = r#"{"inputs":["a wonderful film with a canary in it"]}"#;

/// A plain call with the idempotency key `key`.
async fn call(env: &TestEnv, function: &Function, key: &str, body: &str) -> Response {
    let url = format!("{}/v1/models/sentiment/predict", function.endpoint().await);
    let post = reqwest::Client::new().post(url).bearer_auth(env.key().expose()).header("idempotency-key", key);
    post.body(body.to_owned()).send().await.expect("an answer")
}

/// Status, whether it is a replay, and the body.
async fn read(answer: Response) -> (u16, bool, String) {
    let replayed = answer.headers().contains_key("idempotency-replayed");
    (answer.status().as_u16(), replayed, answer.text().await.expect("a body"))
}

/// Functions that share a ledger give one answer to a call, whichever function gets it, and whichever is killed.
async fn one_answer_for_all(env: &TestEnv, launch: &ProcessBuilder) {
    let (mut first, second) = (launch.start(), launch.start());
    first.ready().await;
    second.ready().await;
    let (status, replayed, answer) = read(call(env, &first, "k", TEXT).await).await;
    assert_eq!((status, replayed), (200, false), "{answer}");
    assert_eq!(read(call(env, &second, "k", TEXT).await).await, (200, true, answer.clone()));
    first.kill().await;
    let third = launch.start();
    third.ready().await;
    assert_eq!(read(call(env, &third, "k", TEXT).await).await, (200, true, answer));
    let (status, _, problem) = read(call(env, &third, "k", r#"{"inputs":["another"]}"#).await).await;
    assert!(status == 422 && problem.contains("idempotency-key-reused"), "{status} {problem}");

    let at_once = (0..12).map(|index| call(env, if index % 2 == 0 { &second } else { &third }, "at-once", TEXT));
    let mut fresh = 0;
    for answer in join_all(at_once).await {
        let (status, replayed, answer) = read(answer).await;
        assert_eq!(status, 200, "{answer}");
        fresh += usize::from(!replayed);
    }
    assert_eq!(fresh, 1);
}

#[tokio::test]
async fn functions_of_one_machine_give_one_answer() {
    let env = TestEnv::start().await;
    one_answer_for_all(&env, &env.sentiment().await).await;
    for end in ["", "-wal"] {
        let mut file = env.ledger().into_os_string();
        file.push(end);
        let bytes = std::fs::read(file).expect("read");
        for secret in ["canary", "positive", env.key().expose()].map(str::as_bytes) {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret), "{}", String::from_utf8_lossy(secret));
        }
    }
}

#[tokio::test]
async fn functions_in_many_places_give_one_answer() {
    let env = TestEnv::start().await;
    let mut server = match DynamoDb::start().await {
        Ok(server) => server,
        Err(why) => return skip(&why),
    };
    let table = amaas_ledger::DynamoDbLedger::new(server.client(), dynamodb::TABLE, Clock::default());
    env.add_key_to(&env.accounts_in(Arc::new(table))).await;
    one_answer_for_all(&env, &server.as_ledger_of(env.sentiment().await, dynamodb::TABLE)).await;

    let misled = server.as_ledger_of(env.sentiment().await, "missing").start();
    // Its alias may be an older one, which only the ledger could detect.
    let reason = misled.not_ready(|reason| reason.contains("could not be read from the ledger")).await;
    assert!(!reason.contains("missing"), "{reason}");
    let (status, _, problem) = read(call(&env, &misled, "k", TEXT).await).await;
    assert!(status == 503 && problem.contains("keys-unavailable"), "{status} {problem}");
    assert!(!problem.contains("missing"), "{problem}");

    let function = server.as_ledger_of(env.sentiment().await, dynamodb::TABLE).start();
    function.ready().await;
    assert_eq!(read(call(&env, &function, "known", TEXT).await).await.0, 200);
    server.stop().await;
    // Repeats cannot be detected now, and predictions continue.
    for _ in 0..2 {
        let (status, replayed, answer) = read(call(&env, &function, "gone", TEXT).await).await;
        assert_eq!((status, replayed), (200, false), "{answer}");
    }
    function.logs().containing("calls run without a ledger").await;
}

#[tokio::test]
async fn a_call_whose_function_is_killed_runs_again_elsewhere() {
    let env = TestEnv::start().await;
    env.publish("count", onnx::count()).await;
    let launch = env.launch(Program::Tensor, "count").await;
    let (mut first, second) = (launch.start(), launch.start());
    first.ready().await;
    second.ready().await;
    let url = async |function: &Function| format!("{}/v2/models/count/infer", function.endpoint().await);
    let (at_first, at_second) = (url(&first).await, url(&second).await);
    let call = async |url: &str, body: String| {
        let post = reqwest::Client::new().post(url).bearer_auth(env.key().expose()).header("idempotency-key", "k");
        post.body(body).send().await.map(|answer| answer.status().as_u16())
    };
    let count = |steps: u64| {
        let integer = |name, value| json!({ "name": name, "shape": [1], "datatype": "INT64", "data": [value] });
        json!({ "inputs": [integer("steps", steps), integer("start", 1)] }).to_string()
    };
    // No inference call, so the error names what is missing, unless another call holds the lease.
    let other = async || call(&at_second, "{}".to_owned()).await.expect("an answer");
    let stats = format!("{}/v2/models/count/stats", first.endpoint().await);
    let begun = async || {
        let answer = reqwest::Client::new().get(&stats).bearer_auth(env.key().expose()).send().await;
        let stats: serde_json::Value = answer.expect("an answer").json().await.expect("JSON");
        stats["model_stats"][0]["inference_stats"]["queue"]["count"] == 1
    };
    // Longer than any test. No other call comes before it runs, which would take the lease.
    let (killed, ()) = tokio::join!(call(&at_first, count(1 << 60)), async {
        until("the call runs", begun).await;
        first.kill().await;
    });
    assert!(killed.is_err());
    assert_eq!(other().await, 422);
    until("the place is free", async || other().await == 400).await;
    assert_eq!(call(&at_second, count(1)).await.expect("an answer"), 200);
}
