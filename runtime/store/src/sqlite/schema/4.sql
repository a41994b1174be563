-- Ids of events that are not kept are forgotten after a while. applied: microseconds since 1970; of those that are there
-- already nobody knows, so their time begins now.
ALTER TABLE applied_event ADD COLUMN applied INTEGER NOT NULL DEFAULT 0;
UPDATE applied_event SET applied = unixepoch() * 1000000;
CREATE INDEX applied_event_age ON applied_event (applied);

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('applied_event', 'applied_event', '100000 50000 1'),
    ('applied_event', 'applied_event_age', '100000 2');
ANALYZE sqlite_schema;
