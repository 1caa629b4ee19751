"""A project that lists patches: its folder, its list, its lock, and the commands that work by them."""

from dataclasses import dataclass
from pathlib import Path

from tests.conftest import Answer, snapshot
from tests.support import Patchkit

DFL, SYNC_BN, PADDLE = "yolov10-dfl", "ultralytics-sync-bn", "ppyoloe-masked-select"


@dataclass(frozen=True)
class Project:
    folder: Path
    patchkit: Patchkit
    env: dict[str, str] | None = None

    @property
    def file(self) -> Path:
        return self.folder / "patchkit.toml"

    @property
    def lock(self) -> Path:
        return self.folder / "patchkit.lock"

    def wants(self, *tables: str) -> "Project":
        """List these patches: an id, or an id and more lines of its table."""
        entries = []
        for table in tables:
            id, _, rest = table.partition("\n")
            entries.append(f'[[patch]]\nid = "{id}"\n{rest}\n')
        self.file.write_text("\n".join(entries))
        return self

    def run(self, *arguments: str | Path) -> Answer:
        return self.patchkit(*arguments, cwd=self.folder, env=self.env)

    def sync(self, *arguments: str | Path) -> list[str]:
        """The outcomes of a sync that must succeed."""
        answer = self.run("sync", *arguments, "--format", "json")
        assert answer.code == 0, answer.out + answer.err
        return answer.outcomes


def relative(folder: Path) -> dict[str, tuple[str, int, str]]:
    """What is below a folder by relative path, bytecode left out: its bytes tell the time."""
    seen = snapshot(folder).items()
    return {
        path.removeprefix(f"{folder}/"): entry
        for path, entry in seen
        if not path.endswith(".pyc") and "__pycache__" not in path
    }
