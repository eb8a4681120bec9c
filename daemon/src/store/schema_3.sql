-- Looks at the processes of a target: mappings, descriptors, threads, to name what grew.
CREATE TABLE looks (
    look     INTEGER PRIMARY KEY,
    run      INTEGER NOT NULL REFERENCES runs (run) ON DELETE CASCADE,
    t_s      REAL NOT NULL,
    document TEXT NOT NULL -- JSON
) STRICT;
CREATE INDEX looks_of_run ON looks (run);
