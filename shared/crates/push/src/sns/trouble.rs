//! SNS's errors as what is to be done about them.
//!
//! | outcome | errors |
//! |---|---|
//! | device gone | `EndpointDisabled` |
//! | credentials refused | `NotFound` and `InvalidParameter` of the application, `PlatformApplicationDisabled`, `AuthorizationError` |
//! | rejected for ever | every other `InvalidParameter`: a malformed token among them |
//! | later | throttling, 5xx, no answer, anything unknown |
//!
//! Sources: <https://docs.aws.amazon.com/sns/latest/api/API_CreatePlatformEndpoint.html#API_CreatePlatformEndpoint_Errors>,
//! <https://docs.aws.amazon.com/sns/latest/api/API_Publish.html#API_Publish_Errors>.

use crate::{classify, connection::later};
use aws_sdk_sns::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};
use domain::push::Undelivered;

/// Why SNS did not do something.
#[derive(Debug)]
pub(super) enum Trouble {
    /// There is no such endpoint.
    NoEndpoint,
    /// The endpoint is disabled.
    Disabled,
    /// Anything else.
    Other(Undelivered),
}

impl From<Undelivered> for Trouble {
    fn from(undelivered: Undelivered) -> Self {
        Self::Other(undelivered)
    }
}

impl From<Trouble> for Undelivered {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Disabled => Self::DeviceGone {
                since: None,
                reason: "EndpointDisabled".into(),
            },
            Trouble::NoEndpoint => later("NotFound"),
            Trouble::Other(undelivered) => undelivered,
        }
    }
}

/// The endpoint that has the token already, as the error's text names it.
///
/// Source: <https://aws.amazon.com/blogs/mobile/mobile-token-management-with-amazon-sns/>.
pub(super) fn existing(message: Option<&str>) -> Option<String> {
    let (_, rest) = message?.split_once("Endpoint arn:")?;
    let (arn, _) = rest.split_once(" already exists with the same Token")?;
    let one_word = !arn.contains(char::is_whitespace);
    one_word.then(|| format!("arn:{arn}"))
}

/// An error of a call that names a platform application.
pub(super) fn on_application<E: ProvideErrorMetadata>(
    error: &SdkError<E, HttpResponse>,
) -> Trouble {
    let names_application = error
        .message()
        .is_some_and(|m| m.contains("PlatformApplicationArn"));
    match code(error) {
        Some("NotFound") => refused("NotFound"),
        Some("InvalidParameter") if names_application => refused("InvalidParameter"),
        _ => other(error),
    }
}

/// An error of a call that names an endpoint.
pub(super) fn on_endpoint<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Trouble {
    let names_endpoint = error.message().is_some_and(|m| m.contains("TargetArn"));
    match code(error) {
        Some("EndpointDisabled") => Trouble::Disabled,
        Some("NotFound") => Trouble::NoEndpoint,
        Some("InvalidParameter") if names_endpoint => Trouble::NoEndpoint,
        _ => other(error),
    }
}

/// The error's code; the query protocol has them without `Exception`.
fn code<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Option<&str> {
    let code = error.code()?;
    Some(code.strip_suffix("Exception").unwrap_or(code))
}

fn refused(reason: &'static str) -> Trouble {
    Trouble::Other(Undelivered::Refused {
        reason: reason.into(),
    })
}

fn other<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> Trouble {
    let status = match error {
        SdkError::TimeoutError(_) => return later("timeout").into(),
        SdkError::ServiceError(e) => e.raw().status().as_u16(),
        SdkError::ResponseError(e) => e.raw().status().as_u16(),
        // No answer, no connection, no credentials of our own.
        _ => return later("unreachable").into(),
    };
    classify::sns(status, code(error).unwrap_or_default()).into()
}

#[cfg(test)]
mod tests {
    use super::existing;

    #[test]
    fn an_endpoint_with_the_token_is_named() {
        let arn = "arn:aws:sns:eu-west-1:111122223333:endpoint/GCM/shop/6f1c";
        let message = format!(
            "Invalid parameter: Token Reason: Endpoint {arn} already exists with the same Token, but different attributes."
        );
        assert_eq!(existing(Some(&message)).as_deref(), Some(arn));
        for none in [
            "Invalid parameter: Token Reason: iOS device tokens must be hexadecimal",
            "Endpoint arn:aws:sns is not one, already exists with the same Token",
        ] {
            assert_eq!(existing(Some(none)), None, "{none}");
        }
        assert_eq!(existing(None), None);
    }
}
