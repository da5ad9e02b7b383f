//! Functions connect to configured addresses only, and send no telemetry.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::Path;

use amaas::task::TextClassification;
use amaas::{Answer, Client};
use amaas_e2e::lambda::Lambda;
use amaas_e2e::{TestEnv, skip, sockets};

async fn call(client: &Client) {
    let answer: Answer<TextClassification> =
        client.model("sentiment").predict("a wonderful film").await.expect("an answer");
    assert_eq!(answer.prediction().label, "positive");
}

#[tokio::test]
async fn only_the_store_is_contacted() {
    let env = TestEnv::start().await;
    let folder = tempfile::tempdir().expect("a temporary folder");
    let trace = folder.path().join("trace");
    let strace = ["strace", "-D", "-f", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o"].map(OsString::from);
    let strace: Vec<_> = strace.into_iter().chain([trace.clone().into_os_string()]).collect();
    if !can_trace(&strace) {
        return skip("there is no strace, or it may not trace here");
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut function = env.sentiment().await.set("PATH", path).through(strace).start();
    function.ready().await;
    call(&env.client(function.endpoint().await)).await;
    function.terminate();
    assert!(function.exit().await.success());

    let contacted = contacted(&trace);
    assert_eq!(contacted.internet, BTreeSet::from([env.objects().address()]));
    assert!(contacted.others.is_empty(), "{:?}", contacted.others);
}

/// Whether strace can trace here.
fn can_trace(strace: &[OsString]) -> bool {
    let traced = std::process::Command::new(&strace[0]).args(&strace[1..]).arg("true").output();
    traced.is_ok_and(|output| output.status.success())
}

/// The addresses to which a program sent data.
#[derive(Default)]
struct ContactedAddresses {
    internet: BTreeSet<SocketAddr>,
    /// Other kinds of addresses that lead out of the process, as the trace has them.
    others: Vec<String>,
}

fn contacted(trace: &Path) -> ContactedAddresses {
    let mut contacted = ContactedAddresses::default();
    let trace = std::fs::read_to_string(trace).expect("the trace was written");
    for line in trace.lines().filter(|line| line.contains("sa_family=")) {
        let between = |from: &str, to: &str| Some(line.split_once(from)?.1.split_once(to)?.0);
        let port = between("sin_port=htons(", ")").and_then(|port| port.parse().ok());
        let address = between("inet_addr(\"", "\")").and_then(|address| address.parse().ok());
        match port.zip(address) {
            Some((port, address)) => _ = contacted.internet.insert(SocketAddr::new(address, port)),
            // The C library may ask its own name service daemon on this machine.
            None if line.contains("sa_family=AF_UNIX") && line.contains("/nscd/") => {}
            None => contacted.others.push(line.to_owned()),
        }
    }
    contacted
}

#[tokio::test]
async fn under_lambda_nothing_listens() {
    let env = TestEnv::start().await;
    let lambda = Lambda::start(env.sentiment().await).await;
    call(&env.client(lambda.url())).await;
    let sockets = sockets::of(lambda.function().pid());
    assert!(!sockets.is_empty() && sockets.iter().all(|socket| !socket.listens), "{sockets:?}");
    let allowed = [env.objects().address(), lambda.runtime_api()];
    assert!(sockets.iter().all(|socket| allowed.contains(&socket.remote)), "{sockets:?} beside {allowed:?}");
}

#[tokio::test]
async fn telemetry_is_disabled_before_the_library_is_loaded() {
    let env = TestEnv::start().await;
    for value in [None, Some("0")] {
        let launch = env.sentiment().await.unset("ORT_DISABLE_TELEMETRY");
        let launch = if let Some(value) = value { launch.set("ORT_DISABLE_TELEMETRY", value) } else { launch };
        let function = launch.start();
        function.ready().await;
        // It replaced itself by exec: the process id is the same.
        let environment = std::fs::read(format!("/proc/{}/environ", function.pid())).expect("it is running");
        let switches: Vec<_> = environment
            .split(|byte| *byte == 0)
            .filter(|variable| variable.starts_with(b"ORT_DISABLE_TELEMETRY="))
            .map(String::from_utf8_lossy)
            .collect();
        assert_eq!(switches, ["ORT_DISABLE_TELEMETRY=1"]);
        call(&env.client(function.endpoint().await)).await;
    }
}

#[tokio::test]
async fn logs_hold_neither_payload_nor_key() {
    let env = TestEnv::start().await;
    let function = env.sentiment().await.set("AMAAS_LOG", "trace").start();
    let client = env.client(function.endpoint().await);
    let answer: Answer<TextClassification> = client.model("sentiment").predict("canary4711").await.expect("an answer");
    function.logs().containing(answer.request_id()).await;
    let log = function.logs().lines().join("\n");
    assert!(!log.contains("canary4711"), "the payload is in the log");
    assert!(!log.contains(&env.key().expose()[11..]), "the key is in the log");
    assert!(!log.contains(&env.objects().endpoint().secret_access_key), "the store's secret is in the log");
}
