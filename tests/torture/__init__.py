"""Torture suites: each does one kind of harm many times, with a count, a seed and a limit of time.

A suite is a module of this package with `SHORT` and `LONG` (how many times the harm is done in `make test`
and in `make torture`) and `torment(run)`, which counts what it did and what it found in `run.tally`. It goes
on for `run.count` times or until `run.is_over()`, and draws all that is random from `run.random`. `CATCHES`
are the mutants that it must catch (see mutants/), `PARTS` the part of the node that it runs, where it is one.
"""
