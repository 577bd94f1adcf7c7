//! What each function may do: a call that its policies do not allow is refused, as AWS does.
mod asked;

pub(crate) use asked::{Request, asked};

use crate::template::ACCOUNT;
use serde::Serialize;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A function's policies, as far as the local stack reads them: statements that allow actions on
/// resources.
#[derive(Clone, Debug, Default)]
pub struct Policy(Vec<Statement>);

#[derive(Clone, Debug)]
struct Statement {
    actions: Vec<String>,
    resources: Vec<String>,
}

/// An action on a resource: as a policy allows it, with wildcards, or as a function asked for it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Right {
    /// `service:Action`.
    pub action: String,
    /// The resource's ARN.
    pub resource: String,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} on {}", self.action, self.resource)
    }
}

impl Policy {
    /// Reads the `Policies` of a function whose intrinsic functions are answered.
    ///
    /// # Errors
    /// When it says something that the local stack could not decide by: a managed policy, a
    /// template of SAM, a statement that denies or has a condition.
    pub(crate) fn read(policies: &Value) -> Result<Self, String> {
        let mut statements = Vec::new();
        for policy in each(policies) {
            let of_policy = policy.get("Statement").filter(|all| !all.is_null());
            let of_policy =
                of_policy.ok_or_else(|| format!("only statements are known, not {policy}"))?;
            for statement in each(of_policy) {
                statements.push(Statement::read(statement)?);
            }
        }
        Ok(Self(statements))
    }

    /// Every right in it.
    pub fn rights(&self) -> impl Iterator<Item = Right> {
        self.0.iter().flat_map(|statement| {
            statement.actions.iter().flat_map(|action| {
                statement.resources.iter().map(|resource| Right {
                    action: action.clone(),
                    resource: resource.clone(),
                })
            })
        })
    }

    /// The rights in it that allow what is asked for.
    fn allowing(&self, asked: &Right) -> Vec<Right> {
        self.rights()
            .filter(|right| {
                like(&right.action.to_lowercase(), &asked.action.to_lowercase())
                    && like(&right.resource, &asked.resource)
            })
            .collect()
    }
}

impl Statement {
    fn read(statement: &Value) -> Result<Self, String> {
        let known = ["Sid", "Effect", "Action", "Resource"];
        let names = statement.as_object().into_iter().flat_map(|map| map.keys());
        if let Some(unknown) = names.clone().find(|name| !known.contains(&name.as_str())) {
            return Err(format!("{unknown} of a statement is not known"));
        }
        if statement["Effect"] != "Allow" {
            return Err(format!("a statement that does not allow: {statement}"));
        }
        let texts = |name: &str| {
            let all: Vec<_> = each(&statement[name])
                .iter()
                .filter_map(|text| text.as_str().map(str::to_owned))
                .collect();
            match all.len() {
                0 => Err(format!("a statement without {name}")),
                _ => Ok(all),
            }
        };
        Ok(Self {
            actions: texts("Action")?,
            resources: texts("Resource")?,
        })
    }
}

/// One value, or a list of them.
fn each(value: &Value) -> &[Value] {
    match value {
        Value::Null => &[],
        Value::Array(all) => all,
        one => std::slice::from_ref(one),
    }
}

/// Whether the text is like the pattern, in which `*` stands for anything and `?` for a character.
fn like(pattern: &str, text: &str) -> bool {
    let mut rest = pattern.chars();
    match rest.next() {
        None => text.is_empty(),
        Some('*') => {
            let ends = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            ends.into_iter().any(|at| like(rest.as_str(), &text[at..]))
        }
        Some(wanted) => {
            let mut chars = text.chars();
            let fits = chars.next().is_some_and(|c| wanted == '?' || c == wanted);
            fits && like(rest.as_str(), chars.as_str())
        }
    }
}

/// The rights of all functions, and what became of them.
#[derive(Clone, Debug)]
pub(crate) struct Rights(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    policies: BTreeMap<String, Policy>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    used: BTreeMap<String, BTreeSet<Right>>,
    refused: BTreeMap<String, BTreeSet<Right>>,
}

impl Rights {
    /// The policies by what services see of a caller.
    pub(crate) fn new(policies: BTreeMap<String, Policy>) -> Self {
        Self(Arc::new(Inner {
            policies,
            state: Mutex::default(),
        }))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the caller may do all that it asks for. Who is no function may do anything.
    ///
    /// # Errors
    /// What AWS says when it may not.
    pub(crate) fn check(&self, caller: &str, asked: &[Right]) -> Result<(), String> {
        let Some(policy) = self.0.policies.get(caller) else {
            return Ok(());
        };
        let mut used = Vec::new();
        for right in asked {
            let allowing = policy.allowing(right);
            if allowing.is_empty() {
                let refused = &mut self.state().refused;
                let refused = refused.entry(caller.to_owned()).or_default();
                refused.insert(right.clone());
                return Err(format!(
                    "User: arn:aws:sts::{ACCOUNT}:assumed-role/{caller}/{caller} is not authorized to perform: {} on resource: {} because no identity-based policy allows the {} action",
                    right.action, right.resource, right.action
                ));
            }
            used.extend(allowing);
        }
        let mut state = self.state();
        state
            .used
            .entry(caller.to_owned())
            .or_default()
            .extend(used);
        Ok(())
    }

    /// What functions asked for and have no right to.
    pub(crate) fn refused(&self) -> BTreeMap<String, BTreeSet<Right>> {
        self.state().refused.clone()
    }

    /// The rights that no call has needed.
    pub(crate) fn unused(&self) -> BTreeMap<String, BTreeSet<Right>> {
        let state = self.state();
        let left = |(function, policy): (&String, &Policy)| {
            let used = state.used.get(function);
            let unused = policy
                .rights()
                .filter(|right| !used.is_some_and(|used| used.contains(right)))
                .collect();
            (function.clone(), unused)
        };
        self.0.policies.iter().map(left).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn right(action: &str, resource: &str) -> Right {
        Right {
            action: action.to_owned(),
            resource: resource.to_owned(),
        }
    }

    fn rights() -> Rights {
        let policies = json!([{"Statement": [
            {"Effect": "Allow", "Action": ["dynamodb:GetItem", "dynamodb:Query"], "Resource": "arn:t"},
            {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": ["arn:s/*"]},
        ]}]);
        let policy = Policy::read(&policies).unwrap();
        Rights::new(BTreeMap::from([("reply".to_owned(), policy)]))
    }

    #[test]
    fn only_what_is_allowed_may_be_done_and_only_there() {
        let rights = rights();
        let may = |action, resource| rights.check("reply", &[right(action, resource)]);
        assert_eq!(may("dynamodb:GetItem", "arn:t"), Ok(()));
        assert_eq!(may("secretsmanager:GetSecretValue", "arn:s/a/b"), Ok(()));
        let refused = may("dynamodb:PutItem", "arn:t").unwrap_err();
        assert!(refused.contains("not authorized to perform: dynamodb:PutItem on resource: arn:t"));
        assert!(may("dynamodb:GetItem", "arn:t/index/queue").is_err());
        assert!(may("secretsmanager:GetSecretValue", "arn:t").is_err());
        assert_eq!(rights.refused()["reply"].len(), 3);
        // One that is refused refuses the whole call.
        let both = [
            right("dynamodb:GetItem", "arn:t"),
            right("dynamodb:PutItem", "arn:t"),
        ];
        assert!(rights.check("reply", &both).is_err());
        assert_eq!(rights.check("somebody else", &both), Ok(()));
    }

    #[test]
    fn what_was_not_needed_is_known() {
        let rights = rights();
        rights
            .check("reply", &[right("dynamodb:GetItem", "arn:t")])
            .unwrap();
        let unused = rights.unused();
        let unused: Vec<_> = unused["reply"].iter().map(Right::to_string).collect();
        assert_eq!(
            unused,
            [
                "dynamodb:Query on arn:t",
                "secretsmanager:GetSecretValue on arn:s/*"
            ]
        );
    }

    #[test]
    fn a_policy_that_cannot_be_decided_by_is_refused() {
        for policy in [
            json!("AmazonDynamoDBFullAccess"),
            json!({"DynamoDBCrudPolicy": {"TableName": "t"}}),
            json!({"Statement": {"Effect": "Deny", "Action": "a:b", "Resource": "c"}}),
            json!({"Statement": {"Effect": "Allow", "NotAction": "a:b", "Resource": "c"}}),
            json!({"Statement": {"Effect": "Allow", "Action": "a:b"}}),
        ] {
            assert!(Policy::read(&policy).is_err(), "{policy}");
        }
    }

    #[test]
    fn a_wildcard_stands_for_anything() {
        for (pattern, text, is) in [
            ("a*", "abc", true),
            ("a*c", "abcbc", true),
            ("*", "", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a*d", "abc", false),
            ("app/*/overture.*", "app/APNS/overture.shop", true),
        ] {
            assert_eq!(like(pattern, text), is, "{pattern} {text}");
        }
    }
}
