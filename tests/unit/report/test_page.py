"""The page in a real browser: what it says, how wide it is, and that nothing in it can do anything."""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from pipeline.catalog import Relationship
from pipeline.record import LossSample
from pipeline.report.document import Report, Standing
from pipeline.report.messages import Language, messages
from pipeline.report.page import as_page
from tests.unit.report.reports import hostile, large, report, run, table

_FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage", "--hide-scrollbars",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip
_MEASURE = """<!doctype html><meta charset="utf-8"><body><script>
const frame = document.createElement("iframe");
frame.width = WIDTH; frame.height = 4000; frame.srcdoc = PAGE;
frame.onload = () => {
  const page = frame.contentDocument, root = page.documentElement;
  const said = {title: page.title, wide: root.scrollWidth, text: page.querySelector("h1").innerText,
    scripts: page.scripts.length, frames: page.querySelectorAll("iframe, img, object, embed").length,
    boxes: page.querySelectorAll("svg rect").length, styles: page.styleSheets.length};
  document.body.replaceChildren(Object.assign(document.createElement("pre"), {textContent: JSON.stringify(said)}));
};
document.body.append(frame);
</script>"""


class Site:
    """Serves pages on the loopback, and remembers every path that it is asked for."""

    def __init__(self) -> None:
        self.pages: dict[str, str] = {}
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                site.asked.append(self.path)
                body = site.pages.get(self.path, "").encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None: ...

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    thread = threading.Thread(target=site.server.serve_forever)
    thread.start()
    yield site
    site.server.shutdown()
    thread.join()
    site.server.server_close()


@pytest.fixture(scope="session")
def chromium() -> str:
    found = next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )
    if found is None:
        pytest.skip("no chromium here: apt-get install chromium")
    return found


def browse(chromium: str, tmp_path: Path, *arguments: str) -> str:
    profile = tmp_path / "profile"
    shutil.rmtree(profile, ignore_errors=True)
    command = [chromium, *_FLAGS, f"--user-data-dir={profile}", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", check=False, timeout=120)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def measure(chromium: str, tmp_path: Path, page: str, width: int) -> dict[str, object]:
    """What a browser makes of a page in a frame of that width, which is what its style asks about."""
    quoted = json.dumps(page).replace("</", "<\\/").replace("<!--", "<\\!--")
    around = tmp_path / "around.html"
    around.write_text(_MEASURE.replace("WIDTH", str(width)).replace("PAGE", quoted), encoding="utf-8")
    dom = browse(chromium, tmp_path, "--virtual-time-budget=10000", "--dump-dom", around.as_uri())
    (said,) = re.findall("<pre>(.*)</pre>", dom)
    measured: dict[str, object] = json.loads(html.unescape(said))
    return measured


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_a_large_page_fits_a_phone_and_a_desk(chromium: str, tmp_path: Path, language: Language, width: int) -> None:
    measured = measure(chromium, tmp_path, as_page(large(), language), width)
    say = messages(language)
    assert measured == {
        "title": say("page.title", source="plant.accdb"), "text": say("verdict.differences"), "wide": width,
        "scripts": 0, "frames": 0, "boxes": 39, "styles": 1,
    }  # fmt: skip


def draw(chromium: str, tmp_path: Path, page: str, width: int) -> bytes:
    """A picture of it, as PNG."""
    written, picture = tmp_path / "page.html", tmp_path / "page.png"
    written.write_text(page, encoding="utf-8")
    picture.unlink(missing_ok=True)
    browse(chromium, tmp_path, f"--window-size={width},2000", f"--screenshot={picture}", written.as_uri())
    return picture.read_bytes()


@pytest.mark.parametrize("width", [500, 1280])
def test_a_page_is_drawn_in_its_language(chromium: str, tmp_path: Path, width: int) -> None:
    blank = draw(chromium, tmp_path, "<!DOCTYPE html><title>nothing</title>", width)
    english, korean = (draw(chromium, tmp_path, as_page(large(), language), width) for language in ("en", "ko"))
    assert english != korean
    for picture in (english, korean):
        assert picture.startswith(b"\x89PNG")
        assert len(picture) > 10 * len(blank)


def test_hostile_texts_are_only_text(chromium: str, tmp_path: Path, site: Site) -> None:
    page = as_page(hostile(site.address), "en")
    measured = measure(chromium, tmp_path, page, 360)
    assert measured["wide"] == 360
    assert (measured["scripts"], measured["frames"], measured["styles"]) == (0, 0, 1)
    assert str(measured["title"]).startswith("Migration report: ]]></title></svg><iframe")
    assert site.asked == []


def test_a_page_asks_for_nothing_but_itself(chromium: str, tmp_path: Path, site: Site) -> None:
    site.pages["/report"] = as_page(hostile(site.address), "ko")
    dom = browse(chromium, tmp_path, "--dump-dom", f"{site.address}/report")
    assert messages("ko")("verdict.differences") in dom
    assert site.asked == ["/report"]


def test_the_policy_holds_where_escaping_would_not(chromium: str, tmp_path: Path, site: Site) -> None:
    """The second wall by itself: what would run and fetch is put into the page by hand."""
    open_ = f"<img src={site.address}/i onerror='document.title=1'><script>document.title='owned'</script>"
    site.pages["/report"] = as_page(large(), "en").replace("<h1>", f"{open_}<h1>")
    dom = browse(chromium, tmp_path, "--dump-dom", f"{site.address}/report")
    assert "<title>Migration report: plant.accdb</title>" in dom
    assert site.asked == ["/report"]


def test_it_prints(chromium: str, tmp_path: Path) -> None:
    page, paper = tmp_path / "page.html", tmp_path / "page.pdf"
    page.write_text(as_page(large(), "ko"), encoding="utf-8")
    browse(chromium, tmp_path, "--no-pdf-header-footer", f"--print-to-pdf={paper}", page.as_uri())
    sheets = re.findall(rb"/MediaBox \[0 0 ([\d.]+) ([\d.]+)\]", paper.read_bytes())
    sizes = [(round(float(width)), round(float(height))) for width, height in sheets]
    assert 3 <= len(sizes) <= 8
    assert {min(size) for size in sizes} <= {595, 596}  # A4, and the drawing across
    assert sum(width > height for width, height in sizes) == 1


# ---- without a browser


def text_of(page: str) -> str:
    return html.unescape(re.sub(r"<[^<>]*>", " ", page))


@pytest.mark.parametrize("standing", Standing)
@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_verdict_is_first_and_says_what_to_do(standing: Standing, language: Language) -> None:
    page = as_page(report((table("t", verified=False),), standing), language)
    say = messages(language)
    body = page.partition("<main>")[2]
    assert re.match(rf'\s*<section class="verdict {standing.value}">\s*<h1>', body)
    assert say(f"verdict.{standing.value}") in body
    assert say(f"next.{standing.value}") in text_of(body)


def test_invisible_characters_are_named_and_long_texts_are_cut() -> None:
    page = as_page(report((table("a\u202eb\x07\ud83d"), table("x" * 5000))), "en")
    assert "public.a⟨U+202E⟩b⟨U+0007⟩⟨U+D83D⟩" in text_of(page)
    assert max(map(len, re.findall("x+", page))) < 400
    assert page.encode()  # no lone surrogate is left


def test_a_report_without_anything_is_a_page() -> None:
    text = text_of(as_page(report((), Standing.UNVERIFIED, verified_at=None, run=run("done")), "en"))
    for key in ("tables.none", "graph.none", "pace.none", "rejects.none", "losses.none", "findings.unverified"):
        assert messages("en")(key) in text


def test_keys_that_are_too_many_to_draw_are_listed() -> None:
    names = [("public", f"t{i}") for i in range(700)]
    keys = tuple(Relationship("k", names[i + 1], names[i], ("id",)) for i in range(699))
    page = as_page(report(tuple(table(name) for _, name in names), relationships=keys), "en")
    assert messages("en")("graph.large") in page
    assert page.count("<li>") == 699
    assert "<svg" not in page


def test_a_row_that_was_cut_in_the_ledger_is_shown_as_far_as_it_goes() -> None:
    made: Report = hostile("http://127.0.0.1:9")
    assert "[[[[" in text_of(as_page(made, "en"))


def test_a_value_that_became_null_is_not_the_text_of_that_name() -> None:
    losses = (LossSample("public", "t", "c", "empty_to_null", 2, 1, "{}", "", None),)
    page = as_page(report((table("t", losses=2),), losses=losses), "en")
    assert f"<small>{messages('en')('losses.null')}</small>" in page


def test_counts_are_whole() -> None:
    text = text_of(as_page(report((table("t", read=1_234_567_890, refused=12),)), "en"))
    assert "1,234,567,890" in text.split()


def test_a_plan_stands_beside_what_came_of_it() -> None:
    planned = table("t", read=900, seconds=65.0, planned_rows=1000, planned_seconds=72.5, planned_by="r0")
    page = as_page(report((planned,)), "en")
    section = page.partition(messages("en")("plan.title"))[2].partition("</section>")[0]
    text = text_of(section)
    row = ["1,000", "900", "900", "1 min 12 s", "1 min 5 s"]
    assert re.findall(r"[\d,]+ min \d+ s|\b[\d,]+\b", text) == row * 2  # the table, and the total
    assert messages("en")("plan.pace", run="r0") in text
    assert section.count('class="number told"') == 1  # the rows read, which are not those planned
    assert f"<small>{messages('en')('plan.unforecast')}</small>" not in section


def test_the_page_says_where_the_second_batch_was_the_measure() -> None:
    page = as_page(report((table("t", planned_rows=9, planned_seconds=1.0, planned_by=run().run_id),)), "en")
    assert messages("en")("plan.second") in page


@pytest.mark.parametrize("language", ["en", "ko"])
def test_where_nothing_was_planned_no_number_stands_for_it(language: Language) -> None:
    say = messages(language)
    page = as_page(report((table("t"),)), language)
    assert say("plan.time_note") in text_of(page)  # whole
    assert page.count(f"<small>{say('plan.unforecast')}</small>") == 2  # of the table and of the total
    assert page.count(f"<small>{say('plan.unknown')}</small>") == 2


def test_a_total_of_some_tables_says_so() -> None:
    planned = table("a", read=5, seconds=8.0, planned_rows=5, planned_seconds=7.0, planned_by="r0")
    text = text_of(as_page(report((planned, table("b"))), "en"))
    say = messages("en")
    assert text.count(say("plan.of", tables=1, count=2)) == 2
    assert say("plan.some_seconds", taken="8.0 s") in text
    assert say("plan.some_rows", read=5) in text
    whole = text_of(as_page(report((planned, planned)), "en"))
    assert say("plan.of", tables=2, count=2) not in whole
