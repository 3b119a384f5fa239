//! Comments on tickets: who sees them.

use domain::{JiraSpec, OutletSpec};
use serde_json::json;

use super::{inbox, keys, open, post, views};

#[tokio::test]
async fn i9_a_jira_comment_is_hidden_from_customers_also_after_an_edit_unless_the_team_shows_it() {
    for public in [false, true] {
        let inbox = inbox().await;
        let site = format!("{}/jira", inbox.url());
        let spec = JiraSpec { site, issue: "OPS-12".to_owned(), secret: None, public };
        let target = views::target(OutletSpec::Jira(spec));
        let mut keys = keys();
        keys.cached.insert("jira-login", vec!["bot@example.com:token"]);
        let outlet = open(&inbox, keys, &target.spec.outlet).await.unwrap();
        let view = views::concluded();
        let id = outlet.post(&post(&view, &target)).await.unwrap();
        outlet.edit(&id, &post(&view, &target)).await.unwrap();
        let posted = inbox.posts().remove(0);
        let said = json!([{ "key": "sd.public.comment", "value": { "internal": !public } }]);
        assert_eq!(posted.edits.len(), 1);
        assert_eq!((&posted.body["properties"], &posted.current()["properties"]), (&said, &said));
    }
}
