//! What the control API can be asked for: one list, for callers, for its docs and for tests.

/// A call of the control API.
#[derive(Clone, Copy, Debug)]
pub struct Call {
    /// Its method.
    pub method: &'static str,
    /// Its path; `{…}` is the caller's.
    pub path: &'static str,
    /// What it does.
    pub what: &'static str,
}

const fn call(method: &'static str, path: &'static str, what: &'static str) -> Call {
    Call { method, path, what }
}

/// Every call.
pub const CALLS: [Call; 13] = [
    call(
        "GET",
        "/control/",
        "where the gateways are, and these calls",
    ),
    call(
        "PUT",
        "/control/tokens/{token}",
        "scripts a device token, or `apns`, `fcm`, `proxy`, `oauth`; declares where a token belongs",
    ),
    call("DELETE", "/control/tokens/{token}", "forgets that"),
    call(
        "DELETE",
        "/control/tokens",
        "forgets every script and declaration",
    ),
    call("GET", "/control/pushes", "every push so far, in order"),
    call("DELETE", "/control/pushes", "forgets the pushes so far"),
    call(
        "GET",
        "/control/visible",
        "what each device has on its screen",
    ),
    call(
        "POST",
        "/control/clock",
        "moves the sandbox's clock forward",
    ),
    call(
        "PUT",
        "/control/gateways/{name}",
        "stops `apns`, `fcm`, `proxy` or `identity`, or brings it back",
    ),
    call(
        "POST",
        "/control/apns/tokens",
        "signs a provider token for APNs",
    ),
    call(
        "POST",
        "/control/fcm/tokens",
        "gives an access token for FCM",
    ),
    call(
        "POST",
        "/control/identity/tokens",
        "signs a consumer's token",
    ),
    call(
        "POST",
        "/control/identity/rotate",
        "gives the identity provider new keys",
    ),
];
