"""The models of the scenes: their classes, and which of them the test scenes may use."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CLASSES = {
    "sky": (120, 180, 235),
    "building": (160, 120, 100),
    "paving": (130, 130, 135),
    "grass": (90, 160, 60),
    "plant": (20, 100, 40),
    "wall": (225, 215, 190),
    "floor": (150, 105, 60),
    "window or door": (180, 230, 240),
    "chair": (230, 60, 60),
    "sofa or armchair": (160, 30, 90),
    "table": (240, 150, 40),
    "bed": (120, 90, 200),
    "cabinet": (110, 70, 40),
    "appliance": (200, 200, 210),
    "bathroom fitting": (60, 200, 200),
    "electronics": (30, 30, 60),
    "lamp": (255, 240, 90),
    "tableware or food": (250, 130, 180),
    "vehicle": (40, 80, 220),
    "person": (255, 190, 150),
    "animal": (200, 100, 0),
    "fence": (90, 90, 60),
}
VOID = 255
INDEX = {name: index for index, name in enumerate(CLASSES)}

# A kind of model, its class, and the English catalogue names (whole) that belong to it.
KINDS = {
    "chair": (
        "chair",
        r"(Oak |Osaka |Plastic |Folding |Office )?[Cc]hair( with cushion)?|Class seat|Bar chair"
        r"|Stool|Bar stool|Ryokan chair|Children chair|Child chair|Baby high chair",
    ),
    "bench": (
        "chair",
        r"Bench|Painted bench|Concrete bench|Wood bank|Cafe chair|Teck chair"
        r"|Deck chair|Beach chair|Relax chair|Pool lounge|Little bank|Rattan armchair",
    ),
    "sofa": (
        "sofa or armchair",
        r"(Burlap |Clear |Winchester )?[Ss]ofa( [23] seats)?|Couch|Futon couch"
        r"|Convertible sofa BZ",
    ),
    "armchair": ("sofa or armchair", r"(Modern |Winchester )?[Aa]rmchair( ottoman)?|Puff"),
    "table": (
        "table",
        r"((Oak|Round|Glass|Black|Wooden|Technical|Folding|Desk) )?[Tt]able"
        r"|Table on trestles|Table with tablecloth|Wooden (alder|teak) table",
    ),
    "low table": ("table", r"Coffee table|Children table"),
    "desk": ("table", r"Desk|Wooden desk|Desk table|Dressing table"),
    "bed": ("bed", r"(Captain's |Child |Hospital |Iron |Bunk |Baby )?[Bb]ed|Crib|Futon|Day bed"),
    "tall cabinet": (
        "cabinet",
        r"(Full )?[Bb]ookcase|(Vertical )?[Ss]helves|Wardrobe|Cupboard"
        r"|High cabinet",
    ),
    "low cabinet": (
        "cabinet",
        r"Dresser with drawers|Television cabinet|TV stand|Chest"
        r"|Filing cabinet|Bedside table|Changing table",
    ),
    "kitchen cabinet": ("cabinet", r"(Small )?[Ll]ower cabinet|Drawers cabinet|Sink cabinet|Sink"),
    "appliance": (
        "appliance",
        r"(Large )?[Ff]ridge|Refrigerator|(Clothes )?[Ww]ashing machine"
        r"|Dryer machine|Large stove|Propane stove|Chest freezer|Double oven",
    ),
    "fitting": (
        "bathroom fitting",
        r"Bath|Toilets unit|Washbasin|(Double )?[Vv]anity|Bidet"
        r"|Corner bathtub|Island bath|Shower stall|Small lavatory|Urinal",
    ),
    "electronics": (
        "electronics",
        r"TV|TV 16|Laptop|Apple .*|Mini stereo|Radio|Speaker|Phone"
        r"|Inkjet printer and scanner|Stereo amplifier|MP3 base|Microwave",
    ),
    "house plant": (
        "plant",
        r"(Little |Indoor |Spider |Succulent |Decorative )?[Pp]lant|Cactus"
        r"|Orchids|Yucca|Spathiphyllum|Tulips|Flowers|White lily|Bonsai tree",
    ),
    "lamp": ("lamp", r"Lamp|Little lamp|Desk lamp|Pedestal vase lamp"),
    "tableware": (
        "tableware or food",
        r"Bread|(Birthday|Cup) ?cake|Coffee cup|Coffee mug|Bowl"
        r"|Bowl with (fruits|salad)|Apples|Teapot|Sugar|Cup|Creamer|Wine bottle|Milk"
        r"|Beer bottle|Hamburger|Hot dog|Roasted chicken|Plate(, glass.* cutlery)?"
        r"|Oval plate|Old jar|Pottery|Toaster|Large pan|Boiler|Espresso kettle|Mixer",
    ),
    "door": ("window or door", r"Door|Double door( with panes)?|Exterior door|Glass door"),
    "window": (
        "window or door",
        r"Double-hung window|Double window .*|Double arched window"
        r"|Sliding window|Triple French window|Quadruple .*window.*|Turn window",
    ),
    "car": (
        "vehicle",
        r"Ford Focus|Concept Sedan 02|VW new beetle|Seat Leon|Peugeot 308 CC"
        r"|Renault Scenic|SUV|Chevrolet|Smart car|Van|Truck|Fork lift|City bus|Bus",
    ),
    "cycle": ("vehicle", r"Bike|Bicycle|Scooter|Yamaha YZR R6|Tricycle"),
    "person": ("person", r"(Holding )?([Ff]em|[Mm])ale|Boy|Girl|Mannequin (fe)?male"),
    "sitter": ("person", r"(Sitting|Lying down) .*"),
    "pet": ("animal", r"Bulldog|Siamese cat|Cat|Dog|Rabbit"),
    "livestock": ("animal", r"Horse|Chicken"),
    "tree": (
        "plant",
        r"Acacia|(Bended )?[Cc]oconut tree|Copper beech|Cypress|Ficus|Palm tree"
        r"|Japanese maple|Peach blossom|Pine|Poplar|Sycamore maple|Bamboo",
    ),
    "bush": ("plant", r"Bush|(High )?[Hh]edge|Plant box|Flower box"),
    "fence": ("fence", r"Fence|Iron railing|Pedestrian railing"),
}
OUTDOORS = {"bench", "tree", "bush"}
INDOORS = {"house plant", "sofa", "chair", "armchair", "table"}


@dataclass(frozen=True)
class Model:
    """One model of the catalogue.

    Attributes
    ----------
    path : Path
        Wavefront file, y up.
    class_index : int
        Index into ``CLASSES``.
    size : tuple of float
        Width, depth and height in metres.
    elevation : float
        Metres above the floor at which it is mounted.
    rotation : tuple of float
        Rotation of the file's axes, nine numbers, row by row.
    """

    path: Path
    class_index: int
    size: tuple[float, float, float]
    elevation: float
    rotation: tuple[float, ...]


Catalogue = dict[str, list[Model]]


def read_catalogue(folder: Path, *, test: bool) -> Catalogue:
    """Models by kind: one in three of each kind for the test scenes, the others for training.

    Parameters
    ----------
    folder : Path
        The unpacked ``.sh3f`` archives, one folder each.
    test : bool
        Which share to return.
    """
    found: dict[str, dict[str, Model]] = {kind: {} for kind in KINDS}
    for listing in sorted(folder.glob("*/PluginFurnitureCatalog.properties")):
        entries: dict[str, dict[str, str]] = {}
        for match in re.finditer(r"^(\w+)#(\d+)=(.*?)\r?$", listing.read_text("latin1"), re.M):
            entries.setdefault(match[2], {})[match[1]] = match[3]
        for entry in entries.values():
            kind = _kind(entry)
            if kind is not None:
                found[kind][entry["id"]] = Model(
                    path=listing.parent / entry["model"].lstrip("/"),
                    class_index=INDEX[KINDS[kind][0]],
                    size=tuple(float(entry[k]) / 100 for k in ("width", "depth", "height")),
                    elevation=float(entry.get("elevation", 0)) / 100,
                    rotation=tuple(
                        float(v) for v in entry.get("modelRotation", "1 0 0 0 1 0 0 0 1").split()
                    ),
                )
    shares: Catalogue = {}
    for kind, models in found.items():
        order = np.random.default_rng(len(models)).permutation(len(models))
        ids = sorted(models)
        shares[kind] = [models[ids[i]] for n, i in enumerate(order) if (n % 3 == 1) == test]
    return shares


def _kind(entry: dict[str, str]) -> str | None:
    outdoors = entry["category"] == "Exterior"
    for kind, (_, names) in KINDS.items():
        if re.fullmatch(names, entry["name"]):
            if (outdoors and kind in INDOORS) or (not outdoors and kind in OUTDOORS):
                continue
            return kind
    return None
