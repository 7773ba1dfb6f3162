"""Avatars: sent, drawn anew, shown so that no browser runs them, replaced, taken away."""

import io
from typing import Any
from urllib.parse import urlsplit

import pytest
from aiohttp import ClientResponse
from PIL import Image

from core.ids import global_id, uuid7
from runtime.container import Container
from tests.support.api import Reader
from tests.support.rows import nothing_written, sql
from tests.support.uploads import announce, files_of, picture, put, stored_keys, upload

AVATAR = "{ viewer { user { avatarUrl version } } }"


async def set_avatar(reader: Reader, media_id: str | None, **more: Any) -> Any:
    return await reader.mutate("updateProfile", "user { avatarUrl version }", avatarMediaId=media_id, **more)


async def with_avatar(reader: Reader, data: bytes, content_type: str = "image/png") -> str:
    payload = await set_avatar(reader, await upload(reader, data, content_type, "AVATAR"))
    assert not payload["userErrors"], payload
    url: str = payload["user"]["avatarUrl"]
    return url


async def show(reader: Reader, url: str, **headers: str) -> ClientResponse:
    return await reader.http.get(urlsplit(url).path, headers=headers)


async def test_an_avatar_is_shown_to_everybody_who_sees_the_name(ada: Reader, ben: Reader, nobody: Reader) -> None:
    url = await with_avatar(ada, picture(size=(900, 700)))
    assert url.startswith(f"http://127.0.0.1:{ada.http.port}/media/")
    await ada.mutate("updatePrivacy", "privacy { isPrivate }", isPrivate=True)
    for reader in (ada, ben, nobody):
        seen = await reader.run('{ user(username: "ada") { avatarUrl bio } }')
        assert seen["user"] == {"avatarUrl": url, "bio": ""}
    response = await show(nobody, url)
    drawn = Image.open(io.BytesIO(await response.read()))
    assert (response.status, drawn.format, drawn.size) == (200, "WEBP", (512, 512))


async def test_a_picture_is_served_so_that_no_browser_runs_it(ada: Reader, nobody: Reader) -> None:
    url = await with_avatar(ada, picture())
    response = await show(nobody, url, **{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"})
    assert response.status == 200
    assert {
        name: response.headers.get(name)
        for name in (
            "Content-Type",
            "X-Content-Type-Options",
            "Content-Security-Policy",
            "Content-Disposition",
            "Cross-Origin-Resource-Policy",
            "Cache-Control",
            "Set-Cookie",
        )
    } == {
        "Content-Type": "image/webp",
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Content-Disposition": "inline",
        "Cross-Origin-Resource-Policy": "cross-origin",
        "Cache-Control": "public, max-age=31536000, immutable",
        "Set-Cookie": None,
    }
    again = await show(nobody, url, **{"If-None-Match": response.headers["ETag"]})
    assert (again.status, await again.read()) == (304, b"")
    assert (await show(nobody, url, **{"If-None-Match": '"other"'})).status == 200
    head = await nobody.http.head(urlsplit(url).path)
    assert (head.status, head.headers["Content-Length"]) == (200, response.headers["Content-Length"])


@pytest.mark.parametrize(
    "name", ["x", "..%2f..%2fsecret-key", "%2e%2e/secret-key", "A" * 32 + ".webp", "A" * 32, "A" * 29 + "%00.webp"]
)
async def test_what_is_no_picture_is_not_found(ada: Reader, name: str) -> None:
    await with_avatar(ada, picture())
    response = await ada.http.get(f"/media/{name}")
    assert response.status == 404
    assert response.headers["Content-Type"].startswith("application/json")


async def test_a_file_to_import_has_no_address(ada: Reader, container: Container) -> None:
    await upload(ada, b"words")
    (key,) = await stored_keys(container)
    for path in (f"/media/{key}", f"/media/{key.partition('/')[2]}", f"/media/{key.partition('/')[2]}.webp"):
        assert (await ada.http.get(path)).status == 404


async def test_a_replaced_avatar_is_nobodys_and_so_is_one_taken_away(ada: Reader, container: Container) -> None:
    first = await with_avatar(ada, picture())
    second = await with_avatar(ada, picture(size=(30, 30)))
    assert first != second
    assert await owned(container) == [f"images/{second.rpartition('/')[2]}"]
    cleared = await set_avatar(ada, None)
    assert cleared == {"user": cleared["user"], "userErrors": []}
    assert cleared["user"]["avatarUrl"] is None
    assert await owned(container) == []
    assert await sql(container, "SELECT id FROM media") == []


async def owned(container: Container) -> list[str]:
    return [row.key for row in await sql(container, "SELECT key FROM stored_files WHERE media_id IS NOT NULL")]


async def test_the_same_avatar_again_changes_nothing_about_it(ada: Reader, container: Container) -> None:
    media_id = await upload(ada, picture(), "image/png", "AVATAR")
    url = (await set_avatar(ada, media_id))["user"]["avatarUrl"]
    again = await set_avatar(ada, media_id)
    assert (again["user"]["avatarUrl"], again["userErrors"]) == (url, [])
    assert len(await owned(container)) == 1


async def test_an_edit_without_an_avatar_leaves_it(ada: Reader) -> None:
    url = await with_avatar(ada, picture())
    await ada.mutate("updateProfile", "user { id }", bio="Reads by the sea.")
    assert (await ada.run(AVATAR))["viewer"]["user"]["avatarUrl"] == url


async def test_what_is_no_uploaded_avatar_of_the_readers_is_refused_and_nothing_changes(
    ada: Reader, ben: Reader, container: Container
) -> None:
    url = await with_avatar(ada, picture())
    bens = await upload(ben, picture(), "image/png", "AVATAR")
    other = await upload(ada, picture(), "image/png", "POST_IMAGE")
    pending = (await announce(ada, 9, "image/png", "AVATAR"))["mediaId"]
    for media_id, code, message in [
        (bens, "NOT_FOUND", "There is no such upload."),
        (global_id("Media", uuid7()), "NOT_FOUND", "There is no such upload."),
        (other, "INVALID", "This file was uploaded for a post, not for an avatar."),
        (pending, "INVALID", "Upload the file first."),
        (ada.id, "INVALID", "This is the id of a User; a Media is needed here."),
        ("nonsense", "INVALID", "This is not an id that this server gave out."),
    ]:
        async with nothing_written(container):
            payload = await set_avatar(ada, media_id, bio="Not kept.")
        assert payload == {
            "user": None,
            "userErrors": [{"field": ["input", "avatarMediaId"], "message": message, "code": code}],
        }
    assert (await ada.run(AVATAR))["viewer"]["user"]["avatarUrl"] == url


async def test_an_app_of_an_allowed_origin_may_send_a_file_and_a_strange_page_may_not(
    ada: Reader, container: Container
) -> None:
    made = await announce(ada, 5)
    strange = {"Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
    async with nothing_written(container):
        assert (await put(ada, made["uploadUrl"], b"words", **strange)).status == 403
    assert files_of(container) == set()
    own = {"Origin": f"http://127.0.0.1:{ada.http.port}"}
    preflight = await ada.http.options(
        urlsplit(made["uploadUrl"]).path, headers={**own, "Access-Control-Request-Method": "PUT"}
    )
    assert "PUT" in preflight.headers["Access-Control-Allow-Methods"]
    response = await put(ada, made["uploadUrl"], b"words", **own)
    assert (response.status, response.headers["Access-Control-Allow-Origin"]) == (200, own["Origin"])
