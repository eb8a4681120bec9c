-- Series of a source that the profile names. `scope` holds the program's own words and needs no list of them here.
CREATE TABLE series_2 (
    run         INTEGER NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    number      INTEGER NOT NULL,
    metric      TEXT NOT NULL,
    scope       TEXT NOT NULL,
    pid         INTEGER, -- of scope 'process', as the next two
    start_ticks INTEGER,
    process     TEXT,
    quantity    TEXT NOT NULL CHECK (quantity IN ('bytes', 'count', 'other')),
    source      TEXT, -- name of the source, of scope 'source'
    PRIMARY KEY (run, number)
) STRICT, WITHOUT ROWID;
INSERT INTO series_2 SELECT run, number, metric, scope, pid, start_ticks, process, quantity, NULL FROM series;
DROP TABLE series;
ALTER TABLE series_2 RENAME TO series;

-- 1 for what was read beside the samples, at a time of its own: it is no sample of the target.
ALTER TABLE samples ADD COLUMN aside INTEGER NOT NULL DEFAULT 0;
