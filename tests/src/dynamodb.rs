//! A server with DynamoDB's protocol: `moto_server`, from the package index.
//!
//! In DynamoDB a condition and its write are atomic. In moto they are two steps, so it runs with one thread, one request after the
//! other. It cannot test throttling, several replicas, IAM or latency.

use std::net::SocketAddr;
use std::process::Stdio;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::{BehaviorVersion, Credentials, Region};
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType, TimeToLiveSpecification,
};
use tokio::net::TcpStream;
use tokio::process::{Child, Command};

use crate::wait::until;
use crate::{Logs, ProcessBuilder, loopback, python};

/// The server, with a table for a ledger. It ends when this is dropped.
pub struct DynamoDb {
    address: SocketAddr,
    child: Child,
}

impl DynamoDb {
    /// Installs it if it is missing, starts it, and makes the table.
    ///
    /// # Errors
    /// Why it cannot be installed.
    pub async fn start() -> Result<Self, String> {
        let program = python::environment("moto", &[package()]).await?.join("python");
        let address = loopback::closed_address();
        let mut command = Command::new(program);
        command.args(["-c", ONE_AT_A_TIME, &address.ip().to_string(), &address.port().to_string()]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| format!("moto_server does not start: {error}"))?;
        let _logs = Logs::read(child.stderr.take().expect("it is piped"));
        until("moto_server listens", async || TcpStream::connect(address).await.is_ok()).await;
        let server = Self { address, child };
        server.create_table().await;
        Ok(server)
    }

    /// Ends it.
    pub async fn stop(&mut self) {
        self.child.kill().await.expect("it is running");
    }

    /// A client for it.
    pub fn client(&self) -> Client {
        let config = aws_sdk_dynamodb::Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .endpoint_url(self.endpoint())
            .region(Region::from_static("us-east-1"))
            .credentials_provider(Credentials::new("test", "test", None, None, "test"));
        Client::from_conf(config.build())
    }

    /// `launch` with a table of this server as its ledger.
    pub fn as_ledger_of(&self, launch: ProcessBuilder, table: &str) -> ProcessBuilder {
        launch.set("AMAAS_LEDGER", format!("dynamodb:{table}")).set("AWS_ENDPOINT_URL_DYNAMODB", self.endpoint())
    }

    fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The table as `infra/modules/ledger` describes it.
    async fn create_table(&self) {
        let key = |name: &str, kind| KeySchemaElement::builder().attribute_name(name).key_type(kind).build();
        let string = |name: &str| {
            let attribute = AttributeDefinition::builder().attribute_name(name);
            attribute.attribute_type(ScalarAttributeType::S).build().expect("all is set")
        };
        let create = self.client().create_table().table_name(TABLE).billing_mode(BillingMode::PayPerRequest);
        let create = create.key_schema(key("pk", KeyType::Hash).expect("all is set"));
        let create = create.key_schema(key("sk", KeyType::Range).expect("all is set"));
        let create = create.attribute_definitions(string("pk")).attribute_definitions(string("sk"));
        create.send().await.expect("a table");
        let ends = TimeToLiveSpecification::builder().attribute_name("expires").enabled(true).build();
        let ends = ends.expect("all is set");
        let update = self.client().update_time_to_live().table_name(TABLE).time_to_live_specification(ends);
        update.send().await.expect("a time to live");
    }
}

/// The name of the table.
pub const TABLE: &str = "ledger";

const ONE_AT_A_TIME: &str = "
import sys
from moto.server import DomainDispatcherApplication, create_backend_app
from werkzeug.serving import run_simple
run_simple(sys.argv[1], int(sys.argv[2]), DomainDispatcherApplication(create_backend_app), threaded=False)
";

/// The version that the checks of `infra/` pin.
fn package() -> &'static str {
    let pins = include_str!("../../infra/tests/requirements.txt");
    pins.lines().find(|line| line.starts_with("moto[server]==")).expect("it is pinned there")
}
