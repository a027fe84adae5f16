"""Starts TensorFlow: with how many threads, and without its start-up notes, which tear the progress display apart."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

from threadpoolctl import threadpool_limits


@cache
def start_tensorflow(threads: int = 0) -> None:
    """Loads TensorFlow and starts its devices, once in a process.

    Its native part writes notes on instruction sets and missing drivers straight to the error stream, before any
    setting could reach it.

    Args:
        threads: that it may use, and NumPy in its products as well; 0 leaves the choice to them. On two cores, two
            processes with one thread each train faster than one with two: no product is split, and each keeps its own
            weights in its own cache. How many they are also decides in which order a product adds up.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")  # and no notes later on
    with _native_errors_off():
        import tensorflow as tf

        tf.get_logger().setLevel("ERROR")  # its warnings advise programmers: a program that is traced for a new shape
        if threads:
            threadpool_limits(threads, user_api="blas")
            with suppress(RuntimeError):  # another part of this program has started it already, with its own number
                tf.config.threading.set_intra_op_parallelism_threads(threads)
                tf.config.threading.set_inter_op_parallelism_threads(threads)
        tf.zeros(())


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
