//! Checks the date of a sealed call, against replays of recorded calls (RFC 9458 §6.5.1).

use std::time::{Duration, SystemTime};

use http::{HeaderMap, header};

use crate::error::Error;
use crate::error::SealedCallError;

/// Refuses a call whose date is invalid or more than [`DATE_WINDOW_SECONDS`] seconds from `now`.
pub(crate) fn check_date(headers: &HeaderMap, now: u64, required: bool) -> Result<(), Error> {
    let refused = |reason: String| Err(Error::Sealed(SealedCallError::Date { reason, now: format_http_date(now) }));
    let Some(value) = headers.get(header::DATE) else {
        return if required {
            refused("the call has no date, and this function takes none without".to_owned())
        } else {
            Ok(())
        };
    };
    let date = value.to_str().ok().and_then(|date| httpdate::parse_http_date(date).ok());
    let seconds = date.and_then(|date| date.duration_since(SystemTime::UNIX_EPOCH).ok()).map(|since| since.as_secs());
    match seconds {
        Some(seconds) if seconds.abs_diff(now) <= DATE_WINDOW_SECONDS => Ok(()),
        Some(seconds) => {
            let (apart, way) = (seconds.abs_diff(now), if seconds < now { "behind" } else { "ahead of" });
            refused(format!(
                "the date of the call is {apart} s {way} this function's clock, more than the {DATE_WINDOW_SECONDS} s that one may be; is the clock of \
                 the caller, or of this function, wrong?"
            ))
        }
        None => refused("the date of the call cannot be read; expected the form of RFC 9110 §5.6.7".to_owned()),
    }
}

fn format_http_date(seconds: u64) -> String {
    // An HTTP date has four digits for the year.
    let seconds = seconds.min(MAX_HTTP_DATE);
    httpdate::fmt_http_date(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

/// How far a client's clock may differ, in seconds.
pub(crate) const DATE_WINDOW_SECONDS: u64 = 120;
/// 31 December 9999, 23:59:59.
const MAX_HTTP_DATE: u64 = 253_402_300_799;

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn checked(date: Option<&str>, now: u64, required: bool) -> Result<(), Error> {
        let mut headers = HeaderMap::new();
        if let Some(date) = date {
            headers.insert(header::DATE, HeaderValue::from_str(date).expect("text"));
        }
        check_date(&headers, now, required)
    }

    #[test]
    fn dates_within_two_minutes_are_taken() {
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        for (now, taken) in [(784_111_777, true), (784_111_657, true), (784_111_897, true), (784_111_898, false)] {
            assert_eq!(checked(Some(date), now, false).is_ok(), taken, "{now}");
        }
        for (now, expected) in [
            (784_111_777 + 86_400, "is 86400 s behind this function's clock"),
            (784_111_777 - 86_400, "is 86400 s ahead of this function's clock"),
        ] {
            let error = checked(Some(date), now, true).expect_err("another day").to_string();
            assert!(error.contains(expected) && error.contains("is the clock of the caller"), "{error}");
        }
        for other in ["yesterday", "", "Sun, 06 Nov 1994 08:49:37 +0100"] {
            assert!(checked(Some(other), 784_111_777, false).is_err(), "{other}");
        }
        assert!(checked(None, 0, false).is_ok());
        let Err(Error::Sealed(SealedCallError::Date { now, .. })) = checked(None, 784_111_777, true) else {
            panic!("a date is needed")
        };
        assert_eq!(now, date);
        assert!(checked(None, u64::MAX, true).is_err());
    }
}
