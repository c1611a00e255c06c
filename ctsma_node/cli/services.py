"""`serve`, `receive`, `work` and `web`: the node as processes that run until they are told to stop."""

from __future__ import annotations

import signal
import sys

import typer

from ctsma_node import log
from ctsma_node.cli.supervise import supervise
from ctsma_node.cli.terminal import ConfigOption, settings_from, spoken_errors


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command(
        epilog="Example: [b]ctsma-node serve --config node.toml[/b]. Stop it with Ctrl-C or SIGTERM: what "
        "is on its way is ended first. Under systemd, run the three units of deploy/ instead."
    )(serve)
    app.command(epilog="Example: [b]ctsma-node receive --config node.toml[/b]")(receive)
    app.command(epilog="Example: [b]ctsma-node work --config node.toml[/b]")(work)
    app.command(epilog="Example: [b]ctsma-node web --config node.toml[/b]")(web)


def serve(config: ConfigOption = None) -> None:
    """Run the whole node: the receiver, the worker and the page, as processes of their own."""
    _hold_reloads()
    with spoken_errors():
        settings = settings_from(config)
        log.configure(settings.log.level)
        options = [] if config is None else ["--config", str(config)]
        program = [sys.executable, "-m", "ctsma_node.cli"]
        beside = ("web",) if settings.web.enabled else ()
        commands = {name: [*program, name, *options] for name in ("receive", "work", *beside)}
        code = supervise(commands, beside, again=("work",))
    raise typer.Exit(code)


def receive(config: ConfigOption = None) -> None:
    """Run the receiver alone: takes instances in and acknowledges them when they are durable."""
    _hold_reloads()
    with spoken_errors():
        settings = settings_from(config)
        log.configure(settings.log.level)
        from ctsma_node.receive.service import run

        run(settings, read_again=lambda: settings_from(config))


def work(config: ConfigOption = None) -> None:
    """Run the worker alone: assembles, judges, analyses, reports and delivers."""
    _hold_reloads()
    with spoken_errors():
        settings = settings_from(config)
        log.configure(settings.log.level)
        from ctsma_node.worker.service import run

        run(settings, read_again=lambda: settings_from(config))


def web(config: ConfigOption = None) -> None:
    """Run the page alone, with /health and /metrics: tells of the other two, and asks the worker."""
    _hold_reloads()
    with spoken_errors():
        settings = settings_from(config)
        log.configure(settings.log.level)
        from ctsma_node.web.service import run

        run(settings, read_again=lambda: settings_from(config))


def _hold_reloads() -> None:
    """Let a reload (SIGHUP) wait until the service hears of it: by default it ends the process."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
