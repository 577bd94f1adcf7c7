//! What a handoff would say to one consumer, checked and rendered as a campaign does it.

use crate::{
    campaign::{Draft, Refusal, check},
    handoff::{Handoff, Rendered},
    id::TransactionId,
    push::{Custom, Notification},
};
use jiff::Timestamp;
use std::collections::BTreeSet;

/// What a consumer would be shown by a campaign of `handoff` that is accepted `now`: the texts,
/// and the notification with ids that stand for those of the campaign.
///
/// # Errors
/// When a campaign would not accept this recipient.
pub fn preview(
    handoff: &Handoff,
    draft: &Draft,
    now: Timestamp,
) -> Result<(Rendered, Notification), Refusal> {
    let design = &handoff.design;
    let (consumer, variables) = check(draft, &design.content, &mut BTreeSet::new())?;
    let rendered = design.content.render(&variables);
    let transaction = TransactionId::at(now);
    let expires_at = design.lookback.ends_at(now);
    // As long as those of a campaign: ten digits.
    let digits = || "0".repeat(10);
    let custom = Custom::Proactive {
        transaction,
        backend: design.source.into(),
        lookback: expires_at.duration_since(now),
        le_campaign: digits(),
        le_engagement: digits(),
        consumer,
    };
    let notification =
        Notification::proactive(&handoff.account, transaction, &rendered, expires_at, custom);
    Ok((rendered, notification))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        handoff::{Apps, Content, Design, HandoffName, Source},
        id::HandoffId,
        lookback::Lookback,
        push::Backend,
        text::Template,
    };

    fn handoff(title: Option<&str>, text: &str) -> Handoff {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        Handoff {
            account: "demo".parse().unwrap(),
            id: HandoffId::random(),
            design: Design {
                name: HandoffName::parse("Renewal").unwrap(),
                lookback: Lookback::default(),
                route_all: false,
                source: Source::Ivr,
                apps: Apps::try_from(vec!["com.example.shop".parse().unwrap()]).unwrap(),
                language: "en".to_owned(),
                content: Content {
                    message: Template::parse(text).unwrap(),
                    title: title.map(|t| Template::parse(t).unwrap()),
                    notification: None,
                    same: false,
                },
            },
            version: 1,
            created_at: now,
            updated_at: now,
        }
    }

    fn draft(variables: &[(&str, &str)]) -> Draft {
        Draft {
            consumer: Some("ana".to_owned()),
            variables: variables
                .iter()
                .map(|(n, v)| ((*n).to_owned(), Some((*v).to_owned())))
                .collect(),
        }
    }

    #[test]
    fn a_preview_is_rendered_and_refused_as_a_recipient_is() {
        let handoff = handoff(Some("For ${{1}}"), "Hello ${{1}}");
        let now = handoff.created_at;
        let (rendered, notification) = preview(&handoff, &draft(&[("1", "Ana")]), now).unwrap();
        assert_eq!(rendered.text, "Hello Ana");
        assert_eq!(notification.title.as_deref(), Some("For Ana"));
        assert_eq!(notification.body, "Hello Ana");
        assert!(matches!(
            notification.custom,
            Custom::Proactive { backend: Backend::C2m, lookback, .. } if lookback.as_hours() == 720
        ));
        let refused = |variables: &[(&str, &str)]| preview(&handoff, &draft(variables), now);
        assert_eq!(refused(&[]), Err(Refusal::Missing(1)));
        assert_eq!(refused(&[("1", "Ana"), ("2", "x")]), Err(Refusal::TooMany));
        assert_eq!(refused(&[("1", "a\u{7}")]), Err(Refusal::Unprintable(1)));
        let long = "x".repeat(1_100);
        assert_eq!(refused(&[("1", &long)]), Err(Refusal::TooLarge));
    }
}
