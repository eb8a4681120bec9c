-- The main process of the target that a run has now: whether a run that was cut off can go on.
CREATE TABLE targets (
    run         INTEGER PRIMARY KEY REFERENCES runs (run) ON DELETE CASCADE,
    pid         INTEGER NOT NULL,
    start_ticks INTEGER NOT NULL,
    boot_id     TEXT NOT NULL
) STRICT;

-- A daemon asks for the earlier runs of a profile after each of its runs.
CREATE INDEX runs_by_profile ON runs (profile);

-- What the daemon was asked to soak. `document` is the whole of a job; the columns are what it is looked up by.
CREATE TABLE jobs (
    job      INTEGER PRIMARY KEY AUTOINCREMENT,
    state    TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    schedule TEXT, -- the entry of the schedule that asked for it, and for when
    planned  TEXT,
    run      TEXT, -- id of its last run
    document TEXT NOT NULL -- JSON
) STRICT;
CREATE INDEX jobs_by_state ON jobs (state);
CREATE INDEX jobs_by_run ON jobs (run);
-- No occurrence of the schedule is run twice.
CREATE UNIQUE INDEX jobs_by_occurrence ON jobs (schedule, planned) WHERE schedule IS NOT NULL AND planned IS NOT NULL;

-- How far the daemon has come with each entry of the schedule.
CREATE TABLE schedules (
    name     TEXT PRIMARY KEY,
    document TEXT NOT NULL -- JSON
) STRICT;

-- What stands for each entry of the schedule and each watched target, and what was told of it.
CREATE TABLE standings (
    subject  TEXT PRIMARY KEY,
    document TEXT NOT NULL -- JSON
) STRICT;
