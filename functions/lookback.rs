//! Lookbacks in days, hours and minutes, as bodies have them.

use domain::lookback::Lookback;
use lambda::{At as _, Kind, Problem};

/// A lookback of its parts; `None` when none is given.
///
/// # Errors
/// When a part, or their sum, is out of its bounds.
pub(crate) fn parse(
    days: Option<u32>,
    hours: Option<u32>,
    minutes: Option<u32>,
) -> Result<Option<Lookback>, Problem> {
    for (given, most, pointer) in [
        (hours, 23, "/lookbackPeriodHour"),
        (minutes, 59, "/lookbackPeriodMinute"),
    ] {
        if given.is_some_and(|n| n > most) {
            let detail = format!("must be 0 to {most}");
            return Err(Problem::new(Kind::InvalidLookback, detail).at(pointer));
        }
    }
    if (days, hours, minutes) == (None, None, None) {
        return Ok(None);
    }
    let part = Option::unwrap_or_default;
    Lookback::new(part(days), part(hours), part(minutes))
        .map(Some)
        .at("/lookbackPeriodDay")
}
