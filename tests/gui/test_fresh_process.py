"""A process that imports the plugin before it has a window, and then trains.

Mesa's LLVM, which comes with the window, and the one of triton, which comes with torchvision,
do not get along: such a process was once killed by a signal. Run as a program, this file is it.
"""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

STEPS = 4


def live(images, project, backbone, weights):
    """Import, then open the window, then train."""
    import napari_stego.gui  # noqa: F401, I001
    from napari_stego.gui.widget import StegoWidget

    import napari
    from qtpy.QtWidgets import QApplication

    from napari_stego.features import FeatureSettings
    from napari_stego.stego import StegoSettings

    assert QApplication.instance() is None
    viewer = napari.Viewer()
    _, widget = viewer.window.add_plugin_dock_widget("napari-stego")
    assert isinstance(widget, StegoWidget)

    def settle():
        end = time.monotonic() + 240
        while widget.jobs.busy or widget.layers.busy:
            QApplication.processEvents()
            time.sleep(0.002)
            assert time.monotonic() < end

    widget.open(Path(images), Path(project))
    settle()
    form = widget.run_panel.form
    form.show(FeatureSettings(backbone=backbone, layer=3, long_side=96), StegoSettings(dim=6))
    form.advanced["weights_file"].value = Path(weights)
    form.advanced["steps"].value = STEPS
    form.main["clusters"].value = 3
    widget.run_panel.start.click()
    settle()
    maps = Path("/proc/self/maps")
    seen = {
        "steps": len(widget.run_panel.curves.records),
        "classes": len(widget.session.table.rows),
        "layers": [layer.name for layer in viewer.layers],
        "triton": sys.modules.get("triton") is not None,
        "llvm": maps.exists() and "libLLVM" in maps.read_text(),
        "spared": gc.get_freeze_count(),
    }
    viewer.close()
    seen["spared after closing"] = gc.get_freeze_count()
    print(json.dumps(seen))


@pytest.mark.slow
def test_a_process_that_imports_first_and_opens_its_window_then(
    qapp, photographs, small_backbone, small_weights, tmp_path
):
    images = photographs(tmp_path / "dive", 4)
    given = [images, tmp_path / "dive.stego", small_backbone, small_weights]
    done = subprocess.run(
        [sys.executable, __file__, *map(str, given)],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONFAULTHANDLER": "1"},
    )
    assert done.returncode == 0, done.stderr[-4000:]
    seen = json.loads(done.stdout.splitlines()[-1])
    assert (seen["steps"], seen["classes"]) == (STEPS, 3)
    assert seen["layers"] == ["photograph", "classes"]
    assert not (seen["llvm"] and seen["triton"])
    # The collector of garbage passes over what was loaded, as long as there is a dock.
    assert seen["spared"] > 100_000
    assert seen["spared after closing"] == 0


if __name__ == "__main__":
    live(*sys.argv[1:])
