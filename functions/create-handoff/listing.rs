//! Listings of handoffs: which ones are wanted, and a page of them.

use super::answer::Handoff;
use domain::handoff;
use lambda::{Kind, Problem};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// Which handoffs are wanted.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(rename_all = "camelCase")]
pub(super) struct Window {
    /// The place of the first, from 0.
    offset: Option<usize>,
    /// The most of a page, 1 to 100; 30 by default.
    limit: Option<usize>,
    /// Only those whose title holds this, whatever the case.
    name: Option<String>,
    /// Only those with a channel of this type.
    channel: Option<String>,
    /// LivePerson's version parameter: `1`, which changes nothing.
    #[serde(rename = "v")]
    #[param(rename = "v")]
    _version: Option<String>,
}

impl Window {
    /// The offset and the limit.
    ///
    /// # Errors
    /// When the limit is out of its bounds.
    pub(super) fn checked(&self) -> Result<(usize, usize), Problem> {
        let limit = self.limit.unwrap_or(30);
        if (1..=100).contains(&limit) {
            Ok((self.offset.unwrap_or(0), limit))
        } else {
            Err(Problem::new(Kind::InvalidQuery, "`limit` must be 1 to 100"))
        }
    }

    /// Whether it wants this one.
    #[must_use]
    pub(super) fn admits(&self, handoff: &handoff::Handoff) -> bool {
        let name = handoff.design.name.as_str().to_lowercase();
        self.channel
            .as_ref()
            .is_none_or(|channel| channel == "inapp")
            && self
                .name
                .as_ref()
                .is_none_or(|part| name.contains(&part.to_lowercase()))
    }
}

/// A page of handoffs.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = HandoffList)]
pub(super) struct Listing {
    /// The handoffs of the page, oldest first.
    pub handoffs: Vec<Handoff>,
    /// How many there are on all pages.
    pub total: usize,
    /// The place of the first.
    pub offset: usize,
    /// The most of a page.
    pub limit: usize,
}
