"""The public site: both languages, no broken link, nothing unescaped, numbers that are true."""

import csv
import io
import re
from datetime import timedelta
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from ruamel.yaml import YAML
from sqlalchemy import event as sqlalchemy_event
from sqlalchemy import inspect, select

from services.notification.models.register import Circular
from services.notification.site import texts
from shared.programme.lint import read_programme

DEFINITION = Path(__file__).parents[3] / "services/intake/data/programme-2020.yaml"
EVIL = '<script>alert(1)</script>"&'
PAGES = ("", "register", "circulars", "inspections", "publicity", "statistics", "about")
ATOM = "{http://www.w3.org/2005/Atom}"


class Links(HTMLParser):
    """Every address in a page, and every tag."""

    def __init__(self, text):
        super().__init__()
        self.addresses, self.tags = [], set()
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        self.addresses += [value for name, value in attributes if name in {"href", "src", "action"}]


@pytest.fixture(scope="module")
def site(lasting_bench, said):
    fill(lasting_bench, said)
    return lasting_bench.http


@pytest.fixture
def own_site(bench, said):
    """A site of this test's own, which may change."""
    fill(bench, said)
    return bench.http


def fill(bench, said):
    """A round with one revoked project, one designated, one under publicity and a drawn plan."""
    programme = {
        "programme": "2020", "edition": 1, "definition": read_programme(DEFINITION.read_text()),
        "units": [{"code": "P110000", "name_zh": "北京市", "name_en": "Beijing"}],
    }  # fmt: skip
    bench.receive(
        said.envelope("programme.published", programme, subject="2020"),
        said.on_the_wire("application.submitted", 1, epoch=0),
        said.on_the_wire("project.designated", 2),
        said.on_the_wire("project.revoked", 3),
        said.on_the_wire("project.designated", 2, project="2020-P110000-0004", title=EVIL),
        said.envelope("publicity.opened", publicity(said), subject="2020-1"),
        said.envelope("inspection.planned", PLANNED, subject="plan-1"),
        said.envelope("inspection.drawn", DRAWN, subject="plan-1", sequence=2),
        said.envelope("inspection.completed", COMPLETED, subject="I-1"),
    )


def publicity(said):
    entry = said.state_data("application.scored", project="2020-P110000-0005") | {"rank": 1}
    return {
        "publicity": "2020-1",
        "programme": "2020",
        "opens_on": "2020-10-12",
        "closes_on": "2020-10-19",
        "entries": [entry],
    }


PLANNED = {
    "plan": "plan-1", "programme": "2020", "method": "site_check", "target_count": 1,
    "min_inspectors": 2, "caps": {EVIL: 15},
    "plan_sha256": "d" * 64, "targets_sha256": "a" * 64, "inspectors_sha256": "b" * 64, "commitments": {"ministry": "c" * 64},
    "public_value": EVIL, "draw_at": "2021-03-01T00:00:00+00:00",
}  # fmt: skip
TRANSCRIPT = {
    "public_value": "3342.20",
    "results": [{"target": "2020-P110000-0003", "agency": "agency-a", "inspectors": ["i1", "i2"]}],
}
DRAWN = {"plan": "plan-1", "programme": "2020", "transcript": TRANSCRIPT}
COMPLETED = {
    "inspection": "I-1", "project": "2020-P110000-0003", "programme": "2020", "agency": "agency-a",
    "method": "site_check", "outcome": "fail", "score": "58.5", "reasons_zh": ["得分58.5，低于60分"],
    "reasons_en": ["score 58.5 is below 60"], "rule_version": "2020-1",
    "reported_at": "2021-03-04T02:00:00+00:00", "concluded_at": "2021-03-04T02:00:00+00:00",
}  # fmt: skip


def read(http, address, status=200, **headers):
    answer = http.get(address, headers={"Accept": "text/html"} | headers)
    assert answer.status_code == status, (address, answer.text[:300])
    return answer


def test_both_languages_have_a_word_for_everything():
    written = YAML(typ="safe").load((Path(texts.__file__).parent / "texts.yaml").read_text())
    for section in written.values():
        for name, words in section.items():
            assert set(words) == set(texts.LANGUAGES), name
            assert all(words.values()), name
            placeholders = [set(re.findall(r"\{(\w+)\}", text)) for text in words.values()]
            assert placeholders[0] == placeholders[1], name


def test_every_word_is_used_by_a_page():
    """By its name in quotes, or by a beginning to which a page adds what the data say."""
    place = Path(texts.__file__).parent
    pages = "".join(
        path.read_text() for pattern in ("*.py", "templates/*") for path in place.glob(pattern)
    )
    named = set(re.findall(r"[\"']([a-z0-9_]+)[\"']", pages))
    begun = tuple(re.findall(r"[\"']([a-z]+_)[\"'] ~", pages))
    said = {name for name in texts.PAGES if name in named or name.startswith(begun)}
    assert texts.PAGES.keys() - said == set()


def test_no_link_of_the_whole_site_is_broken_and_no_page_has_a_script(site):
    seen, open_ = set(), ["/zh/", "/en/"]
    while open_:
        address = open_.pop()
        if address in seen:
            continue
        seen.add(address)
        answer = read(site, address)
        if answer.content_type.startswith("text/html"):
            links = Links(answer.text)
            assert "script" not in links.tags, address
            local = [link for link in links.addresses if link.startswith("/")]
            assert local, address
            open_ += [link.split("#")[0] for link in local]
    assert {f"/{language}/{page}" for language in texts.LANGUAGES for page in PAGES} <= seen
    assert "/zh/projects/2020-P110000-0003" in seen
    assert "/en/circulars/LAUREL-2020-0001" in seen
    assert "/draws/plan-1.json" in seen


@pytest.mark.parametrize("page", ["register", "projects/2020-P110000-0004", "inspections/plan-1"])
def test_what_applicants_write_is_escaped(site, page):
    text = read(site, f"/en/{page}").text
    assert "<script>" not in text
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in text


def test_the_revoked_project_says_why_in_the_readers_language(site):
    english = read(site, "/en/projects/2020-P110000-0003").text
    chinese = read(site, "/zh/projects/2020-P110000-0003").text
    for word in ("Revoked", "failed inspection", "score 58.5 is below 60", "Beijing"):
        assert word in english
    for word in ("已撤销", "监督检查不合格", "得分58.5，低于60分", "北京市"):
        assert word in chinese


def test_a_circular_is_in_both_languages_on_one_page(site):
    text = read(site, "/zh/circulars/LAUREL-2020-0001").text
    assert text.index("关于撤销示范项目资格的通报") < text.index("Designation revoked")
    assert "通报〔2020〕第1号" in text


def test_no_page_shows_a_contacts_address(site):
    for page in (*PAGES, "projects/2020-P110000-0003", "circulars/LAUREL-2020-0001"):
        assert "contact@undertaker.example" not in read(site, f"/en/{page}").text


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("", 3),
        ("?q=&state=&direction=&unit=&programme=", 3),
        ("?state=REVOKED", 1),
        ("?q=script", 1),
        ("?q=%25", 0),
        ("?direction=4", 0),
        ("?unit=P110000&programme=2020", 3),
    ],
)
def test_the_register_is_searched_by_form(site, query, count):
    text = read(site, f"/en/register{query}").text
    found = set(re.findall(r'href="/en/projects/([^"]+)"', text))
    assert len(found) == count
    assert f"{count} found" in text or (count == 0 and "Nothing here yet." in text)


def test_the_register_goes_on_page_by_page_with_its_filter(site):
    first = read(site, "/en/register?unit=P110000&limit=2").text
    onward = re.search(r'rel="next" href="([^"]+)"', first).group(1).replace("&amp;", "&")
    assert "unit=P110000" in onward
    second = read(site, onward).text
    assert set(re.findall(r'href="/en/projects/([^"]+)"', second)) == {"2020-P110000-0005"}
    assert 'href="/en/register?unit=P110000"' in second


def test_the_language_switch_keeps_the_page_and_the_search(site):
    assert 'href="/zh/register?state=REVOKED"' in read(site, "/en/register?state=REVOKED").text


def test_lists_take_a_constant_number_of_queries(own_site, bench, said):
    def count(address):
        seen = []
        engine = bench.laurel.runtime("notification").database.engine
        note = lambda *arguments: seen.append(arguments[2])  # noqa: E731 - removed below
        sqlalchemy_event.listen(engine, "before_cursor_execute", note)
        read(own_site, address)
        sqlalchemy_event.remove(engine, "before_cursor_execute", note)
        return len(seen)

    addresses = ("/en/register", "/en/circulars", "/en/publicity", "/en/statistics", "/en/")
    before = {address: count(address) for address in addresses}
    for number in range(6, 16):
        project = f"2020-P110000-{number:04}"
        bench.receive(said.on_the_wire("project.revoked", 3, project=project))
    assert {address: count(address) for address in addresses} == before


@pytest.mark.parametrize(
    ("accepts", "language"),
    [("en-GB,en;q=0.9", "en"), ("zh-CN,zh;q=0.9,en;q=0.8", "zh"), ("fr", "zh"), ("", "zh")],
)
def test_bare_addresses_go_to_the_browsers_language(site, accepts, language):
    for address in (
        "/",
        "/register",
        "/about",
        "/projects/2020-P110000-0003",
        "/circulars/LAUREL-2020-0001",
    ):
        answer = read(site, address, 302, **{"Accept-Language": accepts})
        assert answer.headers["Location"] == f"/{language}{address}"


def test_a_missing_page_is_a_page_for_people_and_a_problem_for_programs(site):
    page = read(site, "/zh/nothing", 404)
    assert "没有这一页" in page.text
    assert read(site, "/en/projects/2020-P110000-9999", 404).content_type.startswith("text/html")
    program = site.get("/en/nothing", headers={"Accept": "application/json"})
    assert program.content_type == "application/problem+json"
    assert read(site, "/v1/register/none", 404).content_type == "application/problem+json"


def test_a_wrong_filter_or_cursor_is_told_on_a_page(site):
    assert "must be one of" in read(site, "/en/register?state=LOST", 422).text.lower()
    read(site, "/en/register?cursor=%21%21", 422)


def test_pages_forbid_scripts_frames_and_sniffing(site):
    headers = read(site, "/en/").headers
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    assert "script-src" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"


def test_a_rehearsal_is_called_one_on_every_page(site):
    for page in PAGES:
        assert "Rehearsal" in read(site, f"/en/{page}").text
        assert "演练环境" in read(site, f"/zh/{page}").text


def test_the_feed_is_atom_and_tells_of_the_circular(site):
    feed = ET.fromstring(read(site, "/en/feed.atom").text)
    (entry,) = feed.findall(f"{ATOM}entry")
    assert entry.find(f"{ATOM}id").text.endswith("/circulars/LAUREL-2020-0001")
    assert entry.find(f"{ATOM}title").text == "Designation revoked 互联网医院平台"


def test_the_registers_feed_tells_the_latest_changes_first(site):
    feed = ET.fromstring(read(site, "/zh/register.atom").text)
    entries = feed.findall(f"{ATOM}entry")
    told = [entry.find(f"{ATOM}updated").text for entry in entries]
    assert len(entries) == 3
    assert told == sorted(told, reverse=True)
    assert feed.find(f"{ATOM}updated").text == told[0]
    titles = {entry.find(f"{ATOM}title").text for entry in entries}
    assert "已撤销: 互联网医院平台" in titles
    addresses = [entry.find(f"{ATOM}link").get("href") for entry in entries]
    for address in addresses:
        read(site, address[address.index("/zh/") :])


def test_pictures_show_the_numbers_of_the_database(site):
    text = read(site, "/en/statistics").text
    told = dict(re.findall(r'<th scope="row">([^<]+)</th><td class="n">(\d+)</td>', text))
    assert told["Designated"] == "1"
    assert told["Revoked"] == "1"
    assert told["Under publicity"] == "1"
    assert told["Failed"] == "1"
    assert told["failed inspection"] == "1"
    assert told["Online medical services"] == "3"
    assert told["Beijing"] == "3"


def test_the_start_page_shows_how_far_the_newest_round_has_come(site):
    text = read(site, "/en/").text
    told = dict(re.findall(r'<th scope="row">([^<]+)</th><td class="n">(\d+)</td>', text))
    assert told == {
        "Applied": "3", "Publicised": "3", "Designated": "2", "In force now": "1", "Revoked": "1",
    }  # fmt: skip
    assert read_programme(DEFINITION.read_text())["name_en"] in text


def test_a_list_says_until_when_and_how_to_object(own_site, bench):
    text = read(own_site, "/en/publicity").text
    assert "Objections are taken until the end of 19 October 2020." in text
    assert "real name" in text
    bench.laurel.clock.set(bench.laurel.clock.now() + timedelta(days=30))
    assert (
        "Objections could be raised until 19 October 2020." in read(own_site, "/en/publicity").text
    )


def test_who_loses_the_place_by_an_objection_stays_on_the_list_and_is_called_so(
    own_site, bench, said
):
    project = "2020-P110000-0005"
    assert "Under publicity" in read(own_site, f"/en/projects/{project}").text
    bench.receive(said.on_the_wire("application.not_selected", 9, project=project))
    assert "Not selected" in read(own_site, "/en/publicity").text
    assert "Not selected" in read(own_site, f"/en/projects/{project}").text
    assert project not in read(own_site, "/en/register").text
    bench.receive(said.on_the_wire("application.resumed", 10, project=project))
    assert "Under publicity" in read(own_site, f"/en/projects/{project}").text
    assert project in read(own_site, "/en/register").text


def test_the_newest_circular_comes_first_also_after_the_ten_thousandth(own_site, bench):
    with bench.laurel.session("notification") as session:
        first = session.scalar(select(Circular))
        for serial in (2, 9_999, 10_000):
            columns = inspect(Circular).columns.keys()
            more = {name: getattr(first, name) for name in columns}
            number = f"LAUREL-2020-{serial:04d}"
            session.add(Circular(**more | {"number": number, "serial": serial, "epoch": serial}))
    shown, address = [], "/en/circulars?limit=1"
    while address:
        text = read(own_site, address).text
        shown += re.findall(r'href="/en/circulars/LAUREL-2020-(\d+)"', text)
        following = re.search(r'rel="next" href="([^"]+)"', text)
        address = following and following.group(1).replace("&amp;", "&") + "&limit=1"
    assert shown == ["10000", "9999", "0002", "0001"]
    listed = own_site.get("/v1/circulars").json["items"]
    assert [item["number"][-4:] for item in listed] == ["0001", "0002", "9999", "0000"]


def test_a_transcript_can_be_downloaded_once_it_is_drawn(own_site, bench, said):
    answer = read(own_site, "/draws/plan-1.json")
    assert answer.json == TRANSCRIPT
    assert "attachment" in answer.headers["Content-Disposition"]
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    unchanged = {"If-None-Match": answer.headers["ETag"]}
    assert own_site.get("/draws/plan-1.json", headers=unchanged).status_code == 304
    bench.receive(
        said.envelope("inspection.planned", PLANNED | {"plan": "plan-2"}, subject="plan-2")
    )
    assert read(own_site, "/draws/plan-2.json", 404).status_code == 404
    assert "Not drawn yet" in read(own_site, "/en/inspections/plan-2").text


def test_the_same_selection_of_the_register_comes_as_a_file(own_site, bench, said):
    bench.receive(
        said.on_the_wire("project.designated", 2, project="2020-P110000-0009", title='=1+1,"x"')
    )
    answer = read(own_site, "/en/register.csv")
    assert answer.mimetype == "text/csv"
    assert answer.text.startswith("\ufeffProject number,")
    rows = list(csv.DictReader(io.StringIO(answer.text.removeprefix("\ufeff"))))
    listed = own_site.get("/v1/register?limit=200").json["items"]
    assert [row["Project number"] for row in rows] == [line["project"] for line in listed]
    (odd,) = [row for row in rows if row["Project number"].endswith("0009")]
    assert odd["Project"] == '\'=1+1,"x"'
    chosen = read(own_site, "/zh/register.csv?state=REVOKED").text.splitlines()
    assert len(chosen) == 1 + len([line for line in listed if line["state"] == "REVOKED"])
    page = read(own_site, "/en/register?state=REVOKED&utm_source=mail").text
    assert 'href="/en/register.csv?state=REVOKED"' in page
    assert 'href="/v1/register?state=REVOKED"' in page


def test_a_search_without_a_hit_says_none_and_how_to_begin_anew(site):
    page = read(site, "/en/register?q=nothing-like-it").text
    assert "0 found" in page
    assert '<a href="/en/register">' in page


def test_a_revoked_project_tells_how_fast_each_outlet_followed(site):
    page = read(site, "/en/projects/2020-P110000-0003").text
    table = page.partition("How fast the revocation was acted on")[2].partition("</table>")[0]
    for outlet in ("Register", "Signed status list", "Circular"):
        assert outlet in table
    assert re.search(r'data-name="Seconds">(\d+\.\d|—)</td>', table)


@pytest.mark.parametrize(
    "address",
    ["/en/", "/zh/register", "/en/register.csv", "/en/feed.atom", "/zh/register.atom", "/site.css"],
)
def test_what_a_reader_has_already_is_not_sent_again(site, address):
    first = read(site, address)
    assert "public" in first.headers["Cache-Control"]
    assert first.headers["X-Content-Type-Options"] == "nosniff"
    again = site.get(address, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.data) == (304, b"")
    assert site.get(address, headers={"If-None-Match": '"old"'}).data == first.data


def test_whoever_switches_the_language_of_a_fault_stays_at_it(site):
    for address, status in (("/zh/nowhere", 404), ("/zh/register?direction=abc", 422)):
        answer = read(site, address, status, Accept="text/html")
        assert f'href="/en{address[3:].partition("?")[0]}"' in answer.text
    assert "无法识别" in answer.text


def test_a_circular_names_whose_act_it_was_when_another_carries_the_project_now(
    own_site, bench, said
):
    former, project = "91110000600037341L", "2020-P110000-0077"
    decision = said.decision() | {"acted_by": former}
    bench.receive(said.on_the_wire("project.designated", 3, project=project))
    bench.receive(said.on_the_wire("project.revoked", 4, project=project, decision=decision))
    circular = own_site.get("/v1/circulars").json["items"][-1]
    assert (circular["project"], circular["acted_by"]) == (project, former)
    text = read(own_site, f"/en/circulars/{circular['number']}").text
    assert f"{former}, which was the undertaker then" in text
    assert f"{former}（当时的承担主体）" in text
    other = read(own_site, "/en/circulars/LAUREL-2020-0001").text
    assert "which was the undertaker then" not in other


def test_the_history_says_why_a_project_was_designated(own_site, bench, said):
    project = "2020-P110000-0078"
    why = said.decision(None) | {"reasons_zh": ["公示期满"], "reasons_en": ["publicity ended"]}
    bench.receive(said.on_the_wire("project.designated", 3, project=project, decision=why))
    for language, words in (("en", "publicity ended"), ("zh", "公示期满")):
        text = read(own_site, f"/{language}/projects/{project}").text
        assert words in text[text.index('<ol class="history">') :]
