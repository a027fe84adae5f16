"""Trains cohorts in the worker processes of a Dask cluster: one that is started here, or an existing one.

A cohort is one task. There are never more tasks than can be trained at once (and, far away, a few that wait), so that
what another refresh has finished in the meantime is not trained again. A task whose worker dies is given to another
worker by the scheduler, and one that raises is tried once more; what fails then is reported, and the rest goes on.
"""

import logging
import warnings
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import dask
from distributed import Client, Future, KilledWorker, LocalCluster, as_completed, get_worker
from distributed.versions import VersionMismatchWarning

from trainer.engine import ATTEMPTS, Cohort, Failure, Lacking, OnEpoch, Result, Say, Tables, reason_of
from trainer.errors import FathomError
from trainer.provenance import Provenance, environment, where_trained
from trainer.startup import start_tensorflow

# A terminal sends Ctrl-C to the workers too; they leave it to this process, which stops them.
IGNORE_INTERRUPTS = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
CONNECTION_PATIENCE = "30s"
# XLA keeps every program that a process has compiled until the process ends. A worker here that has come to hold so
# many bytes is replaced by a new one before its next cohort.
WORKER_MEMORY = 1.7e9
CONNECTION_LOST = (
    "The connection to the Dask scheduler was lost. What is finished is kept; when the cluster is back, run the same "
    "command again."
)


class UnfitWorkerError(FathomError):
    """A worker would measure something else, or cannot train at all."""


@contextmanager
def start(processes: int) -> Iterator[Client]:
    """A cluster of worker processes on this machine, gone when it is left.

    Raises:
        FathomError: the processes cannot be started.
    """
    # One task at a time in each, so that a worker that dies takes no other down; and as many tries as without workers.
    settings = {
        "distributed.scheduler.allowed-failures": ATTEMPTS - 1,
        "distributed.scheduler.worker-saturation": 1.0,
        # A worker that is being replaced may be absent for as long as its process takes to start: that is no loss.
        "distributed.deploy.lost-worker-timeout": "1 day",
        # Dask has its workers hand freed memory back at once. Every step of a training takes the same memory anew, and
        # would spend as long on getting it from the system as on the products.
        "distributed.nanny.pre-spawn-environ.MALLOC_TRIM_THRESHOLD_": None,
        "distributed.worker.profile.enabled": False,  # a look at each worker's stack, 100 times a second
    }
    # One thread each: see `start_tensorflow`. No dashboard of Dask's own, and no port that is open to the network.
    with dask.config.set(settings):
        try:
            local = LocalCluster(
                n_workers=processes,
                threads_per_worker=1,
                host="127.0.0.1",
                scheduler_kwargs={"dashboard": False, "dashboard_address": "127.0.0.1:0"},
                memory_limit=0,
                preload=[IGNORE_INTERRUPTS],
                silence_logs=logging.CRITICAL,  # a stop by Ctrl-C is no error; what fails is reported by us
            )
        except (OSError, RuntimeError) as error:
            raise FathomError(
                f"{processes} worker processes could not be started ({reason_of(error)}). Try fewer with --workers."
            ) from error
        with local, Client(local) as client:
            yield client


@contextmanager
def connect(scheduler: str, say: Say) -> Iterator[Client]:
    """An existing cluster, which is left as it was found.

    Raises:
        FathomError: there is none at that address, or a worker of it is not fit for this.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", VersionMismatchWarning)  # what matters is refused below, in a sentence
            client = Client(scheduler, timeout=CONNECTION_PATIENCE, set_as_default=False)
    except (OSError, ValueError, TypeError) as error:
        raise FathomError(
            f"No Dask scheduler answers at '{scheduler}' ({reason_of(error)}). Give the address that 'dask scheduler' "
            "prints, such as tcp://10.0.0.1:8786."
        ) from error
    logging.getLogger("distributed.client").setLevel(logging.CRITICAL)  # a scheduler that is lost is reported by us
    with client:
        workers = list(client.scheduler_info(n_workers=-1)["workers"])
        if workers:
            _check(client)
        else:
            say(f"The scheduler at {scheduler} has no workers yet; the training starts with the first.")
        yield client


def _check(client: Client) -> None:
    answers = client.run(describe_worker, on_error="return")
    for address, answer in answers.items():
        if isinstance(answer, BaseException):
            raise UnfitWorkerError(
                f"The worker {address} cannot run the trainer ({reason_of(answer)}). Install this version of Fathom "
                "there, as on this machine: pip install -c constraints.txt -e ."
            )
        raise_if_unfit(address, answer, environment())


def describe_worker(dask_worker: Any) -> dict[str, str]:
    """Runs in a worker, which Dask hands over: what it is made of, as far as that has to be alike everywhere."""
    return {**environment(), "threads": str(dask_worker.state.nthreads)}


def raise_if_unfit(address: str, found: Mapping[str, str], expected: Mapping[str, str]) -> None:
    """
    Raises:
        UnfitWorkerError: a version differs, or several tasks would share one process, its TensorFlow and its programs.
    """
    if found["threads"] != "1":
        raise UnfitWorkerError(
            f"The worker {address} has {found['threads']} threads, but a cohort needs a process of its own. Start it "
            f"with 'dask worker --nthreads 1 --nworkers {found['threads']} …'."
        )
    for name, here in expected.items():
        if found.get(name) != here:
            raise UnfitWorkerError(
                f"The worker {address} differs in {name}: expected {here}, as here, but it has {found.get(name)}. "
                "Results would not be comparable. Install there what is installed here: the same commit, with pip "
                "install -c constraints.txt -e ."
            )


def train(
    client: Client,
    cohorts: Sequence[Cohort],
    provenance: Provenance,
    on_epoch: OnEpoch,
    lacking: Lacking,
    foreign: bool,
    record: bool,
) -> Iterator[Result]:
    """See `engine.train`.

    Args:
        foreign: whether the cluster is not this refresh's own. Its workers are left alone, and a few tasks wait on the
            scheduler beside those that are trained: so a cluster that grows on demand sees a demand, and a worker far
            away need not wait for the next.
    """
    topic = f"fathom-{client.id}"  # of this refresh alone: others may use the same cluster
    client.subscribe_topic(topic, lambda event: on_epoch(*event[1]))
    expected = environment()
    queue = deque(enumerate(cohorts))
    running: dict[str, tuple[int, Cohort]] = {}
    finished = as_completed(loop=client.loop)

    def submit() -> Iterator[Result]:
        """Gives the workers what they can take; yields what need not be trained any more."""
        room = _room(client, foreign)
        while queue and len(running) < room:
            number, cohort = queue.popleft()
            left = lacking(cohort)
            if not left:
                yield number, left, {}
                continue
            future = client.submit(
                train_in_worker, number, left, provenance, expected, topic, record, pure=False, retries=ATTEMPTS - 1
            )
            running[future.key] = number, left
            finished.add(future)

    yield from submit()
    for future in finished:
        number, cohort = running.pop(future.key)
        if foreign and not future.cancelled():
            yield from submit()  # before this result is gathered, so that no worker waits for that
        outcome = _outcome(future)
        workers = [] if foreign else client.who_has(future)[future.key]
        future.release()
        if not foreign:
            _replace_the_swollen(client, workers)
            yield from submit()
        yield number, cohort, outcome


def _room(client: Client, foreign: bool) -> int:
    """How many tasks the cluster may have at once.

    Raises:
        FathomError: it does not answer any more.
    """
    try:
        threads: int = sum(client.nthreads().values())  # none while a lonely worker is being replaced
    except OSError as error:
        raise FathomError(CONNECTION_LOST) from error
    return max(2 * threads, 4) if foreign else max(threads, 1)


def _replace_the_swollen(client: Client, workers: Sequence[str]) -> None:
    """Puts a new process in the place of each of these workers, which are idle, that holds too much memory."""
    known = client.scheduler_info(n_workers=-1)["workers"]
    swollen = [each for each in workers if each in known and known[each]["metrics"]["memory"] > WORKER_MEMORY]
    if swollen:
        client.restart_workers(swollen, raise_for_error=False)  # one that does not come back is replaced by its nanny


def _outcome(future: Future) -> Tables | Failure:
    """
    Raises:
        FathomError: it is not the cohort that failed, but the cluster.
    """
    if future.cancelled():
        raise FathomError(CONNECTION_LOST)
    error = future.exception()
    if error is None:
        tables: Tables = future.result()
        return tables
    if isinstance(error, UnfitWorkerError):
        raise error
    if isinstance(error, KilledWorker):
        tries = error.allowed_failures + 1
        return Failure(f"The worker that trained it died, {tries} times; it may lack memory.", tries)
    return Failure(reason_of(error), ATTEMPTS)


def train_in_worker(
    number: int, cohort: Cohort, provenance: Provenance, expected: Mapping[str, str], topic: str, record: bool
) -> Tables:
    """The task. Reports every epoch under `topic`."""
    worker: Any = get_worker()
    raise_if_unfit(worker.address, describe_worker(worker), expected)  # a worker may have joined since the check
    start_tensorflow(threads=1)
    from trainer.cohort import train_cohort

    def report(epoch: int, accuracy: float) -> None:
        worker.log_event(topic, (number, epoch, accuracy))

    return train_cohort(cohort, where_trained(provenance), report, record)
