//! API keys in a ledger.

use serde_json::{Value, json};

use crate::ledger::OnLedger;

/// The id of the key that `amaas --json keys create` made.
fn id(made: &Value) -> &str {
    made["record"]["id"].as_str().expect("an id")
}

#[test]
fn keys_are_listed_as_they_were_made() {
    let ledger = OnLedger::new();
    let plain = ledger.json(&["keys", "create"]);
    let key = plain["key"].as_str().expect("a key");
    assert!(key.starts_with("amaas_live_"), "{key}");
    let scoped = ledger.json(&[
        "keys",
        "create",
        "--tenant",
        "acme",
        "--name",
        "batch",
        "--environment",
        "test",
        "--model",
        "sentiment",
        "--model",
        "embed",
        "--route",
        "usage",
        "--route",
        "predict",
        "--max-cost",
        "0.50",
        "--expires",
        "30",
    ]);
    let record = &scoped["record"];
    assert_eq!(
        (&record["tenant"], &record["name"], &record["state"]),
        (&"acme".into(), &"batch".into(), &"live".into())
    );
    let scope = json!({"models": ["embed", "sentiment"], "routes": ["predict", "usage"], "max_cost": "0.5"});
    assert_eq!(record["scope"], scope);
    let days = |member: &str| record[member].as_u64().expect("a time") / 86_400;
    assert_eq!(days("expires"), days("created") + 30);

    let today = jiff::Timestamp::from_second(record["created"].as_i64().expect("a time")).expect("a time");
    let end = jiff::Timestamp::from_second(record["expires"].as_i64().expect("a time")).expect("a time");
    let expected = format!(
        "\
KEY ID        TENANT   NAME     CREATED     EXPIRES     MODELS           ROUTES         MAX COST  STATE
{}  acme     batch    {today}  {end}  embed sentiment  predict usage  0.5       live
{}  default  default  {today}  never       all              all            any       live
",
        id(&scoped),
        id(&plain),
        today = today.strftime("%Y-%m-%d"),
        end = end.strftime("%Y-%m-%d"),
    );
    assert_eq!(ledger.text(&["keys", "list"]), expected);
    let of_acme = ledger.json(&["keys", "list", "--tenant", "acme"]);
    assert_eq!(of_acme, json!([record]), "the same, and nothing of what it is known by");
    let (code, error) = ledger.failed(&["keys", "list", "--tenant", "amce"]);
    assert_eq!(code, 1);
    assert!(error.contains("there is no tenant amce"), "{error}");
}

#[test]
fn the_key_itself_is_shown_once_and_kept_nowhere() {
    let ledger = OnLedger::new();
    let output = ledger.amaas(&["keys", "create"]);
    let key = String::from_utf8(output.stdout).expect("UTF-8");
    let key: amaas::ApiKey = key.trim().parse().expect("nothing else, so that a shell can take it");
    assert!(String::from_utf8_lossy(&output.stderr).contains("of tenant default; it is kept nowhere"));
    let secret = &key.expose()[..24];
    assert!(!ledger.text(&["--json", "keys", "list"]).contains(secret));
    for file in std::fs::read_dir(ledger.folder()).expect("listed") {
        let bytes = std::fs::read(file.expect("listed").path()).expect("read");
        assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()));
    }
}

#[test]
fn one_key_follows_another_and_a_third_has_to_wait() {
    let ledger = OnLedger::new();
    let first = ledger.json(&["keys", "create", "--tenant", "acme"]);
    ledger.json(&["keys", "create", "--tenant", "acme"]);
    let (code, error) = ledger.failed(&["keys", "create", "--tenant", "acme"]);
    assert_eq!(code, 1);
    assert!(error.contains("tenant acme has two live keys called \"default\""), "{error}");
    assert!(error.contains("`amaas keys revoke ID` ends one") && error.contains("--name"), "{error}");
    ledger.json(&["keys", "create", "--tenant", "acme", "--name", "other"]);

    assert_eq!(
        ledger.text(&["keys", "revoke", id(&first)]),
        format!("revoked {}; functions refuse it within 60 s\n", id(&first))
    );
    ledger.json(&["keys", "create", "--tenant", "acme"]);
    assert!(!ledger.text(&["keys", "list"]).contains(id(&first)));
    assert_eq!(ledger.json(&["keys", "list"]).as_array().map(Vec::len), Some(3));
    let all = ledger.text(&["keys", "list", "--all"]);
    let revoked = all.lines().find(|line| line.starts_with(id(&first))).expect("it is remembered");
    assert!(revoked.ends_with("  revoked"), "{revoked}");

    let (code, error) = ledger.failed(&["keys", "revoke", id(&first)]);
    assert_eq!(code, 1);
    assert!(error.contains("was revoked before"), "{error}");
    let (code, error) = ledger.failed(&["keys", "revoke", "0123456789ab"]);
    assert_eq!(code, 1);
    assert!(error.contains("there is no key 0123456789ab"), "{error}");
}

#[test]
fn what_is_no_key_is_named() {
    let ledger = OnLedger::new();
    for (arguments, expected) in [
        (&["keys", "create", "--route", "tensors"][..], "expected one of predict, infer, embeddings"),
        (&["keys", "create", "--max-cost", "1e3"], "expected an amount such as 25 or 0.0004"),
        (&["keys", "create", "--max-cost", "-1"], "expected an amount such as 25 or 0.0004"),
        (
            &["keys", "create", "--expires", "0"],
            "expected a whole number, at least 1 and at most 4294967295, got \"0\"",
        ),
        (&["keys", "create", "--expires", "-1"], "expected a whole number, at least 1"),
        (&["keys", "rotate", "m", "--overlap", "-1"], "expected a whole number, at least 0"),
        (&["tenants", "create", "t", "--budget", "-1"], "expected an amount such as 25 or 0.0004"),
        (&["tenants", "set", "t", "--limit", "-1"], "invalid value '-1'"),
        (&["prices", "set", "m", "--call", "-0.5"], "expected an amount such as 25 or 0.0004"),
        (&["usage", "--since", "-1"], "invalid value '-1'"),
        (&["dev", "--port", "-1"], "expected a port from 0 to 65535, got \"-1\""),
        (&["dev", "--port", "65536"], "expected a port from 0 to 65535, got \"65536\""),
        (&["keys", "create", "--name", ""], "a value is required"),
        (&["keys", "create", "--tenant", "two words"], "without spaces"),
        (&["keys", "create", "--environment", "Live"], "lower-case letters and digits"),
        (&["keys", "revoke", "x"], "expected the id of a key, 12 hexadecimal digits"),
    ] {
        let (code, error) = ledger.failed(arguments);
        assert_eq!(code, 2, "{error}");
        assert!(error.contains(expected), "{error}");
    }
    assert!(!ledger.folder().join("ledger.sqlite").exists(), "nothing was made");
}

#[test]
fn a_ledger_with_another_secret_takes_no_keys() {
    let ledger = OnLedger::new();
    ledger.json(&["keys", "create"]);
    amaas_store::vault::FileKey::create(&ledger.folder().join("other.key")).expect("written");
    let (code, error) = ledger.failed(&["keys", "create", "--kms-key", "file:other.key"]);
    assert_eq!(code, 1);
    assert!(error.contains("is this the key that the others were wrapped with?"), "{error}");
}
