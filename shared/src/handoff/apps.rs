//! Which apps a handoff notifies.

use crate::id::AppName;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The apps of a handoff: 1 to 4, all different, in the handoff's order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<AppName>", into = "Vec<AppName>")]
pub struct Apps(Vec<AppName>);

/// Why a list of apps was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidApps {
    /// None, or more than [`Apps::MAX`].
    #[error("a handoff names 1 to {max} apps, this one names {0}", max = Apps::MAX)]
    Count(usize),
    /// The same one twice.
    #[error("the app `{0}` is named twice")]
    Twice(AppName),
}

impl Apps {
    /// The most apps a handoff may name.
    pub const MAX: usize = 4;

    /// The apps themselves.
    #[must_use]
    pub fn as_slice(&self) -> &[AppName] {
        &self.0
    }
}

impl TryFrom<Vec<AppName>> for Apps {
    type Error = InvalidApps;

    fn try_from(apps: Vec<AppName>) -> Result<Self, InvalidApps> {
        if !(1..=Self::MAX).contains(&apps.len()) {
            return Err(InvalidApps::Count(apps.len()));
        }
        let mut seen = BTreeSet::new();
        for app in &apps {
            if !seen.insert(app) {
                return Err(InvalidApps::Twice(app.clone()));
            }
        }
        Ok(Self(apps))
    }
}

impl From<Apps> for Vec<AppName> {
    fn from(apps: Apps) -> Self {
        apps.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn apps(n: usize) -> Vec<AppName> {
        (0..n).map(|i| format!("app{i}").parse().unwrap()).collect()
    }

    #[test]
    fn a_handoff_names_1_to_4_apps() {
        assert_eq!(Apps::try_from(apps(0)), Err(InvalidApps::Count(0)));
        assert!(Apps::try_from(apps(1)).is_ok());
        assert!(Apps::try_from(apps(4)).is_ok());
        assert_eq!(Apps::try_from(apps(5)), Err(InvalidApps::Count(5)));
        let twice = vec![apps(1)[0].clone(), apps(1)[0].clone()];
        assert!(matches!(Apps::try_from(twice), Err(InvalidApps::Twice(_))));
    }
}
