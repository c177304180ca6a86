"""Cutout -> DepthMap with both shells, from the bundled network: the embedded default.

The figurine is cut out as a square, its longer side at 0.88 of the square, and shrunk to the network's working size
on mid grey. The network corrects the inflated silhouette (see depth/figurine/net.py); the mean over the picture and its
mirror image is taken. z is measured in sides of the square, from the plane through the figurine's middle, positive
towards the viewer; the point of a pixel lies on the pixel's own ray at depth D - z * side_px where D = fy_px, so that
one unit of depth is one pixel in that plane.

To full size: what is enlarged is the correction (log gain and middle), not the depth. It is carried outward over the
rim first, so that no background leaks in, and enlarged smoothly; the inflated silhouette is computed anew at the
picture's own size and carries the outline. Rejected: enlarging the depth itself (a staircase of 8 px at the rim); a
colour guided filter on the enlarged correction (cd 0.1123 to 0.1160 in depth space against 0.1119, edges no sharper).

Rejected, for depth over width: the middle surface stretched where the answer is flatter than wide. On 1024 pictures
of meshes by artists that the network never saw, such answers are half (below 0.67) or three quarters (to 0.9) as
deep as the truth in the median, thickness is right. Stretched by half of that in the logarithm the 16 cases (draft,
12,000 points) go from cd 0.0763 to 0.0748, f05 0.5605 to 0.5593, depth over width 0.831 to 0.852 in the mean with 9
in range as before; by all of it to 0.0753, 0.5499, 0.889 with 10. But who stands with spread arms is that flat: the
sample astronaut goes from cd 0.043 to 0.049, f05 0.778 to 0.675, and who kneels leans by 30 degrees.

Rejected, for necks: thickness that follows the outline where a row is narrower than those within 8 % of the height
about it. On 15 figurines of known shape (8 samples, 7 cases) what the answer lacks of the true waist in depth has
nothing to do with the waist in width: slope 0.01, correlation 0.02 over all rows, and in those narrower by 8 % and
more the answer's waist is as deep as the true one (0.00 in the logarithm). The knight's is deeper than the truth
already, for his helmet rests on his cape.
"""

import importlib.util
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from PIL import Image

from slipcast.core.errors import BadInput
from slipcast.core.findings import finding
from slipcast.core.masks import blur_within, box_of, find_nearest
from slipcast.core.network import Network, has_cuda, open_network
from slipcast.core.options import FOV, check, choice, flag, path, real
from slipcast.core.scientific import ndimage
from slipcast.core.values import (
    F32,
    LENS_FOV_DEG,
    U8,
    Bool,
    Camera,
    Cutout,
    DepthKind,
    DepthMap,
    ModelInfo,
    Source,
)
from slipcast.depth.device import DEVICES, check_device, device_of
from slipcast.depth.dome import inflate
from slipcast.depth.elevation import ASSUMED
from slipcast.depth.figurine.profile import half_thickness
from slipcast.depth.figurine.rods import straighten_rods
from slipcast.depth.figurine.spread import likely_errors
from slipcast.depth.figurine.steps import SIDE_PX, Steps, apply_steps, draw_to_colors, find_steps
from slipcast.depth.inflate import inflate_small
from slipcast.depth.relief import relief
from slipcast.depth.weights import find_bundled

FILL = 0.88
"""Share of the square that the figurine's longer side takes."""
FLOOR = 0.03
"""The same as figurine_net.FLOOR, which cannot be read without importing torch; a test compares them."""
EDGES = "edges."
"""What the names of the edge network's weights begin with, beside the figurine network's."""
_CALM_PX = 2.0
"""Standard deviation of the blur of the network's answer, in its own pixels."""
_GREY = 128
_LARGE_PX = 300
"""Squares from this side on are inflated by dome.py, which is fast there and exact enough."""
_FEW_PX = 64
"""A silhouette with fewer pixels is no figurine."""


@dataclass(frozen=True, kw_only=True)
class FigurineOptions:
    """Options of the bundled model.

    >>> FigurineOptions(depth_scale=1).depth_scale
    1.0
    """

    fov_deg: float = LENS_FOV_DEG
    """Vertical field of view of the picture."""
    mirrored: bool = True
    """Average with the prediction for the mirrored picture; twice the time, a little better."""
    depth_scale: float = 1.06
    """Factor on all depth about the middle plane; 1 is what the network says: the likely depth's median, flatter than
    what is there (on held-out characters the standard deviation of depth by a fifth)."""
    relief: bool = True
    """Carve what is dark in the picture a little into the front (relief.py): eyes, beard, folds and belt."""
    steps: bool = False
    """Let the front rise where the edge network sees one part before another (steps.py): sharper edges, ragged
    sides."""
    device: str = "auto"
    """`auto` (cuda, else cpu), `cpu`, `cuda` or `mps`."""
    folder: Path | None = None
    """Other weights of the same kind: a folder with config.json and the ONNX files of training/to_onnx.py."""

    def __post_init__(self) -> None:
        check(
            self,
            fov_deg=FOV,
            mirrored=flag(),
            depth_scale=real(0.1, 5, example=1.06),
            relief=flag(),
            steps=flag(),
            device=choice(DEVICES),
            folder=path(example="weights").or_none(),
        )


@dataclass(frozen=True)
class Square:
    """Where the square lies in the picture; corners need not be whole pixels nor inside."""

    left_px: float
    top_px: float
    side_px: float


class FigurineModel:
    """The bundled network, loaded once (MissingWeights when its file is absent or damaged)."""

    def __init__(self, options: FigurineOptions | None = None) -> None:
        self.options = options or FigurineOptions()
        self.weights = find_bundled("figurine", self.options.folder)
        device = _device_of(self.options.device)
        self._net = self._open("figurine.onnx", device)
        self._edges: Network | None = None
        if self.options.steps and "edges.onnx" in self.weights.sums:
            self._edges = self._open("edges.onnx", device)

    def _open(self, file: str, device: str) -> Network:
        return _open_once(self.weights.file(file), self.weights.sums[file], device)

    @property
    def side_px(self) -> int:
        """The network's working size."""
        return self._net.side_px()

    def predict(self, picture: Cutout) -> DepthMap:
        """Return METRIC depth, in pixels at the figurine's middle, of both shells.

        A silhouette of next to nothing gives an empty map with the finding NO_FIGURINE.
        """
        return self.predict_many([picture])[0]

    def predict_many(self, pictures: list[Cutout]) -> list[DepthMap]:
        """Return `predict` of each; the network sees them as one batch, which pays on a GPU."""
        masks = [picture.alpha >= 128 for picture in pictures]
        solid = [k for k, mask in enumerate(masks) if int(mask.sum()) >= _FEW_PX]
        squares = {k: find_square(masks[k]) for k in solid}
        crops = [crop(pictures[k], squares[k], self.side_px) for k in solid]
        found = dict(zip(solid, self._ask(crops), strict=True)) if crops else {}
        return [
            self._finished(pictures[k], masks[k], squares[k], *found[k])
            if k in found
            else self._empty(pictures[k])
            for k in range(len(pictures))
        ]

    def corrections(self, crops: list[tuple[F32, F32]]) -> list[tuple[F32, F32]]:
        """Log gain and middle (S,S) for pairs of picture (S,S,3) in [0, 1] and coverage (S,S)."""
        return [answer[:2] for answer in self._ask(crops)]

    def judge_errors(self, crop: tuple[F32, F32]) -> tuple[F32, F32, F32]:
        """Front, back (S,S) and their likely errors (2,S,S), sides of the square, for one picture and coverage.

        ValueError where no mirror image is asked.
        """
        gain, middle, spread = self._ask([crop])[0]
        if spread is None:
            raise ValueError("likely errors need the mirror image; give mirrored=True")
        half = np.exp(gain) * (make_network_input(*crop)[4] + np.float32(FLOOR / 2))
        scale = np.float32(self.options.depth_scale)
        return (middle + half) * scale, (middle - half) * scale, spread

    def _ask(self, crops: list[tuple[F32, F32]]) -> list[tuple[F32, F32, F32 | None]]:
        """The same with the likely errors (2,S,S), None where no mirror image was asked."""
        inputs = np.stack([make_network_input(*each) for each in crops])
        count = len(inputs)
        if self.options.mirrored:
            twins = np.concatenate([inputs[:, :5, :, ::-1], inputs[:, 5:]], 1)
            inputs = np.concatenate([inputs, twins])
        dome = inputs[:, 4]
        both: F32 = np.stack(shells(self._net.run(x=inputs), dome), 1)
        off: F32 | None = None
        if self.options.mirrored:
            half = np.float32(0.5)
            off = np.abs(both[:count] - both[count:, ..., ::-1]) * half
            both = (both[:count] + both[count:, ..., ::-1]) * half
        out: list[tuple[F32, F32, F32 | None]] = []
        for k, ((front, back), height) in enumerate(zip(both, dome[:count], strict=True)):
            gain = np.log(np.maximum(front - back, 1e-5) / (2 * height + FLOOR))
            spread = None
            if off is not None:
                inside = crops[k][1] >= 0.5
                spread = likely_errors(np.stack([calm_noise(each, inside) for each in off[k]]), front - back)
            out.append((gain.astype(np.float32), ((front + back) / 2).astype(np.float32), spread))
        return out

    def _finished(
        self, picture: Cutout, mask: Bool, square: Square, gain: F32, middle: F32, spread: F32 | None
    ) -> DepthMap:
        """The correction at full size on the dome at full size, as distances."""
        camera = Camera.pinhole(picture.width_px, picture.height_px, self.options.fov_deg)
        small = resample(picture.alpha, square, len(gain)) / np.float32(255) >= 0.5
        gain, middle = (calm_noise(values, small) for values in (gain, middle))
        box = box_of(mask).slices
        large = [enlarge(carry_outward(values, small), square, box) for values in (gain, middle)]
        solve = inflate if square.side_px >= _LARGE_PX else inflate_small
        dome = solve(mask)[box] / np.float32(square.side_px)
        half = half_thickness(dome, np.exp(large[0]), FLOOR / 2, mask[box], square.side_px)
        middle = straighten_rods(large[1], half, mask[box], square.side_px)
        near, far = middle + half, middle - half
        steps: F32 | None = None
        if self._edges is not None:
            moved = self._stepped(picture, mask, square, box, near, far, dome)
            # What goes back does so with its back: a part behind another is as thick as it was.
            far = far + np.minimum(moved - near, 0)
            steps = np.zeros(mask.shape, np.float32)
            steps[box] = np.where(mask[box], (moved - near) * np.float32(self.options.depth_scale / FILL), 0)
            near = np.maximum(moved, far)
        if self.options.relief:
            near = np.maximum(near + relief(picture.pixels[box], mask[box], square.side_px), far)
        scale = np.float32(square.side_px * self.options.depth_scale)
        inside = mask[box]
        front, back = np.zeros(mask.shape, np.float32), np.zeros(mask.shape, np.float32)
        plane = np.float32(camera.fy_px)
        nearest = plane * np.float32(0.05)
        front[box] = np.where(inside, np.maximum(plane - near * scale, nearest), 0)
        back[box] = np.where(inside, np.maximum(plane - far * scale, front[box]), 0)
        return DepthMap(
            front=front,
            back=back,
            valid=mask,
            camera=camera,
            kind=DepthKind.METRIC,
            back_source=Source.INVENTED,
            model=ModelInfo(name="figurine", sha256=self.weights.sha256),
            elevation=ASSUMED,
            spread=None if spread is None else _enlarge_spread(spread, small, square, box, mask),
            steps=steps,
        )

    def _stepped(
        self,
        picture: Cutout,
        mask: Bool,
        square: Square,
        box: tuple[slice, slice],
        front: F32,
        back: F32,
        dome: F32,
    ) -> F32:
        """The front of the picture's `box` with the steps that the edge network finds (steps.py)."""
        assert self._edges is not None
        seen, coverage = crop(picture, square, SIDE_PX)
        inside = coverage >= 0.5
        share = resample(mask.astype(np.float32), square, SIDE_PX)
        small = []
        for values in (front, back, dome):
            full = np.zeros(mask.shape, np.float32)
            full[box] = np.where(mask[box], values, 0)
            small.append(np.where(share >= 0.5, resample(full, square, SIDE_PX) / np.maximum(share, 0.2), 0))
        steps = find_steps(self._edges, seen, coverage, *small)
        large = Steps(*(enlarge(carry_outward(each, inside), square, box) for each in steps))
        return apply_steps(front, draw_to_colors(large, picture.pixels[box], square.side_px))

    def _empty(self, picture: Cutout) -> DepthMap:
        shape = (picture.height_px, picture.width_px)
        return DepthMap(
            front=np.zeros(shape, np.float32),
            back=np.zeros(shape, np.float32),
            valid=np.zeros(shape, bool),
            camera=Camera.pinhole(picture.width_px, picture.height_px, self.options.fov_deg),
            back_source=Source.INVENTED,
            model=ModelInfo(name="figurine", sha256=self.weights.sha256),
            findings=(finding("NO_FIGURINE"),),
        )


@lru_cache(maxsize=4)
def _open_once(file: Path, sha256: str, device: str) -> Network:
    """The network in `file`, kept: 30 MB, where opening both again costs each conversion 0.15 s of CPU."""
    del sha256  # another file in the same place is another network
    return open_network(file, device)


def _enlarge_spread(spread: F32, inside: Bool, square: Square, box: tuple[slice, slice], mask: Bool) -> F32:
    """Likely errors (2,S,S) in sides of the square as (2,H,W) over the figurine's longer side, 0 outside."""
    out = np.zeros((2, *mask.shape), np.float32)
    for shell, values in zip(out, spread, strict=True):
        large = enlarge(carry_outward(values, inside), square, box) / np.float32(FILL)
        shell[box] = np.where(mask[box], large, 0)
    return out


def _device_of(wanted: str) -> str:
    """Where the bundled networks compute: on CUDA where onnxruntime has it, else on the processor.

    They need less than a tenth of a second there, so a GPU that only torch can reach (for Depth Anything) is not asked.
    Raises BadInput for an unknown word and for a device that neither has.
    """
    check_device(wanted)
    if wanted in ("auto", "cpu") or (wanted == "cuda" and has_cuda()):
        return wanted
    if importlib.util.find_spec("torch") is None:
        raise BadInput(f"device {wanted} is not available on this machine; use the device auto or cpu")
    device_of(wanted)
    return "cpu"


def shells(out: F32, dome: F32) -> tuple[F32, F32]:
    """Front and back z (B,S,S) in sides of the square from the network's output (B,6,S,S) and the dome (B,S,S)."""
    half = np.float32(0.5) * np.exp(np.clip(out[:, 0], -4, 4)) * (2 * dome + np.float32(FLOOR))
    return out[:, 1] + half, out[:, 1] - half


def find_square(mask: Bool) -> Square:
    """The square about the box of the silhouette (H,W) whose side is the box's longer side over `FILL`."""
    box = box_of(mask)
    side = float(max(box.height, box.width)) / FILL
    return Square((box.left + box.right - side) / 2, (box.top + box.bottom - side) / 2, side)


def crop(picture: Cutout, square: Square, size_px: int) -> tuple[F32, F32]:
    """The square at `size_px`: picture (S,S,3) in [0, 1] composited on mid grey, and coverage (S,S) in [0, 1]."""
    alpha = picture.alpha
    share = alpha[..., None].astype(np.float32) / 255
    on_grey = (picture.pixels * share + _GREY * (1 - share) + 0.5).astype(np.uint8)
    seen = resample(on_grey, square, size_px, _GREY) / np.float32(255)
    return seen, resample(alpha, square, size_px) / np.float32(255)


def resample(values: U8 | F32, square: Square, size_px: int, outside: int = 0) -> F32:
    """The square of values (H,W) or uint8 (H,W,3) at `size_px`, float32; `outside` beyond the picture."""
    height, width = values.shape[:2]
    left, top, side = square.left_px, square.top_px, square.side_px
    margin = int(np.ceil(max(0.0, -left, -top, left + side - width, top + side - height))) + 1
    edge = ((margin, margin), (margin, margin), (0, 0))[: values.ndim]
    wide = np.pad(values, edge, constant_values=outside)
    how = Image.Resampling.BOX if side > 1.5 * size_px else Image.Resampling.BILINEAR
    box = (left + margin, top + margin, left + margin + side, top + margin + side)
    return np.asarray(Image.fromarray(wide).resize((size_px, size_px), how, box=box), np.float32)


def make_network_input(on_grey: F32, coverage: F32) -> F32:
    """(7,S,S) as depth/figurine/net.py says."""
    size = coverage.shape[0]
    place = np.linspace(-1, 1, size, dtype=np.float32)
    dome = inflate_small(coverage >= 0.5) / np.float32(size)
    x, y = np.broadcast_to(place, (size, size)), np.broadcast_to(place[:, None], (size, size))
    return np.concatenate([on_grey.transpose(2, 0, 1), [coverage, dome, x, y]]).astype(np.float32)


def calm_noise(values: F32, inside: Bool) -> F32:
    """The values (S,S) blurred within the silhouette: the network's noise from pixel to pixel is no surface."""
    out: F32 = np.where(inside, blur_within(values, inside, _CALM_PX, truncate=4), values).astype(np.float32)
    return out


def carry_outward(values: F32, inside: Bool) -> F32:
    """Return `values` (H,W) with every pixel outside replaced by the nearest one inside, smoothed only there.

    `inside` (H,W) is where they are known; where nothing is, they come back as they are.
    """
    if not inside.any():
        return values
    filled = values[find_nearest(inside)]
    soft = ndimage.gaussian_filter(filled, 1.5)
    out: F32 = np.where(inside, filled, soft).astype(np.float32)
    return out


def enlarge(values: F32, square: Square, box: tuple[slice, slice]) -> F32:
    """Values (h,w) at the centres of the picture's pixels in `box`, from a map (S,S) over the square.

    A cubic B-spline without its inverse filter: twice differentiable, exact on slopes, and blind to the network's
    own pixel noise. Rejected: torch's bicubic sampling, whose kernel waves on slopes.
    """
    rows = _spline(len(values), box[0], square.top_px, square.side_px)
    columns = _spline(values.shape[1], box[1], square.left_px, square.side_px)
    large: F32 = (rows @ values @ columns.T).astype(np.float32)
    return large


def _spline(size: int, part: slice, start_px: float, side_px: float) -> F32:
    """(n, size) weights of a map's rows for the picture's pixels in `part`; the map's rim repeats outside."""
    at = (np.arange(part.start, part.stop) + 0.5 - start_px) / side_px * size - 0.5
    weights = np.zeros((len(at), size), np.float32)
    first = np.floor(at).astype(int) - 1
    for k in range(4):
        far = np.abs(at - (first + k))
        value = np.where(far < 1, 2 / 3 - far**2 + far**3 / 2, np.maximum(2 - far, 0) ** 3 / 6)
        np.add.at(weights, (np.arange(len(at)), np.clip(first + k, 0, size - 1)), value)
    return weights
