use std::sync::{Arc, Mutex};

use super::*;
use crate::meter::{EmfOutput, UsageJournal, UsageMeter};
use amaas_ledger::{Clock, MemoryLedger};

/// A meter whose time a test turns.
struct Turned {
    meter: UsageMeter,
    ledger: Arc<MemoryLedger>,
    time: Arc<Mutex<u64>>,
}

impl Turned {
    fn new() -> Self {
        let (ledger, time) = (Arc::new(MemoryLedger::default()), Arc::new(Mutex::new(NOON)));
        let hand = Arc::clone(&time);
        let clock = Clock::new(move || Duration::from_millis(*hand.lock().expect("not poisoned")));
        let meter =
            UsageMeter::new(Arc::clone(&ledger) as Arc<dyn Ledger>, UsageJournal::in_memory(), EmfOutput::Off, clock);
        Self { meter, ledger, time }
    }

    fn at(&self, time: u64) {
        *self.time.lock().expect("not poisoned") = time;
    }

    /// A call of `tenant` that is answered now.
    fn call(&self, id: &str, tenant: &str, model: &str, rows: u64) {
        let record = serde_json::from_value(serde_json::json!({
            "id": id, "repeatable": true, "time": self.meter.now(), "tenant": tenant, "model": model, "version": "1",
            "route": "infer", "rows": rows, "billed_ms": 2, "bytes_in": 10, "bytes_out": 20, "sealed": true,
            "cost": "0.001", "request": "r",
        }));
        self.meter.keep(record.expect("a record"));
    }

    async fn report(&self, tenant: &str, since: &str, until: &str) -> UsageReport {
        self.meter.flush().await.expect("the ledger is there");
        let days = (since.parse().expect("a day"), until.parse().expect("a day"));
        let tenant = tenant.parse().expect("a name");
        report(&*self.ledger, &tenant, days, UsageBy::Model, self.meter.now()).await.expect("a report")
    }
}

/// 2026-11-26T12:00:00Z.
const NOON: u64 = 1_795_694_400_000;
const HOUR: u64 = 60 * 60 * 1000;
/// The end of 2026-11-26.
const MIDNIGHT: u64 = NOON + 12 * HOUR;

#[tokio::test]
async fn calls_are_summed_up_by_model_and_day_and_tenant() {
    let turned = Turned::new();
    turned.call("1", "acme", "a", 3);
    turned.call("2", "acme", "b", 4);
    turned.call("3", "other", "a", 100);
    turned.call("1", "acme", "a", 3);
    turned.at(MIDNIGHT + HOUR);
    turned.call("4", "acme", "a", 5);
    let report = turned.report("acme", "2026-11-01", "2026-11-30").await;
    let [a, b] = &report.data[..] else { panic!("{report:?}") };
    assert_eq!((a.model.as_deref(), a.sum.calls, a.sum.rows, a.sum.cost_nanos), (Some("a"), 2, 8, 2_000_000));
    let days: Vec<_> = a.days.iter().map(|day| (day.day.as_str(), day.calls, day.units)).collect();
    assert_eq!(days, [("2026-11-26", 1, 3), ("2026-11-27", 1, 5)]);
    assert_eq!((b.sum.calls, report.total.calls, report.total.bytes_in, report.total.sealed), (1, 3, 30, 3));
    assert_eq!(turned.report("acme", "2026-11-27", "2026-11-27").await.total.calls, 1);
    assert_eq!(turned.report("nobody", "2026-11-01", "2026-11-30").await.total, UsageSum::default());
}

#[tokio::test]
async fn a_call_that_ran_again_after_midnight_is_counted_once() {
    for times in [[MIDNIGHT - 1000, MIDNIGHT + 1000], [MIDNIGHT + 1000, MIDNIGHT - 1000]] {
        for together in [false, true] {
            let turned = Turned::new();
            for time in times {
                turned.at(time);
                turned.call("again", "acme", "a", 1);
                if !together {
                    turned.meter.flush().await.expect("written");
                }
            }
            turned.at(MIDNIGHT + 2000);
            turned.call("other", "acme", "a", 1);
            assert_eq!(turned.report("acme", "2026-11-26", "2026-11-27").await.total.calls, 2, "{times:?} {together}");
        }
    }
}

#[tokio::test]
async fn a_sum_is_kept_and_what_comes_late_is_in_the_next() {
    let turned = Turned::new();
    turned.call("1", "acme", "a", 1);
    turned.at(MIDNIGHT + 2 * HOUR);
    assert_eq!(turned.report("acme", "2026-11-26", "2026-11-26").await.total.calls, 1);
    let kept = sum_place(&"acme".parse().expect("a name"), "2026-11-26".parse().expect("a day"));
    assert!(turned.ledger.read(&kept).await.expect("reached").is_some());
    // What a process had in its journal when it was killed.
    turned.at(NOON + HOUR);
    turned.call("2", "acme", "a", 1);
    turned.at(MIDNIGHT + 3 * HOUR);
    for _ in 0..2 {
        assert_eq!(turned.report("acme", "2026-11-26", "2026-11-26").await.total.calls, 2);
    }
}

#[tokio::test]
async fn days_in_the_wrong_order_and_too_many_are_refused() {
    let (ledger, tenant) = (MemoryLedger::default(), "acme".parse().expect("a name"));
    let report = async |since: &str, until: &str| {
        let days = (since.parse().expect("a day"), until.parse().expect("a day"));
        report(&ledger, &tenant, days, UsageBy::Model, NOON).await
    };
    assert!(matches!(report("2026-11-02", "2026-11-01").await, Err(ReportError::Backwards { .. })));
    assert!(matches!(report("2020-01-01", "2026-11-01").await, Err(ReportError::TooLong { .. })));
    assert!(report("2026-11-26", "9999-12-31").await.is_ok(), "days that are still to come have no calls");
}
