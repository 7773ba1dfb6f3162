"""Privacy settings."""

import pytest

from runtime.container import Container
from tests.support.api import Reader
from tests.support.rows import nothing_written

FIELDS = (
    "isPrivate allowFollowers defaultHighlightVisibility showHighlightsToFollowers contributeToPopular "
    "exportIncludesNotes exportIncludesTimestamps"
)
DEFAULTS = {
    "isPrivate": False,
    "allowFollowers": True,
    "defaultHighlightVisibility": "PRIVATE",
    "showHighlightsToFollowers": True,
    "contributeToPopular": True,
    "exportIncludesNotes": True,
    "exportIncludesTimestamps": True,
}


async def test_who_never_saved_any_has_the_defaults(ada: Reader) -> None:
    assert (await ada.run(f"{{ viewer {{ privacy {{ {FIELDS} }} }} }}"))["viewer"]["privacy"] == DEFAULTS


@pytest.mark.parametrize(
    ("name", "value"),
    [(name, not value if isinstance(value, bool) else "FOLLOWERS") for name, value in DEFAULTS.items()],
)
async def test_one_setting_changes_and_the_others_stay(ada: Reader, name: str, value: bool | str) -> None:
    nulls: dict[str, object] = dict.fromkeys(DEFAULTS)
    payload = await ada.mutate("updatePrivacy", f"privacy {{ {FIELDS} }}", **(nulls | {name: value}))
    assert payload == {"privacy": DEFAULTS | {name: value}, "userErrors": []}
    back = await ada.mutate("updatePrivacy", f"privacy {{ {FIELDS} }}", **{name: DEFAULTS[name]})
    assert back["privacy"] == DEFAULTS


async def test_an_edit_of_an_old_version_is_refused(ada: Reader, container: Container) -> None:
    seen = (await ada.run("{ viewer { user { version } } }"))["viewer"]["user"]["version"]
    await ada.mutate("updatePrivacy", "privacy { isPrivate }", isPrivate=True, expectedVersion=seen)
    async with nothing_written(container):
        payload = await ada.mutate("updatePrivacy", "privacy { isPrivate }", isPrivate=False, expectedVersion=seen)
    assert payload["privacy"] is None
    assert [(e["field"], e["code"]) for e in payload["userErrors"]] == [(["input", "expectedVersion"], "STALE_VERSION")]


async def test_signed_out_there_is_no_privacy_to_edit(nobody: Reader, container: Container) -> None:
    async with nothing_written(container):
        payload = await nobody.mutate("updatePrivacy", "privacy { isPrivate }", isPrivate=True)
    assert [e["code"] for e in payload["userErrors"]] == ["UNAUTHENTICATED"]
