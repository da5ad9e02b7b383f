//! Sound files of each format, damaged ones, and other sampling rates.

mod damage;
mod formats;
mod refusals;
mod resampling;
mod wav;
