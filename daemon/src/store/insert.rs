//! The statements that write, prepared once.

use rusqlite::{Connection, Statement, params};
use soakd_analysis::Quantity;

use super::owner::Owner;
use super::record::{Ending, NewRun, RunKey, Scope, SeriesRecord};
use super::writer::{RowKind, Write};

/// The statements of the writer's connection.
pub(super) struct Inserts<'connection> {
    connection: &'connection Connection,
    begin: Statement<'connection>,
    commit: Statement<'connection>,
    run: Statement<'connection>,
    series: Statement<'connection>,
    sample: Statement<'connection>,
    event: Statement<'connection>,
    gap: Statement<'connection>,
    look: Statement<'connection>,
    ending: Statement<'connection>,
    verdict: Statement<'connection>,
    abandoned: Statement<'connection>,
    target: Statement<'connection>,
}

impl<'connection> Inserts<'connection> {
    pub(super) fn prepare(connection: &'connection Connection) -> rusqlite::Result<Self> {
        Ok(Self {
            connection,
            // Takes the write lock at once: a transaction that had to upgrade its lock could not wait for it.
            begin: connection.prepare("BEGIN IMMEDIATE")?,
            commit: connection.prepare("COMMIT")?,
            run: connection.prepare(
                "INSERT INTO runs (id, profile, profile_text, command, scenario, stage, environment, host, planned_s,
                     interval_s, policy, started, state, owner_pid, owner_start_ticks, owner_boot_id, commit_id, branch)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 'running', ?13, ?14, ?15, ?16, ?17)",
            )?,
            series: connection.prepare("INSERT INTO series VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)")?,
            sample: connection.prepare("INSERT INTO samples VALUES (?1, ?2, ?3, ?4, ?5)")?,
            event: connection.prepare("INSERT INTO events (run, t_s, kind, text) VALUES (?1, ?2, ?3, ?4)")?,
            look: connection.prepare("INSERT INTO looks (run, t_s, document) VALUES (?1, ?2, ?3)")?,
            gap: connection.prepare("INSERT INTO gaps (run, series, from_s, to_s, why) VALUES (?1, ?2, ?3, ?4, ?5)")?,
            ending: connection
                .prepare("UPDATE runs SET state = 'finished', ended_why = ?2, duration_s = ?3 WHERE run = ?1")?,
            verdict: connection.prepare("INSERT OR REPLACE INTO verdicts VALUES (?1, ?2)")?,
            target: connection.prepare("INSERT OR REPLACE INTO targets VALUES (?1, ?2, ?3, ?4)")?,
            abandoned: connection.prepare(
                "UPDATE runs SET state = 'interrupted', ended_why = ?2,
                     duration_s = coalesce(
                         (SELECT t_s FROM samples WHERE run = ?1 AND aside = 0 ORDER BY number DESC LIMIT 1), 0.0)
                 WHERE run = ?1 AND state = 'running'",
            )?,
        })
    }

    /// Commits a new run, so that it outlives a power loss.
    pub(super) fn begin_run(&mut self, run: &NewRun, owner: &Owner) -> rusqlite::Result<RunKey> {
        let command = serde_json::Value::from(run.command.as_slice()).to_string();
        let start_ticks = i64::try_from(owner.start_ticks).unwrap_or(i64::MAX);
        self.durably(|inserts| {
            inserts.run.insert(params![
                run.id.as_str(),
                run.profile,
                run.profile_text,
                command,
                run.scenario,
                run.stage,
                run.environment,
                run.host.to_string(),
                run.planned_s,
                run.interval_s,
                run.policy.to_string(),
                run.started.to_string(),
                owner.pid,
                start_ticks,
                owner.boot_id,
                run.commit,
                run.branch,
            ])
        })
        .map(RunKey)
    }

    /// Takes a run that was cut off as this process's own. Gives the number that its next row of samples has; `None` where the run
    /// is not one that was cut off.
    pub(super) fn resume_run(&mut self, RunKey(run): RunKey, owner: &Owner) -> rusqlite::Result<Option<i64>> {
        let start_ticks = i64::try_from(owner.start_ticks).unwrap_or(i64::MAX);
        self.durably(|inserts| {
            let taken = inserts.connection.execute(
                "UPDATE runs SET state = 'running', ended_why = NULL, duration_s = NULL, owner_pid = ?2,
                     owner_start_ticks = ?3, owner_boot_id = ?4 WHERE run = ?1 AND state = 'interrupted'",
                params![run, owner.pid, start_ticks, owner.boot_id],
            )?;
            let sql = "SELECT 1 + max(coalesce((SELECT max(number) FROM samples WHERE run = ?1), -1),
                              coalesce((SELECT max(last) FROM blocks WHERE run = ?1), -1))";
            let next = inserts.connection.query_row(sql, [run], |row| row.get(0))?;
            Ok((taken == 1).then_some(next))
        })
    }

    /// Commits all of `writes` or none.
    pub(super) fn transaction<'write>(
        &mut self,
        writes: impl Iterator<Item = &'write (RunKey, Write)> + Clone,
    ) -> rusqlite::Result<()> {
        if writes.clone().any(|(_, write)| matches!(write, Write::Ending(_))) {
            return self.durably(|inserts| inserts.write_all(writes));
        }
        self.begin.execute([])?;
        let result = self.write_all(writes).and_then(|()| self.commit.execute([]).map(drop));
        self.roll_back_after(result)
    }

    /// A transaction that is on the disk itself when it returns: worth its cost at the two ends of a run.
    fn durably<T>(&mut self, write: impl FnOnce(&mut Self) -> rusqlite::Result<T>) -> rusqlite::Result<T> {
        self.connection.execute_batch("PRAGMA synchronous = FULL")?;
        let result = self.begin.execute([]).and_then(|_| {
            let value = write(self)?;
            self.commit.execute([])?;
            Ok(value)
        });
        let result = self.roll_back_after(result);
        self.connection.execute_batch("PRAGMA synchronous = NORMAL")?;
        result
    }

    fn roll_back_after<T>(&self, result: rusqlite::Result<T>) -> rusqlite::Result<T> {
        // Some failures, a full disk among them, have rolled back already.
        if result.is_err() && !self.connection.is_autocommit() {
            self.connection.execute_batch("ROLLBACK")?;
        }
        result
    }

    fn write_all<'write>(&mut self, writes: impl Iterator<Item = &'write (RunKey, Write)>) -> rusqlite::Result<()> {
        for (key, write) in writes {
            self.write(*key, write)?;
        }
        Ok(())
    }

    fn write(&mut self, RunKey(run): RunKey, write: &Write) -> rusqlite::Result<()> {
        match write {
            Write::Series(series) => self.write_series(run, series)?,
            Write::Sample { number, t_s, readings, kind } => {
                self.sample.execute(params![run, number, t_s, readings, *kind == RowKind::Aside])?
            }
            Write::Event(event) => self.event.execute(params![run, event.t_s, event.kind, event.text])?,
            Write::Look { t_s, document } => self.look.execute(params![run, t_s, document])?,
            Write::Gap(gap) => {
                let series = gap.series.map(|series| series.0);
                self.gap.execute(params![run, series, gap.from_s, gap.to_s, gap.why])?
            }
            Write::Ending(ending) => self.write_ending(run, ending)?,
            Write::Abandoned { why } => self.abandoned.execute(params![run, why])?,
            Write::Target(Owner { pid, start_ticks, boot_id }) => {
                self.target.execute(params![run, pid, i64::try_from(*start_ticks).unwrap_or(i64::MAX), boot_id])?
            }
        };
        Ok(())
    }

    fn write_series(&mut self, run: i64, series: &SeriesRecord) -> rusqlite::Result<usize> {
        let (scope, pid, start_ticks, process, source) = match &series.scope {
            Scope::Tree => ("tree", None, None, None, None),
            Scope::Process { pid, start_ticks, name } => {
                ("process", Some(*pid), i64::try_from(*start_ticks).ok(), Some(name), None)
            }
            Scope::Host => ("host", None, None, None, None),
            Scope::Operations => ("operations", None, None, None, None),
            Scope::Source { name } => ("source", None, None, None, Some(name)),
        };
        let quantity = match series.quantity {
            Quantity::Bytes => "bytes",
            Quantity::Count => "count",
            Quantity::Other => "other",
        };
        let number = series.number.0;
        self.series.execute(params![run, number, series.metric, scope, pid, start_ticks, process, quantity, source])
    }

    fn write_ending(&mut self, run: i64, ending: &Ending) -> rusqlite::Result<usize> {
        if let Some(verdict) = &ending.verdict {
            self.verdict.execute(params![run, verdict.to_string()])?;
        }
        self.ending.execute(params![run, ending.why, ending.duration_s])
    }
}
