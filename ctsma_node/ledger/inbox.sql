-- The receiver's file: what came in. An index of the spool, which is the truth.
-- Written by the receiver alone. No patient data.

CREATE TABLE association (
    id         TEXT PRIMARY KEY,               -- random, hexadecimal
    calling_ae TEXT NOT NULL,
    address    TEXT NOT NULL,
    opened_at  REAL NOT NULL,                  -- seconds since the epoch, UTC, as all times here
    closed_at  REAL CHECK (closed_at IS NULL OR closed_at >= opened_at)  -- NULL while it is open
) STRICT, WITHOUT ROWID;

CREATE INDEX association_open ON association (id) WHERE closed_at IS NULL;

CREATE TABLE instance (
    -- AUTOINCREMENT: a number is never given twice, so the worker's cursor can never pass over a row.
    rowid            INTEGER PRIMARY KEY AUTOINCREMENT,
    sop_instance_uid TEXT NOT NULL UNIQUE CHECK (length(sop_instance_uid) BETWEEN 1 AND 64),
    sop_class_uid    TEXT NOT NULL,
    transfer_syntax  TEXT NOT NULL,
    series_uid       TEXT NOT NULL CHECK (length(series_uid) BETWEEN 1 AND 64),
    study_uid        TEXT NOT NULL CHECK (length(study_uid) BETWEEN 1 AND 64),
    association_id   TEXT REFERENCES association (id),   -- NULL: a file adopted at start
    calling_ae       TEXT NOT NULL,
    address          TEXT NOT NULL,
    received_at      REAL NOT NULL,
    path             TEXT NOT NULL UNIQUE CHECK (path NOT LIKE '/%' AND path NOT LIKE '%..%'),
    size             INTEGER NOT NULL CHECK (size > 0),
    sha256           TEXT NOT NULL CHECK (length(sha256) = 64),
    number_of_rows   INTEGER,
    number_of_columns INTEGER,
    number_of_frames INTEGER NOT NULL CHECK (number_of_frames >= 1),
    position         TEXT,                      -- three decimal numbers, LPS mm
    orientation      TEXT,                      -- six decimal numbers
    modality         TEXT,
    missing_at       REAL                       -- NULL while the file is in the spool
) STRICT;

CREATE INDEX instance_series ON instance (series_uid, rowid);
CREATE INDEX instance_association ON instance (association_id);

CREATE TABLE quarantined (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    received_at      REAL NOT NULL,
    code             TEXT NOT NULL,
    association_id   TEXT REFERENCES association (id),
    calling_ae       TEXT NOT NULL,
    address          TEXT NOT NULL,
    sop_instance_uid TEXT,                      -- NULL when it is not a valid UID
    transfer_syntax  TEXT,
    path             TEXT NOT NULL UNIQUE CHECK (path NOT LIKE '/%' AND path NOT LIKE '%..%'),
    size             INTEGER NOT NULL,
    sha256           TEXT NOT NULL CHECK (length(sha256) = 64)
) STRICT;
