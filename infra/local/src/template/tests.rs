//! Tests of the template parser.
use super::{Event, SecretValue, Template};
use std::{collections::BTreeMap, time::Duration};

const YAML: &str = r#"
Transform: AWS::Serverless-2016-10-31
Parameters:
  Stage: {Type: String, Default: prod}
  FcmUrl: {Type: String, Default: https://fcm.googleapis.com}
  Batch: {Type: Number, Default: 10}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  NotProd: !Not [Condition: IsProd]
Globals:
  Function:
    Timeout: 10
    MemorySize: 256
    Environment:
      Variables: {TABLE_NAME: !Ref Table, STAGE: !Ref Stage}
Resources:
  Send:
    Type: AWS::Serverless::Function
    Metadata: {BuildMethod: rust-cargolambda, BuildProperties: {Binary: send}}
    Properties:
      FunctionName: !Sub "overture-${Stage}-send"
      Timeout: 30
      Policies: [{Statement: [{Effect: Allow, Action: sqs:SendMessage, Resource: !GetAtt Queue.Arn}]}]
      Environment:
        Variables:
          FCM_URL: !Sub "${FcmUrl}/v1"
          QUEUE_URL: !Ref Queue
          TOPIC_ARN: !Ref Topic
          SECRET_ARN: !Ref TokenSecret
          MODE: !If [IsProd, strict, !Ref AWS::NoValue]
          LAX: !If [NotProd, "yes", !Ref AWS::NoValue]
          JOINED: !Join ["-", [a, !Ref Stage]]
          STAGE: other
          CONCURRENCY: 5
      Events:
        Queue:
          Type: SQS
          Properties:
            Queue: !GetAtt Queue.Arn
            BatchSize: !Ref Batch
            MaximumBatchingWindowInSeconds: 1
            ScalingConfig: {MaximumConcurrency: 7}
            FunctionResponseTypes: [ReportBatchItemFailures]
        Stream:
          Type: DynamoDB
          Properties:
            Stream: {Fn::GetAtt: [Table, StreamArn]}
            StartingPosition: TRIM_HORIZON
            MaximumRetryAttempts: 3
            BisectBatchOnFunctionError: true
            FilterCriteria: {Filters: [{Pattern: '{"eventName":["INSERT"]}'}]}
            DestinationConfig: {OnFailure: {Destination: !GetAtt Dead.Arn}}
        Post: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: "/a/{id}", Method: post}}
        Tick: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(5 minutes)}}
  Api: {Type: AWS::Serverless::HttpApi}
  Table:
    Type: AWS::DynamoDB::Table
    Properties:
      BillingMode: PAY_PER_REQUEST
      KeySchema: [{AttributeName: pk, KeyType: HASH}]
      AttributeDefinitions: [{AttributeName: pk, AttributeType: S}]
      StreamSpecification: {StreamViewType: NEW_AND_OLD_IMAGES}
      TimeToLiveSpecification: {AttributeName: ttl, Enabled: true}
      SSESpecification: {SSEEnabled: true, KMSMasterKeyId: !GetAtt Key.Arn}
  Key: {Type: AWS::KMS::Key}
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 180
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 5}
  Dead: {Type: AWS::SQS::Queue, Properties: {MessageRetentionPeriod: 1209600}}
  Topic: {Type: AWS::SNS::Topic}
  TokenSecret:
    Type: AWS::SecretsManager::Secret
    Properties:
      GenerateSecretString: {SecretStringTemplate: '{"previous":""}', GenerateStringKey: current, PasswordLength: 64}
  OnlyElsewhere: {Type: AWS::SQS::Queue, Condition: NotProd}
"#;

fn parse(yaml: &str, parameters: &[(&str, &str)]) -> Result<Template, super::TemplateError> {
    let parameters = parameters
        .iter()
        .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
        .collect();
    Template::parse(yaml, &parameters, "http://127.0.0.1:1")
}

#[test]
fn a_function_has_its_own_settings_over_the_globals() {
    let template = parse(YAML, &[("FcmUrl", "https://localhost:9")]).unwrap();
    let send = &template.functions[0];
    assert_eq!(
        (send.name.as_str(), send.binary.as_str()),
        ("overture-prod-send", "send")
    );
    assert_eq!((send.timeout, send.memory), (Duration::from_secs(30), 256));
    let expected = [
        ("CONCURRENCY", "5"),
        ("FCM_URL", "https://localhost:9/v1"),
        ("JOINED", "a-prod"),
        ("MODE", "strict"),
        (
            "QUEUE_URL",
            "http://127.0.0.1:1/123456789012/overture-Queue",
        ),
        (
            "SECRET_ARN",
            "arn:aws:secretsmanager:eu-west-1:123456789012:secret:overture-TokenSecret-local0",
        ),
        ("STAGE", "other"),
        ("TABLE_NAME", "overture-Table"),
        (
            "TOPIC_ARN",
            "arn:aws:sns:eu-west-1:123456789012:overture-Topic",
        ),
    ];
    let expected: BTreeMap<_, _> = expected.map(|(n, v)| (n.to_owned(), v.to_owned())).into();
    assert_eq!(send.environment, expected);
}

#[test]
fn events_are_read() {
    let template = parse(YAML, &[]).unwrap();
    for event in &template.functions[0].events {
        match event {
            Event::Http(route) => assert_eq!(
                (route.method.as_str(), route.path.as_str()),
                ("POST", "/a/{id}")
            ),
            Event::Queue(queue) => {
                assert_eq!(
                    queue.arn,
                    "arn:aws:sqs:eu-west-1:123456789012:overture-Queue"
                );
                assert_eq!((queue.batch_size, queue.concurrency), (10, Some(7)));
                assert!(queue.partial_failures && queue.window == Duration::from_secs(1));
            }
            Event::Stream(stream) => {
                assert!(stream.arn.contains("table/overture-Table/stream/"));
                assert!(stream.from_start && stream.bisect && !stream.partial_failures);
                assert_eq!(stream.retries, Some(3));
                assert_eq!(
                    stream.on_failure.as_deref(),
                    Some("arn:aws:sqs:eu-west-1:123456789012:overture-Dead")
                );
                assert!(
                    !stream
                        .filter
                        .matches(&serde_json::json!({"eventName": "REMOVE"}))
                );
            }
            Event::Schedule(schedule) => assert_eq!(schedule.every, Some(Duration::from_mins(5))),
        }
    }
    assert_eq!(template.functions[0].events.len(), 4);
}

#[test]
fn resources_are_read() {
    let template = parse(YAML, &[]).unwrap();
    let table = &template.tables[0];
    assert_eq!(table.create["StreamSpecification"]["StreamEnabled"], true);
    assert_eq!(table.ttl.as_deref(), Some("ttl"));
    assert_eq!(table.create.get("SSESpecification"), None);
    let names: Vec<_> = template.queues.iter().map(|q| q.id.as_str()).collect();
    assert!(
        names.contains(&"Queue") && names.contains(&"Dead"),
        "{names:?}"
    );
    assert!(
        !names.contains(&"OnlyElsewhere"),
        "its condition does not hold"
    );
    let queue = template.queues.iter().find(|q| q.id == "Queue").unwrap();
    assert_eq!(queue.redrive.as_ref().map(|(_, n)| *n), Some(5));
    assert!(
        matches!(&template.secrets[0].value, SecretValue::Generated { template: Some((_, key)), length: 64 } if key == "current")
    );
}

#[test]
fn what_cannot_be_known_is_named() {
    let yaml = YAML.replace("!Join [\"-\", [a, !Ref Stage]]", "!GetAtt Api.Secret");
    let error = parse(&yaml, &[]).unwrap_err().to_string();
    assert_eq!(
        error,
        "template.yaml: Environment of Send: Api.Secret of a AWS::Serverless::HttpApi is not known"
    );
    let yaml = YAML.replace("BatchSize: !Ref Batch", "BatchSize: !ImportValue x");
    let error = parse(&yaml, &[]).unwrap_err().to_string();
    assert!(
        error.contains("Events.Queue.BatchSize of Send: Fn::ImportValue"),
        "{error}"
    );
}
