"""The napari plugin: the same verbs as the command line, on the viewer."""

from napari_stego.gui.llvm import keep_triton_out

# Before any other module of this folder, since those import torchvision.
keep_triton_out()
