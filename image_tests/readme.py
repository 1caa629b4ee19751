"""The code blocks of the README's sections about images and CI: what the tests run, word for word."""

import re

from tests.conftest import REPOSITORY

SECTION = (REPOSITORY / "README.md").read_text().partition("\n## In a Dockerfile\n")[2].partition("\n## ")[0]


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```\n", SECTION, flags=re.DOTALL)


DOCKERFILES = blocks("dockerfile")
(LIST,) = blocks("toml")
YOLO, YOLO_MOUNTED, PADDLE, PADDLE_MOUNTED, WITH_PIP, WITH_UV, WITH_CONDA = DOCKERFILES
WORKFLOW, HOOK = blocks("yaml")
