from __future__ import annotations

from napari_stego.export import stale_files


def test_only_files_of_the_kinds_of_an_export_that_it_has_not_written_are_stale(tmp_path):
    for name in [
        "classes.csv",
        "panoptic.json",
        "notes.txt",
        "masks/a.png",
        "masks/dive/gone.png",
        "masks/notes.txt",
        "masks/.1234.png",
        "masks_tiff/a.tif",
        "overlays/a.jpg",
        "panoptic/a.png",
        "mine/gone.png",
    ]:
        (tmp_path / name).parent.mkdir(exist_ok=True, parents=True)
        (tmp_path / name).touch()
    assert stale_files(tmp_path, ("masks", "masks_tiff", "overlays", "panoptic"), {"a"}) == (
        "masks/dive/gone.png",
    )
    assert stale_files(tmp_path, ("masks", "overlays"), {"a", "dive/gone"}) == (
        "masks_tiff/a.tif",
        "panoptic.json",
        "panoptic/a.png",
    )
    assert stale_files(tmp_path / "nowhere", (), ()) == ()
