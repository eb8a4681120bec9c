//! What goes on, kept up to date by what happens: for a view that is drawn again and again.

use soakd_status::terminal::Levels;

use crate::service::status::{Job, JobState, LiveEvent, LiveRun, Status};

/// Levels of each series that are kept: more are not seen.
const MOST_LEVELS: usize = 64;

/// What goes on.
#[derive(Debug, Clone)]
pub(super) struct Scene {
    pub(super) status: Status,
    pub(super) levels: Vec<Levels>,
}

impl Scene {
    /// What the daemon says at first. Of what was seen `before`, the levels of runs that still go on are kept.
    pub(super) fn new(status: Status, before: Option<Self>) -> Self {
        let levels = before.map(|before| before.levels).unwrap_or_default();
        let mut scene = Self { status, levels };
        for run in scene.status.running.clone() {
            scene.add_levels(&run);
        }
        scene.tidy();
        scene
    }

    /// What has just happened.
    pub(super) fn take(&mut self, event: LiveEvent) {
        match event {
            LiveEvent::Run { run } => {
                self.add_levels(&run);
                match self.status.running.iter_mut().find(|known| known.id == run.id) {
                    Some(known) => *known = *run,
                    None => self.status.running.push(*run),
                }
            }
            LiveEvent::RunEnded { id } => self.status.running.retain(|run| run.id != id),
            LiveEvent::Job { job } => self.put(*job),
            LiveEvent::Watch { watch } => match self.status.watches.iter_mut().find(|known| known.name == watch.name) {
                Some(known) => *known = *watch,
                None => self.status.watches.push(*watch),
            },
            // What it changed is in the next status.
            LiveEvent::Reloaded => {}
        }
        self.tidy();
    }

    fn put(&mut self, job: Job) {
        let place = self.status.queue.iter().position(|known| known.id == job.id);
        match (place, job.state == JobState::Queued) {
            (Some(place), true) => self.status.queue[place] = job,
            (Some(place), false) => drop(self.status.queue.remove(place)),
            (None, true) => self.status.queue.push(job),
            (None, false) => {}
        }
    }

    fn add_levels(&mut self, run: &LiveRun) {
        for series in &run.series {
            let is_it = |levels: &&mut Levels| {
                levels.run == run.id && levels.metric == series.metric && levels.source == series.source
            };
            match self.levels.iter_mut().find(is_it) {
                Some(levels) => {
                    levels.values.push(series.level);
                    let surplus = levels.values.len().saturating_sub(MOST_LEVELS);
                    levels.values.drain(..surplus);
                }
                None => self.levels.push(Levels {
                    run: run.id.clone(),
                    metric: series.metric.clone(),
                    source: series.source.clone(),
                    values: vec![series.level],
                }),
            }
        }
    }

    /// Forgets what has ended, and counts again.
    fn tidy(&mut self) {
        let Self { status, levels } = self;
        levels.retain(|levels| status.running.iter().any(|run| run.id == levels.run));
        status.daemon.queued_count = status.queue.len() as u64;
        let taken = status.running.iter().filter(|run| run.watch.is_none()).count();
        status.daemon.slots_taken_count = u32::try_from(taken).unwrap_or(u32::MAX);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::service::handle::tests::idle;

    fn event(event: serde_json::Value) -> LiveEvent {
        serde_json::from_value(event).expect("an event")
    }

    fn run(level: f64) -> LiveEvent {
        event(json!({"event": "run", "run": {
            "id": "r", "profile": "p", "target": "./server", "started": "2026-11-26T00:00:00Z", "phase": "loaded", "t_s": 1.0,
            "planned_s": 60.0, "samples_count": 1, "warnings": [],
            "series": [{"metric": "rss_bytes", "unit": "bytes", "level": level, "judgement": "inconclusive"}],
        }}))
    }

    fn job(state: &str) -> LiveEvent {
        event(json!({"event": "job", "job": {
            "id": 1, "name": "j", "submission": {}, "state": state, "attempts_count": 0, "queued": "2026-11-26T00:00:00Z",
        }}))
    }

    #[test]
    fn the_scene_follows_what_happens() {
        let mut scene = Scene::new(idle(), None);
        scene.take(job("queued"));
        assert_eq!((scene.status.queue.len(), scene.status.daemon.queued_count), (1, 1));
        scene.take(job("running"));
        for level in 0..100 {
            scene.take(run(f64::from(level)));
        }
        assert_eq!(
            (scene.status.queue.len(), scene.status.running.len(), scene.status.daemon.slots_taken_count),
            (0, 1, 1)
        );
        let kept = &scene.levels[0].values;
        assert_eq!((kept.len(), kept.last()), (MOST_LEVELS, Some(&99.0)));
        // A daemon that was away for a moment goes on where it was.
        let again = Scene::new(scene.status.clone(), Some(scene.clone()));
        assert_eq!(again.levels[0].values.last(), Some(&99.0));
        scene.take(event(json!({"event": "run_ended", "id": "r"})));
        assert!(scene.status.running.is_empty() && scene.levels.is_empty());
    }
}
