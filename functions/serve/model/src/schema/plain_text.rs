//! Doc comments as plain text for the readers of the `OpenAPI` document: without Rust examples and links.

use schemars::Schema;
use schemars::transform::{Transform, transform_subschemas};
use serde_json::Value;

/// Converts every description of a schema.
#[derive(Clone, Debug)]
pub(super) struct PlainDescriptions;

impl Transform for PlainDescriptions {
    fn transform(&mut self, schema: &mut Schema) {
        if let Some(Value::String(description)) = schema.get_mut("description") {
            *description = plain_text(description);
        }
        transform_subschemas(self, schema);
    }
}

/// `documentation` without code blocks and links.
fn plain_text(documentation: &str) -> String {
    // Code blocks come after the text.
    let said = documentation.split("```").next().unwrap_or_default().trim();
    let (mut text, mut left) = (String::with_capacity(said.len()), said);
    while let Some((before, link)) = left.split_once("[`") {
        let Some((name, behind)) = link.split_once("`]") else { break };
        text.push_str(before);
        text.push('`');
        text.push_str(name);
        text.push('`');
        left = match behind.strip_prefix('(').and_then(|target| target.split_once(')')) {
            Some((_, behind)) => behind,
            None => behind,
        };
    }
    text.push_str(left);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_and_links_are_left_out() {
        for (documentation, expected) in [
            ("A text.", "A text."),
            ("See [`Prompt`] and [`stop`](Self::stop), or `none`.", "See `Prompt` and `stop`, or `none`."),
            ("An image.\n\n```\nuse x;\n```\n", "An image."),
            ("A list of [`half", "A list of [`half"),
        ] {
            assert_eq!(plain_text(documentation), expected);
        }
    }

    #[test]
    fn every_description_of_a_schema_is_rewritten_and_no_property_of_that_name() {
        let mut schema = schemars::json_schema!({
            "description": "[`A`]",
            "properties": { "description": { "description": "[`B`]", "default": "[`C`]" } }
        });
        PlainDescriptions.transform(&mut schema);
        let expected = schemars::json_schema!({
            "description": "`A`",
            "properties": { "description": { "description": "`B`", "default": "[`C`]" } }
        });
        assert_eq!(schema, expected);
    }
}
