//! The beginning of a text, cut at the end of a word.

/// About the first `length` bytes of `text`, and whether they end at the end of a word: at the last white space in their second half,
/// if there is any. Text after white space does not change the tokens before it.
pub(super) fn beginning(text: &str, length: usize) -> (&str, bool) {
    if text.len() <= length {
        return (text, true);
    }
    let half = length / 2;
    let space = text.as_bytes()[half..length].iter().rposition(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    match space {
        Some(at) => (&text[..half + at], true),
        None => (&text[..text.floor_char_boundary(length)], false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_beginning_ends_at_white_space_if_there_is_any() {
        assert_eq!(beginning("ab cd", 9), ("ab cd", true));
        assert_eq!(beginning("ab cd", 5), ("ab cd", true));
        assert_eq!(beginning("ab cd", 4), ("ab", true));
        assert_eq!(beginning("ab cd", 2), ("ab", false));
        assert_eq!(beginning("ab\u{b}cdef", 4), ("ab\u{b}c", false));
        assert_eq!(beginning("éé", 3), ("é", false));
    }
}
