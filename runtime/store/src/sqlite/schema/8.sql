-- What clients sent for events that could not be taken as they came. at: microseconds since 1970. document: JSON text.
CREATE TABLE quarantine (
    context INTEGER NOT NULL,
    id TEXT NOT NULL,
    profile_id TEXT,
    at INTEGER NOT NULL,
    document TEXT NOT NULL
);
CREATE UNIQUE INDEX quarantine_id ON quarantine (context, id);
CREATE INDEX quarantine_at ON quarantine (context, at);
CREATE INDEX quarantine_profile ON quarantine (context, profile_id) WHERE profile_id IS NOT NULL;

-- A profile that is deleted takes with it what is to happen later,
ALTER TABLE delayed ADD COLUMN profile_id TEXT;
UPDATE delayed SET profile_id = json_extract(document, '$.profile');
CREATE INDEX delayed_profile ON delayed (context, profile_id) WHERE profile_id IS NOT NULL;

-- and its deliveries: one that waited makes room for the next in its line.
CREATE TRIGGER delivery_gone AFTER DELETE ON delivery WHEN OLD.state = 0 BEGIN
    UPDATE delivery_queue SET waiting = waiting - 1 WHERE context = OLD.context AND destination = OLD.destination;
    DELETE FROM delivery_queue WHERE context = OLD.context AND destination = OLD.destination AND waiting = 0;
    UPDATE delivery SET held = 0 WHERE seq = (
        SELECT min(seq) FROM delivery WHERE context = OLD.context AND profile_id = OLD.profile_id
        AND destination = OLD.destination AND state = 0
    );
END;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('quarantine', 'quarantine_id', '100000 50000 1'),
    ('quarantine', 'quarantine_at', '100000 50000 2'),
    ('quarantine', 'quarantine_profile', '100000 50000 5'),
    ('delayed', 'delayed_profile', '100000 50000 5');
ANALYZE sqlite_schema;
