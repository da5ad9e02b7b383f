//! The generating function as a whole: published, loaded, served over http, called sealed and plain.

mod hang_up;
mod judge;
mod openai;
mod service;
mod stories;
mod texts;
