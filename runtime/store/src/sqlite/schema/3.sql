-- Merging of profiles.

-- Which ids lead to a profile: they move when it is merged into another one.
CREATE INDEX profile_identity_profile ON profile_identity (context, profile_id);

-- Profiles that list an id which leads to another profile: a merge is to be done. Numbers are never used again.
CREATE TABLE merge_waiting (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    context INTEGER NOT NULL,
    profile_id TEXT NOT NULL,
    UNIQUE (context, profile_id)
);

-- Every merge: who was merged into whom, when (microseconds since 1970), by which common ids (a JSON list). Its sessions and
-- events are re-pointed in steps, `events` of them so far; `done` is 1 when none is left.
CREATE TABLE merge_log (
    number INTEGER PRIMARY KEY,
    context INTEGER NOT NULL,
    merged_id TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    merged INTEGER NOT NULL,
    keys TEXT NOT NULL,
    events INTEGER NOT NULL DEFAULT 0,
    done INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX merge_log_open ON merge_log (number) WHERE done = 0;

-- Before this step nobody looked for duplicates: all that were marked wait.
INSERT INTO merge_waiting (context, profile_id)
SELECT context, id FROM profile
WHERE document LIKE '%"auto_merge"%' AND json_array_length(document, '$.metadata.system.aux.auto_merge') > 0;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('profile_identity', 'profile_identity_profile', '2000000 1000000 2');
ANALYZE sqlite_schema;
