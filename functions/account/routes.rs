//! A brand's account: apps, skills, settings, API clients, and the audit log.

mod apps;
mod audit;
mod clients;
mod settings;
mod skills;

use crate::Ports;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The function's routes.
pub fn routes() -> OpenApiRouter<Ports> {
    OpenApiRouter::new()
        .routes(routes!(apps::list))
        .routes(routes!(apps::put, apps::get, apps::delete))
        .routes(routes!(skills::list))
        .routes(routes!(skills::put, skills::get, skills::delete))
        .routes(routes!(settings::put, settings::get))
        .routes(routes!(clients::create, clients::list))
        .routes(routes!(clients::delete))
        .routes(routes!(clients::rotate))
        .routes(routes!(audit::list))
}

#[cfg(test)]
mod tests;
