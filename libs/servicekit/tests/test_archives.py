import io
import tarfile
from pathlib import Path

import pytest

from slotstream_servicekit.infrastructure.archives import unpack


def _archive(name: str) -> tarfile.TarFile:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = 2
        archive.addfile(member, io.BytesIO(b"hi"))
    packed.seek(0)
    return tarfile.open(fileobj=packed)


def test_an_archive_is_unpacked(tmp_path: Path) -> None:
    unpack(_archive("bin/server"), tmp_path)

    assert (tmp_path / "bin" / "server").read_text() == "hi"


def test_a_python_that_knows_no_filter_unpacks_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Debian 12 has 3.11.2; the filters came with 3.11.4."""
    monkeypatch.delattr(tarfile, "data_filter", raising=False)

    unpack(_archive("bin/server"), tmp_path)

    assert (tmp_path / "bin" / "server").exists()


@pytest.mark.skipif(not hasattr(tarfile, "data_filter"), reason="this Python refuses nothing")
def test_a_member_outside_the_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(tarfile.TarError):
        unpack(_archive("../outside"), tmp_path / "inside")

    assert not (tmp_path / "outside").exists()
