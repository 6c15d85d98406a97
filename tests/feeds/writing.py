"""What a feed writer writes of our posts, and what the present tree reads of it."""

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.feeds import checkouts, installing
from tests.feeds.folder import FOLDER
from tests.feeds.posts import POSTS, Post, as_json
from tests.feeds.writers import Instead, Loss, Writer
from tests.newsroom.intake.corpus.samples import Sample
from tests.programs import CannotRunError, run

PROJECTS = Path(__file__).parent / "projects"
BUILDING_SECONDS = 300
MEASURES = ("kept", "title", "link", "date", "byline", "section", "picture", "standfirst")


@dataclass
class Result:
    """How rightly one writer's feeds were read; `missing` says why it could not be tried.

    `of` counts what could be read rightly: what the writer lost is in `lost`, in words.
    """

    writer: Writer
    right: Counter[tuple[str, str]] = field(default_factory=Counter)
    of: Counter[tuple[str, str]] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    lost: dict[str, None] = field(default_factory=dict)
    missing: str = ""

    def text(self) -> str:
        """The writer's rows of the table, and under them what is wrong, in words."""
        head = f"{self.writer.name} ({', '.join(installing.versions(self.writer))})"
        if self.missing:
            return f"{head}\n  not tried: {self.missing}"
        lines = [head]
        for kind in self.writer.feeds:
            cells = [f"{name} {self._cell(kind, name)}" for name in MEASURES]
            lines.append(f"  {kind:<10} {'  '.join(cells)}")
        lines += [f"    {sentence}" for sentence in self.lost]
        lines += [f"    WRONG {sentence}" for sentence in self.wrong]
        return "\n".join(lines)

    def _cell(self, kind: str, measure: str) -> str:
        of = self.of[kind, measure]
        return f"{self.right[kind, measure]}/{of}" if of else "- "


def write_and_read(writer: Writer, *, install: bool, folder: Path = FOLDER) -> Result:
    """Have a writer write our posts, and compare what is read of its feeds with them.

    It is installed in a folder of `folder`; Debian's packages only where `install` says so.
    """
    result = Result(writer)
    with tempfile.TemporaryDirectory(prefix="digest-feeds-") as name:
        try:
            installed = installing.install(writer, folder, debian=install)
            feeds = _written(writer, installed, Path(name))
        except CannotRunError as error:
            result.missing = str(error)
            return result
    samples = [Sample(kind, writer.name, feed) for kind, feed in feeds.items()]
    for sample, seen in zip(samples, checkouts.seen_here(samples), strict=True):
        _compare(result, sample.name, seen)
    return result


def _written(writer: Writer, folder: Path, site: Path) -> Mapping[str, bytes]:
    """Run a writer in the folder `site`, and return its feeds.

    Raises:
        CannotRunError: it failed, or did not write them.
    """
    project = PROJECTS / writer.name.lower()
    if project.exists():
        shutil.copytree(project, site, dirs_exist_ok=True)
    for name, text in {**writer.files(), "posts.json": as_json()}.items():
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text)
    if writer.kind == "npm":
        (site / "node_modules").symlink_to(folder / "node_modules")
    if writer.kind == "go":
        shutil.copy(folder / "write", site)
    path = f"{installing.path(folder)}:{os.environ.get('PATH', '')}"
    program = shutil.which(writer.command[0], path=path) or str(site / writer.command[0])
    run(
        [program, *writer.command[1:]],
        within=BUILDING_SECONDS,
        cwd=site,
        environment={**installing.QUIET, "PATH": path},
    )
    try:
        return {kind: (site / name).read_bytes() for kind, name in writer.feeds.items()}
    except FileNotFoundError as error:
        raise CannotRunError(f"it did not write {Path(error.filename).name}.") from None


def _compare(result: Result, kind: str, seen: Mapping[str, Any]) -> None:
    if seen["refused"] is not None:
        result.wrong.append(f"{kind}: refused: {seen['refused']}")
        result.of[kind, "kept"] += len(POSTS)
        return
    for post in POSTS:
        link = f"{result.writer.pages}{post.slug}{result.writer.ending}"
        result.of[kind, "kept"] += 1
        row = next((row for row in seen["articles"] if post.slug in row["link"]), None)
        if row is None:
            result.wrong.append(f"{kind}: {post.slug} did not come in")
            continue
        result.right[kind, "kept"] += 1
        for measure, put, got in _fields(post, link, row):
            _judge(result, kind, post, (measure, put, got))


def _fields(
    post: Post, link: str, row: Mapping[str, Any]
) -> list[tuple[str, str | None, str | None]]:
    published = row["published"]
    alike = row["standfirst"] if not post.summary and _begins(row, post) else post.summary
    picture = " ".join(filter(None, (post.picture, post.alt)))
    return [
        ("title", post.title, row["title"]),
        ("link", link, row["link"]),
        (
            "date",
            _utc(post.written_at),
            _utc(datetime.fromisoformat(published)) if published else None,
        ),
        ("byline", " and ".join(post.authors), row["byline"]),
        (
            "section",
            ", ".join(post.categories),
            ", ".join(filter(None, (row["section"], *row["topics"]))) or None,
        ),
        ("picture", picture or None, " ".join(filter(None, (row["picture"], row["alt"]))) or None),
        ("standfirst", alike or post.first, row["standfirst"]),
    ]


def _begins(row: Mapping[str, Any], post: Post) -> bool:
    """Tell whether a standfirst that nobody wrote is the text's beginning."""
    return str(row["standfirst"]).startswith(post.first)


def _utc(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat()


def _judge(
    result: Result, kind: str, post: Post, compared: tuple[str, str | None, str | None]
) -> None:
    measure, put, got = compared
    if put == got:
        result.right[kind, measure] += 1
        result.of[kind, measure] += 1
        return
    for loss in result.writer.losses:
        if loss.measure == measure and _is_about(loss, kind, post) and _excuses(loss, post, got):
            result.lost[f"{kind}: {measure}: {loss.words}"] = None
            return
    result.of[kind, measure] += 1
    result.wrong.append(f"{kind}: {post.slug}: {measure} is {got!r}, not {put!r}")


def _is_about(loss: Loss, kind: str, post: Post) -> bool:
    return (not loss.feeds or kind in loss.feeds) and (not loss.posts or post.slug in loss.posts)


def _excuses(loss: Loss, post: Post, got: str | None) -> bool:
    """Tell whether what came in is what that loss leaves."""
    return any(_is(instead, post, got) for instead in loss.instead)


def _is(instead: str | Instead | None, post: Post, got: str | None) -> bool:
    match instead:
        case Instead.BEGINNING:
            return got is not None and got.startswith(post.first)
        case Instead.DAY:
            return got is not None and got[:10] == f"{post.written_at:%Y-%m-%d}"
        case Instead.NO_WORDS:
            return got == post.picture
        case _:
            return got == instead
