//! Which function a request is for.
use crate::template::{Event, Function};
use std::collections::BTreeMap;

/// All routes.
#[derive(Debug)]
pub(crate) struct Routes(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    method: String,
    path: String,
    parts: Vec<Part>,
    function: String,
}

/// One segment of a route's path. The order is that of precedence.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Exactly(String),
    Any(String),
    Rest(String),
}

/// A route that a request matches.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Hit<'a> {
    pub(crate) function: &'a str,
    /// As API Gateway names it: `GET /orders/{id}`.
    pub(crate) key: String,
    pub(crate) parameters: BTreeMap<String, String>,
}

impl Routes {
    pub(crate) fn new(functions: &[Function]) -> Self {
        let mut all = Vec::new();
        for function in functions {
            for event in &function.events {
                let Event::Http(route) = event else { continue };
                all.push(Entry {
                    method: route.method.clone(),
                    path: route.path.clone(),
                    parts: parts(&route.path),
                    function: function.name.clone(),
                });
            }
        }
        Self(all)
    }

    /// The most specific route for a request, whose path is decoded already.
    pub(crate) fn find(&self, method: &str, path: &str) -> Option<Hit<'_>> {
        let fits = |entry: &&Entry| entry.method == method || entry.method == "ANY";
        let rank = |entry: &Entry| {
            let kinds = |part: &Part| match part {
                Part::Exactly(_) => 0,
                Part::Any(_) => 1,
                Part::Rest(_) => 2,
            };
            (
                entry.path == "$default",
                entry.parts.iter().map(kinds).collect::<Vec<_>>(),
                entry.method == "ANY",
            )
        };
        let matching = self
            .0
            .iter()
            .filter(fits)
            .filter_map(|entry| Some((rank(entry), entry, entry.matches(path)?)));
        let (_, entry, parameters) = matching.min_by(|a, b| a.0.cmp(&b.0))?;
        let key = if entry.path == "$default" {
            entry.path.clone()
        } else {
            format!("{} {}", entry.method, entry.path)
        };
        Some(Hit {
            function: &entry.function,
            key,
            parameters,
        })
    }
}

impl Entry {
    fn matches(&self, path: &str) -> Option<BTreeMap<String, String>> {
        let mut parameters = BTreeMap::new();
        if self.path == "$default" {
            return Some(parameters);
        }
        let mut rest = path.strip_prefix('/')?;
        let mut done = false;
        for (index, part) in self.parts.iter().enumerate() {
            if done {
                return None;
            }
            let last = index + 1 == self.parts.len();
            let (segment, after) = match rest.split_once('/') {
                Some((segment, after)) => (segment, Some(after)),
                None => (rest, None),
            };
            match part {
                Part::Exactly(text) if segment == text => {}
                Part::Any(name) if !segment.is_empty() => {
                    parameters.insert(name.clone(), segment.to_owned());
                }
                Part::Rest(name) if last && !rest.is_empty() => {
                    parameters.insert(name.clone(), rest.to_owned());
                    return Some(parameters);
                }
                _ => return None,
            }
            match after {
                Some(after) => rest = after,
                None => done = true,
            }
        }
        done.then_some(parameters)
    }
}

fn parts(path: &str) -> Vec<Part> {
    let part = |segment: &str| match segment.strip_prefix('{').and_then(|s| s.strip_suffix('}')) {
        Some(name) => match name.strip_suffix('+') {
            Some(name) => Part::Rest(name.to_owned()),
            None => Part::Any(name.to_owned()),
        },
        None => Part::Exactly(segment.to_owned()),
    };
    path.trim_start_matches('/').split('/').map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::{Entry, Routes, parts};

    fn routes(all: &[(&str, &str)]) -> Routes {
        let entry = |(method, path): &(&str, &str)| Entry {
            method: (*method).to_owned(),
            path: (*path).to_owned(),
            parts: parts(path),
            function: path.to_string(),
        };
        Routes(all.iter().map(entry).collect())
    }

    #[test]
    fn the_most_specific_route_wins() {
        let routes = routes(&[
            ("ANY", "/a/{proxy+}"),
            ("GET", "/a/{id}"),
            ("GET", "/a/list"),
            ("POST", "/a/{id}/close"),
            ("GET", "/a/{id}/parts/"),
        ]);
        let key = |method: &str, path: &str| routes.find(method, path).map(|hit| hit.key);
        assert_eq!(key("GET", "/a/list").unwrap(), "GET /a/list");
        assert_eq!(key("GET", "/a/7").unwrap(), "GET /a/{id}");
        assert_eq!(key("PUT", "/a/7").unwrap(), "ANY /a/{proxy+}");
        assert_eq!(key("POST", "/a/7/close").unwrap(), "POST /a/{id}/close");
        assert_eq!(key("GET", "/a/7/parts/").unwrap(), "GET /a/{id}/parts/");
        assert_eq!(key("GET", "/b"), None);
        assert_eq!(key("GET", "/a"), None);
        assert_eq!(key("GET", "/a/"), None, "a parameter is never empty");
    }

    #[test]
    fn parameters_are_what_stands_between_slashes() {
        let routes = routes(&[("GET", "/a/{id}/b/{rest+}")]);
        let hit = routes.find("GET", "/a/x y#%2F/b/c/d").unwrap();
        assert_eq!(hit.parameters["id"], "x y#%2F");
        assert_eq!(hit.parameters["rest"], "c/d");
    }
}
