//! `amaas keys`.

use std::time::Duration;

use amaas::ApiKey;
use amaas_serve::access::{KeyDocument, KeyRecord, Keys as _, now};
use amaas_serve::seal::KeySet;
use amaas_serve::store::ModelName;
use jiff::Timestamp;

use crate::arguments::Keys;
use crate::failure::Failure;
use crate::output;
use crate::settings::{Settings, signers};

pub(crate) async fn run(settings: &Settings, keys: Keys) -> Result<(), Failure> {
    let store = match &keys {
        Keys::Create { store, .. }
        | Keys::List { store }
        | Keys::Revoke { store, .. }
        | Keys::Rotate { store, .. }
        | Keys::Signer { store, .. } => store.store.as_deref(),
    };
    let place = settings.store(store).await?.store;
    let document = KeyDocument::new(place.clone());
    match keys {
        Keys::Create { tenant, environment, models, expires, .. } => {
            let key = ApiKey::generate(&environment).map_err(Failure::usage)?;
            let created = now();
            let mut record = KeyRecord::new(&key, tenant, created);
            record.expires = expires.map(|days| created + u64::from(days) * SECONDS_A_DAY);
            record.models = (!models.is_empty()).then(|| models.into_iter().collect());
            document.insert(record.clone()).await?;
            if settings.json {
                return output::json(&serde_json::json!({ "key": key.expose(), "record": record }));
            }
            output::line(key.expose())?;
            output::note(format_args!(
                "key {} of tenant {}; it is kept nowhere, so keep it now",
                record.id, record.tenant
            ));
        }
        Keys::List { .. } => {
            let records = document.list().await?;
            if settings.json {
                return output::json(&records);
            }
            let rows = records.into_iter().map(|record| {
                let models =
                    record.models.map(|models| models.iter().map(ToString::to_string).collect::<Vec<_>>().join(" "));
                let expires = record.expires.map_or_else(|| "never".to_owned(), date);
                [record.id, record.tenant, date(record.created), expires, models.unwrap_or_else(|| "all".to_owned())]
            });
            output::line(output::table(["KEY ID", "TENANT", "CREATED", "EXPIRES", "MODELS"], rows))?;
        }
        Keys::Rotate { ref model, overlap, signer, ref kms_key, .. } => {
            let vault = settings.vault(store, kms_key.as_deref()).await?;
            let overlap = Duration::from_hours(overlap.into());
            let rotated = if signer {
                KeySet::rotate_signer(&place, model, &vault, overlap).await
            } else {
                KeySet::rotate(&place, model, &vault, overlap).await
            };
            let keys = rotated?;
            if !settings.json {
                output::line(format_args!(
                    "sealing keys of {model}, serial {}; AMAAS_SIGNERS for callers:",
                    keys.serial()
                ))?;
            }
            sealing(settings, model, &keys)?;
        }
        Keys::Signer { ref model, .. } => {
            sealing(settings, model, &KeySet::read(&place, model).await?)?;
        }
        Keys::Revoke { id, .. } => {
            if !document.revoke(&id).await? {
                return Err(Failure::new(format!("there is no key {id}")).try_this("`amaas keys list` shows the ids"));
            }
            if settings.json {
                return output::json(&serde_json::json!({ "revoked": id }));
            }
            output::line(format_args!("revoked {id}; functions refuse it within 60 s while they can read the store"))?;
        }
    }
    Ok(())
}

/// Tells of a set of sealing keys what callers need.
fn sealing(settings: &Settings, model: &ModelName, keys: &KeySet) -> Result<(), Failure> {
    if settings.json {
        let signers: Vec<_> = keys.signers().iter().map(ToString::to_string).collect();
        return output::json(&serde_json::json!({
            "model": model, "serial": keys.serial(), "announced": keys.announced(), "signers": signers,
        }));
    }
    output::line(signers(&keys.signers()))
}

fn date(seconds: u64) -> String {
    let timestamp = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    timestamp.map_or_else(|| seconds.to_string(), |timestamp| timestamp.strftime("%Y-%m-%d").to_string())
}

const SECONDS_A_DAY: u64 = 24 * 60 * 60;
