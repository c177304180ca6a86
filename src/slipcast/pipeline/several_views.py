"""Several pictures of one figurine through the first stages: cut out, judged by each other, fused.

What comes out has the shape of what one picture gives (a front depth map with both shells, samples, a closed surface),
so that all later stages are the same. What only several pictures need is imported when there are several.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from slipcast.checks.verdict import Check
from slipcast.core.errors import BadInput
from slipcast.core.findings import Finding, finding
from slipcast.core.values import Cutout, Figurine, Mesh, Picture, PointCloud, Shells, View
from slipcast.depth.calibrate import CalibrateOptions, calibrate
from slipcast.depth.models import DepthOptions, predict_depth
from slipcast.depth.place import Settling
from slipcast.picture.cut_out import CutoutOptions, cut_out
from slipcast.picture.downscale import downscale

if TYPE_CHECKING:
    from slipcast.reconstruct.simplify import Ground
    from slipcast.reconstruct.views.agreement import Settled
    from slipcast.reconstruct.views.fusion import Fused
    from slipcast.texture.paint import TextureOptions
    from slipcast.texture.views.sight import Seen

MOST_VIEWS = 8
_DONE = frozenset({"VIEW_DROPPED", "VIEW_TURNED", "VIEWS_SWAPPED", "VIEW_RENAMED"})
"""What was done to pictures once and cannot be seen in them any more."""
_MEASURED = frozenset({"VIEWS_MOVED", "VIEWS_APART"})
"""What each fusion measures anew."""
_WANTED = 0.2
"""From this worth on another view is asked for; four straight sides leave 0.17."""
_NEW_DEG = 60
"""A side farther than this from all outlines that were seen is wanted for its outline."""
_APART = 0.006
"""From this share of the size on, views contradict each other: what is thin may be cut away."""


@dataclass(frozen=True, kw_only=True)
class SeenView:
    """One picture as it was used."""

    original: Picture
    """As it came, turned and named as the cutout."""
    cutout: Cutout
    """Turned where it was mirrored; its `view` is the side that it was used as."""
    depth: Shells
    """Its own, calibrated: one unit is one pixel at the figurine's middle."""
    yaw_deg: float
    """Where the camera was found to stand, about +Y."""
    pitch_deg: float
    turned: bool
    seen: Seen
    """The cutout with its camera in the world."""


@dataclass(frozen=True, kw_only=True)
class Gathered:
    """What several pictures say together."""

    fused: Fused
    views: tuple[SeenView, ...]
    """Front first; those that were left out are missing."""
    findings: tuple[Finding, ...]

    @property
    def depth(self) -> Shells:
        """The solid as the front's camera sees it."""
        return self.fused.depth

    def find_ground(self) -> Ground:
        """What the solid stands on: what the front shows where the solid is its own, else what all views show."""
        from slipcast.reconstruct.simplify import Ground
        from slipcast.reconstruct.views.ground import find_seen_ground_m

        if self.fused.of_front:
            return Ground(self.fused.depth)
        return Ground(height_m=find_seen_ground_m(self.fused.mesh, self.fused.cameras.values()))

    def settle(self, settling: Settling) -> Gathered:
        """The same in the world in which the figurine has its exact height."""
        mesh = self.fused.mesh
        fused = replace(
            self.fused,
            mesh=replace(mesh, vertices=settling.move(mesh.vertices)),
            depth=settling.move_depth(self.fused.depth),
            cameras={view: settling.move_camera(camera) for view, camera in self.fused.cameras.items()},
        )
        views = tuple(
            replace(view, seen=replace(view.seen, camera=settling.move_camera(view.seen.camera)))
            for view in self.views
        )
        return replace(self, fused=fused, views=views)

    def cloud(self) -> PointCloud:
        """The fused surface's corners, each with the front picture's colour at its place or a mean one."""
        mesh, front = self.fused.mesh, self.views[0].cutout
        mean = front.pixels[front.alpha >= 128].mean(0)
        return PointCloud(
            points=mesh.vertices,
            colors=np.broadcast_to(mean.astype(np.uint8), mesh.vertices.shape).copy(),
            source=np.full(len(mesh.vertices), 1, np.uint8),
            joins=mesh.faces,
        )

    def find_wanted(self, mesh: Mesh) -> tuple[Finding, ...]:
        """Which further side would help most, by the painted mesh's labels; empty where none would help much."""
        from slipcast.reconstruct.views.next_view import find_next_view

        best = find_next_view(mesh, [view.cutout.view for view in self.views])
        if best is None or best.worth < _WANTED:
            return ()
        why = f"no picture shows {round(100 * best.unseen_share)} % of the surface that it would show"
        if best.outline_deg > _NEW_DEG:
            why = "no picture shows the outline that is seen from there, which tells the depth"
        return (finding("VIEW_WANTED", {"view": best.view.value, "why": why}),)

    def paint(self, mesh: Mesh, options: TextureOptions, *, name: str) -> Figurine:
        """The figurine with all views' colours; its provenance has a list `views`."""
        if [view.cutout.view for view in self.views] == [View.FRONT, View.BACK]:
            from slipcast.texture.views.front_and_back import paint_front_and_back

            front, back = self.views
            painted = paint_front_and_back(
                mesh, self.depth, front.seen, back.seen, back.depth, options, name=name
            )
        else:
            from slipcast.texture.views.paint_views import paint_views

            painted = paint_views(
                mesh,
                {view.cutout.view: view.seen for view in self.views},
                max_size_px=options.max_size_px,
                delight=options.delight,
                name=name,
            )
        shares = painted.provenance["seen"]
        assert isinstance(shares, Mapping)
        told = [
            {
                **{key: view.cutout.source[key] for key in ("file", "sha256") if key in view.cutout.source},
                "view": view.cutout.view.value,
                "yaw_deg": round(view.yaw_deg % 360, 1),
                "pitch_deg": round(view.pitch_deg, 1),
                "mirrored": view.turned,
                "seen_share": shares[view.cutout.view.value],
            }
            for view in self.views
        ]
        provenance = {
            "views": told,
            "invented_share": shares["invented"],
            "normal_map": painted.provenance.get("normal_map", {"made": False}),
            **{key: painted.provenance[key] for key in ("delight",) if key in painted.provenance},
        }
        return replace(painted, provenance=provenance)


def check_pictures(pictures: Sequence[Picture]) -> None:
    """Refuse, before any work, what is no set of views: BadInput without a front, with a side twice, or too many."""
    views = [picture.view for picture in pictures]
    known = ", ".join(View)
    if View.FRONT not in views:
        raise BadInput(f"views needs a front among {', '.join(views) or 'its sides'}; the sides are {known}")
    twice = [view for view in dict.fromkeys(views) if views.count(view) > 1]
    if twice:
        raise BadInput(f"views has two pictures of {twice[0]}; give each side once")
    if not 2 <= len(views) <= MOST_VIEWS:
        raise BadInput(f"views takes 2 to {MOST_VIEWS} sides, got {len(views)}; the sides are {known}")
    seen: dict[object, View] = {}
    for picture in pictures:
        digest = picture.source.get("sha256")
        if digest and digest in seen:
            raise BadInput(
                f"views has one picture as {seen[digest]} and as {picture.view}; give each side its own picture"
            )
        seen[digest] = picture.view


def cut_views(pictures: Sequence[Picture], options: CutoutOptions) -> list[tuple[Picture, Cutout]]:
    """Return each picture, no larger than can be used, and its cutout; two are worked on at a time.

    Raises what `cut_out` raises; of several pictures the sentence begins with the view.
    """

    def one(picture: Picture) -> tuple[Picture, Cutout]:
        small = downscale(picture, options)
        try:
            return small, cut_out(small, options)
        except BadInput as problem:
            if len(pictures) == 1:
                raise
            raise BadInput(f"the {picture.view} view: {problem}") from problem

    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(one, pictures))


def judge_views(cutouts: Mapping[View, Cutout], options: DepthOptions) -> Check:
    """What `convert` would put right or leave out of these cutouts, the front among them, without converting.

    That outlines are no mirror images `check_views` says.
    """
    from slipcast.reconstruct.views.agreement import settle_views

    depths = {
        view: calibrate(predict_depth(cutouts[view], options), CalibrateOptions())
        for view in (View.FRONT, View.BACK)
        if view in cutouts
    }
    settled = settle_views(cutouts, depths)
    said = tuple(entry for entry in settled.findings if entry.code != "VIEWS_NOT_MIRRORED")
    wrong = len(settled.dropped) + len(settled.turned) + len(settled.renamed) + 2 * len(settled.exchanged)
    score = 0.5 * (1 - wrong / len(cutouts)) if wrong else 1.0
    values = {
        "left_out": ", ".join(settled.dropped),
        "mirrored": ", ".join(settled.turned),
        "exchanged": ", ".join(settled.exchanged),
        "renamed": ", ".join(f"{view} is {shown}" for view, shown in settled.renamed.items()),
    }
    return Check(name="views_agree", score=max(score, 0.0), values=values, findings=said)


def gather(
    cutouts: Sequence[Cutout],
    depth_of: Callable[[Cutout], Shells],
    stand: Callable[[Shells, Cutout], Shells],
    *,
    height_m: float,
    fov_deg: float,
    detail: str,
    originals: Sequence[Picture] = (),
    depths: Sequence[Shells] = (),
    known: Sequence[Finding] = (),
) -> Gathered | Settled:
    """Judge the cutouts by each other and fuse those that fit; the `Settled` where only the front is left.

    `depth_of` gives a cutout's calibrated depth, `stand` places it in the world, for a front whose sides no picture
    shows. `originals` are the pictures as they came, by default the cutouts.
    With `depths`, one for each cutout, all are taken as they are: nothing is turned or left out. `known` is what was
    found when the cutouts were judged before; what of it still holds is told again.
    """
    from slipcast.reconstruct.views.agreement import Settled, settle_views

    own = {cut.view: cut for cut in cutouts}
    came = {picture.view: picture for picture in originals or cutouts}
    if depths:
        given = dict(zip(own, depths, strict=True))
        told = tuple(entry for entry in known if entry.code not in _MEASURED)
        return _fuse(Settled(cutouts=own, findings=told), came, given, stand, height_m, fov_deg, detail)
    with ThreadPoolExecutor(2) as pool:
        said = dict(zip(own, pool.map(depth_of, own.values()), strict=True))
    settled = settle_views(own, said)
    done = (entry for entry in known if entry.code in _DONE and entry not in settled.findings)
    settled = replace(settled, findings=(*done, *settled.findings))
    if len(settled.cutouts) < 2:
        return settled
    used = {view: _depth_used(view, cut, own, said, depth_of) for view, cut in settled.cutouts.items()}
    shown = {view: _original_used(view, cut, own, came) for view, cut in settled.cutouts.items()}
    return _fuse(settled, shown, used, stand, height_m, fov_deg, detail)


def _fuse(
    settled: Settled,
    originals: Mapping[View, Picture],
    depths: Mapping[View, Shells],
    stand: Callable[[Shells, Cutout], Shells],
    height_m: float,
    fov_deg: float,
    detail: str,
) -> Gathered:
    from slipcast.reconstruct.views.front_solid import fits_diagonal, keeps_front, lack_side, take_front_solid
    from slipcast.reconstruct.views.fusion import fuse
    from slipcast.texture.views.sight import Seen

    cuts = {view: replace(cut, view=view) for view, cut in settled.cutouts.items()}
    own = None
    if lack_side(cuts):
        placed = stand(depths[View.FRONT], cuts[View.FRONT])
        own = take_front_solid(cuts, placed, fov_deg=fov_deg, detail=detail)
    if own and fits_diagonal(own, cuts):
        fused = own
    else:
        fused = fuse(cuts, depths, height_m=height_m, fov_deg=fov_deg, detail=detail)
        if own and not keeps_front(fused, cuts):
            fused = own
    found = fused.registered
    told = list(settled.findings)
    if found.before > found.miss:
        values = {"before": f"{100 * found.before:.1f}", "after": f"{100 * found.miss:.1f}"}
        told.append(finding("VIEWS_MOVED", values))
    why = "its outline contradicts what all other views show"
    told += [finding("VIEW_DROPPED", {"view": view.value, "why": why}) for view in found.left_out]
    if found.miss > _APART:
        told.append(finding("VIEWS_APART", {"percent": f"{100 * found.miss:.1f}"}))
    cameras = {side.view: side.camera for side in found.sides}
    return Gathered(
        fused=fused,
        views=tuple(
            SeenView(
                original=replace(originals[view], view=view),
                cutout=cuts[view],
                depth=depths[view],
                yaw_deg=float(cameras[view].yaw_deg),
                pitch_deg=float(cameras[view].pitch_deg),
                turned=view in settled.turned,
                seen=Seen(cutout=cuts[view], camera=camera),
            )
            for view, camera in fused.cameras.items()
        ),
        findings=tuple(told),
    )


def _original_used(
    view: View, cut: Cutout, own: Mapping[View, Cutout], originals: Mapping[View, Picture]
) -> Picture:
    """The picture of a cutout that may have been turned or exchanged."""
    from slipcast.reconstruct.views.agreement import mirror

    for other, came in own.items():
        if came is cut:
            return originals[other]
    for other in (view, *own):
        if other in own and np.array_equal(mirror(own[other]).pixels, cut.pixels):
            return mirror(originals[other])
    return cut


def _depth_used(
    view: View,
    cut: Cutout,
    own: Mapping[View, Cutout],
    depths: Mapping[View, Shells],
    depth_of: Callable[[Cutout], Shells],
) -> Shells:
    """The depth of a cutout that may have been turned or exchanged since it was predicted."""
    from slipcast.reconstruct.views.agreement import mirror

    for other, came in own.items():
        if came is cut:
            return depths[other]
        if other is view and np.array_equal(mirror(came).pixels, cut.pixels):
            was = depths[other]
            return replace(
                was,
                front=np.ascontiguousarray(was.front[:, ::-1]),
                back=np.ascontiguousarray(was.back[:, ::-1]),
                valid=np.ascontiguousarray(was.valid[:, ::-1]),
            )
    return depth_of(cut)
