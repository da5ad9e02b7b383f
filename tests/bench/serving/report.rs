//! The results of a run, and their aims.

use std::fmt::Write;

use crate::spread::{Spread, short};

/// All results of a run of the benchmark.
#[derive(Default)]
pub(crate) struct Report {
    pub(crate) panels: Vec<Panel>,
    pub(crate) claims: Vec<Claim>,
    pub(crate) notes: Vec<String>,
}

/// A quantity of several contestants.
#[derive(Clone, Debug)]
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) unit: &'static str,
    pub(crate) bars: Vec<(String, Spread)>,
}

/// A ratio, or another number that does not depend on the machine's speed, and its aim.
#[derive(Clone, Debug)]
pub(crate) struct Claim {
    pub(crate) what: String,
    pub(crate) value: Spread,
    pub(crate) unit: &'static str,
    pub(crate) aim: Aim,
}

/// The aim of a claim.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Aim {
    AtMost(f64),
    AtLeast(f64),
}

impl Aim {
    fn is_met(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }
}

impl Report {
    /// Adds a quantity: each contestant's name and its values, one for each round.
    pub(crate) fn panel<Name: AsRef<str>, Values: AsRef<[f64]>>(
        &mut self,
        title: impl Into<String>,
        unit: &'static str,
        bars: &[(Name, Values)],
    ) {
        let bars = bars.iter().map(|(name, values)| (name.as_ref().to_owned(), values.as_ref()));
        let bars = bars.filter(|(_, values)| !values.is_empty());
        let bars = bars.map(|(name, values)| (name, Spread::of(values))).collect();
        let panel = Panel { title: title.into(), unit, bars };
        println!("{}", panel.table());
        self.panels.push(panel);
    }

    /// Adds a number with the aim `aim`: its values, one for each round.
    pub(crate) fn claim(&mut self, what: impl Into<String>, unit: &'static str, values: &[f64], aim: Aim) {
        let claim = Claim { what: what.into(), value: Spread::of(values), unit, aim };
        println!("{HEAD}{}", claim.row());
        self.claims.push(claim);
    }

    /// Adds the ratio of `ours` to `theirs`, round by round.
    pub(crate) fn ratio(&mut self, what: impl Into<String>, ours: &[f64], theirs: &[f64], aim: Aim) {
        let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
        self.claim(what, "×", &ratios, aim);
    }

    pub(crate) fn note(&mut self, note: impl Into<String>) {
        let note = note.into();
        println!("- {note}");
        self.notes.push(note);
    }

    /// Whether all aims are met.
    pub(crate) fn is_met(&self) -> bool {
        self.claims.iter().all(|claim| claim.aim.is_met(claim.value.p50))
    }

    /// The report in Markdown.
    pub(crate) fn markdown(&self) -> String {
        let rows: String = self.claims.iter().map(Claim::row).collect();
        let notes: Vec<String> = self.notes.iter().map(|note| format!("- {note}")).collect();
        let panels: Vec<String> = self.panels.iter().map(Panel::table).collect();
        format!("{}\n\n## Aims\n{HEAD}{rows}\n## Measured\n{}", notes.join("\n"), panels.join("\n"))
    }
}

impl Panel {
    fn table(&self) -> String {
        let mut table = format!("\n| {} | {}, median (p10 to p90) |\n| --- | --- |\n", self.title, self.unit);
        for (name, spread) in &self.bars {
            let _ = writeln!(table, "| {name} | {spread} |");
        }
        table
    }
}

impl Claim {
    fn row(&self) -> String {
        let Self { what, value, unit, aim } = self;
        let met = if aim.is_met(value.p50) { "met" } else { "**missed**" };
        let aim = match aim {
            Aim::AtMost(most) => format!("≤ {}", short(*most)),
            Aim::AtLeast(least) => format!("≥ {}", short(*least)),
        };
        format!("| {what} | {value} {unit} | {aim} | {met} |\n")
    }
}

const HEAD: &str = "| what | median (p10 to p90) | aim | |\n| --- | --- | --- | --- |\n";
