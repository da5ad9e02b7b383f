//! Many clients of many tenants while the server is killed again and again: the ledger ends with exactly the clients' counts.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use amaas::task::TextClassification;
use amaas::{Answer, ApiKey, CallOptions, Client, RetryConfig, Sealing};
use amaas_access::meter::{UtcDay, report};
use amaas_access::{Accounts, KeyTerms, TenantName};
use amaas_e2e::dynamodb::{self, DynamoDb};
use amaas_e2e::faults::Proxy;
use amaas_e2e::{ProcessBuilder, TestEnv, skip};
use amaas_ledger::Clock;
use amaas_wire::usage::UsageBy;
use futures_util::future::join_all;

use super::{TEXT, key, name, records};

/// A load.
struct Load {
    callers: usize,
    tenants: usize,
    kills: u32,
    lasts: Duration,
}

/// A client's count: for each answer, its request id, tenant and rows.
type Counted = BTreeMap<String, (usize, u64)>;

impl Load {
    async fn run(self, env: &TestEnv, accounts: &Accounts, launch: &ProcessBuilder) {
        let mut keys = Vec::new();
        for index in 0..self.tenants {
            keys.push(key(accounts, KeyTerms::of(tenant(index))).await.0);
        }
        let mut function = launch.start();
        let proxy = Proxy::start(function.ready().await).await;
        let stop = Arc::new(AtomicBool::new(false));
        let callers = (0..self.callers).map(|index| {
            let client = client(&proxy, &keys[index % self.tenants], index);
            let (stop, tenant) = (Arc::clone(&stop), index % self.tenants);
            tokio::spawn(async move { call(client, index, tenant, &stop).await })
        });
        let callers: Vec<_> = callers.collect();
        for _ in 0..self.kills {
            tokio::time::sleep(self.lasts / (self.kills + 1)).await;
            function.kill().await;
            function = launch.start();
            proxy.redirect(function.ready().await);
        }
        tokio::time::sleep(self.lasts / (self.kills + 1)).await;
        stop.store(true, Ordering::SeqCst);
        let mut counted = Counted::new();
        for mine in join_all(callers).await {
            counted.extend(mine.expect("no panic"));
        }
        function.terminate();
        assert!(function.exit().await.success(), "it stops as asked");
        // The next start takes over the journal of the killed process.
        let heir = launch.start();
        heir.ready().await;
        self.compare(accounts, &counted).await;
        assert!(counted.len() > self.callers, "{} calls", counted.len());
        eprintln!("{} calls of {} callers, {} kills", counted.len(), self.callers, self.kills);
        let _ = env;
    }

    /// Record for record.
    async fn compare(&self, accounts: &Accounts, counted: &Counted) {
        let begun = Instant::now();
        let mut kept = BTreeMap::new();
        while begun.elapsed() < Duration::from_mins(1) {
            kept.clear();
            for index in 0..self.tenants {
                let of = records(accounts, &tenant(index)).await;
                kept.extend(of.into_iter().map(|(request, record)| (request, (index, record.rows))));
            }
            if kept == *counted {
                break;
            }
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
        let missing: Vec<_> = counted.iter().filter(|(request, _)| !kept.contains_key(*request)).take(3).collect();
        let more: Vec<_> = kept.iter().filter(|(request, _)| !counted.contains_key(*request)).take(3).collect();
        assert!(missing.is_empty() && more.is_empty(), "missing {missing:?}, more {more:?} of {}", counted.len());
        assert_eq!(kept, *counted);
        for index in 0..self.tenants {
            let today = UtcDay::at(amaas_access::now() * 1000);
            let (ledger, days, now) = (accounts.ledger(), (today.previous(), today), amaas_access::now() * 1000);
            let report = report(&**ledger, &tenant(index), days, UsageBy::Model, now).await.expect("a report");
            let mine = counted.values().filter(|(of, _)| *of == index);
            assert_eq!(report.total.calls, mine.clone().count() as u64);
            assert_eq!(report.total.units, mine.map(|(_, rows)| rows).sum::<u64>());
        }
    }
}

fn tenant(index: usize) -> TenantName {
    name(&format!("tenant-{index}"))
}

/// Half of the clients seal.
fn client(proxy: &Proxy, key: &ApiKey, index: usize) -> Client {
    let retries = RetryConfig::default().max_retries(4).budget(10_000);
    let builder = Client::builder().endpoint(proxy.endpoint()).api_key(key).retry(retries);
    let builder = builder.timeout(Duration::from_secs(30)).attempt_timeout(Duration::from_secs(10));
    let builder = if index.is_multiple_of(2) { builder } else { builder.sealing(Sealing::Off) };
    builder.build().expect("enough is set")
}

/// Calls until it is stopped; each call is retried until it is answered.
async fn call(client: Client, index: usize, tenant: usize, stop: &AtomicBool) -> Counted {
    let (model, mut counted, mut number) = (client.model("sentiment"), Counted::new(), 0);
    while !stop.load(Ordering::SeqCst) {
        number += 1;
        let texts = vec![TEXT; 1 + number % 3];
        let (id, request) = (format!("{index}-{number}"), format!("request-{index}-{number}"));
        loop {
            let options = CallOptions::default().idempotency_key(&id).request_id(&request);
            let answered: Result<Answer<TextClassification>, _> = model.with(options).predict_many(&texts).await;
            match answered {
                Ok(answer) => {
                    assert_eq!(answer.predictions().len(), texts.len());
                    counted.insert(request, (tenant, answer.usage().rows));
                    break;
                }
                // Its process was killed, so it retries the same call, as a restarted app does.
                Err(error) => {
                    eprintln!("{request} goes on after: {error}");
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
            }
        }
    }
    counted
}

/// The duration, which a variable overrides.
fn lasts() -> Duration {
    let seconds = std::env::var("AMAAS_LOAD_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    Duration::from_secs(seconds.unwrap_or(15))
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_equals_the_clients_counts_though_the_server_is_killed_five_times() {
    let env = TestEnv::start().await;
    let load = Load { callers: 64, tenants: 20, kills: 5, lasts: lasts() };
    load.run(&env, &env.accounts().await, &env.sentiment().await).await;
    let mut journal = env.ledger().into_os_string();
    journal.push(".journal");
    let left = std::fs::read_dir(journal).expect("it is there").count();
    assert!(left <= 1, "{left} files: the lock of the one that runs, at most");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_in_dynamodb() {
    let env = TestEnv::start().await;
    let server = match DynamoDb::start().await {
        Ok(server) => server,
        Err(why) => return skip(&why),
    };
    let table = Arc::new(amaas_ledger::DynamoDbLedger::new(server.client(), dynamodb::TABLE, Clock::default()));
    let (accounts, journal) = (env.accounts_in(table), tempfile::tempdir().expect("a folder"));
    let launch = server.as_ledger_of(env.sentiment().await, dynamodb::TABLE).set("AMAAS_JOURNAL", journal.path());
    // The emulated DynamoDB takes one request after the other, some hundred a second.
    Load { callers: 8, tenants: 4, kills: 2, lasts: Duration::from_secs(12) }.run(&env, &accounts, &launch).await;
}
