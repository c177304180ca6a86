# SPDX-License-Identifier: GPL-3.0-or-later
"""Convert pictures, buy from words, finish the selected mesh: each a run of the command in the background.

From the interface (invoke) a timer looks after the run, so Blender stays free; from a script (execute) the operator
waits. Each run has a folder of its own: two Blenders at once never meet.
"""

import shutil
import tempfile
from pathlib import Path
from typing import ClassVar

import bpy

from . import scene
from .command import NoCommand, Run, find_command
from .preferences import preferences_of

RUNS: list["Job"] = []
"""What runs now, of this Blender."""
EVERY_S = 0.2
SIDES = ("front", "left", "back", "right")
KINDS = (
    ("REPORT", "Report", "Size, faces, whether it is closed: as a message"),
    ("SOLID", "Make Solid", "Small holes closed, turned outward, overlapping bodies joined"),
    ("PRINT", "For a Printer", "Base and checks; files go to the folder of results"),
    ("LODS", "Levels of Detail", "Three simpler meshes on the same texture"),
    ("COLLISION", "Collision", "Up to eight convex bodies"),
)


class Job:
    """One run and what is done with its result."""

    def __init__(self, context, words: list[str], folder: Path, *, replace: bool, title: str) -> None:
        self.folder, self.title, self.keep_place = folder, title, replace
        self.keep = bpy.path.abspath(context.scene.slipcast.folder)
        self.run = Run(find_command(preferences_of(context).command), words)
        self.told, self.failed = "", False

    def finish(self) -> None:
        """Import the result, or say in one sentence why there is none; the run's folder goes."""
        try:
            problem = self.run.problem()
            self.told, self.failed = problem or self._bring_in(), bool(problem)
        except (OSError, RuntimeError) as error:
            self.told, self.failed = f"the result could not be brought in: {error}", True
        shutil.rmtree(self.folder, ignore_errors=True)

    def _bring_in(self) -> str:
        entries = self.run.entries()
        files = [Path(name) for entry in entries for name in entry.get("files", [])]
        facts = dict(entries[0]) if entries else {}
        assets = [path for path in files if path.suffix == ".glb"]
        if assets:
            scene.import_asset(assets[0], facts, keep_place=self.keep_place)
        elif not files:
            return _say_inspected(facts)
        kept = ""
        if self.keep:
            place = Path(self.keep)
            place.mkdir(parents=True, exist_ok=True)
            for path in files:
                shutil.copy2(path, place / path.name)
            kept = f"; {len(files)} files are in {place}"
        count = len(facts.get("findings") or [])
        asset = facts.get("asset") if isinstance(facts.get("asset"), dict) else {}
        verdict = f", verdict {asset['verdict']}" if asset.get("verdict") else ""
        return f"{self.title} is done{verdict}, {count} finding{'' if count == 1 else 's'}{kept}"


def tick() -> float | None:
    """Look after the runs; called by a timer until none is left."""
    for job in list(RUNS):
        if job.run.poll():
            RUNS.remove(job)
            job.finish()
            for place in bpy.data.scenes:
                place.slipcast.told = job.told
    for window in bpy.context.window_manager.windows if bpy.context.window_manager else ():
        for area in window.screen.areas:
            area.tag_redraw()
    return EVERY_S if RUNS else None


class _Runs:
    """What the operators share: start, then wait or go on."""

    bl_options: ClassVar = {"REGISTER", "UNDO"}
    title = "the figurine"
    replace = False
    _waits = True

    def invoke(self, context, event):
        self._waits = False
        return self.execute(context)

    def execute(self, context):
        folder = Path(tempfile.mkdtemp(prefix="slipcast-"))
        try:
            job = Job(context, self.words(context, folder), folder, replace=self.replace, title=self.title)
        except (NoCommand, ValueError, RuntimeError) as problem:
            shutil.rmtree(folder, ignore_errors=True)
            return self._tell(context, str(problem), failed=True)
        if not self._waits:
            RUNS.append(job)
            if not bpy.app.timers.is_registered(tick):
                bpy.app.timers.register(tick, first_interval=EVERY_S)
            return {"FINISHED"}
        job.run.wait()
        job.finish()
        return self._tell(context, job.told, failed=job.failed)

    def _tell(self, context, told: str, *, failed: bool):
        context.scene.slipcast.told = told
        self.report({"ERROR" if failed else "INFO"}, told)
        return {"CANCELLED" if failed else "FINISHED"}


def _common(context, folder: Path) -> list[str]:
    """The words that a picture and a prompt share."""
    settings = context.scene.slipcast
    height_mm = settings.height * scene.metres(context) * 1000
    words = ["--json", f"--out={folder}", f"--height={height_mm:.6g}mm", f"--faces={settings.faces}"]
    words += [f"--detail={settings.detail}"]
    if settings.target != "blender":
        words += [f"--target={settings.target}"]
    # The GLB comes back here; what the target takes in its place goes to the folder of results.
    more = {"unity": ",fbx", "unreal": ",fbx", "print-fdm": ",3mf", "print-resin": ",stl"}
    return [*words, f"--format=glb{more.get(settings.target, '')}"]


class SLIPCAST_OT_convert(_Runs, bpy.types.Operator):
    bl_idname = "slipcast.convert"
    bl_label = "Make from Picture"
    bl_description = "Turn pictures of a figurine into a closed, textured mesh; offline"

    def words(self, context, folder: Path) -> list[str]:
        settings = context.scene.slipcast
        paths = {side: bpy.path.abspath(getattr(settings, side)) for side in SIDES if getattr(settings, side)}
        if "front" not in paths:
            raise ValueError("no picture is chosen; set the front picture first")
        for side, path in paths.items():
            if not Path(path).is_file():
                raise ValueError(f"the {side} picture {path} is not there; choose another")
        words = ["convert", *_common(context, folder)]
        if len(paths) == 1:
            return [*words, "--", paths["front"]]
        if any("," in path for path in paths.values()):
            raise ValueError("a picture's path has a comma, which several sides cannot have; rename it")
        return [*words, "--views=" + ",".join(f"{side}={path}" for side, path in paths.items())]


class SLIPCAST_OT_make(_Runs, bpy.types.Operator):
    bl_idname = "slipcast.make"
    bl_label = "Buy Picture and Make"
    bl_description = "Send the words to the picture provider (this costs money), then make the mesh here"
    agreed: bpy.props.BoolProperty(options={"SKIP_SAVE", "HIDDEN"})

    def invoke(self, context, event):
        self.agreed, self._waits = True, False  # only after the dialog's OK
        return context.window_manager.invoke_confirm(
            self,
            event,
            title="Send the words to the picture provider?",
            message=f"This costs up to ${context.scene.slipcast.max_cost:.2f}; the words leave this machine",
        )

    def words(self, context, folder: Path) -> list[str]:
        settings = context.scene.slipcast
        if not settings.prompt.strip():
            raise ValueError("there are no words; write what the figurine is")
        if not bpy.app.online_access:
            raise ValueError("Blender is offline; allow online access in Preferences, or use a picture")
        if not self.agreed:
            raise ValueError("words leave this machine only when that is agreed to: agreed=True")
        limit = f"--max-cost={settings.max_cost:.4f}"
        return ["make", *_common(context, folder), limit, "--", settings.prompt]


class SLIPCAST_OT_finish(_Runs, bpy.types.Operator):
    bl_idname = "slipcast.finish"
    bl_label = "Finish the Selected Mesh"
    bl_description = "Export the selection, let Slipcast work on it, bring the result back"
    replace = True
    kind: bpy.props.EnumProperty(items=KINDS)

    @classmethod
    def poll(cls, context) -> bool:
        return any(entry.type == "MESH" for entry in context.selected_objects)

    def words(self, context, folder: Path) -> list[str]:
        settings = context.scene.slipcast
        self.title = self.kind.lower()
        source = str(scene.export_selection(folder))
        if self.kind == "REPORT":
            return ["inspect", "--json", "--", source]
        if self.kind == "PRINT":
            if not settings.folder:
                raise ValueError("files for a printer need a place; set Keep Files In first")
            more = [f"--colors={settings.colors}"] if settings.colors else []
            more += [f"--hollow={settings.hollow:g}mm"] if settings.hollow else []
            return ["print", "--json", f"--out={folder / 'out'}", f"--for={settings.printer}", *more, "--", source]
        # Godot's names: the only GLB that has any for collision bodies.
        more = {"LODS": ["--lods=1,0.4,0.1"], "SOLID": ["--solid"]}.get(
            self.kind, ["--collision=convex:8", "--target=godot"]
        )
        return ["export", "--json", "--format=glb", f"--out={folder / 'out'}", *more, "--", source]


def _say_inspected(entry: dict) -> str:
    closed = "closed" if entry.get("closed") else f"open at {entry.get('open_edges')} edges"
    size = " x ".join(f"{entry[f'{side}_mm']:.1f}" for side in ("width", "height", "depth"))
    return f"{size} mm, {entry.get('faces')} faces, {closed}, bodies: {entry.get('bodies')}"


class SLIPCAST_OT_cancel(bpy.types.Operator):
    bl_idname = "slipcast.cancel"
    bl_label = "Cancel"
    bl_description = "Stop what Slipcast is doing; nothing half-made is left"

    def execute(self, context):
        for job in RUNS:
            job.run.stop()
        return {"FINISHED"}
