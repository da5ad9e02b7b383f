//! The source of each setting: which settings a found file may give, and which it may not.

use std::path::{Path, PathBuf};
use std::process::Output;

use amaas::testing::TestServer;
use amaas_env::EnvFileLookup;
use amaas_model::at_rest::SignerFile;
use amaas_store::vault::FileKey;

use crate::program::{STATE, command};

/// A folder with an env file of `amaas dev`, whose store and endpoint do not respond, and a file that is no network.
struct Here {
    folder: tempfile::TempDir,
}

impl Here {
    /// `change` has other values for some variables, or more of them.
    fn new(change: &[(&str, &str)]) -> Self {
        let here = Self { folder: tempfile::tempdir().expect("a folder") };
        let data = here.data();
        std::fs::create_dir(&data).expect("a folder");
        std::fs::write(here.folder.path().join("text.onnx"), "not a network").expect("a file");
        FileKey::create(&data.join("kms.key")).expect("a key");
        let signer = SignerFile::create(&data.join("signer.pem")).expect("a key").verifying_key().to_string();
        let mut variables = vec![
            ("AMAAS_ENDPOINT", "http://127.0.0.1:9"),
            ("AMAAS_API_KEY", "none"),
            ("AMAAS_STORE", "s3://amaas"),
            ("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9"),
            ("AWS_ACCESS_KEY_ID", "of-the-file"),
            ("AWS_SECRET_ACCESS_KEY", "of-the-file"),
            ("AMAAS_LEDGER", "sqlite:.amaas/ledger.sqlite"),
            ("AMAAS_KMS_KEY", "file:.amaas/kms.key"),
            ("AMAAS_SIGNING_KEY", ".amaas/signer.pem"),
            ("AMAAS_SIGNERS", &signer),
        ];
        variables.extend(change);
        let text: String = variables.iter().map(|(name, value)| [*name, "='", *value, "'\n"].concat()).collect();
        std::fs::write(data.join("env"), text).expect("a file");
        here
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join(".amaas")
    }

    /// Records the file, as `amaas dev` does after writing it.
    fn record(self) -> Self {
        let text = std::fs::read_to_string(self.data().join("env")).expect("a file");
        EnvFileLookup::in_folders(None, Some(Path::new(STATE))).record_content(&self.data(), &text).expect("recorded");
        self
    }

    fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
        let mut command = command(self.folder.path(), arguments);
        command.envs(environment.iter().copied()).output().expect("amaas was built")
    }
}

fn err(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

type Variables<'a> = &'a [(&'a str, &'a str)];
type Case<'a> = (Variables<'a>, &'a [&'a str], Variables<'a>, &'a [&'a str]);

const PUBLISH: [&str; 4] = ["publish", "text.onnx", "--name", "x"];

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_came_with_a_repository_takes_nothing() {
    let server = TestServer::start().await.expect("a server");
    let (url, key) = (server.url(), server.api_key());
    let here = Here::new(&[("AMAAS_ENDPOINT", &url), ("AMAAS_API_KEY", key.expose())]);
    let secrets = [("AMAAS_SIGNING_KEY", "mine.pem"), ("AMAAS_API_KEY", "mine"), ("AMAAS_SIGV4", "lambda:us-east-1")];
    let commands: [&[&str]; 10] = [
        &["predict", "m", "x"],
        &["models"],
        &["usage"],
        &PUBLISH,
        &["alias", "m", "live", "1"],
        &["keys", "create"],
        &["keys", "list"],
        &["keys", "signer", "m"],
        &["keys", "rotate", "m"],
        &["tenants", "list"],
    ];
    for arguments in commands {
        for environment in [&secrets[..], &[]] {
            let output = here.run(arguments, environment);
            let error = err(&output);
            assert_eq!(output.status.code(), Some(2), "{arguments:?}: {error}");
            assert!(
                error.contains("env is not used: `amaas dev` of this user did not write it"),
                "{arguments:?}: {error}"
            );
            assert!(error.contains("--data ") && !error.contains("using "), "{arguments:?}: {error}");
        }
    }
    assert!(server.requests().is_empty() && server.key_requests().is_empty(), "nothing was sent");
    assert!(!here.data().join("ledger.sqlite").exists());

    // `dev` refuses the folder too, because others may know its keys.
    let output = here.run(&["dev", "--port", "0"], &[]);
    assert_eq!(output.status.code(), Some(2), "{}", err(&output));
    assert!(err(&output).contains("it may have come with the repository"), "{}", err(&output));
    // A user who names it trusts it; the command reports where the call goes.
    let output = here.run(&["--data", ".amaas", "models"], &secrets);
    let error = err(&output);
    assert!(error.contains(&format!(".amaas/env: endpoint {url}")), "{error}");
    assert!(error.contains("AMAAS_API_KEY of the environment is not used with it"), "{error}");
    assert!(!server.key_requests().is_empty(), "{error}");
}

#[test]
fn what_belongs_together_comes_from_one_source() {
    let absent =
        [("AMAAS_SIGNING_KEY", "absent.pem"), ("AMAAS_KMS_KEY", "file:absent.key"), ("AMAAS_API_KEY", "absent")];
    let [signing, kms, api] = absent;
    let stored = [&PUBLISH[..], &["--store", "./store"]].concat();
    let not_onnx = "not an ONNX file";
    let unused = |name: &str| format!("{name} of the environment is not used with it");
    // Changed variables of the file, the command, the environment, and a part of the output.
    let cases: [Case; 14] = [
        (&[], &PUBLISH, &[], &[not_onnx, "env: store s3://amaas at http://127.0.0.1:9"]),
        (&[], &PUBLISH, &[signing], &[not_onnx, &unused("AMAAS_SIGNING_KEY")]),
        (&[], &PUBLISH, &[kms], &[not_onnx, &unused("AMAAS_KMS_KEY")]),
        (&[], &stored, &[], &["no key to sign with"]),
        (&[], &stored, &[signing], &["absent.pem"]),
        (&[], &PUBLISH, &[signing, ("AMAAS_STORE", "./store")], &["absent.pem"]),
        (&[("AMAAS_KMS_KEY", "alias/amaas")], &PUBLISH, &[], &["AMAAS_KMS_KEY of ", "is not used: expected file:PATH"]),
        (&[("AMAAS_SIGNING_KEY", "mine.pem")], &PUBLISH, &[], &["AMAAS_SIGNING_KEY of ", "is not used: expected PATH"]),
        (&[("AMAAS_STORE", "./store")], &PUBLISH, &[], &["AMAAS_STORE of ", "is not used: expected s3://BUCKET"]),
        (&[], &["keys", "create"], &[kms], &["env: ledger sqlite:.amaas/ledger.sqlite", &unused("AMAAS_KMS_KEY")]),
        (&[], &["keys", "create"], &[kms, ("AMAAS_LEDGER", "sqlite:mine.sqlite")], &["absent.key"]),
        (&[("AMAAS_LEDGER", "dynamodb:t")], &["keys", "list"], &[], &["AMAAS_LEDGER of ", "expected sqlite:PATH"]),
        (&[("AMAAS_SIGV4", "lambda:us-east-1")], &["models"], &[], &["env has AMAAS_SIGV4: requests are not signed"]),
        (&[], &["models"], &[api], &["the API key is malformed"]),
    ];
    for (change, arguments, environment, parts) in cases {
        let here = Here::new(change).record();
        let error = err(&here.run(arguments, environment));
        for part in parts {
            assert!(error.contains(part), "{arguments:?} {environment:?}: expected {part:?} in {error}");
        }
        assert!(!error.contains("absent") || parts.iter().any(|part| part.contains("absent")), "{error}");
        assert!(error.matches("using ").count() <= 1, "{error}");
    }
}

#[test]
fn with_json_the_file_is_named_on_standard_error_alone() {
    let here = Here::new(&[]).record();
    let output = here.run(&["--json", "keys", "create"], &[("AMAAS_KMS_KEY", "file:absent.key")]);
    assert!(output.status.success(), "{}", err(&output));
    serde_json::from_slice::<serde_json::Value>(&output.stdout).expect("one document");
    let told: serde_json::Value = serde_json::from_str(&err(&output)).expect("one line of JSON");
    assert!(told["using"]["file"].as_str().expect("a path").ends_with(".amaas/env"), "{told}");
    assert_eq!(told["using"]["unused_variables"], serde_json::json!(["AMAAS_KMS_KEY"]));
}
