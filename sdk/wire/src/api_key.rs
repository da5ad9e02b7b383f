//! API keys: `amaas_<env>_<30 base62><6 base62 CRC-32>`.
//!
//! The prefix lets secret scanners find a leaked key, and no character breaks a double-click selection. The checksum
//! detects a mistyped key before any look-up. The scheme is that of GitHub's tokens.
//!
//! Base62 is written by hand: characters are drawn one by one from the alphabet, and the one number is a checksum of six digits.

use std::fmt;
use std::str::FromStr;

use zeroize::Zeroizing;

/// A well-formed API key. `Debug` does not show it, and its memory is wiped when it is dropped.
///
/// ```
/// use amaas_wire::ApiKey;
///
/// let key = ApiKey::generate("dev")?;
/// assert!(key.expose().parse::<ApiKey>().is_ok());
/// assert_eq!(format!("{key:?}"), "ApiKey(amaas_dev_…)");
/// # Ok::<(), amaas_wire::GenerateError>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKey {
    text: Zeroizing<String>,
    environment: String,
}

impl ApiKey {
    /// Makes a key of 178 random bits for `environment` (lower-case letters and digits, such as `dev` or `live`).
    ///
    /// # Errors
    /// If the operating system gives no randomness, or `environment` has other characters.
    pub fn generate(environment: &str) -> Result<Self, GenerateError> {
        if !valid_environment(environment) {
            return Err(GenerateError::Environment);
        }
        let mut text = Zeroizing::new(format!("{PREFIX}{environment}_"));
        let end = text.len() + SECRET_LEN;
        while text.len() < end {
            let mut bytes = Zeroizing::new([0_u8; SECRET_LEN]);
            getrandom::fill(bytes.as_mut_slice()).map_err(|_| GenerateError::Random)?;
            // Rejection sampling below 248 = 4 × 62 keeps every character equally likely.
            let characters = bytes.iter().filter(|byte| **byte < 248).map(|byte| BASE62[usize::from(byte % 62)]);
            for character in characters.take(end - text.len()) {
                text.push(char::from(character));
            }
        }
        let digits = check_digits(&text);
        text.push_str(&digits);
        Ok(Self { text, environment: environment.to_owned() })
    }

    /// The key itself. Send it, never log it.
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The environment in the key, such as `dev`.
    pub fn environment(&self) -> &str {
        &self.environment
    }
}

impl FromStr for ApiKey {
    type Err = MalformedKey;

    fn from_str(text: &str) -> Result<Self, MalformedKey> {
        let rest = text.strip_prefix(PREFIX).ok_or(MalformedKey::Prefix)?;
        let (environment, secret) = rest.split_once('_').ok_or(MalformedKey::Environment)?;
        if !valid_environment(environment) {
            return Err(MalformedKey::Environment);
        }
        if secret.len() != SECRET_LEN + CHECK_LEN {
            return Err(MalformedKey::Length);
        }
        if !secret.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(MalformedKey::Characters);
        }
        let (body, digits) = text.split_at(text.len() - CHECK_LEN);
        if check_digits(body) != digits {
            return Err(MalformedKey::Checksum);
        }
        Ok(Self { text: Zeroizing::new(text.to_owned()), environment: environment.to_owned() })
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({PREFIX}{}_…)", self.environment)
    }
}

/// The part of an API key that is malformed. It never holds the key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MalformedKey {
    /// It does not begin with `amaas_`.
    #[error("an API key begins with \"amaas_\"")]
    Prefix,
    /// The environment is missing or has other characters than lower-case letters and digits.
    #[error("the environment of the API key is missing or malformed: expected amaas_<environment>_<secret>")]
    Environment,
    /// The secret has another length.
    #[error("the secret of the API key has a wrong length: expected 36 characters")]
    Length,
    /// The secret has a character that is not a letter or a digit.
    #[error("the secret of the API key has a character that is not a letter or a digit")]
    Characters,
    /// The checksum does not match: a character was mistyped or lost.
    #[error("the check digits of the API key do not fit: was it copied in full?")]
    Checksum,
}

/// Why a key could not be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GenerateError {
    /// The operating system gave no randomness.
    #[error("the operating system gave no randomness")]
    Random,
    /// The environment has other characters than lower-case letters and digits.
    #[error("the environment of a key is 1 to 16 lower-case letters and digits")]
    Environment,
}

fn valid_environment(environment: &str) -> bool {
    (1..=16).contains(&environment.len())
        && environment.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// The checksum: CRC-32 (IEEE) of `body` in base 62, most significant digit first.
fn check_digits(body: &str) -> String {
    let mut rest = crc32fast::hash(body.as_bytes()) as usize;
    let mut digits = [b'0'; CHECK_LEN];
    for digit in digits.iter_mut().rev() {
        *digit = BASE62[rest % 62];
        rest /= 62;
    }
    digits.into_iter().map(char::from).collect()
}

const PREFIX: &str = "amaas_";
/// 30 characters of base 62 are 178 bits.
const SECRET_LEN: usize = 30;
/// 62⁶ is more than 2³².
const CHECK_LEN: usize = 6;
const BASE62: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_round_trip_and_differ() {
        let (a, b) = (ApiKey::generate("live").expect("random"), ApiKey::generate("live").expect("random"));
        assert_ne!(a, b);
        assert_eq!(a.expose().len(), "amaas_live_".len() + 36);
        assert_eq!(a.expose().parse(), Ok(a.clone()));
        assert_eq!(a.environment(), "live");
    }

    #[test]
    fn each_wrong_part_is_named() {
        let key = ApiKey::generate("dev").expect("random");
        let text = key.expose();
        let flipped = if text.ends_with('a') { "b" } else { "a" };
        for (text, expected) in [
            (String::new(), MalformedKey::Prefix),
            ("sk-123".to_owned(), MalformedKey::Prefix),
            ("amaas_dev".to_owned(), MalformedKey::Environment),
            ("amaas__x".to_owned(), MalformedKey::Environment),
            (text[..text.len() - 1].to_owned(), MalformedKey::Length),
            (format!("{}é", &text[..text.len() - 2]), MalformedKey::Characters),
            (format!("{}{flipped}", &text[..text.len() - 1]), MalformedKey::Checksum),
        ] {
            assert_eq!(text.parse::<ApiKey>(), Err(expected), "{text}");
        }
    }

    #[test]
    fn check_digits_are_crc32_in_base_62() {
        // The CRC-32/ISO-HDLC check value of "123456789" is 0xCBF43926 = 3421780262.
        assert_eq!(check_digits("123456789"), "3jZRME");
    }

    #[test]
    fn debug_shows_no_secret() {
        let key = ApiKey::generate("dev").expect("random");
        assert!(!format!("{key:?}").contains(&key.expose()[11..]));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_a_key_or_an_error(text in ".{0,60}") {
            let _ = text.parse::<ApiKey>();
        }
    }
}
