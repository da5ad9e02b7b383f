//! The cost of a model before the apply. `estimate/plan.py` made `estimate/plan.json` from infra/examples/minimal.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::program::{amaas, text};

/// The plan of infra/examples/minimal.
fn minimal() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/estimate/plan.json")
}

/// `amaas --json estimate` with `flags`.
fn estimate(flags: &[&str]) -> Value {
    let folder = tempfile::tempdir().expect("a temporary folder");
    crate::program::json(folder.path(), &[&["estimate"], flags].concat())
}

/// The same for a plan, which is written to a file first.
fn of_plan(plan: &Value, flags: &[&str]) -> Value {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("plan.json"), plan.to_string()).expect("written");
    crate::program::json(folder.path(), &[&["estimate", "--plan", "plan.json"], flags].concat())
}

/// The text output for a plan.
fn text_of_plan(plan: &Value, flags: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("plan.json"), plan.to_string()).expect("written");
    text(folder.path(), &[&["estimate", "--plan", "plan.json"], flags].concat())
}

/// A plan with these resources at its root, in us-east-1.
fn plan(resources: &[(&str, &str, Value)]) -> Value {
    let resources = resources.iter().map(
        |(address, kind, values)| json!({ "address": address, "mode": "managed", "type": kind, "values": values }),
    );
    json!({
        "planned_values": { "root_module": { "resources": resources.collect::<Vec<_>>() } },
        "configuration": { "provider_config": { "aws": { "expressions": { "region": { "constant_value": "us-east-1" } } } } },
    })
}

/// The cost of the lines named `what`, to a millionth.
fn usd(report: &Value, what: &str) -> f64 {
    let lines = report["lines"].as_array().expect("lines");
    let of: Vec<_> = lines.iter().filter(|line| line["what"] == what).collect();
    assert!(!of.is_empty(), "no line is {what:?}: {lines:#?}");
    of.iter().map(|line| line["usd"].as_f64().expect("a number")).sum()
}

fn assert_near(got: f64, expected: f64, of: &str) {
    assert!((got - expected).abs() < 1e-6, "{of}: expected {expected}, got {got}");
}

/// The exit code and the output.
fn failed(flags: &[&str], files: &[(&str, &[u8])]) -> (Option<i32>, String) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    for (name, bytes) in files {
        std::fs::write(folder.path().join(name), bytes).expect("written");
    }
    let output = amaas(folder.path(), &[&["estimate"], flags].concat());
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_million_calls_cost_what_a_hand_computes() {
    let report = estimate(&["--calls", "1e6", "--p50-ms", "12", "--memory", "512"]);
    for (what, expected) in [
        // 1,000,000 × 0.20 / 1,000,000.
        ("requests", 0.20),
        // 1,000,000 × 0.012 s × 0.5 GB × 0.0000166667, and 10,000 × 0.4 s × 0.5 GB of cold starts.
        ("duration", 6000.0 * 0.000_016_666_7),
        ("cold starts", 2000.0 * 0.000_016_666_7),
        // A lease, an answer of 500 × 1.05 + 1,150 bytes (two KiB begun), a record: four units a call at 0.625 a million; 10,000 serials.
        ("ledger writes", 2.50 + 0.01 * 0.625),
        // A lookup of replays; 27,777.8 near midnight; 58,400 rounds of 45 s for price, key and tenant each; 10,000 times two secrets.
        ("ledger reads", (1e6 + 1e6 * 40.0 / 1440.0 + 3.0 * 58_400.0 + 20_000.0) * 0.125e-6),
        // Seven for each of 10,000 cold starts, at 0.03 for ten thousand.
        ("KMS requests", 0.21),
        // Seven for each, and 58,400 rounds, at 0.0004 a thousand.
        ("reads of S3", 128_400.0 * 0.000_000_4),
        ("log ingest", 1.3e9 / 1_073_741_824.0 * 0.50),
        ("custom metrics", 3.60),
        ("data transfer out", 1.65e9 / 1_073_741_824.0 * 0.09),
        ("keys: registry, sealing", 2.0),
    ] {
        assert_near(usd(&report, what), expected, what);
    }
    let lines = report["lines"].as_array().expect("lines");
    let sum: f64 = lines.iter().map(|line| line["usd"].as_f64().expect("a number")).sum();
    let total = report["total_usd"].as_f64().expect("a number");
    assert_near(total, sum, "total");
    assert_near(report["usd_per_1000_calls"].as_f64().expect("a number"), total / 1000.0, "a thousand calls");
    assert_eq!(report["region"], "us-east-1");
}

#[test]
fn flags_change_what_they_name() {
    let usual = ["--calls", "1e6", "--p50-ms", "12", "--memory", "512"];
    let with = |more: &[&str]| estimate(&[&usual, more].concat());
    for (flags, what, expected) in [
        (&["--arch", "arm64"][..], "duration", 6000.0 * 0.000_013_333_4),
        // Stored answers are counted by the KiB: 5,000 × 1.05 + 1,150 bytes are seven.
        (&["--response-bytes", "5000"], "ledger writes", 9.01 * 0.625),
        (&["--limits", "2"], "ledger writes", 8.01 * 0.625),
        (&["--allow-replays"], "ledger reads", (1e6 * 40.0 / 1440.0 + 3.0 * 58_400.0 + 20_000.0) * 0.125e-6),
        (&["--ledger-writes-per-call", "1"], "ledger writes", 1.01 * 0.625),
        (&["--ledger-reads-per-call", "1"], "ledger reads", (1e6 + 3.0 * 58_400.0 + 20_000.0) * 0.125e-6),
        (&["--tenants", "2"], "ledger reads", (1e6 + 1e6 * 40.0 / 1440.0 + 5.0 * 58_400.0 + 20_000.0) * 0.125e-6),
        (&["--environments", "2"], "ledger reads", (1e6 + 1e6 * 40.0 / 1440.0 + 6.0 * 58_400.0 + 20_000.0) * 0.125e-6),
        (&["--kms-per-cold-start", "1"], "KMS requests", 0.03),
        (&["--s3-per-cold-start", "1"], "reads of S3", 68_400.0 * 0.000_000_4),
        (&["--model-mb", "90"], "reads of S3", (10_000.0 * 17.0 + 58_400.0) * 0.000_000_4),
        (&["--log-bytes-per-call", "0"], "log ingest", 0.0),
        (&["--cold-start-share", "0"], "KMS requests", 0.0),
        (&["--front", "api"], "HTTP API requests", 1.0),
        // 600 KiB are two requests of 512 KiB.
        (&["--front", "api", "--request-bytes", "600_000"], "HTTP API requests", 2.0),
        // All of the first calls of 2,628,000 seconds.
        (&["--tracing"], "traces", 5.0),
        (&["--ephemeral-mb", "1536"], "ephemeral storage", 16_000.0 * 0.000_000_030_9),
        (&["--provisioned", "2"], "provisioned concurrency", 2_628_000.0 * 0.000_004_166_7),
    ] {
        assert_near(usd(&with(flags), what), expected, &flags.join(" "));
    }
    // A single call reads everything once.
    let seldom = estimate(&["--calls", "1", "--p50-ms", "12"]);
    assert_near(usd(&seldom, "ledger reads"), (1.0 + 40.0 / 1440.0 + 3.0 + 0.02) * 0.125e-6, "one call");
    // The cost is zero if the free tier is enough.
    assert_near(usd(&with(&["--free-tier"]), "requests") + usd(&with(&["--free-tier"]), "duration"), 0.0, "free");
}

#[test]
fn people_see_cents_prices_and_reasons() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let text = text(folder.path(), &["estimate", "--calls", "1e6", "--p50-ms", "12", "--memory", "512"]);
    for expected in [
        "1,000,000 calls a month in us-east-1\n",
        "  UNIT PRICE  USD A MONTH\nLambda\n  requests  ",
        "0.0000166667 per GB-second  us-east-1  2026-11-26\n",
        "model in S3",
        "< 0.01\n",
        "USD for 1,000 calls.",
        "One g4dn.xlarge that always runs costs 391.98 USD a month",
        "https://aws.amazon.com/lambda/pricing/, read in: a stored copy of the page\n",
        "ledger writes a call: 4 units (--ledger-writes-per-call)\n  lease of the idempotency key 1, kept answer 2 (item of 1,675 bytes), usage record 1",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in:\n{text}");
    }
}

#[test]
fn the_break_even_follows_the_prices() {
    // A second at 10,240 MB is 10 GB-seconds: 0.000166667 and the request, 0.0000002. The instance is 1.006 × 730 + 100 × 0.08.
    let flags = ["--calls", "1e6", "--p50-ms", "1000", "--memory", "10240", "--cold-start-share", "0"];
    let report = estimate(&[&flags[..], &["--gpu-instance", "g5.xlarge", "--gpu-p50-ms", "10"]].concat());
    let gpu = &report["gpu"];
    let number = |name: &str| gpu[name].as_f64().expect("a number");
    assert_near(number("usd_a_month"), 742.38, "the instance");
    assert_near(number("lambda_usd_per_call"), 0.000_166_867, "a call");
    assert!((number("break_even_calls") - 742.38 / 0.000_166_867).abs() < 1.0);
    // 2,628,000 s × 100 a second × 0.7.
    assert_near(number("capacity_calls"), 183_960_000.0, "capacity");
    assert_eq!((gpu["reachable"].clone(), gpu["instances"].clone()), (json!(true), json!(1.0)));
    let slow = estimate(&[&flags[..], &["--gpu-instance", "g5.xlarge", "--gpu-p50-ms", "1000"]].concat());
    assert_eq!(slow["gpu"]["reachable"], false);
    assert_eq!(estimate(&["--calls", "0", "--p50-ms", "1"])["gpu"], Value::Null);
}

#[test]
fn the_minimal_example_is_priced_by_address() {
    let plan = minimal();
    let plan = plan.to_str().expect("UTF-8");
    let report = estimate(&["--plan", plan, "--calls", "sentiment=1e6", "--p50-ms", "12"]);
    let function = "module.amaas.module.function[\"sentiment\"].aws_lambda_function.this";
    let lines = report["lines"].as_array().expect("lines");
    let at = |address: &str, what: &str| lines.iter().any(|line| line["resource"] == address && line["what"] == what);
    assert!(at(function, "duration") && at(function, "ledger writes") && at(function, "custom metrics"));
    assert!(at("module.amaas.module.ledger.aws_dynamodb_table.this", "point-in-time recovery"));
    assert!(at("module.amaas.module.registry.aws_kms_key.sealing", "key"));
    // The environment is not known before the apply; the tag names the model. Memory is the example's 512 MB.
    assert_near(usd(&report, "duration"), 6000.0 * 0.000_016_666_7, "duration");
    // The result equals that of flags: two keys, the ledger with recovery, logs for 30 days.
    let same = estimate(&["--calls", "1e6", "--p50-ms", "12", "--memory", "512"]);
    let total = |report: &Value| report["total_usd"].as_f64().expect("a number");
    assert_near(total(&report), total(&same), "total");
    // Every resource is in one of the lists.
    assert_eq!(report["not_priced"], json!([]));
    assert_eq!(
        (report["free"]["aws_iam_role"].clone(), report["free"]["aws_lambda_alias"].clone()),
        (json!(1), json!(1))
    );
    let by_use: Vec<_> = report["by_use"].as_array().expect("a list").iter().map(|mention| &mention["type"]).collect();
    assert_eq!(by_use, ["aws_cloudwatch_log_group", "aws_s3_bucket"]);
}

#[test]
fn what_is_there_all_month_is_priced() {
    let everything = plan(&[
        ("aws_kms_key.a", "aws_kms_key", json!({})),
        ("aws_cloudwatch_dashboard.a", "aws_cloudwatch_dashboard", json!({})),
        ("aws_cloudwatch_composite_alarm.a", "aws_cloudwatch_composite_alarm", json!({})),
        (
            "aws_cloudwatch_metric_alarm.one",
            "aws_cloudwatch_metric_alarm",
            json!({ "metric_name": "Errors", "period": 60 }),
        ),
        (
            "aws_cloudwatch_metric_alarm.two",
            "aws_cloudwatch_metric_alarm",
            json!({ "metric_query": [
                { "id": "rate", "expression": "errors / calls" },
                { "id": "errors", "metric": [{ "period": 60 }] },
                { "id": "calls", "metric": [{ "period": 60 }] },
            ] }),
        ),
        ("aws_cloudwatch_metric_alarm.quick", "aws_cloudwatch_metric_alarm", json!({ "period": 10 })),
        (
            "aws_vpc_endpoint.known",
            "aws_vpc_endpoint",
            json!({ "vpc_endpoint_type": "Interface", "subnet_ids": ["a", "b", "c"] }),
        ),
        ("aws_vpc_endpoint.unknown", "aws_vpc_endpoint", json!({ "vpc_endpoint_type": "Interface" })),
        ("aws_vpc_endpoint.gateway", "aws_vpc_endpoint", json!({ "vpc_endpoint_type": "Gateway" })),
        ("aws_lb.a", "aws_lb", json!({ "load_balancer_type": "application" })),
        ("aws_nat_gateway.a", "aws_nat_gateway", json!({})),
        ("aws_wafv2_web_acl.a", "aws_wafv2_web_acl", json!({ "rule": [{}, {}, {}] })),
        ("aws_secretsmanager_secret.a", "aws_secretsmanager_secret", json!({})),
        ("aws_apigatewayv2_api.a", "aws_apigatewayv2_api", json!({ "protocol_type": "HTTP" })),
        (
            "aws_lambda_function.a",
            "aws_lambda_function",
            json!({
                "function_name": "amaas-a", "memory_size": 1024, "architectures": ["arm64"],
                "environment": [{ "variables": { "AMAAS_MODEL": "a" } }], "tracing_config": [{ "mode": "Active" }],
            }),
        ),
        (
            "aws_lambda_provisioned_concurrency_config.a",
            "aws_lambda_provisioned_concurrency_config",
            json!({ "function_name": "amaas-a", "provisioned_concurrent_executions": 2 }),
        ),
        (
            "aws_appautoscaling_target.function",
            "aws_appautoscaling_target",
            json!({ "service_namespace": "lambda", "resource_id": "function:amaas-a:live", "min_capacity": 3, "max_capacity": 9 }),
        ),
        (
            "aws_appautoscaling_target.service",
            "aws_appautoscaling_target",
            json!({ "service_namespace": "ecs", "resource_id": "service/a/a", "min_capacity": 3, "max_capacity": 9 }),
        ),
        ("aws_iam_role.a", "aws_iam_role", json!({})),
        ("aws_quantum_oracle.a", "aws_quantum_oracle", json!({})),
        ("google_storage_bucket.a", "google_storage_bucket", json!({})),
    ]);
    let report = of_plan(&everything, &["--calls", "a=2e6", "--calls", "7", "--p50-ms", "10"]);
    for (what, expected) in [
        ("key", 1.0),
        ("dashboard", 3.0),
        ("composite alarm", 0.5),
        ("alarm", 0.1 + 0.2),
        ("high-resolution alarm", 0.3),
        ("interface endpoint in 3 zones, data apart", 21.9),
        ("interface endpoint in 2 zones, data apart", 14.6),
        ("application load balancer, capacity units apart", 16.425),
        ("NAT gateway, data apart", 32.85),
        ("web ACL", 5.0),
        ("rules", 3.0),
        ("secret", 0.4),
        ("HTTP API requests", 2.0),
        ("duration", 20_000.0 * 0.000_007_777_8),
        ("provisioned concurrency", 3.0 * 2_628_000.0 * 0.000_003_333_4),
        ("traces", 10.0),
    ] {
        assert_near(usd(&report, what), expected, what);
    }
    // Requests: Lambda's, and the web ACL's at 0.60 a million.
    assert_near(usd(&report, "requests"), 0.4 + 1.2, "requests");
    let not_priced: Vec<_> =
        report["not_priced"].as_array().expect("a list").iter().map(|of| of["address"].clone()).collect();
    assert_eq!(not_priced, ["aws_quantum_oracle.a", "google_storage_bucket.a"]);
    assert_eq!(report["free"], json!({ "aws_appautoscaling_target": 1, "aws_iam_role": 1, "aws_vpc_endpoint": 1 }));
    // An external ledger costs something too.
    assert!(usd(&report, "ledger storage") > 0.0);
}

#[test]
fn answers_leave_aws_once() {
    let function = ("aws_lambda_function.a", "aws_lambda_function", json!({ "function_name": "amaas-a" }));
    let flags = ["--calls", "1e9", "--p50-ms", "10"];
    let services = |resources: &[(&str, &str, Value)]| {
        let report = of_plan(&plan(resources), &flags);
        let lines = report["lines"].as_array().expect("a list").clone();
        let out: Vec<_> = lines.into_iter().filter(|line| line["what"] == "data transfer out").collect();
        assert_eq!(out.len(), 1, "{out:?}");
        out[0]["resource"].as_str().expect("one").to_owned()
    };
    assert_eq!(services(std::slice::from_ref(&function)), "aws_lambda_function.a");
    let edge = ("aws_cloudfront_distribution.a", "aws_cloudfront_distribution", json!({}));
    assert_eq!(services(&[function, edge]), "aws_cloudfront_distribution.a");
}

#[test]
fn instances_are_priced_from_their_least_to_their_largest_number() {
    let group = |template: Value| json!({ "min_size": 1, "max_size": 4, "desired_capacity": null, "launch_template": [template] });
    let template = json!({
        "name": "gpu", "instance_type": "g5.xlarge",
        "block_device_mappings": [{ "ebs": [{ "volume_type": "gp3", "volume_size": 200 }] }],
    });
    // The template's id is not known before the apply.
    let of_module = plan(&[
        ("module.gpu.aws_launch_template.this", "aws_launch_template", template.clone()),
        ("module.other.aws_launch_template.this", "aws_launch_template", json!({ "instance_type": "g6.xlarge" })),
        ("module.gpu.aws_autoscaling_group.this", "aws_autoscaling_group", group(json!({ "version": "$Latest" }))),
    ]);
    let report = of_plan(&of_module, &[]);
    assert_near(usd(&report, "1 × g5.xlarge"), 1.006 * 730.0, "the least");
    assert_near(usd(&report, "1 × disk, gp3"), 16.0, "its disk");
    let more: f64 = report["at_largest_size"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|line| line["usd"].as_f64().expect("a number"))
        .sum();
    assert_near(more, 3.0 * (1.006 * 730.0 + 16.0), "the rest");

    let unpriced = plan(&[
        ("aws_launch_template.a", "aws_launch_template", json!({ "instance_type": "x9.mega" })),
        ("aws_autoscaling_group.a", "aws_autoscaling_group", group(json!({}))),
        ("aws_instance.a", "aws_instance", json!({})),
    ]);
    let report = of_plan(&unpriced, &[]);
    let why: Vec<_> =
        report["not_priced"].as_array().expect("a list").iter().map(|of| of["why"].as_str().expect("text")).collect();
    assert!(
        why[0].contains("no price is known for x9.mega, only for types of g4dn, g5, g6; --instance-price x9.mega=USD")
            && why[1].contains("not known before the apply"),
        "{why:?}"
    );
    assert_eq!((&report["at_least"], &report["total_usd"]), (&json!(true), &json!(0.0)));
    let said = text_of_plan(&unpriced, &[]);
    assert!(
        said.contains("TOTAL, at least") && said.contains("no price is known for 2 of the resources below"),
        "{said}"
    );

    // The known part of a resource without all prices is in the sum.
    let disks = json!([{ "ebs": [{ "volume_type": "gp3", "volume_size": 100 }] }, { "ebs": [{ "volume_type": "gp3" }] }, { "ebs": [{ "volume_type": "io9", "volume_size": 1 }] }]);
    let partly = plan(&[
        (
            "aws_launch_template.a",
            "aws_launch_template",
            json!({ "instance_type": "x9.mega", "block_device_mappings": disks }),
        ),
        ("aws_autoscaling_group.a", "aws_autoscaling_group", group(json!({}))),
    ]);
    let report = of_plan(&partly, &[]);
    assert_near(usd(&report, "1 × disk, gp3"), 8.0, "its disk");
    assert_eq!(report["at_least"], true);
    let why: Vec<_> =
        report["not_priced"].as_array().expect("a list").iter().map(|of| of["why"].as_str().expect("text")).collect();
    assert!(
        why.len() == 3 && why[0].contains("x9.mega") && why[1].contains("size of a disk") && why[2].contains("\"io9\""),
        "{why:?}"
    );

    // An hourly price is all that is missing, and replaces a known one.
    let report = of_plan(&unpriced, &["--instance-price", "x9.mega=2.5", "--instance-price", "g5.xlarge=1"]);
    assert_near(usd(&report, "1 × x9.mega"), 2.5 * 730.0, "as given");
    assert_eq!(report["not_priced"].as_array().expect("a list").len(), 1);
    let report = of_plan(&of_module, &["--instance-price", "g5.xlarge=1"]);
    assert_near(usd(&report, "1 × g5.xlarge"), 730.0, "as given");
    assert_eq!(report["at_least"], false);
    let report =
        estimate(&["--calls", "1e6", "--p50-ms", "9", "--gpu-instance", "x9.mega", "--instance-price", "x9.mega=1"]);
    assert_near(report["gpu"]["usd_a_month"].as_f64().expect("a number"), 738.0, "compared with");
}

#[test]
fn what_is_not_priced_is_named_and_makes_the_total_a_least() {
    let priced = [("aws_kms_key.a", "aws_kms_key", json!({}))];
    let unpriced = [
        ("aws_flow_log.a", "aws_flow_log", json!({}), "billed by the GB that it records"),
        (
            "aws_ecs_cluster.a",
            "aws_ecs_cluster",
            json!({ "setting": [{ "name": "containerInsights", "value": "enhanced" }] }),
            "Container Insights sends custom metrics",
        ),
        ("aws_quantum_oracle.a", "aws_quantum_oracle", json!({}), "no price is known for this type"),
    ];
    assert_eq!(of_plan(&plan(&priced), &[])["at_least"], false);
    for (address, kind, values, expected) in unpriced {
        let report = of_plan(&plan(&[priced.as_slice(), &[(address, kind, values)]].concat()), &[]);
        assert_eq!((&report["at_least"], &report["total_usd"]), (&json!(true), &json!(1.0)), "{address}");
        assert_eq!(report["not_priced"][0]["address"], address);
        let why = report["not_priced"][0]["why"].as_str().expect("text");
        assert!(why.contains(expected), "{why}");
    }
}

#[test]
fn keys_that_rotate_cost_more_each_of_two_years() {
    let why = |report: &Value| {
        let assumptions = report["assumptions"].as_array().expect("a list");
        let rotation = assumptions.iter().find(|assumption| assumption["name"] == "key rotation");
        rotation.map(|rotation| rotation["why"].as_str().expect("text").to_owned())
    };
    let two = "2 keys will cost 2.00 USD a month more after a year, and 4.00 after two";
    assert!(why(&estimate(&["--calls", "0", "--p50-ms", "1"])).expect("infra's keys rotate").contains(two));
    let path = minimal();
    let minimal = estimate(&["--plan", path.to_str().expect("UTF-8"), "--calls", "0"]);
    assert!(why(&minimal).expect("both rotate").contains(two));
    let rotating = |on: Value| plan(&[("aws_kms_key.a", "aws_kms_key", json!({ "enable_key_rotation": on }))]);
    let one = "1 key will cost 1.00 USD a month more after a year, and 2.00 after two";
    assert!(why(&of_plan(&rotating(json!(true)), &[])).expect("it rotates").contains(one));
    for off in [json!(false), Value::Null] {
        assert_eq!(why(&of_plan(&rotating(off), &[])), None);
    }
}

#[test]
fn a_snapshot_is_kept_all_month_and_restored_for_cold_starts() {
    let function = |apply_on: &str| {
        let values = json!({ "function_name": "f", "memory_size": 2048, "snap_start": [{ "apply_on": apply_on }] });
        plan(&[("aws_lambda_function.f", "aws_lambda_function", values)])
    };
    let calls = ["--calls", "1e6", "--p50-ms", "12"];
    let of_flags = estimate(&[&calls[..], &["--memory", "2048", "--snap-start"]].concat());
    for report in [of_plan(&function("PublishedVersions"), &calls), of_flags] {
        // 2 GB for 2,628,000 seconds, and 2 GB for each of 10,000 cold starts.
        assert_near(usd(&report, "snapshot of one version"), 5_256_000.0 * 0.000_001_504_6, "kept");
        assert_near(usd(&report, "snapshots restored"), 20_000.0 * 0.000_139_799_8, "restored");
        let assumptions = report["assumptions"].as_array().expect("a list");
        assert!(
            assumptions.iter().any(|assumption| assumption["value"] == "one version a function"),
            "{assumptions:?}"
        );
    }
    let none = of_plan(&function("None"), &calls);
    assert!(none["lines"].as_array().expect("lines").iter().all(|line| line["what"] != "snapshot of one version"));
}

#[test]
fn each_region_has_an_estimate_that_says_whose_prices_it_has() {
    let calls = ["--calls", "1e6", "--p50-ms", "12", "--region"];
    for region in ["eu-west-1", "eu-central-1", "ap-southeast-7", "us-east-1"] {
        let report = estimate(&[&calls[..], &[region]].concat());
        assert_eq!(report["region"], region);
        let lines = report["lines"].as_array().expect("lines");
        let borrowed: Vec<_> = lines.iter().filter(|line| line["region"] != region).collect();
        assert!(borrowed.iter().all(|line| line["region"] == "us-east-1"), "{borrowed:?}");
        let stand_in = &report["stand_in"];
        if region == "us-east-1" {
            assert_eq!((borrowed.len(), stand_in), (0, &Value::Null));
            continue;
        }
        assert_eq!(stand_in["region"], "us-east-1");
        assert_eq!((&stand_in["lines"], &stand_in["of_lines"]), (&json!(borrowed.len()), &json!(lines.len())));
        let sum: f64 = borrowed.iter().map(|line| line["usd"].as_f64().expect("a number")).sum();
        assert_near(stand_in["usd"].as_f64().expect("a number"), sum, region);
        let all = region != "eu-central-1";
        assert_eq!(borrowed.len() == lines.len(), all, "{region}: {stand_in}");
        assert_eq!(stand_in["usd"] == report["total_usd"], all, "{region}: {stand_in}");

        let folder = tempfile::tempdir().expect("a temporary folder");
        let said = text(folder.path(), &[&["estimate"], &calls[..], &[region]].concat());
        let marked = said.lines().filter(|line| line.ends_with("  *")).count();
        assert_eq!(marked, borrowed.len(), "{said}");
        let told = format!("* {marked} of {} lines, ", lines.len());
        let running = said.replace('\n', " ");
        assert!(running.contains(&told) && running.contains("are at us-east-1's prices"), "{said}");
    }
    // For a plan too, whether or not it has the region.
    let mut elsewhere = plan(&[("aws_kms_key.a", "aws_kms_key", json!({}))]);
    assert_eq!(of_plan(&elsewhere, &["--region", "ca-west-1"])["stand_in"]["usd"], json!(1.0));
    elsewhere["configuration"]["provider_config"]["aws"]["expressions"]["region"]["constant_value"] =
        json!("eu-north-1");
    let report = of_plan(&elsewhere, &[]);
    assert_eq!((&report["region"], &report["stand_in"]["usd"]), (&json!("eu-north-1"), &json!(1.0)));
}

#[test]
fn a_summary_has_the_total_and_the_five_largest_lines() {
    let path = minimal();
    let flags = ["--plan", path.to_str().expect("UTF-8"), "--calls", "1e6", "--p50-ms", "12"];
    let (whole, summary) = (estimate(&flags), estimate(&[&flags[..], &["--summary"]].concat()));
    let costs = |report: &Value| -> Vec<f64> {
        let lines = report["lines"].as_array().expect("lines");
        lines.iter().map(|line| line["usd"].as_f64().expect("a number")).collect()
    };
    let mut largest = costs(&whole);
    largest.sort_by(|one, other| other.total_cmp(one));
    let rest: f64 = largest.split_off(5).iter().sum();
    assert_eq!(costs(&summary), largest);
    assert_near(summary["other_usd"].as_f64().expect("a number"), rest, "the rest");
    assert_eq!(summary["other_lines"], json!(costs(&whole).len() - 5));
    for member in ["total_usd", "at_least", "region", "calls", "usd_per_1000_calls", "not_priced", "stand_in"] {
        assert_eq!(summary[member], whole[member], "{member}");
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let said = text(folder.path(), &[&["estimate", "--summary"], &flags[..]].concat());
    assert!(
        said.contains("11 lines that cost less") && said.contains("TOTAL ") && !said.contains("Assumptions"),
        "{said}"
    );
    assert!(said.lines().count() < 20, "{said}");

    // A summary with fewer lines has no rest, and it names resources without a price.
    let little = plan(&[("aws_kms_key.a", "aws_kms_key", json!({})), ("aws_flow_log.a", "aws_flow_log", json!({}))]);
    let said = text_of_plan(&little, &["--summary"]);
    assert!(!said.contains("that cost less") && said.contains("TOTAL, at least"), "{said}");
    assert!(said.contains("Not priced, and in no sum: aws_flow_log.a."), "{said}");
}

#[test]
fn a_report_is_no_wider_than_a_terminal() {
    let module =
        "module.a_stack_with_a_long_name.module.function[\"a-model-with-a-name-of-its-own\"].module.inner_part";
    let at = |kind: &str| format!("{module}.{kind}.this[0]");
    let function =
        json!({ "function_name": "f", "memory_size": 1024, "snap_start": [{ "apply_on": "PublishedVersions" }] });
    let group = json!({ "min_size": 1, "max_size": 40_000 });
    let resources = [
        ("aws_lambda_function", function),
        ("aws_lb", json!({})),
        ("aws_vpc_endpoint", json!({ "vpc_endpoint_type": "Interface" })),
        ("aws_flow_log", json!({})),
        ("aws_sqs_queue", json!({})),
        ("aws_launch_template", json!({ "instance_type": "g5.xlarge" })),
        ("aws_autoscaling_group", group),
    ];
    let addresses: Vec<_> = resources.iter().map(|(kind, values)| (at(kind), *kind, values.clone())).collect();
    let long =
        plan(&addresses.iter().map(|(address, kind, values)| (&**address, *kind, values.clone())).collect::<Vec<_>>());
    let calls = ["--calls", "1e15", "--p50-ms", "900000", "--region", "ap-southeast-7"];
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = minimal();
    for said in [
        text_of_plan(&long, &calls),
        text_of_plan(&long, &[&calls[..], &["--summary"]].concat()),
        text(folder.path(), &[&["estimate", "--plan", path.to_str().expect("UTF-8")], &calls[..]].concat()),
        text(folder.path(), &[&["estimate"], &calls[..], &["--front", "api", "--tracing", "--free-tier"]].concat()),
    ] {
        let wide: Vec<_> = said.lines().filter(|line| line.chars().count() > 100).collect();
        assert_eq!(wide, Vec::<&str>::new(), "{said}");
        // No part of an address is lost.
        let whole = said.replace('\n', "");
        assert!(!said.contains("a_stack") || whole.contains(&at("aws_lambda_function")), "{said}");
    }
}

#[test]
fn flags_that_exclude_each_other_are_named() {
    let calls = ["--calls", "1e6", "--p50-ms", "12"];
    for (flags, said) in [
        (&["--snap-start", "--provisioned", "1"][..], "--provisioned"),
        (&["--summary", "--gpu-instance", "g5.xlarge"], "--summary"),
        (&["--region", "EU-CENTRAL-1"], "--region eu-central-1"),
    ] {
        let (code, error) = failed(&[&calls[..], flags].concat(), &[]);
        assert!(code == Some(2) && error.contains(said), "{flags:?}: {error}");
    }
}

#[test]
fn nothing_has_no_sign() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    std::fs::write(folder.path().join("empty.json"), plan(&[]).to_string()).expect("written");
    for flags in [
        &["--calls", "0"][..],
        &["--calls", "0", "--p50-ms", "12"],
        &["--plan", "empty.json"],
        &["--plan", "empty.json", "--summary"],
    ] {
        let said = text(folder.path(), &[&["estimate"], flags].concat());
        assert!(!said.contains(" -0"), "{flags:?}: {said}");
        let json = text(folder.path(), &[&["--json", "estimate"], flags].concat());
        assert!(!json.contains(":-0"), "{flags:?}: {json}");
    }
}

#[test]
fn own_prices_take_the_place_of_the_built_in_ones() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let mut prices: Value = serde_json::from_str(&text(folder.path(), &["estimate", "--show-prices"])).expect("JSON");
    let all = prices["prices"].as_array_mut().expect("a list");
    all.retain(|price| price["name"] == "lambda.requests" && price["region"] == "us-east-1");
    all[0]["usd"] = json!(0.1);
    let mut elsewhere = all[0].clone();
    elsewhere["region"] = json!("mars-north-1");
    elsewhere["checked"] = json!(false);
    all.push(elsewhere);
    std::fs::write(folder.path().join("own.json"), prices.to_string()).expect("written");
    let flags = ["estimate", "--calls", "1e6", "--p50-ms", "1", "--prices", "own.json"];
    let report = crate::program::json(folder.path(), &flags);
    assert_near(usd(&report, "requests"), 0.1, "its own");
    assert_near(usd(&report, "keys: registry, sealing"), 2.0, "built in");
    let text = text(folder.path(), &[&flags[..], &["--region", "mars-north-1"]].concat());
    let running = text.replace('\n', " ");
    assert!(running.contains("because 15 of 16 prices of mars-north-1 are not known here"), "{text}");
    assert!(text.contains("1 of 16 prices were not checked") && text.contains("mars-north-1  not checked"), "{text}");
}

#[test]
fn what_is_wrong_is_named_with_what_to_write() {
    let plan_of = |memory: Value| {
        plan(&[(
            "aws_lambda_function.f",
            "aws_lambda_function",
            json!({ "function_name": "f", "memory_size": memory }),
        )])
        .to_string()
    };
    let (usual, small) = (plan_of(json!(512)), plan_of(json!(64)));
    let mut regionless: Value = serde_json::from_str(&usual).expect("JSON");
    regionless["configuration"] = Value::Null;
    let regionless = regionless.to_string();
    let typo = usual.replace("us-east-1", "eu-wst-1");
    let files: &[(&str, &[u8])] = &[
        ("plan.json", usual.as_bytes()),
        ("small.json", small.as_bytes()),
        ("regionless.json", regionless.as_bytes()),
        ("typo.json", typo.as_bytes()),
        ("tfplan", b"PK\x03\x04\x00"),
        ("state.json", b"{\"values\":{\"root_module\":{}}}"),
        ("bytes", b"\x00\xff\x80{"),
        ("prices.json", b"{\"format\":\"amaas.prices/1\",\"currency\":\"EUR\",\"prices\":[]}"),
        ("negative.json", br#"{"format":"amaas.prices/1","currency":"USD","prices":[{"name":"x","region":"us-east-1","usd":-1,"per":1,
            "unit":"key","date":"2026-01-01","checked":true,"page":"p","seen":"s"}]}"#),
    ];
    let usual = ["--calls", "1e6", "--p50-ms", "12"];
    let with = |more: &[&'static str]| [&usual[..], more].concat();
    for (flags, expected) in [
        (vec![], "amaas estimate --calls 1e6 --p50-ms 12 --memory 512"),
        (vec!["--calls", "1e6"], "got 1 and 0"),
        (vec!["--calls", "-1", "--p50-ms", "1"], "got \"-1\""),
        (vec!["--calls", "nan", "--p50-ms", "1"], "such as 1e6, 250k or 1_000_000"),
        (vec!["--calls", "inf", "--p50-ms", "1"], "a number from 0 to 1e15"),
        (vec!["--calls", "1e6", "--p50-ms", "0"], "milliseconds from 0.001 to 900000"),
        (vec!["--calls", "m=1e6", "--p50-ms", "1"], "goes with --plan"),
        (with(&["--memory", "64"]), "whole MB from 128 to 10240"),
        (with(&["--memory", "20000"]), "whole MB from 128 to 10240"),
        (with(&["--arch", "sparc"]), "x86_64, arm64"),
        (with(&["--region", "mars"]), "AWS has no region \"mars\""),
        (with(&["--region", "eu-wst-1"]), "try: --region eu-west-1"),
        (with(&["--region", "cn-north-1"]), "cn-north-1 is in the partition aws-cn, which has no known price"),
        (with(&["--region", "us-gov-west-1"]), "give prices of us-gov-west-1 in US dollars with --prices FILE"),
        (with(&["--plan", "typo.json"]), "AWS has no region \"eu-wst-1\""),
        (with(&["--gpu-instance", "toaster"]), "--instance-price toaster=USD"),
        (with(&["--instance-price", "toaster=1"]), "got the type \"toaster\""),
        (with(&["--instance-price", "g7e.xlarge"]), "such as g6e.xlarge=1.9"),
        (with(&["--cold-start-share", "2"]), "a share from 0 to 1"),
        (with(&["--prices", "prices.json"]), "expected \"currency\": \"USD\", got \"EUR\""),
        (with(&["--prices", "negative.json"]), "x: expected \"usd\" from 0"),
        (with(&["--prices", "bytes"]), "--show-prices"),
        (with(&["--prices", "none.json"]), "none.json: No such file"),
        (with(&["--plan", "none.json"]), "none.json: No such file"),
        (with(&["--plan", "plan.json", "--memory", "512"]), "cannot be used with"),
        (with(&["--plan", "tfplan"]), "terraform show -json tfplan > plan.json"),
        (with(&["--plan", "state.json"]), "got a state"),
        (with(&["--plan", "bytes"]), "expected the plan as JSON"),
        (with(&["--plan", "small.json"]), "aws_lambda_function.f: expected memory_size from 128 to 10240 MB"),
        (with(&["--plan", "regionless.json"]), "--region us-east-1"),
        (with(&["--plan", "plan.json", "--calls", "other=1"]), "the plan does not have: it has f"),
        (vec!["--plan", "plan.json"], "--calls f=1e6"),
        (vec!["--plan", "plan.json", "--calls", "f=1e6"], "--p50-ms f=12"),
    ] {
        let (code, error) = failed(&flags, files);
        assert_eq!(code, Some(2), "{flags:?}: {error}");
        assert!(error.contains(expected), "{flags:?}: {expected:?} is not in: {error}");
    }
}
