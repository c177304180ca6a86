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
        self.objects: list = []

    def finish(self) -> None:
        """Import the result, or say in one sentence why there is none; the run's folder goes."""
        problem = self.run.problem()
        if problem:
            self.told, self.failed = problem, True
        else:
            self._bring_in()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _bring_in(self) -> None:
        entries = self.run.entries()
        files = [Path(name) for entry in entries for name in entry.get("files", [])]
        facts = dict(entries[0]) if entries else {}
        assets = [path for path in files if path.suffix == ".glb"]
        if assets:
            self.objects = scene.import_asset(assets[0], facts, keep_place=self.keep_place)
        elif not files:
            self.told = _say_inspected(facts)
            return
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
        self.told = f"{self.title} is done{verdict}, {count} finding{'' if count == 1 else 's'}{kept}"


def tick() -> float | None:
    """Look after the runs; called by a timer until none is left."""
    for job in list(RUNS):
        if job.run.poll():
            RUNS.remove(job)
            try:
                job.finish()
            except (OSError, RuntimeError) as problem:
                job.told, job.failed = f"the result could not be brought in: {problem}", True
            for place in bpy.data.scenes:
                place.slipcast.told = job.told
    for window in bpy.context.window_manager.windows if bpy.context.window_manager else ():
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()
    return EVERY_S if RUNS else None


class _Runs:
    """What the operators share: start, then wait or go on."""

    bl_options: ClassVar = {"REGISTER", "UNDO"}
    title = ""
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
            context.scene.slipcast.told = str(problem)
            self.report({"ERROR"}, str(problem))
            return {"CANCELLED"}
        if not self._waits:
            RUNS.append(job)
            if not bpy.app.timers.is_registered(tick):
                bpy.app.timers.register(tick, first_interval=EVERY_S)
            return {"FINISHED"}
        job.run.wait()
        job.finish()
        context.scene.slipcast.told = job.told
        self.report({"ERROR" if job.failed else "INFO"}, job.told)
        return {"CANCELLED" if job.failed else "FINISHED"}


def _common(context, folder: Path) -> list[str]:
    """The words that a picture and a prompt share."""
    settings = context.scene.slipcast
    height_mm = settings.height * scene.metres(context) * 1000
    words = ["--json", f"--out={folder}", f"--height={height_mm:.6g}mm", f"--faces={settings.faces}"]
    if settings.target == "blender":
        return [*words, "--format=glb", f"--detail={settings.detail}"]
    more = {"unity": "fbx", "unreal": "fbx", "godot": "glb", "print-fdm": "3mf", "print-resin": "stl"}[settings.target]
    formats = dict.fromkeys(("glb", more))  # the GLB comes back here, the other goes to the folder of results
    return [*words, f"--format={','.join(formats)}", f"--target={settings.target}", f"--detail={settings.detail}"]


class SLIPCAST_OT_convert(_Runs, bpy.types.Operator):
    bl_idname = "slipcast.convert"
    bl_label = "Make from Picture"
    bl_description = "Turn pictures of a figurine into a closed, textured mesh; offline"
    title = "the figurine"

    def words(self, context, folder: Path) -> list[str]:
        settings = context.scene.slipcast
        sides = {side: getattr(settings, side) for side in ("front", "left", "back", "right")}
        paths = {side: bpy.path.abspath(path) for side, path in sides.items() if path}
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
    title = "the figurine"
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
        words = ["make", *_common(context, folder)]
        return [*words, f"--max-cost={settings.max_cost:.4f}", "--", settings.prompt]


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
        if not any(entry.type == "MESH" for entry in context.selected_objects):
            raise ValueError("no mesh is selected; select the one to finish")
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
