//! A Terraform plan, as `terraform show -json` prints it.
//!
//! Reads only `planned_values` and the provider's region. Values not known before the apply are absent there. Input is untrusted.

use std::io::Read;
use std::path::Path;

use serde_json::{Map, Value};

use crate::error::CliError;

/// The planned resources.
#[derive(Debug)]
pub(super) struct TerraformPlan {
    pub(super) resources: Vec<PlannedResource>,
    /// The region of the AWS provider, if the plan has it.
    pub(super) region: Option<String>,
}

/// A planned resource.
#[derive(Clone, Debug)]
pub(super) struct PlannedResource {
    /// Such as `module.amaas.aws_kms_key.this`.
    pub(super) address: String,
    /// Such as `aws_kms_key`.
    pub(super) kind: String,
    values: Map<String, Value>,
}

impl TerraformPlan {
    /// Reads the plan at `path`, or from standard input if that is "-".
    pub(super) fn read(path: &Path) -> Result<Self, CliError> {
        let mut bytes = Vec::new();
        let read = if path.as_os_str() == "-" {
            std::io::stdin().read_to_end(&mut bytes).map(drop)
        } else {
            std::fs::read(path).map(|read| bytes = read)
        };
        read.map_err(|error| CliError::file(path, &error))?;
        Self::parse(&bytes).map_err(|cause| {
            CliError::usage(format!("{}: {cause}", path.display()))
                .hint("`terraform plan -out=tfplan && terraform show -json tfplan > plan.json`, and --plan plan.json")
        })
    }

    /// Parses a plan.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, String> {
        if bytes.starts_with(b"PK") {
            return Err("expected the plan as JSON, got the plan file itself".to_owned());
        }
        let plan: Value =
            serde_json::from_slice(bytes).map_err(|error| format!("expected the plan as JSON: {error}"))?;
        let Some(root) = plan.pointer("/planned_values/root_module").filter(|root| root.is_object()) else {
            let got =
                if plan.get("values").is_some() { "a state, which has \"values\" instead" } else { "no such member" };
            return Err(format!("expected \"planned_values\" with a \"root_module\", got {got}"));
        };
        let mut resources = Vec::new();
        gather(root, &mut resources)?;
        Ok(Self { resources, region: region(&plan) })
    }
}

impl PlannedResource {
    /// The text at `name`.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.as_str()
    }

    /// The number at `name`, which some resources have as text.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.values.get(name).and_then(as_number)
    }

    /// The blocks called `name`; empty if there are none or they are not known.
    pub(super) fn blocks(&self, name: &str) -> Vec<&Value> {
        self.values.get(name).and_then(Value::as_array).into_iter().flatten().collect()
    }

    /// The list at `name`, if it is known.
    pub(super) fn list(&self, name: &str) -> Option<&Vec<Value>> {
        self.values.get(name)?.as_array()
    }

    /// The value at a JSON pointer.
    pub(super) fn at(&self, pointer: &str) -> Option<&Value> {
        let (first, rest) = pointer.strip_prefix('/')?.split_once('/').unwrap_or((pointer.strip_prefix('/')?, ""));
        let value = self.values.get(first)?;
        if rest.is_empty() { Some(value) } else { value.pointer(&format!("/{rest}")) }
    }

    /// The address of its module; empty for the root.
    pub(super) fn module(&self) -> &str {
        let own = self.address.rfind(&format!("{}.", self.kind)).unwrap_or_default();
        &self.address[..own]
    }
}

/// A number, or a text that is one.
pub(super) fn as_number(value: &Value) -> Option<f64> {
    let number = value.as_f64().or_else(|| value.as_str()?.parse().ok());
    number.filter(|number| (0.0..=MAX_QUANTITY).contains(number))
}

/// The resources of `module` and of its child modules.
fn gather(module: &Value, all: &mut Vec<PlannedResource>) -> Result<(), String> {
    for resource in array(module, "resources")? {
        let member = |name: &str| {
            let text = resource.get(name).and_then(Value::as_str);
            text.ok_or_else(|| {
                format!("expected each resource to have {name:?}, got one without: {}", shortened(resource))
            })
        };
        let (address, kind) = (member("address")?, member("type")?);
        // A data source costs nothing.
        if resource.get("mode").and_then(Value::as_str) == Some("data") {
            continue;
        }
        let values = resource.get("values").and_then(Value::as_object).cloned().unwrap_or_default();
        all.push(PlannedResource { address: printable(address), kind: printable(kind), values });
    }
    array(module, "child_modules")?.iter().try_for_each(|child| gather(child, all))
}

/// The list called `name`, which may be absent.
fn array<'a>(module: &'a Value, name: &str) -> Result<&'a [Value], String> {
    match module.get(name) {
        None | Some(Value::Null) => Ok(&[]),
        Some(Value::Array(list)) => Ok(list),
        Some(other) => Err(format!("expected {name:?} to be a list, got {}", shortened(other))),
    }
}

/// The provider's region in the configuration: a text, or a variable whose value is in the plan.
fn region(plan: &Value) -> Option<String> {
    let providers = plan.pointer("/configuration/provider_config")?.as_object()?;
    let aws = providers
        .get("aws")
        .or_else(|| providers.values().find(|provider| provider.get("name") == Some(&"aws".into())))?;
    let expression = aws.pointer("/expressions/region")?;
    let text = |value: &Value| value.as_str().map(str::to_owned);
    expression.get("constant_value").and_then(text).or_else(|| {
        let variable = expression.pointer("/references/0")?.as_str()?.strip_prefix("var.")?;
        plan.get("variables")?.get(variable)?.get("value").and_then(text)
    })
}

fn shortened(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(80) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}

/// Higher than any quantity of a resource.
const MAX_QUANTITY: f64 = 1e12;

/// Removes control characters, which a terminal would obey.
fn printable(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { '\u{fffd}' } else { character }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_is_no_plan_is_named() {
        for (bytes, expected) in [
            (&b"PK\x03\x04"[..], "got the plan file itself"),
            (b"", "expected the plan as JSON"),
            (b"\xff\xfe", "expected the plan as JSON"),
            (b"null", "no such member"),
            (b"[]", "no such member"),
            (b"{\"planned_values\":{}}", "no such member"),
            (b"{\"planned_values\":{\"root_module\":3}}", "no such member"),
            (b"{\"values\":{\"root_module\":{}}}", "got a state"),
            (b"{\"planned_values\":{\"root_module\":{\"resources\":{}}}}", "\"resources\" to be a list, got {}"),
            (b"{\"planned_values\":{\"root_module\":{\"resources\":[7]}}}", "have \"address\", got one without: 7"),
            (b"{\"planned_values\":{\"root_module\":{\"resources\":[{\"address\":\"a\"}]}}}", "have \"type\""),
            (b"{\"planned_values\":{\"root_module\":{\"child_modules\":[{\"child_modules\":1}]}}}", "got 1"),
        ] {
            let error = TerraformPlan::parse(bytes).expect_err(&String::from_utf8_lossy(bytes));
            assert!(error.contains(expected), "{error}");
        }
        let deep =
            format!("{{\"planned_values\":{{\"root_module\":{}1{}}}}}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(TerraformPlan::parse(deep.as_bytes()).is_err());
    }

    #[test]
    fn resources_of_all_modules_are_found() {
        let plan = br#"{"planned_values":{"root_module":{"resources":[{"address":"data.x.y","mode":"data","type":"x"}],
            "child_modules":[{"child_modules":[{"resources":[{"address":"module.a[\"b.c\"].x.y[0]","type":"x"}]}]}]}},
            "configuration":{"provider_config":{"aws":{"expressions":{"region":{"references":["var.where"]}}}}},
            "variables":{"where":{"value":"eu-central-1"}}}"#;
        let plan = TerraformPlan::parse(plan).expect("a plan");
        assert_eq!(plan.region.as_deref(), Some("eu-central-1"));
        let [resource] = plan.resources.as_slice() else { panic!("what is only read is not among them") };
        assert_eq!(resource.module(), "module.a[\"b.c\"].");
    }

    /// JSON that resembles a plan in places.
    fn odd() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            prop_oneof!["aws_[a-z_]{1,20}", ".*", Just("aws_lambda_function".to_owned())].prop_map(Value::from),
        ];
        let name = prop_oneof![
            Just("resources"),
            Just("child_modules"),
            Just("address"),
            Just("type"),
            Just("values"),
            Just("memory_size"),
            Just("environment"),
            Just("rule"),
        ];
        leaf.prop_recursive(6, 64, 6, move |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
                prop::collection::hash_map(name.clone().prop_map(str::to_owned), inner, 0..6)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_plan_or_an_error(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = TerraformPlan::parse(&bytes);
        }

        #[test]
        fn any_json_is_a_plan_or_an_error(root in odd()) {
            let plan = serde_json::json!({ "planned_values": { "root_module": root } }).to_string();
            let _ = TerraformPlan::parse(plan.as_bytes());
        }
    }
}
