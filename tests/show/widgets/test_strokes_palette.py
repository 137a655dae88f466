import pytest

from wsss_lib.datasets.classes import VOID
from wsss_lib.errors import ParameterError
from wsss_lib.show.widgets.strokes_palette import MOST, ClassPalette, css


def chosen(palette):
    return [place for place, button in enumerate(palette.buttons) if button.icon == "pencil"]


def test_a_button_chooses_its_class():
    palette = ClassPalette(["sky", "sea", "sand"])
    palette.buttons[1].click()
    assert (palette.label, chosen(palette)) == (1, [1])
    assert palette.buttons[1].style.button_color == css(1) == "#800000"
    palette.eraser.click()
    assert (palette.label, chosen(palette), palette.eraser.icon) == (VOID, [], "eraser")
    palette.buttons[0].click()
    assert (palette.label, chosen(palette), palette.eraser.icon) == (0, [0], "")


def test_names_can_be_typed_and_classes_added_up_to_the_last_of_voc():
    palette = ClassPalette(["sky", "sea"])
    palette.fields[1].value = "lake"
    palette.more.click()
    assert palette.names == ("sky", "lake", "class 2")
    assert palette.label == 2
    for _ in range(MOST - 3):
        assert not palette.more.disabled
        palette.more.click()
    assert palette.more.disabled
    assert len(palette.children) == MOST + 1


@pytest.mark.parametrize("count", [1, 22])
def test_too_few_or_too_many_classes_are_refused(count):
    with pytest.raises(ParameterError, match=f"{count} names .* 2 to 21"):
        ClassPalette(["a"] * count)
