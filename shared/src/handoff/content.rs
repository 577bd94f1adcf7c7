//! A handoff's texts, and what one consumer is shown of them.

use crate::text::{self, Placeholder, Template, Variables};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// The three texts of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// What stands in the chat.
    pub message: Template,
    /// The line above the notification, if any.
    pub title: Option<Template>,
    /// What the notification says, if it was given a text of its own.
    pub notification: Option<Template>,
    /// Whether the notification says what the chat says, even where it was given a text of
    /// its own. Such a text is kept, and its placeholders count.
    #[serde(default)]
    pub same: bool,
}

impl Content {
    /// The placeholders of all texts together: what a recipient's variables must match.
    #[must_use]
    pub fn placeholders(&self) -> BTreeSet<Placeholder> {
        [
            Some(&self.message),
            self.title.as_ref(),
            self.notification.as_ref(),
        ]
        .into_iter()
        .flatten()
        .flat_map(Template::placeholders)
        .collect()
    }

    /// The texts with their placeholders filled.
    #[must_use]
    pub fn render(&self, variables: &Variables) -> Rendered {
        Rendered {
            text: self.message.render(variables),
            title: self.title.as_ref().map(|t| t.render(variables)),
            notification: self
                .notification
                .as_ref()
                .filter(|_| !self.same)
                .map(|t| t.render(variables)),
        }
    }
}

/// What one consumer is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rendered {
    /// What stands in the chat.
    pub text: String,
    /// The line above the notification.
    pub title: Option<String>,
    /// What the notification says, where that differs from the chat.
    pub notification: Option<String>,
}

impl Rendered {
    /// The most bytes (UTF-8) of the chat text, and of the notification's.
    pub const MAX_TEXT_BYTES: usize = 128 * 1024;
    /// The most bytes (as JSON) of a title: it is never shortened, and with it the
    /// notification must fit the gateways' 4,096 bytes.
    pub const MAX_TITLE_BYTES: usize = 1_024;

    /// What the notification says.
    #[must_use]
    pub fn body(&self) -> &str {
        self.notification.as_deref().unwrap_or(&self.text)
    }

    /// Whether a gateway can take it, shortened or not.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.text.len() <= Self::MAX_TEXT_BYTES
            && self.body().len() <= Self::MAX_TEXT_BYTES
            && self
                .title
                .as_ref()
                .is_none_or(|t| text::json_bytes(t) <= Self::MAX_TITLE_BYTES)
    }

    /// Whether there is anything to show.
    #[must_use]
    pub fn is_blank(&self) -> bool {
        self.text.trim().is_empty() || self.body().trim().is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_no_gateway_could_take_does_not_fit() {
        let rendered = |title: usize, text: usize| Rendered {
            text: "x".repeat(text),
            title: Some("x".repeat(title)),
            notification: None,
        };
        assert!(rendered(1_024, 10).fits());
        assert!(!rendered(1_025, 10).fits());
        assert!(!rendered(1, Rendered::MAX_TEXT_BYTES + 1).fits());
    }

    #[test]
    fn placeholders_of_all_texts_count() {
        let content = Content {
            message: Template::parse("a ${{3}}").unwrap(),
            title: Some(Template::parse("${{1}}").unwrap()),
            notification: Some(Template::parse("b ${{2}} ${{3}}").unwrap()),
            same: false,
        };
        assert_eq!(content.placeholders(), BTreeSet::from([1, 2, 3]));
        let variables = Variables::from([(1, "A".into()), (2, "B".into()), (3, "C".into())]);
        assert_eq!(content.render(&variables).body(), "b B C");
        let same = Content {
            same: true,
            ..content
        };
        assert_eq!(same.placeholders(), BTreeSet::from([1, 2, 3]));
        assert_eq!(same.render(&variables).body(), "a C");
    }
}
