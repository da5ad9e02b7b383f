//! Formats quantities and prices for people.

/// The sum of `amounts`. `Iterator::sum` begins at -0, so it returns -0 for an empty iterator.
pub(super) fn sum(amounts: impl IntoIterator<Item = f64>) -> f64 {
    amounts.into_iter().fold(0.0, |sum, amount| sum + amount)
}

/// Money, rounded to the cent. An amount below half a cent is shown as such.
pub(super) fn usd(amount: f64) -> String {
    if amount <= 0.0 {
        "0.00".to_owned()
    } else if amount < 0.005 {
        "< 0.01".to_owned()
    } else {
        grouped(&format!("{amount:.2}"))
    }
}

/// A quantity: whole from a thousand on, else with enough digits to differ from zero.
pub(super) fn quantity(amount: f64) -> String {
    let amount = without_negative_zero(amount);
    if amount > 0.0 && amount < 0.0001 {
        return "< 0.0001".to_owned();
    }
    let text = match amount {
        _ if amount.fract() == 0.0 || amount >= 1000.0 => format!("{amount:.0}"),
        _ if amount >= 1.0 => format!("{amount:.2}").trim_end_matches('0').to_owned(),
        _ => format!("{amount:.4}").trim_end_matches('0').to_owned(),
    };
    grouped(text.trim_end_matches('.'))
}

/// A quantity with its unit.
pub(super) fn with_unit(amount: f64, unit: &str) -> String {
    format!("{} {}", quantity(amount), plural(unit, amount))
}

/// The price of one, or of `per`, without its unit, which is shown beside it.
pub(super) fn rate(cost: f64, per: f64) -> String {
    let cost = without_negative_zero(cost);
    if per <= 1.0 { format!("{cost}") } else { format!("{cost} per {}", quantity(per)) }
}

/// A price with its unit: the price of `per`.
pub(super) fn unit_price(cost: f64, per: f64, unit: &str) -> String {
    let cost = without_negative_zero(cost);
    if per <= 1.0 { format!("{cost} per {unit}") } else { format!("{cost} per {}", with_unit(per, unit)) }
}

/// The same number, but 0 for -0.
fn without_negative_zero(amount: f64) -> f64 {
    amount + 0.0
}

/// The unit of `amount`, in singular or plural.
fn plural(unit: &str, amount: f64) -> String {
    // No other unit that is priced has a plural of its own.
    if (amount - 1.0).abs() < f64::EPSILON || unit.ends_with("GB") { unit.to_owned() } else { format!("{unit}s") }
}

/// A comma before every three digits in front of the decimal point.
fn grouped(text: &str) -> String {
    let (whole, rest) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let mut all = String::with_capacity(text.len() + text.len() / 3);
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            all.push(',');
        }
        all.push(digit);
    }
    rest.map_or_else(|| all.clone(), |rest| format!("{all}.{rest}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn money_is_to_the_cent_and_never_nothing_where_there_is_some() {
        for (amount, expected) in [
            (0.0, "0.00"),
            (1e-9, "< 0.01"),
            (0.004_99, "< 0.01"),
            (0.005, "0.01"),
            (999.999, "1,000.00"),
            (1_234_567.891, "1,234,567.89"),
        ] {
            assert_eq!(usd(amount), expected, "{amount}");
        }
    }

    #[test]
    fn nothing_has_no_sign() {
        assert!(sum([]).is_sign_positive() && sum([-0.0]).is_sign_positive());
        assert!((sum([1.0, 2.5]) - 3.5).abs() < 1e-12);
        for text in [
            usd(-0.0),
            quantity(-0.0),
            with_unit(-0.0, "key"),
            rate(-0.0, 1.0),
            rate(-0.0, 10.0),
            unit_price(-0.0, 1.0, "key"),
            unit_price(-0.0, 1000.0, "request"),
        ] {
            assert!(text.starts_with('0'), "{text}");
        }
    }

    #[test]
    fn quantities_keep_what_tells_them_apart() {
        for (amount, expected) in [
            (0.0, "0"),
            (0.000_01, "< 0.0001"),
            (0.0125, "0.0125"),
            (0.01, "0.01"),
            (1.001, "1"),
            (2.0, "2"),
            (12.345, "12.35"),
            (1234.5, "1,234"),
            (1e9, "1,000,000,000"),
        ] {
            assert_eq!(quantity(amount), expected, "{amount}");
        }
        assert_eq!((with_unit(1.0, "key"), with_unit(2.0, "key")), ("1 key".to_owned(), "2 keys".to_owned()));
        assert_eq!(with_unit(2.0, "GB"), "2 GB");
    }
}
