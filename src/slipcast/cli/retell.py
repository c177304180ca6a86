"""JSON for the command line: findings and advice in it call options by their flags, as the command's sentences do.

The file beside an asset is the library's: there, and in an entry's `asset`, which repeats it, options keep the names of
their fields.
"""

from collections.abc import Mapping
from contextlib import suppress

from slipcast.core.advice import ADVICE
from slipcast.core.findings import FINDINGS, Finding
from slipcast.core.mention import Mention


def retell(data: object, mention: Mention) -> object:
    """Return JSON-ready `data` with each finding's `message` and each advice's `option` as `mention` names options.

    What has an unknown code, or not the values of its sentence (another version wrote it), stays as it is.

    >>> from slipcast.core.mention import FIELDS
    >>> retell([{"code": "PROMPT_NO_STYLE", "message": "", "values": {}}], FIELDS)[0]["message"]
    'no style is named; name one or choose a preset, so that a series matches'
    """
    if isinstance(data, Mapping):
        told = {key: value if key == "asset" else retell(value, mention) for key, value in data.items()}
        code, values = data.get("code"), data.get("values")
        if "message" in data and code in FINDINGS and isinstance(values, Mapping):
            with suppress(KeyError):
                told["message"] = Finding(code=str(code), values=values).tell(mention)
        elif "option" in data and code in ADVICE:
            told["option"] = ADVICE[str(code)].option.format(option=mention)
        return told
    return [retell(each, mention) for each in data] if isinstance(data, list | tuple) else data
