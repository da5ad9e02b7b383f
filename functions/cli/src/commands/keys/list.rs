//! Keys as `amaas keys list` shows them, without their digests.

use std::fmt::Display;

use amaas_access::{KeyId, KeyRecord, KeyScope, TenantName};
use serde::Serialize;

use crate::output::{self, date};

/// A key, and whether it is valid.
#[derive(Serialize)]
pub(crate) struct ListedKey<'a> {
    id: &'a KeyId,
    tenant: &'a TenantName,
    name: &'a str,
    created: u64,
    expires: Option<u64>,
    revoked: Option<u64>,
    scope: &'a KeyScope,
    state: KeyState,
}

#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "lowercase")]
enum KeyState {
    Live,
    Expired,
    Revoked,
}

impl<'a> ListedKey<'a> {
    /// The state of the key at `now`, in seconds since 1970.
    pub(crate) fn at(now: u64, record: &'a KeyRecord) -> Self {
        let KeyRecord { id, tenant, name, created, expires, revoked, scope, .. } = record;
        let state = match revoked {
            Some(_) => KeyState::Revoked,
            None if record.is_live(now) => KeyState::Live,
            None => KeyState::Expired,
        };
        Self { id, tenant, name, created: *created, expires: *expires, revoked: *revoked, scope, state }
    }

    fn row(&self) -> [String; 9] {
        let state = match self.state {
            KeyState::Live => "live",
            KeyState::Expired => "expired",
            KeyState::Revoked => "revoked",
        };
        [
            self.id.to_string(),
            self.tenant.to_string(),
            self.name.to_owned(),
            date(self.created),
            self.expires.map_or_else(|| "never".to_owned(), date),
            names(self.scope.models.as_ref()),
            names(self.scope.routes.as_ref()),
            self.scope.max_cost.map_or_else(|| "any".to_owned(), |cost| cost.to_string()),
            state.to_owned(),
        ]
    }
}

/// The keys as a table.
pub(crate) fn table(keys: &[ListedKey<'_>]) -> String {
    let heads = ["KEY ID", "TENANT", "NAME", "CREATED", "EXPIRES", "MODELS", "ROUTES", "MAX COST", "STATE"];
    output::table(heads, keys.iter().map(ListedKey::row))
}

fn names<T: Display>(only: Option<impl IntoIterator<Item = T>>) -> String {
    let only = only.map(|only| only.into_iter().map(|one| one.to_string()).collect::<Vec<_>>().join(" "));
    only.unwrap_or_else(|| "all".to_owned())
}
