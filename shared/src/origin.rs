//! Where in a distributed trace something was caused. The domain hands it on and looks no
//! further: what a trace is made of is for those who record it.

use serde::{Deserialize, Deserializer, Serialize, de::IgnoredAny};
use std::fmt;

/// A span of a trace, as W3C's `traceparent` names it: `00-`, the trace's id, `-`, the span's
/// id, `-`, flags, all in lower-case hexadecimal digits.
///
/// <https://www.w3.org/TR/trace-context/#traceparent-header>
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Origin(String);

/// The lengths of the version, the trace's id, the span's id and the flags.
const LENGTHS: [usize; 4] = [2, 32, 16, 2];
/// The length of all of it.
const LENGTH: usize = 2 + 32 + 16 + 2 + 3;

impl Origin {
    /// Reads a `traceparent`; `None` when it is none. Of a version that is not known yet, the
    /// part that every version has is taken.
    #[must_use]
    pub fn parse(raw: &str) -> Option<Self> {
        let (known, rest) = raw.split_at_checked(LENGTH)?;
        let fields: Vec<_> = known.split('-').collect();
        let fits = |(field, length): (&&str, usize)| {
            let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
            field.len() == length && field.bytes().all(is_hex)
        };
        let &[version, trace, span, flags] = &fields[..] else {
            return None;
        };
        let is_some = |id: &str| id.bytes().any(|byte| byte != b'0');
        let ends = rest.is_empty() || (version != "00" && rest.starts_with('-'));
        let is_one = fields.iter().zip(LENGTHS).all(fits)
            && version != "ff"
            && is_some(trace)
            && is_some(span)
            && ends;
        is_one.then(|| Self(format!("00-{trace}-{span}-{flags}")))
    }

    /// The `traceparent`: 55 ASCII characters.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The trace's id.
    #[must_use]
    pub fn trace(&self) -> &str {
        self.0.split('-').nth(1).unwrap_or_default()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The API call that something follows from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trace {
    /// What support calls it: the answer's `requestTraceId`.
    pub id: String,
    /// Its span, if it is traced.
    pub origin: Option<Origin>,
}

impl From<&str> for Trace {
    /// A call that is not traced.
    fn from(id: &str) -> Self {
        Self {
            id: id.to_owned(),
            origin: None,
        }
    }
}

/// Reads one that is kept with something else: what is none is left out, for nothing that is
/// kept may be lost for its trace.
///
/// # Errors
/// When nothing can be read at all.
pub fn kept<'de, D: Deserializer<'de>>(source: D) -> Result<Option<Origin>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Kept {
        Text(String),
        Other(IgnoredAny),
    }
    Ok(match Option::deserialize(source)? {
        Some(Kept::Text(text)) => Origin::parse(&text),
        Some(Kept::Other(_)) | None => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
    const SPAN: &str = "00f067aa0ba902b7";

    #[test]
    fn a_traceparent_is_taken_as_it_is() {
        let text = format!("00-{TRACE}-{SPAN}-01");
        let origin = Origin::parse(&text).unwrap();
        assert_eq!((origin.as_str(), origin.trace()), (text.as_str(), TRACE));
        assert_eq!(text.len(), LENGTH);
    }

    #[test]
    fn of_a_later_version_the_known_part_is_taken() {
        for rest in ["", "-what-comes-then"] {
            let later = Origin::parse(&format!("01-{TRACE}-{SPAN}-03{rest}")).unwrap();
            assert_eq!(later.as_str(), format!("00-{TRACE}-{SPAN}-03"));
        }
    }

    #[test]
    fn what_is_no_traceparent_is_not_taken() {
        let none = "0".repeat(32);
        for text in [
            String::new(),
            "00".to_owned(),
            format!("ff-{TRACE}-{SPAN}-01"),
            format!("00-{none}-{SPAN}-01"),
            format!("00-{TRACE}-{}-01", "0".repeat(16)),
            format!("00-{}-{SPAN}-01", TRACE.to_uppercase()),
            format!("00-{TRACE}-{SPAN}-01-more"),
            format!("01-{TRACE}-{SPAN}-01more"),
            format!("00-{TRACE}-{SPAN}-0g"),
            format!("00-{TRACE}{SPAN}--01"),
            format!("00-{}ä-{SPAN}-01", &TRACE[2..]),
            format!(" 00-{TRACE}-{SPAN}-01"),
        ] {
            assert_eq!(Origin::parse(&text), None, "{text}");
        }
    }
}
