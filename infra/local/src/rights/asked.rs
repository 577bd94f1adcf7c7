//! Which rights AWS wants for a call.
use super::{Right, each};
use crate::{
    sns::Form,
    template::{ACCOUNT, REGION},
};
use serde_json::Value;

/// What a call says.
pub(crate) enum Request<'a> {
    /// In JSON.
    Json(&'a Value),
    /// In fields.
    Form(&'a Form),
}

/// The rights that the call needs, all of them.
pub(crate) fn asked(service: &str, operation: &str, request: &Request<'_>) -> Vec<Right> {
    match (service, request) {
        ("dynamodb", Request::Json(body)) => of_table(operation, body),
        ("sqs", Request::Json(body)) => {
            let url = body["QueueUrl"].as_str().unwrap_or_default();
            let queue = url.rsplit('/').next().unwrap_or_default();
            vec![right(
                service,
                operation.strip_suffix("Batch").unwrap_or(operation),
                arn(service, queue),
            )]
        }
        ("secretsmanager", Request::Json(body)) => {
            let secret = body["SecretId"].as_str().unwrap_or_default();
            vec![right(service, operation, secret)]
        }
        ("sns", Request::Form(form)) => {
            let names = [
                "TopicArn",
                "TargetArn",
                "EndpointArn",
                "PlatformApplicationArn",
            ];
            let resource = names.iter().find_map(|name| form.get(*name));
            vec![right(
                service,
                operation.strip_suffix("Batch").unwrap_or(operation),
                resource.map_or("*", String::as_str),
            )]
        }
        _ => vec![right(service, operation, "*")],
    }
}

fn right(service: &str, action: &str, resource: impl Into<String>) -> Right {
    Right {
        action: format!("{service}:{action}"),
        resource: resource.into(),
    }
}

fn arn(service: &str, name: &str) -> String {
    format!("arn:aws:{service}:{REGION}:{ACCOUNT}:{name}")
}

/// A transaction asks for the right to each action in it, and for none of its own.
fn of_table(operation: &str, body: &Value) -> Vec<Right> {
    let on = |action: &str, request: &Value| {
        let table = request["TableName"].as_str().unwrap_or_default();
        let table = arn("dynamodb", &format!("table/{table}"));
        match request["IndexName"].as_str() {
            Some(index) => right("dynamodb", action, format!("{table}/index/{index}")),
            None => right("dynamodb", action, table),
        }
    };
    match operation {
        "TransactWriteItems" | "TransactGetItems" => each(&body["TransactItems"])
            .iter()
            .filter_map(|item| item.as_object()?.iter().find(|(_, item)| !item.is_null()))
            .map(|(kind, item)| match kind.as_str() {
                "ConditionCheck" => on("ConditionCheckItem", item),
                kind => on(&format!("{kind}Item"), item),
            })
            .collect(),
        "BatchGetItem" | "BatchWriteItem" => {
            let tables = body["RequestItems"].as_object();
            let tables = tables.into_iter().flat_map(|tables| tables.keys());
            tables
                .map(|table| {
                    let table = format!("table/{table}");
                    right("dynamodb", operation, arn("dynamodb", &table))
                })
                .collect()
        }
        _ => vec![on(operation, body)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn of(service: &str, operation: &str, body: &Value) -> Vec<String> {
        let asked = asked(service, operation, &Request::Json(body));
        asked.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_transaction_asks_for_each_action_in_it() {
        let body = json!({"TransactItems": [
            {"Put": {"TableName": "t"}}, {"Update": {"TableName": "t"}},
            {"Delete": {"TableName": "t"}}, {"ConditionCheck": {"TableName": "u"}},
        ]});
        let table = "arn:aws:dynamodb:eu-west-1:123456789012:table/";
        assert_eq!(
            of("dynamodb", "TransactWriteItems", &body),
            [
                format!("dynamodb:PutItem on {table}t"),
                format!("dynamodb:UpdateItem on {table}t"),
                format!("dynamodb:DeleteItem on {table}t"),
                format!("dynamodb:ConditionCheckItem on {table}u"),
            ]
        );
        let body = json!({"TransactItems": [{"Get": {"TableName": "t"}}]});
        assert_eq!(
            of("dynamodb", "TransactGetItems", &body),
            [format!("dynamodb:GetItem on {table}t")]
        );
    }

    #[test]
    fn a_query_of_an_index_asks_for_the_index() {
        let body = json!({"TableName": "t", "IndexName": "queue"});
        assert_eq!(
            of("dynamodb", "Query", &body),
            ["dynamodb:Query on arn:aws:dynamodb:eu-west-1:123456789012:table/t/index/queue"]
        );
    }

    #[test]
    fn a_batch_of_messages_asks_for_what_one_does() {
        let body = json!({"QueueUrl": "http://127.0.0.1:1/sqs/123456789012/jobs"});
        assert_eq!(
            of("sqs", "SendMessageBatch", &body),
            ["sqs:SendMessage on arn:aws:sqs:eu-west-1:123456789012:jobs"]
        );
        let form = Form::from_iter([("TopicArn".to_owned(), "arn:t".to_owned())]);
        let asked = asked("sns", "PublishBatch", &Request::Form(&form));
        assert_eq!(asked, [right("sns", "Publish", "arn:t")]);
    }
}
