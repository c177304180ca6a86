"""Slipcast in ComfyUI: pictures to figurines, and the finishing of any mesh (V3 nodes)."""

from .nodes import comfy_entrypoint

__all__ = ["comfy_entrypoint"]
