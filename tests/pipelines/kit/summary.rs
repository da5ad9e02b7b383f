//! The table of the README: for each pipeline the exports that are served, and the cases that are equal.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

/// The exports and cases of each pipeline.
#[derive(Debug, Default)]
pub(crate) struct Summary(BTreeMap<String, PipelineSummary>);

#[derive(Debug, Default)]
struct PipelineSummary {
    exports: usize,
    cases: usize,
    equal: usize,
}

impl Summary {
    /// Adds an export of `pipeline`, of which `equal` of `cases` cases are equal.
    pub(crate) fn add(&mut self, pipeline: &str, equal: usize, cases: usize) {
        let row = self.0.entry(pipeline.to_owned()).or_default();
        row.exports += 1;
        row.cases += cases;
        row.equal += equal;
    }

    /// The number of exports, of cases, and of cases that are equal.
    pub(crate) fn totals(&self) -> (usize, usize, usize) {
        self.0.values().fold((0, 0, 0), |(exports, cases, equal), row| {
            (exports + row.exports, cases + row.cases, equal + row.equal)
        })
    }

    /// Compares the table with the one of the README; with `AMAAS_UPDATE_GOLDEN=1` it writes it.
    pub(crate) fn check_readme(&self) -> Result<(), String> {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
        let readme = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let marked = readme.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?)));
        let (before, (table, after)) = marked.ok_or("README.md: expected the markers of the pipelines' table")?;
        let expected = format!("\n{}", self.markdown());
        if table == expected {
            return Ok(());
        }
        if std::env::var_os("AMAAS_UPDATE_GOLDEN").is_some() {
            return std::fs::write(&path, format!("{before}{BEGIN}{expected}{END}{after}"))
                .map_err(|error| error.to_string());
        }
        Err(format!(
            "README.md: the table of pipelines is out of date; AMAAS_UPDATE_GOLDEN=1 writes it. Expected:{expected}"
        ))
    }

    fn markdown(&self) -> String {
        let mut table = "| pipeline | exports | requests | equal |\n| --- | --- | --- | --- |\n".to_owned();
        for (name, PipelineSummary { exports, cases, equal }) in &self.0 {
            let _ = writeln!(table, "| `{name}` | {exports} | {cases} | {equal} |");
        }
        let (exports, cases, equal) = self.totals();
        let _ = writeln!(table, "| all | {exports} | {cases} | {equal} |");
        table
    }
}

const BEGIN: &str = "<!-- pipelines: begin -->";
const END: &str = "<!-- pipelines: end -->";
