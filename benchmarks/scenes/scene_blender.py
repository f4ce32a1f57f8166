"""Putting models and surfaces into Blender, and photographing them. Needs ``bpy`` 4.5."""

from __future__ import annotations

import colorsys
import math
from collections.abc import Sequence
from functools import cache
from pathlib import Path

import bpy
import numpy as np
from mathutils import Matrix, Vector
from PIL import Image
from scene_models import INDEX, VOID, Catalogue, Model

WIDTH, HEIGHT = 480, 360
SAMPLES = 6


class Scene:
    """The scene under construction in Blender.

    Parameters
    ----------
    catalogue : dict
        Models by kind.
    textures : Path
        Folder of the textures.
    rng : numpy.random.Generator
        Source of every choice.
    """

    def __init__(self, catalogue: Catalogue, textures: Path, rng: np.random.Generator) -> None:
        self.catalogue, self.textures, self.rng = catalogue, textures, rng
        self.taken: list[tuple[float, float, float, float]] = []
        for thing in list(bpy.data.objects):
            bpy.data.objects.remove(thing)
        for store in (bpy.data.lights, bpy.data.cameras):
            for thing in list(store):
                store.remove(thing)
        for mesh in list(bpy.data.meshes):
            if not mesh.use_fake_user:
                bpy.data.meshes.remove(mesh)
        for material in list(bpy.data.materials):
            if not material.users:
                bpy.data.materials.remove(material)

    def pick(self, kind: str) -> Model:
        """Return any model of the kind."""
        models = self.catalogue[kind]
        return models[self.rng.integers(len(models))]

    def chance(self, p: float) -> bool:
        """Return whether something of probability `p` happens."""
        return bool(self.rng.random() < p)

    def between(self, low: float, high: float) -> float:
        """Return a number from `low` to `high`."""
        return float(self.rng.uniform(low, high))

    def put(self, model: Model, x: float, y: float, z: float, turn: float) -> None:
        """Put the model's foot at (x, y, z), its front turned from -y by `turn` radians."""
        thing = bpy.data.objects.new("model", _mesh(model))
        thing.location = (x, y, z)
        thing.rotation_euler = (0, 0, turn)
        thing.pass_index = model.class_index + 1
        bpy.context.scene.collection.objects.link(thing)

    def stand(
        self, model: Model, x: float, y: float, turn: float, *, gap: float = 0.05, z: float = 0.0
    ) -> bool:
        """Put the model there unless it would touch another; return whether it was put."""
        width, depth, _ = model.size
        cos, sin = abs(math.cos(turn)), abs(math.sin(turn))
        half_x, half_y = (width * cos + depth * sin) / 2, (width * sin + depth * cos) / 2
        box = (x - half_x, y - half_y, x + half_x, y + half_y)
        for other in self.taken:
            if (
                box[0] < other[2] + gap
                and other[0] < box[2] + gap
                and box[1] < other[3] + gap
                and other[1] < box[3] + gap
            ):
                return False
        self.taken.append(box)
        self.put(model, x, y, z + model.elevation, turn)
        return True

    def panel(
        self,
        centre: Sequence[float],
        size: Sequence[float],
        angles: Sequence[float],
        name: str,
        material: bpy.types.Material,
    ) -> bpy.types.Object:
        """Add a rectangle of `size` metres, textured in metres, of class `name`."""
        w, h = size[0] / 2, size[1] / 2
        mesh = bpy.data.meshes.new("panel")
        mesh.from_pydata([(-w, -h, 0), (w, -h, 0), (w, h, 0), (-w, h, 0)], [], [(0, 1, 2, 3)])
        uv = mesh.uv_layers.new()
        for corner, (u, v) in zip(uv.data, ((-w, -h), (w, -h), (w, h), (-w, h)), strict=True):
            corner.uv = (u, v)
        mesh.materials.append(material)
        thing = bpy.data.objects.new("panel", mesh)
        thing.location, thing.rotation_euler = centre, angles
        thing.pass_index = INDEX[name] + 1
        bpy.context.scene.collection.objects.link(thing)
        return thing

    def light(
        self,
        kind: str,
        place: Sequence[float],
        angles: Sequence[float],
        power: float,
        size: float,
        warm: float,
    ) -> None:
        """Add a sun or a square lamp; `size` is its angle or its side, `warm` is 0 to 1."""
        lamp = bpy.data.lights.new("light", kind)
        lamp.energy = power
        lamp.color = (1.0, 1.0 - 0.25 * warm, 1.0 - 0.6 * warm)
        if kind == "AREA":
            lamp.size = size
        else:
            lamp.angle = size
        thing = bpy.data.objects.new("light", lamp)
        thing.location, thing.rotation_euler = place, angles
        thing.visible_camera = False
        bpy.context.scene.collection.objects.link(thing)

    def paint(self, pale: bool = True) -> bpy.types.Material:
        """Return plain paint of a random hue."""
        value = self.between(0.55, 0.9) if pale else self.between(0.2, 0.8)
        saturation = self.between(0.0, 0.35) if pale else self.between(0.1, 0.6)
        colour = colorsys.hsv_to_rgb(self.rng.random(), saturation, value)
        return plain([c**2.2 for c in colour], self.between(0.4, 0.9))

    def texture(
        self,
        name: str,
        metres: float,
        *,
        shine: float = 0.7,
        turned: bool = False,
        hue: tuple[float, float] = (0.46, 0.54),
    ) -> bpy.types.Material:
        """Return the texture `name`, one tile `metres` wide, in a slightly random colour.

        `hue` bounds Blender's shift of hue, of which 0.5 is none; `turned` may turn it by 90
        degrees.
        """
        material, shader = _material(name)
        nodes, links = material.node_tree.nodes, material.node_tree.links
        place, mapping = nodes.new("ShaderNodeTexCoord"), nodes.new("ShaderNodeMapping")
        image, colour = nodes.new("ShaderNodeTexImage"), nodes.new("ShaderNodeHueSaturation")
        image.image = bpy.data.images.load(str(self.textures / f"{name}.jpg"), check_existing=True)
        ratio = image.image.size[0] / image.image.size[1]
        mapping.inputs["Scale"].default_value = (1 / metres, ratio / metres, 1)
        if turned:
            mapping.inputs["Rotation"].default_value = (0, 0, math.pi / 2 * self.rng.integers(2))
        colour.inputs["Hue"].default_value = self.between(*hue)
        colour.inputs["Saturation"].default_value = self.between(0.6, 1.3)
        colour.inputs["Value"].default_value = self.between(0.6, 1.2)
        # Slow patches of brightness hide the repetition of the tile.
        noise, ramp = nodes.new("ShaderNodeTexNoise"), nodes.new("ShaderNodeMapRange")
        noise.inputs["Scale"].default_value = 1.3
        noise.inputs["Detail"].default_value = 3.0
        ramp.inputs["To Min"].default_value, ramp.inputs["To Max"].default_value = 0.55, 1.35
        tint = nodes.new("ShaderNodeVectorMath")
        tint.operation = "SCALE"
        links.new(place.outputs["UV"], mapping.inputs["Vector"])
        links.new(mapping.outputs["Vector"], image.inputs["Vector"])
        links.new(image.outputs["Color"], colour.inputs["Color"])
        links.new(place.outputs["UV"], noise.inputs["Vector"])
        links.new(noise.outputs["Fac"], ramp.inputs["Value"])
        links.new(colour.outputs["Color"], tint.inputs[0])
        links.new(ramp.outputs["Result"], tint.inputs["Scale"])
        links.new(tint.outputs["Vector"], shader.inputs["Base Color"])
        shader.inputs["Roughness"].default_value = shine
        return material


def _material(name: str) -> tuple[bpy.types.Material, bpy.types.Node]:
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    return material, material.node_tree.nodes["Principled BSDF"]


def plain(colour: Sequence[float], roughness: float) -> bpy.types.Material:
    """Return a material of one linear colour."""
    material, shader = _material("plain")
    shader.inputs["Base Color"].default_value = (*colour, 1)
    shader.inputs["Roughness"].default_value = roughness
    return material


def glow(image: Path | None, power: float) -> bpy.types.Material:
    material = bpy.data.materials.new("glow")
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    nodes.clear()
    shine, out = nodes.new("ShaderNodeEmission"), nodes.new("ShaderNodeOutputMaterial")
    shine.inputs["Strength"].default_value = power
    if image is not None:
        picture = nodes.new("ShaderNodeTexImage")
        place = nodes.new("ShaderNodeTexCoord")
        picture.image = bpy.data.images.load(str(image), check_existing=True)
        picture.extension = "MIRROR"
        links.new(place.outputs["Generated"], picture.inputs["Vector"])
        links.new(picture.outputs["Color"], shine.inputs["Color"])
    links.new(shine.outputs["Emission"], out.inputs["Surface"])
    return material


@cache
def _mesh(model: Model) -> bpy.types.Mesh:
    """Read a model, turn it z up, and scale it to its size with its foot at the origin."""
    before = set(bpy.data.objects)
    bpy.ops.wm.obj_import(filepath=str(model.path))
    parts = [thing for thing in bpy.data.objects if thing not in before]
    with bpy.context.temp_override(
        active_object=parts[0], selected_editable_objects=parts, selected_objects=parts
    ):
        bpy.ops.object.join()
    thing = parts[0]
    mesh = thing.data
    upright = Matrix(((1, 0, 0, 0), (0, 0, -1, 0), (0, 1, 0, 0), (0, 0, 0, 1)))
    rows = [model.rotation[i : i + 3] for i in (0, 3, 6)]
    mesh.transform(upright @ Matrix(rows).to_4x4() @ upright.inverted() @ thing.matrix_world)
    bpy.data.objects.remove(thing)
    points = np.empty(len(mesh.vertices) * 3)
    mesh.vertices.foreach_get("co", points)
    points = points.reshape(-1, 3)
    low, high = points.min(axis=0), points.max(axis=0)
    points -= (*((low + high) / 2)[:2], low[2])
    points *= np.asarray(model.size) / np.maximum(high - low, 1e-6)
    mesh.vertices.foreach_set("co", points.ravel())
    mesh.update()
    mesh.use_fake_user = True
    for material in mesh.materials:
        _mend(material)
    return mesh


def _mend(material: bpy.types.Material) -> None:
    """Make a material usable whose picture is not in the archive: keep its plain colour."""
    tree = material.node_tree
    for node in [n for n in tree.nodes if n.type == "TEX_IMAGE"]:
        if node.image is None or node.image.size[0] == 0:
            tree.nodes.remove(node)


def set_world(colour: tuple[float, float, float], power: float) -> None:
    world = bpy.data.worlds.get("world") or bpy.data.worlds.new("world")
    bpy.context.scene.world = world
    world.use_nodes = True
    background = world.node_tree.nodes["Background"]
    background.inputs["Color"].default_value = (*colour, 1)
    background.inputs["Strength"].default_value = power


def take_aim(scene: Scene, eye: Sequence[float], target: Sequence[float], lens: float) -> None:
    camera = bpy.data.cameras.new("camera")
    camera.lens = lens
    thing = bpy.data.objects.new("camera", camera)
    thing.location = eye
    thing.rotation_euler = (Vector(target) - Vector(eye)).to_track_quat("-Z", "Y").to_euler()
    bpy.context.scene.collection.objects.link(thing)
    bpy.context.scene.camera = thing


def set_up_renderer(scratch: Path) -> None:
    """Path tracing with a denoiser; light and object indices go to files in `scratch`."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.render.engine = "CYCLES"
    scene.render.resolution_x, scene.render.resolution_y = WIDTH, HEIGHT
    scene.render.threads_mode, scene.render.threads = "FIXED", 1
    cycles = scene.cycles
    cycles.samples, cycles.use_adaptive_sampling = SAMPLES, False
    cycles.use_denoising, cycles.denoiser = True, "OPENIMAGEDENOISE"
    cycles.denoising_quality = cycles.denoising_prefilter = "FAST"
    cycles.max_bounces, cycles.diffuse_bounces, cycles.glossy_bounces = 3, 2, 1
    cycles.caustics_reflective = cycles.caustics_refractive = False
    cycles.sample_clamp_indirect = 4.0
    layer = scene.view_layers[0]
    # Clear glass hides what is behind it in the mask, the gaps between leaves do not.
    layer.use_pass_object_index, layer.pass_alpha_threshold = True, 0.1
    scene.use_nodes = True
    nodes, links = scene.node_tree.nodes, scene.node_tree.links
    nodes.clear()
    passes, save = nodes.new("CompositorNodeRLayers"), nodes.new("CompositorNodeOutputFile")
    save.base_path = str(scratch)
    save.format.file_format, save.format.color_depth = "OPEN_EXR", "32"
    save.file_slots.clear()
    for number, (name, source) in enumerate((("light", "Image"), ("index", "IndexOB"))):
        save.file_slots.new(name)
        links.new(passes.outputs[source], save.inputs[number])
    links.new(passes.outputs["Image"], nodes.new("CompositorNodeComposite").inputs["Image"])


def take_photograph(scratch: Path, rng: np.random.Generator) -> tuple[Image.Image, np.ndarray]:
    """Render the scene.

    Returns
    -------
    image : PIL.Image.Image
        Exposed as a camera would, with some noise.
    mask : numpy.ndarray of shape (height, width) and dtype uint8
        Class indices; 255 where there is no object.
    """
    bpy.context.scene.cycles.seed = int(rng.integers(2**31 - 1))
    bpy.ops.render.render()
    light = _read(next(scratch.glob("light*.exr")))[..., :3]
    numbers = _read(next(scratch.glob("index*.exr")))[..., 0]
    mask = np.where(numbers > 0, np.rint(numbers) - 1, VOID).astype(np.uint8)
    brightness = np.exp(np.log(light.mean(axis=-1) + 1e-3).mean())
    light = light * (rng.uniform(0.13, 0.24) / brightness) * rng.uniform(0.94, 1.06, 3)
    # A film curve: straight in the shadows, rolling off in the highlights.
    film = np.where(light < 0.5, light, 1 - 0.5 * np.exp(1 - 2 * light))
    pixels = np.clip(film, 0, 1) ** (1 / 2.2)
    pixels += rng.normal(0, rng.uniform(0.003, 0.012), pixels.shape)
    return Image.fromarray(np.uint8(np.clip(pixels, 0, 1) * 255 + 0.5)), mask


def _read(path: Path) -> np.ndarray:
    image = bpy.data.images.load(str(path))
    pixels = np.empty(HEIGHT * WIDTH * 4, np.float32)
    image.pixels.foreach_get(pixels)
    bpy.data.images.remove(image)
    return pixels.reshape(HEIGHT, WIDTH, 4)[::-1].astype(np.float64)
