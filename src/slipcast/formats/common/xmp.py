"""Where an asset comes from, as XMP (ISO 16684-1): in glTF as JSON-LD, in every texture as RDF/XML.

The texture's packet travels with the pictures into OBJ, FBX, 3MF and USDZ, which have no place of their own for it;
exiftool and photo archives read it. The vocabulary is Dublin Core, XMP basic and IPTC's (digital source type, and
the AI properties of IPTC Photo Metadata 2025.1); `slipcast` is ours for what these have no word for. No date: equal
figurines give equal bytes.
"""

from collections.abc import Mapping
from html import escape  # xml.sax.saxutils imports all that speaks HTTP, 0.01 s of CPU

from slipcast.core.values import Figurine

EXTENSION = "KHR_xmp_json_ld"
"""glTF's name for its place."""

_NAMESPACES = {
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "Iptc4xmpExt": "http://iptc.org/std/Iptc4xmpExt/2008-02-29/",
    "slipcast": "urn:slipcast:xmp:1/",
}
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_KINDS = "http://cv.iptc.org/newscodes/digitalsourcetype/"
_LONGEST = 4000
"""Characters of one value: a prompt may be longer, but a texture is no place for a novel."""

_TRANSLATED = ("dc:title", "dc:description")
"""Properties that XMP wants as a list of languages."""


def properties(figurine: Figurine) -> dict[str, str]:
    """The packet's properties, in a fixed order, each a line of text."""
    about = figurine.provenance
    picture = _mapping(about.get("picture"))
    depth = _mapping(about.get("depth_model"))
    shares = _mapping(about.get("surface_share"))
    asked = str(picture.get("prompt") or "")
    bought = picture.get("ai_generated") is True
    hidden = ", ".join(
        f"{name.replace('_', ' ')} {float(share):.0%}"
        for name, share in shares.items()
        if isinstance(share, int | float) and share > 0
    )
    model = str(depth.get("name") or "")
    kind = (
        "trainedAlgorithmicMedia"
        if bought
        else "algorithmicallyEnhanced"
        if model == "dome"
        else "compositeWithTrainedAlgorithmicMedia"
    )
    found = {
        "dc:title": figurine.name,
        "dc:description": asked,
        "xmp:CreatorTool": str(about.get("generator") or "Slipcast"),
        "Iptc4xmpExt:DigitalSourceType": _KINDS + kind if about else "",
        "Iptc4xmpExt:AIPromptInformation": asked,
        "Iptc4xmpExt:AISystemUsed": str(picture.get("provider") or "") if bought else "",
        "Iptc4xmpExt:AISystemVersionUsed": str(picture.get("model") or "") if bought else "",
        "slipcast:Watermark": str(picture.get("watermark") or ""),
        "slipcast:PictureSHA256": str(picture.get("sha256") or ""),
        "slipcast:DepthModel": model,
        "slipcast:DepthModelSHA256": str(depth.get("sha256") or ""),
        "slipcast:Surface": hidden,
    }
    return {key: _line(value) for key, value in found.items() if value}


def json_ld(figurine: Figurine) -> dict[str, object]:
    """The packet as KHR_xmp_json_ld wants it."""
    out: dict[str, object] = {"@context": {"rdf": _RDF, **_NAMESPACES}}
    for key, value in properties(figurine).items():
        out[key] = (
            {"@type": "rdf:Alt", "rdf:_1": {"@language": "x-default", "@value": value}}
            if key in _TRANSLATED
            else value
        )
    return out


def packet(figurine: Figurine) -> bytes:
    """The packet as RDF/XML, for a picture file."""
    plain, translated = [], []
    for key, value in properties(figurine).items():
        if key in _TRANSLATED:
            entry = f'<rdf:li xml:lang="x-default">{escape(value, quote=False)}</rdf:li>'
            translated.append(f"<{key}><rdf:Alt>{entry}</rdf:Alt></{key}>")
        else:
            plain.append(f'{key}="{escape(value)}"')
    spaces = " ".join(f'xmlns:{name}="{uri}"' for name, uri in _NAMESPACES.items())
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
        f'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF xmlns:rdf="{_RDF}">'
        f'<rdf:Description rdf:about="" {spaces} {" ".join(plain)}>{"".join(translated)}</rdf:Description>'
        '</rdf:RDF></x:xmpmeta><?xpacket end="r"?>'
    ).encode()


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _line(text: str) -> str:
    """`text` as XML takes it, cut to a sensible length."""
    return " ".join(
        "".join(
            c if c.isprintable() and not 0xD800 <= ord(c) <= 0xDFFF else " " for c in text[:_LONGEST]
        ).split()
    )
