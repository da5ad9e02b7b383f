//! Authentication, quotas and usage: through real functions and both ledgers.

mod frozen;
mod iam;
mod isolation;
mod issuer;
mod keys;
mod limits;
mod load;
mod receipts;
mod tokens;

use std::collections::BTreeMap;
use std::sync::Arc;

use amaas::ApiKey;
use amaas_access::meter::UsageRecord;
use amaas_access::{Accounts, KeyRecord, KeyTerms, Tenant, TenantName, TenantStatus};
use amaas_e2e::{Function, TestEnv};
use reqwest::{RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

const TEXT: &str = "a wonderful film";

fn name(text: &str) -> TenantName {
    text.parse().expect("a name")
}

/// A new key with these terms.
async fn key(accounts: &Accounts, terms: KeyTerms) -> (ApiKey, KeyRecord) {
    let key = ApiKey::generate("test").expect("random");
    let record = accounts.add_key(&key, terms).await.expect("kept");
    (key, record)
}

/// A plain prediction for one text.
async fn predict(function: &Function, key: &str) -> Response {
    prediction(&function.endpoint().await).bearer_auth(key).send().await.expect("an answer")
}

/// The same request without a key.
fn prediction(endpoint: &str) -> RequestBuilder {
    reqwest::Client::new().post(format!("{endpoint}/v1/models/sentiment/predict")).json(&json!({ "inputs": [TEXT] }))
}

/// Adds a suspended tenant.
async fn add_suspended(accounts: &Accounts, tenant: &str) {
    let tenant = Tenant { status: TenantStatus::Suspended, ..Tenant::new(name(tenant), 0) };
    assert!(accounts.add_tenant(&tenant).await.expect("reached"));
}

/// The status of an answer, and the slug of its problem if it is one.
async fn refusal(answer: Response) -> (StatusCode, String) {
    let status = answer.status();
    let problem: Value = answer.json().await.unwrap_or_default();
    let kind = problem["type"].as_str().and_then(|kind| kind.rsplit(['/', ':', '#']).next()).unwrap_or_default();
    (status, kind.to_owned())
}

/// Every usage record of `tenant`, by request id.
async fn records(accounts: &Accounts, tenant: &TenantName) -> BTreeMap<String, UsageRecord> {
    let ledger = Arc::clone(accounts.ledger());
    let mut all = BTreeMap::new();
    let today = amaas_access::meter::UtcDay::at(amaas_access::now() * 1000);
    for day in [today.previous(), today] {
        let mut after = String::new();
        loop {
            let page = ledger.list(&format!("usage/{tenant}/{day}"), &after, 1000).await.expect("reached");
            let Some(last) = page.last() else { break };
            after.clone_from(&last.sort);
            for listed in page {
                let record: UsageRecord = serde_json::from_slice(&listed.entry.value).expect("a record");
                let again = all.insert(record.request.clone(), record);
                assert!(again.is_none(), "one request, two records: {again:?}");
            }
        }
    }
    all
}

/// An environment, its accounts, and the sentiment function, ready.
async fn billing_env() -> (TestEnv, Accounts, Function) {
    let env = TestEnv::start().await;
    let (accounts, function) = (env.accounts().await, env.sentiment().await.start());
    function.ready().await;
    (env, accounts, function)
}
