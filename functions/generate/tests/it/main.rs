//! The text generation function end to end: published, loaded, served over HTTP, called sealed and plain.

mod disconnect;
mod openai;
mod openai_client;
mod service;
mod stories;
mod texts;
