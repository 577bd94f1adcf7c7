//! A brand's account: apps, skills, settings, API clients, and the audit log.

mod apps;
mod audit;
mod clients;
mod settings;
mod skills;

use crate::{Ports, routes::routes};

routes! {
    /// The function's routes.
    pub fn routes() -> Ports {
        apps::{list, put, get, delete},
        skills::{list, put, get, delete},
        settings::{put, get},
        clients::{create, list, delete, rotate},
        audit::{list},
    }
}

#[cfg(test)]
mod tests;
