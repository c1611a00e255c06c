-- Files that retention has removed; their rows stay, as history.

ALTER TABLE instance ADD COLUMN purged_at REAL;       -- NULL while the file is to be kept
ALTER TABLE quarantined ADD COLUMN purged_at REAL;

CREATE INDEX instance_kept ON instance (received_at) WHERE purged_at IS NULL;
