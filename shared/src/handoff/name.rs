//! What people call a handoff.

use crate::name::{self, InvalidName};
use serde::{Deserialize, Serialize};

/// A handoff's title: 1 to 255 characters, unique in its account, without `<` and `>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct HandoffName(String);

impl HandoffName {
    /// The most characters (Unicode scalar values) a title may have.
    pub const MAX: usize = 255;

    /// Parses a title, trimming it.
    ///
    /// # Errors
    /// When it is blank, too long, or holds `<`, `>` or a control character.
    pub fn parse(raw: &str) -> Result<Self, InvalidName> {
        name::parse(raw, Self::MAX).map(Self)
    }

    /// The title itself.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for HandoffName {
    type Error = InvalidName;

    fn try_from(raw: String) -> Result<Self, InvalidName> {
        Self::parse(&raw)
    }
}

impl From<HandoffName> for String {
    fn from(name: HandoffName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_holds_no_markup() {
        assert_eq!(HandoffName::parse("a<b"), Err(InvalidName::Character('<')));
        assert_eq!(HandoffName::parse("  "), Err(InvalidName::Blank));
        assert!(HandoffName::parse(&"x".repeat(256)).is_err());
        assert_eq!(HandoffName::parse(" Renewal ").unwrap().as_str(), "Renewal");
    }
}
