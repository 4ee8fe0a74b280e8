"""Two people review a case in a real browser; every page they see is judged by axe."""

from __future__ import annotations

import pytest

from browser import assert_accessible, sign_in
from tutela.provider import decisions
from tutela.provider.models import Appeal, Case

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
PASSWORD = "correct horse battery staple"


@pytest.fixture
def visit(page, live_server, person):
    """Return a function that signs another person in, after signing the last one out."""
    for roles, name in ((["reviewer"], "ada"), (["reviewer"], "berit"), (["supervisor"], "sam")):
        person(*roles, name=name)

    def go(name: str, route: str = "/") -> None:
        page.context.clear_cookies()
        sign_in(page, live_server.url, name, PASSWORD)
        page.goto(live_server.url + route)

    return go


def decide(page) -> None:
    page.get_by_label("They agree with the listed entries").check()
    page.get_by_label("Reason").fill("The derivative agrees with the entry.")
    page.get_by_role("button", name="Record my decision").click()


def test_review_as_two_people(service, page, live_server, visit) -> None:
    case = service.case()
    visit("ada")
    assert_accessible(page)
    page.get_by_role("link", name=case.reference).click()
    assert_accessible(page)

    picture = page.get_by_role("figure", name="Picture 1")
    image = picture.locator("img")
    assert "blur(28px)" in image.evaluate("element => getComputedStyle(element).filter")
    picture.get_by_role("button", name="Show").click()
    page.wait_for_timeout(600)
    with page.expect_response(lambda answer: answer.url.endswith("/opened")) as logged:
        picture.get_by_role("button", name="Confirm").click()
    assert logged.value.status == 204
    picture.get_by_role("button", name="Hide").wait_for()
    assert "blur" not in image.evaluate("element => getComputedStyle(element).filter")
    assert image.evaluate("element => element.naturalWidth") > 0

    page.get_by_role("button", name="Record my decision").click()
    assert_accessible(page)
    assert page.title().startswith("Error:")
    decide(page)
    page.get_by_text("A second, different person has to decide").wait_for()
    assert_accessible(page)
    assert Case.objects.get().state == "review"

    visit("berit", f"/cases/{case.reference}")
    decide(page)
    page.get_by_text("The derivatives are no longer shown").wait_for()
    assert Case.objects.get().state == "confirmed"
    service.work_until_idle()

    visit("sam", f"/cases/{case.reference}/history")
    page.get_by_role("heading", name="ada").wait_for()
    assert_accessible(page)
    assert page.get_by_text("case.decided").count() == 2


def test_the_same_person_in_two_windows_is_refused(service, page, live_server, visit) -> None:
    case = service.case()
    visit("ada", f"/cases/{case.reference}")
    second = page.context.new_page()
    second.goto(page.url)
    decide(page)
    decide(second)
    second.get_by_text("You have already decided this case").wait_for()
    assert_accessible(second)


def test_an_appeal(service, page, live_server, visit) -> None:
    case = service.case()
    from tutela.console.models import User

    for name in ("ada", "berit"):
        service.decide(case, User.objects.get(username=name))
    case.refresh_from_db()
    page.goto(f"{live_server.url}/appeal/{decisions.appeal_token(case)}")
    assert_accessible(page)
    page.get_by_label("Why is the decision wrong?").fill("It is a photograph of my garden.")
    page.get_by_role("button", name="Send the appeal").click()
    page.get_by_text("waiting for a supervisor").wait_for()
    assert_accessible(page)

    visit("sam", "/appeals")
    assert_accessible(page)
    page.get_by_role("link", name="Decide").click()
    assert_accessible(page)
    page.get_by_label("Uphold").check()
    page.get_by_label("Answer to the account holder").fill("You are right. The case is reversed.")
    page.get_by_role("button", name="Decide the appeal").click()
    page.get_by_text("The appeal is decided.").wait_for()
    assert Appeal.objects.get().state == "upheld"
    page.goto(live_server.url + "/service")
    assert_accessible(page)
