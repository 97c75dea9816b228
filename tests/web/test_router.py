from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from batchite.web.problems import MalformedRequest, PathNotFound, VerbNotAllowed
from batchite.web.router import Router

FILE = "/jobs/{jobId}/tasks/{taskId}/files/{filePath...}"
ROUTES = [
    ("GET", "/jobs", "list jobs"),
    ("GET", "/jobs/{jobId}", "get job"),
    ("GET", "/jobs/special", "special job"),
    ("DELETE", "/jobs/{jobId}", "delete job"),
    ("GET", FILE, "get file"),
    ("HEAD", FILE, "file properties"),
    ("GET", "/jobs/{jobId}/tasks/{taskId}/notes/{name}", "note"),
]
router = Router(ROUTES)
# NUL cannot be part of any name; surrogates cannot be written in UTF-8
names = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), min_size=1)


def test_literals_win_over_parameters() -> None:
    assert router.match("GET", "/jobs/special").target == "special job"
    assert router.match("GET", "/jobs/other").target == "get job"
    assert router.match("DELETE", "/jobs/special").params == {"jobId": "special"}


def test_an_encoded_slash_stays_in_its_segment() -> None:
    match = router.match("GET", "/jobs/j/tasks/t/files/wd%2Fa%20b%2Fx.txt")
    assert match.target == "get file"
    assert match.params == {"jobId": "j", "taskId": "t", "filePath": "wd/a b/x.txt"}


@pytest.mark.parametrize("path", ["wd%2Fa%20b%2Fx.txt", "wd/a%20b/x.txt", "wd/a%20b%2Fx.txt"])
def test_a_path_within_the_path_is_the_rest_of_it(path: str) -> None:
    match = router.match("HEAD", f"/jobs/j/tasks/t/files/{path}")
    assert match.target == "file properties"
    assert match.params == {"jobId": "j", "taskId": "t", "filePath": "wd/a b/x.txt"}


def test_only_what_takes_the_rest_takes_more_than_a_segment() -> None:
    assert router.match("GET", "/jobs/j/tasks/t/notes/n").target == "note"
    with pytest.raises(PathNotFound):
        router.match("GET", "/jobs/j/tasks/t/notes/n/m")
    with pytest.raises(VerbNotAllowed) as caught:
        router.match("DELETE", "/jobs/j/tasks/t/files/a/b")
    assert caught.value.allowed == ("GET", "HEAD")


def test_segments_are_decoded_once() -> None:
    assert router.match("GET", "/jobs/%252F+").params == {"jobId": "%2F+"}


def test_head_is_a_verb_of_its_own() -> None:
    assert router.match("HEAD", "/jobs/j/tasks/t/files/f").target == "file properties"
    with pytest.raises(VerbNotAllowed) as caught:
        router.match("HEAD", "/jobs/j")
    assert caught.value.allowed == ("DELETE", "GET")


@pytest.mark.parametrize("path", ["", "/", "/job", "/jobs/", "/jobs/a/b", "//jobs", "/jobs/../jobs/x"])
def test_other_shapes_are_not_found(path: str) -> None:
    if path == "/jobs/":
        assert router.match("GET", path).params == {"jobId": ""}
        return
    with pytest.raises(PathNotFound):
        router.match("GET", path)


@pytest.mark.parametrize("segment", ["%", "%2", "%zz", "%ff", "%c0%af", "a%00b"])
def test_broken_encoding_is_refused(segment: str) -> None:
    with pytest.raises(MalformedRequest):
        router.match("GET", f"/jobs/{segment}")


def test_a_route_cannot_be_given_twice() -> None:
    with pytest.raises(ValueError, match="two routes"):
        Router([*ROUTES, ("GET", "/jobs/{other}", "again")])


@given(names, names, names)
def test_any_name_comes_back_as_it_was(job: str, task: str, path: str) -> None:
    encoded = [quote(part, safe="") for part in (job, task, path)]
    match = router.match("GET", "/jobs/{}/tasks/{}/files/{}".format(*encoded))
    assert match.params == {"jobId": job, "taskId": task, "filePath": path}


@given(st.sampled_from(["GET", "HEAD", "DELETE", "PATCH"]), st.text("/%.ajobstkfile02", max_size=40))
def test_every_path_has_a_defined_outcome(verb: str, path: str) -> None:
    try:
        match = router.match(verb, f"/{path}")
    except (PathNotFound, VerbNotAllowed, MalformedRequest):
        return
    assert match.target in {route[2] for route in ROUTES if route[0] == verb}
