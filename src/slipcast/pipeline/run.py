"""Pictures in, one asset out: the list of stages and nothing else.

`run` takes decoded pictures and gives a `Result` in memory; it touches neither disk nor network (the depth model
loads its weights) and is silent but for the `watch` callback. It may begin at any stage, from values that are given.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np

from slipcast.checks.depth import check_depth
from slipcast.checks.gates import Passage, pass_gates, say_measured
from slipcast.checks.mesh import MeshLimits, Solid, check_figurine, check_solid
from slipcast.checks.picture.judge import check_picture
from slipcast.core import scientific
from slipcast.core.blas import one_thread
from slipcast.core.errors import BadInput
from slipcast.core.findings import Finding, finding
from slipcast.core.materials import Named, material_of
from slipcast.core.memory import give_back
from slipcast.core.options import check, instance, several
from slipcast.core.values import Cutout, Figurine, Mesh, Picture, Shells
from slipcast.depth.calibrate import calibrate
from slipcast.depth.models import AUTO, DepthModels
from slipcast.depth.place import find_settling, place
from slipcast.depth.plausible import replace_implausible
from slipcast.depth.round_base import find_base, stand_on_base
from slipcast.formats.table import EXPORTERS
from slipcast.mesh.deviation import Deviation, measure_deviation
from slipcast.pipeline import metadata
from slipcast.pipeline.preview import Look, draw_preview, look_around
from slipcast.pipeline.recipe import Recipe
from slipcast.pipeline.result import Result
from slipcast.pipeline.several_views import Gathered, check_pictures, cut_views, gather
from slipcast.prepare.engine import prepare_for_engine
from slipcast.prepare.topology import change_topology
from slipcast.reconstruct.disc import top_of
from slipcast.reconstruct.points import make_points
from slipcast.reconstruct.reconstruct import reconstruct
from slipcast.reconstruct.simplify import simplify_and_part
from slipcast.texture.paint import TextureOptions, draw_charts, draw_flat, paint

STAGES = ("cutout", "depth", "points", "surface", "simplify", "texture", "checks", "export", "preview")

_BESIDE = 2
"""Threads beside the stages: after the mesh there is work for three, of which one mostly waits for another."""

Watch = Callable[[str, int, int], None]
"""`watch(stage, done, total)`: called when a stage begins (done 0) and ends (done == total)."""


@dataclass(frozen=True, kw_only=True)
class Start:
    """Values that are given to `run`, from an earlier `Result` or edited since: their stages are left out.

    A later one needs those before it, since the checks look at all of them.

    >>> Start(mesh=None)
    Start(cutouts=(), depth=None, depths=(), gathered=None, mesh=None, figurine=None, views_findings=())
    """

    cutouts: tuple[Cutout, ...] = ()
    """The cutouts, as many as there are pictures: `Result.picture`."""
    depth: Shells | None = None
    """Both shells in metres, placed in the world: `Result.depth`. With one picture only."""
    depths: tuple[Shells, ...] = ()
    """Of several pictures each one's own calibrated depth, in the cutouts' order: `SeenView.depth`."""
    gathered: Gathered | None = None
    """What several pictures said together: `Result.gathered`."""
    mesh: Mesh | None = None
    """The closed mesh in the same world: `Result.mesh`. It is taken as it is: neither scaled nor cut."""
    figurine: Figurine | None = None
    """The painted figurine: `Result.figurine`; its mesh stands for `mesh`."""
    views_findings: tuple[Finding, ...] = ()
    """What was found of several pictures, where `gathered` is made anew: `Gathered.findings`."""

    def __post_init__(self) -> None:
        check(
            self,
            cutouts=several(instance(Cutout)),
            depth=instance(Shells).or_none(),
            depths=several(instance(Shells)),
            gathered=instance(Gathered).or_none(),
            mesh=instance(Mesh).or_none(),
            figurine=instance(Figurine).or_none(),
            views_findings=several(instance(Finding)),
        )
        for name in ("mesh", "figurine"):
            if getattr(self, name) is not None and self.depth is None and self.gathered is None:
                raise BadInput(
                    f"{name} needs depth beside it, or gathered for several pictures; give that of the same result",
                    field=name,
                )
        for name, values in (
            ("depths", self.depths),
            ("gathered", self.gathered.views if self.gathered else ()),
        ):
            if values and len(values) != len(self.cutouts):
                raise BadInput(
                    f"{name} has {len(values)} sides where there are {len(self.cutouts)} cutouts; give one for each",
                    field=name,
                )
        if self.depth is not None and len(self.cutouts) != 1:
            raise BadInput("depth needs one picture's cutouts beside it; give the cutout", field="depth")
        for cut in self.cutouts:
            if not cut.alpha.any():
                raise BadInput(
                    "cutouts has a picture that is no cutout; give what cut_out gave", field="cutouts"
                )
        given = self.depths or (() if self.depth is None else (self.depth,))
        for depth, cut in zip(given, self.cutouts, strict=False):
            have, want = depth.valid.shape, cut.pixels.shape[:2]
            if have != want:
                raise BadInput(
                    f"depth has {have[1]} x {have[0]} px where the cutout has {want[1]} x {want[0]}; give both at one "
                    "size",
                    field="depth",
                )


def run(
    picture: Picture,
    recipe: Recipe,
    *,
    name: str,
    others: Sequence[Picture] = (),
    watch: Watch | None = None,
    models: DepthModels | None = None,
    start: Start | None = None,
) -> Result:
    """Make the asset `name` from `picture`, and from `others` where there are pictures of its other sides.

    Each picture's `view` says the side; with others `picture` is the front. `models` are opened for this call unless
    they are given; `start` has values of stages that are not to be done again.

    Raises BadInput when the picture holds nothing to work on, MissingWeights when the depth model's weights are
    absent, StageFailed when a stage cannot produce its value.
    """
    if others:
        check_pictures((picture, *others))
    start = start or Start()
    if start.cutouts and len(start.cutouts) != 1 + len(others):
        raise BadInput(
            f"start has {len(start.cutouts)} cutouts for {1 + len(others)} pictures; give one for each",
            field="start",
        )
    beside = ThreadPoolExecutor(_BESIDE)
    try:
        with one_thread():
            if models is not None:
                return _run_stages(picture, others, recipe, name, watch, beside, models, start)
            with DepthModels() as own:
                return _run_stages(picture, others, recipe, name, watch, beside, own, start)
    finally:
        beside.shutdown(cancel_futures=True)
        give_back()


def _run_stages(
    picture: Picture,
    others: Sequence[Picture],
    recipe: Recipe,
    name: str,
    watch: Watch | None,
    beside: ThreadPoolExecutor,
    models: DepthModels,
    start: Start,
) -> Result:
    """`beside` has threads for work that the stages of that time do not need."""
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

    def depth_of(cut: Cutout) -> Shells:
        return calibrate(models.predict(cut, recipe.depth), recipe.calibrate)

    def stand(said: Shells, cut: Cutout) -> Shells:
        if recipe.depth.model == AUTO:  # a model that was asked for by name has its way
            said = replace_implausible(said, cut)
        base = find_base(said.valid, said.camera)
        if base and recipe.place.elevation_deg is None:
            said = stand_on_base(said, base)
        return place(said, cut, recipe.place)

    is_known = start.depth is not None or bool(start.depths) or start.gathered is not None
    beside.submit(scientific.load)
    loading = None if is_known else beside.submit(models.load, recipe.depth)
    with stage("cutout"):
        if start.cutouts:
            cuts = list(zip(_fit_originals((picture, *others), start.cutouts), start.cutouts, strict=True))
        else:
            cuts = cut_views((picture, *others), recipe.cutout)
        picture, cut = cuts[0]
    several = None
    with stage("depth"):
        if loading:
            wait([loading])  # if it failed, the next lines say why
        if start.gathered is not None:
            several, cut = start.gathered, start.gathered.views[0].cutout
        elif others:
            together = gather(
                [each for _, each in cuts],
                depth_of,
                stand,
                height_m=recipe.place.height_m,
                fov_deg=recipe.depth.fov_deg,
                detail=recipe.points.detail,
                originals=[came for came, _ in cuts],
                depths=start.depths,
                known=start.views_findings,
            )
            several = together if isinstance(together, Gathered) else None
            cut = (
                several.views[0].cutout
                if several
                else replace(cut, findings=(*cut.findings, *together.findings))
            )
        if several:
            depth = several.depth
        elif start.depth is not None:
            depth = start.depth
        else:
            depth = stand(depth_of(cut), cut)
    texture = _choose_texture(recipe)
    drawn_here = not several and start.figurine is None
    # Where the figurine will stand and how tall changes nothing in pixels: front and back need no mesh.
    flat = beside.submit(draw_flat, depth, cut) if drawn_here and not texture.delight else None
    seen = beside.submit(check_picture, picture, cut)
    with stage("points"):
        cloud = several.cloud() if several else make_points(depth, cut, recipe.points)
    with stage("surface"):
        raw = several.fused.mesh if several else reconstruct(cloud, depth, recipe.surface)
    with stage("simplify"):
        given, parted = start.figurine.mesh if start.figurine else start.mesh, False
        if given is not None:
            mesh = given
        else:
            made = simplify_and_part(
                raw, depth, recipe.simplify, ground=several.find_ground() if several else None
            )
            mesh, parted = made.mesh, not made.crossing
            settling = find_settling(mesh, recipe.place)  # from here on all lies in one frame
            mesh = replace(mesh, vertices=settling.move(mesh.vertices))
            raw = replace(raw, vertices=settling.move(raw.vertices))
            cloud = replace(cloud, points=settling.move(cloud.points))
            depth = settling.move_depth(depth)
            several = several.settle(settling) if several else None
    charts = (
        beside.submit(draw_charts, depth, cut, texture, flat=flat.result if flat else None)
        if drawn_here
        else None
    )
    limits = _limits(recipe)

    def judge(made: Mesh, parted: bool) -> tuple[Future[Deviation], Future[Solid], Future[list[Look]]]:
        about = beside.submit(
            measure_deviation,
            made,
            raw,
            height_m=float(np.ptp(made.vertices[:, 1])),
            # A disc that was put in the place of a base is meant.
            ground_m=float(made.vertices[:, 1].min()) + (top_of(depth.base) if depth.base else 0.0),
        )
        solid = beside.submit(check_solid, made, made, depth, cut, limits, parted=parted)
        return about, solid, beside.submit(look_around, made, recipe.preview)

    topology = recipe.engine.topology
    # What is delivered is judged: faces of its own come after the texture.
    judging = judge(mesh, parted) if topology is None else None
    placed = beside.submit(check_depth, depth)
    with stage("texture"):
        if start.figurine:
            painted = replace(start.figurine, name=name)
        elif several:
            painted = several.paint(mesh, texture, name=name)
        else:
            painted = paint(mesh, depth, cut, texture, name=name, charts=charts.result if charts else None)
        if several:
            wanted = several.find_wanted(painted.mesh)
            painted = replace(painted, findings=(*painted.findings, *several.findings, *wanted))
        named = Named(recipe.material, ()) if recipe.material else material_of(picture.source)
        if named:
            painted = replace(painted, material=named.material)
        if topology is not None:
            painted, floor = change_topology(painted, topology)
            painted = replace(painted, findings=(*painted.findings, *floor))
            parted = parted or not floor
    deviation, solid, looks = judging or judge(painted.mesh, parted)
    shown = [(view.original, view.cutout) for view in several.views[1:]] if several else ()
    drawn = beside.submit(draw_preview, painted, picture, cut, recipe.preview, shown, looks.result)
    with stage("checks"):
        judged = check_figurine(
            painted, painted.mesh, depth, cut, limits, deviation.result(), parted=parted, solid=solid.result()
        )
        checks = (*seen.result(), *placed.result(), *judged.checks)
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
        figurine, prepared = prepare_for_engine(figurine, replace(recipe.engine, topology=None))
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
        gathered=several,
        metadata=metadata.describe(figurine, exports, checks=checks, passages=passages),
        recipe=recipe,
        seconds=seconds,
    )


def _fit_originals(pictures: Sequence[Picture], cutouts: Sequence[Cutout]) -> list[Picture]:
    """The pictures at the size of their cutouts: very large ones were reduced before they were cut out."""
    import cv2

    def fit(picture: Picture, cut: Cutout) -> Picture:
        if picture.pixels.shape == cut.pixels.shape:
            return picture
        size = (cut.width_px, cut.height_px)
        pixels = np.asarray(cv2.resize(picture.pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
        alpha = picture.alpha
        if alpha is not None:
            alpha = np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.uint8)
        return replace(picture, pixels=pixels, alpha=alpha)

    return [fit(picture, cut) for picture, cut in zip(pictures, cutouts, strict=True)]


def _choose_texture(recipe: Recipe) -> TextureOptions:
    """The texture's options; a normal map that no format carries is not made, but where it is asked for."""
    carried = any("normal map" in EXPORTERS[key].carries for key in recipe.formats)
    wanted = carried or recipe.texture.normal_map != "auto"
    return recipe.texture if wanted else replace(recipe.texture, normal_map="off")


def _limits(recipe: Recipe) -> MeshLimits:
    """What the mesh is judged by: its budget and the wall of its process; a gate has the least wall measured."""
    gated = any(gate.name == "thickness" for gate in recipe.gates)
    topology = recipe.engine.topology
    faces = (topology.faces if topology else None) or recipe.simplify.faces
    return MeshLimits(faces=faces, wall_m=recipe.wall_m, measure_wall=gated)


def _say_missed(passage: Passage) -> Finding:
    return finding("GATE_MISSED", {"gate": passage.gate.text, "measured": say_measured(passage.measured)})
