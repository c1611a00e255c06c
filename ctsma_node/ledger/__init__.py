"""Two SQLite files, each written by one process over one connection.

`inbox.sqlite3` is the receiver's (associations, instances, quarantine); `ledger.sqlite3` is the worker's
(series, revisions, results, deliveries, events). Each side reads the other's file read-only: a WAL
database with two writing connections can be corrupted by SQLite before 3.51.3 (https://sqlite.org/wal.html).
"""
