//! Signed records of a ledger.
//!
//! A record is JSON with one more member, `signature`: Ed25519 over the record without that member, and over its key in the ledger, so
//! that a moved record is not valid. A record is serialized again to be verified, so unsigned members are never used.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use amaas_wire::dsse::{SigningKey, VerifyingKey};

use crate::error::AccountsError;
use amaas_ledger::{LedgerError, LedgerKey};

/// Where a record is stored, and its description in errors, such as "key 0123456789ab".
pub(super) struct RecordPlace {
    pub(super) key: LedgerKey,
    pub(super) what: String,
}

/// The record at `place`, signed.
pub(super) fn signed(signer: &SigningKey, place: &RecordPlace, record: &impl Serialize) -> Bytes {
    #[derive(Serialize)]
    struct Signed<'a, T> {
        #[serde(flatten)]
        record: &'a T,
        signature: String,
    }
    let signature = BASE64_STANDARD.encode(signer.sign_detached(PAYLOAD_TYPE, &message(place, record)));
    // Records hold names, numbers and text only, so serialization cannot fail.
    serde_json::to_vec(&Signed { record, signature }).unwrap_or_default().into()
}

/// The record in `value`, if its signature is valid for `place`.
pub(super) fn verified<T>(verifier: &VerifyingKey, place: &RecordPlace, value: &[u8]) -> Result<T, AccountsError>
where
    T: Serialize + DeserializeOwned,
{
    let forged = || AccountsError::Forged { what: place.what.clone() };
    let (record, signature) = parsed::<T>(value)?;
    let signature = signature.and_then(|text| BASE64_STANDARD.decode(text).ok()).ok_or_else(forged)?;
    verifier.verify_detached(PAYLOAD_TYPE, &message(place, &record), &signature).map_err(|_| forged())?;
    Ok(record)
}

/// The record in `value` without verification, and its signature.
pub(super) fn parsed<T: DeserializeOwned>(value: &[u8]) -> Result<(T, Option<String>), AccountsError> {
    #[derive(Deserialize)]
    struct Signature {
        #[serde(default)]
        signature: Option<String>,
    }
    let malformed = |error: serde_json::Error| {
        let cause = format!("an account of an unknown format: line {}, column {}", error.line(), error.column());
        AccountsError::Ledger(LedgerError::Format { ledger: "the ledger".to_owned(), cause })
    };
    let Signature { signature } = serde_json::from_slice(value).map_err(malformed)?;
    Ok((serde_json::from_slice(value).map_err(malformed)?, signature))
}

/// The signed message: place and record, unambiguously.
fn message(place: &RecordPlace, record: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(&(place.key.partition(), place.key.sort(), record)).unwrap_or_default()
}

const PAYLOAD_TYPE: &str = "application/vnd.amaas.ledger-record+json";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::price::Price;
    use crate::tenant::Tenant;

    fn place(partition: &str, sort: &str) -> RecordPlace {
        RecordPlace { key: LedgerKey::new(partition, sort), what: sort.to_owned() }
    }

    #[test]
    fn a_record_holds_in_its_place_as_it_was_signed() {
        let signer = SigningKey::from_bytes(&[7; 32]);
        let (verifier, at) = (signer.verifying_key(), place("tenants", "acme"));
        let tenant = Tenant { budget: "25".parse().ok(), ..Tenant::new("acme".parse().expect("a name"), 1) };
        let value = signed(&signer, &at, &tenant);
        // Later versions verify records that any version signed, so this must not change.
        assert_eq!(
            String::from_utf8_lossy(&value),
            concat!(
                r#"{"name":"acme","created":1,"standing":"active","budget":"25","signature":"#,
                r#""2SGIond5Oy4XY1e0ZDZbI5sQw/nJYCQVc41DJrFwqzWxT/0/Cc+s5e1Z9OI9nQ6DC/CZ5qon3jYLGXdV5Qh4BA=="}"#
            )
        );
        assert_eq!(verified::<Tenant>(&verifier, &at, &value).expect("as it was signed"), tenant);
        for other in [place("tenants", "acme2"), place("tenant", "sacme"), place("prices", "acme")] {
            assert!(verified::<Tenant>(&verifier, &other, &value).is_err());
        }
        assert!(verified::<Tenant>(&SigningKey::from_bytes(&[8; 32]).verifying_key(), &at, &value).is_err());
        for index in 0..value.len() {
            let mut flipped = value.to_vec();
            flipped[index] ^= 1;
            // A renamed member is not read; if its value is the default, the record is unchanged.
            if let Ok(other) = verified::<Tenant>(&verifier, &at, &flipped) {
                assert_eq!(other, tenant, "a flip at {index}");
            }
        }
    }

    #[test]
    fn what_is_not_signed_is_not_taken() {
        let (verifier, at) = (SigningKey::from_bytes(&[7; 32]).verifying_key(), place("prices", "m"));
        let plain = serde_json::to_vec(&Price::default()).expect("JSON");
        for value in
            [&plain[..], br#"{"call":"0","unit":"0","signature":null}"#, br#"{"call":"0","unit":"0","signature":""}"#]
        {
            let refused = verified::<Price>(&verifier, &at, value);
            assert!(matches!(refused, Err(AccountsError::Forged { .. })), "{refused:?}");
        }
        assert!(matches!(verified::<Price>(&verifier, &at, b"{}"), Err(AccountsError::Ledger(_))));
    }
}
