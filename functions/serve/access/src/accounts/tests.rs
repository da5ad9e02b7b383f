//! Tests of accounts in ledgers in memory.

use serde_json::Value;

use super::*;
use crate::access_error::AccessError;
use crate::directory::Directory;
use amaas_store::vault::FileKey;

fn key() -> ApiKey {
    ApiKey::generate("test").expect("random")
}

fn another() -> ApiKey {
    key()
}

fn terms() -> KeyTerms {
    KeyTerms::of("acme".parse().expect("a name"))
}

#[tokio::test]
async fn two_keys_of_a_name_are_live_and_not_three() {
    let accounts = Accounts::in_memory().expect("random");
    let first = accounts.add_key(&key(), terms()).await.expect("added");
    let second = accounts.add_key(&key(), terms()).await.expect("added");
    let third = accounts.add_key(&key(), terms()).await;
    assert!(matches!(third, Err(AccountsError::TwoKeys { .. })), "{third:?}");
    accounts.add_key(&key(), KeyTerms { name: "batch".to_owned(), ..terms() }).await.expect("another name");
    assert!(accounts.revoke(&first.id).await.expect("revoked"));
    assert!(!accounts.revoke(&first.id).await.expect("it is already"));
    accounts.add_key(&key(), terms()).await.expect("there is a place");
    // An index entry without a key, as a concurrent listing can find it, stays.
    let unfinished = KeyId::of(&key());
    let unfinished = index_entry(&terms().tenant, &unfinished);
    accounts.ledger.insert(&unfinished, Bytes::new(), NO_EXPIRY).await.expect("reached");
    let records = accounts.keys_of(&terms().tenant).await.expect("listed");
    assert!(accounts.ledger.read(&unfinished).await.expect("reached").is_some());
    assert_eq!(records.len(), 4);
    assert!(records.iter().any(|record| record.id == first.id && record.revoked.is_some()));
    assert!(records.contains(&second));
    assert_eq!(accounts.tenants().await.expect("listed").len(), 1, "made with the first key");
}

#[tokio::test]
async fn what_is_kept_is_not_the_key() {
    let (accounts, key) = (Accounts::in_memory().expect("random"), key());
    let record = accounts.add_key(&key, terms()).await.expect("added");
    let kept = accounts.ledger.read(&key_place(&record.id).key).await.expect("reached").expect("it is there").value;
    let kept = String::from_utf8_lossy(&kept).into_owned();
    assert!(!kept.contains(&key.expose()[12..24]));
    assert!(!kept.contains(&Digest::of(key.expose().as_bytes()).to_string()), "nor what anybody can make of it");
}

#[tokio::test]
async fn tenants_and_prices_are_changed() {
    let accounts = Accounts::in_memory().expect("random");
    let name = terms().tenant;
    assert!(!accounts.change_tenant(&name, |_| true).await.expect("reached"), "there is none");
    assert!(accounts.add_tenant(&Tenant::new(name.clone(), 1)).await.expect("added"));
    assert!(!accounts.add_tenant(&Tenant::new(name.clone(), 2)).await.expect("there is one"));
    let limit = |tenant: &mut Tenant| {
        tenant.budget = "25".parse().ok();
        true
    };
    assert!(accounts.change_tenant(&name, limit).await.expect("changed"));
    let tenant = accounts.tenant(&name).await.expect("read").expect("it is there");
    assert_eq!((tenant.created, tenant.budget.map(|budget| budget.to_string())), (1, Some("25".to_owned())));

    let model = "m".parse().expect("a name");
    let price = Price { call: "0.001".parse().expect("money"), unit: "0.0002".parse().expect("money") };
    assert_eq!(accounts.price(&model).await.expect("read"), Price::default());
    accounts.set_price(&model, price).await.expect("set");
    assert_eq!(accounts.prices().await.expect("listed"), [(model, price)]);
    assert_eq!(price.of(10).to_string(), "0.003");
}

/// Accounts of administrators in a ledger, and those of a function that starts now.
struct Deployment {
    ledger: Arc<dyn Ledger>,
    vault: Vault,
    _folder: tempfile::TempDir,
}

impl Deployment {
    fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let vault = Vault::File(FileKey::create(&folder.path().join("kms.key")).expect("a key"));
        Self { ledger: Arc::new(MemoryLedger::default()), vault, _folder: folder }
    }

    fn accounts(&self) -> Accounts {
        Accounts::new(Arc::clone(&self.ledger), self.vault.clone())
    }

    fn function(&self) -> Directory {
        Directory::new(self.accounts())
    }

    /// Changes the record at `key`, as a ledger writer without the authority does.
    async fn forge(&self, key: &LedgerKey, change: impl FnOnce(&mut Value)) {
        let entry = self.ledger.read(key).await.expect("reached").expect("it is there");
        let mut json = serde_json::from_slice(&entry.value).expect("JSON");
        change(&mut json);
        self.put(key, &json).await;
    }

    async fn put(&self, key: &LedgerKey, json: &Value) {
        let write = amaas_ledger::LedgerWrite { key: key.clone(), value: json.to_string().into(), ttl: NO_EXPIRY };
        self.ledger.write(&[write]).await.expect("written");
    }

    /// Takes the signatures away, and what they are made with: a ledger of a version that signed nothing.
    async fn unsign(&self, keys: &[&LedgerKey]) {
        for key in keys {
            self.forge(key, |json| drop(json.as_object_mut().expect("an object").remove("signature"))).await;
        }
        for name in ["authority", "verifier"] {
            let key = LedgerKey::new("ledger", name);
            let entry = self.ledger.read(&key).await.expect("reached").expect("it is there");
            assert!(self.ledger.remove(&key, entry.revision).await.expect("reached"));
        }
    }
}

/// Whether a function that starts now takes calls with `key`: why not.
async fn refusal(function: &Directory, key: &ApiKey) -> Option<AccessError> {
    match function.key(key).await {
        Ok(record) => function.account(&record.tenant).await.err(),
        Err(error) => Some(error),
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_somebody_else_wrote_is_refused() {
    type Forge = (&'static str, LedgerKey, fn(&mut Value));
    let place = Deployment::new();
    let (administrator, key, model) = (place.accounts(), key(), "m".parse().expect("a name"));
    let scope =
        KeyScope { models: Some([ModelName::clone(&model)].into()), max_cost: "1".parse().ok(), ..KeyScope::default() };
    let terms = KeyTerms { expires: Some(now() + 1000), scope, ..terms() };
    let id = administrator.add_key(&key, terms.clone()).await.expect("added").id;
    let other = administrator.add_key(&another(), terms.clone()).await.expect("added").id;
    administrator
        .set_price(&model, Price { call: "1".parse().expect("money"), ..Price::default() })
        .await
        .expect("set");
    let (of_key, of_tenant) = (key_place(&id).key, tenant_place(&terms.tenant).key);
    let cases: [Forge; 14] = [
        ("tenant", of_key.clone(), |json| json["tenant"] = "other".into()),
        ("name", of_key.clone(), |json| json["name"] = "other".into()),
        ("no end", of_key.clone(), |json| drop(json.as_object_mut().expect("an object").remove("expires"))),
        ("later", of_key.clone(), |json| json["expires"] = u64::MAX.into()),
        ("scope", of_key.clone(), |json| json["scope"] = Value::Object(serde_json::Map::new())),
        ("more models", of_key.clone(), |json| json["scope"]["models"] = serde_json::json!(["m", "n"])),
        ("max cost", of_key.clone(), |json| json["scope"]["max_cost"] = "1000000".into()),
        ("digest", of_key.clone(), |json| json["digest"] = "ab".repeat(32).into()),
        ("no signature", of_key.clone(), |json| drop(json.as_object_mut().expect("an object").remove("signature"))),
        ("limits", of_tenant.clone(), |json| {
            json["limits"] = serde_json::json!([{ "of": "requests", "per": "minute", "most": 9_999 }]);
        }),
        ("budget", of_tenant.clone(), |json| json["budget"] = "1000000".into()),
        ("suspended", of_tenant.clone(), |json| json["standing"] = "suspended".into()),
        ("tenant's name", of_tenant.clone(), |json| json["name"] = "other".into()),
        ("tenant's signature", of_tenant.clone(), |json| json["signature"] = "AAAA".into()),
    ];
    let running = place.function();
    assert!(refusal(&running, &key).await.is_none());
    for (what, at, forge) in cases {
        let before = place.ledger.read(&at).await.expect("reached").expect("it is there").value;
        place.forge(&at, forge).await;
        let error = refusal(&place.function(), &key).await.expect(what);
        assert!(matches!(error, AccessError::KeyUnknown | AccessError::TenantUnknown { .. }), "{what}: {error:?}");
        // A function that knew it better asks again within a minute, and goes by what it finds.
        tokio::time::advance(std::time::Duration::from_secs(61)).await;
        assert!(refusal(&running, &key).await.is_some(), "{what}");
        // Nor does an administrator build on it.
        let refused = if at == of_key {
            administrator.revoke(&id).await
        } else {
            administrator.change_tenant(&terms.tenant, |_| true).await
        };
        assert!(matches!(refused, Err(AccountsError::Forged { .. })), "{what}: {refused:?}");
        place.put(&at, &serde_json::from_slice(&before).expect("JSON")).await;
        assert!(refusal(&place.function(), &key).await.is_none(), "{what}: it is back");
        tokio::time::advance(std::time::Duration::from_secs(61)).await;
        assert!(refusal(&running, &key).await.is_none(), "{what}");
    }

    // A record that was signed for another key is not this one's.
    let others = place.ledger.read(&key_place(&other).key).await.expect("reached").expect("it is there").value;
    place.put(&of_key, &serde_json::from_slice(&others).expect("JSON")).await;
    assert!(matches!(refusal(&place.function(), &key).await, Some(AccessError::KeyUnknown)));
    let error = administrator.key(&id).await.expect_err("moved").to_string();
    assert!(error.starts_with(&format!("the record of key {id} has no valid signature")), "{error}");

    // An altered price makes no call free.
    assert_eq!(place.function().price(&model).await.expect("set").call.to_string(), "1");
    place.forge(&price_place(&model).key, |json| json["call"] = "0".into()).await;
    assert!(matches!(place.function().price(&model).await, Err(AccessError::KeysUnavailable { .. })));
}

#[tokio::test]
async fn only_those_who_wrap_with_the_vault_can_be_the_authority() {
    let (place, stranger) = (Deployment::new(), Deployment::new());
    let (key, strangers) = (key(), another());
    place.accounts().add_key(&key, terms()).await.expect("added");
    stranger.accounts().add_key(&strangers, terms()).await.expect("added");
    // All that a stranger's ledger has, but for the secret, without which no key is known at all.
    for at in [LedgerKey::new("ledger", "authority"), LedgerKey::new("ledger", "verifier")] {
        let value = stranger.ledger.read(&at).await.expect("reached").expect("it is there").value;
        place.ledger.write(&[amaas_ledger::LedgerWrite { key: at, value, ttl: NO_EXPIRY }]).await.expect("written");
    }
    assert!(matches!(refusal(&place.function(), &key).await, Some(AccessError::KeysUnavailable { .. })));
    assert!(matches!(place.accounts().tenants().await, Err(AccountsError::Vault(_))));
}

#[tokio::test]
async fn a_ledger_that_nobody_signed_is_refused_until_it_is_signed() {
    let place = Deployment::new();
    let (administrator, key, model) = (place.accounts(), key(), "m".parse().expect("a name"));
    let id = administrator.add_key(&key, terms()).await.expect("added").id;
    administrator.set_price(&model, Price::default()).await.expect("set");
    let at = [key_place(&id).key, tenant_place(&terms().tenant).key, price_place(&model).key];
    place.unsign(&at.each_ref()).await;

    let administrator = place.accounts();
    assert!(matches!(refusal(&place.function(), &key).await, Some(AccessError::KeysUnavailable { .. })));
    let error = administrator.load().await.expect_err("nothing is signed").to_string();
    assert!(error.contains("`amaas ledger sign`"), "{error}");
    for refused in [
        administrator.add_tenant(&Tenant::new("other".parse().expect("a name"), 1)).await.map(drop),
        administrator.set_price(&model, Price::default()).await,
        administrator.revoke(&id).await.map(drop),
    ] {
        assert!(matches!(refused, Err(AccountsError::NotSigned)), "{refused:?}");
    }
    let counted = SignedRecords { tenants: 1, keys: 1, prices: 1 };
    assert_eq!(administrator.sign().await.expect("signed"), counted);
    assert!(refusal(&place.function(), &key).await.is_none());
    assert_eq!(place.accounts().sign().await.expect("verified"), counted);

    // What is put there later without a signature is never signed after the fact.
    place.forge(&at[1], |json| drop(json.as_object_mut().expect("an object").remove("signature"))).await;
    assert!(matches!(place.accounts().sign().await, Err(AccountsError::Forged { .. })));
}

#[tokio::test]
async fn signing_that_was_broken_off_goes_on() {
    let place = Deployment::new();
    let (administrator, key) = (place.accounts(), key());
    let id = administrator.add_key(&key, terms()).await.expect("added").id;
    place.unsign(&[&key_place(&id).key, &tenant_place(&terms().tenant).key]).await;
    // One that signed the tenant and was killed then.
    let accounts = place.accounts();
    let (signer, at) = (accounts.authority.draw().await.expect("drawn"), tenant_place(&terms().tenant));
    assert!(accounts.sign_one::<Tenant>(Some(&signer), &at, NO_EXPIRY).await.expect("signed"));
    assert!(matches!(refusal(&place.function(), &key).await, Some(AccessError::KeysUnavailable { .. })));
    place.accounts().sign().await.expect("the rest");
    assert!(refusal(&place.function(), &key).await.is_none());
}

#[tokio::test]
async fn who_has_no_vault_reads_and_changes_nothing() {
    let place = Deployment::new();
    place.accounts().add_tenant(&Tenant::new(terms().tenant, 1)).await.expect("added");
    let reader = Accounts::without_vault(Arc::clone(&place.ledger));
    assert_eq!(reader.tenants().await.expect("listed").len(), 1);
    assert!(matches!(reader.change_tenant(&terms().tenant, |_| true).await, Err(AccountsError::NoVault)));
}
