//! The pages for people: a page per problem, the gateways' answers, the functions' rights, and
//! links that lead somewhere.

use crate::template::policies;
use domain::{
    deliver::{EventJob, Job},
    event::{Event, Kind},
};
use lambda::Kind as Problem;
use serde_json::Value;
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// The name of a problem's page.
fn page_of(kind: Problem) -> String {
    let uri = kind.uri();
    uri.strip_prefix("/problems/").unwrap().to_owned()
}

/// What its tables say of sending a call again.
fn again(kind: Problem) -> [&'static str; 2] {
    let retryable = if kind.is_retryable() { "yes" } else { "no" };
    let safe = if kind.did_nothing() {
        "yes"
    } else {
        "the answer says"
    };
    [retryable, safe]
}

#[test]
fn every_problem_has_a_page_that_says_what_it_is() {
    for kind in Problem::ALL {
        let page = page_of(*kind);
        let text = read(&format!("infra/docs/problems/{page}.md"));
        let (code, status, [retryable, safe]) = (kind.code(), kind.status(), again(*kind));
        let says = |what: &str| assert!(text.contains(what), "{page}.md lacks: {what}");
        says(&format!("# {}\n", kind.title()));
        says(&format!("| `{code}` | {status} | {retryable} | {safe} |\n"));
        says("## When it comes\n");
        says("## What to do\n");

        let example = text
            .split("```json\n")
            .nth(1)
            .and_then(|rest| rest.split("```").next());
        let example: Value = serde_json::from_str(example.unwrap()).unwrap();
        assert_eq!(example["type"], kind.uri(), "{page}.md");
        assert_eq!(example["code"], code, "{page}.md");
        assert_eq!(example["status"], status.as_u16(), "{page}.md");
        assert_eq!(example["title"], kind.title(), "{page}.md");
        let said = example.get("detail").unwrap_or(&example["title"]);
        assert_eq!(&example["message"], said, "{page}.md");
        assert_eq!(example["retryable"], kind.is_retryable(), "{page}.md");
        assert!(
            !kind.did_nothing() || example["safeToResend"] == true,
            "{page}.md"
        );
    }
}

#[test]
fn the_table_of_problems_is_that_of_the_code() {
    let table = read("infra/docs/problems/README.md");
    let rows: Vec<_> = table
        .lines()
        .filter(|line| line.starts_with("| [`"))
        .collect();
    let row = |kind: &Problem| {
        let (code, page, title) = (kind.code(), page_of(*kind), kind.title());
        let (status, [retryable, safe]) = (kind.status().as_u16(), again(*kind));
        format!("| [`{code}`]({page}.md) | {status} | {title} | {retryable} | {safe} |")
    };
    let wanted: Vec<_> = Problem::ALL.iter().map(row).collect();
    assert_eq!(rows, wanted, "infra/docs/problems/README.md");

    let pages: BTreeSet<_> = fs::read_dir(root().join("infra/docs/problems"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| path.file_stem().unwrap().to_str().unwrap().to_owned())
        .filter(|name| name != "README")
        .collect();
    let kinds: BTreeSet<_> = Problem::ALL.iter().map(|kind| page_of(*kind)).collect();
    assert_eq!(pages, kinds, "infra/docs/problems/");
}

/// A gateway's words in a function of the classifier, each with its class.
fn classified(source: &str, function: &str) -> BTreeMap<String, &'static str> {
    let (_, body) = source
        .split_once(&format!("pub(crate) fn {function}("))
        .unwrap();
    let (body, _) = body.split_once("\n}\n").unwrap();
    let mut words = BTreeMap::new();
    let arms: Vec<_> = body.split("=>").collect();
    for pair in arms.windows(2) {
        let after = pair[1]
            .split_once("Undelivered::")
            .map_or("", |(_, rest)| rest);
        let class = match after.split(|c: char| !c.is_ascii_alphabetic()).next() {
            Some("DeviceGone") => "device gone",
            Some("Refused") => "credentials refused",
            Some("Rejected") => "rejected",
            Some("Later") => "later",
            _ => continue,
        };
        let is_word = |word: &&str| {
            word.starts_with(|c: char| c.is_ascii_uppercase())
                && word.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
        };
        let quoted = pair[0].split('"').skip(1).step_by(2);
        words.extend(quoted.filter(is_word).map(|word| (word.to_owned(), class)));
    }
    words
}

#[test]
fn every_answer_of_a_gateway_is_told_with_its_class() {
    let source = read("shared/crates/push/src/classify.rs");
    let page = read("infra/docs/push.md");
    for (function, title) in [("apns", "## APNs\n"), ("fcm", "## FCM\n")] {
        let (_, section) = page.split_once(title).unwrap();
        let section = section.split("\n## ").next().unwrap();
        let told: BTreeMap<_, _> = section
            .lines()
            .filter(|line| line.starts_with("| `"))
            .map(|line| {
                let cells: Vec<_> = line.split('|').map(str::trim).collect();
                (cells[1].trim_matches('`').to_owned(), cells[4])
            })
            .collect();
        let known = classified(&source, function);
        assert!(known.len() > 8, "{function}: {known:?}");
        assert_eq!(told, known, "infra/docs/push.md, {title}");
    }
}

#[test]
fn every_error_of_sns_that_has_a_class_is_told() {
    let source = read("shared/crates/push/src/classify.rs");
    let page = read("infra/docs/push.md");
    let (_, section) = page.split_once("## SNS\n").unwrap();
    let section = section.split("\n## ").next().unwrap();
    let known = classified(&source, "sns");
    assert!(known.len() > 8, "{known:?}");
    for (word, class) in known {
        let is_its = |line: &&str| line.starts_with(&format!("| `{word}"));
        let rows: Vec<_> = section.lines().filter(is_its).collect();
        assert!(!rows.is_empty(), "infra/docs/push.md, SNS, lacks {word}");
        let of_class = |row: &&str| row.contains(&format!("| {class} |"));
        assert!(rows.iter().all(of_class), "{word}: {rows:?}");
    }
}

#[test]
fn every_failure_is_told_with_its_code() {
    let page = read("infra/docs/push.md");
    for failure in [
        domain::failure::Failure::DeviceGone,
        domain::failure::Failure::CredentialsRefused,
        domain::failure::Failure::NotificationRefused,
        domain::failure::Failure::GatewayUnavailable,
        domain::failure::Failure::AppNotConfigured,
    ] {
        let code = format!("`{}` (`{}`)", failure.as_str(), failure.code());
        assert!(page.contains(&code), "infra/docs/push.md lacks {code}");
    }
}

#[test]
fn the_architecture_tells_every_function_and_what_it_may_do() {
    let page = read("infra/docs/architecture.md");
    for (function, statements) in policies() {
        let start = format!("| [{function}](");
        let row = page.lines().find(|line| line.starts_with(&start));
        let row = row.unwrap_or_else(|| panic!("infra/docs/architecture.md lacks {function}"));
        let told = row.split('|').nth(4).unwrap();
        let told: BTreeSet<_> = told.split(',').map(str::trim).map(str::to_owned).collect();
        let has: BTreeSet<_> = statements
            .iter()
            .flat_map(|statement| &statement.actions)
            .map(|action| action.split(':').nth(1).unwrap().to_owned())
            .collect();
        assert_eq!(told, has, "infra/docs/architecture.md, {function}");
    }
}

#[test]
fn every_event_of_webhooks_is_told_and_examples_are_what_they_say() {
    let page = read("infra/docs/webhooks.md");
    let names = page.lines().filter_map(|line| line.strip_prefix("| `"));
    let told: Vec<_> = names
        .filter_map(|rest| Some(rest.split_once('`')?.0))
        .filter(|name| name.contains('.') && !name.contains(' '))
        .collect();
    let known: Vec<_> = Kind::ALL.iter().map(|kind| kind.as_str()).collect();
    assert_eq!(told, known, "infra/docs/webhooks.md");

    let examples = page.split("```json\n").skip(1);
    let examples: Vec<_> = examples
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert_eq!(examples.len(), 6, "one of each form");
    for example in examples {
        let mut value: Value = serde_json::from_str(example).unwrap();
        value["id"] = "id".into();
        let event: Event = serde_json::from_value(value.clone()).unwrap();
        assert_eq!(serde_json::to_value(&event).unwrap(), value);
        let job = Job::Event(EventJob {
            account: "demo".parse().unwrap(),
            webhook: "crm".parse().unwrap(),
            not_before: event.timestamp,
            event,
            attempt: 3,
        });
        let body = serde_json::to_string(&job).unwrap();
        assert_eq!(serde_json::from_str::<Job>(&body).unwrap(), job, "{body}");
    }
}

/// All pages of the repository.
fn pages(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            if !name.starts_with('.') && name != "target" {
                pages(&path, found);
            }
        } else if path.extension().is_some_and(|e| e == "md") {
            found.push(path);
        }
    }
}

/// A heading as a link names it.
fn anchor(heading: &str) -> String {
    let kept = heading
        .chars()
        .filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.collect::<String>().to_lowercase().replace(' ', "-")
}

#[test]
fn every_link_between_files_leads_somewhere() {
    let mut all = Vec::new();
    pages(&root(), &mut all);
    assert!(all.len() > 40, "{}", all.len());
    for page in all {
        let text = fs::read_to_string(&page).unwrap();
        // What stands in a block of code is no link.
        let prose: String = text.split("```").step_by(2).collect();
        for link in prose
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split(')').next())
        {
            let link = link.split_whitespace().next().unwrap_or_default();
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, fragment) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() {
                page.clone()
            } else {
                page.parent().unwrap().join(file)
            };
            assert!(target.exists(), "{}: {link} leads nowhere", page.display());
            if !fragment.is_empty() && target.extension().is_some_and(|e| e == "md") {
                let text = fs::read_to_string(&target).unwrap();
                let mut headings = text.lines().filter_map(|l| l.strip_prefix('#'));
                let is_there =
                    headings.any(|h| anchor(h.trim_start_matches('#').trim()) == fragment);
                assert!(is_there, "{}: {link} leads to no heading", page.display());
            }
        }
    }
}
