//! What stands for a subject (an entry of the schedule, a watched target), and what of it is news.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use soakd_analysis::JudgementKind;
use soakd_reports::Outcome;

use super::config::News;

/// What a subject came to last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Stand {
    /// A run came to this.
    Verdict {
        /// To what.
        outcome: Outcome,
    },
    /// A run came to no verdict.
    Failed,
    /// The target is gone.
    Lost,
}

/// What stands for a subject, as it is kept.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Standing {
    /// What it came to last.
    pub stand: Option<Stand>,
    /// The judgement that goes with it.
    pub judgement: Option<JudgementKind>,
    /// The same in a sentence.
    pub summary: Option<String>,
    /// Since when it stands.
    pub since: Option<Timestamp>,
    /// Of a watch: the run of the period that goes on.
    pub run: Option<String>,
    /// Which news was told when, so that it is not told again too soon.
    #[serde(default)]
    told: BTreeMap<String, Timestamp>,
}

impl Standing {
    /// Takes what the subject came to now, and gives what of it is news.
    pub fn take(&mut self, stand: Stand, summary: &str, now: Timestamp) -> Option<News> {
        let before = self.stand.replace(stand);
        self.judgement = judgement(stand);
        self.summary = Some(summary.to_owned());
        if before == Some(stand) {
            return None;
        }
        self.since = Some(now);
        news(before, stand)
    }

    /// Whether `news` is to be told at `now` where the same is not told again within `repeat`. It counts as told from now on.
    pub fn is_to_be_told(&mut self, way: &str, news: News, now: Timestamp, repeat: Duration) -> bool {
        let key = format!("{} {way}", news.word());
        let is_recent = self
            .told
            .get(&key)
            .is_some_and(|told| Duration::try_from(now.duration_since(*told)).is_ok_and(|since| since < repeat));
        if is_recent {
            return false;
        }
        self.told.insert(key, now);
        true
    }
}

/// The judgement that goes with an outcome; a warning is none.
fn judgement(stand: Stand) -> Option<JudgementKind> {
    match stand {
        Stand::Verdict { outcome: Outcome::Pass } => Some(JudgementKind::NoLeak),
        Stand::Verdict { outcome: Outcome::Fail | Outcome::Block } => Some(JudgementKind::Leak),
        Stand::Verdict { outcome: Outcome::Warn | Outcome::Inconclusive } => Some(JudgementKind::Inconclusive),
        Stand::Failed | Stand::Lost => None,
    }
}

fn is_bad(outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Fail | Outcome::Block)
}

/// What is news about a change.
fn news(before: Option<Stand>, now: Stand) -> Option<News> {
    let was_bad = match before {
        Some(Stand::Verdict { outcome }) => is_bad(outcome),
        Some(Stand::Failed | Stand::Lost) => true,
        None => false,
    };
    match now {
        Stand::Failed => Some(News::Failed),
        Stand::Lost => Some(News::Lost),
        Stand::Verdict { outcome } if is_bad(outcome) => {
            // Worse or less bad than before, it is a leak still.
            let is_known = matches!(before, Some(Stand::Verdict { outcome }) if is_bad(outcome));
            (!is_known).then_some(News::Leak)
        }
        Stand::Verdict { outcome: Outcome::Pass } => was_bad.then_some(News::Recovered),
        // Neither says that what was told is over.
        Stand::Verdict { outcome: Outcome::Warn } => Some(News::Warning),
        Stand::Verdict { outcome: Outcome::Inconclusive | Outcome::Fail | Outcome::Block } => Some(News::Inconclusive),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    fn verdict(outcome: Outcome) -> Stand {
        Stand::Verdict { outcome }
    }

    #[test]
    fn a_change_is_news_and_its_repetition_is_not() {
        let mut standing = Standing::default();
        let mut told = |stand, second| standing.take(stand, "x", at(second));
        assert_eq!(told(verdict(Outcome::Pass), 1), None, "nothing was wrong");
        assert_eq!(told(verdict(Outcome::Fail), 2), Some(News::Leak));
        assert_eq!(told(verdict(Outcome::Fail), 3), None);
        assert_eq!(told(verdict(Outcome::Block), 4), None, "a leak still");
        assert_eq!(told(verdict(Outcome::Pass), 5), Some(News::Recovered));
        assert_eq!(told(Stand::Failed, 6), Some(News::Failed));
        assert_eq!(told(verdict(Outcome::Pass), 7), Some(News::Recovered));
        assert_eq!(told(Stand::Lost, 8), Some(News::Lost));
        assert_eq!(told(verdict(Outcome::Inconclusive), 9), Some(News::Inconclusive));
        assert_eq!(standing.since, Some(at(9)));
    }

    #[test]
    fn the_time_is_that_of_the_change() {
        let mut standing = Standing::default();
        standing.take(verdict(Outcome::Pass), "a", at(1));
        standing.take(verdict(Outcome::Pass), "b", at(9));
        assert_eq!((standing.since, standing.summary.as_deref()), (Some(at(1)), Some("b")));
        assert_eq!(standing.judgement, Some(JudgementKind::NoLeak));
    }

    #[test]
    fn the_same_news_is_not_told_again_too_soon() {
        let mut standing = Standing::default();
        let day = Duration::from_secs(86_400);
        assert!(standing.is_to_be_told("0", News::Leak, at(0), day));
        assert!(!standing.is_to_be_told("0", News::Leak, at(86_399), day));
        assert!(standing.is_to_be_told("0", News::Recovered, at(1), day), "other news");
        assert!(standing.is_to_be_told("1", News::Leak, at(1), day), "another way");
        assert!(standing.is_to_be_told("0", News::Leak, at(86_400), day));
        // A clock that was set back does not keep news for ever.
        let kept = serde_json::to_string(&standing).expect("JSON");
        assert_eq!(serde_json::from_str::<Standing>(&kept).expect("the same"), standing);
    }
}
