//! Characters of a text by their index.

/// A text whose characters, Unicode code points, are found by index.
#[derive(Debug)]
pub(super) struct Characters<'t> {
    text: &'t str,
    /// The byte at which each character begins, and the length of the text.
    begins: Vec<usize>,
}

impl<'t> Characters<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        let begins = text.char_indices().map(|(at, _)| at).chain([text.len()]).collect();
        Self { text, begins }
    }

    /// The characters from `start` to `end`, exclusive; empty if there are none.
    pub(super) fn slice(&self, start: usize, end: usize) -> &'t str {
        let last = self.begins.len() - 1;
        let (start, end) = (start.min(last), end.min(last));
        if start < end { &self.text[self.begins[start]..self.begins[end]] } else { "" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_are_code_points() {
        let text = Characters::of("Zoë 🍕!");
        assert_eq!((text.slice(2, 5), text.slice(4, 99), text.slice(3, 2)), ("ë 🍕", "🍕!", ""));
        assert_eq!(Characters::of("").slice(0, 1), "");
    }
}
