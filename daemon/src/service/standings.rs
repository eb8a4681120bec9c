//! What stands for every subject: kept in the store, and told where it is news.

use std::rc::Rc;

use jiff::Timestamp;

use super::alerts::{Alert, Alerts};
use super::config::{AlertEntry, News};
use super::standing::{Stand, Standing};
use crate::exit::Failure;
use crate::host_facts;
use crate::store::Store;

/// What stands for all of them.
#[derive(Debug)]
pub struct Standings {
    store: Rc<Store>,
    alerts: Alerts,
    host: Option<String>,
}

impl Standings {
    /// Those of the store.
    ///
    /// # Errors
    /// Where the thread that tells cannot be started.
    pub fn new(store: Rc<Store>) -> Result<Self, Failure> {
        Ok(Self { store, alerts: Alerts::start()?, host: host_facts::host().name })
    }

    /// What stands for `subject`.
    #[must_use]
    pub fn of(&self, subject: &str) -> Standing {
        match self.store.standing(subject) {
            Ok(kept) => kept.and_then(|kept| serde_json::from_str(&kept).ok()).unwrap_or_default(),
            Err(error) => {
                tracing::warn!(subject, %error, "what stood before is not known");
                Standing::default()
            }
        }
    }

    /// Keeps what stands for `subject`.
    pub fn keep(&self, subject: &str, standing: &Standing) {
        let kept = serde_json::to_string(standing).map_err(|error| error.to_string());
        let kept = kept.and_then(|text| self.store.set_standing(subject, &text).map_err(|error| error.to_string()));
        if let Err(error) = kept {
            tracing::warn!(subject, "what stands now is not kept: {error}");
        }
    }

    /// Takes what `subject` came to, keeps it, and tells it where it is news.
    pub fn take(
        &self,
        subject: &str,
        stand: Stand,
        summary: &str,
        run: Option<&str>,
        ways: &[AlertEntry],
        now: Timestamp,
    ) -> Standing {
        let mut standing = self.of(subject);
        if let Some(news) = standing.take(stand, summary, now) {
            tracing::info!(subject, news = news.word(), "{summary}");
            let mut alert = self.alert(news, subject, &standing, now);
            alert.run = run.map(str::to_owned);
            self.alerts.tell(ways, news, &alert, &mut standing);
        }
        self.keep(subject, &standing);
        standing
    }

    /// Tells that planned starts of `subject` were missed, which changes nothing of what stands.
    pub fn missed(&self, subject: &str, summary: &str, ways: &[AlertEntry], now: Timestamp) {
        let mut standing = self.of(subject);
        let mut alert = self.alert(News::Missed, subject, &standing, now);
        alert.summary = Some(summary.to_owned());
        self.alerts.tell(ways, News::Missed, &alert, &mut standing);
        self.keep(subject, &standing);
    }

    fn alert(&self, news: News, subject: &str, standing: &Standing, now: Timestamp) -> Alert {
        Alert { host: self.host.clone(), ..Alert::new(news, subject, standing, now) }
    }
}
