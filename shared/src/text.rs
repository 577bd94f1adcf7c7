//! What a message may say: text and emoji, with numbered placeholders, never cut inside a grapheme.

use serde::{Deserialize, Serialize};
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};
use unicode_segmentation::UnicodeSegmentation;

/// A placeholder's number: 1 to [`Template::MAX_PLACEHOLDER`].
pub type Placeholder = u8;

/// The values of a recipient's placeholders.
pub type Variables = BTreeMap<Placeholder, String>;

/// Reads variables whose placeholders are text, as in JSON. Serde turns text into numbers only
/// while it reads, not from what it has buffered for a tagged or flattened type.
pub(crate) fn variables<'de, D>(deserializer: D) -> Result<Variables, D::Error>
where
    D: serde::Deserializer<'de>,
{
    let read: BTreeMap<String, String> = serde::Deserialize::deserialize(deserializer)?;
    read.into_iter()
        .map(|(placeholder, value)| {
            let placeholder = placeholder.parse().map_err(serde::de::Error::custom)?;
            Ok((placeholder, value))
        })
        .collect()
}

/// How many bytes a text takes in JSON, quotes left out. Texts hold no control characters but
/// these two.
pub(crate) fn json_bytes(text: &str) -> usize {
    text.chars()
        .map(|c| match c {
            '"' | '\\' | '\n' | '\t' => 2,
            c => c.len_utf8(),
        })
        .sum()
}

/// The most characters (Unicode scalar values) one variable may have.
pub const MAX_VARIABLE_CHARS: usize = 1_550;

/// Text with placeholders `${{1}}`, `${{2}}` …, as a handoff keeps it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Template {
    source: String,
    parts: Vec<Part>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Placeholder(Placeholder),
}

/// Why a text was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidText {
    /// Nothing to show.
    #[error("a text must not be blank")]
    Blank,
    /// Longer than it may be.
    #[error("a text has at most {max} characters, this one has {len}")]
    TooLong {
        /// The most allowed.
        max: usize,
        /// What was given.
        len: usize,
    },
    /// Something that is neither text nor emoji.
    #[error("a text must not hold the control character U+{:04X}", u32::from(*.0))]
    Control(char),
    /// `${{` without a number from 1 to 20 and `}}` after it.
    #[error("a placeholder is `${{{{1}}}}` to `${{{{20}}}}`, found `{0}`")]
    Placeholder(String),
}

/// Checks that a text is text and emoji only.
///
/// Line feeds and tabs are kept; other control characters are refused. Joiners, variation
/// selectors and direction marks are part of text and stay.
///
/// # Errors
/// When it holds a control character.
pub fn printable(text: &str) -> Result<(), InvalidText> {
    match text
        .chars()
        .find(|c| c.is_control() && !matches!(c, '\n' | '\t'))
    {
        Some(c) => Err(InvalidText::Control(c)),
        None => Ok(()),
    }
}

/// Checks a text that people wrote: printable, not blank, at most `max` characters.
///
/// # Errors
/// When it is none of these.
pub fn written(text: &str, max: usize) -> Result<(), InvalidText> {
    printable(text)?;
    if text.trim().is_empty() {
        return Err(InvalidText::Blank);
    }
    match text.chars().count() {
        len if len > max => Err(InvalidText::TooLong { max, len }),
        _ => Ok(()),
    }
}

impl Template {
    /// The highest placeholder.
    pub const MAX_PLACEHOLDER: Placeholder = 20;
    /// The most characters (Unicode scalar values) a template may have.
    pub const MAX_CHARS: usize = 5_000;

    /// Parses a template.
    ///
    /// # Errors
    /// When it is blank, too long, holds a control character or a malformed placeholder.
    pub fn parse(source: &str) -> Result<Self, InvalidText> {
        written(source, Self::MAX_CHARS)?;
        let mut parts = Vec::new();
        let mut rest = source;
        while let Some(start) = rest.find("${{") {
            let (before, from) = rest.split_at(start);
            let (number, after) = from[3..].split_once("}}").ok_or_else(|| malformed(from))?;
            let number = number
                .parse()
                .ok()
                .filter(|n| {
                    (1..=Self::MAX_PLACEHOLDER).contains(n) && !number.starts_with(['+', '0'])
                })
                .ok_or_else(|| malformed(from))?;
            if !before.is_empty() {
                parts.push(Part::Text(before.to_owned()));
            }
            parts.push(Part::Placeholder(number));
            rest = after;
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        Ok(Self {
            source: source.to_owned(),
            parts,
        })
    }

    /// The template as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// The placeholders it holds.
    #[must_use]
    pub fn placeholders(&self) -> BTreeSet<Placeholder> {
        self.parts
            .iter()
            .filter_map(|part| match part {
                Part::Placeholder(n) => Some(*n),
                Part::Text(_) => None,
            })
            .collect()
    }

    /// The text with its placeholders filled; one without a value stays empty.
    #[must_use]
    pub fn render(&self, variables: &Variables) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => text.as_str(),
                Part::Placeholder(n) => variables.get(n).map_or("", String::as_str),
            })
            .collect()
    }
}

fn malformed(from: &str) -> InvalidText {
    InvalidText::Placeholder(from.graphemes(true).take(12).collect())
}

impl fmt::Debug for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.source, f)
    }
}

impl TryFrom<String> for Template {
    type Error = InvalidText;

    fn try_from(source: String) -> Result<Self, InvalidText> {
        Self::parse(&source)
    }
}

impl From<Template> for String {
    fn from(template: Template) -> Self {
        template.source
    }
}

/// The longest beginning of `text` that costs at most `budget`, cut between graphemes and
/// ended with `…` when something was cut.
///
/// `cost` says what a piece of text takes, in the budget's unit (the bytes of its JSON
/// form, say); the cost of a whole is the sum of its pieces. Returns `None` when not even
/// `…` fits.
#[must_use]
pub fn shorten(text: &str, budget: usize, cost: impl Fn(&str) -> usize) -> Option<String> {
    const ELLIPSIS: &str = "…";
    if cost(text) <= budget {
        return Some(text.to_owned());
    }
    let mut left = budget.checked_sub(cost(ELLIPSIS))?;
    let mut end = 0;
    for (at, grapheme) in text.grapheme_indices(true) {
        match left.checked_sub(cost(grapheme)) {
            Some(rest) => left = rest,
            None => break,
        }
        end = at + grapheme.len();
    }
    Some(format!("{}{ELLIPSIS}", text[..end].trim_end()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(all: &[(Placeholder, &str)]) -> Variables {
        all.iter().map(|(n, v)| (*n, (*v).to_owned())).collect()
    }

    #[test]
    fn placeholders_are_filled_wherever_they_stand() {
        let template = Template::parse("${{1}}, your ${{2}} is on its way, ${{1}}!").unwrap();
        assert_eq!(template.placeholders(), BTreeSet::from([1, 2]));
        assert_eq!(
            template.render(&variables(&[(1, "Ana"), (2, "card")])),
            "Ana, your card is on its way, Ana!"
        );
    }

    #[test]
    fn a_value_is_never_read_as_a_placeholder() {
        let template = Template::parse("${{1}}").unwrap();
        assert_eq!(template.render(&variables(&[(1, "${{2}}")])), "${{2}}");
    }

    #[test]
    fn malformed_placeholders_are_refused() {
        for bad in [
            "${{0}}", "${{21}}", "${{x}}", "${{1", "${{ 1 }}", "${{}}", "${{+1}}", "${{01}}",
        ] {
            assert!(
                matches!(Template::parse(bad), Err(InvalidText::Placeholder(_))),
                "{bad}"
            );
        }
    }

    #[test]
    fn control_characters_are_refused_and_other_scripts_kept() {
        assert_eq!(printable("a\u{7}b"), Err(InvalidText::Control('\u{7}')));
        for good in ["שלום\u{200f}", "👨‍👩‍👧‍👦 🇵🇹 👍🏽", "é e\u{301}", "two\nlines"]
        {
            assert_eq!(printable(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn a_blank_text_is_refused() {
        assert_eq!(Template::parse(" \n "), Err(InvalidText::Blank));
    }

    #[test]
    fn graphemes_are_never_cut_in_two() {
        let family = "👨‍👩‍👧‍👦";
        let text = format!("{family}{family}🇵🇹");
        for budget in 3..=text.len() + 3 {
            let short = shorten(&text, budget, str::len).unwrap();
            assert!(short.len() <= budget);
            let kept = short.trim_end_matches('…');
            assert!(
                text.graphemes(true)
                    .scan(String::new(), |sum, g| {
                        sum.push_str(g);
                        Some(sum.clone())
                    })
                    .chain([String::new()])
                    .any(|whole| whole == kept),
                "{budget}: {short}"
            );
        }
        assert_eq!(shorten(&text, text.len(), str::len), Some(text.clone()));
        assert_eq!(shorten(&text, 2, str::len), None);
    }
}
