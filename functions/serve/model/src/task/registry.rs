//! The registry of tasks that a program is built with.

use std::collections::{BTreeMap, BTreeSet};

use amaas_engine::TaskError;

use super::any::LoadedTask;
use super::context::TaskContext;
use super::task::Task;

/// The tasks that a program is built with, by name.
#[derive(Clone, Default)]
pub struct Tasks {
    known: BTreeMap<&'static str, TaskEntry>,
    unchecked: BTreeSet<String>,
}

#[derive(Clone, Copy)]
struct TaskEntry {
    load: fn(&TaskContext) -> Result<LoadedTask, TaskError>,
    example: &'static str,
    networks: &'static [&'static str],
    optional_networks: &'static [&'static str],
}

impl Tasks {
    /// Adds `T`.
    #[must_use]
    pub fn with<T: Task>(mut self) -> Self {
        let load = |context: &TaskContext| Ok(LoadedTask::new(T::load(context)?));
        let entry =
            TaskEntry { load, example: T::EXAMPLE, networks: T::NETWORKS, optional_networks: T::OPTIONAL_NETWORKS };
        self.known.insert(T::NAME, entry);
        self
    }

    /// Allows publishing models with the task `name` although this program does not have it; the publisher vouches that the
    /// serving program does.
    #[must_use]
    pub fn with_unchecked(mut self, name: impl Into<String>) -> Self {
        self.unchecked.insert(name.into());
        self
    }

    /// Whether models with the task `name` may be published unchecked.
    #[cfg_attr(not(feature = "publish"), allow(dead_code))] // publishing reads it
    pub(crate) fn is_unchecked(&self, name: &str) -> bool {
        !self.known.contains_key(name) && self.unchecked.contains(name)
    }

    /// The names of all tasks that this program has.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        self.known.keys().copied()
    }

    /// The example input of the task `name`, as JSON.
    pub fn example(&self, name: &str) -> Option<&'static str> {
        self.known.get(name).map(|known| known.example)
    }

    /// Loads the task `name` of a model.
    ///
    /// # Errors
    /// If the program does not have the task, the model's networks are not those that the task runs, or the task rejects the model's files.
    pub fn load(&self, name: &str, context: &TaskContext) -> Result<LoadedTask, TaskError> {
        let Some(TaskEntry { load, networks, optional_networks, .. }) = self.known.get(name) else {
            let known = self.names().collect::<Vec<_>>().join(", ");
            return Err(TaskError::new(format!("the function was built without task {name:?}; it has: {known}")));
        };
        let expected: BTreeSet<&str> = networks.iter().copied().collect();
        let got: BTreeSet<&str> = context.networks.keys().map(String::as_str).collect();
        let is_known = |name: &&str| expected.contains(name) || optional_networks.contains(name);
        if !expected.is_subset(&got) || !got.iter().all(is_known) {
            let show = |names: &BTreeSet<&str>| match names.len() {
                0 => "no network".to_owned(),
                _ => format!("the networks {:?}", names.iter().collect::<Vec<_>>()),
            };
            let (mut expected, got) = (show(&expected), show(&got));
            if !optional_networks.is_empty() {
                expected = format!("{expected} and optionally {optional_networks:?}");
            }
            return Err(TaskError::new(format!("expected {expected} beside the model's own, got {got}")));
        }
        load(context)
    }
}
