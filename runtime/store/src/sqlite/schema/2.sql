-- Configuration of all kinds but event sources; kind: the name of the kind.
CREATE TABLE configuration (
    context INTEGER NOT NULL,
    kind TEXT NOT NULL,
    id TEXT NOT NULL,
    document TEXT NOT NULL,
    PRIMARY KEY (context, kind, id)
) WITHOUT ROWID;
