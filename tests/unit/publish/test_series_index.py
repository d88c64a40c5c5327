"""latest.json and index.html of a series say what is there, whoever was killed when."""

from __future__ import annotations

import datetime as dt
import json
import threading
from pathlib import Path

from support.page import make_verdict

from trueserve.transforms.files import paths
from trueserve.transforms.publish import series_index
from trueserve.transforms.runs import run_folder, series

DAY = dt.timedelta(days=1)
JULY_14 = dt.datetime(2013, 7, 14, tzinfo=dt.UTC)


def publish(output: Path, days: int, outcome: str) -> None:
    start = JULY_14 + days * DAY
    folder = series.window_folder(str(output), start, start + DAY)
    run_folder.publish(folder, make_verdict(outcome), {"report.html": b"<!doctype html>"})


def latest(output: Path) -> tuple[str, str]:
    document = json.loads((output / "latest.json").read_text())
    assert (output / document["path"]).is_file()
    assert (output / document["report"]).is_file()
    return document["window"]["name"], document["verdict"]


def test_a_backfill_of_an_old_day_changes_nothing_of_the_latest(tmp_path: Path) -> None:
    publish(tmp_path, 3, "skew")
    series_index.refresh_latest(str(tmp_path))
    before = (tmp_path / "latest.json").stat()
    publish(tmp_path, 0, "ok")
    series_index.refresh_latest(str(tmp_path))
    assert latest(tmp_path) == ("2013-07-17T00Z_P1D", "skew")
    assert (tmp_path / "latest.json").stat().st_mtime_ns == before.st_mtime_ns


def test_the_latest_may_have_failed(tmp_path: Path) -> None:
    publish(tmp_path, 0, "ok")
    publish(tmp_path, 1, "failed")
    series_index.refresh_latest(str(tmp_path))
    assert latest(tmp_path) == ("2013-07-15T00Z_P1D", "failed")


def test_without_a_window_there_is_no_latest(tmp_path: Path) -> None:
    (tmp_path / "latest.json").write_text("{}")
    series_index.refresh_latest(str(tmp_path))
    series_index.refresh_index(str(tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_the_index_leads_to_the_report_of_each_window(tmp_path: Path) -> None:
    publish(tmp_path, 0, "ok")
    publish(tmp_path, 1, "failed")
    publish(tmp_path, 2, "skew")
    series_index.refresh_index(str(tmp_path))
    html = (tmp_path / "index.html").read_text()
    for link in ("2013-07-14T00Z_P1D", "2013-07-15T00Z_P1D/failed", "2013-07-16T00Z_P1D"):
        assert f'href="windows/{link}/report.html"' in html
        assert (tmp_path / "windows" / link / "report.html").is_file()


def test_of_several_at_once_the_last_has_seen_all(tmp_path: Path) -> None:
    def work(number: int) -> None:
        publish(tmp_path, number, "ok")
        series_index.refresh_latest(str(tmp_path))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert latest(tmp_path) == ("2013-07-21T00Z_P1D", "ok")
    assert [name for name in paths.list_files(str(tmp_path)) if "lease" in name] == []
