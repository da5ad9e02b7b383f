//! Leases on a limit: a process takes a part of the limit from the ledger's counter and uses it without asking again.
//!
//! A lease is as large as the call needs. It is twice the last lease if that was used up within a second, up to a 64th of the rest. An
//! idle lease is returned after some seconds. Invariants: all leases together never exceed the limit; a killed process loses at most a
//! 64th of it.
//!
//! While the ledger is unreachable, a process runs on an overdraft of a 64th of the limit and then refuses calls; it refuses at once if
//! it knew of no room. The overdraft is counted when the ledger is reachable again, and an overshoot is not granted a second time. So a
//! limit is exceeded by at most a 64th for each process that runs meanwhile.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::limit_counter::{CounterWindow, LimitCounter, LimitKind, MAX_LEASE_SHARE};
use crate::limit::LimitPeriod;
use crate::quota::QuotaError;
use amaas_ledger::{Clock, CounterOutcome, Ledger, LedgerError};

/// This process's lease on a limit.
#[derive(Debug)]
pub struct LeasedLimit {
    counter: LimitCounter,
    ledger: Arc<dyn Ledger>,
    clock: Clock,
    state: Mutex<LeaseState>,
    /// Held while the ledger is asked, so that one request is in flight.
    ledger_turn: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct LeaseState {
    available: u64,
    /// The period that `available` belongs to.
    period: i64,
    /// The size of the last lease, and when it was taken.
    lease: u64,
    leased: Instant,
    used: Instant,
    /// The usage while the ledger was unreachable, which is not counted yet.
    overdraft: u64,
    /// By how much all processes together exceeded the limit when an overdraft was last counted.
    overshoot: u64,
    /// An amount that was refused, and until when it is refused again without asking.
    refused: Option<(u64, Instant)>,
    /// The room in the ledger beside the leases, when it was last asked.
    room: u64,
}

/// How much of a limit remains, for response headers.
#[derive(Clone, Copy, Debug)]
pub struct RemainingLimit {
    /// The whole limit.
    pub most: u64,
    /// The rest of it.
    pub remaining: u64,
    /// The time until all of it is available again.
    pub reset: Duration,
}

impl LeasedLimit {
    pub(super) fn new(counter: LimitCounter, ledger: Arc<dyn Ledger>, clock: Clock) -> Self {
        let now = Instant::now();
        let state = LeaseState {
            available: 0,
            period: 0,
            lease: 0,
            leased: now,
            used: now,
            overdraft: 0,
            overshoot: 0,
            refused: None,
            room: counter.most,
        };
        Self { counter, ledger, clock, state: Mutex::new(state), ledger_turn: tokio::sync::Mutex::default() }
    }

    /// The dimension of the limit.
    pub fn kind(&self) -> LimitKind {
        self.counter.kind
    }

    /// Takes `amount` or nothing; returns the period that it was taken from.
    ///
    /// The ledger is asked in a task of its own, so that a lease is kept even if the client hangs up.
    pub async fn take(self: &Arc<Self>, amount: u64) -> Result<i64, QuotaError> {
        if amount > self.counter.most {
            let limit = self.counter.to_string();
            return Err(match self.counter.kind {
                LimitKind::Budget => QuotaError::OverBudget { budget: limit },
                LimitKind::MaxCost => QuotaError::OverKeyBudget { budget: limit },
                LimitKind::Requests | LimitKind::Units => QuotaError::OverLimit { limit },
            });
        }
        if let Some(taken) = self.try_take_local(amount) {
            return taken;
        }
        let (this, (reply, taken)) = (Arc::clone(self), oneshot::channel());
        tokio::spawn(async move {
            let _turn = this.ledger_turn.lock().await;
            // The lease before may be large enough for this call too, and the client may have hung up meanwhile.
            let taken = match this.try_take_local(amount) {
                Some(taken) => taken,
                None if reply.is_closed() => return,
                None => this.take_from_ledger(amount).await,
            };
            if let Err(Ok(period)) = reply.send(taken) {
                this.put_back(amount, period);
            }
        });
        taken.await.unwrap_or_else(|_| {
            Err(QuotaError::LimitsUnavailable { internal: "the reservation task ended".to_owned() })
        })
    }

    /// Puts back an unused amount that was taken from `period`.
    pub fn put_back(&self, amount: u64, period: i64) {
        let mut state = self.state();
        if state.period != period {
            return;
        }
        state.available += amount;
        // It may be enough for a call that was refused.
        state.refused = None;
    }

    /// How much remains, as far as this process knows.
    pub fn remaining(&self) -> RemainingLimit {
        let state = self.state();
        let remaining = state.room.saturating_add(state.available).min(self.counter.most);
        RemainingLimit {
            most: self.counter.most,
            remaining,
            reset: self.counter.wait(self.counter.most - remaining, self.clock.now()),
        }
    }

    /// Returns the lease if it was idle for so long, and counts the overdraft; whether nothing is left here.
    pub(super) async fn give_back(self: &Arc<Self>, idle: Duration) -> bool {
        if self.state().used.elapsed() < idle {
            return false;
        }
        let this = Arc::clone(self);
        // In a task of its own, so that a dropped future does not leave it half done.
        tokio::spawn(async move { this.return_lease().await }).await.unwrap_or(false)
    }

    async fn return_lease(&self) -> bool {
        let _turn = self.ledger_turn.lock().await;
        let window = self.window();
        if !self.settle_overdraft(&window).await {
            return false;
        }
        let amount = {
            let mut state = self.state();
            state.lease = 0;
            let available = std::mem::take(&mut state.available);
            // The rest of the last month is no part of this one.
            if state.period == window.period { available } else { 0 }
        };
        if amount > 0
            && let Err(error) = self.ledger.count(&window.key, window.returning(amount)).await
        {
            tracing::warn!(%error, amount, limit = %self.counter, "quota lease not returned");
        }
        true
    }

    /// Counts the overdraft, if there is one; whether it is settled.
    async fn settle_overdraft(&self, window: &CounterWindow) -> bool {
        let overdraft = {
            let state = self.state();
            // An overdraft of a past month is not counted any more.
            if state.period == window.period { state.overdraft } else { 0 }
        };
        if overdraft == 0 {
            return true;
        }
        match self.ledger.count(&window.key, window.settling(overdraft)).await {
            Ok(sum) => {
                self.update(window, |state| {
                    state.overdraft = state.overdraft.saturating_sub(overdraft);
                    state.overshoot = window.overshoot(sum);
                });
                true
            }
            Err(_) => false,
        }
    }

    /// Changes the state if it still belongs to the period of `window`.
    fn update(&self, window: &CounterWindow, change: impl FnOnce(&mut LeaseState)) {
        let mut state = self.state();
        if state.period == window.period {
            change(&mut state);
        }
    }

    /// Takes from the lease, or refuses an amount that was refused a moment ago.
    fn try_take_local(&self, amount: u64) -> Option<Result<i64, QuotaError>> {
        let period = if self.counter.period == LimitPeriod::Month { self.window().period } else { 0 };
        let mut state = self.state();
        if state.period != period {
            // The rest of the last month expires.
            *state = LeaseState {
                available: 0,
                period,
                lease: 0,
                refused: None,
                overdraft: 0,
                overshoot: 0,
                room: self.counter.most,
                ..*state
            };
        }
        state.used = Instant::now();
        if state.available >= amount {
            state.available -= amount;
            return Some(Ok(period));
        }
        match state.refused {
            Some((least, until)) if amount >= least && state.used < until => {
                let missing = amount.saturating_sub(state.available);
                Some(Err(self.refusal(missing)))
            }
            _ => None,
        }
    }

    /// Takes `amount` from a new lease.
    async fn take_from_ledger(&self, amount: u64) -> Result<i64, QuotaError> {
        let window = self.window();
        // The rest of the lease is set aside first, because other calls take from it meanwhile.
        let (need, lease) = {
            let mut state = self.state();
            let need = amount.saturating_sub(state.available);
            state.available = state.available.saturating_sub(amount);
            let quick = state.lease > 0 && state.leased.elapsed() < LEASE_GROWTH_WINDOW;
            // A part of the rest: many processes with leases leave something for others.
            let max_lease = self.counter.max_lease().min(state.room / MAX_LEASE_SHARE);
            let lease = if quick { (state.lease * 2).min(max_lease) } else { 0 };
            (need, need.max(lease))
        };
        let _not_yet = self.settle_overdraft(&window).await;
        let mut answer = self.ledger.count(&window.key, window.adding(lease)).await;
        let mut had = lease;
        if let Ok(CounterOutcome::Full(value)) = answer
            && lease > need
            && window.room(value) >= need
        {
            (had, answer) = (need, self.ledger.count(&window.key, window.adding(need)).await);
        }
        match answer {
            Ok(CounterOutcome::Now(value)) => {
                self.update(&window, |state| {
                    state.available += had - need;
                    (state.lease, state.leased) = (had, Instant::now());
                    (state.room, state.refused) = (window.room(value), None);
                });
                Ok(window.period)
            }
            Ok(CounterOutcome::Full(value)) => {
                let room = window.room(value);
                let missing = need.saturating_sub(room);
                let until = Instant::now() + self.counter.wait(missing, self.clock.now()).min(REFUSAL_TTL);
                self.update(&window, |state| {
                    state.available += amount - need;
                    (state.room, state.refused) = (room, Some((amount, until)));
                });
                Err(self.refusal(missing))
            }
            Err(error) => self.overdraw(amount, need, &window, &error),
        }
    }

    /// Takes `amount` on overdraft; the lease lacks `need`. Refuses if there was no room when the ledger was last asked, or if overdraft
    /// and overshoot together would exceed the largest lease.
    fn overdraw(&self, amount: u64, need: u64, window: &CounterWindow, error: &LedgerError) -> Result<i64, QuotaError> {
        let mut state = self.state();
        let may = state.period == window.period
            && state.room > 0
            && state.overdraft.saturating_add(state.overshoot).saturating_add(need) <= self.counter.max_lease();
        if !may {
            if state.period == window.period {
                state.available += amount - need;
            }
            return Err(QuotaError::LimitsUnavailable { internal: error.to_string() });
        }
        tracing::warn!(%error, limit = %self.counter, "quota ledger unavailable; admitting call on overdraft");
        state.overdraft += need;
        Ok(window.period)
    }

    fn refusal(&self, missing: u64) -> QuotaError {
        let (limit, wait) = (self.counter.to_string(), self.counter.wait(missing, self.clock.now()));
        match (self.counter.kind, self.counter.period) {
            (LimitKind::Budget, _) => QuotaError::BudgetExhausted { budget: limit },
            (LimitKind::MaxCost, _) => QuotaError::KeyBudgetExhausted { budget: limit },
            (_, LimitPeriod::Minute) => QuotaError::RateLimited { limit, wait },
            (_, LimitPeriod::Month) => QuotaError::QuotaExhausted { limit, wait },
        }
    }

    fn window(&self) -> CounterWindow {
        self.counter.at(self.clock.now())
    }

    fn state(&self) -> MutexGuard<'_, LeaseState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lease that is used up within this time is doubled.
const LEASE_GROWTH_WINDOW: Duration = Duration::from_secs(1);
/// How long a refusal is repeated without asking the ledger.
const REFUSAL_TTL: Duration = Duration::from_secs(1);
