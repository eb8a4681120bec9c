-- What was tested, by column rather than inside of `policy`.
ALTER TABLE runs ADD COLUMN commit_id TEXT;
ALTER TABLE runs ADD COLUMN branch TEXT;
-- How much of the samples is there: all of them, or an aggregate for each minute.
ALTER TABLE runs ADD COLUMN detail TEXT NOT NULL DEFAULT 'full' CHECK (detail IN ('full', 'minutes'));
UPDATE runs SET commit_id = json_extract(policy, '$.commit') WHERE json_valid(policy);

-- Samples of runs that have ended. A run's blocks come before its rows in `samples`; a sample is in one of the two.
CREATE TABLE blocks (
    run     INTEGER NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    first   INTEGER NOT NULL, -- number of the first sample
    last    INTEGER NOT NULL,
    count   INTEGER NOT NULL, -- points of time in it
    samples INTEGER NOT NULL, -- samples that it was made of: more than `count` where they were thinned
    to_s    REAL NOT NULL,    -- time of the last
    times   BLOB NOT NULL,    -- numbers and times
    PRIMARY KEY (run, first)
) STRICT;

-- The values of one series in one block.
CREATE TABLE chunks (
    run    INTEGER NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    first  INTEGER NOT NULL,
    series INTEGER NOT NULL,
    data   BLOB NOT NULL,
    PRIMARY KEY (run, first, series)
) STRICT;

-- What the runs of a profile are held against; a profile without a row has the default.
CREATE TABLE baselines (
    profile  TEXT NOT NULL,
    scenario TEXT NOT NULL, -- empty where the profile names none
    kind     TEXT NOT NULL CHECK (kind IN ('rolling', 'fixed')),
    count    INTEGER, -- of a rolling one: how many runs
    branch   TEXT,    -- of a rolling one: from which branch; NULL for all
    runs     TEXT,    -- of a fixed one: JSON array of ids
    PRIMARY KEY (profile, scenario)
) STRICT;
