"""The plugin: the verbs of `napari_stego.project` in napari's window."""
