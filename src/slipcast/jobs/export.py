"""3D files -> the same in other formats, without a new conversion."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from slipcast.core.findings import Finding, finding
from slipcast.formats.table import EXPORTERS, ExportOptions
from slipcast.jobs.claims import Claims
from slipcast.jobs.events import EntryDone, Found, Tell, ignore
from slipcast.jobs.failure import Failure, attempt
from slipcast.prepare.engine import EngineOptions, prepare_for_engine, resize

if TYPE_CHECKING:
    from slipcast.prepare.targets import Target


@dataclass(frozen=True, kw_only=True)
class ExportJob:
    """Which assets, and how they are written."""

    assets: tuple[Path, ...]
    """Files of any format that `inspect` reads; of all but glTF the shape and the colours per vertex."""
    formats: tuple[str, ...]
    """Keys of EXPORTERS."""
    options: ExportOptions = field(default_factory=ExportOptions)
    target: "Target | None" = None
    """Where the assets go: an asset of more faces than it likes is told of."""
    engine: EngineOptions = field(default_factory=EngineOptions)
    """Levels of detail, collision bodies, pivot and facing."""
    height_m: float | None = None
    """How tall the assets become; None: as tall as they are."""
    solid: bool = False
    """Close small holes, turn the mesh outward and join bodies that overlap, before anything else."""
    out: Path | None = None
    """Folder for the results; None: the asset's own."""
    debug: bool = False


@dataclass(frozen=True, kw_only=True)
class Exported:
    """One asset, written."""

    asset: Path
    files: tuple[Path, ...]
    findings: tuple[Finding, ...]

    def as_dict(self) -> dict[str, object]:
        """JSON-ready data."""
        return {
            "asset": str(self.asset),
            "ok": True,
            "files": [str(path) for path in self.files],
            "findings": [entry.as_dict() for entry in self.findings],
        }


def export_assets(job: ExportJob, tell: Tell | None = None) -> Iterator[tuple[Path, Exported | Failure]]:
    """Write each asset of `job` and yield it with what came of it; one that fails does not stop the others."""
    tell = tell or ignore
    claims = Claims("export")
    for asset in dict.fromkeys(job.assets):
        done = attempt(partial(_export, asset, job, claims), debug=job.debug)
        if isinstance(done, Exported):
            for found in done.findings:
                tell(Found(entry=asset.stem, finding=found))
        tell(EntryDone(entry=asset.stem, outcome=done))
        yield asset, done


def _export(asset: Path, job: ExportJob, claims: Claims) -> Exported:
    """Write one asset; `claims` knows what was written before, and for which asset."""
    from slipcast.core.files import write_files
    from slipcast.formats.read_model import read_any

    figurine, lost = read_any(asset)
    files: dict[str, bytes] = {}
    findings: list[Finding] = list(lost)
    if job.solid:
        from slipcast.prepare.mend import make_solid

        figurine, done = make_solid(figurine)
        findings += done
    if job.target and len(figurine.mesh.faces) > job.target.faces:
        values = {
            "faces": len(figurine.mesh.faces),
            "budget": job.target.faces,
            "target": job.target.name,
        }
        findings.append(finding("FACES_OVER_TARGET", values))
    if job.height_m is not None:
        figurine = resize(figurine, job.height_m)
    figurine, said = prepare_for_engine(figurine, job.engine)
    findings += said
    for key in job.formats:
        made = EXPORTERS[key].export(figurine, job.options)
        files |= made.files
        findings += [entry for entry in made.findings if entry not in findings]
    folder = job.out if job.out is not None else asset.parent
    claims.take(folder, files, asset)
    paths = write_files(folder, files, spare=job.assets)
    return Exported(asset=asset, files=paths, findings=tuple(findings))
