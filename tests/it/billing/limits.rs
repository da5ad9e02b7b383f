//! Limits and budgets hold over several processes, even if these are killed.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use amaas::ApiKey;
use amaas_access::{Accounts, KeyScope, KeyTerms, Price, Tenant};
use amaas_e2e::dynamodb::{self, DynamoDb};
use amaas_e2e::{Function, skip};
use amaas_ledger::Clock;
use futures_util::future::join_all;

use super::{billing_env, key, name, predict, records, refusal};

/// A tenant with limits, and its key.
async fn tenant(accounts: &Accounts, called: &str, limits: &[&str], budget: Option<&str>) -> ApiKey {
    let mut tenant = Tenant::new(name(called), 0);
    tenant.limits = limits.iter().map(|limit| limit.parse().expect("a limit")).collect();
    tenant.budget = budget.map(|budget| budget.parse().expect("an amount"));
    assert!(accounts.add_tenant(&tenant).await.expect("reached"));
    key(accounts, KeyTerms::of(name(called))).await.0
}

/// Calls until each of `functions` refuses for good; returns the number of answers, and the last refusal.
async fn exhaust(functions: &[&Function], key: &ApiKey) -> (u64, Vec<(u16, String)>) {
    let answered = AtomicU64::new(0);
    let callers = functions.iter().flat_map(|function| [*function; 4]).map(async |function| {
        loop {
            let (status, kind) = refusal(predict(function, key.expose()).await).await;
            if status != 200 {
                break (status.as_u16(), kind);
            }
            answered.fetch_add(1, Ordering::SeqCst);
        }
    });
    let refused = join_all(callers).await;
    (answered.into_inner(), refused)
}

#[tokio::test]
async fn a_months_limit_is_never_passed_by_three_processes_one_of_which_is_killed() {
    let (env, accounts, mut first) = billing_env().await;
    let key = tenant(&accounts, "limited", &["requests/month=300"], None).await;
    let launch = env.sentiment().await;
    let others = [launch.start(), launch.start()];
    for function in &others {
        function.ready().await;
    }
    for _ in 0..20 {
        assert_eq!(predict(&first, key.expose()).await.status(), 200);
    }
    first.kill().await;
    let (answered, refused) = exhaust(&[&others[0], &others[1]], &key).await;
    assert!(refused.iter().all(|refused| *refused == (429, "quota-exhausted".to_owned())), "{refused:?}");
    // Not one too many. The killed process lost at most a 64th, and each of the others has at most as much left.
    assert!((300 - 3 * 5..=300).contains(&(answered + 20)), "{answered}");
    let answer = predict(&others[0], key.expose()).await;
    let wait: u64 = answer.headers()["retry-after"].to_str().expect("text").parse().expect("seconds");
    assert!((1..=31 * 24 * 3600).contains(&wait), "{wait}");
    assert_eq!(answer.headers()["ratelimit-remaining"], "0");
}

#[tokio::test]
async fn a_minutes_limit_says_how_long_to_wait() {
    let (_env, accounts, function) = billing_env().await;
    let key = tenant(&accounts, "limited", &["requests/minute=6", "sentiment:units/minute=1000"], None).await;
    let answer = predict(&function, key.expose()).await;
    let header = |name: &str| answer.headers()[name].to_str().expect("text").parse::<u64>().expect("a number");
    assert_eq!((header("ratelimit-limit"), header("ratelimit-remaining"), header("ratelimit-reset")), (6, 5, 11));
    let (answered, refused) = exhaust(&[&function], &key).await;
    assert!((5..=7).contains(&answered), "{answered}");
    assert!(refused.iter().all(|refused| *refused == (429, "rate-limited".to_owned())), "{refused:?}");
    let answer = predict(&function, key.expose()).await;
    let wait: u64 = answer.headers()["retry-after"].to_str().expect("text").parse().expect("seconds");
    assert!((1..=11).contains(&wait), "{wait}");
}

#[tokio::test]
async fn budgets_stop_a_tenant_and_a_key_to_the_call() {
    let (_env, accounts, function) = billing_env().await;
    let price = Price { call: "0.002".parse().expect("an amount"), unit: "0.001".parse().expect("an amount") };
    accounts.set_price(&"sentiment".parse().expect("a name"), price).await.expect("reached");
    let budgeted = tenant(&accounts, "budgeted", &[], Some("0.1")).await;
    let (answered, refused) = exhaust(&[&function], &budgeted).await;
    assert_eq!(answered, 33, "of 0.003 each");
    assert!(refused.iter().all(|refused| *refused == (402, "budget-exhausted".to_owned())), "{refused:?}");

    let scope = KeyScope { max_cost: "0.01".parse().ok(), ..KeyScope::default() };
    let (capped, _) = key(&accounts, KeyTerms { scope, ..KeyTerms::of(name("other")) }).await;
    let (answered, refused) = exhaust(&[&function], &capped).await;
    assert_eq!(answered, 3);
    assert!(refused.iter().all(|refused| *refused == (402, "key-budget-exhausted".to_owned())), "{refused:?}");
    let (free, _) = key(&accounts, KeyTerms { name: "free".to_owned(), ..KeyTerms::of(name("other")) }).await;
    assert_eq!(predict(&function, free.expose()).await.status(), 200, "another key of that tenant");

    let usage = format!("{}/v1/usage", function.endpoint().await);
    let usage = reqwest::Client::new().get(usage).bearer_auth(budgeted.expose()).send().await.expect("an answer");
    let usage: serde_json::Value = usage.json().await.expect("JSON");
    assert_eq!(usage["total"]["cost_nanos"], 99_000_000);
}

#[tokio::test]
async fn while_the_ledger_is_down_known_keys_work_up_to_the_overdraft_and_no_usage_is_lost() {
    let (env, _, _) = billing_env().await;
    let mut server = match DynamoDb::start().await {
        Ok(server) => server,
        Err(why) => return skip(&why),
    };
    let table = Arc::new(amaas_ledger::DynamoDbLedger::new(server.client(), dynamodb::TABLE, Clock::default()));
    let accounts = env.accounts_in(table);
    env.add_key_to(&accounts).await;
    let limited = tenant(&accounts, "limited", &["requests/month=640"], None).await;
    let journal = tempfile::tempdir().expect("a folder");
    let launch = env.sentiment().await.set("AMAAS_JOURNAL", journal.path());
    let mut function = server.as_ledger_of(launch.clone(), dynamodb::TABLE).start();
    function.ready().await;
    for key in [env.key(), &limited] {
        assert_eq!(predict(&function, key.expose()).await.status(), 200);
    }
    server.stop().await;
    // A 64th of the limit, and no more.
    let (answered, refused) = exhaust(&[&function], &limited).await;
    assert_eq!(answered, 10);
    assert!(refused.iter().all(|refused| *refused == (503, "limits-unavailable".to_owned())), "{refused:?}");
    for _ in 0..5 {
        assert_eq!(predict(&function, env.key().expose()).await.status(), 200, "no limits, a known key");
    }
    let unknown = ApiKey::generate("test").expect("random");
    let answer = predict(&function, unknown.expose()).await;
    assert!(answer.headers().contains_key("retry-after"));
    assert_eq!(refusal(answer).await, (reqwest::StatusCode::SERVICE_UNAVAILABLE, "keys-unavailable".to_owned()));

    // The unreported rest of its lease goes to the next process, however it ends.
    function.kill().await;
    let server = DynamoDb::start().await.expect("it started before");
    let table = Arc::new(amaas_ledger::DynamoDbLedger::new(server.client(), dynamodb::TABLE, Clock::default()));
    let accounts = env.accounts_in(table);
    env.add_key_to(&accounts).await;
    let heir = server.as_ledger_of(launch, dynamodb::TABLE).start();
    heir.ready().await;
    heir.logs().containing("usage of an ended process written").await;
    let (limited, tests) = (records(&accounts, &name("limited")).await, records(&accounts, &name("tests")).await);
    assert!(limited.len() >= 10 && tests.len() >= 5, "{} and {}", limited.len(), tests.len());
}
