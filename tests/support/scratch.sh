#!/usr/bin/env bash
# A scratch copy of the project in FOLDER with PARAMS as its params.yaml: a git repository of its own,
# without anybody's results or cache.   tests/support/scratch.sh FOLDER PARAMS
set -euo pipefail
folder=$1 params=$2
rm -rf "$folder" && mkdir -p "$folder"
git ls-files -z --cached --others --exclude-standard -- . ':!results' ':!dvc.lock' |
    tar --create --null --files-from - | tar --extract --directory "$folder"
cp "$params" "$folder/params.yaml"
cd "$folder"
git init --quiet --initial-branch main
git add --all
git -c user.name=scratch -c user.email=scratch@localhost commit --quiet --message 'Scratch copy'
