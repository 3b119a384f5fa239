use std::sync::Arc;

use domain::{EARLIER_KEPT, LastTime, Rating, Run, RunId, RunView, Shown, Step, Target};
use futures_util::future::{try_join, try_join_all};
use jiff::civil::Date;
use ports::{Index, Item, ReadTable};

use crate::{StoreError, UnmatchedEvent, item, keys};

/// How many records are asked for at once.
const PAGE: usize = 50;

/// Some runs, and where the next ones begin.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct RunPage {
    /// Newest first.
    pub runs: Vec<Run>,
    /// Hand this in to get the next ones; absent at the end.
    pub next: Option<String>,
}

/// Some unmatched events, and where the next ones begin.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct UnmatchedPage {
    /// Newest first.
    pub events: Vec<UnmatchedEvent>,
    /// Hand this in to get the next ones; absent at the end.
    pub next: Option<String>,
}

/// The table, for those that only read it.
#[derive(Clone)]
pub struct Reader {
    pub(crate) table: Arc<dyn ReadTable>,
}

impl Reader {
    /// The reader over `table`.
    #[must_use]
    pub fn new(table: Arc<dyn ReadTable>) -> Self {
        Self { table }
    }

    /// The run's own record.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        self.table.get(&keys::meta(id)).await?.as_ref().map(item::read_run).transpose()
    }

    /// The recorded steps of a run, in plan order.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn steps(&self, id: RunId) -> Result<Vec<Step>, StoreError> {
        self.table.query(&keys::run(id), keys::STEP).await?.iter().map(item::read).collect()
    }

    /// One target of a run.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn target(&self, id: RunId, name: &str) -> Result<Option<Target>, StoreError> {
        self.table.get(&keys::target(id, name)).await?.as_ref().map(item::read_target).transpose()
    }

    /// What deliveries show of a run, however many events it has. Its record is read before its steps, so that no step is
    /// missing that the record speaks of.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn shown(&self, id: RunId) -> Result<Option<Shown>, StoreError> {
        let Some(run) = self.run(id).await? else { return Ok(None) };
        let (steps, ratings) = try_join(self.steps(id), self.ratings(id)).await?;
        Ok(Some(Shown { run, steps, ratings }))
    }

    /// What people said of a run's report, in the order in which they said it.
    async fn ratings(&self, id: RunId) -> Result<Vec<Rating>, StoreError> {
        let found = self.table.query(&keys::run(id), keys::RATING).await?;
        Ok(in_order(found.iter().filter_map(rating).collect()))
    }

    /// The whole RunSession, as the last writes left it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn view(&self, id: RunId) -> Result<Option<RunView>, StoreError> {
        let mut run = None;
        let (mut steps, mut events, mut targets) = (Vec::new(), Vec::new(), Vec::new());
        let (mut ratings, mut transcript) = (Vec::new(), Vec::new());
        for found in self.table.query(&keys::run(id), "").await? {
            match found.key.sk.as_str() {
                keys::META => run = Some(item::read_run(&found)?),
                sk if sk.starts_with(keys::STEP) => steps.push(item::read(&found)?),
                sk if sk.starts_with(keys::EVENT) => events.push(item::read(&found)?),
                sk if sk.starts_with(keys::TARGET) => targets.push(item::read_target(&found)?),
                sk if sk.starts_with(keys::RATING) => ratings.extend(rating(&found)),
                sk if sk.starts_with(keys::TURN) => transcript.push(item::read(&found)?),
                // A later release may keep more beside a run.
                _ => {}
            }
        }
        Ok(run.map(|run| RunView { run, steps, events, targets, ratings: in_order(ratings), transcript }))
    }

    /// When the same as what opened `run` fired before, and what came of it; `None` where no event opened it. Reads the
    /// newest few runs of the same fingerprint and what people said of them, and no more.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn last_time(&self, run: &Run) -> Result<Option<LastTime>, StoreError> {
        let Some(alike) = item::fingerprint(run) else { return Ok(None) };
        // Itself is among them, and runs that were opened since.
        let page = self.table.index(Index::Fingerprint, &alike, EARLIER_KEPT + 3, None).await?;
        let runs: Vec<Run> = page.items.iter().map(item::read_run).collect::<Result<_, _>>()?;
        let earlier = runs.into_iter().filter(|other| other.id < run.id).take(EARLIER_KEPT);
        let rated = earlier.map(async |run| {
            let ratings = self.table.query(&keys::run(run.id), keys::RATING).await?;
            let words =
                ratings.iter().filter_map(|rating| rating.attributes.get("rating")?.as_str().map(str::to_owned));
            Ok::<_, StoreError>((run, words.collect::<Vec<_>>()))
        });
        Ok(Some(LastTime::of(&try_join_all(rated).await?, run.created_at)))
    }

    /// The runs that were opened on `date` (UTC), newest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn runs_of_day(&self, date: Date, limit: usize, after: Option<&str>) -> Result<RunPage, StoreError> {
        let page = self.table.index(Index::Day, &keys::runs_of(date), limit, after).await?;
        let runs = page.items.iter().map(item::read_run).collect::<Result<_, _>>()?;
        Ok(RunPage { runs, next: page.next })
    }

    /// The newest `few` runs for which `wanted` is true, newest first, of those that were opened on `date` (UTC) or the `days`
    /// before it. At most `most` records are read for it.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn newest(
        &self,
        date: Date,
        days: u32,
        most: usize,
        few: usize,
        wanted: impl Fn(&Run) -> bool,
    ) -> Result<Vec<Run>, StoreError> {
        let (mut found, mut left, mut date) = (Vec::new(), most, date);
        for _ in 0..=days {
            let mut after = None;
            loop {
                let page = self.runs_of_day(date, left.min(PAGE), after.as_deref()).await?;
                left = left.saturating_sub(page.runs.len().max(1));
                found.extend(page.runs.into_iter().filter(|run| wanted(run)));
                found.truncate(few);
                if found.len() == few || left == 0 {
                    return Ok(found);
                }
                match page.next {
                    Some(next) => after = Some(next),
                    None => break,
                }
            }
            let Ok(before) = date.yesterday() else { break };
            date = before;
        }
        Ok(found)
    }

    /// The events of `date` (UTC) that no investigation followed from, newest first, at most `limit`.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn unmatched_of_day(
        &self,
        date: Date,
        limit: usize,
        after: Option<&str>,
    ) -> Result<UnmatchedPage, StoreError> {
        let page = self.table.index(Index::Day, &keys::unmatched_of(date), limit, after).await?;
        let events = page.items.iter().map(item::read).collect::<Result<_, _>>()?;
        Ok(UnmatchedPage { events, next: page.next })
    }
}

/// A rating; none where another release knows marks that this one does not, which is no reason to show nothing of the run.
fn rating(found: &Item) -> Option<Rating> {
    item::read(found).ok()
}

fn in_order(mut ratings: Vec<Rating>) -> Vec<Rating> {
    ratings.sort_by_key(|rating| rating.at);
    ratings
}
