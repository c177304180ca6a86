"""What a job tells while it runs, and that a terminal is not needed for it."""

import json
from pathlib import Path
from typing import Any

import pytest
from kitchen import write_picture

from slipcast.core.errors import BadInput
from slipcast.core.findings import finding
from slipcast.jobs.convert import ConvertJob, ConvertTask, Done, convert_pictures
from slipcast.jobs.events import Cost, EntryDone, Event, Found, Progress, StageBegan, StageEnded
from slipcast.jobs.failure import Failure
from slipcast.pipeline.recipe import Recipe
from slipcast.pipeline.run import STAGES


def job_of(tmp_path: Path, names: str, **more: Any) -> ConvertJob:
    pictures = [write_picture(tmp_path / f"{name}.png") for name in names]
    tasks = tuple(ConvertTask(picture=path, name=path.stem, recipe=Recipe()) for path in pictures)
    return ConvertJob(tasks=tasks, out=tmp_path / "out", **more)


def test_a_job_tells_its_stages_its_findings_and_how_far_it_is(tmp_path: Path, kitchen: list[Recipe]) -> None:
    job = job_of(tmp_path, "ab")
    (tmp_path / "b.png").write_bytes(b"not a picture")
    told: list[Event] = []
    done = [outcome for _, outcome in convert_pictures(job, told.append)]
    of_a = [event for event in told if event.entry == "a"]
    assert [event.stage for event in of_a if isinstance(event, StageBegan)] == list(STAGES)
    assert [event.stage for event in of_a if isinstance(event, StageEnded)] == list(STAGES)
    assert [event.finding.code for event in of_a if isinstance(event, Found)] == ["DEPTH_MODEL"]
    outcome = next(event.outcome for event in of_a if isinstance(event, EntryDone))
    assert isinstance(outcome, Done)
    assert outcome is done[0]
    assert isinstance(done[1], Failure)
    progress = [event for event in told if isinstance(event, Progress)]
    assert [(event.done, event.total, event.failed) for event in progress] == [(1, 2, 0), (2, 2, 1)]
    assert progress[0].left_s == pytest.approx(progress[0].passed_s)


def test_every_event_is_ready_for_a_stream(tmp_path: Path, kitchen: list[Recipe]) -> None:
    told: list[Event] = []
    list(convert_pictures(job_of(tmp_path, "a"), told.append))
    told += [Cost(entry="a", usd=0.039, model="m"), Found(entry="a", finding=finding("NO_FIGURINE"))]
    lines = [json.dumps(event.as_dict()) for event in told]
    assert json.loads(lines[0]) == {"event": "stage_began", "entry": "a", "stage": STAGES[0]}
    assert json.loads(lines[-2]) == {"event": "cost", "entry": "a", "usd": 0.039, "model": "m"}
    assert json.loads(lines[-1])["finding"]["code"] == "NO_FIGURINE"


def test_a_folder_that_cannot_be_is_refused_before_any_work(tmp_path: Path, kitchen: list[Recipe]) -> None:
    (tmp_path / "out").write_text("a file")
    with pytest.raises(BadInput, match="is a file, not a folder"):
        next(convert_pictures(job_of(tmp_path, "a")))
    assert not kitchen


def test_a_workers_job_is_small_and_spares_the_others_pictures(tmp_path: Path) -> None:
    job = job_of(tmp_path, "abc")
    near = ConvertJob(tasks=job.tasks, out=tmp_path)
    assert near.part_of(job.tasks[0]).tasks == job.tasks[:1]
    assert {path.name for path in near.part_of(job.tasks[0]).pictures} == {"a.png", "b.png", "c.png"}
    assert job.part_of(job.tasks[0]).pictures == (job.tasks[0].picture,)
