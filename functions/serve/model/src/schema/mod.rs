//! JSON Schemas of what tasks take and answer, for the `OpenAPI` document.

mod prose;
mod schemas;
mod typed;

pub use self::schemas::Schemas;
pub use self::typed::Typed;
