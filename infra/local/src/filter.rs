//! Lambda's event patterns: which records of a stream a function is for.
use serde_json::{Map, Value};

/// Patterns of which one must match; without any, everything does.
#[derive(Debug, Default)]
pub struct Filter(Vec<Map<String, Value>>);

impl Filter {
    /// Reads patterns.
    ///
    /// # Errors
    /// When one is not an object of objects that end in lists, or uses a comparison that is not known.
    pub fn parse(patterns: Vec<Value>) -> Result<Self, String> {
        let mut all = Vec::new();
        for pattern in patterns {
            let Value::Object(pattern) = pattern else {
                return Err(format!("{pattern} is no object"));
            };
            check(&pattern)?;
            all.push(pattern);
        }
        Ok(Self(all))
    }

    /// Whether the event matches one of the patterns.
    #[must_use]
    pub fn matches(&self, event: &Value) -> bool {
        self.0.is_empty() || self.0.iter().any(|pattern| object(pattern, event))
    }
}

fn check(pattern: &Map<String, Value>) -> Result<(), String> {
    for (name, part) in pattern {
        match part {
            Value::Array(all) if name == "$or" => {
                for alternative in all {
                    check(
                        alternative
                            .as_object()
                            .ok_or("$or wants a list of objects")?,
                    )?;
                }
            }
            Value::Array(rules) => {
                for rule in rules {
                    let known = [
                        "exists",
                        "anything-but",
                        "prefix",
                        "suffix",
                        "equals-ignore-case",
                        "numeric",
                    ];
                    match rule {
                        Value::Object(rule)
                            if rule.len() == 1
                                && rule.keys().all(|k| known.contains(&k.as_str())) => {}
                        Value::Object(_) | Value::Array(_) => {
                            return Err(format!("{name}: {rule} is not known"));
                        }
                        _ => {}
                    }
                }
            }
            Value::Object(inner) => check(inner)?,
            other => return Err(format!("{name}: {other} must be a list")),
        }
    }
    Ok(())
}

fn object(pattern: &Map<String, Value>, event: &Value) -> bool {
    pattern.iter().all(|(name, part)| match part {
        Value::Array(all) if name == "$or" => all
            .iter()
            .filter_map(Value::as_object)
            .any(|p| object(p, event)),
        Value::Object(inner) => object(inner, &event[name]),
        Value::Array(rules) => rules.iter().any(|r| rule(r, event.get(name))),
        _ => false,
    })
}

fn rule(rule: &Value, actual: Option<&Value>) -> bool {
    let Some((comparison, argument)) = rule.as_object().and_then(|r| r.iter().next()) else {
        return match actual {
            Some(Value::Array(all)) => all.contains(rule),
            Some(actual) => actual == rule,
            None => false,
        };
    };
    let text = actual.and_then(Value::as_str);
    let against = argument.as_str().unwrap_or_default();
    match comparison.as_str() {
        // Only leaves exist, as in EventBridge.
        "exists" => argument.as_bool() == Some(actual.is_some_and(|a| !a.is_object())),
        "anything-but" => actual.is_some_and(|actual| match argument {
            Value::Array(none_of) => !none_of.contains(actual),
            Value::Object(inner) => !inner.is_empty() && !self::rule(argument, Some(actual)),
            one => actual != one,
        }),
        "prefix" => text.is_some_and(|t| t.starts_with(against)),
        "suffix" => text.is_some_and(|t| t.ends_with(against)),
        "equals-ignore-case" => text.is_some_and(|t| t.eq_ignore_ascii_case(against)),
        "numeric" => numeric(argument, actual),
        _ => false,
    }
}

fn numeric(argument: &Value, actual: Option<&Value>) -> bool {
    let Some(actual) = actual.and_then(Value::as_f64) else {
        return false;
    };
    let parts = argument.as_array().map(Vec::as_slice).unwrap_or_default();
    !parts.is_empty()
        && parts.chunks(2).all(|pair| {
            let Some(limit) = pair.get(1).and_then(Value::as_f64) else {
                return false;
            };
            match pair[0].as_str() {
                Some("=") => (actual - limit).abs() < f64::EPSILON,
                Some("<") => actual < limit,
                Some("<=") => actual <= limit,
                Some(">") => actual > limit,
                Some(">=") => actual >= limit,
                _ => false,
            }
        })
}

#[cfg(test)]
mod tests {
    use super::Filter;
    use serde_json::{Value, json};

    fn matches(pattern: Value, event: &Value) -> bool {
        Filter::parse(vec![pattern]).unwrap().matches(event)
    }

    #[test]
    fn patterns_match_as_lambda_matches_them() {
        let event = json!({"eventName": "INSERT", "dynamodb": {
            "NewImage": {"kind": {"S": "campaign"}, "count": {"N": "3"}}}});
        let image = |rule: Value| json!({"dynamodb": {"NewImage": rule}});
        let cases = [
            (json!({"eventName": ["INSERT", "MODIFY"]}), true),
            (json!({"eventName": ["REMOVE"]}), false),
            (image(json!({"kind": {"S": ["campaign"]}})), true),
            (image(json!({"kind": {"S": ["message"]}})), false),
            (image(json!({"kind": {"S": [{"prefix": "camp"}]}})), true),
            (image(json!({"kind": {"S": [{"prefix": "mess"}]}})), false),
            (
                image(json!({"kind": {"S": [{"anything-but": ["message"]}]}})),
                true,
            ),
            (
                image(json!({"kind": {"S": [{"anything-but": ["campaign"]}]}})),
                false,
            ),
            (
                image(json!({"kind": {"S": [{"anything-but": {"prefix": "camp"}}]}})),
                false,
            ),
            (
                image(json!({"absent": {"S": [{"anything-but": ["x"]}]}})),
                false,
            ),
            (image(json!({"kind": {"S": [{"exists": true}]}})), true),
            (image(json!({"absent": {"S": [{"exists": true}]}})), false),
            (image(json!({"absent": {"S": [{"exists": false}]}})), true),
            (
                json!({"dynamodb": {"OldImage": {"kind": {"S": [{"exists": false}]}}}}),
                true,
            ),
            (
                json!({"eventName": ["INSERT"], "dynamodb": {"NewImage": {"kind": {"S": ["other"]}}}}),
                false,
            ),
            (
                json!({"$or": [{"eventName": ["REMOVE"]}, {"dynamodb": {"NewImage": {"count": {"N": ["3"]}}}}]}),
                true,
            ),
        ];
        for (pattern, expected) in cases {
            assert_eq!(matches(pattern.clone(), &event), expected, "{pattern}");
        }
    }

    #[test]
    fn one_of_several_patterns_is_enough_and_none_means_all() {
        let event = json!({"eventName": "MODIFY"});
        let two = Filter::parse(vec![
            json!({"eventName": ["INSERT"]}),
            json!({"eventName": ["MODIFY"]}),
        ]);
        assert!(two.unwrap().matches(&event));
        assert!(Filter::default().matches(&event));
    }

    #[test]
    fn patterns_that_lambda_would_refuse_are_refused() {
        for wrong in [
            json!("x"),
            json!({"a": "b"}),
            json!({"a": [{"wildcard-ish": 1}]}),
        ] {
            Filter::parse(vec![wrong]).unwrap_err();
        }
    }
}
