//! EC2 instances of a plan: those of an Auto Scaling group, which its launch template describes, and single ones.

use std::collections::BTreeSet;

use serde_json::Value;

use super::figure::quantity;
use super::line::LineItem;
use super::plan::{PlannedResource, TerraformPlan, as_number};
use super::prices::PriceList;
use super::resource::ResourceCost;
use super::usage_profile::HOURS_PER_MONTH;

/// The cost of the group at its minimum size, and the additional cost at its maximum.
pub(super) fn of_group(group: &PlannedResource, plan: &TerraformPlan, prices: &PriceList) -> ResourceCost {
    let template = template(group, plan);
    let overridden = group.at("/mixed_instances_policy/0/launch_template/0/override/0/instance_type");
    let instance = overridden.and_then(Value::as_str).or_else(|| template?.text("instance_type"));
    let Some(instance) = instance else {
        return ResourceCost::Unknown("its instance type is not known before the apply".to_owned());
    };
    let least = group.number("min_size").unwrap_or_default();
    let least = group.number("desired_capacity").unwrap_or_default().max(least);
    let most = group.number("max_size").unwrap_or(least).max(least);
    let disks = template.map(|template| template.blocks("block_device_mappings")).unwrap_or_default();
    let disks = disks.iter().filter_map(|mapping| mapping.pointer("/ebs/0"));
    let disks: Vec<_> = disks.map(|disk| (disk.get("volume_type"), disk.get("volume_size"))).collect();
    let of = |number: f64| parts(&group.address, instance, number, &disks, prices);
    let (least, more) = (of(least), of(most - least));
    ResourceCost::Scaled { lines: least.lines, more: more.lines, unknown: least.unknown }
}

/// The cost of a single instance.
pub(super) fn of_one(instance: &PlannedResource, prices: &PriceList) -> ResourceCost {
    let Some(kind) = instance.text("instance_type") else {
        return ResourceCost::Unknown("its instance type is not known before the apply".to_owned());
    };
    let disk = (instance.at("/root_block_device/0/volume_type"), instance.at("/root_block_device/0/volume_size"));
    let disks = if disk.1.is_some() { vec![disk] } else { Vec::new() };
    let InstanceCosts { lines, unknown } = parts(&instance.address, kind, 1.0, &disks, prices);
    ResourceCost::Scaled { lines, more: Vec::new(), unknown }
}

/// The cost of a separate disk.
pub(super) fn of_disk(disk: &PlannedResource, prices: &PriceList) -> ResourceCost {
    let (kind, size) = (disk.text("type").unwrap_or(DEFAULT_DISK), disk.number("size"));
    match (prices.known(&format!("ebs.{kind}")), size) {
        (Some(price), Some(size)) => {
            ResourceCost::Lines(vec![LineItem::new(&disk.address, format!("disk, {kind}"), size, price)])
        }
        (None, _) => ResourceCost::Unknown(format!("no price is known for disks of the type {kind:?}")),
        (_, None) => ResourceCost::Unknown("its size is not known before the apply".to_owned()),
    }
}

type DiskArguments<'a> = (Option<&'a Value>, Option<&'a Value>);

/// The cost of instances and their disks, and why a part of it is not known.
struct InstanceCosts {
    lines: Vec<LineItem>,
    unknown: Vec<String>,
}

fn parts(address: &str, instance: &str, number: f64, disks: &[DiskArguments<'_>], prices: &PriceList) -> InstanceCosts {
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

/// Why an instance has no price, and the remedy.
fn unpriced(instance: &str, prices: &PriceList) -> String {
    let types = prices.names("ec2.");
    let families: BTreeSet<_> = types.iter().filter_map(|known| Some(known.split_once('.')?.0)).collect();
    format!(
        "no price is known for {instance}, only for types of {}; --instance-price {instance}=USD gives it by the hour",
        Vec::from_iter(families).join(", ")
    )
}

/// The launch template of `group`. Its id is not known before the apply: it is found by name, by module, or as the only one.
fn template<'a>(group: &PlannedResource, plan: &'a TerraformPlan) -> Option<&'a PlannedResource> {
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

/// EC2's default disk.
const DEFAULT_DISK: &str = "gp2";
