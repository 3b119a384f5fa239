//! The inbox as a page: what Slack, PagerDuty, mail programs and the webhooks would show.

use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use console::{
    page::{Page, notice, respond},
    words,
};
use http::{Method, Request, Response, StatusCode};
use inbox::Inbox;
use maud::html;
use ports::HandleHttp;

use crate::{drawn, posts};

const STYLE: &str = include_str!("inbox.css");

/// How many posts stand on the page, the newest.
const POSTS: usize = 100;

/// `GET /inbox`, and the same as `/inbox.json`.
pub struct InboxPage(pub Arc<Inbox>);

#[async_trait]
impl HandleHttp for InboxPage {
    async fn handle(&self, request: Request<Bytes>) -> Response<Bytes> {
        if request.method() != Method::GET {
            return notice(StatusCode::METHOD_NOT_ALLOWED, "The inbox is only read", html! {});
        }
        match request.uri().path() {
            "/inbox" => self.page(),
            "/inbox.json" => match serde_json::to_vec_pretty(&self.0.posts()) {
                Ok(body) => respond(StatusCode::OK, "application/json", body),
                Err(error) => notice(StatusCode::INTERNAL_SERVER_ERROR, "No JSON", html! { p { (error) } }),
            },
            _ => notice(StatusCode::NOT_FOUND, "There is nothing here", html! { p { "The inbox is at /inbox." } }),
        }
    }
}

impl InboxPage {
    fn page(&self) -> Response<Bytes> {
        let posts = self.0.posts();
        let entries = drawn::entries(&posts);
        let older = entries.len().saturating_sub(POSTS);
        let body = html! {
            main {
                h1 { "Inbox" }
                p.soft { "What Slack, PagerDuty, mail and the webhooks would have got, newest first. Nothing has left this machine." }
                @if entries.is_empty() {
                    div.card { p { "Nothing yet. Send something with " code { "firstlook send" } "." } }
                }
                @for entry in entries.iter().take(POSTS) {
                    article class=(format!("post {}", drawn::class(entry.post.service))) {
                        div.head { h3 { (posts::heading(entry.post)) } span { (words::clock(entry.post.at)) } }
                        (drawn::post(entry))
                        (drawn::times(entry.post))
                    }
                }
                @if older > 0 { p.soft { (older) " older ones stand in " a href="inbox.json" { "the JSON" } "." } }
            }
        };
        Page { style: STYLE, ..Page::new("Inbox", body) }.response()
    }
}
