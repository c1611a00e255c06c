-- Objects that retention has removed from the outbox, and what people were told of.

ALTER TABLE result ADD COLUMN purged_at REAL;         -- NULL while the file is to be kept

-- Up to when failures have been told, by kind of notice.
CREATE TABLE told (
    kind  TEXT PRIMARY KEY,
    until REAL NOT NULL
) STRICT, WITHOUT ROWID;
