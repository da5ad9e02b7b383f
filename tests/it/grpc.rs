//! gRPC beside the HTTP routes: one port, the same key, and the same sealing policy. `conformance` tests messages with Triton's and
//! `KServe`'s own clients; gRPC's own clients test health checks and reflection here.

use std::ffi::OsString;

use amaas_e2e::{Function, Program, TestEnv, onnx, skip};
use reqwest::{Client, RequestBuilder, Response};

/// `method` of a function, with `message`, over HTTP/2 without TLS.
async fn call(function: &Function, env: &TestEnv, method: &str, message: &[u8]) -> Response {
    request(function, method, message).await.bearer_auth(env.key().expose()).send().await.expect("an answer")
}

/// The same request without a key, not sent yet.
async fn request(function: &Function, method: &str, message: &[u8]) -> RequestBuilder {
    let client = Client::builder().http2_prior_knowledge().build().expect("a client");
    let url = format!("{}/inference.GRPCInferenceService/{method}", function.endpoint().await);
    let length = u32::try_from(message.len()).expect("a short message").to_be_bytes();
    // Length-Prefixed-Message: not compressed.
    let body = [&[0][..], &length, message].concat();
    client.post(url).header("content-type", "application/grpc").header("te", "trailers").body(body)
}

/// The status in the headers if there is no message before it, and its percent-encoded text.
fn status(response: &Response) -> (Option<String>, String) {
    let header = |name| response.headers().get(name).map(|value| value.to_str().expect("text").replace("%20", " "));
    (header("grpc-status"), header("grpc-message").unwrap_or_default())
}

/// Field 1 of a message, a text.
fn named(name: &str) -> Vec<u8> {
    [&[0x0a, u8::try_from(name.len()).expect("a short name")], name.as_bytes()].concat()
}

#[tokio::test]
async fn one_port_speaks_it_beside_the_routes() {
    let env = TestEnv::start().await;
    env.publish("plus-one", onnx::plus_one()).await;
    let function = env.launch(Program::Tensor, "plus-one").await.start();
    function.ready().await;

    let ready = call(&function, &env, "ServerReady", &[]).await;
    assert_eq!(status(&ready).0, None);
    assert_eq!(ready.bytes().await.expect("a message"), [0, 0, 0, 0, 2, 8, 1][..]);
    let unknown = call(&function, &env, "ModelInfer", &named("nobody")).await;
    let (code, text) = status(&unknown);
    assert_eq!((code.as_deref(), text.contains("unknown model")), (Some("5"), true), "{text}");
    assert_eq!(unknown.headers()["x-request-id"].len(), 32);
    assert_eq!(status(&call(&function, &env, "ModelDestroy", &[]).await).0.as_deref(), Some("12"), "UNIMPLEMENTED");
    assert_eq!(status(&call(&function, &env, "ModelReady", &[0xff; 9]).await).0.as_deref(), Some("13"), "no message");

    // Two bytes each, and hundreds when they are decoded.
    let many = [0x2a, 0].repeat(5_000);
    let (code, text) = status(&call(&function, &env, "ModelInfer", &many).await);
    assert_eq!((code.as_deref(), text.contains("more than 4096 entries")), (Some("8"), true), "{text}");
    // A client without a key is refused before its message is read.
    for message in [&many[..], &[0xff; 9]] {
        let anonymous = request(&function, "ModelInfer", message).await.send().await.expect("an answer");
        assert_eq!(status(&anonymous).0.as_deref(), Some("16"), "UNAUTHENTICATED");
    }

    let http2 = Client::builder().http2_prior_knowledge().build().expect("a client");
    let url = format!("{}/v2/health/ready", function.endpoint().await);
    let answer = http2.get(url).send().await.expect("an answer");
    assert_eq!((answer.version(), answer.status().as_u16()), (reqwest::Version::HTTP_2, 200));
    let logged =
        function.logs().lines().iter().any(|line| line.contains("gRPC ModelInfer") && line.contains("unknown-model"));
    assert!(logged, "{:?}", function.logs().lines());
}

#[tokio::test]
async fn nothing_plain_goes_where_sealed_calls_are_required() {
    let env = TestEnv::start().await;
    env.publish("plus-one", onnx::plus_one()).await;
    let function = env.launch(Program::Tensor, "plus-one").await.set("AMAAS_SEALING", "required").start();
    function.ready().await;
    assert_eq!(status(&call(&function, &env, "ServerReady", &[]).await).0, None);
    for method in ["ModelInfer", "ModelStreamInfer", "ModelMetadata", "RepositoryIndex"] {
        let refused = call(&function, &env, method, &named("plus-one")).await;
        let (code, text) = status(&refused);
        assert_eq!((code.as_deref(), text.contains("sealed calls only")), (Some("7"), true), "{method}: {text}");
    }
}

/// The report of gRPC's own clients on health and reflection, or why they cannot run.
async fn run_clients(function: &Function, model: &str, health: &str) -> Result<String, String> {
    let python = std::env::var_os("AMAAS_TEST_PYTHON").unwrap_or_else(|| OsString::from("python3"));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/grpc_clients.py");
    let mut command = tokio::process::Command::new(&python);
    command.arg(script).arg(function.address().await.to_string()).args([model, health]);
    let output = command.output().await.map_err(|error| format!("{}: {error}", python.display()))?;
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    match output.status.code() {
        Some(0) => Ok(said),
        // A package is missing.
        Some(77) => Err(said.trim().to_owned()),
        _ => panic!("{said}"),
    }
}

#[tokio::test]
async fn health_and_reflection_are_what_grpcs_own_clients_expect() {
    let env = TestEnv::start().await;
    env.publish("plus-one", onnx::plus_one()).await;
    for (version, sealing, health) in
        [("1", "optional", "SERVING"), ("1", "required", "SERVING"), ("9", "optional", "NOT_SERVING")]
    {
        let launch = env.launch(Program::Tensor, "plus-one").await;
        let function = launch.set("AMAAS_MODEL_VERSION", version).set("AMAAS_SEALING", sealing).start();
        match health {
            "SERVING" => drop(function.ready().await),
            _ => drop(function.not_ready(|reason| reason.contains("manifest.json")).await),
        }
        match run_clients(&function, "plus-one", health).await {
            Ok(said) => println!("{said}"),
            Err(why) => return skip(&why),
        }
    }
}

#[tokio::test]
async fn a_load_balancer_that_sends_an_empty_message_is_answered() {
    let env = TestEnv::start().await;
    env.publish("plus-one", onnx::plus_one()).await;
    let function = env.launch(Program::Tensor, "plus-one").await.start();
    function.ready().await;
    let http2 = Client::builder().http2_prior_knowledge().build().expect("a client");
    let ask = async |service: &str, message: &[u8]| {
        let url = format!("{}/{service}", function.endpoint().await);
        let length = u32::try_from(message.len()).expect("a short message").to_be_bytes();
        let post = http2.post(url).header("content-type", "application/grpc").header("te", "trailers");
        post.body([&[0][..], &length, message].concat()).send().await.expect("an answer")
    };
    // Field 1, the status, is 1: SERVING.
    let healthy = ask("grpc.health.v1.Health/Check", &[]).await;
    assert_eq!((healthy.status().as_u16(), status(&healthy).0), (200, None));
    assert_eq!(healthy.bytes().await.expect("a message"), [0, 0, 0, 0, 2, 8, 1][..]);
    for (message, code) in [(named("nobody"), "5"), (vec![0xff; 9], "13"), (vec![b'x'; 20 << 10], "2")] {
        let refused = ask("grpc.health.v1.Health/Check", &message).await;
        assert_eq!(status(&refused).0.as_deref(), Some(code), "{} bytes", message.len());
    }
}
