"""Decoders that crash, turn in circles, eat memory or wait cost one series, and nothing else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from pydicom.uid import JPEGLSLossless, RLELossless

from ctsma_node.assemble import decoder, decoding, read_series, to_volume
from ctsma_node.assemble.decoding import Decoder, Limits
from ctsma_node.errors import Refused, Transient
from tests.fixtures.ct_series import StackPlan, multi_frame, single_frames, write

PLAN = StackPlan(slices=4)

PLANTED = """\
import runpy, sys
from pydicom.pixels.decoders import RLELosslessDecoder

def planted(frame, runner):
    {harm}

RLELosslessDecoder._available["pydicom"] = planted
runpy.run_path({program!r}, run_name="__main__")
"""

HARMS = {
    "crashes": "import os; os.abort()",
    "exits": "import os; os._exit(0)",
    "turns in circles": "while True: pass",
    "eats memory": "return b'x' * (1 << 33)",
    "waits": "import time; time.sleep(600)",
    "raises": "raise ValueError",
    "writes to standard output": "import os; os.write(1, b'x' * 100000); raise ValueError",
}


def plant(harm: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = folder / "planted.py"
    program.write_text(PLANTED.format(harm=harm, program=decoder.__file__))
    monkeypatch.setattr(decoding, "_PROGRAM", program)


def compressed(folder: Path, syntax: str = RLELossless) -> list[Path]:
    datasets = single_frames(PLAN)
    for ds in datasets:
        ds.compress(syntax, generate_instance_uid=False)
    return write(datasets, folder)


@pytest.mark.parametrize("harm", HARMS)
def test_what_a_decoder_does_is_a_refusal(harm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(HARMS[harm], tmp_path, monkeypatch)
    limits = {"turns in circles": Limits(cpu_s=1), "waits": Limits(wall_s=0.5)}
    monkeypatch.setattr(decoding, "LIMITS", limits.get(harm, Limits()))
    series = read_series(compressed(tmp_path))
    with pytest.raises(Refused) as refusal:
        to_volume(series)
    assert refusal.value.code == "undecodable_pixels"


def test_a_process_that_the_kernel_took_is_no_fault_of_the_series(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plant("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", tmp_path, monkeypatch)
    series = read_series(compressed(tmp_path))
    with pytest.raises(Transient):
        to_volume(series)


def test_a_process_that_does_not_start_is_no_fault_of_the_series(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "broken.py"
    program.write_text("import no_such_module")
    monkeypatch.setattr(decoding, "_PROGRAM", program)
    series = read_series(compressed(tmp_path))
    with pytest.raises(Transient):
        to_volume(series)


def test_lower_limits_of_the_service_hold(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "limited.py"
    limits = "resource.setrlimit(resource.RLIMIT_AS, (1 << 33, 1 << 33)); "
    limits += "resource.setrlimit(resource.RLIMIT_CPU, (300, 300))"
    program.write_text(
        f"import resource, runpy; {limits}; runpy.run_path({decoder.__file__!r}, run_name='__main__')"
    )
    monkeypatch.setattr(decoding, "_PROGRAM", program)
    monkeypatch.setattr(decoding, "LIMITS", Limits(cpu_s=1000, memory_bytes=1 << 40))
    assert to_volume(read_series(compressed(tmp_path))).hu.shape[0] == PLAN.slices


def test_native_pixels_need_no_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "_PROGRAM", tmp_path / "none.py")
    assert to_volume(read_series(write(single_frames(PLAN), tmp_path))).hu.shape[0] == PLAN.slices


def test_one_process_serves_a_series_and_ends_with_it(tmp_path: Path) -> None:
    ds = multi_frame(PLAN, order=[2, 0, 3, 1])
    ds.compress(RLELossless, generate_instance_uid=False)
    (tmp_path / "slices").mkdir()
    paths = compressed(tmp_path / "slices", JPEGLSLossless)
    whole = write([ds], tmp_path)[0]
    with Decoder() as one:
        frames = list(one.frames(whole, RLELossless, "pydicom", [3, 0], (16, 20), stated={}))
        child = one._child
        slices = [next(one.frames(path, JPEGLSLossless, "", [0], (16, 20), stated={})) for path in paths]
        assert one._child is child
    assert child is not None
    assert child.returncode is not None
    stored = np.frombuffer(ds.pixel_array.tobytes(), np.uint16).reshape(4, 16, 20)
    assert np.array_equal(frames, stored[[3, 0]])
    assert len({each.tobytes() for each in slices}) == PLAN.slices
