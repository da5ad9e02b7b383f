//! The head of a message: its control data and its header section.

use super::error::BhttpError;
use super::fields::{FieldSection, is_token, write_prefixed};
use super::form::MessageForm;
use super::reader::HeadElement;
use crate::varint;

/// Method, target and header fields of a request.
///
/// ```
/// use amaas_ohttp::bhttp::{BhttpError, RequestHead};
///
/// let head = RequestHead::new("GET", "https", "api.example", "/v2")?;
/// assert_eq!(head.path(), "/v2");
/// assert_eq!(RequestHead::new("GET", "https", "", "v2"), Err(BhttpError::Control("path")));
/// # Ok::<(), BhttpError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestHead {
    method: String,
    scheme: String,
    authority: String,
    path: String,
    /// The header fields.
    pub headers: FieldSection,
}

impl RequestHead {
    /// A head without fields. `authority` may be empty if there is a `host` field. `path` includes the query.
    ///
    /// # Errors
    /// [`BhttpError::Control`] with the part that is malformed.
    pub fn new(method: &str, scheme: &str, authority: &str, path: &str) -> Result<Self, BhttpError> {
        if !is_token(method.as_bytes()) || method == "CONNECT" {
            return Err(BhttpError::Control("method"));
        }
        let scheme_ok = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte));
        if !scheme_ok {
            return Err(BhttpError::Control("scheme"));
        }
        if !authority.bytes().all(|byte| byte.is_ascii_graphic() && !b"/?#@\\".contains(&byte)) {
            return Err(BhttpError::Control("authority"));
        }
        let path_ok = path.starts_with('/') || (path == "*" && method == "OPTIONS");
        if !path_ok || !path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
            return Err(BhttpError::Control("path"));
        }
        let [method, scheme, authority, path] = [method, scheme, authority, path].map(str::to_owned);
        Ok(Self { method, scheme, authority, path, headers: FieldSection::default() })
    }

    /// The method, such as `POST`.
    pub fn method(&self) -> &str {
        &self.method
    }

    /// The scheme, such as `https`.
    pub fn scheme(&self) -> &str {
        &self.scheme
    }

    /// Host and port; may be empty.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Path and query.
    pub fn path(&self) -> &str {
        &self.path
    }
}

/// Status and header fields of a response, and the informational responses before it.
///
/// ```
/// use amaas_ohttp::bhttp::{BhttpError, ResponseHead};
///
/// assert_eq!(ResponseHead::new(200)?.status(), 200);
/// assert_eq!(ResponseHead::new(103), Err(BhttpError::Status(103)));
/// # Ok::<(), BhttpError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    status: u16,
    /// The header fields.
    pub headers: FieldSection,
    /// The informational responses, in their order.
    pub informational: Vec<InformationalResponse>,
}

impl ResponseHead {
    /// A head without fields, with a final status: 200 to 599.
    ///
    /// # Errors
    /// [`BhttpError::Status`] for any other status.
    pub fn new(status: u16) -> Result<Self, BhttpError> {
        match status {
            200..=599 => Ok(Self { status, headers: FieldSection::default(), informational: Vec::new() }),
            _ => Err(BhttpError::Status(u64::from(status))),
        }
    }

    /// The status, 200 to 599.
    pub fn status(&self) -> u16 {
        self.status
    }
}

/// An informational response (RFC 9292 §3.5.1), such as 103 Early Hints. It is kept and has no effect.
///
/// ```
/// use amaas_ohttp::bhttp::{BhttpError, InformationalResponse};
///
/// assert_eq!(InformationalResponse::new(103)?.status(), 103);
/// assert_eq!(InformationalResponse::new(200), Err(BhttpError::Status(200)));
/// # Ok::<(), BhttpError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InformationalResponse {
    status: u16,
    /// The header fields.
    pub headers: FieldSection,
}

impl InformationalResponse {
    /// An informational response without fields: 100 to 199.
    ///
    /// # Errors
    /// [`BhttpError::Status`] for any other status.
    pub fn new(status: u16) -> Result<Self, BhttpError> {
        match status {
            100..=199 => Ok(Self { status, headers: FieldSection::default() }),
            _ => Err(BhttpError::Status(u64::from(status))),
        }
    }

    /// The status, 100 to 199.
    pub fn status(&self) -> u16 {
        self.status
    }
}

/// The head of a kind of message.
pub(super) trait MessageHead: Sized {
    /// The framing indicators, by [`MessageForm`] (RFC 9292 §3.3).
    const INDICATORS: [u8; 2];

    /// Appends control data and header section.
    fn write(&self, form: MessageForm, out: &mut Vec<u8>);

    /// Reads control data; `None` if bytes are missing.
    fn read(element: &mut HeadElement<'_>) -> Result<Option<ControlData<Self>>, BhttpError>;

    /// Adds the fields around the control data.
    fn complete(&mut self, headers: FieldSection, informational: Vec<InformationalResponse>);
}

/// Control data of the message itself, or of an informational response before it.
#[derive(Debug)]
pub(super) enum ControlData<H> {
    Interim(InformationalResponse),
    Final(H),
}

impl MessageHead for RequestHead {
    const INDICATORS: [u8; 2] = [0, 2];

    fn write(&self, form: MessageForm, out: &mut Vec<u8>) {
        for part in [&self.method, &self.scheme, &self.authority, &self.path] {
            write_prefixed(part.as_bytes(), out);
        }
        form.write_section(&self.headers, out);
    }

    fn read(element: &mut HeadElement<'_>) -> Result<Option<ControlData<Self>>, BhttpError> {
        let Some(method) = element.text("method")? else { return Ok(None) };
        let Some(scheme) = element.text("scheme")? else { return Ok(None) };
        let Some(authority) = element.text("authority")? else { return Ok(None) };
        let Some(path) = element.text("path")? else { return Ok(None) };
        Self::new(method, scheme, authority, path).map(|head| Some(ControlData::Final(head)))
    }

    fn complete(&mut self, headers: FieldSection, _: Vec<InformationalResponse>) {
        self.headers = headers;
    }
}

impl MessageHead for ResponseHead {
    const INDICATORS: [u8; 2] = [1, 3];

    fn write(&self, form: MessageForm, out: &mut Vec<u8>) {
        for informational in &self.informational {
            varint::write(u64::from(informational.status), out);
            form.write_section(&informational.headers, out);
        }
        varint::write(u64::from(self.status), out);
        form.write_section(&self.headers, out);
    }

    fn read(element: &mut HeadElement<'_>) -> Result<Option<ControlData<Self>>, BhttpError> {
        let Some(found) = element.varint() else { return Ok(None) };
        let status = u16::try_from(found).map_err(|_| BhttpError::Status(found))?;
        let control = match status {
            100..=199 => InformationalResponse::new(status).map(ControlData::Interim),
            _ => Self::new(status).map(ControlData::Final),
        };
        control.map(Some)
    }

    fn complete(&mut self, headers: FieldSection, informational: Vec<InformationalResponse>) {
        self.headers = headers;
        self.informational = informational;
    }
}
