//! A server with two tenants: the attacker and the bystander.

use std::future::Future;
use std::io::Write;
use std::time::Duration;

use amaas::ApiKey;
use amaas_access::KeyTerms;
use amaas_e2e::{Function, Program, TestEnv};
use amaas_model::publish::Publication;
use amaas_model::task::Tasks;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::future::join_all;
use reqwest::{Client, Response};

use crate::AttackResult;
use crate::bystander::{Latencies, call_until};
use crate::memory::{forget_peak, peak_mib, resident_mib};

/// A server of one model.
pub(crate) struct TwoTenantServer {
    _env: TestEnv,
    function: Function,
    /// Its base URL.
    pub(crate) endpoint: String,
    attacker: ApiKey,
    bystander: ApiKey,
    client: Client,
}

impl TwoTenantServer {
    /// Starts `program` with `publication`, which has one of `tasks`.
    pub(crate) async fn start(program: Program, publication: Publication, tasks: &Tasks) -> Self {
        let env = TestEnv::start().await;
        let model = publication.model.to_string();
        env.publish_with(publication, tasks).await;
        let accounts = env.accounts().await;
        let [attacker, bystander] = ["attacker", "bystander"]
            .map(|tenant| (ApiKey::generate("bench").expect("random"), KeyTerms::of(tenant.parse().expect("a name"))));
        for (key, terms) in [&attacker, &bystander] {
            accounts.add_key(key, terms.clone()).await.expect("kept");
        }
        let function = env.launch(program, &model).await.start();
        function.ready().await;
        let endpoint = function.endpoint().await;
        let (attacker, bystander, client) = (attacker.0, bystander.0, Client::new());
        Self { _env: env, function, endpoint, attacker, bystander, client }
    }

    /// Sends the gzip `body` to `path` as the attacker; `None` if the server closes the connection.
    pub(crate) async fn attack(&self, path: &str, body: &[u8]) -> Option<Response> {
        let request = self.client.post(format!("{}{path}", self.endpoint)).bearer_auth(self.attacker.expose());
        let request = request.header("content-type", "application/json").header("content-encoding", "gzip");
        request.body(body.to_vec()).send().await.ok()
    }

    /// Sends `body` to `path` as the bystander, once, with an idempotency key as the SDK does. It must be answered.
    pub(crate) async fn call(&self, path: &str, body: &serde_json::Value) {
        let mut id = [0; 16];
        getrandom::fill(&mut id).expect("random");
        let id = format!("{:032x}", u128::from_be_bytes(id));
        let request = self.client.post(format!("{}{path}", self.endpoint)).bearer_auth(self.bystander.expose());
        let answer = request.header("idempotency-key", id).json(body).send().await.expect("an answer");
        let status = answer.status();
        let text = answer.text().await.expect("all of it");
        assert!(status.is_success(), "the bystander got {status}: {text}");
    }

    /// The bystander's latencies of `call` while `attackers` run `attack` repeatedly for [`ATTACK_TIME`].
    pub(crate) async fn measure<C, A>(
        &self,
        call: impl Fn() -> C,
        (attackers, attack): (usize, impl Fn() -> A),
        bound_mib: u64,
    ) -> AttackResult
    where
        C: Future<Output = ()>,
        A: Future<Output = ()>,
    {
        for _ in 0..20 {
            call().await;
        }
        let mut quiet = call_until(&call, tokio::time::sleep(ATTACK_TIME / 2)).await;
        let before_mib = resident_mib(self.function.pid());
        forget_peak(self.function.pid());
        let attacks = (0..attackers).map(|_| async {
            loop {
                attack().await;
            }
        });
        let attacked = tokio::select! {
            attacked = call_until(&call, tokio::time::sleep(ATTACK_TIME)) => attacked,
            _ = join_all(attacks) => unreachable!("attackers do not stop"),
        };
        let peak_mib = peak_mib(self.function.pid());
        // Calls in flight have ended, or their clients are gone.
        tokio::time::sleep(Duration::from_secs(1)).await;
        quiet.extend(call_until(&call, tokio::time::sleep(ATTACK_TIME / 2)).await);
        let (quiet, attacked) = (Latencies::of(quiet), Latencies::of(attacked));
        AttackResult { quiet, attacked, before_mib, peak_mib, bound_mib }
    }
}

/// `body` with gzip.
pub(crate) fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(body).and_then(|()| encoder.finish()).expect("memory")
}

/// Runs an attack in an async runtime of its own.
pub(crate) fn run(attack: impl Future<Output = AttackResult>) -> AttackResult {
    tokio::runtime::Runtime::new().expect("threads").block_on(attack)
}

/// The duration of an attack.
const ATTACK_TIME: Duration = Duration::from_secs(8);
