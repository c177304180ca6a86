"""How far a picture's colours are from the figurine's own, before and after its light was taken out.

    python -m evaluation.delight samples [--strength 1] [--sheet FILE.png]

CASES holds NAME/case.json with a front picture and a true mesh with vertex colours: the albedo that a perfect answer
has. Normals are those of the product's default depth. Differences are means over the front's pixels in CIE Lab
(Delta E 1976), both brought to the true mean brightness first: exposure is nobody's fault. `light`: the part of the
error that runs with the light, as the deviation of log(picture / albedo) over soft areas (blurred by 4 % of the
height).
"""

# ruff: noqa: T201 - a command: it prints

import argparse
import json
from pathlib import Path

import numpy as np
from scipy import ndimage

from evaluation.cases import Case, find_cases
from slipcast.core.values import F32, F64, I32, Bool, Camera, Cutout, Shells
from slipcast.depth.calibrate import CalibrateOptions, calibrate
from slipcast.depth.models import DepthModels, DepthOptions
from slipcast.depth.place import PlaceOptions, place
from slipcast.mesh.rasterize import rasterize
from slipcast.picture.cut_out import CutoutOptions
from slipcast.picture.decode import read_picture
from slipcast.pipeline.several_views import cut_views
from slipcast.texture.delight import remove_light


def read_colored(path: Path) -> tuple[F64, I32, F32]:
    """Vertices, faces and linear vertex colours of a sample's truth.glb: one primitive, nothing interleaved."""
    data = path.read_bytes()
    length = int.from_bytes(data[12:16], "little")
    document, content = json.loads(data[20 : 20 + length]), data[28 + length :]
    primitive = document["meshes"][0]["primitives"][0]

    def read(number: int) -> "np.typing.NDArray[np.generic]":
        accessor = document["accessors"][number]
        view = document["bufferViews"][accessor["bufferView"]]
        kind = {5126: np.float32, 5125: np.uint32, 5123: np.uint16}[accessor["componentType"]]
        wide = {"SCALAR": 1, "VEC3": 3, "VEC4": 4}[accessor["type"]]
        start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        return np.frombuffer(content, kind, accessor["count"] * wide, start).reshape(-1, wide)

    colors: F32 = read(primitive["attributes"]["COLOR_0"])[:, :3].astype(np.float32) / np.float32(65535)
    vertices: F64 = read(primitive["attributes"]["POSITION"]).astype(np.float64)
    faces: I32 = read(primitive["indices"]).astype(np.int32).reshape(-1, 3)
    return vertices, faces, colors


def true_albedo(case: Case, side_px: int) -> tuple[Bool, F32]:
    """Where the true mesh is in the case's picture, and its own colours, linear."""
    vertices, faces, colors = read_colored(case.truth)
    angle = np.radians(-case.yaw_deg)
    turn = np.array([[np.cos(angle), 0, np.sin(angle)], [0, 1, 0], [-np.sin(angle), 0, np.cos(angle)]])
    local = (vertices - case.target) @ turn.T
    z = case.distance - local[:, 2]
    camera = Camera.pinhole(side_px, side_px, case.fov_deg)
    screen = np.stack(
        [camera.cx_px + local[:, 0] / z * camera.fx_px, camera.cy_px - local[:, 1] / z * camera.fy_px], 1
    )
    hits = rasterize(screen, z, faces, side_px, side_px)
    mask = hits.face >= 0
    out = np.zeros((side_px, side_px, 3), np.float32)
    out[mask] = np.einsum("nk,nkc->nc", hits.weights[mask], colors[faces[hits.face[mask]]])
    return mask, out


def predict(case: Case) -> tuple[Cutout, Shells]:
    """The cutout and the default depth of a case's picture."""
    cut = cut_views((read_picture(case.picture),), CutoutOptions())[0][1]
    with DepthModels() as models:
        depth = calibrate(models.predict(cut, DepthOptions()), CalibrateOptions())
    return cut, place(depth, cut, PlaceOptions())


def to_linear(pixels: "np.typing.NDArray[np.uint8]") -> F32:
    """(...,3) linear colours of sRGB."""
    value = pixels.astype(np.float32) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


def judge(linear: F32, albedo: F32, mask: Bool) -> tuple[float, float]:
    """Mean Delta E at one exposure, and the deviation of the light that is left."""
    import cv2

    own, true = linear[mask], albedo[mask]
    own = own * (true.mean() / own.mean())

    def to_lab(colors: F32) -> F64:
        value = np.clip(colors, 0, 1)
        value = np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)
        lab = cv2.cvtColor(value[None].astype(np.float32), cv2.COLOR_RGB2LAB)[0]
        return np.asarray(lab, np.float64)

    off = np.linalg.norm(to_lab(own) - to_lab(true), axis=1).mean()
    ratio = np.zeros(mask.shape)
    ratio[mask] = np.log(np.maximum(own.mean(1), 0.005)) - np.log(np.maximum(true.mean(1), 0.005))
    sigma = 0.04 * mask.any(1).sum()
    soft = ndimage.gaussian_filter(ratio, sigma) / np.maximum(
        ndimage.gaussian_filter(mask.astype(float), sigma), 1e-6
    )
    return float(off), float(soft[mask].std())


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", type=Path)
    parser.add_argument("--strength", type=float, default=1.0)
    parser.add_argument("--sheet", type=Path)
    asked = parser.parse_args()
    print("| | Delta E before | after | light before | after | stops removed |")
    print("|---|---|---|---|---|---|")
    rows, strips = [], []
    for case in find_cases(asked.cases):
        cut, depth = predict(case)
        after, told = remove_light(cut, depth, asked.strength)
        shown, albedo = true_albedo(case, cut.width_px)
        mask = ndimage.binary_erosion(shown & depth.valid, iterations=3)
        one, other = (judge(to_linear(each.pixels), albedo, mask) for each in (cut, after))
        rows.append([one[0], other[0], one[1], other[1], told.get("stops", 0.0)])
        print(f"| {case.name} | " + " | ".join(f"{value:.2f}" for value in rows[-1]) + " |", flush=True)
        strips.append(draw(cut, after, albedo, mask))
    mean = np.mean(rows, axis=0)
    print("| mean | " + " | ".join(f"{value:.2f}" for value in mean) + " |")
    if asked.sheet:
        from PIL import Image

        Image.fromarray(np.concatenate(strips)).save(asked.sheet)


def draw(cut: Cutout, after: Cutout, albedo: F32, mask: Bool) -> "np.typing.NDArray[np.uint8]":
    """The picture, what became of it, and the true colours, side by side."""
    from PIL import Image

    value = np.clip(albedo, 0, 1)
    value = np.where(value <= 0.0031308, value * 12.92, 1.055 * value ** (1 / 2.4) - 0.055)
    true = np.rint(value * 255).astype(np.uint8)
    tiles = []
    for pixels in (cut.pixels, after.pixels, true):
        shown = np.where(mask[..., None], pixels, 255)
        tiles.append(np.asarray(Image.fromarray(shown.astype(np.uint8)).resize((384, 384))))
    return np.concatenate(tiles, axis=1)


if __name__ == "__main__":
    main()
