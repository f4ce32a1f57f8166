"""What the panel says of an export."""

from __future__ import annotations

from napari_stego.project import ExportSettings


def test_files_of_an_earlier_export_are_told(plugin, settled, clustered, tmp_path):
    _, widget = plugin()
    widget.open(None, clustered)
    settled(widget)
    settings = {"tiff": False, "panoptic": False, "crf": None}
    widget.export(tmp_path / "out", ExportSettings(png=True, overlays=True, **settings))
    settled(widget)
    assert "earlier export" not in widget.job_bar.status.text()
    widget.export(tmp_path / "out", ExportSettings(png=True, overlays=False, **settings))
    settled(widget)
    text = widget.job_bar.status.text()
    kept = list((tmp_path / "out" / "overlays").iterdir())
    assert kept
    assert f"{len(kept)} files are of an earlier export" in text
    assert all(f"overlays/{path.name}" in text for path in kept[:10])
