//! Which limits a call to a model falls under.

use std::sync::Arc;

use super::{Allowance, Kind, Measure, Quotas, Time};
use crate::key::KeyRecord;
use crate::limit::{Limit, Of, Per};
use crate::tenant::Tenant;
use amaas_store::ModelName;

/// The limits of a tenant that hold for one of its models.
#[derive(Debug, Default)]
pub struct Plan {
    /// Limits on requests.
    pub requests: Vec<Arc<Allowance>>,
    /// Limits on units.
    pub units: Vec<Arc<Allowance>>,
    /// Budgets.
    pub costs: Vec<Arc<Allowance>>,
}

impl Plan {
    /// The plan of `tenant` for calls to `model`.
    pub fn of(quotas: &Quotas, tenant: &Tenant, model: &ModelName) -> Self {
        let mut plan = Self::default();
        for limit in tenant.limits.iter().filter(|limit| limit.holds_for(model)) {
            let of = limit.model.as_ref().map_or("*", ModelName::as_str);
            let (kind, list) = match limit.of {
                Of::Requests => (Kind::Requests, &mut plan.requests),
                Of::Units => (Kind::Units, &mut plan.units),
            };
            let time = if limit.per == Per::Minute { Time::Minute } else { Time::Month };
            let name = format!("{}/{of}/{}", tenant.name, limit.of.name());
            list.push(quotas.of(Measure { name, most: limit.most, time, kind }));
        }
        if let Some(budget) = tenant.budget {
            let (name, most) = (format!("{}/*/cost", tenant.name), budget.nanos());
            plan.costs.push(quotas.of(Measure { name, most, time: Time::Month, kind: Kind::Budget }));
        }
        plan
    }

    /// The limits of `tenant` for calls that only look at something: those of a minute's requests, to any model.
    pub fn looks(quotas: &Quotas, tenant: &Tenant) -> Vec<Arc<Allowance>> {
        let is = |limit: &&Limit| limit.model.is_none() && limit.of == Of::Requests && limit.per == Per::Minute;
        let measure = |limit: &Limit| Measure {
            name: format!("{}/*/{}", tenant.name, limit.of.name()),
            most: limit.most,
            time: Time::Minute,
            kind: Kind::Requests,
        };
        tenant.limits.iter().filter(is).map(|limit| quotas.of(measure(limit))).collect()
    }

    /// What calls with a key may cost.
    pub fn of_key(quotas: &Quotas, key: &KeyRecord) -> Option<Arc<Allowance>> {
        let most = key.scope.max_cost?.nanos();
        let name = format!("{}/key-{}/cost", key.tenant, key.id);
        Some(quotas.of(Measure { name, most, time: Time::Month, kind: Kind::MaxCost }))
    }
}
