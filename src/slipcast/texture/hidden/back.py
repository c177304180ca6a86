"""Front picture -> the colours of the back, which it does not show.

What reaches the outline goes on behind: hair, hood, coat, trousers. What lies within does not: faces, emblems, bellies.
So the picture's regions (texture/hidden/regions.py) claim the back from the outline, and the back is divided among
them with borders as short as may be (a Potts model, relaxed to a convex problem and solved by its dual: Chambolle,
Cremers and Pock 2012). A region that reaches the outline in a short stretch stays near it, one that surrounds a part
covers it.
Beasts are pale in front and below (countershading): a pale piece before a more vivid region that has more of the
outline, and that mostly lies beside the piece, claims nothing, though a muzzle or a cheek may reach the outline. Skin
is no such region: a white shirt between bare arms goes around. What lies on top of a face covers the back of the head
(texture/hidden/heads.py), and what a row shows from end to end goes around at its height (texture/hidden/belts.py).
What only lines the outline of something thick does not go behind (texture/hidden/strips.py).
Stripes and spots (texture/hidden/pattern.py) go on behind with all their contrast, all other grain is faint and grey,
and fainter where the region is smooth (texture/hidden/grain.py).

Each region has its own smooth colour, taken from where the picture shows it near the outline, and its own grain: fur,
folds, hair. The grain is the picture's own where the region lies both before and behind; elsewhere, and where the
picture shows a feature (a line, a spot, more contrast than the region usually has), it is moved there from a place
where it is calm.

Against the true back pictures of 16 figurines of other makers, laid over it mirrored, it is 12.4 off in CIE Lab (rim's
nearest colour 15.0; 15.4 without what speaks for belts), of the 8 samples 23.1 (24.7; 24.6 if pale pieces claim). Of
219 pictures of textured meshes of 71 artists 11.01 off (11.24 before heads.py and before skin was no fur; the rim's
nearest region 12.6, the best single region 17.5, the best region of each pixel 5.0).

Rejected: a softmax over 37 features of place and region (shares of outline, rows and columns, distances, colours),
learned on those pictures (4 folds by artist): 11.2 alone, 11.3 on the outline's claim where pale pieces claim nothing,
and 23.4 and 12.7 on the samples and the turnarounds. That more than half of what lies beside a pale piece must be vivid
(10.97, but a fox's ear turns pale and a tiger cub gets a black blot); screens and masks, pieces of any colour that one
region surrounds above and on both sides (10.92, but the cub's head turns black).

Rejected: a convolutional network that chooses among the regions (a U-Net of 0.35 million weights on 28 x 28 cells over
EfficientNet-Lite0, which asks of each region what it has of the outline, the row and the column around a cell; 9,700
pictures of some 500 characters and of figurines made in code, recoloured, moved, mirrored). The chosen region's colour
is off, here as above at most 50 a pixel:

    on                                   nearest rim  rules  network  both  both, rules first  best region of a pixel
    100 pictures of 51 characters held out     15.70  15.13    15.02  14.91              14.93                   9.73
    8 samples                                  22.04  20.27    21.25  20.00              19.98                  10.28
    16 turnarounds                             14.16  10.35    11.74  11.19              10.88                   5.71

"Network" is its likelihoods beside the outline's claim alone, "both" beside all claims, pale pieces left to the rules;
"rules first" keeps it from rows that go around and from covered heads. An owl's back and a low-poly fox look better, a
koala, a chess man and a dwarf patchy, and it would take 2.9 MB and 0.14 s of the first conversion. Longer training does
not help: off by 16.55 on 320 held-out pictures (nearest rim 17.11) after a third of it, 16.46 at its end. More
figurines may: 2,200 pictures without dropout and moves were learned by heart (13.3, held out 16.9). Its picture is
worth something: with the regions' colours alone 16.86 after 9,600 pictures, with it 16.69.

Rejected, against 12.5 and 23.2: what lies near both ends of a row speaks for its colours at that height (12.4 to 12.6,
24.0 to 24.6: wings cross the body); what both ends of a row show goes around there, for capes and hems (11.9 to 12.0,
25.1 to 25.6, in the lowest third 12.4, 23.2); borders that cost the same at steps of the back (12.7, 23.7), or that
cost less where level (0.6: 12.6, 23.1); pale pieces that give way to any vivid colour (11.9, 23.1, but a panda's head
and a dwarf's sleeves lose their white). Grain of 30 instead of 10 of 255: 23.17 instead of 23.13, and it stamps lines
of the front into the back.

Rejected, against 10.48 of 14 turnarounds and 20.42 of the samples: the outline of thin parts speaks a seventh as loudly
for what is preferred (10.48, 20.44; a handle's brown still covers a teapot's back); a region's colour from farther in,
0.3 and 0.9 of the figurine instead of 0.15 (10.53 and 10.56; 20.41 with 0.9).

Rejected earlier: that all that is pale stays in front, as bellies and muzzles do (turnarounds 12.2, samples 26.9);
stripes, by cheap borders between rows that are belts of different regions (12.7; a striped shirt became patches); thin
parts look alike on both sides (no difference); grain of 0.02 and 0.04 of the figurine (24.7 and 24.8; it embossed the
front's folds). Each pixel takes the rim's nearest colour, softer the farther in, which calls for no regions (24.0 off
the true backs and sides of the samples in CIE Lab, all of it smears; faces' skin and belts ran across). Bands of other
widths and other blurs of it (24.3 to 25.4). A network of 1,313 weights that chooses among k-means clusters of the
front's colours, told of places and depth: true backs of held-out meshes were 13.6 off where the rim's nearest colour is
15.3 off, but the samples became worse (24.1 to 25.2) and shaded pictures got patches with hard borders.
"""

from dataclasses import dataclass

import numpy as np

from slipcast.core.masks import measure_inside
from slipcast.core.scientific import fft, ndimage
from slipcast.core.values import F32, F64, I64, U8, Bool
from slipcast.texture.hidden.belts import find_belts
from slipcast.texture.hidden.grain import MOST, limit_grain
from slipcast.texture.hidden.heads import find_covers, is_skin
from slipcast.texture.hidden.pattern import PATTERN_COLORS, find_odd, find_pattern
from slipcast.texture.hidden.profile import is_profile
from slipcast.texture.hidden.regions import find_regions, join_lit_and_shaded, to_lab
from slipcast.texture.hidden.strips import drop_strips

SIDE_PX = 160
"""Longer side of the figurine where regions are divided."""
_DRAWN_PX = 560
"""Longer side of what is drawn."""
_BAND, _HOLD = 0.022, 2.0
"""Depth of the outline's claim as a share of the figurine, and its strength: what is longer than it is deep holds."""
_RARE, _PREFER = 0.012, 0.02
"""Share of the outline below which a region is a spot there, and how much those with more of it are preferred."""
_LEVEL = np.float32(0.85)
"""Length of a level border beside an upright one: what is at one height on both sides mostly goes around."""
_COVER = 0.3
"""What speaks for hair where the picture has a face."""
_PALE, _GREY, _VIVID, _LIGHTER = 60.0, 22.0, 12.0, 5.0
"""Lightness from which and chroma up to which a colour is pale; how much more vivid and darker what is behind is."""
_WRAPS, _FUR, _SAME_HUE = 0.84, 0.5, 0.35
"""Share of its rows' ends from which a piece goes around; how much of the others is skin; radians within which two hues
are one."""
_MORE, _MUCH_MORE = 1.15, 2.0
"""How much more of the outline the vivid colours of one hue have: with most of the outline, and otherwise."""
_STEEP, _LEAST = 1.2, 0.4
"""Slope of the back at which a border costs less, and how much it costs at a step."""
_COARSE_PX, _ROUNDS, _FEWER_ROUNDS = 44, 300, 120
_SMOOTHINGS = 4
_WIDE, _NEAR, _AROUND = 0.1, 0.01, 0.012
"""Shares of the figurine: how smooth a region's colour is, how coarse its grain, and what is around a place."""
_INWARD = 0.12
"""Share of the figurine: farther in than this the picture's grain may be a face."""
_OTHER_FUR = 18.0
"""Difference of chroma in CIE Lab."""
_PATTERN_INWARD, _PATTERN_AROUND = 0.14, 0.03
"""The same where a pattern lies, and what belongs to it, as shares of the figurine."""
_MOVES = 4


@dataclass(frozen=True, kw_only=True)
class _Small:
    """The figurine at the size where regions are divided."""

    pixels: U8
    mask: Bool
    label: I64
    """(H,W) regions before."""
    pattern: Bool
    """(H,W) stripes and spots (pattern.py), which lie in the region around them."""
    deep: F32
    """(H,W) pixels from the outline."""
    size: float
    """Pixels of the longer side."""

    def blur(self, values: F32, share: float) -> F32:
        """Values (H,W) or (H,W,C) blurred by a share of the figurine."""
        return _blur(values, share * self.size)


def complete_back(pixels: U8, mask: Bool, shell: F32) -> U8:
    """Return (H,W,3) colours of the back, in the front's own pixels, of the front's `pixels` in `mask` (H,W).

    `shell` (H,W), of any size, is how far the back is from the camera, in pixels of the mask; steps of it are where
    regions may end. `pixels` go on beyond the mask, without the background's colours; so do the back's.

    >>> front = np.full((60, 40, 3), (200, 40, 30), np.uint8)
    >>> front[20:40, 12:28] = (250, 220, 190)  # a face
    >>> back = complete_back(front, np.ones((60, 40), bool), np.zeros((60, 40), np.float32))
    >>> back[30, 20].tolist()
    [200, 40, 30]
    """
    import cv2

    if not mask.any() or is_profile(mask):
        return pixels
    longer = max(int(np.ptp(np.flatnonzero(mask.any(axis)))) for axis in (0, 1)) + 1
    share = min(1.0, SIDE_PX / longer)
    size = max(1, round(mask.shape[1] * share)), max(1, round(mask.shape[0] * share))
    few = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)
    inside = cv2.resize(mask.astype(np.uint8) * 255, size, interpolation=cv2.INTER_AREA) >= 128
    if inside.sum() < 20:
        return pixels
    label, count = join_lit_and_shaded(*find_regions(few, inside, PATTERN_COLORS), few, inside)
    label, count, pattern = find_pattern(label, count, to_lab(few), inside)
    if not pattern.any():
        label, count = join_lit_and_shaded(*find_regions(few, inside), few, inside)
    deep = measure_inside(np.pad(inside, 1))[1:-1, 1:-1]
    small = _Small(pixels=few, mask=inside, label=label, pattern=pattern, deep=deep, size=longer * share)
    shell = cv2.resize(shell * np.float32(share), size, interpolation=cv2.INTER_AREA)
    return _draw(pixels, small, divide_back(label, count, inside, deep, shell, few))


def divide_back(label: I64, count: int, mask: Bool, deep: F32, shell: F32, pixels: U8) -> I64:
    """Return (H,W) which of `count` regions each place of the back belongs to, -1 outside `mask`.

    `label` (H,W) are the regions of the front's `pixels`, `deep` the pixels from the outline, `shell` those from the
    camera.
    """
    size = max(int(np.ptp(np.flatnonzero(mask.any(axis)))) for axis in (0, 1)) + 1
    band = max(1.0, _BAND * size)
    claim = np.where(mask, np.exp(-np.maximum(deep - 1, 0) / band) * _HOLD / band, 0).astype(np.float32)
    outline, lab = claim.copy(), to_lab(pixels)
    pale = _find_pale_fronts(label, count, mask, claim, lab)
    claim[pale] = 0
    cover = find_covers(label, count, mask, lab)
    claim[cover >= 0] = 0
    share = np.bincount(label[mask], claim[mask], count) / claim.sum()
    able = np.flatnonzero((share > _RARE) | (share == share.max()) | np.isin(np.arange(count), cover))
    if len(able) == 1:
        return np.where(mask, able[0], -1)
    cost = np.stack([claim * (label != k) + np.float32(_PREFER * (1 - share[k])) * mask for k in able])
    belts = find_belts(np.where(pale, -1, label), able, mask, outline, lab)
    cost -= belts
    cost -= np.float32(_COVER) * (cover == able[:, None, None])
    chosen = _drop_islands(_divide(cost, mask, shell), able, label, mask, claim > 0.3 * claim.max())
    around = np.take_along_axis(belts, chosen[None], 0)[0] > 0
    return drop_strips(np.where(mask, able[chosen], -1), deep, size, around)


def _find_pale_fronts(label: I64, count: int, mask: Bool, claim: F32, lab: F32) -> Bool:
    """(H,W) pieces of pale regions that lie before a region more vivid, which has more of the outline."""
    out = np.zeros(mask.shape, bool)
    share = np.bincount(label[mask], claim[mask], count)
    middle = np.array([np.median(lab[label == k], axis=0) for k in range(count)])
    chroma, hue = np.hypot(middle[:, 1], middle[:, 2]), np.arctan2(middle[:, 2], middle[:, 1])
    alike = np.abs(np.angle(np.exp(1j * (hue - hue[:, None])))) < _SAME_HUE
    main, skin = int(share.argmax()), is_skin(middle)
    area = np.bincount(label[mask], minlength=count)
    for k in range(count):
        if middle[k, 0] < _PALE or chroma[k] > _GREY:
            continue
        vivid = (middle[:, 0] < middle[k, 0] - _LIGHTER) & (chroma > chroma[k] + _VIVID) & ~skin
        # Lit and shaded fur of one hue is one fur.
        whole, large = (vivid * (alike @ (each * vivid)) for each in (share, area))
        before = whole[main] > _MORE * share[k]
        if not before and not ((whole > _MUCH_MORE * share[k]) & (large > area[k])).any():
            continue
        piece, pieces = ndimage.label(label == k)
        wraps, beside = _measure_wraps(piece, pieces + 1, label, count)
        # A shirt between bare arms has skin at its sides, no fur.
        fur = beside @ skin < _FUR * beside.sum(1)
        out |= ((wraps < _WRAPS) & fur)[piece] & (piece > 0)
    return out


def _measure_wraps(piece: I64, pieces: int, label: I64, count: int) -> tuple[F64, F64]:
    """Of the rows' ends where a piece is a good part of a row, the share that is its own, and each region's, (N,K).

    1 goes around, 0 does not.
    """
    own, area, beside = np.zeros(pieces), np.zeros(pieces), np.zeros((pieces, count))
    for row, region in zip(piece, label, strict=True):
        ends = np.flatnonzero(np.diff(np.concatenate([[False], region >= 0, [False]])))
        for start, end in ends.reshape(-1, 2):
            if end - start < 6:
                continue
            wide = (end - start) // 8 + 1
            have = np.bincount(row[start:end], minlength=pieces)
            have[have <= 0.15 * (end - start)] = 0
            area += have
            for part in (slice(start, start + wide), slice(end - wide, end)):
                most = int(np.bincount(row[part], minlength=pieces).argmax())
                own[most] += have[most] / 2
                other = have / 2
                other[most] = 0
                beside[:, int(np.bincount(region[part], minlength=count).argmax())] += other
    whole = np.maximum(area, 1)
    return own / whole, beside / whole[:, None]


def _divide(cost: F32, mask: Bool, shell: F32) -> I64:
    """(H,W) the label of least cost (K,H,W) with short borders: from coarse to half the size, then smoothed."""
    import cv2

    shapes = [tuple(-(-side // 2) for side in mask.shape)]
    while max(shapes[-1]) > _COARSE_PX:
        shapes.append(tuple(-(-side // 2) for side in shapes[-1]))
    share: F32 | None = None
    for level, shape in enumerate(shapes[::-1]):
        size, scale = shape[::-1], mask.shape[0] / shape[0]
        part = np.stack([cv2.resize(each, size, interpolation=cv2.INTER_AREA) for each in cost]) * scale
        inside = cv2.resize(mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5
        low = cv2.resize(shell, size, interpolation=cv2.INTER_AREA) / scale
        if share is None:
            share = np.full(part.shape, 1 / len(cost), np.float32)
        else:
            share = np.stack([cv2.resize(each, size, interpolation=cv2.INTER_LINEAR) for each in share])
        share = _relax(
            part.astype(np.float32), _lengths(inside, low), share, _FEWER_ROUNDS if level else _ROUNDS
        )
    assert share is not None
    share = np.stack([cv2.resize(each, mask.shape[::-1], interpolation=cv2.INTER_LINEAR) for each in share])
    # At full size borders move little: blurred and decided again (Merriman, Bence and Osher 1992).
    solid = _blur(mask.astype(np.float32), 1.5) + np.float32(1e-3)
    for _ in range(_SMOOTHINGS):
        chosen = (share - cost).argmax(0)
        share = np.stack([_blur(((chosen == k) & mask).astype(np.float32), 1.5) for k in range(len(cost))])
        share /= solid
    out: I64 = (share - cost).argmax(0).astype(np.int64)
    return out


def _lengths(mask: Bool, shell: F32) -> tuple[F32, F32]:
    """(H,W-1) and (H-1,W) what a border between two pixels costs, none at the outline."""

    def cost(one: slice | tuple[slice, slice], other: slice | tuple[slice, slice]) -> F32:
        step = np.abs(shell[one] - shell[other]) / np.float32(_STEEP)
        return np.asarray(
            (mask[one] & mask[other]) * (_LEAST + (1 - _LEAST) * np.exp(-(step**2))), np.float32
        )

    every = slice(None)
    right, left = (every, slice(1, None)), (every, slice(None, -1))
    return cost(right, left), _LEVEL * cost(slice(1, None), slice(None, -1))


def _relax(cost: F32, lengths: tuple[F32, F32], share: F32, rounds: int) -> F32:
    """(K,H,W) shares of each label, nearly 0 or 1, of least cost and length of borders (primal-dual rounds)."""
    across, down = lengths
    step = np.float32(1 / np.sqrt(8 + len(cost)))
    flow = np.zeros((2, *cost.shape), np.float32)
    right, below = flow[0, :, :, :-1], flow[1, :, :-1]
    whole = np.zeros(cost.shape[1:], np.float32)
    ahead = share
    for _ in range(rounds):
        right += step * across * (ahead[:, :, 1:] - ahead[:, :, :-1])
        below += step * down * (ahead[:, 1:] - ahead[:, :-1])
        flow /= np.maximum(1, 2 * np.sqrt((flow**2).sum(0)))
        whole += step * (ahead.sum(0) - 1)
        change = -(cost + whole)
        part = across * right
        change[:, :, :-1] += part
        change[:, :, 1:] -= part
        part = down * below
        change[:, :-1] += part
        change[:, 1:] -= part
        new = np.maximum(share + step * change, 0)
        ahead = 2 * new - share
        share = new
    return share


def _drop_islands(chosen: I64, able: I64, label: I64, mask: Bool, firm: Bool) -> I64:
    """The division without pieces that have no outline of their own."""
    keep = np.zeros(mask.shape, bool)
    for k, region in enumerate(able):
        piece, count = ndimage.label(mask & (chosen == k))
        asked = np.zeros(count + 1, bool)
        asked[piece[firm & (label == region)]] = True
        asked[0] = False
        keep |= asked[piece]
    if not keep.any():
        return chosen
    row, column = ndimage.distance_transform_edt(~keep, return_distances=False, return_indices=True)
    out: I64 = chosen[row, column]
    return out


def _draw(pixels: U8, small: _Small, chosen: I64) -> U8:
    """(H,W,3) at the size of `pixels`: each place in its region's colour and grain."""
    import cv2

    whole = pixels.shape[1::-1]
    share = min(1.0, _DRAWN_PX / max(whole))
    size = max(1, round(whole[0] * share)), max(1, round(whole[1] * share))
    fine = np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.float32)
    regions = [k for k in np.unique(chosen) if k >= 0]
    level = small.pixels.astype(np.float32)
    calm, odd = {}, find_odd(small.label, to_lab(small.pixels), small.mask)
    total, weight = np.zeros_like(fine), np.full(fine.shape[:2], 1e-15, np.float32)
    solid = small.blur(small.mask.astype(np.float32), 0.007) + np.float32(1e-4)
    for k in regions:
        core, wide, near = _levels(small, k)
        striped = small.pattern & (small.label == k)
        level[core | striped] = np.where(striped[..., None], wide, near)[core | striped]
        calm[k] = _find_calm(small, k, core, near, odd)
        if striped.any():
            calm[k] = _find_strewn(small, core, striped, odd | _differs(small, wide))
        sure = small.blur((chosen == k).astype(np.float32), 0.007) / solid
        # Beyond the outline the nearest goes on; steep, so that borders are crisp.
        sure = np.clip(cv2.resize(sure, size, interpolation=cv2.INTER_CUBIC), 0.05, 1) ** 8
        weight += sure
        total += cv2.merge((sure,) * 3) * cv2.resize(wide, size, interpolation=cv2.INTER_LINEAR)
    grain = fine - cv2.resize(level, size, interpolation=cv2.INTER_LINEAR)
    most = limit_grain(small.label, small.pattern, grain)
    most = cv2.merge((cv2.resize(ndimage.maximum_filter(most, 3), size, interpolation=cv2.INTER_LINEAR),) * 3)
    # Grain is light and shade: a line of another colour in it, or a reflection, would be a scratch behind.
    own = np.clip(most / MOST - 1, 0, 1)
    gray = (grain[..., 0] + grain[..., 1] + grain[..., 2]) / 3
    grain = own * grain + (1 - own) * cv2.merge((gray,) * 3)
    grain = most * np.tanh(grain / most)
    out = total / cv2.merge((weight,) * 3) + _move_grain(grain, small, chosen, calm)
    out = np.clip(out, 0, 255).astype(np.uint8)
    return np.asarray(cv2.resize(out, whole, interpolation=cv2.INTER_LINEAR), np.uint8)


def _levels(small: _Small, region: int) -> tuple[Bool, F32, F32]:
    """Where a region is not mixed with its neighbours, its colour for behind, and the colour its grain lies on."""
    mine = (small.label == region) & ~small.pattern
    core = ndimage.binary_erosion(mine)
    core = core if core.sum() > 20 else mine
    values = small.pixels.astype(np.float32)
    # What is near the outline is most like what is behind it.
    striped = small.pattern & (small.label == region)
    like = core
    if striped.any():  # not the chest without stripes
        like = core & (ndimage.distance_transform_edt(~striped) < _PATTERN_AROUND * small.size)
        like = like if like.sum() > 20 else core
    own = (like * np.exp(-small.deep / (0.15 * small.size))).astype(np.float32)[..., None]
    usual = np.median(values[like], axis=0).astype(np.float32)
    some = np.float32(0.15)
    wide = (small.blur(values * own, _WIDE) + some * usual) / (small.blur(own, _WIDE)[..., None] + some)
    own, some = core.astype(np.float32)[..., None], np.float32(1e-3)
    near = (small.blur(values * own, _NEAR) + some * wide) / (small.blur(own, _NEAR)[..., None] + some)
    return core, wide, near


def _find_calm(small: _Small, region: int, core: Bool, near: F32, odd: Bool) -> Bool:
    """(H,W) where the region shows its grain and no feature."""
    import cv2

    own = core.astype(np.float32)
    contrast = np.abs(small.pixels - near).mean(-1) * own
    contrast = small.blur(contrast, _AROUND) / (small.blur(own, _AROUND) + np.float32(1e-3))
    rim = core & (small.deep < 0.08 * small.size)
    usual = float(np.median(contrast[rim if rim.sum() > 10 else core]))
    other = (small.mask & ((small.label != region) | odd)).astype(np.uint8)
    beside = cv2.dilate(other, np.ones((5, 5), np.uint8)) > 0
    plain = (contrast < 1.3 * usual + 1.5) & (~beside | (small.deep < 0.04 * small.size))
    out: Bool = core & plain & (small.deep < _INWARD * small.size)
    return out


def _differs(small: _Small, wide: F32) -> Bool:
    """(H,W) whose colour is not the region's, however light it is: the inside of an ear."""
    off = (to_lab(small.pixels) - to_lab(np.clip(wide, 0, 255).astype(np.uint8)))[..., 1:]
    return np.asarray(np.linalg.norm(small.blur(off, 0.006), axis=-1) > _OTHER_FUR)


def _find_strewn(small: _Small, core: Bool, striped: Bool, odd: Bool) -> Bool:
    """(H,W) where a region shows its pattern and what is around it, and no feature."""
    import cv2

    def widen(mask: Bool, share: float) -> Bool:
        wide = 2 * max(1, round(share * small.size)) + 1
        return np.asarray(cv2.dilate(mask.astype(np.uint8), np.ones((wide, wide), np.uint8)) > 0)

    near = widen(striped, 0.006)
    around = widen(striped, _PATTERN_AROUND) & (core | near) & ~widen(odd & ~near, 0.006)
    out: Bool = around & (small.deep < _PATTERN_INWARD * small.size)
    return out


def _move_grain(grain: F32, small: _Small, chosen: I64, calm: dict[int, Bool]) -> F32:
    """The grain where its region is calm before and behind; elsewhere from a place, near, where much of it is calm."""
    import cv2

    size = grain.shape[1::-1]
    ratio = np.array(size) / small.mask.shape[::-1]
    have = {k: ndimage.binary_erosion(each) for k, each in calm.items()}
    stays = np.zeros(small.mask.shape, bool)
    for k, each in have.items():
        stays |= each & (chosen == k)
    whole = _enlarge(small.blur(stays.astype(np.float32), _AROUND), size)[..., None]
    total, weight = grain * whole, whole + np.float32(1e-3)
    for k, each in have.items():
        left = (chosen == k) & ~each
        moves = _MOVES * (3 if (small.pattern & (small.label == k)).any() else 1)
        for _ in range(moves):
            there, down, across = _best_move(left, each, small.size)
            if there.sum() < 0.001 * small.mask.sum() or there.sum() < 0.05 * left.sum():
                break
            left &= ~there
            part = small.blur(there.astype(np.float32), _AROUND)
            rows, columns = (np.flatnonzero((part > 1e-3).any(axis)) for axis in (1, 0))
            low = np.floor(np.array([columns[0], rows[0]]) * ratio).astype(int)
            high = np.minimum(np.ceil(np.array([columns[-1] + 1, rows[-1] + 1]) * ratio), size).astype(int)
            box = slice(low[1], high[1]), slice(low[0], high[0])
            way = np.array([[1, 0, low[0] + across * ratio[0]], [0, 1, low[1] + down * ratio[1]]], np.float64)
            moved = cv2.warpAffine(
                grain, way, tuple((high - low).tolist()), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
            )
            share = _enlarge(part, size)[box][..., None]
            total[box] += moved * share
            weight[box] += share
    out: F32 = total / np.maximum(weight, np.float32(0.15))
    return out


def _best_move(wanted: Bool, known: Bool, size: float) -> tuple[Bool, int, int]:
    """Which wanted pixels are known rows down and columns across from them, for the move that finds most of them."""
    # Every second pixel is enough.
    some = wanted[::2, ::2].astype(np.float32), known[::2, ::2].astype(np.float32)
    shape = [fft.next_fast_len(2 * side, real=True) for side in some[0].shape]
    match = fft.irfft2(np.conj(fft.rfft2(some[0], shape)) * fft.rfft2(some[1], shape), shape)
    rows, columns = (np.minimum(np.arange(side), side - np.arange(side)) for side in shape)
    match *= 1 - 0.5 * np.minimum(1, np.hypot(rows[:, None], columns) * (2 / size))
    at = np.unravel_index(int(match.argmax()), match.shape)
    down, across = (
        2 * int(way - side if way > side // 2 else way) for way, side in zip(at, shape, strict=True)
    )
    y, x = np.nonzero(wanted)
    ok = (y + down >= 0) & (y + down < len(wanted)) & (x + across >= 0) & (x + across < wanted.shape[1])
    ok[ok] = known[y[ok] + down, x[ok] + across]
    there = np.zeros_like(wanted)
    there[y[ok], x[ok]] = True
    return there, down, across


def _enlarge(values: F32, size: tuple[int, ...]) -> F32:
    import cv2

    return np.asarray(cv2.resize(values, size, interpolation=cv2.INTER_LINEAR), np.float32)


def _blur(values: F32, sigma_px: float) -> F32:
    import cv2

    return np.asarray(
        cv2.GaussianBlur(np.ascontiguousarray(values, np.float32), (0, 0), sigma_px), np.float32
    )
