"""Ctrl-C and SIGTERM stop a refresh, but never in the midst of what must be finished."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from stores import PROJECT, cut_store

from trainer.database import reading, writing
from trainer.interruption import INTERRUPTED, Interruption
from trainer.store import Store


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_interrupts(number: signal.Signals) -> None:
    with Interruption(), pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)


@pytest.mark.parametrize("opened", [reading, writing])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_midst_of_a_query_interrupts(tmp_path: Path, number: signal.Signals, opened: Any) -> None:
    store = Store(tmp_path)
    store.prepare()

    def ask_what_takes_seconds() -> None:
        with opened(store.work_file) as connection:
            threading.Timer(0.2, lambda: os.kill(os.getpid(), number)).start()
            connection.execute("SELECT max(hash(range)) FROM range(1_000_000_000)")

    with Interruption(), pytest.raises(KeyboardInterrupt):
        ask_what_takes_seconds()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_what_holds_a_signal_back_is_finished_first(number: signal.Signals) -> None:
    done = []

    def append() -> None:
        with interruption.held_back():
            os.kill(os.getpid(), number)
            os.kill(os.getpid(), number)  # an impatient second one
            done.append("append")

    with Interruption() as interruption:
        with pytest.raises(KeyboardInterrupt):
            append()
        assert done == ["append"]
        with interruption.held_back():  # the publication that follows is not stopped by the same signal
            done.append("publish")
    assert done == ["append", "publish"]


def test_an_error_while_a_signal_is_held_back_is_not_hidden() -> None:
    def append() -> None:
        with interruption.held_back():
            os.kill(os.getpid(), signal.SIGTERM)
            raise ValueError("disk")

    with Interruption() as interruption, pytest.raises(ValueError, match="disk"):
        append()


def test_the_handlers_of_before_come_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with Interruption():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "command", ["trainer.export --data {data} {out}", "trainer.tensorboard --data {data} export {out}"]
)
def test_a_command_that_is_stopped_says_so_and_leaves_nothing_half_done(
    tmp_path: Path, command: str, number: signal.Signals
) -> None:
    cut_store(tmp_path, "activation = 'linear'")
    out = tmp_path / "out"
    line = [sys.executable, "-m", *(word.format(data=tmp_path, out=out) for word in command.split())]
    with subprocess.Popen(line, cwd=PROJECT, stderr=subprocess.PIPE, text=True) as process:
        while not (out.exists() and any(out.iterdir())):  # until it has begun to write
            assert process.poll() is None
            time.sleep(0.01)
        process.send_signal(number)
        _, errors = process.communicate()
    assert process.returncode == INTERRUPTED
    assert errors.startswith("Stopped before it was done.")
    assert errors.count("\n") == 1
    assert not list(out.rglob("*.tmp"))
