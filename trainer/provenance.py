"""Where a result comes from: the code, the versions, the machine and the data that made it."""

import hashlib
import json
import os
import platform
import subprocess
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

from trainer.configuration import RECIPE

PROJECT = Path(__file__).parents[1]


@dataclass(frozen=True)
class Provenance:
    """Gathered once, before training starts, by the process that writes; `where_trained` adds the machine."""

    git_commit: str
    recipe: int | None  # None where somebody's own training was recorded
    python: str
    tensorflow: str
    keras: str
    numpy: str
    duckdb: str
    processor: str
    cores: int
    platform: str
    device: str | None = None

    @property
    def provenance_id(self) -> str:
        canonical = json.dumps(asdict(self), sort_keys=True)
        return hashlib.sha256(canonical.encode()).hexdigest()[:16]

    def as_row(self) -> dict[str, Any]:
        return {"provenance_id": self.provenance_id, **asdict(self)}


def gather() -> Provenance:
    return Provenance(
        git_commit=_git_commit(),
        recipe=RECIPE,
        python=platform.python_version(),
        tensorflow=version("tensorflow"),
        keras=version("keras"),
        numpy=version("numpy"),
        duckdb=version("duckdb"),
        processor=_processor(),
        cores=os.cpu_count() or 1,
        platform=platform.system(),
    )


def where_trained(provenance: Provenance) -> Provenance:
    """With the machine and the device of this process, which is the one that trains."""
    return replace(
        provenance, processor=_processor(), cores=os.cpu_count() or 1, platform=platform.system(), device=_device()
    )


def environment() -> dict[str, str]:
    """What has to be alike where a cohort is trained and where its results are kept: what decides the numbers, and
    what carries them from one to the other."""
    source = hashlib.sha256()
    for path in sorted((PROJECT / "trainer").glob("*.py")):
        source.update(path.read_bytes())
    return {
        "python": ".".join(platform.python_version_tuple()[:2]),
        "the code of the trainer": source.hexdigest()[:12],
        **{name: version(name) for name in ("tensorflow", "keras", "numpy", "pyarrow", "distributed", "cloudpickle")},
    }


def _device() -> str:
    """The first GPU that TensorFlow sees, by its name, or else CPU."""
    import tensorflow as tf

    for device in tf.config.list_physical_devices("GPU"):
        return str(tf.config.experimental.get_device_details(device).get("device_name", "GPU"))
    return "CPU"


def _git_commit() -> str:
    """The commit of this code, with '+changes' where the trainer differs from it; 'unknown' outside a checkout."""
    try:
        commit = _git("rev-parse", "HEAD")
        return commit + ("+changes" if _git("status", "--porcelain", "--", "trainer") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*arguments: str) -> str:
    command = ["git", "-C", str(PROJECT), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603  # fixed


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
