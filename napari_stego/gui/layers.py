"""The layers of the viewer: the photograph, its classes, and what is shown with them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from napari.layers import Labels
from napari.viewer import Viewer
from qtpy.QtCore import QObject, QTimer, Signal

from napari_stego.classes import ClassTable
from napari_stego.corpus import CorpusImage
from napari_stego.gui.class_colormap import class_colormap, class_colours
from napari_stego.gui.class_features import class_features, named_features
from napari_stego.gui.extra_layer import ExtraLayer, confidence_image, region_outlines
from napari_stego.gui.inspect_heatmaps import Heatmaps
from napari_stego.gui.latest import LatestRunner
from napari_stego.gui.notify import show_problem
from napari_stego.gui.own_layers import OwnLayers
from napari_stego.gui.pictures import Picture, read_picture
from napari_stego.gui.places import Places
from napari_stego.gui.preview import Preview
from napari_stego.gui.session import Session
from napari_stego.gui.strokes import LabelImages, Strokes
from napari_stego.gui.view_bar import ViewOptions
from napari_stego.gui.writer import shown_classes
from napari_stego.progress import CancelToken


class LayerStack(QObject):
    """Keeps the layers showing the session's image; the layers stay the same.

    A layer that the user deletes comes back with the next image. Signals:
    ``shown``, after the layers have changed to another image, clusters or
    classes; ``working`` (bool), while these are being made.

    Parameters
    ----------
    viewer : napari.Viewer
        The viewer.
    session : Session
        What is open.
    parent : QObject
        Owner.
    """

    shown = Signal()
    working = Signal(bool)

    def __init__(self, viewer: Viewer, session: Session, parent: QObject) -> None:
        super().__init__(parent)
        self._viewer = viewer
        self._session = session
        self._pictures = LatestRunner("napari-stego picture", self)
        self._picture: Picture | None = None
        self._labels = LabelImages()
        self.strokes = Strokes(session, self)
        self._view = ViewOptions()
        self._alone: int | None = None
        self._hidden: frozenset[int] = frozenset()
        self._coloured: tuple[Labels | None, dict[int, str]] = (None, {})
        self._preview: Preview | None = None
        self.places = Places(viewer)
        self._layers = OwnLayers(viewer)
        self.heatmaps = Heatmaps(self._layers, self)
        self.confidence = ExtraLayer(viewer, self._layers, confidence_image, False, self)
        self.regions = ExtraLayer(viewer, self._layers, region_outlines, True, self)
        session.image_changed.connect(self.refresh)
        session.segmentation_changed.connect(self.refresh)
        session.classes_changed.connect(self._recolour)
        self._description = QTimer(self, singleShot=True)  # once the classes are painted
        self._description.timeout.connect(self._describe)
        session.statistics_changed.connect(self._describe_soon)
        session.leaving.connect(self.strokes.pause)
        session.leaving.connect(self.places.leave)
        viewer.layers.events.removing.connect(self._removing)

    @property
    def busy(self) -> bool:
        """Whether something is still to be shown."""
        return self._pictures.busy or self.heatmaps.busy

    @property
    def label_image(self) -> npt.NDArray[np.uint16] | None:
        """``(H, W)`` class ids on show; None where there are none, or others are on their way."""
        picture, segmentation = self._picture, self._session.segmentation
        if picture is None or picture.clusters is None or segmentation is None:
            return None
        if picture.segmentation is not segmentation or self._outdated(picture):
            return None
        return self._labels.make(segmentation, picture.image, picture.clusters)

    @property
    def image(self) -> CorpusImage | None:
        """The image on show; the session's may still be on its way."""
        return self._picture.image if self._picture is not None else None

    @property
    def drawing(self) -> bool:
        """Whether a click in the viewer is one of napari's tools on the layer of classes."""
        active = self._viewer.layers.selection.active
        return self._layers.are_classes(active) and self.strokes.drawing

    @property
    def hidden(self) -> frozenset[int]:
        """The classes that are not to be seen."""
        return self._hidden

    @property
    def has_strokes(self) -> bool:
        """Whether something was painted on the image on show."""
        picture, segmentation = self._picture, self._session.segmentation
        return (
            picture is not None
            and segmentation is not None
            and bool(segmentation.history.strokes(picture.image.content_hash))
        )

    def reset_strokes(self) -> None:
        """Take back what was painted on the image on show, but for locked classes; one edit."""
        labels, picture, segmentation = self.label_image, self._picture, self._session.segmentation
        if labels is not None and picture is not None and segmentation is not None:
            beneath = segmentation.table.lut()[picture.clusters]
            self.strokes.reset(labels, beneath, picture.image, segmentation)

    def set_view(self, options: ViewOptions) -> None:
        """Show the photograph and its classes in another way.

        Parameters
        ----------
        options : ViewOptions
            How.
        """
        before, self._view = self._view, options
        self._layers.set_contours(options.contours)
        if (before.crf, before.enhancement) != (options.crf, options.enhancement):
            self.refresh()

    def blink(self) -> None:
        """Hide the classes, or show them again, to compare them with the photograph."""
        layer = self._layers.classes
        if layer is not None:
            layer.visible = not layer.visible

    def refresh(self) -> None:
        """Read the session's image and label it, in a thread, and then show it."""
        image, segmentation = self._session.image, self._session.segmentation
        crf, enhancement = self._view.crf, self._view.enhancement
        self.heatmaps.drop()
        self.strokes.pause()
        if image is None:
            return
        held = self._picture
        same = held is not None and held.image == image and held.problem is None
        photograph = held.photograph if held is not None and same else None

        def work(token: CancelToken) -> Picture:
            return read_picture(image, photograph, segmentation, crf, enhancement, token)

        self.working.emit(True)
        self._pictures.submit(work, self._show, lambda: self.working.emit(False))

    def pixel_at(self, position: Any) -> tuple[int, int] | None:
        """Tell which pixel of the photograph is at a place in the viewer.

        Parameters
        ----------
        position : sequence of float
            World coordinates.

        Returns
        -------
        tuple of int or None
            Row and column; None outside the photograph.
        """
        layer = self._layers.photograph
        if layer is None or self._picture is None:
            return None
        row, column = np.rint(layer.world_to_data(position)[-2:]).astype(int).tolist()
        height, width = self._picture.photograph.shape[:2]
        return (row, column) if 0 <= row < height and 0 <= column < width else None

    def highlight(self, class_id: int | None) -> None:
        """Show one class alone.

        Parameters
        ----------
        class_id : int, optional
            The class; None shows all.
        """
        layer = self._layers.classes
        changed, self._alone = class_id != self._alone, class_id
        if layer is not None and changed:  # else it would draw all anew for nothing
            self._show_alone(layer)

    def hide(self, class_ids: frozenset[int]) -> None:
        """Hide classes, and show all others.

        Parameters
        ----------
        class_ids : frozenset of int
            The hidden classes.
        """
        layer, table = self._layers.classes, self._session.table
        changed, self._hidden = class_ids != self._hidden, class_ids
        if layer is not None and table is not None and changed:
            self._colour(layer, table)

    def preview(
        self,
        shown: npt.NDArray[np.uint16],
        colours: Mapping[int, str] | None = None,
        names: Mapping[int, str] | None = None,
    ) -> None:
        """Show something else in the layer of classes; the classes stay as they are.

        Parameters
        ----------
        shown : numpy.ndarray
            ``(n,) uint16``, by class id the class whose colour it gets, on any
            image; or ``(H, W) uint16``, in the place of the label image as long
            as the picture on show stays.
        colours : mapping of int to str, optional
            ``#rrggbb`` by value of a label image; all others are transparent.
        names : mapping of int to str, optional
            What the status bar calls values of a label image that are no class ids.
        """
        self._replace_preview(Preview(shown, colours or {}, self._picture, names))

    @property
    def previewing(self) -> bool:
        """Whether a label image is on show in the place of the classes."""
        return self._shown_instead is not None

    def end_preview(self) -> None:
        """Show the classes again; harmless if there is no preview."""
        if self._preview is not None:
            self._replace_preview(None)

    def _replace_preview(self, preview: Preview | None) -> None:
        before, self._preview = self._preview, preview
        layer, table = self._layers.classes, self._session.table
        if self.label_image is None:
            return
        if preview is not None and layer is not None and not layer.visible:
            layer.visible = True  # setting it draws all anew
        if (
            layer is None
            or table is None
            or not all(p is None or p.of_classes for p in (before, preview))
        ):
            self._show_labels()
        else:
            self._colour(layer, table)

    @property
    def _shown_instead(self) -> npt.NDArray[np.uint16] | None:
        """The label image in the place of the classes, if there is one for the picture on show."""
        return self._preview.label_image(self._picture) if self._preview is not None else None

    def look_at(self, image: str, pixel: tuple[int, int], size: int, marked: bool) -> None:
        """Bring a place of an image to the middle of the canvas and mark it, once it is shown.

        Parameters
        ----------
        image : str
            Name of the image, which is on show or on its way.
        pixel : tuple of int
            Row and column.
        size : int
            Side in pixels of what is to be seen there.
        marked : bool
            Whether to mark it.
        """
        self.places.want(image, pixel, size, marked)
        layer = self._layers.photograph
        if self._picture is None or self._picture.image.name != image:
            return
        if layer is None:
            self.refresh()  # the user has deleted it
        else:
            self.places.show(image, layer)

    def _show_alone(self, layer: Labels) -> None:
        alone = self._alone if self._shown_instead is None else None
        if alone is not None:
            self.strokes.choose(alone)
        if alone is not None or layer.show_selected_label:  # setting it draws all anew
            layer.show_selected_label = alone is not None

    def shut_down(self, seconds: float) -> None:
        """Stop the threads; the layers stay.

        Parameters
        ----------
        seconds : float
            Wait at most so long for each.
        """
        self.strokes.let_go()
        self._viewer.layers.events.removing.disconnect(self._removing)
        self._session.leaving.disconnect(self.strokes.pause)
        self._session.leaving.disconnect(self.places.leave)
        for signal in (self._session.image_changed, self._session.segmentation_changed):
            signal.disconnect(self.refresh)
        self._session.classes_changed.disconnect(self._recolour)
        self._session.statistics_changed.disconnect(self._describe_soon)
        self._description.stop()
        self._pictures.shut_down(seconds)
        self.heatmaps.shut_down(seconds)
        for each in (self.places, self.confidence, self.regions, self._layers):
            each.leave()

    def _removing(self, event: Any) -> None:
        """Keep what was painted on a layer that is about to go."""
        # Equal, not the same: napari gives plugins a proxy of the viewer, and of its layers.
        if self._layers.are_classes(self._viewer.layers[event.index]):
            self.strokes.let_go()

    def _outdated(self, picture: Picture) -> bool:
        """Tell whether clusters were split since, or a split was undone."""
        now = self._session.segmentation
        return (
            now is not None and picture.segmentation is now and picture.splits != now.table.splits
        )

    def _show(self, picture: Picture) -> None:
        if self._outdated(picture):
            self.refresh()
            return
        before, self._picture = self._picture, picture
        turned = before is None or before.image != picture.image
        self._layers.show_photograph(picture.shown, picture.image.path)
        if turned or before is None or before.segmentation is not picture.segmentation:
            self._layers.hide_heatmap()
            self.confidence.hide()
            self.regions.hide()
        self._show_labels()
        if picture.problem is not None:
            show_problem(picture.problem)
        if turned:
            self.places.show(picture.image.name, self._layers.photograph)
            self._viewer.title = f"napari - {picture.image.name}"
        self.shown.emit()

    def _show_labels(self) -> None:
        labels, picture, segmentation = self.label_image, self._picture, self._session.segmentation
        layer, folder = self._layers.classes, self._session.folder
        if labels is None or picture is None or segmentation is None or folder is None:
            if layer is not None:
                self._viewer.layers.remove(layer)
            return
        if layer is None:
            layer = self._layers.add_classes(labels.copy())
        instead = self._shown_instead
        if instead is None:
            self.strokes.show(layer, labels, picture.image, segmentation)
        else:
            self.strokes.show_other(layer, instead)
        # Parts of a split or of a correction are no classes, and are not to be saved as such.
        layer.metadata = (
            shown_classes(folder, picture.image, self._view.crf) if instead is None else {}
        )
        self._colour(layer, segmentation.table)
        self._describe_soon()

    def _colour(self, layer: Labels, table: ClassTable) -> None:
        """Colour the classes, unless they have these colours: a new colormap takes its time."""
        colours = class_colours(table, self._hidden)
        if self._preview is not None:
            colours = self._preview.recoloured(colours, self._picture)
        if self._coloured[0] is not layer or not colours.items() <= self._coloured[1].items():
            layer.colormap = class_colormap(colours)
            self._coloured = (layer, colours)
        self._show_alone(layer)  # of which a new colormap knows nothing

    def _describe_soon(self) -> None:
        self._description.start()

    def _describe(self) -> None:
        """Tell the viewer's status bar about the classes."""
        layer, table = self._layers.classes, self._session.table
        if layer is not None and table is not None:
            names = self._preview.renamed(self._picture) if self._preview is not None else None
            layer.features = (
                class_features(table, self._session.statistics)
                if names is None
                else named_features(names)
            )

    def _recolour(self) -> None:
        if self._preview is not None and self._preview.of_classes:
            self._preview = None  # the classes have changed
        if self._picture is not None and self._outdated(self._picture):
            self.refresh()
        if self.label_image is not None:
            self._show_labels()
            self.shown.emit()
