-- What became of an event: JSON text. Newer rows have greater numbers. at: microseconds since 1970.
CREATE TABLE trail (
    number INTEGER PRIMARY KEY,
    context INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    profile_id TEXT,
    at INTEGER NOT NULL,
    document TEXT NOT NULL
);
CREATE UNIQUE INDEX trail_event ON trail (context, event_id);
CREATE INDEX trail_profile ON trail (context, profile_id) WHERE profile_id IS NOT NULL;

CREATE INDEX merge_log_profile ON merge_log (context, profile_id);

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('trail', 'trail_event', '1000000 500000 1'),
    ('trail', 'trail_profile', '1000000 500000 20'),
    ('merge_log', 'merge_log_profile', '100000 50000 2');
ANALYZE sqlite_schema;
