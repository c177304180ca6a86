"""What speaks for colours that go around a figurine at one height."""

import numpy as np

from slipcast.core.values import F32, I64
from slipcast.texture.hidden.belts import find_belts

GOLD, TEAL, CREAM, SKIN = range(4)
LAB = np.array([[60, 8, 45], [45, -20, -10], [85, 2, 18], [65, 18, 25]], np.float32)


def speaks(row: list[tuple[int, int]], *, more: int = GOLD) -> F32:
    """(4,) what the middle of a row of (region, width) says, on a figurine that has most of `more` at its outline."""
    regions = np.repeat([region for region, _ in row], [wide for _, wide in row])
    label: I64 = np.full((40, len(regions)), more, np.int64)
    label[20] = regions
    mask = np.ones(label.shape, bool)
    claim = np.zeros(label.shape, np.float32)
    claim[:, :4] = claim[:, -4:] = 1
    out: F32 = find_belts(label, np.arange(4), mask, claim, LAB[label])[:, 20, len(regions) // 2]
    return out


def test_a_body_goes_around_behind_its_belly() -> None:
    out = speaks([(TEAL, 16), (CREAM, 32), (TEAL, 16)])
    assert out.argmax() == TEAL
    assert out[CREAM] == 0
    assert out[TEAL] < speaks([(TEAL, 64)])[TEAL]  # a whole row is surer


def test_wings_do_not_go_around_behind_a_body() -> None:
    assert not speaks([(TEAL, 16), (GOLD, 32), (TEAL, 16)], more=GOLD).any()


def test_a_screen_does_not_go_around_its_frame() -> None:
    assert not speaks([(GOLD, 5), (TEAL, 54), (GOLD, 5)]).any()
    assert not speaks([(GOLD, 5), (TEAL, 54), (CREAM, 5)]).any()


def test_a_shirt_goes_around_between_bare_arms() -> None:
    assert speaks([(SKIN, 5), (TEAL, 54), (SKIN, 5)])[TEAL] > 0
    assert not speaks([(SKIN, 14), (TEAL, 36), (SKIN, 14)]).any()


def test_a_body_that_has_outline_elsewhere_goes_around_between_wings() -> None:
    label: I64 = np.full((60, 64), TEAL, np.int64)
    label[:40, :5] = label[:40, -5:] = GOLD
    label[10:50, 22:42] = CREAM
    mask, claim = np.ones(label.shape, bool), np.zeros(label.shape, np.float32)
    claim[:, :4] = claim[:, -4:] = claim[-4:] = 1
    out = find_belts(label, np.arange(4), mask, claim, LAB[label])
    assert out[TEAL, 30, 32] > 0
    claim[40:] = 0  # what has no outline of its own is a screen
    assert find_belts(label, np.arange(4), mask, claim, LAB[label])[TEAL, 30, 32] == 0


def test_nothing_switches_where_a_row_is_a_little_wider() -> None:
    said = [speaks([(TEAL, 9 + more), (CREAM, 82 - 2 * more), (TEAL, 9 + more)])[TEAL] for more in range(14)]
    assert max(np.diff(said)) < 0.3 * max(said)
    assert said[0] == 0 < said[-1]
