#!/usr/bin/env bash
# What a user does, from installation to revert, in throw-away environments under .cache/demo.
# Every command is printed before it runs; the demo fails when one ends with another exit code than it should.
set -euo pipefail

checkout=$(cd "$(dirname "$0")/.." && pwd)
python=${PYTHON:-python3}
work=$checkout/.cache/demo
pip_install=(-m pip install -qq --disable-pip-version-check)  # errors only

step() {  # step EXIT_CODE COMMAND...
    local expected=$1 code=0
    shift
    printf '\n$ %s\n' "$*"
    "$@" 2>&1 || code=$?
    [ "$code" -eq 0 ] || printf '[exit code %s]\n' "$code"
    if [ "$code" -ne "$expected" ]; then
        printf 'demo: exit code %s was expected\n' "$expected" >&2
        exit 1
    fi
}

"$python" -c 'import sys; sys.exit("patchkit needs Python 3.10 or newer: make demo PYTHON=python3.11" if sys.version_info < (3, 10) else 0)'
unset PYTHONPATH VIRTUAL_ENV
rm -rf "$work"
mkdir -p "$work/source"

echo '== tool: an environment with patchkit, built from this checkout'
"$python" -m venv "$work/tool"
# From a copy, because a build leaves its folders beside the source.
(cd "$checkout" && cp -R pyproject.toml README.md LICENSE patchkit patches "$work/source")
"$work/tool/bin/python" "${pip_install[@]}" "$work/source"

echo '== env: an environment with the published wheel of ultralytics 8.2.50, without its dependencies'
"$python" -m venv "$work/env"
"$work/env/bin/python" "${pip_install[@]}" --no-deps ultralytics==8.2.50

cd "$work"
packages=$(echo env/lib/python*/site-packages)
cp -R "$packages" pristine
export PATH="$work/tool/bin:$PATH" PYTHONUNBUFFERED=1  # unbuffered: both streams in the order they are written

step 0 patchkit show yolov10-dfl | sed -n '1,26p; 27s/.*/.../p'
step 1 patchkit apply yolov10-dfl --python env --diff
step 0 patchkit apply yolov10-dfl --python env
step 0 patchkit status --python env
step 0 patchkit verify --python env
step 0 cat "$packages/.patchkit/ledger.json"
step 0 patchkit apply yolov10-dfl --python env
step 0 patchkit apply ultralytics-sync-bn --python env
step 0 grep sync_bn "$packages/ultralytics/cfg/default.yaml"
step 0 patchkit revert yolov10-dfl --python env
step 0 patchkit verify --python env
step 0 patchkit revert --all --python env
step 0 patchkit status --python env
step 0 diff -r -x __pycache__ pristine "$packages"

echo
echo '== notebook: a cell that trains with labels of -1'
mkdir course
cp "$checkout/patches/cross_entropy_ignore_index/examples/notebook/before.ipynb" course/train.ipynb
step 1 patchkit apply cross-entropy-ignore-index --path course --diff
step 0 patchkit apply cross-entropy-ignore-index --path course
step 0 patchkit revert --all --path course
step 0 cmp course/train.ipynb "$checkout/patches/cross_entropy_ignore_index/examples/notebook/before.ipynb"

printf '\ndemo: every command ended as it should, and every file is byte for byte what pip had installed\n'
