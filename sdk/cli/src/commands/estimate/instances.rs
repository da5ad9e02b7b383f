//! Instances of EC2 in a plan: those of an Auto Scaling group, whose launch template says what they are, and single ones.

use std::collections::BTreeSet;

use serde_json::Value;

use super::figure::quantity;
use super::habits::HOURS;
use super::line::Line;
use super::plan::{Plan, Resource, as_number};
use super::prices::Prices;
use super::resource::Cost;

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
    let of = |number: f64| lines(&group.address, instance, number, &disks, prices);
    match (of(least), of(most - least)) {
        (Ok(lines), Ok(more)) => Cost::Scaled { lines, more },
        (Err(reason), _) | (_, Err(reason)) => Cost::Unknown(reason),
    }
}

/// What a single instance costs.
pub(super) fn of_one(instance: &Resource, prices: &Prices) -> Cost {
    let Some(kind) = instance.text("instance_type") else {
        return Cost::Unknown("its instance type is not known before the apply".to_owned());
    };
    let disk = (instance.at("/root_block_device/0/volume_type"), instance.at("/root_block_device/0/volume_size"));
    let disks = if disk.1.is_some() { vec![disk] } else { Vec::new() };
    lines(&instance.address, kind, 1.0, &disks, prices).map_or_else(Cost::Unknown, Cost::Lines)
}

/// What a disk of its own costs.
pub(super) fn of_disk(disk: &Resource, prices: &Prices) -> Cost {
    let (kind, size) = (disk.text("type").unwrap_or(USUAL_DISK), disk.number("size"));
    match (prices.known(&format!("ebs.{kind}")), size) {
        (Some(price), Some(size)) => Cost::Lines(vec![Line::new(&disk.address, format!("disk, {kind}"), size, price)]),
        (None, _) => Cost::Unknown(format!("no price is known for disks of the type {kind:?}")),
        (_, None) => Cost::Unknown("its size is not known before the apply".to_owned()),
    }
}

type Disk<'a> = (Option<&'a Value>, Option<&'a Value>);

fn lines(address: &str, instance: &str, number: f64, disks: &[Disk<'_>], prices: &Prices) -> Result<Vec<Line>, String> {
    let price = prices.known(&format!("ec2.{instance}"));
    let price = price.ok_or_else(|| {
        let types = prices.names("ec2.");
        let families: BTreeSet<_> = types.iter().filter_map(|known| Some(known.split_once('.')?.0)).collect();
        format!(
            "no price is known for {instance}, only for types of {}; --instance-price {instance}=USD gives it by the hour",
            Vec::from_iter(families).join(", ")
        )
    })?;
    let what = format!("{} × {instance}", quantity(number));
    let mut lines = vec![Line::new(address, what, number * HOURS, price)];
    for (kind, size) in disks {
        let kind = kind.and_then(Value::as_str).unwrap_or(USUAL_DISK);
        let Some(size) = size.and_then(as_number) else { continue };
        let price = prices.known(&format!("ebs.{kind}"));
        let price = price.ok_or_else(|| format!("no price is known for disks of the type {kind:?}"))?;
        lines.push(Line::new(address, format!("{} × disk, {kind}", quantity(number)), number * size, price));
    }
    Ok(lines)
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
const USUAL_DISK: &str = "gp2";
