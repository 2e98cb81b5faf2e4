"""Who does the work: this process, all cores of this machine, or the machines of a Ray cluster. Each does the same with the same functions.

An engine is told a function, a job and items, and gives each item with its result as it is done. Work is written so that doing it twice
does no harm; an engine does again what a worker that died had not finished.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from importlib import import_module
from typing import Any, Protocol, TypeVar

from cds.population.export import ExportError
from cds.population.job import Job, prepare

T = TypeVar("T")
R = TypeVar("R")

IN_FLIGHT = 4
"""Items given to a Ray cluster at a time, for each of its processors."""
TRIES = 5
"""How often Ray tries an item whose worker dies."""


class Each(Protocol):
    """Do something with every item; gives items and results in the order in which they are done."""

    def __call__(self, function: Callable[[Job, T], R], job: Job, items: Iterable[T]) -> Iterator[tuple[T, R]]:
        """The items with their results."""
        ...


Engine = Callable[[], AbstractContextManager[Each]]
"""Ready to work while it is open."""


@contextmanager
def alone() -> Iterator[Each]:
    """In this process."""

    def each(function: Callable[[Job, T], R], job: Job, items: Iterable[T]) -> Iterator[tuple[T, R]]:
        return ((item, function(job, item)) for item in items)

    yield each


def on_cores(processes: int | None = None) -> Engine:
    """On the cores of this machine; all of them unless a number is given."""
    count = processes or os.cpu_count() or 1

    @contextmanager
    def engine() -> Iterator[Each]:
        pools: list[ProcessPoolExecutor] = []

        def pool() -> ProcessPoolExecutor:
            if not pools:
                pools.append(ProcessPoolExecutor(count, multiprocessing.get_context("spawn"), _leave_with_parent))
            return pools[0]

        def each(function: Callable[[Job, T], R], job: Job, items: Iterable[T]) -> Iterator[tuple[T, R]]:
            left = dict(enumerate(items))
            while left:
                before = len(left)
                running = {pool().submit(_work, function, job, item): number for number, item in left.items()}
                try:
                    for future in as_completed(running):
                        result: Any = future.result()
                        yield left.pop(running[future]), result
                except BrokenProcessPool:
                    pools.clear()
                    if len(left) == before:
                        raise ExportError(_STOPPED) from None

        try:
            yield each
        finally:  # who stops a run does not want to wait for the rest of it
            for open_ in pools:
                open_.shutdown(cancel_futures=True)

    return engine


def on_ray(processes: int | None = None) -> Engine:
    """On the Ray cluster that `RAY_ADDRESS` names, or on one of so many processes that is started here for the run.

    All machines must see the export and the folder of the output under the same paths. Raises `ExportError` if there is no Ray.
    """

    @contextmanager
    def engine() -> Iterator[Each]:
        try:
            ray: Any = import_module("ray")
        except ModuleNotFoundError:
            raise ExportError("Ray is not installed; `pip install 'ranvier[ray]'` brings it") from None
        started = not ray.is_initialized()
        if started:
            where: dict[str, Any] = {"address": "auto"} if "RAY_ADDRESS" in os.environ else {"num_cpus": processes or os.cpu_count()}
            try:
                ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.ERROR, **where)
            except (ConnectionError, ray.exceptions.RayError) as error:
                raise ExportError(f"the Ray cluster cannot be reached ({type(error).__name__})") from None
        remote: Any = ray.remote(max_retries=TRIES)(_work)

        def each(function: Callable[[Job, T], R], job: Job, items: Iterable[T]) -> Iterator[tuple[T, R]]:
            left = iter(items)
            at_once = IN_FLIGHT * max(1, int(ray.cluster_resources().get("CPU", 1)))
            running: dict[Any, T] = {}
            while True:
                while len(running) < at_once and (item := next(left, None)) is not None:
                    running[remote.remote(function, job, item)] = item
                if not running:
                    return
                for reference in ray.wait(list(running))[0]:
                    yield running.pop(reference), _result(ray, reference)

        try:
            yield each
        finally:
            if started:
                ray.shutdown()

    return engine


_STOPPED = (
    "the system stops the worker processes, most likely for want of memory; run it again with fewer --processes, it goes on where it was"
)


def _leave_with_parent() -> None:
    """End this process when the one that started it is gone, however that ended; it would wait for work for ever."""
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _result(ray: Any, reference: Any) -> Any:
    try:
        return ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        raise error.cause from None
    except ray.exceptions.RayError as error:
        raise ExportError(f"the Ray cluster gave up ({type(error).__name__}); run it again, it goes on where it was") from None


def _work(function: Callable[[Job, T], R], job: Job, item: T) -> R:
    prepare(job.site)
    return function(job, item)
