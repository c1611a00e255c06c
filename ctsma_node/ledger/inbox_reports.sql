-- Storage Commitment reports that came over an association of their own (PS3.4 J.3.3).

CREATE TABLE report (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,   -- never given twice: the worker's cursor
    received_at     REAL NOT NULL,
    calling_ae      TEXT NOT NULL,
    address         TEXT NOT NULL,
    transaction_uid TEXT NOT NULL CHECK (length(transaction_uid) BETWEEN 1 AND 64)
) STRICT;

CREATE TABLE reported_instance (
    report_id        INTEGER NOT NULL REFERENCES report (id),
    sop_instance_uid TEXT NOT NULL CHECK (length(sop_instance_uid) BETWEEN 1 AND 64),
    failure_reason   INTEGER CHECK (failure_reason BETWEEN 0 AND 65535),   -- NULL: committed
    PRIMARY KEY (report_id, sop_instance_uid)
) STRICT, WITHOUT ROWID;
