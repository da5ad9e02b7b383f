//! Instances of EC2 in a plan: those of an Auto Scaling group, whose launch template says what they are, and single ones.

use std::collections::BTreeSet;

use serde_json::Value;

use super::figure::quantity;
use super::line::LineItem;
use super::plan::{Plan, Resource, as_number};
use super::prices::Prices;
use super::resource::Cost;
use super::usage_profile::HOURS_PER_MONTH;

/// What the group costs at its least size, and what it costs more at its largest.
pub(super) fn of_group(group: &Resource, plan: &Plan, prices: &Prices) -> Cost {
    let template = template(group, plan);
    let overridden = group.at("/mixed_instances_policy/0/launch_template/0/override/0/instance_type");
    let instance = overridden.and_then(Value::as_str).or_else(|| template?.text("instance_type"));
    let Some(instance) = instance else {
        return Cost::Unknown("its instance type is not known before the apply".to_owned());
    };
    let least = group.number("min_size").unwrap_or_default();
    let least = group.number("desired_capacity").unwrap_or_default().max(least);
    let most = group.number("max_size").unwrap_or(least).max(least);
    let disks = template.map(|template| template.blocks("block_device_mappings")).unwrap_or_default();
    let disks = disks.iter().filter_map(|mapping| mapping.pointer("/ebs/0"));
    let disks: Vec<_> = disks.map(|disk| (disk.get("volume_type"), disk.get("volume_size"))).collect();
    let of = |number: f64| parts(&group.address, instance, number, &disks, prices);
    let (least, more) = (of(least), of(most - least));
    Cost::Scaled { lines: least.lines, more: more.lines, unknown: least.unknown }
}

/// What a single instance costs.
pub(super) fn of_one(instance: &Resource, prices: &Prices) -> Cost {
    let Some(kind) = instance.text("instance_type") else {
        return Cost::Unknown("its instance type is not known before the apply".to_owned());
    };
    let disk = (instance.at("/root_block_device/0/volume_type"), instance.at("/root_block_device/0/volume_size"));
    let disks = if disk.1.is_some() { vec![disk] } else { Vec::new() };
    let InstanceCosts { lines, unknown } = parts(&instance.address, kind, 1.0, &disks, prices);
    Cost::Scaled { lines, more: Vec::new(), unknown }
}

/// What a disk of its own costs.
pub(super) fn of_disk(disk: &Resource, prices: &Prices) -> Cost {
    let (kind, size) = (disk.text("type").unwrap_or(DEFAULT_DISK), disk.number("size"));
    match (prices.known(&format!("ebs.{kind}")), size) {
        (Some(price), Some(size)) => {
            Cost::Lines(vec![LineItem::new(&disk.address, format!("disk, {kind}"), size, price)])
        }
        (None, _) => Cost::Unknown(format!("no price is known for disks of the type {kind:?}")),
        (_, None) => Cost::Unknown("its size is not known before the apply".to_owned()),
    }
}

type Disk<'a> = (Option<&'a Value>, Option<&'a Value>);

/// What instances and their disks cost, and why something of that is not known.
struct InstanceCosts {
    lines: Vec<LineItem>,
    unknown: Vec<String>,
}

fn parts(address: &str, instance: &str, number: f64, disks: &[Disk<'_>], prices: &Prices) -> InstanceCosts {
    let mut parts = InstanceCosts { lines: Vec::new(), unknown: Vec::new() };
    match prices.known(&format!("ec2.{instance}")) {
        Some(price) => {
            let what = format!("{} × {instance}", quantity(number));
            parts.lines.push(LineItem::new(address, what, number * HOURS_PER_MONTH, price));
        }
        None => parts.unknown.push(unpriced(instance, prices)),
    }
    for (kind, size) in disks {
        let kind = kind.and_then(Value::as_str).unwrap_or(DEFAULT_DISK);
        match (prices.known(&format!("ebs.{kind}")), size.and_then(as_number)) {
            (Some(price), Some(size)) => {
                let what = format!("{} × disk, {kind}", quantity(number));
                parts.lines.push(LineItem::new(address, what, number * size, price));
            }
            (None, _) => parts.unknown.push(format!("no price is known for disks of the type {kind:?}")),
            (_, None) => parts.unknown.push("the size of a disk is not known before the apply".to_owned()),
        }
    }
    parts
}

/// Why an instance has no price, and what to do.
fn unpriced(instance: &str, prices: &Prices) -> String {
    let types = prices.names("ec2.");
    let families: BTreeSet<_> = types.iter().filter_map(|known| Some(known.split_once('.')?.0)).collect();
    format!(
        "no price is known for {instance}, only for types of {}; --instance-price {instance}=USD gives it by the hour",
        Vec::from_iter(families).join(", ")
    )
}

/// The launch template of `group`. Its id is not known before the apply, so it is told by its name, by its module, or by being the only one.
fn template<'a>(group: &Resource, plan: &'a Plan) -> Option<&'a Resource> {
    let all: Vec<_> = plan.resources.iter().filter(|resource| resource.kind == "aws_launch_template").collect();
    let named = group.at("/launch_template/0/name").and_then(Value::as_str);
    let by_name = all.iter().find(|template| named.is_some() && template.text("name") == named);
    let by_module = || {
        let mut near = all.iter().filter(|template| template.module() == group.module());
        near.next().filter(|_| near.next().is_none())
    };
    let only = || all.first().filter(|_| all.len() == 1);
    by_name.or_else(by_module).or_else(only).copied()
}

/// What EC2 gives a disk where nobody says.
const DEFAULT_DISK: &str = "gp2";
