//! What all targets at one account wait for together.

use super::*;

#[tokio::test]
async fn what_is_said_of_an_account_holds_until_its_latest_end_and_for_no_other() {
    let world = world();
    let account = ["slack", "slack-bot-token", "#ops", "post"];
    assert_eq!(world.store.limited_until(&account).await.unwrap(), None);
    let at = |seconds| world.clock.now() + SignedDuration::from_secs(seconds);
    for (said, holds) in [(30, 30), (10, 30), (40, 40)] {
        world.store.limit(&account, at(said)).await.unwrap();
        assert_eq!(world.store.limited_until(&account).await.unwrap(), Some(at(holds)), "{said} s");
    }
    for other in [["slack", "slack-bot-token", "#ops", "edit"], ["slack", "slack-bot-token", "#opspost", ""]] {
        assert_eq!(world.store.limited_until(&other).await.unwrap(), None, "{other:?}");
    }
}
