# SPDX-License-Identifier: GPL-3.0-or-later
"""Slipcast in Blender: pictures to meshes in the background, finishing of the selected mesh, findings on the object."""

import bpy

from . import operators, panel, preferences

CLASSES = (
    preferences.SlipcastPreferences,
    preferences.SLIPCAST_OT_test,
    panel.SlipcastSettings,
    operators.SLIPCAST_OT_convert,
    operators.SLIPCAST_OT_make,
    operators.SLIPCAST_OT_finish,
    operators.SLIPCAST_OT_cancel,
    panel.SLIPCAST_PT_panel,
)
_register, _unregister = bpy.utils.register_classes_factory(CLASSES)


def register() -> None:
    _register()
    bpy.types.Scene.slipcast = bpy.props.PointerProperty(type=panel.SlipcastSettings)


def unregister() -> None:
    for job in operators.RUNS:
        job.run.stop()
    operators.RUNS.clear()  # with none left the timer ends itself
    del bpy.types.Scene.slipcast
    _unregister()
