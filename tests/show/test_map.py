"""The map of the kit."""

import matplotlib.pyplot as plt

from wsss_lib.show.map import PARTS, kit_map, map_table


def test_parts_name_the_notebooks_that_there_are():
    table = map_table(["01_data", "07_table1", "09_sample_count"])
    assert table.loc["datasets", "notebooks"] == "01 data"
    assert table.loc["evaluate", "notebooks"] == "07 table1, 09 sample count"
    assert table.loc["refine", "notebooks"] == ""


def test_every_notebook_but_the_first_has_one_place():
    numbers = [number for part in PARTS for number in part.numbers.split()]
    assert sorted(numbers) == [f"{number:02}" for number in range(1, 17)]


def test_parts_without_notebook_are_dashed():
    _, ax = plt.subplots()
    kit_map(["01_data"], ax)
    styles = [box.get_linestyle() for box in ax.patches if box.get_width() == 1.3]
    assert styles[0] == "-"
    assert set(styles[1:]) == {"--"}
    plt.close("all")
