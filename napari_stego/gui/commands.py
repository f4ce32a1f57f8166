"""Commands of the manifest, for napari's command palette: each presses what is in the dock."""

from __future__ import annotations

from typing import TYPE_CHECKING

import napari
from napari.utils.notifications import show_info
from qtpy.QtGui import QAction
from qtpy.QtWidgets import QAbstractButton

if TYPE_CHECKING:
    from napari_stego.gui.widget import StegoWidget


def train_and_cluster() -> None:
    """Extract features, train a head and cluster its codes."""
    _press(_dock().run_panel.start)


def cancel() -> None:
    """Cancel what is running."""
    _press(_dock().job_bar.cancel)


def next_photograph() -> None:
    """Show the next photograph of the list."""
    _press(_dock().corpus_panel.next)


def previous_photograph() -> None:
    """Show the photograph before it in the list."""
    _press(_dock().corpus_panel.previous)


def search_all() -> None:
    """Search all photographs for what was pointed at."""
    dock = _dock()
    dock.tabs.show_panel(dock.inspect_panel)
    dock.inspect_panel.results.setCurrentWidget(dock.inspect_panel.search)
    _press(dock.inspect_panel.search.search)


def undo() -> None:
    """Take the last edit of the classes back."""
    _press(_dock().class_panel.undo)


def redo() -> None:
    """Do the edit of the classes again that was undone last."""
    _press(_dock().class_panel.redo)


def export() -> None:
    """Export the classes of all photographs."""
    dock = _dock()
    dock.tabs.show_panel(dock.export_panel)
    _press(dock.export_panel.start)


def _dock() -> StegoWidget:
    """Find the dock of the viewer, or open it."""
    viewer = napari.current_viewer()
    assert viewer is not None  # whose palette has called
    widget: StegoWidget
    _, widget = viewer.window.add_plugin_dock_widget("napari-stego")
    return widget


def _press(what: QAbstractButton | QAction) -> None:
    if not what.isEnabled():
        show_info(f"“{what.text().replace('&', '')}” is not possible now. {what.toolTip()}")
    elif isinstance(what, QAction):
        what.trigger()
    else:
        what.click()
