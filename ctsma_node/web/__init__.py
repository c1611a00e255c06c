"""The status page, /health and /metrics: a process that reads what the others write, and asks the worker.

It is a process of its own, so that it can tell of a worker or a receiver that has died, and so that whatever
is done to it stops neither. It writes no ledger: what a person asks for goes through `commands`.
"""
