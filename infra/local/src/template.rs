//! `template.yaml`: the one truth about functions, routes, environment and event sources.
mod events;
mod resolve;
#[cfg(test)]
mod tests;

pub use events::{Destination, Event, QueueSource, Route, Schedule, StreamSource};
pub use resolve::{ACCOUNT, REGION};

use crate::rights::Policy;
pub(crate) use resolve::text as plain;
use resolve::{Resolver, text};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, time::Duration};

/// The template cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// It is not YAML.
    #[error("template.yaml is not YAML")]
    Yaml(#[from] serde_norway::Error),
    /// It is YAML, but not a template.
    #[error("template.yaml: {0}")]
    Shape(String),
    /// A value that the local stack needs cannot be known.
    #[error("template.yaml: {property} of {resource}: {reason}")]
    Property {
        /// The resource's logical id.
        resource: String,
        /// The property's name.
        property: String,
        /// What is wrong with it.
        reason: String,
    },
}

/// The resources that the local stack brings up.
#[derive(Debug, Default)]
pub struct Template {
    /// Lambda functions.
    pub functions: Vec<Function>,
    /// DynamoDB tables.
    pub tables: Vec<Table>,
    /// SQS queues.
    pub queues: Vec<Queue>,
    /// The ARNs of SNS topics.
    pub topics: Vec<String>,
    /// Secrets of Secrets Manager.
    pub secrets: Vec<Secret>,
}

/// A Lambda function.
#[derive(Debug)]
pub struct Function {
    /// Its logical id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The binary that it runs.
    pub binary: String,
    /// How long one invocation may take.
    pub timeout: Duration,
    /// Its memory, in MB.
    pub memory: u64,
    /// How many instances may run at once, if the template says so.
    pub reserved_concurrency: Option<usize>,
    /// Its environment variables.
    pub environment: BTreeMap<String, String>,
    /// What it may do.
    pub policy: Policy,
    /// What invokes it.
    pub events: Vec<Event>,
}

/// A DynamoDB table.
#[derive(Debug)]
pub struct Table {
    /// Its logical id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// The body of the `CreateTable` that makes it.
    pub create: Value,
    /// The attribute that says when an item expires.
    pub ttl: Option<String>,
}

/// An SQS queue.
#[derive(Debug)]
pub struct Queue {
    /// Its logical id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// How long a received message is hidden.
    pub visibility: Duration,
    /// How long a new message is hidden unless its sender says otherwise.
    pub delay: Duration,
    /// How long a message is kept.
    pub retention: Duration,
    /// The ARN of its dead-letter queue, and after how many receives a message goes there.
    pub redrive: Option<(String, u32)>,
}

/// A secret.
#[derive(Debug)]
pub struct Secret {
    /// Its logical id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Its ARN.
    pub arn: String,
    /// Where its value comes from.
    pub value: SecretValue,
}

/// Where a secret's first value comes from.
#[derive(Debug)]
pub enum SecretValue {
    /// The template says it.
    Given(String),
    /// It is made up: this JSON object with a random text under the key, or just the random text.
    Generated {
        /// The object and the key.
        template: Option<(Map<String, Value>, String)>,
        /// The random text's length.
        length: usize,
    },
}

impl Template {
    /// Reads a template. Parameters that are not in `parameters` have their defaults; the services
    /// answer at `base_url`.
    ///
    /// # Errors
    /// When it is no template, or a value that is needed cannot be known.
    pub fn parse(
        yaml: &str,
        parameters: &BTreeMap<String, String>,
        base_url: &str,
    ) -> Result<Self, TemplateError> {
        let document =
            resolve::long_form(serde_norway::from_str(yaml)?).map_err(TemplateError::Shape)?;
        let section = |name: &str| {
            document
                .get(name)
                .and_then(Value::as_object)
                .cloned()
                .unwrap_or_default()
        };
        let mut known = BTreeMap::new();
        for (name, parameter) in section("Parameters") {
            if let Some(given) = parameters.get(&name) {
                known.insert(name, given.clone().into());
            } else if let Some(default) = parameter.get("Default") {
                let default = match (parameter["Type"].as_str(), text(default)) {
                    (Some("CommaDelimitedList" | "List<Number>"), Some(all)) => {
                        all.split(',').map(str::trim).collect::<Vec<_>>().into()
                    }
                    _ => default.clone(),
                };
                known.insert(name, default);
            }
        }
        let resolver = Resolver {
            parameters: known,
            conditions: section("Conditions"),
            mappings: section("Mappings").into(),
            resources: section("Resources"),
            base_url: base_url.to_owned(),
        };
        if resolver.resources.is_empty() {
            return Err(TemplateError::Shape("there are no Resources".to_owned()));
        }
        let globals = document["Globals"]["Function"].clone();
        let mut template = Self::default();
        for (id, body) in &resolver.resources {
            let resource = Resource {
                id,
                body,
                resolver: &resolver,
            };
            if resource.exists()? {
                template.add(&resource, &globals)?;
            }
        }
        Ok(template)
    }

    fn add(&mut self, resource: &Resource<'_>, globals: &Value) -> Result<(), TemplateError> {
        match resource.body["Type"].as_str() {
            Some("AWS::Serverless::Function") => self.functions.push(function(resource, globals)?),
            Some("AWS::DynamoDB::Table") => self.tables.push(table(resource)?),
            Some("AWS::SQS::Queue") => self.queues.push(queue(resource)?),
            Some("AWS::SNS::Topic") => self.topics.push(resource.arn()?),
            Some("AWS::SecretsManager::Secret") => self.secrets.push(secret(resource)?),
            _ => {}
        }
        Ok(())
    }
}

/// A resource of the template, to be asked for its properties.
struct Resource<'a> {
    id: &'a str,
    body: &'a Value,
    resolver: &'a Resolver,
}

impl Resource<'_> {
    fn wrong(&self, property: &str, reason: impl Into<String>) -> TemplateError {
        TemplateError::Property {
            resource: self.id.to_owned(),
            property: property.to_owned(),
            reason: reason.into(),
        }
    }

    fn exists(&self) -> Result<bool, TemplateError> {
        match self.body.get("Condition").and_then(Value::as_str) {
            Some(name) => self
                .resolver
                .condition(name)
                .map_err(|e| self.wrong("Condition", e)),
            None => Ok(true),
        }
    }

    fn resolve(&self, property: &str, value: &Value) -> Result<Value, TemplateError> {
        let resolved = self
            .resolver
            .resolve(value)
            .map_err(|e| self.wrong(property, e))?;
        Ok(resolved.unwrap_or_default())
    }

    /// The property's value, null when there is none.
    fn get(&self, property: &str) -> Result<Value, TemplateError> {
        self.resolve(property, &self.body["Properties"][property])
    }

    fn number(&self, property: &str) -> Result<Option<u64>, TemplateError> {
        number(&self.get(property)?).map_err(|e| self.wrong(property, e))
    }

    fn seconds(&self, property: &str, default: u64) -> Result<Duration, TemplateError> {
        Ok(Duration::from_secs(
            self.number(property)?.unwrap_or(default),
        ))
    }

    fn name(&self) -> Result<String, TemplateError> {
        self.resolver
            .name(self.id)
            .map_err(|e| self.wrong("name", e))
    }

    fn arn(&self) -> Result<String, TemplateError> {
        self.resolver
            .arn(self.id)
            .map_err(|e| self.wrong("name", e))
    }
}

/// A number, also one written as text; nothing for null.
fn number(value: &Value) -> Result<Option<u64>, String> {
    match text(value) {
        Some(digits) => digits
            .parse()
            .map(Some)
            .map_err(|_| format!("{digits} is no whole number")),
        None if value.is_null() => Ok(None),
        None => Err(format!("{value} is no number")),
    }
}

fn function(resource: &Resource<'_>, globals: &Value) -> Result<Function, TemplateError> {
    let or_global = |property: &str| {
        let own = resource.get(property)?;
        if own.is_null() {
            resource.resolve(property, &globals[property])
        } else {
            Ok(own)
        }
    };
    let positive = |property: &str, default: u64| {
        let value = number(&or_global(property)?).map_err(|e| resource.wrong(property, e))?;
        Ok::<_, TemplateError>(value.unwrap_or(default))
    };
    let mut environment = BTreeMap::new();
    for source in [globals, &resource.body["Properties"]] {
        let variables = resource.resolve("Environment", &source["Environment"]["Variables"])?;
        for (name, value) in variables.as_object().into_iter().flatten() {
            let value = text(value)
                .ok_or_else(|| resource.wrong("Environment", format!("{name} is no text")))?;
            environment.insert(name.clone(), value);
        }
    }
    let metadata = resource.resolve("Metadata", &resource.body["Metadata"])?;
    let binary = metadata["BuildProperties"]["Binary"]
        .as_str()
        .map(str::to_owned);
    Ok(Function {
        id: resource.id.to_owned(),
        name: resource.name()?,
        binary: binary
            .ok_or_else(|| resource.wrong("Metadata", "there is no BuildProperties.Binary"))?,
        timeout: Duration::from_secs(positive("Timeout", 3)?),
        memory: positive("MemorySize", 128)?,
        reserved_concurrency: resource
            .number("ReservedConcurrentExecutions")?
            .map(|n| usize::try_from(n).unwrap_or(usize::MAX)),
        environment,
        policy: Policy::read(&resource.get("Policies")?)
            .map_err(|e| resource.wrong("Policies", e))?,
        events: events::read(resource)?,
    })
}

fn table(resource: &Resource<'_>) -> Result<Table, TemplateError> {
    let name = resource.name()?;
    let mut create = Map::from_iter([("TableName".to_owned(), name.clone().into())]);
    for property in [
        "KeySchema",
        "AttributeDefinitions",
        "GlobalSecondaryIndexes",
        "LocalSecondaryIndexes",
        "BillingMode",
        "ProvisionedThroughput",
        "StreamSpecification",
    ] {
        let mut value = resource.get(property)?;
        if property == "StreamSpecification" && value.is_object() {
            value["StreamEnabled"] = true.into();
        }
        if !value.is_null() {
            create.insert(property.to_owned(), value);
        }
    }
    let ttl = resource.get("TimeToLiveSpecification")?;
    let enabled = text(&ttl["Enabled"]).as_deref() != Some("false");
    Ok(Table {
        id: resource.id.to_owned(),
        name,
        create: create.into(),
        ttl: ttl["AttributeName"]
            .as_str()
            .filter(|_| enabled)
            .map(str::to_owned),
    })
}

fn queue(resource: &Resource<'_>) -> Result<Queue, TemplateError> {
    let redrive = resource.get("RedrivePolicy")?;
    let redrive = match redrive["deadLetterTargetArn"].as_str() {
        None => None,
        Some(arn) => {
            let count = number(&redrive["maxReceiveCount"])
                .map_err(|e| resource.wrong("RedrivePolicy", e))?;
            let count = count.and_then(|n| u32::try_from(n).ok()).filter(|n| *n > 0);
            let count = count.ok_or_else(|| {
                resource.wrong("RedrivePolicy", "maxReceiveCount is no positive number")
            })?;
            Some((arn.to_owned(), count))
        }
    };
    Ok(Queue {
        id: resource.id.to_owned(),
        name: resource.name()?,
        arn: resource.arn()?,
        visibility: resource.seconds("VisibilityTimeout", 30)?,
        delay: resource.seconds("DelaySeconds", 0)?,
        retention: resource.seconds("MessageRetentionPeriod", 345_600)?,
        redrive,
    })
}

fn secret(resource: &Resource<'_>) -> Result<Secret, TemplateError> {
    let given = resource.get("SecretString")?;
    let generate = resource.get("GenerateSecretString")?;
    let value = if let Some(given) = text(&given) {
        SecretValue::Given(given)
    } else {
        let wrong = |reason: &str| resource.wrong("GenerateSecretString", reason);
        let length = number(&generate["PasswordLength"])
            .map_err(|e| wrong(&e))?
            .unwrap_or(32);
        let template = match (
            generate["SecretStringTemplate"].as_str(),
            generate["GenerateStringKey"].as_str(),
        ) {
            (Some(object), Some(key)) => {
                let object = serde_json::from_str(object)
                    .map_err(|_| wrong("SecretStringTemplate is no JSON object"))?;
                Some((object, key.to_owned()))
            }
            (None, None) => None,
            _ => {
                return Err(wrong(
                    "SecretStringTemplate and GenerateStringKey belong together",
                ));
            }
        };
        SecretValue::Generated {
            template,
            length: usize::try_from(length).unwrap_or(32),
        }
    };
    Ok(Secret {
        id: resource.id.to_owned(),
        name: resource.name()?,
        arn: resource.arn()?,
        value,
    })
}
