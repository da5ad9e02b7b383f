//! A receipt as it arrives.

use std::fmt;
use std::str::FromStr;

use super::{PAYLOAD_TYPE, Receipt, ReceiptError};
use crate::dsse::{Envelope, VerifyingKey};
use crate::json;

/// A receipt in its envelope: well formed, and not verified yet. `Display` writes the envelope.
///
/// ```
/// use amaas_wire::receipt::{ReceiptError, SignedReceipt};
///
/// let error = "{}".parse::<SignedReceipt>().expect_err("no envelope");
/// assert_eq!(error.to_string(), "the receipt: the document is not a DSSE envelope");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct SignedReceipt {
    envelope: Envelope,
    receipt: Receipt,
}

impl SignedReceipt {
    /// What the receipt says, if one of `signers` signed it and each signature by one of them holds.
    ///
    /// # Errors
    /// [`ReceiptError::Envelope`] says what is wrong.
    pub fn verify(&self, signers: &[VerifyingKey]) -> Result<&Receipt, ReceiptError> {
        self.envelope.verify(PAYLOAD_TYPE, signers)?;
        Ok(&self.receipt)
    }

    /// What the receipt says, whoever wrote it: nothing to build on, before it has been [verified](Self::verify).
    pub fn unverified(&self) -> &Receipt {
        &self.receipt
    }
}

impl FromStr for SignedReceipt {
    type Err = ReceiptError;

    /// Reads the value of the header; white space around it is passed over.
    fn from_str(text: &str) -> Result<Self, ReceiptError> {
        let text = text.trim_ascii();
        if text.len() > MAX_BYTES {
            return Err(ReceiptError::TooLong { expected: MAX_BYTES, got: text.len() });
        }
        let envelope = Envelope::from_json(text.as_bytes())?;
        let receipt = json::read(envelope.unverified(PAYLOAD_TYPE)?).map_err(ReceiptError::Malformed)?;
        Ok(Self { envelope, receipt })
    }
}

impl fmt::Display for SignedReceipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.envelope.fmt(f)
    }
}

impl fmt::Debug for SignedReceipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SignedReceipt").field("envelope", &self.envelope).field("unverified", &self.receipt).finish()
    }
}

/// The most bytes of an envelope with a receipt. One has some 900; more than this is more than many a proxy lets a header have.
pub const MAX_BYTES: usize = 8 << 10;
