//! Prices in a ledger.

use serde_json::json;

use crate::ledger::OnLedger;

#[test]
fn prices_are_set_one_by_one_and_listed() {
    let ledger = OnLedger::new();
    let (code, error) = ledger.failed(&["prices", "list"]);
    assert_eq!(code, 2);
    assert!(error.contains("there is no ledger ledger.sqlite"), "{error}");

    let said = ledger.text(&["prices", "set", "sentiment", "--call", "0.0010"]);
    assert_eq!(said, "sentiment costs 0.001 a call and 0 a unit; functions apply it within 60 s\n");
    let set = ledger.json(&["prices", "set", "sentiment", "--unit", "0.0000002"]);
    assert_eq!(set, json!({"model": "sentiment", "call": "0.001", "unit": "0.0000002"}), "a call costs what it did");
    ledger.text(&["prices", "set", "embed", "--call", "0", "--unit", "12.5"]);
    let expected = "\
MODEL      A CALL     A UNIT
embed           0       12.5
sentiment   0.001  0.0000002
";
    assert_eq!(ledger.text(&["prices", "list"]), expected);
    assert_eq!(ledger.json(&["prices", "list"])[1], set);

    for arguments in
        [&["prices", "set", "embed"][..], &["prices", "set", "embed", "--call", "-1"], &["prices", "set", "a/b"]]
    {
        assert_eq!(ledger.failed(arguments).0, 2);
    }
}
