//! Good clients beside bad ones. One bad client sends ids that the network refuses, so that shared runs fail and are halved; the other
//! sends a megabyte that is no JSON. Neither pauses between calls.

use amaas_e2e::Program;

use super::aim;
use crate::arguments::Measure;
use crate::bench_env::BenchEnv;
use crate::contestant::Contestant;
use crate::load::{ClientGroup, Target, load};
use crate::report::{Aim, Report};
use crate::workload::Workload;

pub(super) async fn neighbours(env: &BenchEnv, measure: &Measure, report: &mut Report) {
    let ours = Contestant::ours(env, Program::Sentiment, Workload::Tiny).await;
    let good = &ours.target;
    let headers = format!("x-api-key: {}\r\n", env.key.expose());
    let body = String::from_utf8(Workload::Tiny.body()).expect("JSON");
    let poisoned = body.replacen("[4,", "[70000,", 1);
    assert_ne!(poisoned, body, "the first id is 4");
    let post = |body: &[u8]| Target::post(good.address, &Workload::Tiny.path(), &headers, body);
    let (poisoned, garbage) = (post(poisoned.as_bytes()), post(&vec![b'{'; 1 << 20]));
    for bad in [&poisoned, &garbage] {
        let (status, _) = bad.call().await.expect("an answer");
        assert!((400..500).contains(&status), "a bad call is refused, not {status}");
    }
    let bad = vec![ClientGroup::of(good, GOOD), ClientGroup::of(&poisoned, 1), ClientGroup::of(&garbage, 1)];
    let companies =
        [vec![ClientGroup::of(good, GOOD)], vec![ClientGroup::of(good, GOOD), ClientGroup::of(good, 2)], bad];
    let mut p99 = [Vec::new(), Vec::new(), Vec::new()];
    let mut lost = 0;
    for _ in 0..measure.rounds {
        for (p99, company) in p99.iter_mut().zip(&companies) {
            let loaded = load(company.clone(), measure.time, ours.tree).await;
            p99.push(loaded.seen[0].at(99.0));
            lost += loaded.seen[0].lost() + loaded.seen[0].refused.len();
        }
    }
    let [alone, beside_good, beside_bad] = &p99;
    let bars =
        [("amaas, alone", &**alone), ("amaas, beside 2 good", &**beside_good), ("amaas, beside 2 bad", &**beside_bad)];
    report.panel("T, 8 good callers, p99", "µs", &bars);
    report.claim(
        "T, 8 good callers: lost calls",
        "calls",
        &[f64::from(u32::try_from(lost).unwrap_or(u32::MAX))],
        Aim::AtMost(0.0),
    );
    let limit = aim(measure, Aim::AtMost(1.2), Aim::AtMost(10.0));
    report.ratio("T, 8 good callers: p99 beside 2 bad / alone", beside_bad, alone, limit);
    if !measure.smoke {
        report.ratio("T, 8 good callers: p99 beside 2 bad / beside 2 good", beside_bad, beside_good, Aim::AtMost(1.2));
    }
}

const GOOD: usize = 8;
