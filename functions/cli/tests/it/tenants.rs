//! Tenants in a ledger.

use serde_json::json;

use crate::ledger::OnLedger;

#[test]
fn tenants_are_made_changed_and_listed() {
    let ledger = OnLedger::new();
    let made = ledger.json(&[
        "tenants",
        "create",
        "acme",
        "--limit",
        "requests/minute=600",
        "--limit",
        "embed:units/month=1000000",
        "--budget",
        "25.00",
    ]);
    let limits = json!([
        {"of": "requests", "per": "minute", "most": 600},
        {"model": "embed", "of": "units", "per": "month", "most": 1_000_000},
    ]);
    assert_eq!((&made["name"], &made["standing"]), (&"acme".into(), &"active".into()));
    assert_eq!((&made["budget"], &made["limits"]), (&"25".into(), &limits));
    let (code, error) = ledger.failed(&["tenants", "create", "acme"]);
    assert_eq!(code, 1);
    assert!(error.contains("there is a tenant acme already") && error.contains("amaas tenants set acme"), "{error}");
    ledger.text(&["tenants", "create", "plain"]);

    let created = amaas_access::meter::UtcDay::at(made["created"].as_u64().expect("a time") * 1000);
    let shown =
        ledger.text(&["tenants", "set", "acme", "--limit", "requests/minute=5", "--no-limit", "embed:units/month"]);
    let expected = format!(
        "TENANT   acme\nstate    active\ncreated  {created}\nbudget   25 a month\nlimit    requests/minute=5\n"
    );
    assert_eq!(shown, expected);
    assert_eq!(ledger.json(&["tenants", "suspend", "plain"])["standing"], "suspended");
    let expected = format!(
        "\
TENANT  STATE      CREATED     BUDGET      LIMITS
acme    active     {created}  25 a month  requests/minute=5
plain   suspended  {created}  none        none
"
    );
    assert_eq!(ledger.text(&["tenants", "list"]), expected);
    let changed = ledger.json(&["tenants", "set", "acme", "--no-budget", "--no-limit", "requests/minute"]);
    assert_eq!((changed.get("budget"), changed.get("limits")), (None, None));
    assert_eq!(ledger.json(&["tenants", "resume", "plain"])["standing"], "active");
    assert_eq!(ledger.json(&["tenants", "list"]).as_array().map(Vec::len), Some(2));
}

#[test]
fn a_tenant_is_shown_with_its_keys_and_what_it_used() {
    let ledger = OnLedger::new();
    let key = ledger.json(&["keys", "create", "--tenant", "acme"]);
    let id = key["record"]["id"].as_str().expect("an id");
    let text = ledger.text(&["tenants", "show", "acme"]);
    for expected in
        ["budget           none\ncost this month  0\n", "\n\nKEY ID ", id, "\n\nusage of acme, 20", "\nTOTAL      0 "]
    {
        assert!(text.contains(expected), "{expected:?}: {text}");
    }
    let shown = ledger.json(&["tenants", "show", "acme"]);
    assert_eq!((&shown["tenant"]["name"], &shown["keys"]), (&"acme".into(), &json!([key["record"]])));
    assert_eq!((&shown["usage"]["tenant"], &shown["usage"]["total"]["calls"]), (&"acme".into(), &0.into()));
}

#[test]
fn nothing_is_changed_of_what_is_not_there() {
    let ledger = OnLedger::new();
    ledger.text(&["tenants", "create", "acme"]);
    for command in [&["tenants", "show"][..], &["tenants", "suspend"], &["tenants", "resume"]] {
        let (code, error) = ledger.failed(&[command, &["amce"]].concat());
        assert_eq!(code, 1);
        assert!(error.contains("there is no tenant amce") && error.contains("amaas tenants list"), "{error}");
    }
    assert_eq!(ledger.failed(&["tenants", "set", "amce", "--no-budget"]).0, 1);
    for (arguments, expected) in [
        (&["tenants", "set", "acme"][..], "required arguments were not provided"),
        (&["tenants", "set", "acme", "--budget", "1", "--no-budget"], "cannot be used with"),
        (
            &["tenants", "set", "acme", "--limit", "requests/hour=1"],
            "expected [MODEL:]requests|units/minute|month=NUMBER",
        ),
        (&["tenants", "set", "acme", "--no-limit", "requests/minute=1"], "such as requests/minute, without a number"),
        (&["tenants", "create", "two words"], "without spaces"),
    ] {
        let (code, error) = ledger.failed(arguments);
        assert_eq!(code, 2, "{error}");
        assert!(error.contains(expected), "{error}");
    }
}
