"""Where things stand: rooms, and gardens and streets. Distances are metres, angles radians."""

from __future__ import annotations

import math

from scene_blender import Scene, glow, plain, set_world, take_aim
from scene_models import Model

WALLS = {
    "stone2Wall": 0.65,
    "stone3Wall": 0.55,
    "stoneWall": 0.76,
    "smallRedBricks": 0.72,
    "smallWhiteBricks": 0.7,
    "smallBricks": 0.46,
    "roughcast": 0.4,
}
TILED = {"wallBeigeTile": 0.2, "blueTiles": 0.2, "marbleWall": 0.5, "lightBlueTile": 0.33}
FLOORS = {
    "woodenFloor": 0.6,
    "oldWoodenFloor": 0.4,
    "greyTile": 0.4,
    "redTiles": 0.4,
    "blackAndWhiteTiles": 0.7,
    "beigeTile": 0.3,
    "darkBlueTile": 0.33,
    "stoneTiles": 0.6,
}
PAVINGS = {"pavingStone": 0.6, "pebbles": 0.4, "stoneTiles": 0.9, "roughcast": 0.5}
SKIES = ("blueSky", "cloudy", "veryCloudy")
ROOMS = {
    "living": (["tall cabinet", "low cabinet", "sofa", "armchair", "house plant", "lamp"], 9),
    "bedroom": (["bed", "bed", "tall cabinet", "low cabinet", "chair", "house plant"], 8),
    "kitchen": (["kitchen cabinet", "appliance", "kitchen cabinet", "appliance"], 10),
    "bathroom": (["fitting", "fitting", "appliance", "low cabinet", "house plant"], 8),
    "office": (["desk", "tall cabinet", "low cabinet", "chair", "house plant"], 8),
}
SMALL = {
    "living": ("house plant", "tableware", "lamp", "electronics"),
    "bedroom": ("lamp", "house plant", "electronics"),
    "kitchen": ("tableware", "tableware", "tableware", "house plant"),
    "bathroom": ("house plant", "tableware"),
    "office": ("electronics", "electronics", "lamp", "house plant"),
}


def build_room(scene: Scene) -> None:
    """Furnish a room and put the camera at its open side."""
    rng, between = scene.rng, scene.between
    width, depth, height = between(3.2, 5.6), between(3.6, 6.0), between(2.4, 3.0)
    purpose = str(rng.choice(list(ROOMS)))
    wet = purpose in ("kitchen", "bathroom")
    choices = TILED if wet else WALLS
    name = str(rng.choice(list(choices)))
    painted = scene.paint()
    wall = scene.texture(name, choices[name]) if scene.chance(0.6 if wet else 0.25) else painted
    name = str(rng.choice(list(FLOORS)))
    floor = (
        scene.paint(pale=False)
        if scene.chance(0.15)
        else scene.texture(name, FLOORS[name], shine=between(0.25, 0.8), turned=True)
    )
    flat, turn = math.pi / 2, math.pi / 2
    scene.panel((0, depth / 2, 0), (width, depth), (0, 0, 0), "floor", floor)
    scene.panel((0, depth, height / 2), (width, height), (flat, 0, 0), "wall", wall)
    for side in (-1, 1):
        place = (side * width / 2, depth / 2, height / 2)
        scene.panel(
            place, (depth, height), (flat, 0, -side * turn), "wall", wall if wet else painted
        )
    for place, size, angles in (
        ((0, depth / 2, height), (width, depth), (math.pi, 0, 0)),
        ((0, 0, height / 2), (width, height), (flat, 0, math.pi)),
    ):
        lid = scene.panel(place, size, angles, "wall", painted)
        # Daylight comes through the ceiling and the wall behind the camera.
        lid.visible_diffuse = lid.visible_shadow = lid.visible_glossy = False

    eye = (between(-0.3, 0.3) * width, 0.2, between(1.1, 1.75))
    scene.taken.append((eye[0] - 0.5, 0, eye[0] + 0.5, 1.0))
    for kind in ("window",) * int(rng.integers(3)) + ("door",) * int(rng.integers(2)):
        _open_wall(scene, kind, width, depth, height)
    kinds, most = ROOMS[purpose]
    for kind in [*kinds, *rng.choice(kinds, most)]:
        _against_wall(scene, str(kind), width, depth, purpose)
    if not wet or scene.chance(0.4):
        _seat_round_table(scene, width, depth, purpose)
    for kind in ("person", "pet", "sitter", "chair", "house plant"):
        if scene.chance(0.4):
            scene.stand(
                scene.pick(kind),
                between(-0.4, 0.4) * width,
                between(0.3, 0.8) * depth,
                between(-math.pi, math.pi),
            )
    warm = between(0, 0.6)
    scene.light(
        "AREA",
        (between(-1, 1), between(0.3, 0.8) * depth, height - 0.05),
        (0, 0, 0),
        between(15, 90),
        between(0.3, 1.5),
        warm,
    )
    set_world((1.0, 0.98 - 0.08 * warm, 0.95 - 0.25 * warm), between(0.25, 0.7))
    take_aim(
        scene, eye, (between(-0.25, 0.25) * width, 0.75 * depth, between(0.4, 0.9)), between(19, 28)
    )


def _against_wall(scene: Scene, kind: str, width: float, depth: float, purpose: str) -> None:
    model = scene.pick(kind)
    if model.size[2] + model.elevation > 2.35 or max(model.size[:2]) > width - 0.4:
        return
    if kind in ("house plant", "lamp") and model.size[2] < 0.45:
        return
    for _ in range(24):
        wall = scene.rng.integers(3)
        reach = model.size[1] / 2 + 0.03
        if wall == 0:
            span = (width - model.size[0]) / 2
            x, y, turn = scene.between(-span, span), depth - reach, 0.0
        else:
            side = -1 if wall == 1 else 1
            x, turn = side * (width / 2 - reach), -side * math.pi / 2
            y = scene.between(0.25 * depth, depth - model.size[0] / 2)
        if scene.stand(model, x, y, turn):
            if kind in ("desk", "low cabinet", "kitchen cabinet") and model.size[2] < 0.95:
                _lay(scene, model, x, y, turn, purpose)
            return


def _seat_round_table(scene: Scene, width: float, depth: float, purpose: str) -> None:
    """Put a table in the middle, and chairs or armchairs round it."""
    low = purpose in ("living", "bedroom")
    table = scene.pick("low table" if low else "table")
    x, y = scene.between(-0.2, 0.2) * width, scene.between(0.35, 0.65) * depth
    turn = math.pi / 2 * scene.rng.integers(2)
    if table.size[2] > 0.95 or not scene.stand(table, x, y, turn):
        return
    _lay(scene, table, x, y, turn, "living" if low else purpose)
    chair = scene.pick("chair")
    for side in range(4):
        seat = scene.pick(str(scene.rng.choice(("armchair", "sofa")))) if low else chair
        # A chair stands partly below its table, an armchair half a metre away.
        room = scene.between(0.7, 1.0) if low else scene.between(0.3, 0.6) * seat.size[1]
        angle = turn + side * math.pi / 2
        reach = table.size[1 - side % 2] / 2 + room
        place = (x + reach * math.sin(angle), y - reach * math.cos(angle))
        facing = angle + math.pi + scene.between(-0.3, 0.3)
        if low and max(map(abs, (place[0] / width, place[1] / depth - 0.5))) < 0.4:
            scene.stand(seat, *place, facing)
        elif not low and scene.chance(0.75):
            scene.put(seat, *place, 0, facing)


def _lay(scene: Scene, base: Model, x: float, y: float, turn: float, purpose: str) -> None:
    """Lay small things on top of a table or a cabinet."""
    others, scene.taken = scene.taken, []
    for _ in range(int(scene.rng.integers(1, 7))):
        model = scene.pick(str(scene.rng.choice(SMALL[purpose])))
        if max(model.size) > 0.8 or min(base.size[:2]) < min(model.size[:2]):
            continue
        u = scene.between(-0.5, 0.5) * max(base.size[0] - model.size[0], 0)
        v = scene.between(-0.5, 0.5) * max(base.size[1] - model.size[1], 0)
        scene.stand(
            model,
            x + u * math.cos(turn) - v * math.sin(turn),
            y + u * math.sin(turn) + v * math.cos(turn),
            turn + scene.between(-0.6, 0.6),
            gap=0.01,
            z=base.size[2],
        )
    scene.taken = others


def _open_wall(scene: Scene, kind: str, width: float, depth: float, height: float) -> None:
    model = scene.pick(kind)
    side = int(scene.rng.integers(3)) - 1
    along = depth if side else width
    if model.size[2] + model.elevation > height or model.size[0] > along - 0.6:
        return
    span = (along - model.size[0]) / 2 - 0.2
    shift, reach = scene.between(-span, span), model.size[1] / 2
    turn = -side * math.pi / 2
    x, y = (side * (width / 2 - reach), depth / 2 + shift) if side else (shift, depth - reach)
    if not scene.stand(model, x, y, turn) or kind == "door":
        return
    out = reach - 0.01
    centre = (
        x + out * math.sin(-turn),
        y + out * math.cos(turn),
        model.elevation + model.size[2] / 2,
    )
    sky = glow(scene.textures / f"{scene.rng.choice(SKIES)}.jpg", scene.between(1, 4))
    scene.panel(
        centre,
        (0.94 * model.size[0], 0.94 * model.size[2]),
        (math.pi / 2, 0, turn),
        "window or door",
        sky,
    )
    lamp = (x - reach * 1.5 * math.sin(-turn), y - reach * 1.5 * math.cos(turn), centre[2])
    scene.light("AREA", lamp, (-math.pi / 2, 0, turn), scene.between(20, 120), model.size[0], 0.0)


def build_outdoors(scene: Scene) -> None:
    """Lay out a garden or a street before the camera."""
    rng, between = scene.rng, scene.between
    scene.panel(
        (0, 40, 0),
        (200, 120),
        (0, 0, 0),
        "grass",
        scene.texture("grass", 0.9, hue=(0.44, 0.49), turned=True),
    )
    street = scene.chance(0.5)
    near, far = between(1.5, 5), between(7, 12)
    name = str(rng.choice(list(PAVINGS)))
    if street or scene.chance(0.5):
        scene.panel(
            (0, (near + far) / 2, 0.01),
            (200, far - near),
            (0, 0, 0),
            "paving",
            scene.texture(name, PAVINGS[name], turned=True),
        )
    elif scene.chance(0.6):
        scene.panel(
            (between(-3, 3), 10, 0.01),
            (between(1.2, 4), 40),
            (0, 0, between(-0.5, 0.5)),
            "paving",
            scene.texture(name, PAVINGS[name], turned=True),
        )
    wall = far + between(1, 7)
    if scene.chance(0.7):
        _house(scene, wall)
    elif scene.chance(0.6):
        _row(scene, "bush" if scene.chance(0.5) else "fence", wall)
    for _ in range(int(rng.integers(1, 5)) if street else int(scene.chance(0.15))):
        scene.stand(
            scene.pick("car"),
            between(-9, 9),
            between(near + 1, far - 1),
            math.pi / 2 * rng.choice((-1, 1)) + between(-0.1, 0.1),
            gap=0.3,
        )
    for kind, most, low, high in (
        ("tree", 9, 6, 40),
        ("bush", 5, 3.5, 18),
        ("person", 6, 3, 13),
        ("bench", 4, 3, 10),
        ("livestock", 3, 4, 12),
        ("pet", 2, 2.5, 6),
        ("cycle", 2, 3, 9),
        ("sitter", 1, 3, 7),
        ("table", 1, 3, 8),
        ("fence", 1, 4, 12),
    ):
        for _ in range(int(rng.integers(most + 1))):
            y = between(low, high)
            scene.stand(
                scene.pick(kind), between(-0.65, 0.65) * y, y, between(-math.pi, math.pi), gap=0.1
            )
    sky = glow(scene.textures / f"{rng.choice(SKIES)}.jpg", between(0.6, 1.1))
    dome = scene.panel((0, 90, 30), (320, 90), (math.pi / 2, 0, 0), "sky", sky)
    dome.visible_diffuse = dome.visible_glossy = dome.visible_shadow = False
    cloud = scene.rng.random()
    scene.light(
        "SUN",
        (0, 0, 20),
        (between(0.3, 1.2), 0, between(-1.9, 1.9)),
        between(3, 7) * (1 - 0.8 * cloud),
        0.01 + 0.5 * cloud,
        between(0, 0.5),
    )
    set_world((0.75, 0.87, 1.0), between(0.4, 0.9))
    yaw = between(-0.25, 0.25)
    take_aim(
        scene,
        (0, 0, between(1.2, 2.3)),
        (10 * math.sin(yaw), 10 * math.cos(yaw), between(0.3, 2.2)),
        between(24, 42),
    )


def _house(scene: Scene, y: float) -> None:
    rng, between = scene.rng, scene.between
    name = str(rng.choice(list(WALLS)))
    front = scene.texture(name, WALLS[name]) if scene.chance(0.7) else scene.paint()
    length, height, x = between(7, 22), between(2.9, 6.5), between(-6, 6)
    up = math.pi / 2
    scene.panel((x, y, height / 2), (length, height), (up, 0, 0), "building", front)
    for side in (-1, 1):
        scene.panel(
            (x + side * length / 2, y + 4, height / 2),
            (8, height),
            (up, 0, side * up),
            "building",
            front,
        )
    pitch = between(0.4, 0.8)
    scene.panel(
        (x, y - 0.4 + 2.5 * math.cos(pitch), height + 2.5 * math.sin(pitch) - 0.2),
        (length + 0.8, 5),
        (pitch, 0, 0),
        "building",
        scene.texture("redTiles", 0.5),
    )
    glass = plain((0.03, 0.05, 0.07), 0.1)
    place = x - length / 2 + 1.5
    while place < x + length / 2 - 1.5:
        model = scene.pick("window" if scene.chance(0.75) else "door")
        for storey in range(1 + (height > 5)):
            if storey and model.elevation < 0.05:
                break
            foot = model.elevation + 2.7 * storey
            scene.put(model, place, y - 0.02, foot, 0)
            scene.panel(
                (place, y - 0.01, foot + model.size[2] / 2),
                (0.96 * model.size[0], 0.96 * model.size[2]),
                (up, 0, 0),
                "window or door",
                glass,
            )
        place += model.size[0] + between(0.6, 2.2)
    scene.taken.append((x - length / 2, y - 0.3, x + length / 2, y + 9))


def _row(scene: Scene, kind: str, y: float) -> None:
    model = scene.pick(kind)
    for number in range(-12, 13):
        scene.stand(model, number * model.size[0], y, 0, gap=-0.1)
