-- context: 0 production, 1 staging. inserted: microseconds since 1970. document: JSON text as it goes to clients.

CREATE TABLE meta (
    name TEXT PRIMARY KEY NOT NULL,
    value BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE event (
    context INTEGER NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    source_id TEXT NOT NULL,
    session_id TEXT,
    profile_id TEXT,
    inserted INTEGER NOT NULL,
    document TEXT NOT NULL
);
CREATE UNIQUE INDEX event_id ON event (context, id);
CREATE INDEX event_inserted ON event (context, inserted);
CREATE INDEX event_session ON event (context, session_id, inserted) WHERE session_id IS NOT NULL;
CREATE INDEX event_profile ON event (context, profile_id, inserted) WHERE profile_id IS NOT NULL;
CREATE INDEX event_type ON event (context, type, inserted);

-- Events that were applied to session and profile but are not kept as documents.
CREATE TABLE applied_event (
    context INTEGER NOT NULL,
    id TEXT NOT NULL,
    source_id TEXT NOT NULL,
    session_id TEXT,
    profile_id TEXT,
    PRIMARY KEY (context, id)
) WITHOUT ROWID;

-- An event id is used once, in whichever of the two tables.
CREATE TRIGGER event_applied BEFORE INSERT ON event
WHEN EXISTS (SELECT 1 FROM applied_event WHERE context = NEW.context AND id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'event exists'); END;
CREATE TRIGGER applied_event_stored BEFORE INSERT ON applied_event
WHEN EXISTS (SELECT 1 FROM event WHERE context = NEW.context AND id = NEW.id)
BEGIN SELECT RAISE(ABORT, 'event exists'); END;

CREATE TABLE session (
    context INTEGER NOT NULL,
    id TEXT NOT NULL,
    profile_id TEXT,
    inserted INTEGER NOT NULL,
    document TEXT NOT NULL
);
CREATE UNIQUE INDEX session_id ON session (context, id);
CREATE INDEX session_inserted ON session (context, inserted);
CREATE INDEX session_profile ON session (context, profile_id, inserted) WHERE profile_id IS NOT NULL;

CREATE TABLE profile (
    context INTEGER NOT NULL,
    id TEXT NOT NULL,
    inserted INTEGER NOT NULL,
    document TEXT NOT NULL
);
CREATE UNIQUE INDEX profile_id ON profile (context, id);
CREATE INDEX profile_inserted ON profile (context, inserted);

-- Every id that leads to a profile, its own included.
CREATE TABLE profile_identity (
    context INTEGER NOT NULL,
    alias TEXT NOT NULL,
    profile_id TEXT NOT NULL,
    PRIMARY KEY (context, alias)
) WITHOUT ROWID;

-- document lacks the source's config, which stands sealed beside it.
CREATE TABLE event_source (
    context INTEGER NOT NULL,
    id TEXT NOT NULL,
    document TEXT NOT NULL,
    config BLOB,
    PRIMARY KEY (context, id)
) WITHOUT ROWID;

-- email is in lower case.
CREATE TABLE user (
    id TEXT PRIMARY KEY NOT NULL,
    email TEXT NOT NULL UNIQUE,
    document TEXT NOT NULL
) WITHOUT ROWID;

-- hash: HMAC-SHA-256 of the token under the signing key. expires: microseconds since 1970.
CREATE TABLE token (
    hash BLOB PRIMARY KEY NOT NULL,
    user_id TEXT NOT NULL REFERENCES user (id) ON DELETE CASCADE,
    expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE INDEX token_user ON token (user_id);
CREATE INDEX token_expires ON token (expires);

-- What SQLite's planner is told about the data, instead of having it measured: so plans are the same on every file and do
-- not change while it grows. Rows; rows per context; rows per context and further columns.
ANALYZE;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
    ('event', 'event_id', '10000000 5000000 1'),
    ('event', 'event_inserted', '10000000 5000000 2'),
    ('event', 'event_session', '10000000 5000000 10 1'),
    ('event', 'event_profile', '10000000 5000000 50 1'),
    ('event', 'event_type', '10000000 5000000 100000 1'),
    ('session', 'session_id', '1000000 500000 1'),
    ('session', 'session_inserted', '1000000 500000 2'),
    ('session', 'session_profile', '1000000 500000 5 1'),
    ('profile', 'profile_id', '1000000 500000 1'),
    ('profile', 'profile_inserted', '1000000 500000 2'),
    ('profile_identity', 'profile_identity', '2000000 1000000 1');
ANALYZE sqlite_schema;
