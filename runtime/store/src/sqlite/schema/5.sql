-- The outbox: what destinations are to get, and what became of it. Numbers are never used again. state: 0 waiting, 1 delivered,
-- 2 dead. held: not the first of its line, which is what waits for one destination and profile. due, created, settled:
-- microseconds since 1970. body: JSON text, none when delivered.
CREATE TABLE delivery (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    context INTEGER NOT NULL,
    id TEXT NOT NULL,
    destination TEXT NOT NULL,
    event_id TEXT,
    profile_id TEXT,
    debug INTEGER NOT NULL,
    state INTEGER NOT NULL DEFAULT 0,
    held INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    due INTEGER NOT NULL,
    created INTEGER NOT NULL,
    settled INTEGER,
    error TEXT,
    body TEXT
);
CREATE UNIQUE INDEX delivery_id ON delivery (context, id);
CREATE INDEX delivery_due ON delivery (context, destination, due) WHERE state = 0 AND held = 0;
CREATE INDEX delivery_line ON delivery (context, profile_id, destination, state) WHERE profile_id IS NOT NULL;
CREATE INDEX delivery_event ON delivery (context, event_id) WHERE event_id IS NOT NULL;
CREATE INDEX delivery_destination ON delivery (context, destination, state);
CREATE INDEX delivery_left ON delivery (context, state) WHERE state <> 1;
CREATE INDEX delivery_settled ON delivery (settled) WHERE state = 1;

-- How many wait, so that nobody has to count them.
CREATE TABLE delivery_queue (
    context INTEGER NOT NULL,
    destination TEXT NOT NULL,
    waiting INTEGER NOT NULL,
    PRIMARY KEY (context, destination)
) WITHOUT ROWID;

-- One that begins to wait joins its line,
CREATE TRIGGER delivery_made AFTER INSERT ON delivery BEGIN
    INSERT INTO delivery_queue VALUES (NEW.context, NEW.destination, 1)
    ON CONFLICT (context, destination) DO UPDATE SET waiting = waiting + 1;
    UPDATE delivery SET held = 1 WHERE seq = NEW.seq AND EXISTS (
        SELECT 1 FROM delivery WHERE context = NEW.context AND profile_id = NEW.profile_id
        AND destination = NEW.destination AND state = 0 AND seq <> NEW.seq
    );
END;
CREATE TRIGGER delivery_replayed AFTER UPDATE OF state ON delivery WHEN NEW.state = 0 AND OLD.state <> 0 BEGIN
    INSERT INTO delivery_queue VALUES (NEW.context, NEW.destination, 1)
    ON CONFLICT (context, destination) DO UPDATE SET waiting = waiting + 1;
    UPDATE delivery SET held = 1 WHERE seq = NEW.seq AND EXISTS (
        SELECT 1 FROM delivery WHERE context = NEW.context AND profile_id = NEW.profile_id
        AND destination = NEW.destination AND state = 0 AND seq <> NEW.seq
    );
END;
-- and one that waits no more makes room for the next.
CREATE TRIGGER delivery_done AFTER UPDATE OF state ON delivery WHEN NEW.state <> 0 AND OLD.state = 0 BEGIN
    UPDATE delivery_queue SET waiting = waiting - 1 WHERE context = NEW.context AND destination = NEW.destination;
    DELETE FROM delivery_queue WHERE context = NEW.context AND destination = NEW.destination AND waiting = 0;
    UPDATE delivery SET held = 0 WHERE seq = (
        SELECT min(seq) FROM delivery WHERE context = NEW.context AND profile_id = NEW.profile_id
        AND destination = NEW.destination AND state = 0
    );
END;

INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('delivery', 'delivery_id', '1000000 500000 1'),
    ('delivery', 'delivery_due', '100000 50000 10000 2'),
    ('delivery', 'delivery_line', '1000000 500000 20 5 2'),
    ('delivery', 'delivery_event', '1000000 500000 2'),
    ('delivery', 'delivery_destination', '1000000 500000 100000 30000'),
    ('delivery', 'delivery_left', '100000 50000 25000'),
    ('delivery', 'delivery_settled', '1000000 2'),
    ('delivery_queue', 'delivery_queue', '20 10 1');
ANALYZE sqlite_schema;
