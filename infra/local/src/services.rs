//! The AWS services' endpoint: one server, a path per service, every call metered.
use crate::{
    dynamodb::DynamoDb,
    faults::{Fault, Faults},
    pulse::Pulse,
    rights::{Request, Rights, asked},
    secrets::Secrets,
    sns::Topics,
    sqs::Queues,
    usage::Meter,
};
use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};

/// The variables that send a function's SDK to this endpoint.
pub(crate) fn variables(base_url: &str) -> [(String, String); 5] {
    [
        (
            "AWS_ENDPOINT_URL_DYNAMODB".to_owned(),
            format!("{base_url}/dynamodb"),
        ),
        ("AWS_ENDPOINT_URL_SQS".to_owned(), format!("{base_url}/sqs")),
        ("AWS_ENDPOINT_URL_SNS".to_owned(), format!("{base_url}/sns")),
        (
            "AWS_ENDPOINT_URL_SECRETS_MANAGER".to_owned(),
            format!("{base_url}/secretsmanager"),
        ),
        // Nothing else of AWS is there: better a refused connection than a call to the real one.
        ("AWS_ENDPOINT_URL".to_owned(), format!("{base_url}/unknown")),
    ]
}

/// All services.
#[derive(Clone, Debug)]
pub(crate) struct Services {
    pub(crate) dynamodb: DynamoDb,
    pub(crate) queues: Queues,
    pub(crate) topics: Topics,
    pub(crate) secrets: Secrets,
    pub(crate) rights: Rights,
    pub(crate) meter: Meter,
    pub(crate) faults: Faults,
    pub(crate) changed: Pulse,
}

/// A service's error, as the AWS SDKs read it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceError {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) message: String,
}

impl ServiceError {
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            code,
            message: message.into(),
        }
    }

    fn internal() -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            code: "InternalServerError",
            message: "a fault was asked for".to_owned(),
        }
    }
}

impl Services {
    pub(crate) fn router(self) -> Router {
        Router::new()
            .route("/{service}", post(call))
            .route("/{service}/", post(call))
            .layer(DefaultBodyLimit::max(17 * 1024 * 1024))
            .with_state(self)
    }
}

async fn call(
    State(services): State<Services>,
    Path(service): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let form = (service == "sns").then(|| crate::sns::form(&body));
    let operation = match &form {
        Some(form) => form.get("Action").cloned().unwrap_or_default(),
        None => target(&headers),
    };
    let caller = caller(&headers);
    let action = format!("{service}:{operation}");
    if let Some(refused) = refused(
        &services,
        &caller,
        &service,
        &operation,
        form.as_ref(),
        &body,
    ) {
        services.changed.beat();
        return refused;
    }
    let fault = services.faults.strike(&caller, &action);
    if fault.is_some() {
        services.changed.beat();
    }
    match fault {
        Some(Fault::Throttled) => {
            services.meter.add(&caller, action, 0.0, 0.0);
            let code = if service == "dynamodb" {
                "ThrottlingException"
            } else {
                "RequestThrottled"
            };
            return error(&service, &ServiceError::new(code, "Rate exceeded"));
        }
        Some(Fault::Failed) => {
            services.meter.add(&caller, action, 0.0, 0.0);
            return error(&service, &ServiceError::internal());
        }
        Some(Fault::Hangs) => {
            services.meter.add(&caller, action, 0.0, 0.0);
            return std::future::pending().await;
        }
        Some(Fault::Conflict(key)) => {
            services.meter.add(&caller, action, 0.0, 0.0);
            let refusal = crate::dynamodb::conflict(&body, key);
            return json_answer(&service, StatusCode::BAD_REQUEST, &refusal);
        }
        Some(Fault::Slow(by)) => tokio::time::sleep(by).await,
        Some(Fault::AnswerLost) | None => {}
    }
    let answer = match service.as_str() {
        "dynamodb" => {
            let (answer, units) = services.dynamodb.call(&operation, &headers, body).await;
            services.meter.add(&caller, action, units.read, units.write);
            answer
        }
        "sns" => {
            services.meter.add(&caller, action, 0.0, 0.0);
            services.topics.call(&operation, &form.unwrap_or_default())
        }
        "sqs" | "secretsmanager" => {
            services.meter.add(&caller, action, 0.0, 0.0);
            let answer = match serde_json::from_slice(&body) {
                Ok(body) if service == "sqs" => services.queues.call(&operation, body).await,
                Ok(body) => services.secrets.call(&operation, &body),
                Err(_) => Err(ServiceError::new(
                    "SerializationException",
                    "the body is no JSON",
                )),
            };
            match answer {
                Ok(answer) => json_answer(&service, StatusCode::OK, &answer),
                Err(refused) => error(&service, &refused),
            }
        }
        _ => StatusCode::NOT_FOUND.into_response(),
    };
    // Reads, too, are something to wait for.
    services.changed.beat();
    match fault {
        Some(Fault::AnswerLost) => error(&service, &ServiceError::internal()),
        _ => answer,
    }
}

/// The answer to a call that the caller has no right to.
fn refused(
    services: &Services,
    caller: &str,
    service: &str,
    operation: &str,
    form: Option<&crate::sns::Form>,
    body: &Bytes,
) -> Option<Response> {
    let json: Value;
    let request = if let Some(form) = form {
        Request::Form(form)
    } else {
        json = serde_json::from_slice(body).unwrap_or_default();
        Request::Json(&json)
    };
    let asked = asked(service, operation, &request);
    let message = services.rights.check(caller, &asked).err()?;
    tracing::error!("{message}");
    let (status, code) = match service {
        "sqs" => (StatusCode::FORBIDDEN, "AccessDenied"),
        "sns" => (StatusCode::FORBIDDEN, "AuthorizationError"),
        _ => (StatusCode::BAD_REQUEST, "AccessDeniedException"),
    };
    let refused = ServiceError {
        status,
        code,
        message,
    };
    Some(error(service, &refused))
}

/// The operation's name in `X-Amz-Target`.
fn target(headers: &HeaderMap) -> String {
    let target = headers
        .get("x-amz-target")
        .and_then(|t| t.to_str().ok())
        .unwrap_or_default();
    target.rsplit('.').next().unwrap_or_default().to_owned()
}

/// Who calls: the access key's id, which is the function's name.
fn caller(headers: &HeaderMap) -> String {
    let authorization = headers
        .get(header::AUTHORIZATION)
        .and_then(|a| a.to_str().ok());
    let credential = authorization.and_then(|a| a.split_once("Credential="));
    let key = credential.and_then(|(_, rest)| rest.split('/').next());
    key.unwrap_or("unknown").to_owned()
}

fn json_answer(service: &str, status: StatusCode, body: &Value) -> Response {
    let kind = if service == "secretsmanager" {
        "application/x-amz-json-1.1"
    } else {
        "application/x-amz-json-1.0"
    };
    let id = uuid::Uuid::new_v4().to_string();
    let headers = [("content-type", kind), ("x-amzn-requestid", id.as_str())];
    (status, headers, body.to_string()).into_response()
}

fn error(service: &str, error: &ServiceError) -> Response {
    if service == "sns" {
        return crate::sns::error(error);
    }
    let kind = match service {
        "sqs" => format!("com.amazonaws.sqs#{}", error.code),
        _ => error.code.to_owned(),
    };
    let mut answer = json_answer(
        service,
        error.status,
        &json!({"__type": kind, "message": error.message}),
    );
    if let Ok(code) = error.code.parse() {
        answer.headers_mut().insert("x-amzn-errortype", code);
    }
    answer
}
