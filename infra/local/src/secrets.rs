//! Secrets Manager: secrets with a current and a previous value.
use crate::{
    services::ServiceError,
    template::{self, ACCOUNT, REGION, SecretValue},
};
use rand::{RngExt as _, distr::Alphanumeric};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// All secrets.
#[derive(Clone, Debug)]
pub(crate) struct Secrets {
    by_name: Arc<Mutex<BTreeMap<String, Kept>>>,
    file: Option<PathBuf>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Kept {
    arn: String,
    current: Version,
    previous: Option<Version>,
}

#[derive(Clone, Serialize, Deserialize)]
struct Version {
    id: String,
    value: String,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Kept")
            .field("arn", &self.arn)
            .finish_non_exhaustive()
    }
}

impl Version {
    fn new(value: String) -> Self {
        Self {
            id: uuid::Uuid::new_v4().to_string(),
            value,
        }
    }
}

impl Secrets {
    /// The secrets in the file, if there is one, and those of the template that are not in it.
    pub(crate) fn open(
        file: Option<PathBuf>,
        secrets: &[template::Secret],
    ) -> Result<Self, std::io::Error> {
        let mut by_name: BTreeMap<String, Kept> = match &file {
            Some(file) if file.exists() => serde_json::from_slice(&std::fs::read(file)?)?,
            _ => BTreeMap::new(),
        };
        for secret in secrets {
            by_name.entry(secret.name.clone()).or_insert_with(|| Kept {
                arn: secret.arn.clone(),
                current: Version::new(first_value(&secret.value)),
                previous: None,
            });
        }
        let secrets = Self {
            by_name: Arc::new(Mutex::new(by_name)),
            file,
        };
        secrets.save()?;
        Ok(secrets)
    }

    /// The current value of the secret with this name or ARN.
    pub(crate) fn value(&self, called: &str) -> Option<String> {
        let all = self.lock();
        find(&all, called).map(|name| all[&name].current.value.clone())
    }

    /// Sets a secret's value, whether it is there or not, and tells its ARN.
    pub(crate) fn put(&self, called: &str, value: String) -> Result<String, std::io::Error> {
        let mut all = self.lock();
        let name = find(&all, called).unwrap_or_else(|| called.to_owned());
        let kept = all.entry(name.clone()).or_insert_with(|| Kept {
            arn: format!("arn:aws:secretsmanager:{REGION}:{ACCOUNT}:secret:{name}-local0"),
            current: Version::new(String::new()),
            previous: None,
        });
        if kept.current.value != value {
            kept.previous = Some(std::mem::replace(&mut kept.current, Version::new(value)));
        }
        let arn = kept.arn.clone();
        drop(all);
        self.save()?;
        Ok(arn)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Kept>> {
        self.by_name.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn save(&self) -> Result<(), std::io::Error> {
        let Some(path) = &self.file else {
            return Ok(());
        };
        let json = serde_json::to_vec_pretty(&*self.lock())?;
        crate::keep::write(path, &json)
    }

    pub(crate) fn call(&self, operation: &str, request: &Value) -> Result<Value, ServiceError> {
        let id = |field: &str| {
            let id = request[field].as_str().filter(|id| !id.is_empty());
            id.ok_or_else(|| {
                ServiceError::new("ValidationException", format!("{field} is missing"))
            })
        };
        let store = |called: &str| {
            let value = request["SecretString"].as_str().unwrap_or_default();
            self.put(called, value.to_owned()).map_err(|error| {
                tracing::error!(%error, "cannot keep the secrets");
                ServiceError::new("InternalServiceError", "cannot keep the secrets")
            })
        };
        match operation {
            "GetSecretValue" => self.read(id("SecretId")?, request["VersionStage"].as_str()),
            "DescribeSecret" => {
                let mut answer = self.read(id("SecretId")?, None)?;
                if let Some(answer) = answer.as_object_mut() {
                    answer.remove("SecretString");
                }
                Ok(answer)
            }
            "CreateSecret" => {
                let name = id("Name")?;
                if self.lock().contains_key(name) {
                    return Err(ServiceError::new(
                        "ResourceExistsException",
                        "The operation failed because the secret already exists.",
                    ));
                }
                Ok(json!({"ARN": store(name)?, "Name": name}))
            }
            "PutSecretValue" => {
                let called = id("SecretId")?;
                let name = find(&self.lock(), called).ok_or_else(not_found)?;
                Ok(json!({"ARN": store(&name)?, "Name": name, "VersionStages": ["AWSCURRENT"]}))
            }
            _ => Err(ServiceError::new(
                "InvalidRequestException",
                format!("{operation} is not played locally"),
            )),
        }
    }

    fn read(&self, called: &str, stage: Option<&str>) -> Result<Value, ServiceError> {
        let all = self.lock();
        let name = find(&all, called).ok_or_else(not_found)?;
        let kept = &all[&name];
        let stage = stage.unwrap_or("AWSCURRENT");
        let version = match stage {
            "AWSCURRENT" => Some(&kept.current),
            "AWSPREVIOUS" => kept.previous.as_ref(),
            _ => None,
        };
        let version = version.ok_or_else(not_found)?;
        Ok(json!({
            "ARN": kept.arn, "Name": name, "VersionId": version.id,
            "SecretString": version.value, "VersionStages": [stage],
        }))
    }
}

fn find(all: &BTreeMap<String, Kept>, called: &str) -> Option<String> {
    let is = |(name, kept): &(&String, &Kept)| {
        *name == called || kept.arn == called || kept.arn.strip_suffix("-local0") == Some(called)
    };
    all.iter().find(is).map(|(name, _)| name.clone())
}

fn not_found() -> ServiceError {
    ServiceError::new(
        "ResourceNotFoundException",
        "Secrets Manager can't find the specified secret.",
    )
}

fn first_value(value: &SecretValue) -> String {
    match value {
        SecretValue::Given(value) => value.clone(),
        SecretValue::Generated { template, length } => {
            let random: String = rand::rng()
                .sample_iter(Alphanumeric)
                .take(*length)
                .map(char::from)
                .collect();
            match template {
                Some((object, key)) => {
                    let mut object = object.clone();
                    object.insert(key.clone(), random.into());
                    Value::from(object).to_string()
                }
                None => random,
            }
        }
    }
}
