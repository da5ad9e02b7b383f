//! The limits that apply to a call to a model.

use std::sync::Arc;

use super::{LeasedLimit, LimitCounter, LimitKind, Quotas};
use crate::key::KeyRecord;
use crate::limit::{Limit, LimitDimension, LimitPeriod};
use crate::tenant::Tenant;
use amaas_store::ModelName;

/// The limits of a tenant that apply to one model.
#[derive(Debug, Default)]
pub struct LimitPlan {
    /// Limits on requests.
    pub requests: Vec<Arc<LeasedLimit>>,
    /// Limits on units.
    pub units: Vec<Arc<LeasedLimit>>,
    /// Budgets.
    pub costs: Vec<Arc<LeasedLimit>>,
}

impl LimitPlan {
    /// The plan of `tenant` for calls to `model`.
    pub fn of(quotas: &Quotas, tenant: &Tenant, model: &ModelName) -> Self {
        let mut plan = Self::default();
        for limit in tenant.limits.iter().filter(|limit| limit.holds_for(model)) {
            let model = limit.model.as_ref().map_or("*", ModelName::as_str);
            let (kind, list) = match limit.dimension {
                LimitDimension::Requests => (LimitKind::Requests, &mut plan.requests),
                LimitDimension::Units => (LimitKind::Units, &mut plan.units),
            };
            let name = format!("{}/{model}/{}", tenant.name, limit.dimension.name());
            list.push(quotas.of(LimitCounter { name, most: limit.most, period: limit.period, kind }));
        }
        if let Some(budget) = tenant.budget {
            let (name, most) = (format!("{}/*/cost", tenant.name), budget.nanos());
            plan.costs.push(quotas.of(LimitCounter {
                name,
                most,
                period: LimitPeriod::Month,
                kind: LimitKind::Budget,
            }));
        }
        plan
    }

    /// The limits of `tenant` on calls that run no model: those on requests per minute to any model.
    pub fn looks(quotas: &Quotas, tenant: &Tenant) -> Vec<Arc<LeasedLimit>> {
        let is = |limit: &&Limit| {
            limit.model.is_none() && limit.dimension == LimitDimension::Requests && limit.period == LimitPeriod::Minute
        };
        let counter = |limit: &Limit| LimitCounter {
            name: format!("{}/*/{}", tenant.name, limit.dimension.name()),
            most: limit.most,
            period: LimitPeriod::Minute,
            kind: LimitKind::Requests,
        };
        tenant.limits.iter().filter(is).map(|limit| quotas.of(counter(limit))).collect()
    }

    /// The budget of a key.
    pub fn of_key(quotas: &Quotas, key: &KeyRecord) -> Option<Arc<LeasedLimit>> {
        let most = key.scope.max_cost?.nanos();
        let name = format!("{}/key-{}/cost", key.tenant, key.id);
        Some(quotas.of(LimitCounter { name, most, period: LimitPeriod::Month, kind: LimitKind::MaxCost }))
    }
}
