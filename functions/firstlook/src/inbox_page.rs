//! The inbox as a page: what Slack, PagerDuty and the webhooks would show.

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

use crate::posts;

/// How many posts stand on the page, the newest.
const POSTS: usize = 100;

/// How many lines of a webhook's body.
const LINES: usize = 80;

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
        let older = posts.len().saturating_sub(POSTS);
        let body = html! {
            main {
                h1 { "Inbox" }
                p.soft { "What Slack, PagerDuty and the webhooks would have got, newest first. Nothing has left this machine." }
                @if posts.is_empty() {
                    div.card { p { "Nothing yet. Send something with " code { "firstlook send" } "." } }
                }
                @for posted in posts.iter().rev().take(POSTS) {
                    article.card {
                        div.head { h3 { (posts::heading(posted)) } span.soft { (words::clock(posted.at)) } }
                        pre.whole { (posts::body(posted, LINES)) }
                        @if !posted.edits.is_empty() {
                            p.soft {
                                "Posted " (words::clock(posted.at)) ", edited "
                                @for (place, edit) in posted.edits.iter().enumerate() {
                                    @if place > 0 { ", " }
                                    (words::clock(edit.at))
                                }
                            }
                        }
                    }
                }
                @if older > 0 { p.soft { (older) " older ones stand in " a href="inbox.json" { "the JSON" } "." } }
            }
        };
        Page::new("Inbox", body).response()
    }
}
