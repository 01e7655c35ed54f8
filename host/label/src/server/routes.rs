//! The addresses of the server, and what stands behind each.

use std::collections::HashMap;
use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{DefaultBodyLimit, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router, middleware};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::guard::{Guard, guarded};
use super::{MOST_OF_A_BODY, assets};
use crate::answering::Given;
use crate::refusal::Refusal;
use crate::shared::Shared;

/// Labels and answers that are sent at once, at most.
const MOST_AT_ONCE: usize = 500;

/// Bytes that labels are searched by, at most.
const MOST_OF_A_QUERY: usize = 2000;

type Project = State<Arc<Shared>>;
type Parameters = Query<HashMap<String, String>>;
type Body = Result<Bytes, BytesRejection>;

pub(super) fn app(shared: Arc<Shared>, guard: Guard) -> Router {
    Router::new()
        .route("/api/project", get(project))
        .route("/api/next", post(next))
        .route("/api/answer", post(answer))
        .route("/api/leave", post(leave))
        .route("/api/text", get(text))
        .route("/api/history", get(history))
        .route("/api/labels", get(labels))
        .route("/api/children", get(children))
        .route("/api/progress", get(progress))
        .fallback(assets::asset)
        .layer(DefaultBodyLimit::max(MOST_OF_A_BODY))
        .layer(middleware::from_fn_with_state(Arc::new(guard), guarded))
        .with_state(shared)
}

pub(super) fn refused(refusal: &Refusal) -> Response {
    (refusal.status(), Json(refusal)).into_response()
}

/// Does what may wait for the disk away from the threads that talk.
async fn done<T: Serialize + Send + 'static>(
    shared: Arc<Shared>,
    what: impl FnOnce(&Shared) -> Result<T, Refusal> + Send + 'static,
) -> Response {
    match tokio::task::spawn_blocking(move || what(&shared)).await {
        Ok(Ok(answer)) => Json(answer).into_response(),
        Ok(Err(refusal)) => refused(&refusal),
        Err(_) => {
            let hint = "the log has more; nothing that was confirmed is lost";
            refused(&Refusal::new(500, "a fault of alhost's own", hint))
        }
    }
}

/// Reads a body of JSON.
fn read<T: DeserializeOwned>(body: Body) -> Result<T, Refusal> {
    let body = body.map_err(|rejection| {
        Refusal::new(rejection.status().as_u16(), rejection.body_text(), "send less")
    })?;
    serde_json::from_slice(&body).map_err(|error| {
        Refusal::wrong(format!("the request cannot be read: {error}"), "load the page again")
    })
}

fn parameter(parameters: &HashMap<String, String>, name: &str) -> String {
    parameters.get(name).cloned().unwrap_or_default()
}

fn number(parameters: &HashMap<String, String>, usual: usize) -> usize {
    let given = parameters.get("n").and_then(|n| n.parse().ok());
    given.unwrap_or(usual).min(MOST_AT_ONCE)
}

async fn project(State(shared): Project) -> Response {
    done(shared, |shared| {
        shared.about().map_err(|error| Refusal::new(500, format!("{error:#}"), "see the log"))
    })
    .await
}

#[derive(Deserialize)]
struct Who {
    who: String,
}

async fn next(State(shared): Project, body: Body) -> Response {
    done(shared, move |shared| shared.next(&read::<Who>(body)?.who)).await
}

async fn answer(State(shared): Project, body: Body) -> Response {
    done(shared, move |shared| {
        let at = shared.answer(read::<Given>(body)?, "page")?;
        Ok(json!({ "saved": true, "at": at * 1000 }))
    })
    .await
}

async fn leave(State(shared): Project, body: Body) -> Response {
    done(shared, move |shared| {
        shared.leave(&read::<Who>(body)?.who)?;
        Ok(json!({ "left": true }))
    })
    .await
}

async fn text(State(shared): Project, Query(parameters): Parameters) -> Response {
    done(shared, move |shared| {
        let (who, id) = (parameter(&parameters, "who"), parameter(&parameters, "id"));
        Ok(json!({ "text": shared.text(&who, &id)? }))
    })
    .await
}

async fn history(State(shared): Project, Query(parameters): Parameters) -> Response {
    done(shared, move |shared| {
        let (who, query) = (parameter(&parameters, "who"), parameter(&parameters, "q"));
        let answers = shared.history(&who, &query, number(&parameters, 100))?;
        Ok(json!({ "answers": answers }))
    })
    .await
}

async fn labels(State(shared): Project, Query(parameters): Parameters) -> Response {
    done(shared, move |shared| {
        let query = parameter(&parameters, "q");
        if query.len() > MOST_OF_A_QUERY {
            return Err(Refusal::wrong("that is too long for a label", "type less"));
        }
        let (labels, total) = shared.find_labels(&query, number(&parameters, 20));
        Ok(json!({ "labels": labels, "total": total }))
    })
    .await
}

async fn children(State(shared): Project, Query(parameters): Parameters) -> Response {
    done(shared, move |shared| {
        Ok(json!({ "children": shared.children(&parameter(&parameters, "path")) }))
    })
    .await
}

async fn progress(State(shared): Project) -> Response {
    done(shared, |shared| Ok(shared.progress())).await
}

/// A file of the page.
pub(super) fn file(kind: &'static str, content: &'static [u8]) -> Response {
    ([(header::CONTENT_TYPE, kind)], content).into_response()
}
