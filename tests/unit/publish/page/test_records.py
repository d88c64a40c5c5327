"""What became of the records: each figure, the bar of all, reasons and files."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from trueserve.transforms.publish.page import records

COUNTS = {"read": 0, "decoded": 0, "rejected": 0, "outside_window": 0, "no_time": 0, "excluded": 0}


def accounting(**fields: Any) -> str:
    given: Mapping[str, Any] = {"rejects": {}, "excluded": {}, "files": [], **fields}
    counts = COUNTS | {"rows": 0, "compared": 0} | given.get("counts", {})
    return str(records.accounting({**given, "counts": counts}))


def test_the_bar_has_a_part_for_each_fate_that_records_had() -> None:
    counts = {"read": 2000, "decoded": 1000, "rejected": 500, "excluded": 499, "no_time": 1}
    html = accounting(counts=counts | {"rows": 1, "compared": 1})
    parts = re.findall(r'<rect class="c(\d)" x="([\d.]+)" width="([\d.]+)"', html)
    # What is hardly one in a thousand is still seen.
    assert parts == [
        *(("0", "0.00", "50.00"), ("1", "50.00", "25.00"), ("3", "75.00", "0.20"), ("4", "75.05", "24.95")),
    ]
    assert "The decoded records gave 1 row. Of these rows 1 were compared with training." in html
    assert "<b>2,000</b> <span>records read" in html
    # Of nothing, no part and no division.
    assert re.search('<svg class="stack"[^>]*></svg>', accounting())
    assert "because" not in accounting()


def test_reasons_are_sorted_explained_and_at_most_fifty() -> None:
    html = accounting(rejects={"b": 1, "a": 1, "c": 1500}, excluded={"sample": 3, "strange": 2})
    assert re.findall(r'<tr><td>(\w+).*?class="num">([\d,]+)<', html) == [
        *(("c", "1,500"), ("a", "1"), ("b", "1"), ("sample", "3"), ("strange", "2")),
    ]
    assert html.count("not in the sample of --sample") == 1
    assert html.count("<tr><td>") == 5
    most = accounting(rejects={f"r{i}": 60 - i for i in range(51)})
    assert re.findall(r"<tr><td>r(\d+)", most) == [str(i) for i in range(50)]


def file(name: str | None, read: int = 1) -> Mapping[str, Any]:
    counts: Mapping[str, Any] = {**COUNTS, "read": read, "decoded": read}
    return {**counts, "file": name, "rejected": {}, "excluded": {}}


def files(*every: Mapping[str, Any]) -> list[tuple[str, str]]:
    html = accounting(files=every).partition("File")[2]
    rows = re.findall(r'<tr><td>(.*?)</td><td class="num">([\d,]+)', html)
    return [(re.sub("<[^>]*>", "", label), read) for label, read in rows]


def test_files_are_shown_up_to_fifty_and_the_others_summed() -> None:
    assert files() == []
    assert files(file("a", 3), file("b", 1000)) == [("a", "3"), ("b", "1,000")]
    assert len(files(*[file(f"f{i}") for i in range(50)])) == 50
    more = files(*[file(f"f{i}", i) for i in range(52)])
    assert (len(more), more[-1]) == (51, ("2 more files", "101"))
    assert files(*[file("f")] * 51)[-1] == ("1 more file", "1")
    # The last entry sums up what was not kept file by file.
    assert files(file("a"), file(None, 7))[-1] == ("All other files", "7")


def test_a_file_has_its_own_reasons() -> None:
    single = {**file("a", 9), "rejected": {"bad": 2, "worse": 1}, "excluded": {"sample": 4}}
    html = accounting(files=[single])
    numbers = re.findall(r'<td class="num">(\d+)</td>', html)
    assert numbers == ["9", "9", "3", "0", "0", "4"]
    assert '<td class="w">sample 4, bad 2, worse 1</td>' in html
