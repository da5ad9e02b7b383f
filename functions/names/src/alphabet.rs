//! Folds names in any script to the 29 characters of the network's alphabet, as ids.
//!
//! Invariant: `model/encoding.py` does the same, and `model/names.json` tests both. Latin letters lose their case and diacritics, some
//! are spelled out, and white space becomes one space. Each other character becomes one unknown id, so that a name in another script
//! has no known letter.

use unicode_normalization::UnicodeNormalization;

/// One id for each character of `name`, folded; at most `MAX_CHARACTERS` + 1 of them, so that a name that is too long is noticed.
pub(crate) fn ids(name: &str) -> Vec<i64> {
    let lower = name.chars().flat_map(char::to_lowercase).flat_map(spell);
    // Compatibility decomposition can produce capitals (™ is TM), so letters are folded again after it.
    let letters = lower.nfkd().filter(|character| !is_mark(*character)).flat_map(char::to_lowercase).flat_map(spell);
    let (mut ids, mut space) = (Vec::new(), false);
    for letter in letters {
        if letter.is_whitespace() {
            space = !ids.is_empty();
            continue;
        }
        if std::mem::take(&mut space) {
            ids.push(SPACE);
        }
        ids.push(id(letter));
        if ids.len() > MAX_CHARACTERS {
            break;
        }
    }
    ids
}

/// Whether any of `ids` is a letter, and not a mark, a space or unknown.
pub(crate) fn has_letter(ids: &[i64]) -> bool {
    ids.iter().any(|id| *id > HYPHEN)
}

fn id(letter: char) -> i64 {
    let position = ALPHABET.find(letter).and_then(|position| i64::try_from(position).ok());
    position.map_or(UNKNOWN, |position| SPACE + position)
}

/// Unicode's combining diacritical marks, which decomposition separates from a Latin letter.
fn is_mark(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}')
}

/// Letters that Unicode does not decompose, and variants of the apostrophe and the hyphen.
fn spell(character: char) -> SpelledChars {
    let letters = match character {
        'ß' => ['s', 's'],
        'æ' => ['a', 'e'],
        'œ' => ['o', 'e'],
        'þ' => ['t', 'h'],
        'ø' => return one('o'),
        'đ' | 'ð' => return one('d'),
        'ħ' => return one('h'),
        'ı' => return one('i'),
        'ł' => return one('l'),
        'ŧ' => return one('t'),
        '\u{2018}' | '\u{2019}' | '\u{2bb}' | '\u{2bc}' | '\u{2bd}' | '`' | '\u{b4}' => return one('\''),
        '\u{2010}'..='\u{2014}' => return one('-'),
        other => return one(other),
    };
    Some(letters[0]).into_iter().chain(Some(letters[1]))
}

fn one(letter: char) -> SpelledChars {
    Some(letter).into_iter().chain(None)
}

type SpelledChars = std::iter::Chain<std::option::IntoIter<char>, std::option::IntoIter<char>>;

/// The longest folded name. The longest surnames in use have some 40 letters, those of the data 20.
pub(crate) const MAX_CHARACTERS: usize = 64;
pub(crate) const PADDING: i64 = 0;
const UNKNOWN: i64 = 1;
/// The ids of the alphabet follow one another.
const SPACE: i64 = 2;
const HYPHEN: i64 = 4;
const ALPHABET: &str = " '-abcdefghijklmnopqrstuvwxyz";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_alphabet_is_in_the_order_of_the_ids() {
        assert_eq!(ids("a-b'c d"), [5, 4, 6, 3, 7, 2, 8]);
        assert_eq!(ids("z"), [30]);
        assert!(has_letter(&ids("-a")) && !has_letter(&ids("-' 7")));
    }

    #[test]
    fn an_endless_name_is_read_no_further_than_it_must() {
        assert_eq!(ids(&"x".repeat(1 << 20)).len(), MAX_CHARACTERS + 1);
        assert!(ids(&" ".repeat(1 << 20)).is_empty());
        assert!(ids(&"\u{301}".repeat(1 << 20)).is_empty());
    }
}
