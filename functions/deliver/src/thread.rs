//! What else follows where a Slack message stands: a later look stands under the first one, which tells of it; and what had no
//! room stands below.

use std::time::Duration;

use domain::{Continues, DeliverMessage, OutletSpec, Run, RunId, SlackSpec, Target, TargetSpec};
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
        let first = self.before(last.id, &target.spec.name, run).await?;
        held.target.root = first.and_then(|first| slack::root(&first, last.id, spec));
        Ok(())
    }

    /// The target `name` of an earlier look than `run`; none where it can never be read.
    async fn before(&self, earlier: RunId, name: &str, run: &Run) -> Result<Option<Target>, StoreError> {
        match self.store.reader().target(earlier, name).await {
            Err(error) if !error.is_transient() => {
                let reason = ports::chain(&error);
                tracing::warn!(run = %run.id, %earlier, reason, "the look before cannot be read: this one stands for itself");
                Ok(None)
            }
            found => found,
        }
    }

    /// The look `before` this one tells of it, where it has something that can be edited.
    async fn tell(&self, before: RunId, run: &Run) -> Result<(), DeliverError> {
        let told = match self.store.tell_of(before, &run.as_newest()).await {
            Err(error) if !error.is_transient() => {
                let reason = ports::chain(&error);
                tracing::warn!(run = %run.id, %before, reason, "the look before cannot tell of this one");
                return Ok(());
            }
            told => told?,
        };
        let Some(told) = told else { return Ok(()) };
        for target in &told.targets {
            if self.before(before, &target.name, run).await?.is_some_and(|target| target.hears(told.status)) {
                self.announce(&told, &target.name).await?;
            }
        }
        Ok(())
    }

    /// The target shows what `shows` says. What follows is done before that is recorded, so that a process that dies in between
    /// does it again.
    pub(crate) async fn follow(&self, held: &Held, shows: &Shows<'_>) -> Result<(), DeliverError> {
        let (target, run) = (&held.target, &shows.view.run);
        if let Some(root) = &target.root {
            self.tell(root.run, run).await?;
            // Its own message has the button by which this one was asked for.
            if let Some(last) = run.previous.as_ref().filter(|last| last.id != root.run) {
                self.tell(last.id, run).await?;
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
        let name = if part == 0 { format!("{of}-more") } else { format!("{of}-more-{}", part + 1) };
        if part >= slack::parts(&self.post(target, shows)) {
            // What stands there from before has room above now, and says so.
            return self.announce_beside(run, &name, None).await;
        }
        let spec = SlackSpec { channel: channel.to_owned(), thread: Some(thread.to_owned()) };
        // The same words above the report leave the same to the parts.
        let text = target.spec.text.clone();
        let spec = TargetSpec { text, ..TargetSpec::new(name.clone(), OutletSpec::Slack(spec)) };
        let continues = Some(Continues { target: of.clone(), part });
        let below = Target { continues, ..Target::new(spec, self.clock.now()) };
        self.announce_beside(run, &name, Some(&below)).await
    }

    /// Announces the target `name`, which stands beside another one of `run`; as `new` where there is none. What was given up
    /// there is brought back by its own letter: each of the other one's news, as of a count, would leave one more.
    pub(crate) async fn announce_beside(
        &self,
        run: &Run,
        name: &str,
        new: Option<&Target>,
    ) -> Result<(), DeliverError> {
        match (self.store.reader().target(run.id, name).await?, new) {
            (Some(stands), _) if stands.state.is_given_up() => return Ok(()),
            (Some(_), _) => {}
            (None, Some(new)) => self.store.add_target(run.id, new).await?,
            (None, None) => return Ok(()),
        }
        self.announce(run, name).await
    }

    pub(crate) async fn announce(&self, run: &Run, target: &str) -> Result<(), DeliverError> {
        self.announce_after(Duration::ZERO, run, target).await
    }

    /// The target's news come after `delay`.
    pub(crate) async fn announce_after(&self, delay: Duration, run: &Run, target: &str) -> Result<(), DeliverError> {
        let (group, target, revision) = (run.group_at(target), target.to_owned(), run.revision);
        let news = DeliverMessage::TargetV1 { run: run.id, target, revision, waits_since: None };
        let body = serde_json::to_string(&news).map_err(DeliverError::Unreadable)?;
        Ok(self.sender.send(Queue::Deliver, &body, &group, delay).await?)
    }
}
