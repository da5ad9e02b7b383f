//! The command line of this process.

use clap::{CommandFactory, FromArgMatches};

use super::CommandLine;

impl CommandLine {
    /// Those that the program was called with.
    pub(crate) fn of_process() -> Result<Self, clap::Error> {
        let matches = command().try_get_matches()?;
        Self::from_arg_matches(&matches).map_err(|error| error.format(&mut command()))
    }
}

/// The command line. A negative number is a value wherever there is one, so that its parser says what was expected.
fn command() -> clap::Command {
    fn with_negative_numbers(command: clap::Command) -> clap::Command {
        let takes = |argument: clap::Arg| {
            let takes_value = argument.get_action().takes_values();
            if takes_value { argument.allow_negative_numbers(true) } else { argument }
        };
        command.mut_args(takes).mut_subcommands(with_negative_numbers)
    }
    with_negative_numbers(CommandLine::command())
}

#[cfg(test)]
mod tests {
    use super::super::MAX_HELP_WIDTH;
    use super::*;

    /// Every command of the program, by its words.
    fn all(command: clap::Command, words: &str, into: &mut Vec<(String, clap::Command)>) {
        for inner in command.get_subcommands() {
            all(inner.clone(), &format!("{words} {}", inner.get_name()), into);
        }
        into.push((words.to_owned(), command));
    }

    fn commands() -> Vec<(String, clap::Command)> {
        let mut command = command();
        command.build();
        let mut commands = Vec::new();
        all(command, "amaas", &mut commands);
        commands
    }

    #[test]
    fn help_is_no_wider_than_it_may_be() {
        let commands = commands();
        assert!(commands.len() > 25, "{}", commands.len());
        let mut wide = Vec::new();
        for (words, command) in commands {
            for help in [command.clone().render_help(), command.clone().render_long_help()] {
                let help = help.to_string();
                let lines = help.lines().filter(|line| line.chars().count() > MAX_HELP_WIDTH);
                wide.extend(lines.map(|line| format!("{words}: {line}")));
            }
        }
        assert_eq!(wide, Vec::<String>::new());
    }

    #[test]
    fn a_negative_number_is_a_value_wherever_there_is_one() {
        let mut options = 0;
        for (words, command) in commands() {
            for argument in command.get_arguments().filter(|argument| argument.get_action().takes_values()) {
                assert!(argument.is_allow_negative_numbers_set(), "{words} {}", argument.get_id());
                options += 1;
            }
        }
        assert!(options > 60, "{options}");
    }
}
