"""The library as one object: a workshop that owns the depth models, and the calls that open one for themselves."""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self, Unpack

from slipcast.core.errors import BadInput
from slipcast.core.files import check_folder
from slipcast.core.options import fit, flag, function, instance, path, real, show, text, whole
from slipcast.core.values import Picture, View
from slipcast.depth.models import DepthModels, choose
from slipcast.formats.common.naming import check_name, make_safe
from slipcast.jobs.many import Converted, convert_apart, do_order, name_of, order_each
from slipcast.jobs.on_ray import is_ray
from slipcast.jobs.places import check_address, is_address
from slipcast.jobs.runners import LIMIT_S
from slipcast.picture.decode import PictureSource, read_picture, view_of
from slipcast.pipeline import run as pipeline
from slipcast.pipeline.recipe import Changes, Recipe
from slipcast.pipeline.result import Result, show_with
from slipcast.pipeline.run import Start, Watch

MOST_WORKERS = 10_000
"""More are a slip of the finger."""

if TYPE_CHECKING:
    from slipcast.generate.ask import PictureOptions
    from slipcast.generate.cascade import CascadeOptions
    from slipcast.generate.prompt import FigurineSpec
    from slipcast.generate.request import Provider
    from slipcast.generate.results import GenerateOptions
    from slipcast.generate.turnaround import SidesOptions
    from slipcast.jobs.events import Tell


class Workshop:
    """Makes assets, and owns the depth models that it needs for that: they are loaded once and let go at the end.

    `depth` names the depth model (`auto`, one of `slipcast models`, a folder or a hub id), `device` where it runs
    (`auto`, `cpu`, `cuda`, `mps`); None leaves both to each call's recipe. `runner` says where `convert_many` works:
    `local`, or on a Ray cluster: `ray` (the one that RAY_ADDRESS names, else one on this machine) or
    `ray://HOST:PORT`. May be used from several threads; an event loop waits up to 0.4 s at once for a conversion in a
    thread (docs/time.md), for one in a worker process it does not.

    >>> with Workshop(depth="dome") as shop:
    ...     result = shop.convert("knight.png", detail="draft", faces=2000)
    >>> result.name
    'knight'
    """

    def __init__(self, *, depth: str | None = None, device: str | None = None, runner: str = "local") -> None:
        """Raise BadInput for an unknown model, device or runner, MissingWeights for a model that is not here."""
        if not isinstance(runner, str) or (runner != "local" and not is_ray(runner)):
            raise BadInput(f"runner is {show(runner)}; give local, ray or ray://HOST:PORT", field="runner")
        self._runner = runner
        self._base = Recipe().change(depth=depth, device=device)
        self._depth, self._device = depth, device
        if depth is not None:
            choose(depth)
        self._models: DepthModels | None = DepthModels()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the models; the workshop can make nothing any more. `with` calls it; a second call does nothing.

        >>> shop = Workshop(depth="dome")
        >>> shop.close()
        """
        if self._models:
            self._models.close()
        self._models = None

    def convert(
        self,
        picture: PictureSource | None = None,
        recipe: Recipe | None = None,
        *,
        views: Mapping[str, PictureSource] | None = None,
        view: View | str = View.FRONT,
        name: str | None = None,
        watch: Watch | None = None,
        start: Start | None = None,
        **changes: Unpack[Changes],
    ) -> Result:
        """Make the asset of one picture, or of several `views`: side -> picture, `front` among them.

        A picture is a path, the bytes of a file, a file object, a PIL image, an array (H,W,3 or 4) of uint8 or a
        `Picture`. `changes` go over the `recipe`: `height_m`, `elevation_deg`, `faces`, `depth`, `device`, `fov_deg`,
        `detail`, `surface`, `normal_map`, `delight`, `texture_px`, `formats`, `gates`, `material`. `name` is the file's
        stem unless given, `figurine` without a file. Raises BadInput for a picture or option that cannot be worked
        with, before anything is loaded, and what `slipcast.pipeline.run.run` raises.

        >>> with Workshop(depth="dome") as shop:
        ...     shop.convert("knight.png", faces=1)
        Traceback (most recent call last):
        slipcast.core.errors.BadInput: faces is 1; give a whole number from 100 to 2000000, for instance 50000
        """
        wanted = self._recipe(recipe).change(**changes)
        choose(wanted.depth.model)
        fit("start", start, instance(Start).or_none())
        fit("watch", watch, function(of="a stage's name, its number and their count").or_none())
        given = None if name is None else check_name(name)
        sides = sides_of(picture, views, view)
        first, *others = (read_picture(source, view=side) for side, source in sides.items())
        called = given or make_safe(name_of(next(iter(sides.values()))))
        return pipeline.run(
            first, wanted, name=called, others=others, watch=watch, models=self._open(), start=start
        )

    def convert_many(
        self,
        pictures: Iterable[PictureSource],
        recipe: Recipe | None = None,
        *,
        workers: int | None = None,
        limit_s: float = LIMIT_S,
        out: Path | str | None = None,
        resume: bool = False,
    ) -> Iterator[Converted]:
        """Make the asset of each of many pictures and yield them in order, each as soon as it is there.

        `pictures` may be endless: no more is read than there is work for. With `workers` of 2 and more (0: as many as
        fit this machine, or all processors of the cluster but one) worker processes do the work, each with models of
        its own, and get `limit_s` seconds for a picture; pictures are then paths, bytes, arrays, Pictures, or addresses
        in an object store (`s3://bucket/owl.png`). A picture that fails does not stop the others.

        With `out`, a folder or an address (`s3://bucket/assets`), whoever does the work writes the files there, and
        what is yielded has their `places` and no content: on a cluster nothing large travels. `resume` leaves what is
        there already, of the same picture with the same options and version, whoever made it.

        Raises BadInput for a wrong option before the first picture is read; what goes wrong with a picture is its
        `failure`.

        >>> with Workshop(depth="dome") as shop:
        ...     for done in shop.convert_many(["knight.png", "missing.png"], Recipe().change(detail="draft")):
        ...         print(done.ok, done.result or done.failure.message)
        True LightResult(knight: ...)
        False missing.png does not exist; give the path of a picture file
        """
        wanted = self._recipe(recipe)
        choose(wanted.depth.model)
        far = self._runner != "local"
        workers = workers if workers is not None else 0 if far else 1
        fit("workers", workers, whole(0, MOST_WORKERS, example=2))
        fit("resume", resume, flag())
        if isinstance(pictures, str | bytes | Path):
            raise BadInput("pictures is one picture; give a list of them, or call convert", field="pictures")
        if not isinstance(pictures, Iterable):
            raise BadInput(f"pictures is {show(pictures)}; give a list of pictures", field="pictures")
        fit("limit_s", limit_s, real(0.001, 604_800, example=600, unit="seconds"))
        if out is not None:
            fit("out", out, path(example="out"))
        if resume and out is None:
            raise BadInput("resume needs out, the folder or address where the files are", field="resume")
        place = "" if out is None else str(out)
        if is_address(place):
            check_address(place)
        elif place:
            check_folder(Path(place))
        models = self._open()
        orders = order_each(pictures, wanted, place, resume)
        if workers == 1 and not far:
            return (do_order(order, models) for order in orders)
        return convert_apart(orders, self._runner, workers, limit_s)

    def make(
        self,
        words: "str | FigurineSpec",
        recipe: Recipe | None = None,
        *,
        provider: "Provider | str" = "gemini",
        pictures: Path | str | None = None,
        picture: "PictureOptions | None" = None,
        buying: "GenerateOptions | None" = None,
        drafts: "CascadeOptions | None" = None,
        sides: "SidesOptions | None" = None,
        name: str = "",
        take: int = 0,
        tell: "Tell | None" = None,
        **changes: Unpack[Changes],
    ) -> Result:
        """Make an asset of words: buy a picture, and make the asset of it.

        `provider` is `gemini` (needs GEMINI_API_KEY; costs money) or `folder`, which takes pictures of the disk from
        `pictures`. `picture` says how it is asked for, `buying` how it is paid for (`Budget` among it), `drafts` that
        cheap drafts go before, `sides` that more sides are bought. What was bought before comes from the store. The
        result's `original.source` tells prompt, model and price. `tell` gets events, of purchases and stages. `changes`
        go over the `recipe`, as in `convert`.

        Raises BadInput for words or options that cannot be worked with, ProviderError (QuotaExceeded for a budget) when
        no picture came, and what `convert` raises.

        >>> with Workshop(depth="dome") as shop:
        ...     result = shop.make("a knight in armour", provider="folder", pictures="knight.png")
        >>> result.name
        'knight-in-armour'
        """
        from slipcast.generate.ask import PictureOptions, ask_for
        from slipcast.generate.cascade import CascadeOptions
        from slipcast.generate.prompt import FigurineSpec
        from slipcast.generate.providers.table import PROVIDERS, open_provider
        from slipcast.generate.results import GenerateOptions
        from slipcast.generate.studio import Studio
        from slipcast.generate.turnaround import SidesOptions
        from slipcast.jobs.events import ignore, watch_stages
        from slipcast.jobs.make import MakeJob, buy_pictures

        wanted = self._recipe(recipe).change(**changes)
        choose(wanted.depth.model)
        spec = FigurineSpec(subject=words) if isinstance(words, str) else words
        fit("words", spec, instance(FigurineSpec))
        fit("picture", picture, instance(PictureOptions).or_none())
        fit("buying", buying, instance(GenerateOptions).or_none())
        fit("drafts", drafts, instance(CascadeOptions).or_none())
        fit("sides", sides, instance(SidesOptions).or_none())
        fit("take", take, whole(0, 1_000_000, example=1))
        fit("name", name, text(example="owl", empty=True))
        fit("pictures", pictures, path(example="pictures").or_none())
        fit("tell", tell, function(of="an event").or_none())
        if not isinstance(provider, str) and not callable(getattr(provider, "ask", None)):
            raise BadInput(
                f"provider is {show(provider)}; give one of {', '.join(PROVIDERS)}, or a Provider",
                field="provider",
            )
        job = MakeJob(
            asked=ask_for(spec, picture, name=name, take=take),
            recipe=wanted,
            out=Path(),
            options=buying or GenerateOptions(),
            drafts=drafts,
            sides=sides,
        )
        if isinstance(provider, str):
            provider = open_provider(provider, pictures=None if pictures is None else Path(pictures))
        models = self._open()
        with Studio(provider, job.options) as studio:
            bought = buy_pictures(job, studio, tell or ignore)
        front, others = bought.decoded()
        called = job.asked.request.name
        watch = watch_stages(called, tell) if tell else None
        return pipeline.run(front, wanted, name=called, others=others, watch=watch, models=models)

    def __repr__(self) -> str:
        told = [
            f"{name}={word!r}" for name, word in (("depth", self._depth), ("device", self._device)) if word
        ]
        told += [] if self._runner == "local" else [f"runner={self._runner!r}"]
        return f"Workshop({', '.join(told + ([] if self._models else ['closed']))})"

    def _recipe(self, recipe: Recipe | None) -> Recipe:
        if recipe is None:
            return self._base
        if not isinstance(recipe, Recipe):
            raise BadInput(f"recipe is a {type(recipe).__name__}; give a Recipe", field="recipe")
        return recipe.change(depth=self._depth, device=self._device)

    def _open(self) -> DepthModels:
        if self._models is None:
            raise BadInput("this workshop is closed; open another one: with Workshop() as shop: ...")
        return self._models


def convert(
    picture: PictureSource | None = None,
    recipe: Recipe | None = None,
    *,
    views: Mapping[str, PictureSource] | None = None,
    view: View | str = View.FRONT,
    name: str | None = None,
    watch: Watch | None = None,
    start: Start | None = None,
    **changes: Unpack[Changes],
) -> Result:
    """Make the asset of one picture, or of several `views`, in a workshop of its own: see `Workshop.convert`.

    For many pictures keep a `Workshop` open: it loads the models once. Raises BadInput for a picture, view or option
    that cannot be worked with, NoFigurine where nothing can be cut out, MissingWeights and StageFailed.

    >>> result = convert("knight.png", depth="dome", detail="draft", height_m=0.032, formats=("glb", "stl"))
    >>> [path.name for path in result.save("out")]
    ['knight.glb', 'knight.stl', 'knight.json', 'knight.preview.png']
    """
    with Workshop() as shop:
        return shop.convert(
            picture,
            recipe,
            views=views,
            view=view,
            name=name,
            watch=watch,
            start=start,
            **changes,
        )


def make(
    words: "str | FigurineSpec",
    recipe: Recipe | None = None,
    *,
    provider: "Provider | str" = "gemini",
    pictures: Path | str | None = None,
    picture: "PictureOptions | None" = None,
    buying: "GenerateOptions | None" = None,
    drafts: "CascadeOptions | None" = None,
    sides: "SidesOptions | None" = None,
    name: str = "",
    take: int = 0,
    tell: "Tell | None" = None,
    **changes: Unpack[Changes],
) -> Result:
    """Make an asset of words, in a workshop of its own: see `Workshop.make`.

    Raises what `convert` raises, and ProviderError or one of its kinds (PictureRefused, QuotaExceeded, ProviderTimeout,
    BadAnswer) where the provider delivers no picture.

    >>> make("a knight in armour", provider="folder", pictures="knight.png", depth="dome", detail="draft")
    Result(knight-in-armour: ...)
    """
    with Workshop() as shop:
        return shop.make(
            words,
            recipe,
            provider=provider,
            pictures=pictures,
            picture=picture,
            buying=buying,
            drafts=drafts,
            sides=sides,
            name=name,
            take=take,
            tell=tell,
            **changes,
        )


def sides_of(
    picture: PictureSource | None, views: Mapping[str, PictureSource] | None, view: View | str
) -> dict[View, PictureSource]:
    """Side -> picture, the front first; BadInput where neither or both are given, or a side is unknown."""
    if views is not None and not isinstance(views, Mapping):
        raise BadInput(
            f"views is {show(views)}; give each side's picture, for instance {{'front': 'a.png', 'left': 'b.png'}}",
            field="views",
        )
    if (picture is None) == (not views):
        raise BadInput("convert needs a picture or views, one of them; try convert('fox.png')")
    if picture is not None:
        side = picture.view if isinstance(picture, Picture) and view == View.FRONT else view
        return {view_of(side): picture}
    assert views
    found = {view_of(side, field="views"): source for side, source in views.items()}
    if len(found) < len(views):
        raise BadInput(f"views is of {', '.join(views)}, one side twice; give each side once", field="views")
    if View.FRONT not in found:
        raise BadInput(
            f"views is of {', '.join(found)}; the front is always needed, for instance "
            "views={'front': 'a.png', 'left': 'b.png'}",
            field="views",
        )
    return dict(sorted(found.items(), key=lambda item: list(View).index(item[0])))


def _draw_html(result: Result) -> str:
    from slipcast.report.notebook import draw_notebook

    return draw_notebook(result)


show_with(_draw_html)
