//! Who may talk to the server: pages of its own, and beyond this machine those who know the token.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::routes::refused;
use crate::refusal::Refusal;

/// Nothing but our own files, no frames around us, no forms.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
                      img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// The cookie with the token, and the header that pages of other origins cannot send.
const COOKIE: &str = "alhost-token";
const OURS: &str = "x-alhost";

/// What requests must have.
#[derive(Clone, Debug)]
pub struct Guard {
    /// Names by which the server is called; `None` takes any, where a token is wanted instead.
    hosts: Option<Vec<String>>,
    token: Option<String>,
}

impl Guard {
    /// On this machine the name is checked, against pages of others whose name leads here. Beyond it a token is wanted.
    pub fn of(address: SocketAddr) -> Self {
        if !address.ip().is_loopback() {
            return Self { hosts: None, token: Some(new_token()) };
        }
        let port = address.port();
        let hosts = ["127.0.0.1", "localhost", "[::1]"].map(|host| format!("{host}:{port}"));
        Self { hosts: Some(hosts.to_vec()), token: None }
    }

    pub fn token(&self) -> Option<&str> {
        self.token.as_deref()
    }

    fn check(&self, method: &Method, path: &str, headers: &HeaderMap) -> Result<(), Refusal> {
        let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
        let host = text(header::HOST).unwrap_or_default();
        if self.hosts.as_ref().is_some_and(|hosts| !hosts.iter().any(|known| known == host)) {
            let hint = "open the address that `alhost label serve` printed";
            return Err(Refusal::new(421, "this server does not go by that name", hint));
        }
        let origin = text(header::ORIGIN);
        let is_other = origin.is_some_and(|origin| {
            origin != format!("http://{host}") && origin != format!("https://{host}")
        });
        let site = text(HeaderName::from_static("sec-fetch-site"));
        let is_cross = site.is_some_and(|site| !matches!(site, "same-origin" | "none"));
        let is_api = path.starts_with("/api/");
        if is_other || (is_api && is_cross) {
            return Err(Refusal::new(
                403,
                "requests of other pages are refused",
                "use the page itself",
            ));
        }
        if is_api && *method != Method::GET && text(HeaderName::from_static(OURS)) != Some("1") {
            let hint = "send the header `X-Alhost: 1`";
            return Err(Refusal::new(403, "requests without our header are refused", hint));
        }
        let given = text(header::COOKIE).and_then(cookie);
        match &self.token {
            Some(token) if !is_same(given.unwrap_or_default(), token) => Err(Refusal::new(
                401,
                "the token is missing or another one",
                "open the address that `alhost label serve` printed, with `?token=...`",
            )),
            _ => Ok(()),
        }
    }

    /// Whether the address itself brings the token, which then goes into a cookie.
    fn welcomes(&self, request: &Request) -> bool {
        let given = request
            .uri()
            .query()
            .and_then(|query| query.split('&').find_map(|pair| pair.strip_prefix("token=")));
        match (&self.token, given) {
            (Some(token), Some(given)) => request.uri().path() == "/" && is_same(given, token),
            _ => false,
        }
    }
}

fn cookie(cookies: &str) -> Option<&str> {
    cookies.split(';').find_map(|one| one.trim().strip_prefix(COOKIE)?.strip_prefix('='))
}

/// Compares hashes, so that the time says nothing of how much of the token was right.
fn is_same(given: &str, token: &str) -> bool {
    blake3::hash(given.as_bytes()) == blake3::hash(token.as_bytes())
}

/// 128 bits of the system's random numbers, in hex.
fn new_token() -> String {
    use rand::RngCore as _;
    format!("{:016x}{:016x}", rand::rngs::OsRng.next_u64(), rand::rngs::OsRng.next_u64())
}

/// Lets a request through or not, and sets what the browser is to hold back.
pub(super) async fn guarded(
    State(guard): State<Arc<Guard>>,
    request: Request,
    next: Next,
) -> Response {
    let mut response = if guard.welcomes(&request) {
        welcome(guard.token().unwrap_or_default())
    } else {
        let path = request.uri().path().to_owned();
        match guard.check(request.method(), &path, request.headers()) {
            Ok(()) => next.run(request).await,
            Err(refusal) if path.starts_with("/api/") => refused(&refusal),
            // A person looks at it.
            Err(refusal) => (refusal.status(), refusal.to_string()).into_response(),
        }
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::CACHE_CONTROL, "no-store"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// Puts the token into a cookie and away from the address, where others could read it.
fn welcome(token: &str) -> Response {
    let cookie = format!("{COOKIE}={token}; HttpOnly; SameSite=Strict; Path=/; Max-Age=31536000");
    (StatusCode::SEE_OTHER, [(header::SET_COOKIE, cookie), (header::LOCATION, "/".to_owned())])
        .into_response()
}
