//! Classes of errors: the HTTP status, slug, title and retry advice of every error of a service, each in one place.
//!
//! The crates of a service declare the classes of their errors with [`classify!`](crate::classify). What answers callers, documents the
//! errors of a route or lists them all reads the classes from there.

use std::time::Duration;

/// What all errors of one class have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ErrorClass {
    /// The HTTP status.
    pub status: u16,
    /// The stable name, the last part of the `type` of a problem document.
    pub slug: &'static str,
    /// A short description.
    pub title: &'static str,
    /// Whether the answer says when the call may be sent again.
    pub is_retryable: bool,
}

impl ErrorClass {
    /// A class. [`classify!`](crate::classify) makes them.
    pub const fn new(status: u16, slug: &'static str, title: &'static str, is_retryable: bool) -> Self {
        Self { status, slug, title, is_retryable }
    }
}

/// The class of one error, and what depends on the error itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Classified<'e> {
    /// The class.
    pub class: ErrorClass,
    /// When the call may be sent again, if that can help.
    pub retry_after: Option<Duration>,
    /// The member of the request that is at fault, if it is one.
    pub param: Option<&'e str>,
    /// What the log should say beyond the public text.
    pub internal: Option<&'e str>,
}

impl<'e> Classified<'e> {
    /// An error of `class`. [`classify!`](crate::classify) makes them.
    pub const fn new(
        class: ErrorClass,
        retry_after: Option<Duration>,
        param: Option<&'e str>,
        internal: Option<&'e str>,
    ) -> Self {
        Self { class, retry_after, param, internal }
    }
}

/// A group of errors with a class for each. [`classify!`](crate::classify) implements it.
pub trait Classify {
    /// All classes of the group.
    const CLASSES: &'static [ErrorClass];

    /// The class of this error.
    fn classify(&self) -> Classified<'_>;
}

/// Implements [`Classify`] for an error type: for each pattern the status, slug and title, then optionally `retry`, when to send the call
/// again (a [`Duration`], or an option of one), `param`, the member at fault, and `log`, what is for the log alone.
///
/// ```
/// use std::time::Duration;
///
/// use amaas_wire::{Classify, classify};
///
/// enum QueueError {
///     Full,
///     Closed { internal: String },
/// }
///
/// classify! { QueueError {
///     Self::Full => 503, "queue-full", "queue full", retry = Duration::from_secs(1);
///     Self::Closed { internal } => 500, "internal", "internal error", log = internal;
/// } }
///
/// assert_eq!(QueueError::CLASSES[0].slug, "queue-full");
/// assert_eq!(QueueError::Full.classify().retry_after, Some(Duration::from_secs(1)));
/// assert_eq!(QueueError::Closed { internal: "x".to_owned() }.classify().internal, Some("x"));
/// ```
#[macro_export]
macro_rules! classify {
    ($error:ty { $(
        $pattern:pat => $status:literal, $slug:literal, $title:literal
        $(, retry = $retry:expr)? $(, param = $param:expr)? $(, log = $log:expr)?;
    )+ }) => {
        impl $crate::Classify for $error {
            const CLASSES: &'static [$crate::ErrorClass] = &[$(
                $crate::ErrorClass::new($status, $slug, $title, $crate::classify!(@is $($retry)?))
            ),+];

            fn classify(&self) -> $crate::Classified<'_> {
                match self {
                    $($pattern => $crate::Classified::new(
                        $crate::ErrorClass::new($status, $slug, $title, $crate::classify!(@is $($retry)?)),
                        $crate::classify!(@retry $($retry)?),
                        $crate::classify!(@option $($param)?),
                        $crate::classify!(@option $($log)?),
                    )),+
                }
            }
        }
    };
    (@is) => { false };
    (@is $value:expr) => { true };
    (@retry) => { None };
    (@retry $value:expr) => { ::core::convert::Into::<Option<::core::time::Duration>>::into($value) };
    (@option) => { None };
    (@option $value:expr) => { Some($value) };
}
