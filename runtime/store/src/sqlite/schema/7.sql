-- What is to happen later. due: microseconds since 1970. document: JSON text.
CREATE TABLE delayed (
    context INTEGER NOT NULL,
    id TEXT NOT NULL,
    due INTEGER NOT NULL,
    document TEXT NOT NULL
);
CREATE UNIQUE INDEX delayed_id ON delayed (context, id);
CREATE INDEX delayed_due ON delayed (context, due);

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('delayed', 'delayed_id', '100000 50000 1'),
    ('delayed', 'delayed_due', '100000 50000 2');
ANALYZE sqlite_schema;
