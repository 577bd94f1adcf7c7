//! Routes of a function, and what the API's document says of them.
//!
//! Both are made of the same list of handlers, but apart: the document is for the test that writes
//! `infra/openapi.yaml`. Made along with the routes it would be half of the work of a function that
//! starts, and a part of each binary.

/// Makes `fn $name()`, which gives a router of these handlers, and `document()`, which tells of them.
/// A handler's path and method are those of its `#[utoipa::path]`.
macro_rules! routes {
    ($(#[$doc:meta])* $vis:vis fn $name:ident() -> $state:ty {
        $($handler:ident),+ $(,)?
    }) => {
        $crate::routes::routes! { @ [$(#[$doc])* $vis fn $name $state] $([] $handler),+ }
    };
    ($(#[$doc:meta])* $vis:vis fn $name:ident() -> $state:ty {
        $($module:ident :: {$($handler:ident),+}),+ $(,)?
    }) => {
        $crate::routes::routes! {
            @ [$(#[$doc])* $vis fn $name $state] $($([$module ::] $handler),+),+
        }
    };
    (@ [$(#[$doc:meta])* $vis:vis fn $name:ident $state:ty] $([$($module:tt)*] $handler:ident),+) => {
        $(#[$doc])*
        $vis fn $name() -> axum::Router<$state> {
            pastey::paste! {
                axum::Router::new()
                    $(.route(
                        &<$($module)* [<__path_ $handler>] as utoipa::Path>::path(),
                        $crate::routes::calls(
                            <$($module)* [<__path_ $handler>] as utoipa::Path>::methods(),
                            &$($module)* $handler,
                        ),
                    ))+
            }
        }

        /// What the API's document says of them.
        #[must_use]
        pub fn document() -> utoipa::openapi::OpenApi {
            utoipa_axum::router::OpenApiRouter::<$state>::new()
                $(.routes(utoipa_axum::routes!($($module)* $handler)))+
                .into_openapi()
        }
    };
}

pub(crate) use routes;

use axum::{handler::Handler, routing::MethodRouter};
use utoipa::openapi::HttpMethod;
use utoipa_axum::PathItemExt as _;

/// A handler of these methods.
pub(crate) fn calls<S, H, T>(methods: Vec<HttpMethod>, handler: &H) -> MethodRouter<S>
where
    S: Clone + Send + Sync + 'static,
    H: Handler<T, S>,
    T: 'static,
{
    let calls = MethodRouter::new();
    methods.into_iter().fold(calls, |calls, method| {
        calls.on(method.to_method_filter(), handler.clone())
    })
}
