//! The path of a place in a JSON text, such as `inputs[0].shape`.

/// The path at the end of a text, which may be in the middle of a value.
#[derive(Debug, Default)]
pub(super) struct JsonPath {
    open: Vec<PathLevel>,
    /// Levels below [`MAX_SHOWN_DEPTH`], which are only counted.
    deeper: usize,
}

/// A list or an object that has begun and not ended.
#[derive(Debug)]
enum PathLevel {
    /// The place of the entry, once that has begun.
    List { index: usize, begun: bool },
    /// The name of the member, once its value may come.
    Object { name: Option<String>, read: Option<String> },
}

impl JsonPath {
    /// The path of the end of `text`.
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
                b'[' => path.push(PathLevel::List { index: 0, begun: false }),
                b'{' => path.push(PathLevel::Object { name: None, read: None }),
                b']' | b'}' => path.pop(),
                b':' => path.colon(),
                b',' => path.comma(),
                b' ' | b'\t' | b'\r' | b'\n' => {}
                _ => path.value(),
            }
        }
        path
    }

    /// The name of the outermost member.
    pub(super) fn member(&self) -> Option<String> {
        match self.open.first()? {
            PathLevel::Object { name: Some(name), .. } => Some(name.clone()),
            _ => None,
        }
    }

    /// Begins the next value, which was not scanned.
    pub(super) fn value(&mut self) {
        if let (0, Some(PathLevel::List { begun, .. })) = (self.deeper, self.open.last_mut()) {
            *begun = true;
        }
    }

    /// Ends a string: a name if one is expected, else a value.
    fn string(&mut self, text: Option<&[u8]>) {
        match (self.deeper, self.open.last_mut()) {
            (0, Some(PathLevel::Object { name: None, read })) => *read = text.map(shown),
            _ => self.value(),
        }
    }

    fn push(&mut self, level: PathLevel) {
        self.value();
        if self.deeper > 0 || self.open.len() == MAX_SHOWN_DEPTH { self.deeper += 1 } else { self.open.push(level) }
    }

    fn pop(&mut self) {
        match self.deeper.checked_sub(1) {
            Some(less) => self.deeper = less,
            None => drop(self.open.pop()),
        }
    }

    fn colon(&mut self) {
        if let (0, Some(PathLevel::Object { name, read })) = (self.deeper, self.open.last_mut()) {
            *name = read.take();
        }
    }

    fn comma(&mut self) {
        match (self.deeper, self.open.last_mut()) {
            (0, Some(PathLevel::Object { name, .. })) => *name = None,
            (0, Some(PathLevel::List { index, begun })) => (*index, *begun) = (*index + 1, false),
            _ => {}
        }
    }
}

impl std::fmt::Display for JsonPath {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (depth, level) in self.open.iter().enumerate() {
            match level {
                PathLevel::List { index, begun: true } => write!(f, "[{index}]")?,
                PathLevel::Object { name: Some(name), .. } => write!(f, "{}{name}", if depth > 0 { "." } else { "" })?,
                _ => {}
            }
        }
        if self.deeper > 0 { f.write_str("[…]") } else { Ok(()) }
    }
}

/// A name as an error shows it. Anything but an identifier may be private data of the client.
fn shown(name: &[u8]) -> String {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    match std::str::from_utf8(name) {
        Ok(name) if name.len() <= MAX_SHOWN_NAME && name.bytes().all(|byte| plain(&byte)) => name.to_owned(),
        _ => "…".to_owned(),
    }
}

/// The position of the quotation mark that ends the string at `at`.
fn end_of_string(text: &[u8], mut at: usize) -> Option<usize> {
    loop {
        match text.get(at)? {
            b'"' => return Some(at),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// Levels that an error shows. A body can have as many as it has bytes.
const MAX_SHOWN_DEPTH: usize = 16;

/// Characters of a name from the body that an error shows.
pub(super) const MAX_SHOWN_NAME: usize = 64;
