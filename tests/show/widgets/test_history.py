import pandas as pd
import pytest

from wsss_lib.errors import StoreError
from wsss_lib.evaluate.exploration import explore, history
from wsss_lib.show.widgets.history import History


@pytest.fixture
def tried(pair, tmp_path, monkeypatch):
    monkeypatch.setenv("WSSS_OUTPUT", str(tmp_path / "output"))
    tried = History(pair.classes)
    tried.results = [explore(pair, None, id_, "img", 20) for id_ in ("two", "three")]
    for result in tried.results:
        tried.add(result)
    return tried


def test_each_result_is_a_line_and_the_newest_stands_on_top(tried, pair):
    pd.testing.assert_frame_equal(tried.table, history(tried.results, pair.classes))
    assert tried._shown.value.index("three") < tried._shown.value.index("two")


def test_the_button_saves_the_table_and_says_where(tried, tmp_path):
    tried.button.click()
    path = tmp_path / "output" / "build" / "explorer_history.csv"
    assert pd.read_csv(path)["image"].tolist() == ["two", "three"]
    assert "explorer_history.csv" in tried.said.value


def test_another_path_can_be_given(tried, tmp_path):
    tried.path.value = f" {tmp_path / 'mine.csv'} "
    assert tried.save() == tmp_path / "mine.csv"
    assert len(pd.read_csv(tmp_path / "mine.csv")) == 2


@pytest.mark.parametrize("name", ["file/below.csv", "folder"])
def test_a_path_that_cannot_be_written_is_told_in_red(tried, tmp_path, name):
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    tried.path.value = str(tmp_path / name)
    tried.button.click()
    assert "Cannot write" in tried.said.value
    assert "error" in tried.said.value
    with pytest.raises(StoreError, match="Give the path of a file"):
        tried.save()
