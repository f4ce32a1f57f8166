"""What is looked for, in words, and the buttons that change it."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from napari_stego.gui.prompts import PromptSet
from napari_stego.gui.prompts_layer import PromptsLayer

_TOOLS = (
    ("Bo&x", "add_rectangle", "Drag a box around what to look for"),
    ("Lasso", "add_polygon_lasso", "Draw around what to look for, with the button held down"),
)
_HINT = "Click something in the photograph to see where else it is."
_NOTHING = "There is nothing to compare yet. Open photographs (Alt+1), then train (Alt+2)."
_MORE = "Shift+click: also like this. Ctrl+click: not like this."


class PromptsBar(QWidget):
    """Tells how many prompts there are; draws regions, goes back, and clears.

    Parameters
    ----------
    prompts : PromptSet
        The prompts.
    layer : PromptsLayer
        Where they are drawn.
    parent : QWidget
        Owner.
    """

    def __init__(self, prompts: PromptSet, layer: PromptsLayer, parent: QWidget) -> None:
        super().__init__(parent)
        self._prompts = prompts
        self._layer = layer
        self._possible = False
        self.line = QLabel(self)
        self.line.setWordWrap(True)
        self.line.setAccessibleName("What is looked for")
        self.tools = {mode: QPushButton(text, self) for text, mode, _ in _TOOLS}
        for _, mode, tip in _TOOLS:
            tool = self.tools[mode]
            tool.setCheckable(True)
            tool.setToolTip(f"{tip}; press again to give up")
            tool.clicked.connect(lambda checked, m=mode: self._draw(m, checked))
        self.unlike = QCheckBox("&Not this", self)
        self.unlike.setToolTip("Draw around what is not meant, as Ctrl+click points at it")
        self.unlike.toggled.connect(self._redraw)
        self.undo = QPushButton("&Undo prompt", self)
        self.undo.setToolTip("Go back to what was looked for before")
        self.undo.clicked.connect(prompts.undo)
        self.clear = QPushButton("Clear", self)
        self.clear.setToolTip("Look for nothing, and take the marks off the photograph")
        self.clear.clicked.connect(prompts.clear)
        row = QHBoxLayout()
        row.setSpacing(4)
        for widget in (*self.tools.values(), self.unlike, self.undo, self.clear):
            row.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(4)
        layout.addWidget(self.line)
        layout.addLayout(row)
        prompts.changed.connect(self._follow)
        layer.drawn.connect(self._drawn)
        self._follow()

    def allow(self, possible: bool) -> None:
        """Let regions be drawn, if there is something to compare.

        Parameters
        ----------
        possible : bool
            Whether there is.
        """
        self._possible = possible
        for widget in (*self.tools.values(), self.unlike):
            widget.setEnabled(possible)
        self._follow()

    def _draw(self, mode: str, wanted: bool) -> None:
        if wanted:
            self._layer.draw(mode, not self.unlike.isChecked())
            for other, tool in self.tools.items():
                tool.setChecked(other == mode)
        else:
            self._layer.give_up()

    def _redraw(self) -> None:
        for mode, tool in self.tools.items():
            if tool.isChecked():
                self._layer.draw(mode, not self.unlike.isChecked())

    def _drawn(self) -> None:
        for tool in self.tools.values():
            tool.setChecked(False)

    def _follow(self) -> None:
        prompts = self._prompts.prompts
        self.undo.setEnabled(self._prompts.can_undo)
        self.clear.setEnabled(bool(prompts))
        unlike = sum(not prompt.positive for prompt in prompts)
        like = len(prompts) - unlike
        if not prompts:
            self.line.setText(_HINT if self._possible else _NOTHING)
        elif not self._prompts.kept:
            self.line.setText(f"Where else is what you clicked? {_MORE}")
        else:
            parts = [f"{like} like this"] * bool(like) + [f"{unlike} not like this"] * bool(unlike)
            self.line.setText(f"Prompts: {', '.join(parts)}. {_MORE}")
