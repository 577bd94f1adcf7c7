//! Spans as OTLP's JSON: the body of a POST to a collector's `/v1/traces`.
//!
//! <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>: ids are hexadecimal digits,
//! 64-bit numbers are texts, kinds and codes are numbers.

use crate::{
    context::Context,
    span::{Ended, Value},
};
use serde::{Serialize, Serializer, ser::SerializeStruct as _};

/// What is posted.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    resource_spans: [ResourceSpans<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ResourceSpans<'a> {
    resource: Resource<'a>,
    scope_spans: [ScopeSpans<'a>; 1],
}

#[derive(Serialize)]
struct Resource<'a> {
    attributes: Vec<Attribute<'a>>,
}

#[derive(Serialize)]
struct ScopeSpans<'a> {
    scope: Scope,
    spans: Vec<SpanBody<'a>>,
}

#[derive(Serialize)]
struct Scope {
    name: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SpanBody<'a> {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<String>,
    name: &'a str,
    kind: u8,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    attributes: Vec<Attribute<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    links: Vec<Link>,
    status: Status,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Link {
    trace_id: String,
    span_id: String,
}

/// 0 is not set, 2 is an error.
#[derive(Serialize)]
struct Status {
    code: u8,
}

#[derive(Serialize)]
struct Attribute<'a> {
    key: &'a str,
    value: &'a Value,
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut value = serializer.serialize_struct("AnyValue", 1)?;
        match self {
            Self::Text(text) => value.serialize_field("stringValue", text)?,
            Self::Number(number) => value.serialize_field("intValue", &number.to_string())?,
        }
        value.end()
    }
}

fn trace(context: Context) -> String {
    format!("{:032x}", context.trace)
}

fn span(id: u64) -> String {
    format!("{id:016x}")
}

fn attributes<'a>(pairs: &'a [(&'static str, Value)]) -> Vec<Attribute<'a>> {
    let attribute = |(key, value): &'a (&'static str, Value)| Attribute { key, value };
    pairs.iter().map(attribute).collect()
}

impl<'a> From<&'a Ended> for SpanBody<'a> {
    fn from(ended: &'a Ended) -> Self {
        let link = |other: &Context| Link {
            trace_id: trace(*other),
            span_id: span(other.span),
        };
        Self {
            trace_id: trace(ended.context),
            span_id: span(ended.context.span),
            parent_span_id: ended.parent.map(span),
            name: &ended.name,
            kind: ended.kind as u8,
            start_time_unix_nano: ended.start.as_nanosecond().to_string(),
            end_time_unix_nano: ended.end.as_nanosecond().to_string(),
            attributes: attributes(&ended.told.attributes),
            links: ended.told.links.iter().map(link).collect(),
            status: Status {
                code: if ended.told.failed { 2 } else { 0 },
            },
        }
    }
}

/// The body that tells of the spans of a resource.
pub(crate) fn body(
    resource: &[(&'static str, Value)],
    spans: &[Ended],
) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Request {
        resource_spans: [ResourceSpans {
            resource: Resource {
                attributes: attributes(resource),
            },
            scope_spans: [ScopeSpans {
                scope: Scope { name: "overture" },
                spans: spans.iter().map(SpanBody::from).collect(),
            }],
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::span::{Kind, Told};
    use jiff::Timestamp;
    use serde_json::{Value as Json, json};

    #[test]
    fn a_span_is_written_as_the_protocol_wants_it() {
        let at = |ns: i128| Timestamp::from_nanosecond(ns).unwrap();
        let context = Context {
            trace: 0xab,
            span: 0xcd,
            sampled: true,
        };
        let span = Ended {
            context,
            parent: Some(0xef),
            kind: Kind::Consumer,
            name: "process SendQueue".into(),
            start: at(1_800_000_000_000_000_001),
            end: at(1_800_000_000_000_000_009),
            told: Told {
                attributes: vec![("overture.attempt", 3_u32.into())],
                links: vec![context],
                failed: true,
            },
        };
        let resource = [("service.name", "send".into())];
        let written: Json = serde_json::from_slice(&body(&resource, &[span]).unwrap()).unwrap();
        let (trace, id) = (format!("{:0>32}", "ab"), format!("{:0>16}", "cd"));
        let wanted = json!({"resourceSpans": [{
            "resource": {"attributes": [
                {"key": "service.name", "value": {"stringValue": "send"}}]},
            "scopeSpans": [{"scope": {"name": "overture"}, "spans": [{
                "traceId": trace, "spanId": id, "parentSpanId": format!("{:0>16}", "ef"),
                "name": "process SendQueue", "kind": 5,
                "startTimeUnixNano": "1800000000000000001",
                "endTimeUnixNano": "1800000000000000009",
                "attributes": [{"key": "overture.attempt", "value": {"intValue": "3"}}],
                "links": [{"traceId": trace, "spanId": id}],
                "status": {"code": 2}}]}]}]});
        assert_eq!(written, wanted);
    }
}
