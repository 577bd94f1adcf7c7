//! Who may do what: every call as everybody, against the table of the domain, which the page for
//! people repeats.

use crate::{
    openapi::{document, operations},
    world::{SHOP, World},
};
use domain::access::{CALLS, Needs, Role};
use reqwest::Method;
use serde_json::{Value, json};
use std::{collections::BTreeSet, fs, path::Path, time::Duration};

/// A path whose parameters name what is there, or what nobody misses.
fn filled(path: &str, method: &str) -> String {
    let app = if method == "GET" {
        SHOP
    } else {
        "com.example.none"
    };
    let skill = if method == "GET" { "sales" } else { "none" };
    [
        ("{accountId}", "acme"),
        ("{appName}", app),
        ("{name}", skill),
        ("{clientId}", "none"),
        ("{webhookName}", "none"),
        ("{handoffId}", "H1"),
        ("{campaignId}", "none"),
        ("{consumerId}", "ana"),
        ("{conversationId}", "0190163d-8694-739b-aea5-966c26f8ad91"),
        ("{messageId}", "0190163d-8694-739b-aea5-966c26f8ad91"),
        ("{deviceId}", "none"),
        ("{app}", "prmsg"),
        ("{channel}", "inapp"),
        ("{service}", "sentinel"),
    ]
    .into_iter()
    .fold(path.to_owned(), |path, (name, value)| {
        path.replace(name, value)
    })
}

/// The problem that a brand's caller of `role` is answered with, if the call is not theirs.
fn refusal(needs: Needs, role: Role) -> Option<(u16, &'static str)> {
    match needs {
        _ if needs.allows(role) => None,
        Needs::Consumer => Some((401, "WRONG_TOKEN_KIND")),
        Needs::Nothing | Needs::Permission(_) => Some((403, "FORBIDDEN")),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_is_for_those_whom_the_table_names() {
    let world = World::start().await;
    let brand = world.brand("acme").await;
    // From then on its calls are held to no pace.
    world.stack.advance(Duration::from_mins(1)).await;
    let mut callers = Vec::new();
    for role in Role::ALL {
        let staff = world.staff("acme", role.as_str(), &["sales"]).await;
        callers.push((Some(role), staff.token));
    }
    let mut names = BTreeSet::new();
    for (route, operation) in operations(&document()) {
        let (method, path) = route.split_once(' ').unwrap();
        let name = operation["operationId"].as_str().unwrap().to_owned();
        let known = CALLS.iter().find(|(call, _)| *call == name);
        let (_, needs) = *known.unwrap_or_else(|| panic!("{name} is not in the table"));
        names.insert(name.clone());
        let path = filled(path, method);
        assert!(!path.contains('{'), "{path}");
        let has_body = matches!(method, "POST" | "PUT");
        let method: Method = method.parse().unwrap();
        let call = async |token: Option<&str>| {
            let body = has_body.then(|| ("application/json", json!({}).to_string()));
            world.call(method.clone(), &path, token, &[], body).await
        };
        let let_in = |status: u16, code: &Value, who: &str| {
            let guard = [
                "UNAUTHORIZED",
                "FORBIDDEN",
                "WRONG_TOKEN_KIND",
                "TOKEN_EXPIRED",
            ];
            let refused = code.as_str().is_some_and(|code| guard.contains(&code));
            assert!(!refused && status < 500, "{name} as {who}: {status} {code}");
        };
        for (role, token) in &callers {
            let role = role.unwrap();
            let answer = call(Some(token)).await;
            match refusal(needs, role) {
                Some((status, code)) => {
                    answer.problem(status, code);
                }
                None => let_in(answer.status, &answer.body["code"], role.as_str()),
            }
        }
        // Another one each time: a consumer's own pace is ten calls a second.
        let consumer = brand.consumer(&format!("c-{}", names.len())).token.clone();
        let answer = call(Some(&consumer)).await;
        match needs {
            Needs::Permission(_) => {
                answer.problem(401, "WRONG_TOKEN_KIND");
            }
            _ => let_in(answer.status, &answer.body["code"], "a consumer"),
        }
        let answer = call(None).await;
        match needs {
            Needs::Nothing => let_in(answer.status, &answer.body["code"], "anybody"),
            _ => {
                answer.problem(401, "UNAUTHORIZED");
            }
        }
    }
    let table: BTreeSet<_> = CALLS.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(names, table, "the table has the document's calls");
}

#[test]
fn the_page_of_roles_is_the_table_of_the_code() {
    let mark = |is: bool| if is { "yes" } else { "" };
    let row = |(name, needs): &(&str, Needs)| {
        let roles = Role::ALL.map(|role| mark(needs.allows(role)));
        let consumer = mark(!matches!(needs, Needs::Permission(_)));
        let anybody = mark(*needs == Needs::Nothing);
        let cells: Vec<_> = roles.into_iter().chain([consumer, anybody]).collect();
        format!("| `{name}` | {} |", cells.join(" | "))
    };
    let wanted: Vec<_> = CALLS.iter().map(row).collect();
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("infra/docs/roles.md");
    let page = fs::read_to_string(page).unwrap();
    let told: Vec<_> = page
        .lines()
        .filter(|line| line.starts_with("| `"))
        .collect();
    assert_eq!(told, wanted, "infra/docs/roles.md:\n{}", wanted.join("\n"));
}
