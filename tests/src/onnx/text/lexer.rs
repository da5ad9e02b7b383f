//! Tokens of the textual form.

/// The rest of a text.
pub(super) struct Tokens<'t> {
    rest: &'t str,
}

impl<'t> Tokens<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        let mut tokens = Self { rest: text };
        tokens.skip();
        tokens
    }

    /// The same text, for look-ahead.
    pub(super) fn ahead(&self) -> Self {
        Self { rest: self.rest }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Whether the next token is `mark`.
    pub(super) fn is_at(&self, mark: &str) -> bool {
        self.rest.starts_with(mark)
    }

    /// Consumes `mark` if it is the next token.
    pub(super) fn take(&mut self, mark: &str) -> bool {
        let taken = self.rest.strip_prefix(mark);
        self.rest = taken.unwrap_or(self.rest);
        self.skip();
        taken.is_some()
    }

    pub(super) fn expect(&mut self, mark: &str) -> Result<(), String> {
        if self.take(mark) { Ok(()) } else { Err(self.expected(&format!("{mark:?}"))) }
    }

    /// A name of letters, digits, `_` and, after the first, `.`; `what` names it in the error.
    pub(super) fn name(&mut self, what: &str) -> Result<&'t str, String> {
        let is_part =
            |(at, c): &(usize, char)| c.is_alphanumeric() || *c == '_' || (*at > 0 && matches!(c, '.' | ':' | '/'));
        let end = self.rest.char_indices().find(|part| !is_part(part)).map_or(self.rest.len(), |(at, _)| at);
        let starts = self.rest.starts_with(|c: char| c.is_alphabetic() || c == '_');
        if starts { Ok(self.cut(end)) } else { Err(self.expected(what)) }
    }

    /// A name, if one follows.
    pub(super) fn optional_name(&mut self) -> &'t str {
        self.name("").unwrap_or_default()
    }

    /// A number as it is written.
    pub(super) fn number(&mut self) -> Result<&'t str, String> {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
        let end = self.rest.find(|c| !is_part(c)).unwrap_or(self.rest.len());
        let starts = self.rest.starts_with(|c: char| c.is_ascii_digit() || matches!(c, '-' | '+' | '.'));
        let named = ["inf", "nan", "true", "false"].iter().any(|name| self.rest.starts_with(name));
        if starts || named { Ok(self.cut(end)) } else { Err(self.expected("a number")) }
    }

    /// A text in quotes, without escapes.
    pub(super) fn quoted(&mut self) -> Result<&'t str, String> {
        let inner = self.rest.strip_prefix('"').and_then(|rest| rest.split_once('"'));
        let Some((text, rest)) = inner else { return Err(self.expected("a text in quotes")) };
        self.rest = rest;
        self.skip();
        Ok(text)
    }

    /// A list of `one`, separated by commas, up to `end`.
    pub(super) fn list<T>(
        &mut self,
        end: &str,
        mut one: impl FnMut(&mut Self) -> Result<T, String>,
    ) -> Result<Vec<T>, String> {
        let mut all = Vec::new();
        if self.take(end) {
            return Ok(all);
        }
        loop {
            all.push(one(self)?);
            if !self.take(",") {
                self.expect(end)?;
                return Ok(all);
            }
        }
    }

    pub(super) fn expected(&self, what: &str) -> String {
        format!("expected {what} at: {}", self.rest.chars().take(60).collect::<String>())
    }

    fn cut(&mut self, end: usize) -> &'t str {
        let (cut, rest) = self.rest.split_at(end);
        self.rest = rest;
        self.skip();
        cut
    }

    fn skip(&mut self) {
        self.rest = self.rest.trim_start();
        while self.rest.starts_with('#') {
            self.rest = self.rest.split_once('\n').map_or("", |(_, rest)| rest).trim_start();
        }
    }
}
