-- What is known of a series' completeness, and how its end was found.

ALTER TABLE revision ADD COLUMN completed_by TEXT
    CHECK (completed_by IS NULL OR completed_by IN ('count', 'geometry', 'quiet'));  -- NULL while it is open

CREATE INDEX series_study ON series (study_uid);

CREATE TABLE source_count (
    series_uid TEXT PRIMARY KEY REFERENCES series (uid),
    instances  INTEGER CHECK (instances >= 1),  -- the latest answer, NULL when it was no number
    since      REAL,                            -- when the first of the equal answers up to it was asked for
    asked_at   REAL NOT NULL,                   -- when the latest was
    failures   INTEGER NOT NULL CHECK (failures >= 0),  -- questions without a number since the last number
    told       TEXT NOT NULL,                   -- how the latest question ended
    CHECK ((instances IS NULL) = (since IS NULL))
) STRICT, WITHOUT ROWID;

CREATE TABLE pace (
    series_uid    TEXT PRIMARY KEY REFERENCES series (uid),
    calling_ae    TEXT NOT NULL,
    largest_gap_s REAL NOT NULL CHECK (largest_gap_s >= 0),  -- between two of its instances
    at            REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX pace_sender ON pace (calling_ae, at);
