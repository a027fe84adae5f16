"""`python -m trainer`: trains what the studies ask for and the store lacks, and publishes it."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from trainer import engine, provenance
from trainer.datasets import DATA_FOLDER, MNIST_FILE, read_mnist
from trainer.errors import FathomError
from trainer.estimate import estimate
from trainer.progress import duration
from trainer.refresh import refresh
from trainer.store import Store
from trainer.study import Study, find_studies, read_study


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    # Nothing in a message is markup: a path may hold brackets and colons.
    out, err = (
        Console(stderr=stderr, highlight=False, soft_wrap=True, markup=False, emoji=False) for stderr in (False, True)
    )
    try:
        return _run(options, out, err)
    except FathomError as error:
        err.print(str(error))
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m trainer",
        description="Trains what the studies ask for and the store lacks, and publishes the results.",
    )
    parser.add_argument("studies", nargs="*", metavar="STUDY", help="a study's name, or the path of a study file")
    parser.add_argument("--list", action="store_true", help="list the studies and what of them is trained")
    parser.add_argument("--dry-run", action="store_true", help="show what would be trained and how long it would take")
    parser.add_argument("--force", action="store_true", help="train also what is already trained, and replace it")
    parser.add_argument("--data", type=Path, default=DATA_FOLDER, metavar="DIR", help="folder of the store")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--workers", type=_positive, default=None, metavar="N", help="cores to train on, a process each (default: all)"
    )
    where.add_argument(
        "--scheduler", default=None, metavar="ADDRESS", help="Dask cluster to train on, such as tcp://10.0.0.1:8786"
    )
    return parser


def _positive(text: str) -> int:
    number = int(text) if text.isdecimal() else 0
    if number < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number of at least 1, got '{text}'; give another")
    return number


def _run(options: argparse.Namespace, out: Console, err: Console) -> int:
    studies = [read_study(path) for path in find_studies(options.studies)]
    store = Store(options.data, notify=err.print)
    finished = store.finished_runs()
    if options.list:
        _list(studies, finished, out)
        return 0
    wanted = {run.run_id: run for study in studies for run in study.runs}
    runs = [run for run_id, run in wanted.items() if options.force or run_id not in finished]
    if options.dry_run:
        _describe_plan(engine.plan(wanted.values(), () if options.force else finished), options, out)
        return 0
    if not runs:
        return _nothing_to_train(store, studies, len(wanted), out)
    if any(run.dataset == "mnist" for run in runs):
        read_mnist(MNIST_FILE)
    workers = options.workers or engine.default_workers()
    return refresh(store, studies, out, workers, options.scheduler, options.force)


def _list(studies: Sequence[Study], finished: set[str], out: Console) -> None:
    table = Table("study", "runs", "trained", "question", box=None, pad_edge=False)
    for study in studies:
        trained = sum(run.run_id in finished for run in study.runs)
        state = "complete" if trained == len(study.runs) else str(trained)
        table.add_row(study.name, str(len(study.runs)), state, study.question)
    out.print(table)


def _describe_plan(cohorts: Sequence[engine.Cohort], options: argparse.Namespace, out: Console) -> None:
    runs = [run for cohort in cohorts for run in cohort]
    operations = sum(run.performed_flops for run in runs)
    out.print(
        f"{len(runs)} runs in {len(cohorts)} cohorts, {sum(run.parameters for run in runs):,} parameters, "
        f"{operations / 1e12:,.1f} × 10¹² floating-point operations of training."
    )
    if cohorts and not options.scheduler:
        workers = options.workers or engine.default_workers()
        expected = estimate(cohorts, provenance.gather(), workers)
        processes = min(workers, len(cohorts))
        plural = "es" if processes > 1 else ""
        out.print(
            f"It would take about {duration(expected.seconds)} here with {processes} process{plural}, "
            f"{expected.compile_share:.0%} of it to compile; a few of the cohorts were rehearsed to find out."
        )
    out.print("Nothing was trained.")


def _nothing_to_train(store: Store, studies: Sequence[Study], runs: int, out: Console) -> int:
    names = ", ".join(study.name for study in studies)
    elsewhere = "" if store.folder == DATA_FOLDER else f" -- --data {store.folder}"
    out.print(
        f"Everything is complete: all {runs} runs of {names} are trained. To train them anyway, add --force; to see "
        f"them, run 'streamlit run dashboard/app.py{elsewhere}'."
    )
    if store.must_publish(studies):
        store.prepare()
        store.remember_studies(studies)
        out.print(f"Published as {store.publish()}.")
    return 0
