//! Where [`Client::from_env`] finds its settings.
//!
//! Invariant: endpoint and key come from one source. Otherwise a file in some folder could send a key of the environment to an
//! endpoint of its choice. Requests are signed with AWS credentials only if the environment names the endpoint, because the
//! credentials are never those of the file. Signers and sealing come first from the environment in any case: pinned signers only
//! ever refuse, and sealing can be off only on this machine.

use std::path::Path;

use amaas_env::{AMAAS_ENDPOINT, EnvError, EnvFileLookup, EnvVariables, endpoints, select_file};
use amaas_wire::dsse::VerifyingKey;

use crate::builder::ClientBuilder;
use crate::client::Client;
use crate::error::Error;
use crate::sealing::Sealing;

impl Client {
    /// A client with the settings of the environment.
    ///
    /// If `AMAAS_ENDPOINT` (or an `AMAAS_ENDPOINT_<MODEL>`, see [`ClientBuilder::endpoint_for`]) is set, endpoints and
    /// `AMAAS_API_KEY` come from the environment. Otherwise all of them come from a file of assignments: `$AMAAS_DATA/env` if
    /// `AMAAS_DATA` is set, else `.amaas/env` in the current folder or the nearest parent, up to the root of the Git repository or the
    /// home folder. The two sources are never mixed.
    ///
    /// The file has to belong to the user, and others must not be able to write it. Unless `AMAAS_DATA` names its folder by an absolute
    /// path, it also has to be the file that `amaas dev` of this user wrote. So a file that came with a repository is an error.
    ///
    /// With the feature `sigv4`, `AMAAS_SIGV4` beside an endpoint in the environment makes the client sign requests for AWS IAM, and no
    /// key is needed. It is `auto` if the host name contains region and service, `lambda:REGION` for a Function URL, or
    /// `execute-api:REGION` for an HTTP API. A file with it is refused.
    ///
    /// `AMAAS_CONTENT_SHA256` is `on` for a Function URL behind `CloudFront`, see [`ClientBuilder::content_sha256`]. It comes from the
    /// source of the endpoint.
    ///
    /// `AMAAS_SIGNERS` has the keys of [`ClientBuilder::signers`], in base64 with commas between. `AMAAS_SEALING` is `required` (the
    /// default) or `off` for [`Sealing::Off`]. Both come from the environment if they are set there, else from the file.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) names what is missing or malformed, and the remedy.
    pub fn from_env() -> Result<Self, Error> {
        ClientBuilder::from_env()?.build()
    }
}

impl ClientBuilder {
    /// A builder with the settings of the environment, as [`Client::from_env`] reads them.
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) names what is missing or malformed, and the remedy.
    pub fn from_env() -> Result<Self, Error> {
        let current = std::env::current_dir();
        let current =
            current.map_err(|source| Error::config("the current folder cannot be read").with_source(source))?;
        select(&EnvVariables::of_process().map_err(config_error)?, &current, &EnvFileLookup::from_env())
    }

    /// A builder with the endpoints, the key, the signers and the sealing of `variables`, named as in the environment, and nothing of the
    /// environment. `source` names where they come from, such as the path of an env file, in errors.
    ///
    /// ```
    /// use amaas::{ApiKey, ClientBuilder};
    ///
    /// let key = ApiKey::generate("dev").expect("the system gives randomness");
    /// let variables = [("AMAAS_ENDPOINT", "https://models.example.com"), ("AMAAS_API_KEY", key.expose())];
    /// let client = ClientBuilder::from_variables("my settings", variables)?.build()?;
    /// # Ok::<(), amaas::Error>(())
    /// ```
    ///
    /// # Errors
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) names what is missing, malformed, or allowed in the environment only.
    pub fn from_variables<N: Into<String>, V: Into<String>>(
        source: &str,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Self, Error> {
        of_file(source, &variables.into_iter().collect(), &EnvVariables::default())
    }
}

/// A builder with the endpoints and the key of `process`, the environment, or else of the file that is used in `current`.
fn select(process: &EnvVariables, current: &Path, lookup: &EnvFileLookup) -> Result<ClientBuilder, Error> {
    match select_file(process, current, lookup).map_err(config_error)? {
        None => with_sealing(with_endpoints(process, "the environment")?, process, &EnvVariables::default()),
        Some(found) => {
            tracing::debug!(path = %found.path.display(), "endpoint and key come from an env file");
            of_file(&found.path.display().to_string(), &found.variables, process)
        }
    }
}

/// A builder with the endpoints and the key of the file at `path`; signers and sealing come first from `process`.
fn of_file(path: &str, file: &EnvVariables, process: &EnvVariables) -> Result<ClientBuilder, Error> {
    if value(file, AMAAS_SIGV4).is_some() {
        return Err(Error::config(format!(
            "{path} has {AMAAS_SIGV4}: requests are not signed with your AWS credentials for an endpoint that a file names; set \
             AMAAS_ENDPOINT and {AMAAS_SIGV4} in the environment"
        )));
    }
    with_sealing(with_endpoints(file, path)?, process, file)
}

/// The error of the environment as one of this crate.
fn config_error(error: EnvError) -> Error {
    let (message, source) = error.into_parts();
    let error = Error::config(message);
    match source {
        Some(source) => error.with_source(source),
        None => error,
    }
}

/// Sets signers and sealing from the first source, or else from the second.
fn with_sealing(
    mut builder: ClientBuilder,
    first: &EnvVariables,
    second: &EnvVariables,
) -> Result<ClientBuilder, Error> {
    let find = |name| value(first, name).or_else(|| value(second, name));
    if let Some(signers) = find(AMAAS_SIGNERS) {
        let signers = signers.split(',').map(|signer| signer.trim().parse::<VerifyingKey>());
        builder = builder.signers(signers.collect::<Result<Vec<_>, _>>().map_err(|source| {
            let what = "AMAAS_SIGNERS: expected Ed25519 public keys in base64 with commas between";
            Error::config(what).with_source(source)
        })?);
    }
    match find(AMAAS_SEALING) {
        None | Some("required") => Ok(builder),
        Some("off") => Ok(builder.sealing(Sealing::Off)),
        Some(other) => Err(Error::config(format!("AMAAS_SEALING: expected required or off, got {other:?}"))),
    }
}

/// Sets endpoints, key and signatures.
fn with_endpoints(source: &EnvVariables, name: &str) -> Result<ClientBuilder, Error> {
    let missing = |variable: &str| Error::config(format!("{name} has no {variable}: endpoint and key belong together"));
    let mut builder = ClientBuilder::default();
    let (key, sigv4) = (value(source, AMAAS_API_KEY), value(source, AMAAS_SIGV4));
    if let Some(sigv4) = sigv4 {
        builder = with_signatures(builder, sigv4)?;
    }
    builder = match value(source, AMAAS_CONTENT_SHA256) {
        None | Some("off") => builder,
        Some("on") => builder.content_sha256(),
        Some(other) => return Err(Error::config(format!("{AMAAS_CONTENT_SHA256}: expected on or off, got {other:?}"))),
    };
    match key {
        Some(key) => builder = builder.api_key(key),
        None if sigv4.is_some() => {}
        None => return Err(missing(AMAAS_API_KEY)),
    }
    let mut found = false;
    for (variable, url) in endpoints(source) {
        found = true;
        builder = match variable.strip_prefix(MODEL_ENDPOINT_PREFIX) {
            Some(model) => builder.endpoint_for(model, url),
            None => builder.endpoint(url),
        };
    }
    if found { Ok(builder) } else { Err(missing(AMAAS_ENDPOINT)) }
}

/// Sets signatures from the value of `AMAAS_SIGV4`.
#[cfg(feature = "sigv4")]
fn with_signatures(builder: ClientBuilder, text: &str) -> Result<ClientBuilder, Error> {
    let sigv4 = crate::sigv4::SigV4::parse(text).ok_or_else(|| {
        Error::config(format!("{AMAAS_SIGV4}: expected auto, lambda:REGION or execute-api:REGION, got {text:?}"))
    })?;
    Ok(builder.sigv4(sigv4))
}

#[cfg(not(feature = "sigv4"))]
fn with_signatures(_: ClientBuilder, _: &str) -> Result<ClientBuilder, Error> {
    Err(Error::config(format!("{AMAAS_SIGV4} is set, and this program has the crate amaas without its feature sigv4")))
}

/// A variable with an empty value counts as not set.
fn value<'a>(source: &'a EnvVariables, name: &str) -> Option<&'a str> {
    source.get(name).filter(|value| !value.is_empty())
}

const AMAAS_API_KEY: &str = "AMAAS_API_KEY";
const AMAAS_SIGV4: &str = "AMAAS_SIGV4";
const AMAAS_CONTENT_SHA256: &str = "AMAAS_CONTENT_SHA256";
const AMAAS_SIGNERS: &str = "AMAAS_SIGNERS";
const AMAAS_SEALING: &str = "AMAAS_SEALING";
/// The prefix before the model's name in upper case, with `_` for `-` and `.`.
const MODEL_ENDPOINT_PREFIX: &str = "AMAAS_ENDPOINT_";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ApiKey, ErrorKind};

    fn key() -> String {
        ApiKey::generate("test").expect("random").expose().to_owned()
    }

    /// A folder whose `.amaas/env` has `text`, and is recorded in it.
    fn folder(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join(".amaas");
        std::fs::create_dir(&data).expect("a folder");
        std::fs::write(data.join("env"), text).expect("a file");
        EnvFileLookup::in_folders(None, Some(folder.path())).record_content(&data, text).expect("recorded");
        folder
    }

    fn endpoint(environment: &EnvVariables, current: &Path) -> Result<String, Error> {
        let lookup = EnvFileLookup::in_folders(None, Some(current));
        Ok(format!("{:?}", select(environment, current, &lookup)?.build()?))
    }

    #[test]
    fn the_environment_comes_first() {
        let folder = folder(&format!("AMAAS_ENDPOINT=https://file\nAMAAS_API_KEY={}", key()));
        let environment =
            EnvVariables::from_iter([("AMAAS_ENDPOINT", "https://environment"), ("AMAAS_API_KEY", &key())]);
        assert!(endpoint(&environment, folder.path()).expect("both are set").contains("https://environment"));
        assert!(endpoint(&EnvVariables::default(), folder.path()).expect("a file").contains("https://file"));
        let empty = EnvVariables::from_iter([("AMAAS_ENDPOINT", "")]);
        assert!(endpoint(&empty, folder.path()).expect("a file").contains("https://file"));
    }

    #[test]
    fn endpoint_and_key_never_come_from_two_sources() {
        let with_key = folder(&format!("AMAAS_ENDPOINT=https://file\nAMAAS_API_KEY={}", key()));
        let only_endpoint = EnvVariables::from_iter([("AMAAS_ENDPOINT", "https://environment")]);
        let error = endpoint(&only_endpoint, with_key.path()).expect_err("no key in the environment");
        assert!(error.to_string().starts_with("the environment has no AMAAS_API_KEY"), "{error}");

        let without_key = folder("AMAAS_ENDPOINT=https://file");
        let only_key = EnvVariables::from_iter([("AMAAS_API_KEY", key())]);
        let error = endpoint(&only_key, without_key.path()).expect_err("no key in the file");
        assert!(error.to_string().contains("env has no AMAAS_API_KEY"), "{error}");

        let without_endpoint = folder(&format!("AMAAS_API_KEY={}", key()));
        let error = endpoint(&only_key, without_endpoint.path()).expect_err("no endpoint in the file");
        assert!(error.to_string().contains("env has no AMAAS_ENDPOINT"), "{error}");
    }

    #[test]
    fn bodies_are_hashed_where_the_source_of_the_endpoint_says_so() {
        let (key, none) = (key(), EnvFileLookup::in_folders(None, None));
        for (says, expected) in
            [(None, Ok(false)), (Some("off"), Ok(false)), (Some("on"), Ok(true)), (Some("1"), Err(()))]
        {
            let variables = [("AMAAS_ENDPOINT", "https://models.example.com"), ("AMAAS_API_KEY", &key)];
            let variables = variables.into_iter().chain(says.map(|says| ("AMAAS_CONTENT_SHA256", says)));
            match (select(&variables.collect(), Path::new("/"), &none), expected) {
                (Ok(built), Ok(hashes)) => assert_eq!(built.hashes(), hashes, "{says:?}"),
                (Err(error), Err(())) => {
                    assert!(error.to_string().contains("AMAAS_CONTENT_SHA256: expected on or off"));
                }
                (built, _) => panic!("{says:?}: {built:?}"),
            }
        }
        let text = format!("AMAAS_ENDPOINT=https://file\nAMAAS_API_KEY={key}");
        let folder = folder(&text);
        let environment = EnvVariables::from_iter([("AMAAS_CONTENT_SHA256", "on")]);
        let built = select(&environment, folder.path(), &EnvFileLookup::in_folders(None, Some(folder.path())));
        assert!(!built.expect("the file's").hashes(), "it belongs to an endpoint of the environment");
    }

    #[test]
    fn models_may_have_their_own_endpoints() {
        let environment = EnvVariables::from_iter([
            ("AMAAS_ENDPOINT_BGE_SMALL", "https://bge.example.com"),
            ("AMAAS_API_KEY", &key()),
        ]);
        let client = endpoint(&environment, Path::new("/")).expect("an endpoint");
        assert!(client.contains("https://bge.example.com"), "{client}");
    }

    #[test]
    fn how_calls_are_sealed_comes_from_either_source_and_first_from_the_environment() {
        let file = |rest: &str| folder(&format!("AMAAS_ENDPOINT=http://127.0.0.1:1\nAMAAS_API_KEY={}\n{rest}", key()));
        let signer = amaas_wire::dsse::SigningKey::from_bytes(&[1; 32]).verifying_key().to_string();
        let pinned = EnvVariables::from_iter([("AMAAS_SIGNERS", format!("{signer}, {signer}"))]);
        let off = EnvVariables::from_iter([("AMAAS_SEALING", "off")]);
        let (none, wrong) = (EnvVariables::default(), "AMAAS_SIGNERS: expected Ed25519");
        for (environment, rest, expected) in [
            (&none, String::new(), Ok(())),
            (&none, format!("AMAAS_SIGNERS={signer}"), Ok(())),
            (&none, "AMAAS_SEALING=off".to_owned(), Ok(())),
            (&pinned, String::new(), Ok(())),
            (&pinned, "AMAAS_SIGNERS=none".to_owned(), Ok(())),
            (&pinned, "AMAAS_SEALING=off".to_owned(), Err("sealing is off, and signers")),
            (&off, "AMAAS_SEALING=required".to_owned(), Ok(())),
            (&none, "AMAAS_SEALING=optional".to_owned(), Err("AMAAS_SEALING: expected required or off")),
            (&none, "AMAAS_SIGNERS=none".to_owned(), Err(wrong)),
            (&none, format!("AMAAS_SIGNERS={signer},"), Err(wrong)),
        ] {
            let built = endpoint(environment, file(&rest).path());
            match (built, expected) {
                (Ok(_), Ok(())) => {}
                (Err(error), Err(start)) => assert!(error.to_string().starts_with(start), "{rest}: {error}"),
                (built, _) => panic!("{environment:?} {rest}: {built:?}"),
            }
        }
    }

    #[cfg(feature = "sigv4")]
    #[test]
    fn signatures_are_an_identity_too_and_come_from_the_same_source() {
        let lambda = ("AMAAS_ENDPOINT", "https://abc.lambda-url.eu-central-1.on.aws");
        let (own, key) = (("AMAAS_ENDPOINT", "https://models.example.com"), key());
        for (variables, expected) in [
            (vec![lambda, ("AMAAS_SIGV4", "auto")], Ok(())),
            (vec![lambda, ("AMAAS_SIGV4", "auto"), ("AMAAS_API_KEY", &key)], Ok(())),
            (vec![own, ("AMAAS_SIGV4", "lambda:eu-central-1")], Ok(())),
            (vec![own, ("AMAAS_SIGV4", "execute-api:eu-central-1")], Ok(())),
            (vec![own, ("AMAAS_SIGV4", "auto")], Err("requests cannot be signed: expected a host name")),
            (vec![own, ("AMAAS_SIGV4", "sts:eu-central-1")], Err("AMAAS_SIGV4: expected auto, lambda:REGION or")),
            (vec![own, ("AMAAS_SIGV4", "lambda")], Err("AMAAS_SIGV4: expected auto, lambda:REGION or")),
            (vec![own, ("AMAAS_SIGV4", "")], Err("the environment has no AMAAS_API_KEY")),
        ] {
            match (endpoint(&EnvVariables::from_iter(variables.clone()), Path::new("/")), expected) {
                (Ok(_), Ok(())) => {}
                (Err(error), Err(start)) => assert!(error.to_string().starts_with(start), "{error}"),
                (built, _) => panic!("{variables:?}: {built:?}"),
            }
        }
    }

    /// Every secret of a caller, in either source, with the endpoint in either source: what is used, and what is refused.
    #[test]
    fn no_secret_of_one_source_goes_to_an_endpoint_of_the_other() {
        enum Used {
            Key(&'static str),
            Signature,
            Error(&'static str),
        }
        use Used::{Error, Key, Signature};
        type Names = &'static [&'static str];
        type Case = (Names, bool, Names, bool, Used);

        let (own, others) = (key(), key());
        let (environment, file) = ("https://environment", "https://file");
        let sign = "lambda:eu-central-1";
        // The secrets of the environment, whether it has an endpoint, those of the file, whether it has one, and what is used.
        let cases: [Case; 15] = [
            (&[AMAAS_API_KEY], true, &[], false, Key("environment")),
            (&[AMAAS_API_KEY], true, &[AMAAS_API_KEY], true, Key("environment")),
            (&[AMAAS_SIGV4], true, &[AMAAS_API_KEY], true, Signature),
            (&[AMAAS_SIGV4], true, &[AMAAS_SIGV4], true, Signature),
            (&[AMAAS_API_KEY], true, &[AMAAS_SIGV4], true, Key("environment")),
            (&[], true, &[AMAAS_API_KEY], true, Error("the environment has no AMAAS_API_KEY")),
            (&[], true, &[AMAAS_SIGV4], true, Error("the environment has no AMAAS_API_KEY")),
            (&[], false, &[AMAAS_API_KEY], true, Key("file")),
            (&[AMAAS_API_KEY], false, &[AMAAS_API_KEY], true, Key("file")),
            (&[AMAAS_SIGV4], false, &[AMAAS_API_KEY], true, Key("file")),
            (&[AMAAS_API_KEY], false, &[], true, Error("env has no AMAAS_API_KEY")),
            (&[AMAAS_SIGV4], false, &[], true, Error("env has no AMAAS_API_KEY")),
            (&[], false, &[AMAAS_SIGV4], true, Error("env has AMAAS_SIGV4: requests are not signed")),
            (
                &[AMAAS_API_KEY, AMAAS_SIGV4],
                false,
                &[AMAAS_API_KEY, AMAAS_SIGV4],
                true,
                Error("env has AMAAS_SIGV4: requests are not signed"),
            ),
            (&[AMAAS_API_KEY, AMAAS_SIGV4], false, &[AMAAS_API_KEY], false, Error("env has no AMAAS_ENDPOINT")),
        ];
        for (at, (mine, here, theirs, there, expected)) in cases.into_iter().enumerate() {
            let secret =
                |name: &str, key: &str| (name.to_owned(), if name == AMAAS_API_KEY { key } else { sign }.to_owned());
            let endpoint_of = |is: bool, url: &str| is.then(|| (AMAAS_ENDPOINT.to_owned(), url.to_owned()));
            let mine = mine.iter().map(|name| secret(name, &own)).chain(endpoint_of(here, environment));
            let theirs = theirs.iter().map(|name| secret(name, &others)).chain(endpoint_of(there, file));
            let text: String =
                theirs.map(|(name, value)| [name.as_str(), "=", value.as_str(), "\n"].concat()).collect();
            let folder = folder(&text);
            let lookup = EnvFileLookup::in_folders(None, Some(folder.path()));
            match (select(&mine.collect(), folder.path(), &lookup), expected) {
                (Ok(built), Key(source)) => {
                    let key = if source == "file" { &others } else { &own };
                    assert!(!built.signs() && built.has_key(key), "{at}: {built:?}");
                    assert!(format!("{:?}", built.build().expect("all is there")).contains(source), "{at}");
                }
                (Ok(built), Signature) => {
                    assert!(built.signs() && !built.has_key(&own) && !built.has_key(&others), "{at}");
                    assert!(format!("{:?}", built.build().expect("all is there")).contains(environment), "{at}");
                }
                (Err(error), Error(part)) => assert!(error.to_string().contains(part), "{at}: {error}"),
                (built, _) => panic!("{at}: {built:?}"),
            }
        }
    }

    #[test]
    fn a_file_that_came_with_a_repository_is_named_and_not_used() {
        let text = format!("AMAAS_ENDPOINT=https://file\nAMAAS_API_KEY={}", key());
        let folder = folder(&text);
        let nobody = EnvFileLookup::in_folders(None, None);
        let error = select(&EnvVariables::default(), folder.path(), &nobody).expect_err("it has no record");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(
            error.to_string().contains(".amaas/env is not used: `amaas dev` of this user did not write it"),
            "{error}"
        );
        let named = EnvVariables::from_iter([("AMAAS_DATA", folder.path().join(".amaas").to_string_lossy())]);
        assert!(select(&named, Path::new("/"), &nobody).is_ok(), "it was named");
    }

    #[test]
    fn nothing_found_names_the_remedy() {
        let folder = tempfile::tempdir().expect("a folder");
        let environment = EnvVariables::from_iter([("AMAAS_DATA", folder.path().to_string_lossy())]);
        let error = endpoint(&environment, folder.path()).expect_err("no file");
        assert_eq!(error.kind(), ErrorKind::Config);
        for part in ["AMAAS_ENDPOINT", "AMAAS_API_KEY", "amaas dev", &*folder.path().to_string_lossy()] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
