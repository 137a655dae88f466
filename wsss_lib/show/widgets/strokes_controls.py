"""The controls of the stroke painter: classes, brush, mask, files."""

import ipywidgets as widgets

from wsss_lib.show.widgets.strokes_palette import ClassPalette

_WIDE, _HALF = {"width": "auto"}, {"width": "50%"}


class StrokeControls(widgets.VBox):
    """What is painted with, how the mask is made and shown, and which photograph.

    Parameters
    ----------
    palette : ClassPalette

    Attributes
    ----------
    brush : IntSlider
        Width in pixels of the scaled photograph.
    opacity : FloatSlider
        Of the mask.
    refine, live : Checkbox
        Whether a CRF follows the SVM, and whether to segment after each stroke.
    undo, clear, segment, save : Button
    upload : FileUpload
    path : Text
        Of a photograph to open.
    """

    def __init__(self, palette: ClassPalette) -> None:
        self.brush = widgets.IntSlider(8, 1, 60, description="brush", layout=_WIDE)
        self.opacity = widgets.FloatSlider(0.5, max=1, step=0.05, description="mask", layout=_WIDE)
        for slider in (self.brush, self.opacity):
            slider.style.description_width = "3.2em"
        self.refine = widgets.Checkbox(description="refine borders (CRF)", indent=False)
        self.live = widgets.Checkbox(True, description="segment after each stroke", indent=False)
        self.undo = widgets.Button(description="undo", icon="undo", layout=_HALF)
        self.clear = widgets.Button(description="clear", icon="trash", layout=_HALF)
        self.segment = widgets.Button(description="segment", icon="magic", layout=_HALF)
        self.segment.button_style = "primary"
        self.save = widgets.Button(description="save", icon="save", layout=_HALF)
        self.upload = widgets.FileUpload(
            accept="image/*", description="upload a photograph", layout=_WIDE
        )
        self.path = widgets.Text(
            placeholder="or its path, then Enter", continuous_update=False, layout=_WIDE
        )
        strokes = widgets.HBox([self.undo, self.clear])
        mask = widgets.HBox([self.segment, self.save])
        super().__init__(
            [
                *(palette, self.brush, strokes),
                *(self.opacity, self.refine, self.live, mask),
                *(self.upload, self.path),
            ],
            layout={"flex": "0 0 260px", "grid_gap": "6px"},
        )
