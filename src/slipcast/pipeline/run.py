"""One picture in, one asset out: the list of stages and nothing else.

`make` takes a decoded picture and gives a `Result` in memory; it touches neither disk nor network (the depth model
loads its weights) and is silent but for the `watch` callback. What is kept on disk is workspace/files.py's.
"""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from slipcast.checks.depth import check_depth
from slipcast.checks.gates import Gate, Passage, pass_gates, say_measured
from slipcast.checks.mesh import Judged, MeshLimits, check_figurine
from slipcast.checks.picture.judge import check_picture
from slipcast.checks.verdict import Check, Verdict, verdict
from slipcast.core.errors import BadInput
from slipcast.core.findings import Finding, finding
from slipcast.core.materials import Named, material_of
from slipcast.core.values import DepthMap, Export, Figurine, Material, Picture, PointCloud, View
from slipcast.depth.calibrate import CalibrateOptions, calibrate
from slipcast.depth.models import AUTO, DepthOptions, load_models, predict_depth
from slipcast.depth.place import PlaceOptions, place, settle
from slipcast.depth.plausible import replace_implausible
from slipcast.formats.common.losses import CARRY_NORMAL_MAP
from slipcast.formats.table import EXPORTERS, ExportOptions
from slipcast.mesh.deviation import Deviation, measure_deviation
from slipcast.picture.cut_out import CutoutOptions
from slipcast.picture.decode import read_picture
from slipcast.pipeline import metadata
from slipcast.pipeline.preview import PreviewOptions, draw_preview
from slipcast.pipeline.several_views import Gathered, SeenView, check_pictures, cut_views, gather
from slipcast.prepare.engine import EngineOptions, prepare_for_engine
from slipcast.reconstruct.points import PointOptions, make_points
from slipcast.reconstruct.reconstruct import SurfaceOptions, reconstruct
from slipcast.reconstruct.simplify import RepairOptions, repair
from slipcast.texture.paint import TextureOptions, paint

STAGES = ("cutout", "depth", "points", "surface", "repair", "texture", "checks", "export", "preview")

Watch = Callable[[str, int, int], None]
"""`watch(stage, done, total)`: called when a stage begins (done 0) and ends (done == total)."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Every stage's options; the defaults are those of the stages."""

    cutout: CutoutOptions = field(default_factory=CutoutOptions)
    depth: DepthOptions = field(default_factory=DepthOptions)
    calibrate: CalibrateOptions = field(default_factory=CalibrateOptions)
    place: PlaceOptions = field(default_factory=PlaceOptions)
    points: PointOptions = field(default_factory=PointOptions)
    surface: SurfaceOptions = field(default_factory=SurfaceOptions)
    repair: RepairOptions = field(default_factory=RepairOptions)
    texture: TextureOptions = field(default_factory=TextureOptions)
    engine: EngineOptions = field(default_factory=EngineOptions)
    """Levels of detail, collision bodies, pivot and facing of the asset; pictures and checks show it as it stands."""
    export: ExportOptions = field(default_factory=ExportOptions)
    preview: PreviewOptions = field(default_factory=PreviewOptions)
    material: Material | None = None
    """The asset's material; None: what the words of the picture name (core/materials.py), else plain and rough."""
    wall_m: float = MeshLimits.wall_m
    """The thinnest wall that its printer makes, for the check of its thickness."""
    formats: tuple[str, ...] = ("glb",)
    """Keys of `slipcast.formats.table.EXPORTERS`."""
    gates: tuple[Gate, ...] = ()
    """What the result must meet; it exists all the same, and `Result.passages` says how it went."""


@dataclass(frozen=True, kw_only=True)
class Result:
    """Everything that `make` made, in memory."""

    figurine: Figurine
    original: Picture
    """The picture as it came; a very large one as `bounded` made it."""
    picture: Picture
    """The picture with its alpha; outside the figurine its colours go on, so composite it to show it."""
    depth: DepthMap
    """The calibrated depth."""
    cloud: PointCloud
    """The samples that the surface was made of."""
    checks: tuple[Check, ...]
    """What picture, depth and mesh were judged by."""
    judged: Judged
    """What the checks of the mesh measured on the way."""
    deviation: Deviation
    """How far the mesh lies from the surface before it was simplified to its budget."""
    passages: tuple[Passage, ...]
    """How each gate of the recipe went."""
    exports: Mapping[str, Export]
    """Format -> files."""
    preview: bytes
    """PNG: the picture with the cutout's outline, and four views."""
    views: tuple[SeenView, ...] = ()
    """The pictures that were used where there were several, front first; empty for one."""
    metadata: Mapping[str, object]
    """What goes into the JSON beside the asset, without its `run` block."""
    seconds: Mapping[str, float]
    """Wall seconds per stage: the `run` block's content. The preview is drawn, the deviation measured and the depth
    model loaded beside others: their stages only wait for what is left."""

    @property
    def verdict(self) -> Verdict:
        """What the checks say together."""
        return verdict(self.checks)


def convert(
    picture: Path | str | None = None,
    *,
    views: Mapping[str, Path | str] | None = None,
    height_m: float = PlaceOptions.height_m,
    elevation_deg: float | None = PlaceOptions.elevation_deg,
    faces: int = RepairOptions.faces,
    depth: str = DepthOptions.model,
    device: str = DepthOptions.device,
    fov_deg: float = DepthOptions.fov_deg,
    detail: str = PointOptions.detail,
    normal_map: str = TextureOptions.normal_map,
    view: View = View.FRONT,
    formats: Sequence[str] = ("glb",),
    name: str | None = None,
    watch: Watch | None = None,
) -> Result:
    """Make the asset of one picture file, or of several `views`: side -> file, `front` among them.

    `slipcast.write` puts the result on disk. `name` is the file's stem unless given, with views the front's. Raises
    BadInput for a picture or option that cannot be worked with, and what `make` raises.
    """
    files = {View(view): Path(file) for view, file in paths_of(picture, views, view).items()}
    path = next(iter(files.values()))
    unknown = [key for key in formats if key not in EXPORTERS]
    if unknown:
        raise BadInput(f"format {unknown[0]!r} is unknown; choose from {', '.join(EXPORTERS)}")
    recipe = Recipe(
        depth=DepthOptions(model=depth, device=device, fov_deg=fov_deg),
        place=PlaceOptions(height_m=height_m, elevation_deg=elevation_deg),
        points=PointOptions(detail=detail),
        repair=RepairOptions(faces=faces),
        texture=TextureOptions(normal_map=normal_map),
        formats=tuple(formats),
    )
    first, *others = (read_picture(file, view=side) for side, file in files.items())
    return make(first, recipe, name=name or path.stem, others=others, watch=watch)


def paths_of(
    picture: Path | str | None, views: Mapping[str, Path | str] | None, view: View
) -> dict[str, Path | str]:
    """Side -> file, the front first; BadInput where neither or both are given, or a side is unknown."""
    if (picture is None) == (not views):
        raise BadInput("convert needs a picture or views, one of them; try convert('fox.png')")
    if picture is not None:
        return {view: picture}
    assert views
    unknown = [side for side in views if side not in set(View)]
    if unknown:
        raise BadInput(f"views names the side {unknown[0]!r}; choose from {', '.join(View)}")
    return dict(sorted(views.items(), key=lambda item: list(View).index(View(item[0]))))


def make(
    picture: Picture,
    recipe: Recipe,
    *,
    name: str,
    others: Sequence[Picture] = (),
    watch: Watch | None = None,
) -> Result:
    """Make the asset `name` from `picture`, and from `others` where there are pictures of its other sides.

    Each picture's `view` says the side; with others `picture` is the front.

    Raises BadInput when the picture holds nothing to work on, MissingWeights when the depth model's weights are
    absent, StageFailed when a stage cannot produce its value.
    """
    if others:
        check_pictures((picture, *others))
    beside = ThreadPoolExecutor(1)
    try:
        return _run_stages(picture, others, recipe, name, watch, beside)
    finally:
        beside.shutdown(cancel_futures=True)


def _run_stages(
    picture: Picture,
    others: Sequence[Picture],
    recipe: Recipe,
    name: str,
    watch: Watch | None,
    beside: ThreadPoolExecutor,
) -> Result:
    """What `beside` does, on a second core, is what the stages of that time do not need."""
    seconds: dict[str, float] = {}

    @contextmanager
    def stage(title: str) -> Iterator[None]:
        if watch:
            watch(title, 0, 1)
        begun = time.perf_counter()
        yield
        seconds[title] = round(time.perf_counter() - begun, 3)
        if watch:
            watch(title, 1, 1)

    loading = beside.submit(load_models, recipe.depth)
    with stage("cutout"):
        cuts = cut_views((picture, *others), recipe.cutout)
        picture, cut = cuts[0]

    def depth_of(cut: Picture) -> DepthMap:
        return calibrate(predict_depth(cut, recipe.depth), cut, recipe.calibrate)

    several = None
    with stage("depth"):
        wait([loading])  # if it failed, the next line says why
        if others:
            together = gather(
                [each for _, each in cuts],
                depth_of,
                height_m=recipe.place.height_m,
                fov_deg=recipe.depth.fov_deg,
                detail=recipe.points.detail,
            )
            several = together if isinstance(together, Gathered) else None
            cut = (
                several.views[0].cutout
                if several
                else replace(cut, findings=(*cut.findings, *together.findings))
            )
        if several:
            depth = several.depth
        else:
            said = depth_of(cut)
            if recipe.depth.model == AUTO:  # a model that was asked for by name has its way
                said = replace_implausible(said, cut)
            depth = place(said, cut, recipe.place)
    with stage("points"):
        cloud = several.cloud() if several else make_points(depth, cut, recipe.points)
    with stage("surface"):
        raw = several.fused.mesh if several else reconstruct(cloud, depth, recipe.surface)
    with stage("repair"):
        solid = repair(raw, depth, recipe.repair, level=several is None)
    deviation = beside.submit(
        measure_deviation,
        solid,
        raw,
        height_m=recipe.place.height_m,
        ground_m=float(solid.vertices[:, 1].min()),
    )
    with stage("texture"):
        if several:
            painted = several.paint(solid, max_size_px=recipe.texture.max_size_px, name=name)
        else:
            painted = paint(solid, depth, cut, _choose_texture(recipe), name=name)
        painted = settle(painted, recipe.place)
        named = Named(recipe.material, ()) if recipe.material else material_of(picture.source)
        if named:
            painted = replace(painted, material=named.material)
    drawn = beside.submit(draw_preview, painted, picture, cut, recipe.preview)
    with stage("checks"):
        judged = check_figurine(painted, solid, depth, cut, _limits(recipe), deviation.result())
        checks = (*check_picture(picture, cut), *check_depth(depth), *judged.checks)
        passages = pass_gates(checks, recipe.gates)
        known = (*cut.findings, *depth.findings)
        found = [entry for check in checks for entry in check.findings if entry not in known]
        found += [_say_missed(passage) for passage in passages if not passage.passed]
        painted = replace(painted, findings=(*painted.findings, *found))
        figurine = metadata.attach(
            painted,
            picture=cut,
            depth=depth,
            recipe=recipe,
            deviation=deviation.result(),
            welded=judged.welded,
            material_words=named.words if named else (),
        )
    with stage("export"):
        figurine, prepared = prepare_for_engine(figurine, recipe.engine)
        figurine = replace(figurine, findings=(*figurine.findings, *prepared))
        exports = {key: EXPORTERS[key].export(figurine, recipe.export) for key in recipe.formats}
    with stage("preview"):
        preview = drawn.result()
    return Result(
        figurine=figurine,
        original=picture,
        picture=cut,
        depth=depth,
        cloud=cloud,
        checks=checks,
        judged=judged,
        deviation=deviation.result(),
        passages=passages,
        exports=exports,
        preview=preview,
        views=several.views_of(solid, painted.mesh) if several else (),
        metadata=metadata.describe(figurine, exports, checks=checks, passages=passages),
        seconds=seconds,
    )


def _choose_texture(recipe: Recipe) -> TextureOptions:
    """The texture's options; a normal map that no format carries is not made, but where it is asked for."""
    wanted = recipe.texture.normal_map != "auto" or any(key in CARRY_NORMAL_MAP for key in recipe.formats)
    return recipe.texture if wanted else replace(recipe.texture, normal_map="off")


def _limits(recipe: Recipe) -> MeshLimits:
    """What the mesh is judged by: its budget, the wall of its process, and the walls that gates ask for."""
    walls = tuple(gate.limit / 1000 for gate in recipe.gates if gate.name == "thickness" and gate.limit > 0)
    return MeshLimits(faces=recipe.repair.faces, wall_m=recipe.wall_m, more_walls_m=walls)


def _say_missed(passage: Passage) -> Finding:
    return finding("GATE_MISSED", {"gate": passage.gate.text, "measured": say_measured(passage.measured)})
