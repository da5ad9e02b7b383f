//! The command line of the benchmark.

use std::time::Duration;

/// The mode of this process.
pub(crate) enum Arguments {
    /// Plays the role of a floor or a helper.
    Role(Role),
    /// Measures.
    Measure(Measure),
}

/// A role that this program plays for itself.
pub(crate) struct Role {
    pub(crate) name: String,
    pub(crate) words: Vec<String>,
}

/// The parts to measure, and for how long.
#[derive(Clone, Debug)]
pub(crate) struct Measure {
    /// Empty for all of them.
    pub(crate) only: Vec<String>,
    pub(crate) smoke: bool,
    pub(crate) rounds: usize,
    /// The measured time of a contestant in each round, after a warm-up of half of that.
    pub(crate) time: Duration,
}

impl Arguments {
    pub(crate) fn parse(words: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut words = words.peekable();
        if words.next_if(|word| word == "--role").is_some() {
            let name = words.next().ok_or(USAGE)?;
            return Ok(Self::Role(Role { name, words: words.collect() }));
        }
        let mut measure = Measure { only: Vec::new(), smoke: false, rounds: 7, time: Duration::from_secs(2) };
        while let Some(word) = words.next() {
            let mut value = || words.next().ok_or_else(|| USAGE.to_owned());
            match word.as_str() {
                // Cargo's own.
                "--bench" => {}
                "--smoke" => {
                    measure = Measure { smoke: true, rounds: 3, time: Duration::from_millis(500), ..measure };
                }
                "--only" => measure.only = value()?.split(',').map(str::to_owned).collect(),
                "--rounds" => measure.rounds = value()?.parse().map_err(|_| USAGE)?,
                "--seconds" => {
                    let seconds = value()?.parse().map_err(|_| USAGE)?;
                    measure.time = Duration::try_from_secs_f64(seconds).map_err(|_| USAGE)?;
                }
                _ => return Err(USAGE.to_owned()),
            }
        }
        if measure.rounds == 0 {
            return Err(USAGE.to_owned());
        }
        Ok(Self::Measure(measure))
    }
}

impl Measure {
    /// Whether `part` is selected.
    pub(crate) fn wants(&self, part: &str) -> bool {
        self.only.is_empty() || self.names(part)
    }

    /// Whether `part` is selected by name, which parts that few machines can run require.
    pub(crate) fn names(&self, part: &str) -> bool {
        self.only.iter().any(|only| only == part)
    }
}

const USAGE: &str = "usage: serving [--smoke] [--only PART,…] [--rounds N] [--seconds S]";
