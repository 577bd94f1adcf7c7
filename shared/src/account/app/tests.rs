//! Which configurations of an app are taken.

use super::*;
use crate::account::Headers;

fn demo() -> AccountId {
    "demo".parse().unwrap()
}

fn app() -> App {
    App {
        name: "com.example.shop".parse().unwrap(),
        ios: Some(Route::Apns {
            team_id: "TEAM123456".into(),
            key_id: "KEY1234567".into(),
            topic: "com.example.shop".into(),
            credential: "arn:aws:secretsmanager:eu-west-1:0:secret:overture/demo/apns".into(),
        }),
        android: None,
        identity: Identity {
            issuer: "https://id.example.com".into(),
            audience: "shop".into(),
            jwks_uri: "https://id.example.com/jwks.json".into(),
        },
    }
}

/// The field for which an app with this iOS route is refused.
fn refused_ios(route: Route) -> Option<&'static str> {
    refused(App {
        ios: Some(route),
        ..app()
    })
}

fn refused_android(route: Route) -> Option<&'static str> {
    refused(App {
        android: Some(route),
        ..app()
    })
}

fn refused(app: App) -> Option<&'static str> {
    match app.checked(&demo()) {
        Ok(_) => None,
        Err(InvalidApp::Field { field, .. }) => Some(field),
        Err(other) => panic!("{other}"),
    }
}

fn sns(arn: &str) -> Route {
    Route::Sns {
        platform_application_arn: arn.to_owned(),
    }
}

fn proxy(url: &str, credential: Option<&str>, headers: &[(&str, &str)]) -> Route {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    Route::Proxy {
        url: url.to_owned(),
        credential: credential.map(str::to_owned),
        headers: Headers(headers.iter().map(owned).collect()),
    }
}

const URL: &str = "https://push.example.com/overture";

#[test]
fn an_app_needs_a_route() {
    assert!(app().checked(&demo()).is_ok());
    let bare = App { ios: None, ..app() };
    assert_eq!(bare.checked(&demo()), Err(InvalidApp::NoRoute));
}

#[test]
fn a_route_serves_its_own_platform() {
    let crossed = App {
        android: app().ios,
        ..app()
    };
    assert!(matches!(
        crossed.checked(&demo()),
        Err(InvalidApp::WrongRoute {
            platform: Platform::Android,
            route: "apns"
        })
    ));
    let crossed = App {
        ios: Some(Route::Fcm {
            project_id: "shop".into(),
            credential: "arn:aws:secretsmanager:eu-west-1:0:secret:overture/demo/fcm".into(),
        }),
        ..app()
    };
    assert!(matches!(
        crossed.checked(&demo()),
        Err(InvalidApp::WrongRoute {
            platform: Platform::Ios,
            route: "fcm"
        })
    ));
}

#[test]
fn a_credential_is_the_name_of_a_secret() {
    let mut leaked = app();
    if let Some(Route::Apns { credential, .. }) = &mut leaked.ios {
        *credential = "a key, not a name".into();
    }
    assert_eq!(refused(leaked), Some("ios/credential"));
    let leaked = proxy(URL, Some("whsec_c2VjcmV0"), &[]);
    assert_eq!(refused_android(leaked), Some("android/credential"));
}

#[test]
fn a_credential_is_a_secret_of_the_account() {
    let other: AccountId = "other".parse().unwrap();
    assert!(app().checked(&other).is_err());
    let shorter: AccountId = "dem".parse().unwrap();
    assert!(app().checked(&shorter).is_err());
    let secret = |account: &str| {
        format!("arn:aws:secretsmanager:eu-west-1:1:secret:overture/{account}/proxy-AbCdEf")
    };
    assert_eq!(refused_ios(proxy(URL, Some(&secret("demo")), &[])), None);
    let others = proxy(URL, Some(&secret("other")), &[]);
    assert_eq!(refused_ios(others), Some("ios/credential"));
}

#[test]
fn keys_are_fetched_over_https_only() {
    let mut plain = app();
    plain.identity.jwks_uri = "http://id.example.com/jwks.json".into();
    assert_eq!(refused(plain), Some("identity/jwksUri"));
}

#[test]
fn a_platform_application_fits_its_platform() {
    let arn = |resource: &str| sns(&format!("arn:aws:sns:eu-west-1:111122223333:{resource}"));
    let field = Some("ios/platformApplicationArn");
    assert_eq!(refused_ios(arn("app/APNS/overture.demo.shop")), None);
    assert_eq!(
        refused_ios(arn("app/APNS_SANDBOX/overture.demo.com.example_shop-1")),
        None
    );
    assert_eq!(refused_ios(arn("app/GCM/overture.demo.shop")), field);
    assert_eq!(refused_ios(arn("app/APNS_VOIP/overture.demo.shop")), field);
    assert_eq!(refused_android(arn("app/GCM/overture.demo.shop")), None);
    let field = Some("android/platformApplicationArn");
    assert_eq!(refused_android(arn("app/APNS/overture.demo.shop")), field);
    assert_eq!(refused_android(arn("app/ADM/overture.demo.shop")), field);
}

#[test]
fn a_platform_application_is_named_by_its_arn() {
    for good in [
        "arn:aws-cn:sns:cn-north-1:111122223333:app/GCM/overture.demo.shop",
        "arn:aws-us-gov:sns:us-gov-west-1:111122223333:app/GCM/overture.demo.shop",
    ] {
        assert_eq!(refused_android(sns(good)), None, "{good}");
    }
    for bad in [
        "",
        "shop",
        "arn:aws:sns:eu-west-1:111122223333:topic",
        "arn:aws:sns:eu-west-1:111122223333:endpoint/GCM/overture.demo.shop/1",
        "arn:aws:sns:eu-west-1:111122223333:app/GCM/",
        "arn:aws:sns:eu-west-1:111122223333:app/GCM/shop",
        "arn:aws:sns:eu-west-1:111122223333:app/GCM/overture.demo.",
        "arn:aws:sns:eu-west-1:111122223333:app/GCM/overture.other.shop",
        "arn:aws:sns:eu-west-1:111122223333:app/GCM/overture.demo-2.shop",
        "arn:aws:sns:eu-west-1:111122223333:app/GCM/overture.demo.shop/more",
        "arn:aws:sns:eu-west-1:111122223333:app/GCM/overture.demo.shop name",
        "arn:aws:sns:eu-west-1:111122223333:app/GCM/overture.demo.shop:more",
        "arn:aws:sns::111122223333:app/GCM/overture.demo.shop",
        "arn:aws:sns:eu-west-1:1:app/GCM/overture.demo.shop",
        "arn:aws:sqs:eu-west-1:111122223333:app/GCM/overture.demo.shop",
        "arn:gcp:sns:eu-west-1:111122223333:app/GCM/overture.demo.shop",
    ] {
        let field = Some("android/platformApplicationArn");
        assert_eq!(refused_android(sns(bad)), field, "{bad}");
    }
}

#[test]
fn a_proxy_is_public_and_over_https() {
    assert_eq!(refused_ios(proxy(URL, None, &[])), None);
    let long = format!("{URL}/{}", "x".repeat(512));
    for bad in [
        "http://push.example.com/",
        "https://user:word@push.example.com/",
        "https://push.example.com/#top",
        "https://127.0.0.1/",
        "https://[fd00:ec2::254]/",
        &long,
    ] {
        assert_eq!(refused_ios(proxy(bad, None, &[])), Some("ios/url"), "{bad}");
    }
}

#[test]
fn a_proxy_takes_four_headers_of_letters() {
    let headers = |headers: &[(&str, &str)]| refused_android(proxy(URL, None, headers));
    let long = "v".repeat(300);
    let four = [
        ("X-Brand", "acme"),
        ("Api-Key", "s3cret with spaces"),
        ("twenty-four-letters-long", "1"),
        ("User-Agent", &long),
    ];
    assert_eq!(headers(&four), None);
    let five: Vec<_> = four.iter().copied().chain([("Fifth", "1")]).collect();
    let longer = "v".repeat(301);
    let twice = [("Brand", "1"), ("brand", "2")];
    for bad in [
        &five[..],
        &twice,
        &[("", "1")],
        &[("twenty-five-letters-long-x", "1")],
        &[("X1", "1")],
        &[("X_Y", "1")],
        &[("X:", "1")],
        &[("-X", "1")],
        &[("X", "")],
        &[("X", &longer)],
        &[("X", "a\r\nHost: b")],
        &[("X", "ä")],
        &[("X", " padded ")],
    ] {
        assert_eq!(headers(bad), Some("android/headers"), "{bad:?}");
    }
}

#[test]
fn a_proxys_headers_are_none_of_http_or_ours() {
    for taken in [
        "Host",
        "Connection",
        "Keep-Alive",
        "Transfer-Encoding",
        "TE",
        "Trailer",
        "Upgrade",
        "Proxy-Authorization",
        "Content-Length",
        "Content-Type",
        "Authorization",
        "webhook-id",
        "Webhook-Signature",
        "Expect",
        "Cookie",
    ] {
        let route = proxy(URL, None, &[(taken, "1")]);
        assert_eq!(refused_ios(route), Some("ios/headers"), "{taken}");
    }
}

#[test]
fn a_headers_value_is_not_shown() {
    let route = proxy(URL, None, &[("Api-Key", "s3cret")]);
    let shown = format!("{route:?}");
    assert!(
        shown.contains("Api-Key") && !shown.contains("s3cret"),
        "{shown}"
    );
}
