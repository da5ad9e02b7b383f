//! Where [`Client::from_env`](crate::Client::from_env) finds its settings.
//!
//! Invariant: endpoint and key come from one source. Were they mixed, a file in some folder could have a key from the environment sent
//! to an endpoint of its choice. Requests are signed with AWS credentials only if the environment names the endpoint: the credentials
//! never are the file's, so a file must not say where they go. How calls are sealed comes first from the environment in any case: a pin
//! only ever refuses, and sealing can be off for this machine alone.

use std::path::{Path, PathBuf};

use amaas_wire::dsse::VerifyingKey;

use crate::env_file::{EnvFile, Found, Lookup};
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

/// The current folder.
pub(crate) fn current() -> Result<PathBuf, Error> {
    std::env::current_dir().map_err(|source| Error::config("the current folder cannot be read").with_source(source))
}

/// The env file that endpoint and key come from in the folder `current`; `None` if the `environment` has endpoints.
pub(crate) fn file(environment: &EnvFile, current: &Path, lookup: &Lookup) -> Result<Option<Found>, Error> {
    if endpoints(environment).next().is_some() {
        return Ok(None);
    }
    let data = value(environment, DATA).map(Path::new);
    let found = lookup.find(data, current)?.ok_or_else(|| {
        let place = data.map_or(".amaas".into(), Path::to_string_lossy);
        Error::config(format!(
            "no endpoint: set AMAAS_ENDPOINT and AMAAS_API_KEY, or run `amaas dev`, which writes {place}/env \
             (looked for it from {})",
            data.unwrap_or(current).display()
        ))
    })?;
    Ok(Some(found))
}

/// A builder with the endpoints and the key of `environment`, or else of the file that is used in `current`.
pub(crate) fn builder(environment: &EnvFile, current: &Path, lookup: &Lookup) -> Result<ClientBuilder, Error> {
    match file(environment, current, lookup)? {
        None => sealing(from_source(environment, "the environment")?, environment, &EnvFile::default()),
        Some(found) => {
            tracing::debug!(path = %found.path.display(), "endpoint and key come from an env file");
            of_file(&found, environment)
        }
    }
}

/// A builder with the endpoints and the key of a file; how calls are sealed comes first from the `environment`.
pub(crate) fn of_file(Found { path, file }: &Found, environment: &EnvFile) -> Result<ClientBuilder, Error> {
    let path = path.display().to_string();
    if value(file, SIGV4).is_some() {
        return Err(Error::config(format!(
            "{path} has {SIGV4}: requests are not signed with your AWS credentials for an endpoint that a file names; set \
             AMAAS_ENDPOINT and {SIGV4} in the environment"
        )));
    }
    sealing(from_source(file, &path)?, environment, file)
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
    builder = match value(source, CONTENT_SHA256) {
        None | Some("off") => builder,
        Some("on") => builder.content_sha256(),
        Some(other) => return Err(Error::config(format!("{CONTENT_SHA256}: expected on or off, got {other:?}"))),
    };
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

const DATA: &str = "AMAAS_DATA";
const KEY: &str = "AMAAS_API_KEY";
const SIGV4: &str = "AMAAS_SIGV4";
const CONTENT_SHA256: &str = "AMAAS_CONTENT_SHA256";
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

    /// A folder whose `.amaas/env` has `text`, and is recorded in it.
    fn folder(text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a folder");
        let data = folder.path().join(".amaas");
        std::fs::create_dir(&data).expect("a folder");
        std::fs::write(data.join("env"), text).expect("a file");
        Lookup::in_folders(None, Some(folder.path())).written(&data, text).expect("recorded");
        folder
    }

    fn endpoint(environment: &EnvFile, current: &Path) -> Result<String, Error> {
        let lookup = Lookup::in_folders(None, Some(current));
        Ok(format!("{:?}", builder(environment, current, &lookup)?.build()?))
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
    fn bodies_are_hashed_where_the_source_of_the_endpoint_says_so() {
        let (key, none) = (key(), Lookup::in_folders(None, None));
        for (says, expected) in
            [(None, Ok(false)), (Some("off"), Ok(false)), (Some("on"), Ok(true)), (Some("1"), Err(()))]
        {
            let variables = [("AMAAS_ENDPOINT", "https://models.example.com"), ("AMAAS_API_KEY", &key)];
            let variables = variables.into_iter().chain(says.map(|says| ("AMAAS_CONTENT_SHA256", says)));
            match (builder(&variables.collect(), Path::new("/"), &none), expected) {
                (Ok(built), Ok(hashes)) => assert_eq!(built.hashes(), hashes, "{says:?}"),
                (Err(error), Err(())) => {
                    assert!(error.to_string().contains("AMAAS_CONTENT_SHA256: expected on or off"));
                }
                (built, _) => panic!("{says:?}: {built:?}"),
            }
        }
        let text = format!("AMAAS_ENDPOINT=https://file\nAMAAS_API_KEY={key}");
        let folder = folder(&text);
        let environment = EnvFile::from_iter([("AMAAS_CONTENT_SHA256", "on")]);
        let built = builder(&environment, folder.path(), &Lookup::in_folders(None, Some(folder.path())));
        assert!(!built.expect("the file's").hashes(), "it belongs to an endpoint of the environment");
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
            (&[KEY], true, &[], false, Key("environment")),
            (&[KEY], true, &[KEY], true, Key("environment")),
            (&[SIGV4], true, &[KEY], true, Signature),
            (&[SIGV4], true, &[SIGV4], true, Signature),
            (&[KEY], true, &[SIGV4], true, Key("environment")),
            (&[], true, &[KEY], true, Error("the environment has no AMAAS_API_KEY")),
            (&[], true, &[SIGV4], true, Error("the environment has no AMAAS_API_KEY")),
            (&[], false, &[KEY], true, Key("file")),
            (&[KEY], false, &[KEY], true, Key("file")),
            (&[SIGV4], false, &[KEY], true, Key("file")),
            (&[KEY], false, &[], true, Error("env has no AMAAS_API_KEY")),
            (&[SIGV4], false, &[], true, Error("env has no AMAAS_API_KEY")),
            (&[], false, &[SIGV4], true, Error("env has AMAAS_SIGV4: requests are not signed")),
            (&[KEY, SIGV4], false, &[KEY, SIGV4], true, Error("env has AMAAS_SIGV4: requests are not signed")),
            (&[KEY, SIGV4], false, &[KEY], false, Error("env has no AMAAS_ENDPOINT")),
        ];
        for (at, (mine, here, theirs, there, expected)) in cases.into_iter().enumerate() {
            let secret = |name: &str, key: &str| (name.to_owned(), if name == KEY { key } else { sign }.to_owned());
            let endpoint_of = |is: bool, url: &str| is.then(|| (ENDPOINT.to_owned(), url.to_owned()));
            let mine = mine.iter().map(|name| secret(name, &own)).chain(endpoint_of(here, environment));
            let theirs = theirs.iter().map(|name| secret(name, &others)).chain(endpoint_of(there, file));
            let text: String =
                theirs.map(|(name, value)| [name.as_str(), "=", value.as_str(), "\n"].concat()).collect();
            let folder = folder(&text);
            let lookup = Lookup::in_folders(None, Some(folder.path()));
            match (builder(&mine.collect(), folder.path(), &lookup), expected) {
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
        let nobody = Lookup::in_folders(None, None);
        let error = builder(&EnvFile::default(), folder.path(), &nobody).expect_err("it has no record");
        assert_eq!(error.kind(), ErrorKind::Config);
        assert!(
            error.to_string().contains(".amaas/env is not used: `amaas dev` of this user did not write it"),
            "{error}"
        );
        let named = EnvFile::from_iter([("AMAAS_DATA", folder.path().join(".amaas").to_string_lossy())]);
        assert!(builder(&named, Path::new("/"), &nobody).is_ok(), "it was named");
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
