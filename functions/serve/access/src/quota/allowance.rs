//! A process's share of a limit: taken from the ledger's counter in leases, and used without asking it.
//!
//! A lease is as much as a call needs, and twice as much as the last where that was used up within a second, up to a 64th of what is left;
//! what is left of it when nobody called for some seconds is given back. So all leases together never pass the limit, and a process that
//! is killed takes at most a 64th of it along.
//!
//! While the ledger cannot be asked, a process lends itself a 64th, and refuses then, or at once where it knew of no room; what it lent is
//! counted when the ledger can be asked again, and what has passed the limit is not lent another time. That is the bound by which a limit
//! can be passed: a 64th of it for each process that runs meanwhile.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::measure::{Counter, Kind, Measure, SHARES, Time};
use crate::quota::QuotaError;
use amaas_ledger::{Clock, Counted, Ledger, LedgerError};

/// What this process has of a limit.
#[derive(Debug)]
pub struct Allowance {
    measure: Measure,
    ledger: Arc<dyn Ledger>,
    clock: Clock,
    local: Mutex<Local>,
    /// Held by whoever asks the ledger.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Local {
    have: u64,
    /// The month that `have` is of.
    period: i64,
    /// The size of the last lease, and when it was had.
    lease: u64,
    leased: Instant,
    used: Instant,
    /// What was used while the ledger could not be asked, and is not counted yet.
    lent: u64,
    /// By how much all processes together had passed the limit when that was last counted.
    passed: u64,
    /// There is no room for so much until then.
    refused: Option<(u64, Instant)>,
    /// How much room there was in the ledger beside the leases, when it was last asked.
    room: u64,
}

/// How much is left of a limit, for the headers of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Left {
    /// The whole limit.
    pub most: u64,
    /// What is left of it.
    pub remaining: u64,
    /// In how long all of it is there again.
    pub reset: Duration,
}

impl Allowance {
    pub(super) fn new(measure: Measure, ledger: Arc<dyn Ledger>, clock: Clock) -> Self {
        let now = Instant::now();
        let local = Local {
            have: 0,
            period: 0,
            lease: 0,
            leased: now,
            used: now,
            lent: 0,
            passed: 0,
            refused: None,
            room: measure.most,
        };
        Self { measure, ledger, clock, local: Mutex::new(local), asking: tokio::sync::Mutex::default() }
    }

    /// What it counts.
    pub fn kind(&self) -> Kind {
        self.measure.kind
    }

    /// Takes `amount`, or nothing; and says of which period it is.
    ///
    /// The ledger is asked in a task of its own: what it has counted is here then, whether or not the caller is.
    pub async fn take(self: &Arc<Self>, amount: u64) -> Result<i64, QuotaError> {
        if amount > self.measure.most {
            let limit = self.measure.to_string();
            return Err(match self.measure.kind {
                Kind::Budget => QuotaError::OverBudget { budget: limit },
                Kind::MaxCost => QuotaError::OverKeyBudget { budget: limit },
                Kind::Requests | Kind::Units => QuotaError::OverLimit { limit },
            });
        }
        if let Some(taken) = self.take_at_once(amount) {
            return taken;
        }
        let (asking, (reply, taken)) = (Arc::clone(self), oneshot::channel());
        tokio::spawn(async move {
            let _turn = asking.asking.lock().await;
            // Whoever asked before may have had enough for this one too, and this one may have gone away meanwhile.
            let taken = match asking.take_at_once(amount) {
                Some(taken) => taken,
                None if reply.is_closed() => return,
                None => asking.ask(amount).await,
            };
            if let Err(Ok(period)) = reply.send(taken) {
                asking.put_back(amount, period);
            }
        });
        taken.await.unwrap_or_else(|_| {
            Err(QuotaError::LimitsUnavailable { internal: "the reservation task ended".to_owned() })
        })
    }

    /// Puts back what was taken of `period` and not used.
    pub fn put_back(&self, amount: u64, period: i64) {
        let mut local = self.local();
        if local.period != period {
            return;
        }
        local.have += amount;
        // With it there may be enough for who was refused.
        local.refused = None;
    }

    /// How much is left of it, as far as this process knows.
    pub fn left(&self) -> Left {
        let local = self.local();
        let remaining = local.room.saturating_add(local.have).min(self.measure.most);
        Left {
            most: self.measure.most,
            remaining,
            reset: self.measure.wait(self.measure.most - remaining, self.clock.now()),
        }
    }

    /// Gives back what nobody used for a while, or all of it, and counts what was lent; whether it is of no more use.
    pub(super) async fn give_back(self: &Arc<Self>, idle: Duration) -> bool {
        if self.local().used.elapsed() < idle {
            return false;
        }
        let this = Arc::clone(self);
        // Whoever stops waiting does not leave it half done.
        tokio::spawn(async move { this.give_all_back().await }).await.unwrap_or(false)
    }

    async fn give_all_back(&self) -> bool {
        let _turn = self.asking.lock().await;
        let counter = self.counter();
        if !self.settle(&counter).await {
            return false;
        }
        let amount = {
            let mut local = self.local();
            local.lease = 0;
            let have = std::mem::take(&mut local.have);
            // What is left of the last month is no part of this one.
            if local.period == counter.period { have } else { 0 }
        };
        if amount > 0
            && let Err(error) = self.ledger.count(&counter.key, counter.giving_back(amount)).await
        {
            tracing::warn!(%error, amount, "a part of a limit could not be given back");
        }
        true
    }

    /// Counts what was lent, where there is any; whether there is none any more.
    async fn settle(&self, counter: &Counter) -> bool {
        let lent = {
            let local = self.local();
            // A month that is over is not counted any more.
            if local.period == counter.period { local.lent } else { 0 }
        };
        if lent == 0 {
            return true;
        }
        match self.ledger.count(&counter.key, counter.settling(lent)).await {
            Ok(sum) => {
                self.of(counter, |local| {
                    local.lent = local.lent.saturating_sub(lent);
                    local.passed = counter.passed(sum);
                });
                true
            }
            Err(_) => false,
        }
    }

    /// Changes what is here, where it is still of the period of `counter`.
    fn of(&self, counter: &Counter, change: impl FnOnce(&mut Local)) {
        let mut local = self.local();
        if local.period == counter.period {
            change(&mut local);
        }
    }

    /// Takes what is here, or refuses what was refused a moment ago.
    fn take_at_once(&self, amount: u64) -> Option<Result<i64, QuotaError>> {
        let period = if self.measure.time == Time::Month { self.counter().period } else { 0 };
        let mut local = self.local();
        if local.period != period {
            // What is left of the last month is worth nothing.
            *local = Local {
                have: 0,
                period,
                lease: 0,
                refused: None,
                lent: 0,
                passed: 0,
                room: self.measure.most,
                ..*local
            };
        }
        local.used = Instant::now();
        if local.have >= amount {
            local.have -= amount;
            return Some(Ok(period));
        }
        match local.refused {
            Some((least, until)) if amount >= least && local.used < until => {
                let missing = amount.saturating_sub(local.have);
                Some(Err(self.refusal(missing)))
            }
            _ => None,
        }
    }

    /// Takes `amount` out of a new lease.
    async fn ask(&self, amount: u64) -> Result<i64, QuotaError> {
        let counter = self.counter();
        // What is here is set aside first: others go on taking meanwhile.
        let (need, lease) = {
            let mut local = self.local();
            let need = amount.saturating_sub(local.have);
            local.have = local.have.saturating_sub(amount);
            let quick = local.lease > 0 && local.leased.elapsed() < QUICK;
            // A part of what is left: many processes that have leases leave something for others.
            let share = self.measure.share().min(local.room / SHARES);
            let lease = if quick { (local.lease * 2).min(share) } else { 0 };
            (need, need.max(lease))
        };
        let _not_yet = self.settle(&counter).await;
        let mut answer = self.ledger.count(&counter.key, counter.adding(lease)).await;
        let mut had = lease;
        if let Ok(Counted::Full(value)) = answer
            && lease > need
            && counter.room(value) >= need
        {
            (had, answer) = (need, self.ledger.count(&counter.key, counter.adding(need)).await);
        }
        match answer {
            Ok(Counted::Now(value)) => {
                self.of(&counter, |local| {
                    local.have += had - need;
                    (local.lease, local.leased) = (had, Instant::now());
                    (local.room, local.refused) = (counter.room(value), None);
                });
                Ok(counter.period)
            }
            Ok(Counted::Full(value)) => {
                let room = counter.room(value);
                let missing = need.saturating_sub(room);
                let until = Instant::now() + self.measure.wait(missing, self.clock.now()).min(LOOK_AGAIN);
                self.of(&counter, |local| {
                    local.have += amount - need;
                    (local.room, local.refused) = (room, Some((amount, until)));
                });
                Err(self.refusal(missing))
            }
            Err(error) => self.lend(amount, need, &counter, &error),
        }
    }

    /// Takes `amount`, of which `need` was not here, from what a process may lend itself: not where there was no room when the ledger
    /// was last asked, and together with what has passed the limit already no more than a share.
    fn lend(&self, amount: u64, need: u64, counter: &Counter, error: &LedgerError) -> Result<i64, QuotaError> {
        let mut local = self.local();
        let may = local.period == counter.period
            && local.room > 0
            && local.lent.saturating_add(local.passed).saturating_add(need) <= self.measure.share();
        if !may {
            if local.period == counter.period {
                local.have += amount - need;
            }
            return Err(QuotaError::LimitsUnavailable { internal: error.to_string() });
        }
        tracing::warn!(%error, "a call is let in that is counted when the ledger can be asked");
        local.lent += need;
        Ok(counter.period)
    }

    fn refusal(&self, missing: u64) -> QuotaError {
        let (limit, wait) = (self.measure.to_string(), self.measure.wait(missing, self.clock.now()));
        match (self.measure.kind, self.measure.time) {
            (Kind::Budget, _) => QuotaError::BudgetExhausted { budget: limit },
            (Kind::MaxCost, _) => QuotaError::KeyBudgetExhausted { budget: limit },
            (_, Time::Minute) => QuotaError::RateLimited { limit, wait },
            (_, Time::Month) => QuotaError::QuotaExhausted { limit, wait },
        }
    }

    fn counter(&self) -> Counter {
        self.measure.at(self.clock.now())
    }

    fn local(&self) -> MutexGuard<'_, Local> {
        self.local.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A lease that lasts no longer than this was too small.
const QUICK: Duration = Duration::from_secs(1);
/// How long what was refused is refused without asking.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
