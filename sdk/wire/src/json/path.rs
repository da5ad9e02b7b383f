//! The path of a place in a JSON text, such as `inputs[0].shape`.

/// Where the text stands at its end, which may be in the middle of a value.
#[derive(Debug, Default)]
pub(super) struct Path {
    /// Those that are not told are only counted.
    open: Vec<Level>,
    deeper: usize,
}

/// A list or an object that has begun and not ended.
#[derive(Debug)]
enum Level {
    /// The place of the entry, once that has begun.
    List { index: usize, begun: bool },
    /// The name of the member, once its value may come.
    Object { name: Option<String>, read: Option<String> },
}

impl Path {
    /// That of the end of `text`.
    pub(super) fn at_end_of(text: &[u8]) -> Self {
        let mut path = Self::default();
        let mut at = 0;
        while let Some(byte) = text.get(at) {
            at += 1;
            match byte {
                b'"' => {
                    let end = end_of_string(text, at);
                    path.string(end.and_then(|end| text.get(at..end)));
                    at = end.map_or(text.len(), |end| end + 1);
                }
                b'[' => path.push(Level::List { index: 0, begun: false }),
                b'{' => path.push(Level::Object { name: None, read: None }),
                b']' | b'}' => path.pop(),
                b':' => path.colon(),
                b',' => path.comma(),
                b' ' | b'\t' | b'\r' | b'\n' => {}
                _ => path.value(),
            }
        }
        path
    }

    /// The name of the member of the whole in which it is.
    pub(super) fn member(&self) -> Option<String> {
        match self.open.first()? {
            Level::Object { name: Some(name), .. } => Some(name.clone()),
            _ => None,
        }
    }

    /// Has the value that comes next begun, of which nothing was scanned.
    pub(super) fn value(&mut self) {
        if let (0, Some(Level::List { begun, .. })) = (self.deeper, self.open.last_mut()) {
            *begun = true;
        }
    }

    /// What ended is a name where one is expected, else a value.
    fn string(&mut self, text: Option<&[u8]>) {
        match (self.deeper, self.open.last_mut()) {
            (0, Some(Level::Object { name: None, read })) => *read = text.map(shown),
            _ => self.value(),
        }
    }

    fn push(&mut self, level: Level) {
        self.value();
        if self.deeper > 0 || self.open.len() == DEEPEST { self.deeper += 1 } else { self.open.push(level) }
    }

    fn pop(&mut self) {
        match self.deeper.checked_sub(1) {
            Some(less) => self.deeper = less,
            None => drop(self.open.pop()),
        }
    }

    fn colon(&mut self) {
        if let (0, Some(Level::Object { name, read })) = (self.deeper, self.open.last_mut()) {
            *name = read.take();
        }
    }

    fn comma(&mut self) {
        match (self.deeper, self.open.last_mut()) {
            (0, Some(Level::Object { name, .. })) => *name = None,
            (0, Some(Level::List { index, begun })) => (*index, *begun) = (*index + 1, false),
            _ => {}
        }
    }
}

impl std::fmt::Display for Path {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (depth, level) in self.open.iter().enumerate() {
            match level {
                Level::List { index, begun: true } => write!(f, "[{index}]")?,
                Level::Object { name: Some(name), .. } => write!(f, "{}{name}", if depth > 0 { "." } else { "" })?,
                _ => {}
            }
        }
        if self.deeper > 0 { f.write_str("[…]") } else { Ok(()) }
    }
}

/// A name as it is told: what is no identifier may be part of what the caller keeps private.
fn shown(name: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    match std::str::from_utf8(name) {
        Ok(name) if name.len() <= super::words::LONGEST_NAME && name.bytes().all(|byte| plain(&byte)) => {
            name.to_owned()
        }
        _ => "…".to_owned(),
    }
}

/// Where the quotation mark is that ends the string that begins at `at`.
fn end_of_string(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match text.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// How many levels are told of; a body can have as many as it has bytes.
const DEEPEST: usize = 16;
