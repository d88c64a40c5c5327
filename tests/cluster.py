"""`make cluster-test`: Dask in network namespaces of its own, an object store, and processes that are killed.

A store, a scheduler, three workers and the launcher are in six namespaces. What they share cannot be written
there: the checkout and the packages. Logs, baseline and results are in the store. What `validate` and
`backtest` give must be what they give in one process, and what happens when a process is lost must be what
docs/scale.md says. Needs root; a machine without namespaces says so in one line, with exit code 3.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from support import backtest, namespaces
from support.cluster_world import LOGS, TIMEOUT_SECONDS, World, same
from support.dask_cluster import DIE

# From a loss to the end of the command: to see it, and to publish `failed`, on a machine with other work too.
SOON = 90
LATE = SOON + TIMEOUT_SECONDS
POINTS = ("read", "merge", "publish", "commit", "committed")


def validate_gives_the_same_verdict(world: World) -> None:
    done = world.run("validate", LOGS, "same", *world.flags())
    assert (done.code, done.errors) == (1, [])
    same(world.verdict("same"), world.verdict("here"))
    assert {name for name, _ in world.control.reached} >= set(POINTS)


def backtest_writes_the_same_files(world: World) -> None:
    for output, flags in {"past-here": [], "past": world.flags()}.items():
        done = world.run("backtest", "past-logs", output, *backtest.SPAN, *flags)
        assert (done.code, done.errors) == (0, [])
    same(world.objects("past"), world.objects("past-here"))


def a_worker_killed_costs_nothing(world: World, point: str) -> None:
    killed: list[str] = []

    def order(worker: str) -> str:
        killed.append(worker)
        return DIE

    world.control.orders[point] = order
    done = world.run("validate", LOGS, f"killed-{point}", *world.flags())
    assert (done.code, done.errors, len(killed)) == (1, [], 1)
    same(world.verdict(f"killed-{point}"), world.verdict("here"))
    world.restart_worker(killed[0])


def all_workers_killed(world: World) -> None:
    world.control.orders["read"] = lambda _: world.kill_workers()
    done = world.run("validate", LOGS, "no-workers", *world.flags())
    world.check_failed(done, "no-workers", "Dask has had no worker, or lost all, for 2", LATE)


def no_workers(world: World) -> None:
    done = world.run("validate", LOGS, "never-workers", *world.flags())
    world.check_failed(done, "never-workers", "Dask has had no worker, or lost all, for 2", SOON)


def scheduler_killed(world: World) -> None:
    world.restart()
    world.control.orders["read"] = lambda _: world.kill_scheduler()
    done = world.run("validate", LOGS, "no-scheduler", *world.flags())
    world.check_failed(done, "no-scheduler", f"the Dask scheduler at {world.cluster.address} is lost", SOON)


def no_scheduler(world: World) -> None:
    done = world.run("validate", LOGS, "never-scheduler", *world.flags(), "--dask_connection_timeout=3")
    world.check_failed(done, "never-scheduler", "no Dask scheduler has answered for 3 s", SOON)


def scheduler_that_hangs(world: World) -> None:
    world.restart()
    world.control.orders["read"] = lambda _: world.stop_scheduler()
    done = world.run("validate", LOGS, "hangs", *world.flags())
    world.check_failed(done, "hangs", f"the Dask scheduler at {world.cluster.address} is lost", LATE)


def launcher_killed(world: World) -> None:
    """Dask drops the job. Another run is not disturbed, and nothing of the first is ever published."""
    world.restart()
    world.control.orders["read"] = lambda _: world.kill_launcher()
    assert world.run("validate", LOGS, "orphan", *world.flags()).code < 0
    assert world.objects("orphan") == {}
    done = world.run("validate", LOGS, "orphan", *world.flags())
    assert (done.code, done.errors) == (1, [])
    same(world.verdict("orphan"), world.verdict("here"))
    assert len(world.attempts("orphan")) == 1


def launcher_killed_while_the_verdict_is_published(world: World) -> None:
    """What a worker is about to publish is published, and whole."""
    committed = world.event_at("committed")
    world.control.orders["commit"] = lambda _: world.kill_launcher()
    assert world.run("validate", LOGS, "late", *world.flags()).code < 0
    assert committed.wait(LATE)
    same(world.verdict("late"), world.verdict("here"))


def main() -> int:
    """Runs cases on one cluster; 1 at the first that fails, 3 where the machine cannot do it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--or-skip", action="store_true", help="0 where the machine cannot do it")
    parser.add_argument("cases", nargs="*", help="parts of names of cases; default: all")
    parsed = parser.parse_args()
    if not namespaces.is_inside():
        if lack := namespaces.lacking():
            print(f"cluster-test: not run: {lack}")
            return 0 if parsed.or_skip else 3
        return namespaces.enter([*_flags(), *sys.argv])
    _run({name: case for name, case in cases().items() if _is_meant(name, parsed.cases)})
    return 0


def _is_meant(name: str, parts: Sequence[str]) -> bool:
    return not parts or any(part in name for part in parts)


def _run(chosen: Mapping[str, Callable[[World], None]]) -> None:
    with tempfile.TemporaryDirectory(prefix="trueserve-cluster-") as folder, World(Path(folder)) as world:
        print(f"cluster-test: {', '.join(world.hosts)} in namespaces of their own", flush=True)
        for name, case in chosen.items():
            start = time.monotonic()
            try:
                case(world)
            except AssertionError:
                print(f"cluster-test: {name} FAILED\n{world.logs()}", flush=True)
                raise
            print(f"cluster-test: {name}: ok, {time.monotonic() - start:.0f} s", flush=True)


def _flags() -> list[str]:
    return [f"-W{option}" for option in sys.warnoptions]


def cases() -> dict[str, Callable[[World], None]]:
    """What is tried, by what is printed of it."""

    def killed(point: str) -> Callable[[World], None]:
        return lambda world: a_worker_killed_costs_nothing(world, point)

    others = (all_workers_killed, no_workers, scheduler_killed, no_scheduler, scheduler_that_hangs)
    launchers = (launcher_killed, launcher_killed_while_the_verdict_is_published)
    return {
        **{case.__name__: case for case in (validate_gives_the_same_verdict, backtest_writes_the_same_files)},
        **{f"a_worker_killed_at_{point}_costs_nothing": killed(point) for point in POINTS},
        **{case.__name__: case for case in (*others, *launchers)},
    }


if __name__ == "__main__":
    sys.exit(main())
