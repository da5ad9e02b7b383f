//! Usage: from a ledger, and through a service.

use std::process::Output;
use std::time::Duration;

use amaas_access::meter::{UsageRecord, UtcDay};
use amaas_access::{Accounts, KeyId, Money, RouteScope, Tenant};
use amaas_ledger::LedgerLocation;
use amaas_ledger::{LedgerKey, LedgerWrite};
use amaas_store::vault::FileKey;
use serde_json::{Value, json};

use crate::ledger::OnLedger;
use crate::program::{Dev, command, json as json_of, text as text_of};

/// A call that `tenant` made on `day`.
fn record(tenant: &str, (day, time): (&str, u64), (model, version): (&str, &str), units: u64) -> UsageRecord {
    let key: KeyId = "0123456789ab".parse().expect("an id");
    UsageRecord {
        id: format!("{model}-{version}-{units}"),
        repeatable: false,
        time: day.parse::<UtcDay>().expect("a day").previous().end() + time,
        tenant: tenant.parse().expect("a name"),
        key: (version == "1").then_some(key),
        model: model.to_owned(),
        version: version.to_owned(),
        route: RouteScope::Predict,
        rows: 1,
        tokens: (model == "embed").then_some(units),
        billed_ms: 1500,
        init_ms: 0,
        bytes_in: 100,
        bytes_out: 1000,
        sealed: true,
        cost: Money::from_nanos(units * 1000),
        request: "test".to_owned(),
    }
}

/// Writes records as functions do.
async fn write(ledger: &OnLedger, records: &[UsageRecord]) {
    let location = LedgerLocation::Sqlite(ledger.folder().join("ledger.sqlite"));
    let entries = amaas_ledger::open(&location).await.expect("opened");
    let accounts = Accounts::new(entries.clone(), ledger.vault());
    for record in records {
        accounts.add_tenant(&Tenant::new(record.tenant.clone(), 0)).await.expect("added");
        let key = LedgerKey::new(format!("usage/{}/{}", record.tenant, record.day()), record.id.as_str());
        let value = serde_json::to_vec(record).expect("JSON").into();
        let write = LedgerWrite { key, value, ttl: Duration::from_hours(1) };
        entries.write(&[write]).await.expect("written");
    }
}

#[tokio::test]
async fn usage_is_read_out_of_the_ledger() {
    let ledger = OnLedger::new();
    let records = [
        record("acme", ("2020-02-01", 0), ("embed", "1"), 1_234_560),
        record("acme", ("2020-02-03", 5), ("embed", "2"), 7),
        record("acme", ("2020-02-29", 86_399_999), ("sentiment", "1"), 1),
        record("acme", ("2020-03-01", 0), ("sentiment", "1"), 2),
        record("other", ("2020-02-02", 0), ("sentiment", "1"), 1),
    ];
    write(&ledger, &records).await;

    let acme = ["usage", "--tenant", "acme", "--until", "2020-02-29"];
    let expected = "\
usage of acme, 2020-02-01 to 2020-02-29 (UTC)

MODEL      CALLS      UNITS  ROWS     TOKENS  BILLED MS  BYTES IN  BYTES OUT      COST  UNITS A DAY
embed          2  1,234,567     2  1,234,567      3,000       200      2,000  1.234567  █▁▂▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁
sentiment      1          1     1          0      1,500       100      1,000  0.000001  ▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁█
TOTAL          3  1,234,568     3  1,234,567      4,500       300      3,000  1.234568  █▁▂▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▂
";
    assert_eq!(ledger.text(&acme), expected);
    let by_version = ledger.text(&[&acme[..], &["--by", "version"]].concat());
    assert!(by_version.contains("\nMODEL      VERSION  CALLS"), "{by_version}");
    assert!(by_version.contains("\nembed      2            1          7     1          7"), "{by_version}");
    let by_key = ledger.text(&[&acme[..], &["--by", "key"]].concat());
    assert!(
        by_key.contains("\n0123456789ab      2  1,234,561") && by_key.contains("\nnone              1 "),
        "{by_key}"
    );

    let all = ledger.text(&["usage", "--all-tenants", "--since", "2020-01-01", "--until", "2020-03-01"]);
    assert!(all.starts_with("usage, 2020-01-01 to 2020-03-01 (UTC)\n\nTENANT  MODEL"), "{all}");
    assert!(all.contains("UNITS IN 2 DAYS\n") && all.contains("\nother   sentiment      1"), "{all}");
    assert!(all.contains("\nTOTAL                  5  1,234,570"), "{all}");

    let report = ledger.json(&acme);
    assert_eq!(report["total"]["units"], 1_234_568);
    assert_eq!(report["data"][1]["days"], json!([{"day": "2020-02-29", "calls": 1, "units": 1}]));
    let all = ledger.json(&["usage", "--all-tenants", "--until", "2020-02-29"]);
    assert_eq!((&all[0], &all[1]["tenant"]), (&report, &"other".into()));
}

#[tokio::test]
async fn what_cannot_be_reported_is_named() {
    let ledger = OnLedger::new();
    write(&ledger, &[record("acme", ("2020-02-01", 0), ("m", "1"), 1)]).await;
    for (arguments, code, expected) in [
        (&["--tenant", "amce"][..], 1, "there is no tenant amce"),
        (&["--tenant", "acme", "--since", "2020-02-30"], 2, "expected a day such as 2026-11-01"),
        (
            &["--tenant", "acme", "--since", "2020-02-02", "--until", "2020-02-01"],
            2,
            "expected since to be until or earlier",
        ),
        (&["--tenant", "acme", "--since", "2018-01-01", "--until", "2020-02-01"], 2, "expected at most 400 days"),
        (&["--tenant", "acme", "--by", "day"], 2, "[possible values: model, version, key]"),
        (&["--tenant", "acme", "--all-tenants"], 2, "cannot be used with"),
        (&["--ledger", "sqlite:ledger.sqlite"], 2, "--ledger goes with --tenant or --all-tenants"),
        (&["--tenant", "acme", "--ledger", "sqlite:"], 2, "expected sqlite:PATH or dynamodb:TABLE, got \"sqlite:\""),
        (&["--tenant", "acme", "--ledger", "sqlite:other"], 2, "there is no ledger other"),
    ] {
        let (got, error) = ledger.failed(&[&["usage"], arguments].concat());
        assert_eq!(got, code, "{error}");
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn callers_see_what_they_used_until_their_budget_is_spent() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let here = folder.path();
    std::fs::create_dir(here.join(".amaas")).expect("made");
    // Before the service starts, so that it has not read another price.
    FileKey::create(&here.join(".amaas/kms.key")).expect("written");
    let ledger = ["--ledger", "sqlite:.amaas/ledger.sqlite", "--kms-key", "file:.amaas/kms.key"];
    text_of(here, &[&["prices", "set", "sentiment", "--call", "0.25", "--unit", "0.0001"], &ledger[..]].concat());
    text_of(here, &[&["tenants", "create", "acme", "--budget", "0.6"], &ledger[..]].concat());
    // The folder is named: `dev` made nothing in it yet.
    let dev = Dev::start_with(here, |command| command.env("AMAAS_DATA", here.join(".amaas")));
    let made = json_of(here, &["keys", "create", "--tenant", "acme", "--route", "predict", "--route", "usage"]);
    let key = made["key"].as_str().expect("a key");
    let env = amaas_env::EnvVariables::load(&here.join(".amaas/env")).expect("written by dev");
    let as_caller = |arguments: &[&str]| -> Output {
        let mut command = command(here, arguments);
        command.env("AMAAS_ENDPOINT", env.get("AMAAS_ENDPOINT").expect("set")).env("AMAAS_API_KEY", key);
        command.output().expect("run")
    };
    for _ in 0..2 {
        assert!(as_caller(&["predict", "sentiment", "fine", "awful"]).status.success());
    }
    let refused = as_caller(&["predict", "sentiment", "fine", "awful"]);
    let error = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(1), "{error}");
    assert!(
        error.starts_with("error: the budget is spent (402) after 1 attempt: the budget of 0.6 a month"),
        "{error}"
    );
    assert!(error.contains("amaas tenants set NAME --budget MONEY"), "{error}");
    assert_eq!(as_caller(&["models"]).status.code(), Some(4), "the key is not for these routes");

    let seen = as_caller(&["--json", "usage"]);
    let seen: Value = serde_json::from_slice(&seen.stdout).unwrap_or_else(|error| panic!("{error}: {seen:?}"));
    let total = &seen["total"];
    assert_eq!((&seen["tenant"], &total["calls"], &total["units"]), (&"acme".into(), &2.into(), &4.into()));
    assert_eq!(total["cost_nanos"], 500_400_000);
    let text = as_caller(&["usage", "--by", "version"]).stdout;
    let text = String::from_utf8_lossy(&text);
    assert!(text.contains("\nsentiment  1            2      4     4       0"), "{text}");
    assert!(text.contains("  0.5004  ▁") || text.contains("  0.5004  █"), "{text}");

    // The operator of the service sees the same.
    assert_eq!(json_of(here, &["usage", "--tenant", "acme"]), seen);
    assert!(
        text_of(here, &["tenants", "show", "acme"]).contains("budget           0.6 a month\ncost this month  0.5004\n")
    );
    let all = text_of(here, &["usage", "--all-tenants"]);
    assert!(all.contains("\nacme    sentiment ") && all.contains("\ndev     digits "), "{all}");
    assert!(dev.stop());
}
