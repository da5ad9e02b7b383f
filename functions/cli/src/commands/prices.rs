//! `amaas prices`.

use amaas_access::Price;
use amaas_store::ModelName;
use serde::Serialize;

use crate::arguments::{AccountsArguments, PriceChange, PricesCommand};
use crate::error::CliError;
use crate::output;
use crate::settings::{LedgerOpenMode, Settings};

pub(crate) async fn run(settings: &Settings, prices: PricesCommand) -> Result<(), CliError> {
    match prices {
        PricesCommand::List { accounts } => list(settings, &accounts).await,
        PricesCommand::Set { model, change, accounts } => set(settings, &model, &change, &accounts).await,
    }
}

/// The price of calls to a model.
#[derive(Serialize)]
struct PriceOf<'a> {
    model: &'a ModelName,
    #[serde(flatten)]
    price: Price,
}

async fn list(settings: &Settings, arguments: &AccountsArguments) -> Result<(), CliError> {
    let prices = settings.accounts(arguments, LedgerOpenMode::Existing).await?.prices().await?;
    if settings.json {
        return output::json(&prices.iter().map(|(model, price)| PriceOf { model, price: *price }).collect::<Vec<_>>());
    }
    let rows = prices.into_iter().map(|(model, price)| {
        let Price { call, unit } = price;
        vec![model.to_string(), call.to_string(), unit.to_string()]
    });
    output::line(output::figures(&["MODEL", "A CALL", "A UNIT"], 1..3, rows))
}

async fn set(
    settings: &Settings,
    model: &ModelName,
    change: &PriceChange,
    arguments: &AccountsArguments,
) -> Result<(), CliError> {
    let accounts = settings.accounts(arguments, LedgerOpenMode::New).await?;
    let before = accounts.price(model).await?;
    let price = Price { call: change.call.unwrap_or(before.call), unit: change.unit.unwrap_or(before.unit) };
    accounts.set_price(model, price).await?;
    if settings.json {
        return output::json(&PriceOf { model, price });
    }
    let Price { call, unit } = price;
    output::line(format_args!("{model} costs {call} a call and {unit} a unit; functions apply it within 60 s"))
}
