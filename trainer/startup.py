"""Starts TensorFlow: with how many threads, and without its start-up notes, which tear the progress display apart."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache

# What a process of its own starts with, beside others that train at the same time: NumPy's products, too, are split
# among all cores otherwise, and each process then waits for the others' threads. (Dask sets them for its workers.)
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


@cache
def start_tensorflow(threads: int = 0) -> None:
    """Loads TensorFlow and starts its devices, once in a process.

    Its native part writes notes on instruction sets and missing drivers straight to the error stream, before any
    setting could reach it.

    Args:
        threads: that it may use; 0 leaves the choice to it. On two cores, two processes with one thread each train
            faster than one with two: no product is split, and each keeps its own weights in its own cache.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # and no notes later on
    with _native_errors_off():
        import tensorflow as tf

        tf.get_logger().setLevel("ERROR")  # its warnings advise programmers: a program that is traced for a new shape
        if threads:
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(threads)
        tf.zeros(())


@contextmanager
def environment(more: Mapping[str, str]) -> Iterator[None]:
    """Environment variables for the processes that are started meanwhile, but for those that are set already."""
    new = {name: value for name, value in more.items() if name not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            del os.environ[name]


@contextmanager
def _native_errors_off() -> Iterator[None]:
    """Sends file descriptor 2 nowhere for a while. Exceptions are not concerned: they are shown afterwards."""
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
