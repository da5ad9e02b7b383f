//! The names of classes in the metadata of an ONNX file, as Python writes them: `{0: 'person', 1: "driver's seat"}`, or a list.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

/// The names in `text`, a dictionary with the keys 0, 1 and so on, or a list; `None` if it is neither.
pub(super) fn class_names(text: &str) -> Option<Vec<String>> {
    let mut literal = Literal(text.chars().peekable());
    let names = match literal.next()? {
        '{' => {
            let mut names = BTreeMap::new();
            literal.items('}', |literal| {
                let index = literal.index()?;
                literal.expect(':')?;
                let name = literal.string()?;
                names.insert(index, name).is_none().then_some(())
            })?;
            let is_whole = names.keys().copied().eq(0..names.len());
            is_whole.then(|| names.into_values().collect::<Vec<_>>())?
        }
        '[' => {
            let mut names = Vec::new();
            literal.items(']', |literal| literal.string().map(|name| names.push(name)))?;
            names
        }
        _ => return None,
    };
    (literal.next().is_none() && !names.is_empty()).then_some(names)
}

/// The rest of a literal of Python.
struct Literal<'t>(Peekable<Chars<'t>>);

impl Literal<'_> {
    /// The next character that is no space.
    fn next(&mut self) -> Option<char> {
        self.0.by_ref().find(|next| !next.is_whitespace())
    }

    /// The same, without taking it.
    fn peek(&mut self) -> Option<char> {
        while self.0.next_if(|next| next.is_whitespace()).is_some() {}
        self.0.peek().copied()
    }

    fn expect(&mut self, expected: char) -> Option<()> {
        (self.next()? == expected).then_some(())
    }

    /// Items, separated by commas, and the character `end`.
    fn items(&mut self, end: char, mut item: impl FnMut(&mut Self) -> Option<()>) -> Option<()> {
        loop {
            if self.peek()? == end {
                return self.expect(end);
            }
            item(self)?;
            match self.next()? {
                ',' => {}
                next => return (next == end).then_some(()),
            }
        }
    }

    /// An index, which JSON has as a string.
    fn index(&mut self) -> Option<usize> {
        if matches!(self.peek()?, '\'' | '"') {
            return self.string()?.parse().ok();
        }
        let mut digits = String::new();
        while let Some(digit) = self.0.next_if(char::is_ascii_digit) {
            digits.push(digit);
        }
        digits.parse().ok()
    }

    fn string(&mut self) -> Option<String> {
        let quote = self.next().filter(|quote| matches!(quote, '\'' | '"'))?;
        let mut text = String::new();
        loop {
            match self.0.next()? {
                '\\' => text.push(self.escape()?),
                next if next == quote => return Some(text),
                next => text.push(next),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        let digits = match self.0.next()? {
            same @ ('\\' | '\'' | '"') => return Some(same),
            'n' => return Some('\n'),
            'r' => return Some('\r'),
            't' => return Some('\t'),
            'x' => 2,
            'u' => 4,
            'U' => 8,
            _ => return None,
        };
        let mut code = 0;
        for _ in 0..digits {
            code = code * 16 + u64::from(self.0.next()?.to_digit(16)?);
        }
        char::from_u32(u32::try_from(code).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_those_that_python_writes() {
        for (text, expected) in [
            (r#"{0: 'person', 1: "driver's seat"}"#, Some(vec!["person", "driver's seat"])),
            (r"{ 1 : 'b' , 0:'a\'\x41\u00e9\\' , }", Some(vec!["a'Aé\\", "b"])),
            (r"['a', 'b']", Some(vec!["a", "b"])),
            (r#"{"0": "a"}"#, Some(vec!["a"])),
            (r"{0: 'a', 2: 'b'}", None),
            (r"{0: 'a', 0: 'b'}", None),
            (r"{0: 'a'} ;", None),
            (r"{0: 'a", None),
            (r"{0: a}", None),
            (r"['a' 'b']", None),
            (r"{}", None),
            (r"", None),
        ] {
            let expected: Option<Vec<String>> = expected.map(|names| names.into_iter().map(str::to_owned).collect());
            assert_eq!(class_names(text), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_answered(text in r#"[\[\]{}'":,\\xuU0-9a ]{0,40}"#) {
            if let Some(names) = class_names(&text) {
                prop_assert!(!names.is_empty());
            }
        }

        #[test]
        fn any_name_is_read(names in proptest::collection::vec("[a-z'\"\\\\é ]{0,12}", 1..5)) {
            let escaped = names.iter().map(|name| name.replace('\\', r"\\").replace('\'', r"\'"));
            let items = escaped.enumerate().map(|(index, name)| format!("{index}: '{name}'"));
            let text = format!("{{{}}}", items.collect::<Vec<_>>().join(", "));
            prop_assert_eq!(class_names(&text), Some(names));
        }
    }
}
