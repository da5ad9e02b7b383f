//! Where [`Client::from_env`](crate::Client::from_env) finds its settings.
//!
//! Invariant: endpoint, key and whether requests are signed for AWS come from one source. Were they mixed, a file in some folder
//! could have a key from the environment sent to an endpoint of its choice. What says how calls are sealed comes first from the environment in any
//! case: a pin only ever refuses, and sealing can be off for this machine alone.

use std::path::Path;

use amaas_wire::dsse::VerifyingKey;

use crate::env_file::{self, EnvFile};
use crate::{ClientBuilder, Error, Sealing};

/// The variables of this process that begin with `AMAAS_`.
pub(crate) fn process() -> Result<EnvFile, Error> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| name.starts_with("AMAAS_"))
        .map(|(name, value)| match value.into_string() {
            Ok(value) => Ok((name, value)),
            Err(_) => Err(Error::config(format!("the environment variable {name} is not Unicode"))),
        })
        .collect()
}

/// A builder with the endpoints and the key of `environment`, or else of the file that is nearest to `current`.
pub(crate) fn builder(environment: &EnvFile, current: &Path) -> Result<ClientBuilder, Error> {
    if endpoints(environment).next().is_some() {
        return sealing(from_source(environment, "the environment")?, environment, &EnvFile::default());
    }
    let data = value(environment, "AMAAS_DATA").map(Path::new);
    let path = env_file::locate(data, current).ok_or_else(|| {
        let place = data.map_or(".amaas".into(), Path::to_string_lossy);
        Error::config(format!(
            "no endpoint: set AMAAS_ENDPOINT and AMAAS_API_KEY, or run `amaas dev`, which writes {place}/env \
             (looked for it from {})",
            data.unwrap_or(current).display()
        ))
    })?;
    let file = EnvFile::load(&path)?;
    sealing(from_source(&file, &path.display().to_string())?, environment, &file)
}

/// The builder with what the first source, or else the second, says of sealing.
fn sealing(mut builder: ClientBuilder, first: &EnvFile, second: &EnvFile) -> Result<ClientBuilder, Error> {
    let find = |name| value(first, name).or_else(|| value(second, name));
    if let Some(signers) = find(SIGNERS) {
        let signers = signers.split(',').map(|signer| signer.trim().parse::<VerifyingKey>());
        builder = builder.signers(signers.collect::<Result<Vec<_>, _>>().map_err(|source| {
            let what = "AMAAS_SIGNERS: expected Ed25519 public keys in base64 with commas between";
            Error::config(what).with_source(source)
        })?);
    }
    match find(SEALING) {
        None | Some("required") => Ok(builder),
        Some("off") => Ok(builder.sealing(Sealing::Off)),
        Some(other) => Err(Error::config(format!("AMAAS_SEALING: expected required or off, got {other:?}"))),
    }
}

fn from_source(source: &EnvFile, name: &str) -> Result<ClientBuilder, Error> {
    let missing = |variable: &str| Error::config(format!("{name} has no {variable}: endpoint and key belong together"));
    let mut builder = ClientBuilder::default();
    let (key, sigv4) = (value(source, KEY), value(source, SIGV4));
    if let Some(sigv4) = sigv4 {
        builder = signed(builder, sigv4)?;
    }
    match key {
        Some(key) => builder = builder.api_key(key),
        None if sigv4.is_some() => {}
        None => return Err(missing(KEY)),
    }
    let mut found = false;
    for (variable, url) in endpoints(source) {
        found = true;
        builder = match variable.strip_prefix(MODEL_ENDPOINT) {
            Some(model) => builder.endpoint_for(model, url),
            None => builder.endpoint(url),
        };
    }
    if found { Ok(builder) } else { Err(missing(ENDPOINT)) }
}

/// The builder with signatures as the variable says.
#[cfg(feature = "sigv4")]
fn signed(builder: ClientBuilder, text: &str) -> Result<ClientBuilder, Error> {
    let sigv4 = crate::SigV4::parse(text).ok_or_else(|| {
        Error::config(format!("{SIGV4}: expected auto, lambda:REGION or execute-api:REGION, got {text:?}"))
    })?;
    Ok(builder.sigv4(sigv4))
}

#[cfg(not(feature = "sigv4"))]
fn signed(_: ClientBuilder, _: &str) -> Result<ClientBuilder, Error> {
    Err(Error::config(format!("{SIGV4} is set, and this program has the crate amaas without its feature sigv4")))
}

fn endpoints(source: &EnvFile) -> impl Iterator<Item = (&str, &str)> {
    let names_one = |name: &str| name == ENDPOINT || name.strip_prefix(MODEL_ENDPOINT).is_some_and(|it| !it.is_empty());
    source.variables().filter(move |(name, url)| names_one(name) && !url.is_empty())
}

/// A variable that is set to nothing is not set.
fn value<'a>(source: &'a EnvFile, name: &str) -> Option<&'a str> {
    source.variable(name).filter(|value| !value.is_empty())
}

const KEY: &str = "AMAAS_API_KEY";
const SIGV4: &str = "AMAAS_SIGV4";
const ENDPOINT: &str = "AMAAS_ENDPOINT";
const SIGNERS: &str = "AMAAS_SIGNERS";
const SEALING: &str = "AMAAS_SEALING";
/// Before the model's name in upper case, with `_` for `-`.
const MODEL_ENDPOINT: &str = "AMAAS_ENDPOINT_";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ApiKey, ErrorKind};

    fn key() -> String {
        ApiKey::generate("test").expect("random").expose().to_owned()
    }

    /// A folder whose `.amaas/env` has `text`.
    fn folder(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir(folder.path().join(".amaas")).expect("a folder");
        std::fs::write(folder.path().join(".amaas/env"), text).expect("a file");
        folder
    }

    fn endpoint(environment: &EnvFile, current: &Path) -> Result<String, Error> {
        Ok(format!("{:?}", builder(environment, current)?.build()?))
    }

    #[test]
    fn the_environment_comes_first() {
        let folder = folder(&format!("AMAAS_ENDPOINT=https://file\nAMAAS_API_KEY={}", key()));
        let environment = EnvFile::from_iter([("AMAAS_ENDPOINT", "https://environment"), ("AMAAS_API_KEY", &key())]);
        assert!(endpoint(&environment, folder.path()).expect("both are set").contains("https://environment"));
        assert!(endpoint(&EnvFile::default(), folder.path()).expect("a file").contains("https://file"));
        let empty = EnvFile::from_iter([("AMAAS_ENDPOINT", "")]);
        assert!(endpoint(&empty, folder.path()).expect("a file").contains("https://file"));
    }

    #[test]
    fn endpoint_and_key_never_come_from_two_sources() {
        let with_key = folder(&format!("AMAAS_ENDPOINT=https://file\nAMAAS_API_KEY={}", key()));
        let only_endpoint = EnvFile::from_iter([("AMAAS_ENDPOINT", "https://environment")]);
        let error = endpoint(&only_endpoint, with_key.path()).expect_err("no key in the environment");
        assert!(error.to_string().starts_with("the environment has no AMAAS_API_KEY"), "{error}");

        let without_key = folder("AMAAS_ENDPOINT=https://file");
        let only_key = EnvFile::from_iter([("AMAAS_API_KEY", key())]);
        let error = endpoint(&only_key, without_key.path()).expect_err("no key in the file");
        assert!(error.to_string().contains("env has no AMAAS_API_KEY"), "{error}");

        let without_endpoint = folder(&format!("AMAAS_API_KEY={}", key()));
        let error = endpoint(&only_key, without_endpoint.path()).expect_err("no endpoint in the file");
        assert!(error.to_string().contains("env has no AMAAS_ENDPOINT"), "{error}");
    }

    #[test]
    fn models_may_have_their_own_endpoints() {
        let environment =
            EnvFile::from_iter([("AMAAS_ENDPOINT_BGE_SMALL", "https://bge.example.com"), ("AMAAS_API_KEY", &key())]);
        let client = endpoint(&environment, Path::new("/")).expect("an endpoint");
        assert!(client.contains("https://bge.example.com"), "{client}");
    }

    #[test]
    fn how_calls_are_sealed_comes_from_either_source_and_first_from_the_environment() {
        let file = |rest: &str| folder(&format!("AMAAS_ENDPOINT=http://127.0.0.1:1\nAMAAS_API_KEY={}\n{rest}", key()));
        let signer = amaas_wire::dsse::SigningKey::from_bytes(&[1; 32]).verifying_key().to_string();
        let pinned = EnvFile::from_iter([("AMAAS_SIGNERS", format!("{signer}, {signer}"))]);
        let off = EnvFile::from_iter([("AMAAS_SEALING", "off")]);
        let (none, wrong) = (EnvFile::default(), "AMAAS_SIGNERS: expected Ed25519");
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
            match (endpoint(&EnvFile::from_iter(variables.clone()), Path::new("/")), expected) {
                (Ok(_), Ok(())) => {}
                (Err(error), Err(start)) => assert!(error.to_string().starts_with(start), "{error}"),
                (built, _) => panic!("{variables:?}: {built:?}"),
            }
        }
        let folder = folder("AMAAS_ENDPOINT=https://file");
        let signing = EnvFile::from_iter([("AMAAS_SIGV4", "lambda:eu-central-1")]);
        let error = endpoint(&signing, folder.path()).expect_err("nobody's credentials go to an endpoint of a file");
        assert!(error.to_string().contains("env has no AMAAS_API_KEY"), "{error}");
    }

    #[test]
    fn nothing_found_names_the_remedy() {
        let folder = tempfile::tempdir().expect("a folder");
        let environment = EnvFile::from_iter([("AMAAS_DATA", folder.path().to_string_lossy())]);
        let error = endpoint(&environment, folder.path()).expect_err("no file");
        assert_eq!(error.kind(), ErrorKind::Config);
        for part in ["AMAAS_ENDPOINT", "AMAAS_API_KEY", "amaas dev", &*folder.path().to_string_lossy()] {
            assert!(error.to_string().contains(part), "{error}");
        }
    }
}
