"""What was measured is kept, shown and drawn as it was."""

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from rich.console import Console

from bench import pages, plot, results
from bench.errors import BenchError
from bench.results import Result, figure, ratio

SVG = "{http://www.w3.org/2000/svg}"


def result(name: str = "send", *, quick: bool = False, **rates: float) -> Result:
    rates = rates or {"Digest": 1800.0, "another <one>": 900.0}
    return Result(
        name=name,
        title=f"About {name}",
        ratios=(ratio("ours : theirs", 1800, 900, 1.5), ratio("spread", 13, 10, 1.2, most=True)),
        figures=(
            *(figure(what, "messages/s", rate, drawn=True) for what, rate in rates.items()),
            figure("three rounds", "s", 3.0, 1.0, 2.0),
        ),
        notes=("A note.",),
        facts={"cores": "2"},
        quick=quick,
    )


def test_a_figure_is_the_median_of_its_samples() -> None:
    assert figure("three rounds", "s", 3.0, 1.0, 2.0).value == 2.0


def test_a_target_is_met_from_its_own_side() -> None:
    at_least, at_most = result().ratios
    assert at_least.met
    assert at_least.value == 2.0
    assert not at_most.met
    assert (at_least.promise, at_most.promise) == ("at least 1.5", "at most 1.2")


def test_what_is_kept_reads_back_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "new" / "bench.json"
    results.save(file, [result("send"), result("scale")])
    assert results.load(file) == [result("send"), result("scale")]
    first = json.loads(file.read_text())["results"][0]
    assert [each["met"] for each in first["ratios"]] == [True, False]
    assert first["figures"][-1]["value"] == 2.0


def test_nothing_was_measured_where_there_is_no_file(tmp_path: Path) -> None:
    assert results.load(tmp_path / "bench.json") == []


@pytest.mark.parametrize("text", ["", "[]", '{"format": 0}', '{"format": 1, "results": [{}]}'])
def test_a_file_of_another_kind_is_refused_and_left_alone(tmp_path: Path, text: str) -> None:
    file = tmp_path / "bench.json"
    file.write_text(text)
    with pytest.raises(BenchError, match="move it away"):
        results.load(file)
    assert file.read_text() == text


def test_a_new_result_takes_the_place_of_the_old_one_and_leaves_the_others() -> None:
    order = ["send", "relay", "scale"]
    known = [result("scale"), result("send")]
    kept = results.merged(known, result("send", Digest=7.0), order)
    assert kept == [result("send", Digest=7.0), result("scale")]
    assert [each.name for each in results.merged(known, result("relay"), order)] == order


def test_the_table_says_which_targets_are_met() -> None:
    console = Console(record=True, width=120)
    results.show(result(quick=True), console)
    shown = console.export_text()
    for expected in (
        "ours : theirs",
        "2.00",
        "not met",
        "at least 1.5",
        "1,800",
        "3, 1, 2",
        "quick",
    ):
        assert expected in shown, expected
    assert "quick" in shown


def test_the_picture_has_a_bar_for_each_figure_that_is_drawn_as_long_as_it_is_large() -> None:
    picture = ElementTree.fromstring(plot.draw([result()]))
    bars = [each for each in picture.iter(f"{SVG}rect") if each.get("class") in ("ours", "theirs")]
    assert [bar.get("class") for bar in bars] == ["ours", "theirs"]
    ours, theirs = (float(bar.get("width", "0")) for bar in bars)
    assert ours == pytest.approx(2 * theirs)
    words = {text.text for text in picture.iter(f"{SVG}text")}
    assert {"another <one>", "900"} <= words


def test_the_picture_asks_no_other_host_for_anything() -> None:
    drawn = plot.draw([result()])
    assert "http" not in drawn.replace("http://www.w3.org/2000/svg", "")


def test_the_tables_take_the_place_of_those_that_the_page_had() -> None:
    page = f"# Performance\n\n{pages.BEGIN}\nold\n{pages.END}\n\nBehind it.\n"
    once = pages.with_figures(page, [result()])
    assert "old" not in once
    assert "| ours : theirs | **2.00** | at least 1.5 | met |" in once
    assert once.endswith("Behind it.\n")
    assert pages.with_figures(once, [result()]) == once


def test_the_figures_of_a_quick_run_are_not_published() -> None:
    before = pages.PAGE.read_text()
    with pytest.raises(BenchError, match="quick"):
        pages.publish([result(quick=True)])
    assert pages.PAGE.read_text() == before


def test_the_page_has_the_tables_of_the_figures_that_are_kept_beside_it() -> None:
    page = pages.PAGE.read_text()
    assert pages.with_figures(page, results.load(pages.KEPT)) == page
