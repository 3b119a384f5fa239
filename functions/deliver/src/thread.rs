//! What else follows where a Slack message stands: a later look stands under the first one, which tells of it; and what had no
//! room stands below.

use std::time::Duration;

use domain::{Continues, DeliverMessage, OutletSpec, Run, SlackSpec, Target, TargetSpec};
use outlets::slack;
use ports::Queue;
use store::StoreError;

use crate::{
    Deliver, DeliverError,
    handler::{Held, Shows},
};

impl Deliver {
    /// A later look stands in the thread of the first one's message. It is found once, before anything was sent; where there is
    /// no such message, the later one's stands for itself.
    pub(crate) async fn find_root(&self, held: &mut Held, run: &Run) -> Result<(), StoreError> {
        let target = &held.target;
        let (OutletSpec::Slack(spec), Some(last)) = (&target.spec.outlet, &run.previous) else { return Ok(()) };
        let begun = target.provider_id.is_some() || target.sending_since.is_some();
        if begun || target.root.is_some() || target.continues.is_some() {
            return Ok(());
        }
        let first = self.store.reader().target(last.id, &target.spec.name).await?;
        held.target.root = first.and_then(|first| slack::root(&first, last.id, spec));
        Ok(())
    }

    /// The target shows what `shows` says. What follows is done before that is recorded, so that a process that dies in between
    /// does it again.
    pub(crate) async fn follow(&self, held: &Held, shows: &Shows<'_>) -> Result<(), DeliverError> {
        let (target, run) = (&held.target, &shows.view.run);
        if let Some(root) = &target.root
            && let Some(first) = self.store.tell_of(root.run, &run.as_newest()).await?
        {
            for told in &first.targets {
                self.announce(&first, &told.name).await?;
            }
        }
        if !run.status.is_terminal() || !matches!(target.spec.outlet, OutletSpec::Slack(_)) {
            return Ok(());
        }
        let (of, part) = match &target.continues {
            Some(continues) => (&continues.target, continues.part + 1),
            None => (&target.spec.name, 0),
        };
        let Some((channel, thread)) = slack::thread(target) else { return Ok(()) };
        if part >= slack::parts(&self.post(target, shows)) {
            return Ok(());
        }
        let name = if part == 0 { format!("{of}-more") } else { format!("{of}-more-{}", part + 1) };
        let spec = SlackSpec { channel: channel.to_owned(), thread: Some(thread.to_owned()) };
        // The same words above the report leave the same to the parts.
        let text = target.spec.text.clone();
        let spec = TargetSpec { text, ..TargetSpec::new(name.clone(), OutletSpec::Slack(spec)) };
        let continues = Some(Continues { target: of.clone(), part });
        let below = Target { continues, ..Target::new(spec, self.clock.now()) };
        self.store.add_target(held.run, &below).await?;
        self.announce(run, &name).await
    }

    async fn announce(&self, run: &Run, target: &str) -> Result<(), DeliverError> {
        let (target, revision) = (target.to_owned(), run.revision);
        let news = DeliverMessage::TargetV1 { run: run.id, target, revision, waits_since: None };
        let body = serde_json::to_string(&news).map_err(DeliverError::Unreadable)?;
        Ok(self.sender.send(Queue::Deliver, &body, run.group(), Duration::ZERO).await?)
    }
}
