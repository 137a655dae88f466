"""The benchmark runs and writes what its README promises."""

import importlib
import json
from pathlib import Path

import pytest
from click.testing import CliRunner

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    monkeypatch.setenv("MPLBACKEND", "agg")
    return importlib.import_module("bench")


def test_the_page_has_the_table_of_the_results(bench):
    results = json.loads((BENCHMARKS / "results.json").read_text())
    assert bench.table(results) in (BENCHMARKS / "README.md").read_text()


def test_quick_benchmark(bench, monkeypatch, tmp_path):
    monkeypatch.delenv("WSSS_TEST_VOC", raising=False)
    arguments = ["--quick", "--layers", "img,F5", "--pixels", "300", "--out", str(tmp_path)]
    result = CliRunner().invoke(bench.main, arguments, catch_exceptions=False)
    assert result.exit_code == 0
    results = json.loads((tmp_path / "results.json").read_text())
    assert set(results["row"]) == {
        "ratio_sklearn",
        "ratio_one_thread",
        "ratio_sklearnex",
        "agreement",
        "peak_mb",
    }
    assert set(results["features"]) == {"img", "F5"}
    assert results["row"]["agreement"] > 0.99
    assert results["features"]["F5"]["n_sv"] <= 300
    assert results["machine"]["image"] == "made, small"
    assert "| F5 |" in result.output
    assert (tmp_path / "scaling.png").stat().st_size > 10_000
    assert len((tmp_path / "scaling.csv").read_text().splitlines()) == 17
