-- Runs. Times are seconds from the start of the run; `started` alone is wall time (RFC 3339).
CREATE TABLE runs (
    run               INTEGER PRIMARY KEY,
    id                TEXT NOT NULL UNIQUE,
    profile           TEXT NOT NULL,
    profile_text      TEXT NOT NULL,
    command           TEXT NOT NULL, -- JSON array
    scenario          TEXT,
    stage             TEXT,
    environment       TEXT,
    host              TEXT NOT NULL, -- JSON
    planned_s         REAL NOT NULL,
    interval_s        REAL NOT NULL,
    policy            TEXT NOT NULL, -- JSON
    started           TEXT NOT NULL,
    state             TEXT NOT NULL CHECK (state IN ('running', 'finished', 'interrupted')),
    owner_pid         INTEGER NOT NULL,
    owner_start_ticks INTEGER NOT NULL,
    owner_boot_id     TEXT NOT NULL,
    ended_why         TEXT,
    duration_s        REAL
) STRICT;

CREATE TABLE series (
    run         INTEGER NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    number      INTEGER NOT NULL,
    metric      TEXT NOT NULL,
    scope       TEXT NOT NULL CHECK (scope IN ('tree', 'process', 'host', 'operations')),
    pid         INTEGER, -- of scope 'process', as the next two
    start_ticks INTEGER,
    process     TEXT,
    quantity    TEXT NOT NULL CHECK (quantity IN ('bytes', 'count', 'other')),
    PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;

-- One row for each sample; `readings` holds its pairs of series number and value.
CREATE TABLE samples (
    run      INTEGER NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    number   INTEGER NOT NULL,
    t_s      REAL NOT NULL,
    readings BLOB NOT NULL,
    PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE events (
    event INTEGER PRIMARY KEY,
    run   INTEGER NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    t_s   REAL NOT NULL,
    kind  TEXT NOT NULL,
    text  TEXT NOT NULL
) STRICT;
CREATE INDEX events_of_run ON events (run);

CREATE TABLE gaps (
    gap    INTEGER PRIMARY KEY,
    run    INTEGER NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    series INTEGER, -- NULL for all of the run
    from_s REAL NOT NULL,
    to_s   REAL NOT NULL,
    why    TEXT NOT NULL
) STRICT;
CREATE INDEX gaps_of_run ON gaps (run);

CREATE TABLE verdicts (
    run      INTEGER PRIMARY KEY REFERENCES runs (run) ON DELETE CASCADE,
    document TEXT NOT NULL -- JSON, soakd.verdict/1
) STRICT;
