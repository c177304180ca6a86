"""A run of training learns, and goes on from its checkpoint as if it had not been stopped."""

import json
from pathlib import Path

import pytest
import torch
from torch import nn

from training.run import Run


def _run(folder: Path, budget_s: float = 60.0) -> Run[nn.Linear]:
    torch.manual_seed(0)
    return Run(nn.Linear(3, 2), folder, budget_s=budget_s, rate=0.01, warm=2, keep=0.9)


def _loss(net: nn.Module) -> torch.Tensor:
    x = torch.eye(3)
    error: torch.Tensor = net(x) - x[:, :2]
    return (error**2).mean()


def test_it_goes_on_where_it_was_stopped(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = _run(tmp_path)
    first = float(_loss(run.net).detach())
    while run.goes_on and run.steps < 30:
        run.step(_loss(run.net))
    run.tell(30, 1, "3 rows")
    run.save({"held": 1.5})
    assert float(_loss(run.net).detach()) < 0.7 * first
    assert float(_loss(run.mean).detach()) < first
    again = _run(tmp_path)
    assert (again.steps, again.spent_s) == (30, run.spent_s)
    for name in ("net", "mean"):
        ours, theirs = (getattr(each, name).state_dict() for each in (again, run))
        assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    again.step(_loss(again.net))
    run.step(_loss(run.net))
    assert torch.allclose(again.net.weight, run.net.weight, atol=1e-5)
    assert json.loads((tmp_path / "log.jsonl").read_text())["held"] == 1.5
    assert "30 steps" in capsys.readouterr().out


def test_it_ends_with_its_budget(tmp_path: Path) -> None:
    run = _run(tmp_path, budget_s=0.0)
    assert not run.goes_on
