//! Names that people give to what is theirs: one line of text, without markup.

/// Why a name was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidName {
    /// Nothing was left once trimmed.
    #[error("a name must not be blank")]
    Blank,
    /// Longer than a name may be.
    #[error("a name has at most {max} characters, this one has {len}")]
    TooLong {
        /// The most allowed.
        max: usize,
        /// What was given.
        len: usize,
    },
    /// A character that a name must not hold.
    #[error("a name must not hold {0:?}")]
    Character(char),
}

/// Parses a name: trimmed, 1 to `max` characters (Unicode scalar values).
///
/// # Errors
/// When it is blank, too long, or holds `<`, `>` or a control character.
pub(crate) fn parse(raw: &str, max: usize) -> Result<String, InvalidName> {
    let name = raw.trim();
    if let Some(c) = name
        .chars()
        .find(|c| c.is_control() || matches!(c, '<' | '>'))
    {
        return Err(InvalidName::Character(c));
    }
    match name.chars().count() {
        0 => Err(InvalidName::Blank),
        len if len > max => Err(InvalidName::TooLong { max, len }),
        _ => Ok(name.to_owned()),
    }
}
