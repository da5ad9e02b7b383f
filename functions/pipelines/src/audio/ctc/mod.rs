//! Connectionist temporal classification (CTC): a token for each frame to a text.

mod frames;
mod text;
mod vocabulary;
mod windows;

pub use self::frames::FrameRate;
pub use self::text::{CtcText, TokenSpan};
pub use self::vocabulary::CtcVocabulary;
pub use self::windows::{Window, Windowing, WindowingError};
