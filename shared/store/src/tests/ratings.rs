//! What people say of a report.

use domain::{ChatPlace, Mark, Rating};

use super::*;

fn says(user: &str, rating: Mark, at: &str) -> Rating {
    let by = ChatPlace {
        source: "slack".parse().unwrap(),
        channel: "C0123ABCD".to_owned(),
        channel_name: "ops".to_owned(),
        thread: None,
        user: user.to_owned(),
        user_name: user.to_lowercase(),
        outside: false,
    };
    Rating { rating, by, at: at.parse().unwrap() }
}

#[tokio::test]
async fn the_last_word_of_each_stands_and_the_same_again_is_no_news() {
    let world = world();
    let run = world.opened().await;
    let early = says("ANN", Mark::Wrong, "2026-11-22T10:01:00Z");
    let late = says("ANN", Mark::SpotOn, "2026-11-22T10:02:00Z");
    let ben = says("BEN", Mark::RightArea, "2026-11-22T10:01:30Z");
    for (rating, kept) in [(&early, true), (&early, false), (&late, true), (&early, false), (&ben, true)] {
        assert_eq!(world.store.rate_run(run, rating).await.unwrap(), kept, "{rating:?}");
    }
    let reader = world.store.reader();
    let view = reader.view(run).await.unwrap().unwrap();
    assert_eq!((view.ratings, view.run.revision), (vec![ben.clone(), late.clone()], 4));
    assert_eq!(reader.shown(run).await.unwrap().unwrap().ratings, [ben, late]);
    let gone = RunId::mint(world.clock.now(), 99);
    assert!(matches!(world.store.rate_run(gone, &early).await, Err(StoreError::NoRun(id)) if id == gone));
}
