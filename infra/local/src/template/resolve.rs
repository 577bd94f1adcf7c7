//! CloudFormation's intrinsic functions, as far as a stack on one machine can know their answers.
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// The AWS region that the local stack plays.
pub const REGION: &str = "eu-west-1";
/// The AWS account that the local stack plays.
pub const ACCOUNT: &str = "123456789012";

/// Reads YAML with CloudFormation's tags into JSON in its long form (`!Ref x` is `{"Ref": "x"}`).
pub(super) fn long_form(yaml: serde_norway::Value) -> Result<Value, String> {
    use serde_norway::Value as Yaml;
    Ok(match yaml {
        Yaml::Null => Value::Null,
        Yaml::Bool(b) => b.into(),
        Yaml::Number(n) => {
            if let Some(n) = n.as_i64() {
                n.into()
            } else if let Some(n) = n.as_u64() {
                n.into()
            } else {
                json!(n.as_f64())
            }
        }
        Yaml::String(s) => s.into(),
        Yaml::Sequence(all) => all
            .into_iter()
            .map(long_form)
            .collect::<Result<Vec<_>, _>>()?
            .into(),
        Yaml::Mapping(all) => all
            .into_iter()
            .map(|(key, value)| Ok((key_of(&key)?, long_form(value)?)))
            .collect::<Result<Map<_, _>, String>>()?
            .into(),
        Yaml::Tagged(tagged) => {
            let tag = tagged.tag.to_string();
            let name = match tag.trim_start_matches('!') {
                plain @ ("Ref" | "Condition") => plain.to_owned(),
                function => format!("Fn::{function}"),
            };
            json!({ name: long_form(tagged.value)? })
        }
    })
}

fn key_of(key: &serde_norway::Value) -> Result<String, String> {
    match key {
        serde_norway::Value::String(s) => Ok(s.clone()),
        serde_norway::Value::Number(n) => Ok(n.to_string()),
        serde_norway::Value::Bool(b) => Ok(b.to_string()),
        other => Err(format!("a key that is no text: {other:?}")),
    }
}

/// All that intrinsic functions can ask for.
#[derive(Debug, Default)]
pub(super) struct Resolver {
    pub(super) parameters: BTreeMap<String, Value>,
    pub(super) conditions: Map<String, Value>,
    pub(super) mappings: Value,
    pub(super) resources: Map<String, Value>,
    pub(super) base_url: String,
}

impl Resolver {
    /// The value with every intrinsic function in it answered; nothing for `AWS::NoValue`.
    pub(super) fn resolve(&self, value: &Value) -> Result<Option<Value>, String> {
        match value {
            Value::Object(map) => {
                if let Some((name, argument)) = intrinsic(map) {
                    return self.call(name, argument);
                }
                let mut out = Map::new();
                for (key, value) in map {
                    if let Some(value) = self.resolve(value)? {
                        out.insert(key.clone(), value);
                    }
                }
                Ok(Some(out.into()))
            }
            Value::Array(all) => Ok(Some(self.list(all)?.into())),
            plain => Ok(Some(plain.clone())),
        }
    }

    /// Whether the condition of that name holds.
    pub(super) fn condition(&self, name: &str) -> Result<bool, String> {
        let condition = self
            .conditions
            .get(name)
            .ok_or_else(|| format!("no condition {name}"))?;
        self.truth(condition)
    }

    fn list(&self, all: &[Value]) -> Result<Vec<Value>, String> {
        let resolved: Result<Vec<_>, _> = all.iter().map(|v| self.resolve(v)).collect();
        Ok(resolved?.into_iter().flatten().collect())
    }

    fn call(&self, name: &str, argument: &Value) -> Result<Option<Value>, String> {
        let arguments = || match argument {
            Value::Array(all) => Ok(all.as_slice()),
            _ => Err(format!("{name} wants a list")),
        };
        let nth = |n: usize| {
            arguments()?
                .get(n)
                .ok_or_else(|| format!("{name} wants more arguments"))
        };
        Ok(Some(match name {
            "Ref" => {
                let id = text(argument).ok_or("Ref wants a name")?;
                if id == "AWS::NoValue" {
                    return Ok(None);
                }
                self.reference(&id)?
            }
            "Fn::GetAtt" => {
                let (id, attribute) = match argument {
                    Value::String(s) => {
                        s.split_once('.').map(|(a, b)| (a.to_owned(), b.to_owned()))
                    }
                    _ => Some((self.text(nth(0)?)?, self.text(nth(1)?)?)),
                }
                .ok_or("GetAtt wants a resource and an attribute")?;
                self.attribute(&id, &attribute)?.into()
            }
            "Fn::Sub" => {
                if let Value::String(pattern) = argument {
                    self.substitute(pattern, &Map::new())?.into()
                } else {
                    let own = nth(1)?.as_object().cloned().unwrap_or_default();
                    self.substitute(&self.text(nth(0)?)?, &own)?.into()
                }
            }
            "Fn::Join" => {
                let parts = self.resolve(nth(1)?)?.unwrap_or_default();
                let parts = parts.as_array().ok_or("Join wants a list to join")?;
                let parts: Vec<_> = parts.iter().filter_map(text).collect();
                parts.join(&self.text(nth(0)?)?).into()
            }
            "Fn::Split" => {
                let (separator, whole) = (self.text(nth(0)?)?, self.text(nth(1)?)?);
                whole.split(&separator).collect::<Vec<_>>().into()
            }
            "Fn::Select" => {
                let index: usize = self
                    .text(nth(0)?)?
                    .parse()
                    .map_err(|_| "Select wants a number")?;
                let list = self.resolve(nth(1)?)?.unwrap_or_default();
                list.get(index)
                    .cloned()
                    .ok_or("Select goes beyond the list")?
            }
            "Fn::If" => {
                let holds = self.condition(&text(nth(0)?).ok_or("If wants a condition's name")?)?;
                return self.resolve(nth(if holds { 1 } else { 2 })?);
            }
            "Fn::FindInMap" => {
                let (map, top, second) = (
                    self.text(nth(0)?)?,
                    self.text(nth(1)?)?,
                    self.text(nth(2)?)?,
                );
                self.mappings[&map][&top]
                    .get(&second)
                    .cloned()
                    .ok_or_else(|| format!("no {map}.{top}.{second} in Mappings"))?
            }
            "Fn::Base64" => {
                use base64::Engine as _;
                base64::prelude::BASE64_STANDARD
                    .encode(self.text(argument)?)
                    .into()
            }
            other => return Err(format!("{other} is not known to the local stack")),
        }))
    }

    fn text(&self, value: &Value) -> Result<String, String> {
        let resolved = self.resolve(value)?.unwrap_or_default();
        text(&resolved).ok_or_else(|| format!("{resolved} is no text"))
    }

    fn truth(&self, condition: &Value) -> Result<bool, String> {
        let map = condition.as_object().ok_or("a condition is a function")?;
        let (name, argument) = intrinsic(map).ok_or("a condition is a function")?;
        let all = argument.as_array().map(Vec::as_slice).unwrap_or_default();
        match name {
            "Condition" => self.condition(&text(argument).unwrap_or_default()),
            "Fn::Equals" if all.len() == 2 => Ok(self.text(&all[0])? == self.text(&all[1])?),
            "Fn::Not" if all.len() == 1 => Ok(!self.truth(&all[0])?),
            "Fn::And" => all
                .iter()
                .try_fold(true, |holds, c| Ok(holds && self.truth(c)?)),
            "Fn::Or" => all
                .iter()
                .try_fold(false, |holds, c| Ok(holds || self.truth(c)?)),
            other => Err(format!("{other} is no condition")),
        }
    }

    fn substitute(&self, pattern: &str, own: &Map<String, Value>) -> Result<String, String> {
        let mut out = String::new();
        let mut rest = pattern;
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').ok_or("Sub has a ${ without }")?;
            out.push_str(before);
            if let Some(literal) = name.strip_prefix('!') {
                out.push_str("${");
                out.push_str(literal);
                out.push('}');
            } else if let Some(value) = own.get(name) {
                out.push_str(&self.text(value)?);
            } else if let Some((id, attribute)) = name.split_once('.') {
                out.push_str(&self.attribute(id, attribute)?);
            } else {
                out.push_str(
                    &text(&self.reference(name)?).ok_or_else(|| format!("{name} is no text"))?,
                );
            }
            rest = after;
        }
        Ok(out + rest)
    }

    fn reference(&self, id: &str) -> Result<Value, String> {
        if let Some(value) = self.parameters.get(id) {
            return Ok(value.clone());
        }
        Ok(match id {
            "AWS::Region" => REGION.into(),
            "AWS::AccountId" => ACCOUNT.into(),
            "AWS::Partition" => "aws".into(),
            "AWS::StackName" => "overture".into(),
            "AWS::URLSuffix" => "amazonaws.com".into(),
            "AWS::StackId" => {
                format!("arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/overture/local").into()
            }
            _ => {
                let name = self.name(id)?;
                match self.kind(id) {
                    Some("AWS::SQS::Queue") => format!("{}/{ACCOUNT}/{name}", self.base_url).into(),
                    Some("AWS::SNS::Topic" | "AWS::SecretsManager::Secret") => self.arn(id)?.into(),
                    _ => name.into(),
                }
            }
        })
    }

    /// The physical name of a resource: the one it is given, or one made of its id.
    pub(super) fn name(&self, id: &str) -> Result<String, String> {
        let resource = self
            .resources
            .get(id)
            .ok_or_else(|| format!("nothing is called {id}"))?;
        let given = match self.kind(id) {
            Some("AWS::Serverless::Function") => "FunctionName",
            Some("AWS::DynamoDB::Table") => "TableName",
            Some("AWS::SQS::Queue") => "QueueName",
            Some("AWS::SNS::Topic") => "TopicName",
            Some("AWS::SecretsManager::Secret") => "Name",
            _ => return Ok(id.to_owned()),
        };
        match resource["Properties"].get(given) {
            Some(name) => self.text(name),
            None => Ok(format!("overture-{id}")),
        }
    }

    /// The ARN of a resource.
    pub(super) fn arn(&self, id: &str) -> Result<String, String> {
        let name = self.name(id)?;
        Ok(match self.kind(id) {
            Some("AWS::Serverless::Function") => {
                format!("arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}")
            }
            Some("AWS::DynamoDB::Table") => {
                format!("arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{name}")
            }
            Some("AWS::SQS::Queue") => format!("arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"),
            Some("AWS::SNS::Topic") => format!("arn:aws:sns:{REGION}:{ACCOUNT}:{name}"),
            Some("AWS::SecretsManager::Secret") => {
                format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-local0")
            }
            _ => format!("arn:aws:local:{REGION}:{ACCOUNT}:{name}"),
        })
    }

    fn attribute(&self, id: &str, attribute: &str) -> Result<String, String> {
        match (self.kind(id), attribute) {
            (Some("AWS::DynamoDB::Table"), "StreamArn") => {
                Ok(format!("{}/stream/local", self.arn(id)?))
            }
            (Some("AWS::SQS::Queue"), "QueueUrl") => {
                Ok(text(&self.reference(id)?).unwrap_or_default())
            }
            (Some("AWS::SQS::Queue"), "QueueName") | (Some("AWS::SNS::Topic"), "TopicName") => {
                self.name(id)
            }
            (Some("AWS::Serverless::HttpApi"), "ApiEndpoint") => Ok(self.base_url.clone()),
            (Some(_), "Arn" | "TopicArn" | "Id") => self.arn(id),
            (Some(kind), _) => Err(format!("{id}.{attribute} of a {kind} is not known")),
            (None, _) => Err(format!("nothing is called {id}")),
        }
    }

    fn kind(&self, id: &str) -> Option<&str> {
        self.resources.get(id)?["Type"].as_str()
    }
}

fn intrinsic(map: &Map<String, Value>) -> Option<(&str, &Value)> {
    let (name, argument) = map.iter().next()?;
    let known = name == "Ref" || name == "Condition" || name.starts_with("Fn::");
    (map.len() == 1 && known).then_some((name, argument))
}

/// A plain value as the text that CloudFormation makes of it.
pub(crate) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(s) => Some(s.clone()),
        Value::Number(n) => Some(n.to_string()),
        Value::Bool(b) => Some(b.to_string()),
        _ => None,
    }
}
