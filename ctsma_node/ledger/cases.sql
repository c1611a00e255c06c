-- The worker's file: what became of each series. Written by the worker alone. No patient data.

CREATE TABLE cursor (
    only  INTEGER PRIMARY KEY CHECK (only = 1),
    rowid_taken INTEGER NOT NULL               -- last inbox row that was taken over
) STRICT;
INSERT INTO cursor VALUES (1, 0);

CREATE TABLE series (
    uid        TEXT PRIMARY KEY,
    study_uid  TEXT NOT NULL,
    calling_ae TEXT NOT NULL                   -- of the source that sent its first instance
) STRICT, WITHOUT ROWID;

-- The moves there are. A trigger refuses any other; ctsma_node/records.py holds the same table.
CREATE TABLE transition (
    from_state TEXT NOT NULL,
    to_state   TEXT NOT NULL,
    PRIMARY KEY (from_state, to_state)
) STRICT, WITHOUT ROWID;
INSERT INTO transition VALUES
    ('receiving', 'stable'),     -- complete by geometry, or quiet long enough
    ('stable', 'accepted'),      -- the gate let it through
    ('stable', 'refused'),       -- the gate did not
    ('stable', 'failed'),        -- given up
    ('accepted', 'analysed'),    -- a result exists
    ('accepted', 'refused'),     -- the analysis found that it is not fit (no knee, metal)
    ('accepted', 'failed'),      -- given up
    ('analysed', 'reported'),    -- the objects are on disk
    ('analysed', 'failed'),      -- given up
    ('reported', 'delivered'),   -- every delivery has ended
    ('reported', 'failed');      -- given up

CREATE TABLE revision (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    series_uid       TEXT NOT NULL REFERENCES series (uid),
    number           INTEGER NOT NULL CHECK (number >= 1),
    predecessor      INTEGER REFERENCES revision (id),
    state            TEXT NOT NULL CHECK (state IN (
                         'receiving',   -- -> stable
                         'stable',      -- -> accepted, refused, failed
                         'accepted',    -- -> analysed, refused, failed
                         'analysed',    -- -> reported, failed
                         'reported',    -- -> delivered, failed
                         'delivered',   -- end
                         'refused',     -- end
                         'failed')),    -- end
    code             TEXT,
    reason           TEXT,
    attempts         INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),  -- claims since the last move
    running          INTEGER NOT NULL DEFAULT 0 CHECK (running IN (0, 1)),
    created_at       REAL NOT NULL,             -- seconds since the epoch, UTC, as all times here
    updated_at       REAL NOT NULL,
    last_instance_at REAL NOT NULL,
    n_instances      INTEGER NOT NULL CHECK (n_instances >= 1),
    due_at           REAL,                      -- timer, NULL when none is set
    instances_digest TEXT CHECK (instances_digest IS NULL OR length(instances_digest) = 64),
    UNIQUE (series_uid, number),
    CHECK ((number = 1) = (predecessor IS NULL)),
    CHECK (state NOT IN ('refused', 'failed') OR code IS NOT NULL),
    CHECK (running = 0 OR state NOT IN ('receiving', 'delivered', 'refused', 'failed'))
) STRICT;

CREATE UNIQUE INDEX revision_receiving ON revision (series_uid) WHERE state = 'receiving';
CREATE UNIQUE INDEX revision_running ON revision (series_uid) WHERE running = 1;
CREATE INDEX revision_state ON revision (state);
CREATE INDEX revision_due ON revision (due_at) WHERE due_at IS NOT NULL;

CREATE TRIGGER revision_moves BEFORE UPDATE OF state ON revision
WHEN OLD.state <> NEW.state AND NOT EXISTS (
    SELECT 1 FROM transition WHERE from_state = OLD.state AND to_state = NEW.state)
BEGIN SELECT RAISE(ABORT, 'no such move'); END;

CREATE TRIGGER revision_instances BEFORE UPDATE OF n_instances ON revision
WHEN OLD.state <> 'receiving' AND OLD.n_instances <> NEW.n_instances
BEGIN SELECT RAISE(ABORT, 'the instances of a stable revision are fixed'); END;

CREATE TABLE result (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    revision_id      INTEGER NOT NULL REFERENCES revision (id),
    sop_instance_uid TEXT NOT NULL UNIQUE CHECK (length(sop_instance_uid) BETWEEN 1 AND 64),
    sop_class_uid    TEXT NOT NULL,
    series_uid       TEXT NOT NULL,
    kind             TEXT NOT NULL,
    side             TEXT CHECK (side IS NULL OR side IN ('L', 'R')),
    path             TEXT NOT NULL CHECK (path NOT LIKE '/%' AND path NOT LIKE '%..%'),
    size             INTEGER NOT NULL CHECK (size > 0),
    sha256           TEXT NOT NULL CHECK (length(sha256) = 64),
    transfer_syntax  TEXT NOT NULL
) STRICT;
CREATE INDEX result_revision ON result (revision_id, id);

CREATE TABLE delivery (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    result_id   INTEGER NOT NULL REFERENCES result (id),
    destination TEXT NOT NULL,
    state       TEXT NOT NULL DEFAULT 'pending' CHECK (state IN (
                    'pending',     -- -> pending (retry), delivered, rejected, failed
                    'delivered',   -- end: the peer stored it
                    'rejected',    -- end: the peer will never take it
                    'failed')),    -- end: given up after the horizon
    attempts    INTEGER NOT NULL DEFAULT 0 CHECK (attempts >= 0),
    created_at  REAL NOT NULL,
    updated_at  REAL NOT NULL,
    due_at      REAL CHECK ((due_at IS NOT NULL) = (state = 'pending')),
    status      INTEGER CHECK (status BETWEEN 0 AND 65535),
    text        TEXT,
    UNIQUE (result_id, destination)
) STRICT;
CREATE INDEX delivery_due ON delivery (due_at) WHERE state = 'pending';

CREATE TRIGGER delivery_ends BEFORE UPDATE OF state ON delivery WHEN OLD.state <> 'pending'
BEGIN SELECT RAISE(ABORT, 'the delivery has ended'); END;

CREATE TABLE event (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    revision_id INTEGER NOT NULL REFERENCES revision (id),
    at          REAL NOT NULL,
    action      TEXT NOT NULL CHECK (action IN ('opened', 'claimed', 'moved', 'released', 'requeued')),
    from_state  TEXT,                           -- NULL when opened
    to_state    TEXT NOT NULL,
    code        TEXT,
    reason      TEXT,
    facts       TEXT NOT NULL DEFAULT '{}' CHECK (json_valid(facts))
) STRICT;
CREATE INDEX event_revision ON event (revision_id, id);

CREATE TRIGGER event_unchanged BEFORE UPDATE ON event BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;
CREATE TRIGGER event_kept BEFORE DELETE ON event BEGIN SELECT RAISE(ABORT, 'history is append-only'); END;

CREATE VIEW case_row AS
    SELECT revision.*, series.study_uid, series.calling_ae
    FROM revision JOIN series ON series.uid = revision.series_uid;

CREATE VIEW delivery_row AS
    SELECT delivery.*, result.revision_id, result.sop_instance_uid, result.sop_class_uid,
           result.transfer_syntax, result.kind, result.path
    FROM delivery JOIN result ON result.id = delivery.result_id;
