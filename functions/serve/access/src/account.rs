//! A tenant in memory, with the limits that apply to each model.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use crate::quota::{LimitPlan, Quotas};
use crate::tenant::{Tenant, TenantName};
use amaas_store::ModelName;

/// A tenant in memory.
#[derive(Debug)]
pub struct Account {
    tenant: Tenant,
    /// Made on first use, and again when the tenant is read again.
    plans: RwLock<HashMap<ModelName, Arc<LimitPlan>>>,
}

impl Account {
    pub(super) fn new(tenant: Tenant) -> Self {
        Self { tenant, plans: RwLock::default() }
    }

    /// The record of the tenant.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The tenant's name.
    pub fn name(&self) -> &TenantName {
        &self.tenant.name
    }

    /// The limits that apply to calls to `model`.
    pub fn plan(&self, quotas: &Quotas, model: &ModelName) -> Arc<LimitPlan> {
        if let Some(plan) = self.plans.read().unwrap_or_else(PoisonError::into_inner).get(model) {
            return Arc::clone(plan);
        }
        let mut plans = self.plans.write().unwrap_or_else(PoisonError::into_inner);
        let plan = plans.entry(model.clone()).or_insert_with(|| Arc::new(LimitPlan::of(quotas, &self.tenant, model)));
        Arc::clone(plan)
    }
}
