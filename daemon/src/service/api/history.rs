//! What the runs of the past say together.

use super::documents::{TrendDocument, TrendQuery};
use super::numbers::within;
use super::problem::Problem;
use super::route::Asked;
use super::runs::since;
use crate::history::entry::{self, Filter};
use crate::history::trend::trends;

/// Runs that are followed where nobody says.
const USUAL: u32 = 50;
/// Runs that are followed at most.
const MOST: u32 = 1000;

pub(super) async fn trend(asked: Asked, query: TrendQuery) -> Result<TrendDocument, Problem> {
    let limit = within("limit", query.limit, USUAL, 1..=MOST)? as usize;
    let since = query.since.as_deref().map(since).transpose()?;
    asked
        .shared
        .read(move |store| {
            let profile = match query.profile {
                Some(profile) => profile,
                None => store.run("last")?.run.profile,
            };
            let filter = Filter {
                profile: Some(profile.clone()),
                scenario: query.scenario,
                branch: query.branch,
                since,
                last: Some(limit),
                ..Filter::default()
            };
            let entries = entry::whole(entry::list(store, &filter)?);
            Ok(TrendDocument { profile, runs_count: entries.len() as u64, trends: trends(store, &entries)? })
        })
        .await
}
