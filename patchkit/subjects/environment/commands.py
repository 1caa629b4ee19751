"""How a shell is told to cure an environment: with the tool that made it, and the Python that runs it."""

import re
import shlex
from dataclasses import dataclass

from patchkit.subjects.environment.package import Package


@dataclass(frozen=True)
class Commands:
    """The commands of one environment, as they are typed."""

    executable: str  # its Python; empty: not known
    has_pip: bool
    pip_is_on_path: bool  # the `pip` that a shell finds is that of this environment
    is_of_uv: bool
    folder: str
    arguments: str  # that name the target to patchkit: " --python .venv"
    of_conda: frozenset[str] = frozenset()  # the distributions that conda installed
    prefix: str = ""  # of an environment of conda

    def install(
        self, *requirements: str, force: bool = False, no_deps: bool = False, is_dry: bool = False, index: str = ""
    ) -> str:
        """Install from an index, or a page of links. What conda installed is left to conda."""
        if not index and all(re.split("[<>=!~ @]", one)[0] in self.of_conda for one in requirements):
            return self.conda(*(one.replace("==", "=") for one in requirements), force=force)
        options = [*(["--force-reinstall"] if force else []), *(["--no-deps"] if no_deps else [])]
        if self.is_of_uv:
            options = [*(["--reinstall"] if force else []), *(["--no-deps"] if no_deps else [])]
        options += [*(["--dry-run"] if is_dry else []), *([_option(index), index] if index else [])]
        return f"{self._pip('install')}{_joined(options)}{_joined(requirements)}"

    def uninstall(self, *packages: Package) -> str:
        """Take packages away. In a folder without a Python pip cannot: an install over them then replaces the files."""
        if not self.executable and not self.is_of_uv:
            return f"rm -r{_joined([str(package.info) for package in packages])}"
        theirs = [package.name for package in packages if package.name in self.of_conda]
        names = [package.name for package in packages if package.name not in theirs]
        remove = [f"conda remove --force{self._place}{_joined(theirs)}"] if theirs else []
        if not names:
            return " && ".join(remove)
        ours = f"{self._pip('uninstall')}{'' if self.is_of_uv else ' -y'}{_joined(names)}"
        return " && ".join([*remove, ours])

    def reinstall(self, package: Package) -> str:
        """The same release once more, from where it came."""
        if package.name in self.of_conda or package.installer == "conda":
            return self.conda(f"{package.name}={package.version}", force=True)
        origin = package.origin
        requirement = f"{package.name}=={package.version}"
        if origin is not None and origin.editable is None:
            url = f"{origin.system}+{origin.url}@{origin.commit}" if origin.system else origin.url
            requirement = f"{package.name} @ {url}"
        from patchkit.subjects.environment.indexes import index_of

        index = index_of(package) if origin is None else ""
        return self.install(requirement, force=True, no_deps=True, index=index)

    def conda(self, *requirements: str, channels: tuple[str, ...] = (), force: bool = False) -> str:
        options = [*(["--force-reinstall"] if force else []), *(word for name in channels for word in ("-c", name))]
        return f"conda install{self._place}{_joined(options)}{_joined(requirements)}"

    @property
    def _place(self) -> str:
        return f" --prefix {shlex.quote(self.prefix)}" if self.prefix else ""

    def patchkit(self, *words: str) -> str:
        return f"patchkit{_joined(words)}{self.arguments}"

    def _pip(self, action: str) -> str:
        python = shlex.quote(self.executable)
        if self.is_of_uv:
            return (
                f"uv pip {action} --python {python}"
                if self.executable
                else f"uv pip {action} --target {shlex.quote(self.folder)}"
            )
        if not self.executable:
            return f"pip {action}" + (f" --upgrade --target {shlex.quote(self.folder)}" if action == "install" else "")
        if self.has_pip:
            return f"pip {action}" if self.pip_is_on_path else f"{python} -m pip {action}"
        return f"pip --python {python} {action}"


def _joined(words: "tuple[str, ...] | list[str]") -> str:
    return "".join(f" {shlex.quote(word)}" for word in words)


def _option(index: str) -> str:
    return "--find-links" if index.endswith(".html") else "--index-url"
