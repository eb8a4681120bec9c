//! The end of a run: everything that was started is stopped, what was recorded is judged.

use soakd_reports::{Ended, Warning};

use super::{Active, Over, Soaked, abandon};
use crate::exit::Failure;
use crate::requests::{Request, Requests};
use crate::sampling::SampleKind;
use crate::service::status::LivePhase;
use crate::target::{Output, SkipGrace};
use crate::{exit_of, heap_profile, phases, target_spec, verdict};

impl Active<'_> {
    /// Ends everything that was started, judges what was recorded, writes the verdict.
    pub(super) async fn end(mut self, over: Over, requests: &mut Requests) -> Result<Soaked, Failure> {
        let duration_s = self.clock.t_s();
        self.tell_phase(LivePhase::Ending);
        self.progress.wait_for("stopping");
        if matches!(over, Over::Ended(_)) {
            self.last_look().await;
        }
        self.give_up_collecting().await;
        self.conclude_checkpoints();
        if let Some(sources) = self.sources.take() {
            let recording = &mut self.recording;
            let last = |reading: crate::sources::SourceReading| {
                if reading.t_s <= duration_s {
                    recording.source(&reading);
                }
            };
            sources.stop(last).await?;
        }
        for source in self.recording.sources() {
            self.aside.sources.push(source.report());
            self.aside.warnings.extend(source.warnings());
        }
        // Sampling ends first: a target that is being stopped is no target any more.
        let sampling = match self.sampling.take() {
            Some(sampling) => {
                let recording = &mut self.recording;
                Some(
                    sampling
                        .stop(|sample| {
                            if sample.kind == SampleKind::Tick && sample.t_s <= duration_s {
                                recording.sample(&sample);
                            }
                        })
                        .await?,
                )
            }
            None => None,
        };
        let operations = match &over {
            // The last ones were done after the last sample.
            Over::Ended(Ended::OperationsDone { operations }) => Some(*operations as f64),
            Over::Ended(_) | Over::Failed(_) | Over::Suspended => {
                self.load.operations().or_else(|| self.recording.operations())
            }
        };
        let stop = target_spec::stop_spec(&self.soak.policy.plan.profile);
        let mut graces = self.load.skip_grace();
        graces.push(self.target.skip_grace());
        let (load, target) = (&mut self.load, &mut self.target);
        let (load_stopped, stopped) = {
            let stopping = async { (load.stop().await, target.stop(stop).await) };
            let mut stopping = std::pin::pin!(stopping);
            loop {
                tokio::select! {
                    stopped = &mut stopping => break stopped,
                    request = requests.next() => {
                        if let Some(Request::Stop { .. } | Request::End { .. }) = request {
                            graces.iter().for_each(SkipGrace::skip);
                        }
                    }
                }
            }
        };
        for text in load_stopped {
            self.recording.event(self.clock.t_s().max(duration_s), phases::LOAD_STOPPED, &text);
        }
        match stopped {
            Ok(report) => self.recording.event(self.clock.t_s().max(duration_s), "stopped", &exit_of::stop(&report)),
            Err(error) => {
                let hint = error.hint();
                self.aside.warnings.push(Warning { text: error.to_string(), hint });
            }
        }
        self.progress.finish();
        let ended = match over {
            Over::Ended(ended) => ended,
            Over::Failed(failure) => {
                return Err(abandon(self.recording, &self.clock, failure));
            }
            Over::Suspended => Ended::SoakdKilled,
        };
        if let Some(report) = &sampling {
            self.aside.overhead = crate::overhead::of(report, duration_s);
            self.aside.overhead.looks = self.looks_cost(duration_s);
            self.aside.warnings.extend(crate::overhead::warnings(report, &self.soak.policy));
            if let Some(kills) = report.oom_kills.filter(|kills| *kills > 0.0) {
                let text =
                    format!("the kernel killed {kills} of the target's processes for want of memory in its cgroup");
                self.recording.event(duration_s, phases::OOM_KILL, &text);
            }
        }
        if self.soak.policy.plan.profile.load.counter.is_some() && operations.is_none() {
            self.aside.warnings.push(Warning {
                text: "no operation was counted: the counter gave no number".to_owned(),
                hint: Some("check `[load.counter]`, or `--operations`, against what the target prints".to_owned()),
            });
        }
        let (sites, warnings) = heap_profile::found(&self.folder);
        self.aside.sites = sites;
        self.aside.warnings.extend(warnings);
        self.aside.load = self.load.report(operations, self.recording.load_s(duration_s));
        verdict::conclude(verdict::Concluding {
            store: self.soak.store,
            policy: &self.soak.policy,
            key: self.key,
            id: &self.id,
            recorder: self.recording.into_recorder(),
            started: self.started,
            duration_s,
            ended,
            aside: self.aside,
            last_lines: self.target.output().map(Output::last_lines).unwrap_or_default(),
            folder: self.folder,
        })
    }
}
