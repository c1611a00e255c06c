-- What was sent is proven before it counts as delivered, and destinations can be paused.

DROP VIEW delivery_row;

CREATE TABLE delivery_2 (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    result_id   INTEGER NOT NULL REFERENCES result (id),
    destination TEXT NOT NULL,
    state       TEXT NOT NULL DEFAULT 'pending' CHECK (state IN (
                    'pending',     -- -> pending (retry), sent, delivered, rejected, failed
                    'sent',        -- -> sent (asked again), pending (not there), delivered, rejected, failed
                    'delivered',   -- end: there, by the proof that its destination is set to
                    'rejected',    -- end: the peer will never take it, or never prove it
                    'failed')),    -- end: given up after the horizon
    attempts    INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),   -- sends that ended, well or badly
    asked       INTEGER NOT NULL DEFAULT 0 CHECK (asked >= 0),      -- proofs asked for since it was sent
    created_at  REAL NOT NULL,
    updated_at  REAL NOT NULL,
    sent_at     REAL,
    held_s      REAL NOT NULL DEFAULT 0 CHECK (held_s >= 0),        -- how long pauses have held it up
    due_at      REAL CHECK ((due_at IS NOT NULL) = (state IN ('pending', 'sent'))),
    status      INTEGER CHECK (status BETWEEN 0 AND 65535),
    text        TEXT,
    UNIQUE (result_id, destination),
    CHECK (state <> 'sent' OR sent_at IS NOT NULL)
) STRICT;
INSERT INTO delivery_2
    (id, result_id, destination, state, attempts, created_at, updated_at, due_at, status, text)
    SELECT id, result_id, destination, state, attempts, created_at, updated_at, due_at, status, text
    FROM delivery;
DROP TABLE delivery;
ALTER TABLE delivery_2 RENAME TO delivery;

CREATE INDEX delivery_due ON delivery (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX delivery_standing ON delivery (destination, state, updated_at);

-- What is there stays there; what was rejected or given up can only be taken up again.
CREATE TRIGGER delivery_ends BEFORE UPDATE OF state ON delivery
WHEN OLD.state = 'delivered' OR (OLD.state IN ('rejected', 'failed') AND NEW.state <> 'pending')
BEGIN SELECT RAISE(ABORT, 'the delivery has ended'); END;

CREATE VIEW delivery_row AS
    SELECT delivery.*, result.revision_id, result.sop_instance_uid, result.sop_class_uid,
           result.transfer_syntax, result.kind, result.path, result.series_uid, series.study_uid
    FROM delivery
    JOIN result ON result.id = delivery.result_id
    JOIN revision ON revision.id = result.revision_id
    JOIN series ON series.uid = revision.series_uid;

-- A Storage Commitment request (PS3.4 J.3.2). It is here before it is sent, for its report may come at once.
CREATE TABLE commitment (
    transaction_uid TEXT PRIMARY KEY CHECK (length(transaction_uid) BETWEEN 1 AND 64),
    revision_id     INTEGER NOT NULL REFERENCES revision (id),
    destination     TEXT NOT NULL,
    asked_at        REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX commitment_of ON commitment (revision_id, destination);

-- A destination that nothing is sent to for now; it is paused while it has a row.
CREATE TABLE pause (
    destination TEXT PRIMARY KEY,
    since       REAL NOT NULL
) STRICT, WITHOUT ROWID;

-- The last row that was taken over from a table that another process writes.
CREATE TABLE taken (
    source     TEXT PRIMARY KEY CHECK (source = 'report'),
    last_rowid INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
INSERT INTO taken VALUES ('report', 0);
