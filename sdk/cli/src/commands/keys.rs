//! `amaas keys`.

use std::time::Duration;

use amaas::ApiKey;
use amaas_serve::access::{KeyDocument, KeyRecord, Keys as _, now};
use amaas_serve::seal::KeySet;
use jiff::Timestamp;

use crate::arguments::Keys;
use crate::failure::Failure;
use crate::output;
use crate::settings::Settings;

pub(crate) async fn run(settings: &Settings, keys: Keys) -> Result<(), Failure> {
    let store = match &keys {
        Keys::Create { store, .. }
        | Keys::List { store }
        | Keys::Revoke { store, .. }
        | Keys::Rotate { store, .. }
        | Keys::Signer { store, .. } => store.store.as_deref(),
    };
    let store = settings.store(store).await?.store;
    let document = KeyDocument::new(store.clone());
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
        Keys::Revoke { id, .. } => {
            if !document.revoke(&id).await? {
                return Err(Failure::new(format!("there is no key {id}")).try_this("`amaas keys list` shows the ids"));
            }
            if settings.json {
                return output::json(&serde_json::json!({ "revoked": id }));
            }
            output::line(format_args!("revoked {id}; functions refuse it within 60 s while they can read the store"))?;
        }
        Keys::Rotate { model, overlap, signer, kms_key, .. } => {
            let vault = settings.vault(kms_key.as_deref()).await?;
            let overlap = Duration::from_hours(overlap.into());
            let set = if signer {
                KeySet::rotate_signer(&store, &model, &vault, overlap).await?
            } else {
                KeySet::rotate(&store, &model, &vault, overlap).await?
            };
            tell(settings, &set)?;
            if signer {
                output::note("give callers the new signer before the old one retires");
            } else if set.announced() > now() {
                output::note("functions open calls to the new keys at once, and offer them in a minute");
            }
        }
        Keys::Signer { model, .. } => tell(settings, &KeySet::read(&store, &model).await?)?,
    }
    Ok(())
}

/// The public keys that callers pin, a line each.
fn tell(settings: &Settings, set: &KeySet) -> Result<(), Failure> {
    let signers: Vec<_> = set.signers().iter().map(ToString::to_string).collect();
    if settings.json {
        return output::json(&serde_json::json!({ "signers": signers, "serial": set.serial() }));
    }
    output::line(signers.join("\n"))
}

fn date(seconds: u64) -> String {
    let timestamp = i64::try_from(seconds).ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    timestamp.map_or_else(|| seconds.to_string(), |timestamp| timestamp.strftime("%Y-%m-%d").to_string())
}

const SECONDS_A_DAY: u64 = 24 * 60 * 60;
